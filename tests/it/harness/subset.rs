//! Expected JSON as a subset of the actual one: what a test does not name, it does not care about.

use serde_json::Value;

/// Each key that `expected` names must be there and match; arrays match element by element. Texts have
/// three forms of their own: `"<any>"`, `"<time>"` (ISO 8601 with milliseconds and `Z`), and `"~part"`,
/// which the actual text must contain. `null` stands for an absent field too.
pub fn assert_subset(what: &str, actual: &Value, expected: &Value) {
    if let Some(difference) = difference(actual, expected) {
        panic!("{what}\n{difference}\nexpected {expected:#}\nactual {actual:#}");
    }
}

/// The first place where they differ.
pub fn difference(actual: &Value, expected: &Value) -> Option<String> {
    differ("$", actual, expected)
}

fn differ(at: &str, actual: &Value, expected: &Value) -> Option<String> {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => expected.iter().find_map(|(key, expected)| {
            differ(&format!("{at}.{key}"), actual.get(key).unwrap_or(&Value::Null), expected)
        }),
        (Value::Array(actual), Value::Array(expected)) => {
            let pairs = actual.iter().zip(expected).enumerate();
            pairs
                .map(|(n, (a, e))| differ(&format!("{at}[{n}]"), a, e))
                .find(Option::is_some)
                .flatten()
                .or_else(|| {
                    let (a, e) = (actual.len(), expected.len());
                    (a != e).then(|| format!("{at} has {a} elements, not {e}"))
                })
        }
        (_, Value::String(pattern)) => {
            (!text_matches(actual, pattern)).then(|| format!("{at} is {actual}, not {pattern:?}"))
        }
        _ => (actual != expected).then(|| format!("{at} is {actual}, not {expected}")),
    }
}

fn text_matches(actual: &Value, pattern: &str) -> bool {
    match (pattern, actual.as_str()) {
        ("<any>", _) => !actual.is_null(),
        ("<time>", Some(text)) => is_time(text),
        (_, Some(text)) => match pattern.strip_prefix('~') {
            Some(part) => text.contains(part),
            None => text == pattern,
        },
        (_, None) => false,
    }
}

fn is_time(text: &str) -> bool {
    let form = "0000-00-00T00:00:00.000Z";
    text.len() == form.len()
        && text.chars().zip(form.chars()).all(|(c, f)| if f == '0' { c.is_ascii_digit() } else { c == f })
}
