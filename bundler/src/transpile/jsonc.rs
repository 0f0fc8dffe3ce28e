//! JSON as people write it in configuration files: with comments and trailing commas.

use serde_json::Value;

use super::source::Source;
use crate::Diagnostic;

/// `what` names the kind of file in the message.
pub fn parse(source: &Source<'_>, what: &str) -> Result<Value, Diagnostic> {
    let plain = plain(source.text);
    if plain.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_str(&plain).map_err(|error| {
        let line_start: usize =
            source.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = line_start + error.column().saturating_sub(1);
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        source.diagnostic(
            at,
            at + 1,
            "invalid-json",
            format!("the {what} `{}` is not JSON: {reason}", source.name),
        )
    })
}

/// The same text, byte for byte in the same places, with blanks for what JSON does not know.
fn plain(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    // A comma that nothing has followed yet.
    let mut comma = None;
    while at < bytes.len() {
        let rest = &bytes[at..];
        match rest[0] {
            b'"' => {
                comma = None;
                at += string_length(rest);
                continue;
            }
            b'/' if rest.starts_with(b"//") => {
                let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                blank(&mut bytes[at..at + length]);
                at += length;
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                let length =
                    rest.windows(2).skip(2).position(|pair| pair == b"*/").map_or(rest.len(), |end| end + 4);
                blank(&mut bytes[at..at + length]);
                at += length;
                continue;
            }
            b',' => comma = Some(at),
            b'}' | b']' => {
                if let Some(comma) = comma.take() {
                    bytes[comma] = b' ';
                }
            }
            byte if !byte.is_ascii_whitespace() => comma = None,
            _ => {}
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn string_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
}

#[cfg(test)]
mod tests {
    use super::{Source, parse};
    use serde_json::json;

    #[test]
    fn what_people_write() {
        let cases = [
            ("", json!({})),
            ("// nothing\n", json!({})),
            (
                "{/* a */ \"a\": [1, 2, /* , */ ], // }\n \"b\": \"// \\\" ,]\" , }",
                json!({"a": [1, 2], "b": "// \" ,]"}),
            ),
            ("{\"é\": /*é*/ 1}", json!({"é": 1})),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(&Source::new("a.json", text), "file"), Ok(expected), "{text}");
        }
        let diagnostic =
            parse(&Source::new("a.json", "{\n  \"a\": /* x */ nope\n}"), "tsconfig").unwrap_err();
        assert_eq!((diagnostic.line, diagnostic.column), (2, 17), "{}", diagnostic.message);
        assert_eq!(diagnostic.message, "the tsconfig `a.json` is not JSON: expected ident");
    }
}
