//! An event before it has a place: what a caller asks to append.

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{EventType, IdempotencyKey, Json, Kind, Offset, builtin, words};
use crate::limits::{EVENT_BYTES_MAX, IDEMPOTENCY_KEY_BYTES_MAX, RAW_INPUT_CUT_CHARS};

#[derive(Clone, Debug, PartialEq)]
pub struct EventInput {
    pub event_type: EventType,
    pub payload: Json,
    pub metadata: Option<Json>,
    pub idempotency_key: Option<IdempotencyKey>,
    /// "Append only if it lands exactly here."
    pub offset: Option<Offset>,
}

/// Why a text is no event: a sentence that names the field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidInput(pub String);

impl EventInput {
    pub fn new(event_type: impl Into<EventType>, payload: Json) -> EventInput {
        EventInput {
            event_type: event_type.into(),
            payload,
            metadata: None,
            idempotency_key: None,
            offset: None,
        }
    }

    pub fn with_key(self, key: IdempotencyKey) -> EventInput {
        EventInput { idempotency_key: Some(key), ..self }
    }

    /// From the JSON text of one event, strictly: unknown keys and wrong built-in payloads are invalid.
    pub fn parse(text: &str) -> Result<EventInput, InvalidInput> {
        let fields: Fields = serde_json::from_str(text).map_err(|_| InvalidInput(why_no_object(text)))?;
        fields.into_input().map_err(InvalidInput)
    }

    /// What is stored in place of something that is no valid event. Of a raw input that is larger than an event
    /// may be it is only the beginning, as text.
    pub fn invalid(raw_input: &Json, error: &InvalidInput) -> EventInput {
        let bytes = raw_input.as_str().len();
        let (raw_input, error) = if bytes > EVENT_BYTES_MAX {
            let beginning: String = raw_input.as_str().chars().take(RAW_INPUT_CUT_CHARS).collect();
            let error = format!("{} (of the raw input's {bytes} bytes only the beginning is kept)", error.0);
            (Json::of(&beginning), error)
        } else {
            (raw_input.clone(), error.0.clone())
        };
        let mut payload = String::from("{\"rawInput\":");
        payload.push_str(raw_input.as_str());
        payload.push_str(",\"error\":");
        super::json::push_string(&mut payload, &error);
        payload.push('}');
        EventInput::new(Kind::InvalidEventAppended, Json::from_stored(&payload))
    }
}

/// The members of an object in the order sent, not yet looked into.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
                let mut fields = Vec::with_capacity(4);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Fields<'_> {
    fn into_input(self) -> Result<EventInput, String> {
        let mut event_type = None;
        let mut payload = None;
        let mut metadata = None;
        let mut idempotency_key = None;
        let mut offset = None;
        for (name, raw) in &self.0 {
            match name.as_str() {
                "type" => event_type = Some(EventType::parse(&text(name, raw)?)?),
                "payload" => payload = Some(object(name, raw)?),
                "metadata" => metadata = Some(object(name, raw)?),
                "idempotencyKey" => idempotency_key = Some(key(&text(name, raw)?)?),
                "offset" => offset = Some(position(raw)?),
                _ => {
                    return Err(format!(
                        "unknown key `{name}`: an event has `type`, `payload`, `metadata`, `idempotencyKey` and `offset`"
                    ));
                }
            }
        }
        let event_type = event_type.ok_or("`type` is missing: it must be a string")?;
        let payload = payload.unwrap_or_else(Json::empty_object);
        builtin::check(&event_type, &payload)?;
        let bytes = payload.as_str().len() + metadata.as_ref().map_or(0, |m: &Json| m.as_str().len());
        if bytes > EVENT_BYTES_MAX {
            return Err(format!(
                "`payload` and `metadata` have {bytes} bytes; an event may have {EVENT_BYTES_MAX}"
            ));
        }
        Ok(EventInput { event_type, payload, metadata, idempotency_key, offset })
    }
}

fn why_no_object(text: &str) -> String {
    match serde_json::from_str::<&RawValue>(text) {
        Ok(raw) if raw.get().starts_with('{') => format!("a key of the event {}", words::LONE_SURROGATE),
        Ok(_) => "an event must be a JSON object with a `type`".into(),
        Err(error) => format!("an event must be a JSON object: {error}"),
    }
}

fn text(name: &str, raw: &RawValue) -> Result<String, String> {
    serde_json::from_str(raw.get()).map_err(|_| match raw.get().starts_with('"') {
        true => format!("`{name}` {}", words::LONE_SURROGATE),
        false => format!("`{name}` must be a string"),
    })
}

fn object(name: &str, raw: &RawValue) -> Result<Json, String> {
    if !raw.get().starts_with('{') {
        return Err(format!("`{name}` must be a JSON object"));
    }
    Json::compact(raw).ok_or_else(|| format!("`{name}` is nested too deeply"))
}

fn key(text: &str) -> Result<IdempotencyKey, String> {
    let key = IdempotencyKey::parse(text).ok_or("`idempotencyKey` must not be empty")?;
    if key.as_str().len() > IDEMPOTENCY_KEY_BYTES_MAX {
        return Err(format!("`idempotencyKey` may have {IDEMPOTENCY_KEY_BYTES_MAX} bytes"));
    }
    if key.is_reserved() {
        return Err(
            "`idempotencyKey` may not begin with `millrace:`, which the server keeps for its own".into()
        );
    }
    Ok(key)
}

fn position(raw: &RawValue) -> Result<Offset, String> {
    match raw.get().parse::<u64>() {
        Ok(offset) if offset > 0 => Ok(Offset(offset)),
        _ => Err("`offset` must be a positive integer".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_event_and_what_is_not() {
        let cases = [
            (r#"{"type":"x"}"#, Ok(("x", "{}"))),
            (
                r#"{"type":" x ","payload":{"a": 1},"metadata":{},"idempotencyKey":" k ","offset":3}"#,
                Ok(("x", r#"{"a":1}"#)),
            ),
            (
                r#"{"type":"stream/paused","payload":{"reason":"r"}}"#,
                Ok(("stream/paused", r#"{"reason":"r"}"#)),
            ),
            (r#"{}"#, Err("type")),
            (r#"{"type":""}"#, Err("type")),
            (r#"{"type":3}"#, Err("type")),
            (r#"{"type":"x\ud800"}"#, Err("`type` has a lone surrogate")),
            (r#"{"\udc00":1,"type":"x"}"#, Err("key of the event has a lone surrogate")),
            (r#"{"type":"x","payload":{"a":"\ud800"}}"#, Ok(("x", r#"{"a":"\ud800"}"#))),
            (r#"{"type":"x","payload":[]}"#, Err("payload")),
            (r#"{"type":"x","payload":null}"#, Err("payload")),
            (r#"{"type":"x","metadata":1}"#, Err("metadata")),
            (r#"{"type":"x","idempotencyKey":" "}"#, Err("idempotencyKey")),
            (r#"{"type":"x","offset":0}"#, Err("offset")),
            (r#"{"type":"x","offset":"3"}"#, Err("offset")),
            (r#"{"type":"x","idempotencyKey":"millrace:activated:p:4"}"#, Err("idempotencyKey")),
            (r#"{"type":"x","createdAt":"now"}"#, Err("createdAt")),
            (r#"[]"#, Err("object")),
            (r#"{"type""#, Err("object")),
            (r#"{"type":"stream/paused","payload":{"reason":1}}"#, Err("reason")),
            (r#"{"type":"stream/created"}"#, Err("type")),
            (r#"{"type":"stream/frobnicated"}"#, Err("reserved")),
        ];
        for (text, expected) in cases {
            match (EventInput::parse(text), expected) {
                (Ok(input), Ok((event_type, payload))) => {
                    assert_eq!((input.event_type.as_str(), input.payload.as_str()), (event_type, payload))
                }
                (Err(error), Err(word)) => assert!(error.0.contains(word), "{text}: {error}"),
                (outcome, _) => panic!("{text}: {outcome:?}"),
            }
        }
    }
}
