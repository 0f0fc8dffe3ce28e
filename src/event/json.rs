//! A JSON text known to be valid, on one line and not nested too deeply: events carry it from the
//! client to the readers without ever becoming a tree in between.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::limits::JSON_DEPTH_MAX;

#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

impl Json {
    pub fn empty_object() -> Json {
        Json("{}".into())
    }

    /// White space between tokens goes; digits, key order and escapes stay as they were sent.
    /// None when the value is nested more deeply than any reader should have to follow.
    pub fn compact(raw: &RawValue) -> Option<Json> {
        let text = raw.get();
        let mut compact = String::with_capacity(text.len());
        let mut depth = 0usize;
        let mut in_string = false;
        let mut escaped = false;
        let mut kept = 0;
        for (at, byte) in text.bytes().enumerate() {
            if in_string {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => {
                    depth += 1;
                    if depth > JSON_DEPTH_MAX {
                        return None;
                    }
                }
                b'}' | b']' => depth -= 1,
                b' ' | b'\t' | b'\n' | b'\r' => {
                    compact.push_str(&text[kept..at]);
                    kept = at + 1;
                }
                _ => {}
            }
        }
        compact.push_str(&text[kept..]);
        Some(Json(compact.into()))
    }

    pub fn parse(text: &str) -> Option<Json> {
        serde_json::from_str::<&RawValue>(text).ok().and_then(Json::compact)
    }

    /// Of a value of ours, whose keys are strings and whose numbers are finite.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Json {
        Json(serde_json::to_string(value).expect("our own values have a JSON form").into())
    }

    /// Of a text that was a `Json` when it was stored, and whose checksum says that it still is.
    pub fn from_stored(text: &str) -> Json {
        Json(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    pub fn decode<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        serde_json::from_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Json::compact(&raw).ok_or_else(|| D::Error::custom("the value is nested too deeply"))
    }
}

/// Appends `value` to `text` as a JSON string.
pub fn push_string(text: &mut String, value: &str) {
    let plain = value.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
    if plain {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        text.push_str(&serde_json::to_string(value).expect("a string has a JSON form"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacting_keeps_everything_but_the_space_between_tokens() {
        let cases = [
            ("{ \"a\" : [ 1 , 2.50 , -0 ] }", "{\"a\":[1,2.50,-0]}"),
            ("{\"a\": \"x  \\\" \\\\ y\"}", "{\"a\":\"x  \\\" \\\\ y\"}"),
            ("\n{\r\n\t\"é\": \"\\n\"}\n", "{\"é\":\"\\n\"}"),
            ("12345678901234567890123", "12345678901234567890123"),
        ];
        for (sent, expected) in cases {
            assert_eq!(Json::parse(sent).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(&nested(JSON_DEPTH_MAX)).is_some());
        assert!(Json::parse(&nested(JSON_DEPTH_MAX + 1)).is_none());
    }
}
