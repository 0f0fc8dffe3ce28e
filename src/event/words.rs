//! What is wrong with a JSON value, in the words of JSON: the parser speaks of the types of our program.

/// Of half of a pair that is there without the other half.
pub const LONE_SURROGATE: &str = "has a lone surrogate (an escape from \\ud800 to \\udfff without its other half), which is no character: send both halves, or U+FFFD";

/// Longer values are cut in a message.
const FOUND_CHARS_MAX: usize = 60;

/// What a parser objects to, at a `field` where it is known.
pub fn of_json(error: &serde_json::Error, field: Option<&str>) -> String {
    let text = error.to_string();
    // Positions inside a part would point nowhere in what the caller sent.
    let text = text.rfind(" at line ").map_or(text.as_str(), |at| &text[..at]);
    match (predicate(text), field) {
        (Some(predicate), Some(field)) => format!("`{field}` {predicate}"),
        (Some(predicate), None) => format!("it {predicate}"),
        (None, Some(field)) => format!("`{field}`: {}", sentence(text)),
        (None, None) => sentence(text),
    }
}

/// What is said of the value itself.
fn predicate(text: &str) -> Option<String> {
    let mismatch = text.strip_prefix("invalid type: ").or_else(|| text.strip_prefix("invalid value: "));
    if let Some((found, expected)) = mismatch.and_then(|rest| rest.rsplit_once(", expected ")) {
        return Some(format!("must be {}, and is {}", wanted(expected), found_words(found)));
    }
    if let Some((found, known)) =
        text.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        return Some(format!("must be {known}, and is {}", cut(found)));
    }
    if text.starts_with("invalid length ") && text.contains("expected struct ") {
        return Some("must be an object, and is an array".into());
    }
    match text {
        "lone leading surrogate in hex escape" | "unexpected end of hex escape" => {
            Some(LONE_SURROGATE.into())
        }
        // A word is expected, and something else than a string is there.
        "expected value" => Some("must be a string".into()),
        _ => None,
    }
}

fn sentence(text: &str) -> String {
    if let Some(name) = text.strip_prefix("missing field ") {
        return format!("{name} is missing");
    }
    if let Some(name) = text.strip_prefix("duplicate field ") {
        return format!("{name} is there twice");
    }
    if let Some(rest) = text.strip_prefix("unknown field ") {
        return format!("unknown key {}", rest.replace(", there are no fields", ": none is known here"));
    }
    text.to_string()
}

fn wanted(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        "a boolean" | "bool" => "true or false".into(),
        "a map" | "map" => "an object".into(),
        "a sequence" | "sequence" => "an array".into(),
        "string or map" | "a borrowed string" => "a string".into(),
        "unit" => "null".into(),
        _ if expected.starts_with("struct ") => "an object".into(),
        _ => expected.to_string(),
    }
}

fn found_words(found: &str) -> String {
    match found {
        "map" => "an object".into(),
        "sequence" => "an array".into(),
        "unit value" => "null".into(),
        _ => {
            let kinds = ["integer ", "floating point ", "boolean "];
            let plain = kinds.iter().find_map(|kind| found.strip_prefix(kind)).unwrap_or(found);
            match plain.strip_prefix("string ") {
                Some(quoted) => format!("the string {}", cut(quoted)),
                None => cut(plain),
            }
        }
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[allow(dead_code, reason = "the fields are there to be read")]
    struct Inner {
        count: u32,
        name: Option<String>,
        flag: Option<bool>,
        kind: Option<Kind>,
        list: Option<Vec<u64>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
        Two,
    }

    #[test]
    fn what_is_said() {
        let cases = [
            ("5", "it must be an object, and is `5`"),
            ("null", "it must be an object, and is null"),
            (r#"{"count":"a"}"#, "it must be a whole number that is not negative, and is the string \"a\""),
            (r#"{"count":-5}"#, "it must be a whole number that is not negative, and is `-5`"),
            (r#"{"count":1.5}"#, "it must be a whole number that is not negative, and is `1.5`"),
            (r#"{"count":1,"name":{}}"#, "it must be a string, and is an object"),
            (r#"{"count":1,"flag":[]}"#, "it must be true or false, and is an array"),
            (r#"{"count":1,"kind":"three"}"#, "it must be `one` or `two`, and is `three`"),
            (r#"{"count":1,"kind":3}"#, "it must be a string"),
            (r#"{"count":1,"list":{}}"#, "it must be an array, and is an object"),
            (r#"{}"#, "`count` is missing"),
            (r#"{"count":1,"count":2}"#, "`count` is there twice"),
            (
                r#"{"count":1,"color":2}"#,
                "unknown key `color`, expected one of `count`, `name`, `flag`, `kind`, `list`",
            ),
            (r#"{"count":1,"name":"\ud800"}"#, "it has a lone surrogate"),
            (r#"{"count":1,"name":"\ud800\u0041"}"#, "it has a lone surrogate"),
            (r#"{"count":1,"name":"\udc00"}"#, "it has a lone surrogate"),
        ];
        for (text, expected) in cases {
            let error = serde_json::from_str::<Inner>(text).unwrap_err();
            let said = of_json(&error, None);
            assert!(said.starts_with(expected), "{text}: {said}");
        }
        let error = serde_json::from_str::<Inner>("[]").unwrap_err();
        assert_eq!(of_json(&error, Some("a.b")), "`a.b` must be an object, and is an array");
    }
}
