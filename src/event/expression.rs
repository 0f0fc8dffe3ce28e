//! A JSONata expression that is known to parse. What is wrong with one is said with its place, in front of the commit
//! of whatever holds it. Nothing is evaluated here: that is `jsonata`'s.

mod tokens;
mod told;

use std::fmt;
use std::sync::Arc;

use jsonata_core::functions::string::build_regex;
use jsonata_core::parser::{self, ParserError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use self::tokens::{Kind, Token};
use crate::limits::EXPRESSION_BYTES_MAX;

/// Kept and shown as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expression(Arc<str>);

/// Why a text is no expression, and where: lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JSONata {code}, line {line}, column {column}: {reason}")]
pub struct SyntaxError {
    /// As the reference implementation has it; a word where it has none.
    pub code: String,
    pub reason: String,
    pub line: usize,
    pub column: usize,
}

impl Expression {
    pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let reason =
                format!("the expression has {} bytes, and may have {EXPRESSION_BYTES_MAX}", text.len());
            return Err(SyntaxError { code: "too-long".into(), reason, line: 1, column: 1 });
        }
        let tokens = tokens::of(text);
        let readable = readable(text, &tokens);
        if let Err(error) = parser::parse(&readable) {
            return Err(explain(text, &tokens, &error));
        }
        check_assignments(text, &tokens)?;
        check_regexes(text, &tokens)?;
        Ok(Expression(text.into()))
    }

    /// The text as the parser takes it.
    pub fn readable(&self) -> String {
        readable(&self.0, &tokens::of(&self.0))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expression, D::Error> {
        Expression::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The parser ends a regular expression at its first slash, also within brackets, where JSONata has it stand for itself.
fn readable(text: &str, tokens: &[Token]) -> String {
    let mut readable = String::with_capacity(text.len());
    let mut copied = 0;
    for token in tokens.iter().filter(|token| token.kind == Kind::Regex) {
        for slash in tokens::bare_slashes(token.text(text)) {
            readable.push_str(&text[copied..token.start + slash]);
            readable.push('\\');
            copied = token.start + slash;
        }
    }
    readable.push_str(&text[copied..]);
    readable
}

fn explain(text: &str, tokens: &[Token], error: &ParserError) -> SyntaxError {
    let culprit = match error {
        // Of a whole path: a longer one may be right.
        ParserError::Coded { code: "S0217", .. } => tokens.iter().find(|token| token.text(text) == "%"),
        // Of the whole, wherever it has become too much.
        _ if error.to_string().contains("U1002") => tokens.first(),
        _ => culprit(text, tokens),
    };
    let (code, reason) = told::of(error, culprit.map(|token| token.text(text)));
    at_place(text, culprit.map_or(text.trim_end().len(), |token| token.start), code, reason)
}

/// The token at which the parser gives up, which does not say where it stands: the last of the shortest beginning of the
/// text that no continuation could save. None when that is the end of the text.
fn culprit<'a>(text: &str, tokens: &'a [Token]) -> Option<&'a Token> {
    let beginning = |count: usize| match count.checked_sub(1).and_then(|last| tokens.get(last)) {
        Some(last) => readable(&text[..last.end], &tokens[..count]),
        None => String::new(),
    };
    let fails =
        |count: usize| parser::parse(&beginning(count)).is_err_and(|error| !told::is_about_the_end(&error));
    // Each beginning that contains the culprit fails because of it: the shortest one ends with it.
    let (mut good, mut bad) = (0, tokens.len());
    if !fails(bad) {
        return None;
    }
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        if fails(middle) { bad = middle } else { good = middle }
    }
    tokens.get(good)
}

/// The parser leaves this one to the evaluation.
fn check_assignments(text: &str, tokens: &[Token]) -> Result<(), SyntaxError> {
    let wrong = tokens.windows(2).find(|pair| {
        pair[1].text(text) == ":=" && !(pair[0].kind == Kind::Name && pair[0].text(text).starts_with('$'))
    });
    match wrong {
        None => Ok(()),
        Some(pair) => {
            let reason = "the left side of `:=` must be a variable, such as `$x`".to_string();
            Err(at_place(text, pair[0].start, "S0212".into(), reason))
        }
    }
}

/// The engine's regular expressions take time in proportion to the text, which is why they have no look-around and no
/// back-references; whoever uses these hears of it before the first event does.
fn check_regexes(text: &str, tokens: &[Token]) -> Result<(), SyntaxError> {
    for token in tokens.iter().filter(|token| token.kind == Kind::Regex) {
        let regex = readable(token.text(text), &[Token { start: 0, end: token.end - token.start, ..*token }]);
        let Some((pattern, flags)) = regex[1..].rsplit_once('/') else { continue };
        if let Err(error) = build_regex(pattern, flags) {
            let said = error.to_string();
            // The crate shows the pattern, with a mark below, and says what is wrong in its last line.
            let last = said.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            let reason = format!("this regular expression is not supported: {reason}");
            return Err(at_place(text, token.start, "regex".into(), reason));
        }
    }
    Ok(())
}

fn at_place(text: &str, at: usize, code: String, reason: String) -> SyntaxError {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    SyntaxError {
        code,
        reason,
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_expression() {
        let deep = format!("{}1{}", "(".repeat(200), ")".repeat(200));
        let cases = [
            "type = 'order-placed'",
            "$contains(payload.text, /wor.d/i) and payload.n > 3",
            "/* why */ {'type': 'a', 'payload': {'of': `strange name`}}",
            "($x := 1; $f := function($n) { $n / 2 }; $f($x) / 3)",
            "payload.items[price / 2 > 3].(sku & '/' & $string(price))",
            "$match(s, /[/\\]]/)",
            "λ($a, $b) { $a ~> $sum }",
            "payload.a ?: 'x' ?? [1..3]",
            "payload.a.%.b",
            &deep,
        ];
        for text in cases {
            assert_eq!(Expression::parse(text).map_err(|error| error.to_string()).err(), None, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_and_where() {
        let cases = [
            ("", "S0207", 1, 1, "end of the expression"),
            ("   ", "S0207", 1, 1, "end of the expression"),
            ("a.b.", "S0207", 1, 5, "end of the expression"),
            ("type = ", "S0207", 1, 7, "end of the expression"),
            ("type == 'x'", "S0211", 1, 7, "`=`"),
            ("(1 + 2", "S0203", 1, 7, "expected `)`"),
            ("foo(, 1)", "S0211", 1, 5, "`,`"),
            ("{'type': 'a',\n 'payload': }", "S0211", 2, 13, "`}`"),
            ("{'a': 1\n 'b': 2}", "S0202", 2, 2, "expected `}`, and here is `'b'`"),
            ("1 2", "S0201", 1, 3, "`2`"),
            ("a and\n\n  'open", "S0101", 3, 3, "quote"),
            ("a & 'é\u{1F600}' ! b", "S0204", 1, 10, "`!`"),
            ("'\\q'", "S0103", 1, 1, "\\q"),
            ("a[`b]", "S0105", 1, 3, "backquote"),
            ("1 /* never", "S0106", 1, 3, "comment"),
            ("a.1", "S0213", 1, 3, "1"),
            ("%.a", "S0217", 1, 1, "parent"),
            ("a := 1", "S0212", 1, 1, "$x"),
            ("$match(a, /(?=b)/)", "regex", 1, 11, "look-around"),
            ("$match(a, /(b)\\1/)", "regex", 1, 11, "backreferences"),
        ];
        for (text, code, line, column, word) in cases {
            let error = Expression::parse(text).expect_err(text);
            assert_eq!(
                (error.code.as_str(), error.line, error.column),
                (code, line, column),
                "{text}: {error}"
            );
            assert!(error.reason.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn hostile_texts_are_answered_at_once() {
        let cases = [
            "(".repeat(EXPRESSION_BYTES_MAX),
            "-".repeat(EXPRESSION_BYTES_MAX),
            "a.".repeat(EXPRESSION_BYTES_MAX / 2),
            "a?".repeat(EXPRESSION_BYTES_MAX / 2),
            format!("1{}", "+1".repeat(EXPRESSION_BYTES_MAX / 2 - 1)),
            "{'a':".repeat(EXPRESSION_BYTES_MAX / 5),
            "function($x){".repeat(EXPRESSION_BYTES_MAX / 13),
            "'".repeat(EXPRESSION_BYTES_MAX - 1),
            "/(((a{1000}){1000}){1000})/".to_string(),
            "x".repeat(EXPRESSION_BYTES_MAX + 1),
        ];
        for text in cases {
            assert!(Expression::parse(&text).is_err(), "{}", &text[..20]);
        }
    }

    #[test]
    fn no_beginning_of_a_text_and_no_noise_is_too_much() {
        let text = "($f := function($x)<n:n>{$x + 1e3}; {'a': payload[$f(b) != 2].`q\"`^(>c), 'd': /e\\/f/i ~> |$|{}| ?: [1..2]}) /* é */";
        let chars: Vec<(usize, char)> = text.char_indices().collect();
        for (at, c) in &chars {
            let (head, tail) = (&text[..*at], &text[at + c.len_utf8()..]);
            for other in ["", "'", "(", "}", "\\", "/", "\u{1F600}", "?:", "..", "\n"] {
                // Whatever it says, it says it of a place in the text.
                if let Err(error) = Expression::parse(&format!("{head}{other}{tail}")) {
                    assert!(
                        error.line <= 2 && error.column <= chars.len() + 3,
                        "{head}{other}{tail}: {error}"
                    );
                }
            }
        }
    }
}
