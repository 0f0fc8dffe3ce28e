//! The parser's errors, in the words of whoever writes expressions.

use jsonata_core::parser::ParserError;

/// Code and sentence of an error at `found`, or at the end of the text.
pub fn of(error: &ParserError, found: Option<&str>) -> (String, String) {
    let here = found.map_or("the end of the expression".to_string(), |token| format!("`{}`", cut(token)));
    let said = error.to_string();
    let said = said.strip_prefix("Invalid syntax: ").unwrap_or(&said);
    let (code, sentence) = match said.split_once(": ") {
        Some((code, sentence)) if is_code(code) => (code, sentence),
        _ => ("syntax", said),
    };
    let (code, reason) = match error {
        ParserError::UnexpectedEnd => (code, "unexpected end of the expression".into()),
        ParserError::UnexpectedToken(token) if token == "Eof" => {
            (code, "unexpected end of the expression".into())
        }
        ParserError::UnexpectedToken(_) if code == "S0211" => {
            (code, format!("{here} cannot stand where a value begins"))
        }
        ParserError::UnexpectedToken(_) => (code, format!("{here} is no operator")),
        ParserError::Expected { expected, .. } if code != "S0208" => {
            (code, format!("expected {}, and here is {here}", symbol(expected)))
        }
        ParserError::InvalidSyntax(_) if code == "S0201" => (code, format!("unexpected {here}")),
        ParserError::UnclosedComment => ("S0106", "the comment is not closed by `*/`".into()),
        ParserError::InvalidNumber(_) => ("S0102", format!("{here} is too large a number")),
        _ => (code, sentence.to_string()),
    };
    (code.to_string(), reason)
}

/// Whether more text might repair it.
pub fn is_about_the_end(error: &ParserError) -> bool {
    match error {
        ParserError::UnexpectedEnd => true,
        ParserError::UnexpectedToken(token) => token == "Eof",
        ParserError::Expected { found, .. } => found == "Eof",
        _ => false,
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 5
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text[1..].bytes().all(|b| b.is_ascii_digit())
}

/// The parser has names for its tokens.
fn symbol(name: &str) -> String {
    let symbol = match name {
        "LeftParen" => "(",
        "RightParen" => ")",
        "LeftBracket" => "[",
        "RightBracket" => "]",
        "LeftBrace" => "{",
        "RightBrace" => "}",
        "Colon" => ":",
        "Comma" => ",",
        "Pipe" => "|",
        other => return other.to_string(),
    };
    format!("`{symbol}`")
}

/// A token may be as long as the expression.
fn cut(token: &str) -> String {
    const CHARS_MAX: usize = 40;
    match token.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &token[..at]),
        None => token.to_string(),
    }
}
