//! Where the tokens of a JSONata text stand: the parser itself does not say it of what it objects to.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or a `$variable`.
    Name,
    Literal,
    Regex,
    Operator,
}

#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub kind: Kind,
    /// In bytes of the text.
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

const PAIRS: [&str; 9] = ["..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"];
const SINGLES: &str = ".[]{}(),@#;:?+-*/%|=<>^&!~";

/// One that does not end is a token up to the end of the text.
pub fn of(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let rest = &text[at..];
        if rest.starts_with("/*") && rest[2..].contains("*/") {
            at += rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
            continue;
        }
        let (kind, length) = next(rest, c, tokens.last().map(|last| (last.kind, last.text(text))));
        tokens.push(Token { kind, start: at, end: at + length });
        at += length;
    }
    tokens
}

fn next(rest: &str, first: char, last: Option<(Kind, &str)>) -> (Kind, usize) {
    match first {
        '"' | '\'' => (Kind::Literal, quoted(rest, first, true)),
        '`' => (Kind::Name, quoted(rest, first, false)),
        '0'..='9' => (Kind::Literal, number(rest)),
        '/' if rest.starts_with("/*") => (Kind::Operator, rest.len()),
        '/' if !ends_a_value(last) => (Kind::Regex, regex(rest)),
        _ if PAIRS.iter().any(|pair| rest.starts_with(pair)) => (Kind::Operator, 2),
        _ if SINGLES.contains(first) => (Kind::Operator, first.len_utf8()),
        _ => {
            let end = rest.find(|c: char| c.is_whitespace() || SINGLES.contains(c) || "\"'`".contains(c));
            (Kind::Name, end.unwrap_or(rest.len()))
        }
    }
}

/// Whether a slash behind this divides: a regular expression stands where a value begins.
fn ends_a_value(last: Option<(Kind, &str)>) -> bool {
    match last {
        None => false,
        Some((Kind::Operator, text)) => matches!(text, ")" | "]" | "}" | "%" | "*" | "**"),
        Some((_, text)) => !matches!(text, "and" | "or" | "in"),
    }
}

fn quoted(rest: &str, quote: char, escapes: bool) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if escapes => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// As JSON has it: the point is the number's only when a digit follows, as it does not in `1..3`.
fn number(rest: &str) -> usize {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if rest[end..].starts_with('.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let power = digits(end + 1 + sign);
        if power > 0 {
            end += 1 + sign + power;
        }
    }
    end
}

/// A slash within brackets of any kind does not end it.
fn regex(rest: &str) -> usize {
    let end = slashes(rest).find(|(_, depth)| *depth == 0).map(|(at, _)| at);
    end.map_or(rest.len(), |at| {
        at + 1 + rest[at + 1..].chars().take_while(|c| c.is_ascii_alphabetic()).count()
    })
}

/// The slashes of a regular expression that stand for themselves without an escape.
pub fn bare_slashes(regex: &str) -> impl Iterator<Item = usize> {
    slashes(regex).take_while(|(_, depth)| *depth > 0).map(|(at, _)| at)
}

/// The slashes behind the first one that are not escaped, and how many brackets are open there.
fn slashes(regex: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut depth = 0usize;
    let mut escaped = false;
    regex.char_indices().skip(1).filter_map(move |(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '/' => return Some((at, depth)),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_tokens_are() {
        let cases = [
            ("a.b", vec!["a", ".", "b"]),
            ("$x:=1..3", vec!["$x", ":=", "1", "..", "3"]),
            ("1.5e-3/2", vec!["1.5e-3", "/", "2"]),
            ("/* c */'it\\'s' & \"/\"", vec!["'it\\'s'", "&", "\"/\""]),
            ("a ~> /x[/]y\\//i.b", vec!["a", "~>", "/x[/]y\\//i", ".", "b"]),
            ("(a)/b/c", vec!["(", "a", ")", "/", "b", "/", "c"]),
            ("a and /b/", vec!["a", "and", "/b/"]),
            ("`a b`^(>c)", vec!["`a b`", "^", "(", ">", "c", ")"]),
            ("'open", vec!["'open"]),
            ("1 /* open", vec!["1", "/* open"]),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> = of(text).iter().map(|token| token.text(text)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
