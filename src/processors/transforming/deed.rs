//! What is to be done about one event: the outcome of an evaluation, as appends.

use serde_json::value::RawValue;

use crate::event::builtin::{ErrorDetail, ErrorOccurred};
use crate::event::{Event, EventInput, IdempotencyKey, Json, Kind, Offset, Slug};
use crate::jsonata::{Failure, Outcome, Part};
use crate::limits::{TRANSFORMED_EVENTS_MAX, TRANSFORMER_FAILURES_TOLD_MAX};
use crate::stream::Batch;

/// Of one transformer, for the keys and the messages of what it appends.
pub struct Author<'a> {
    pub slug: &'a Slug,
    pub since: Offset,
}

/// Why nothing came of an event that was matched.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub name: &'static str,
    pub code: String,
    pub message: String,
}

impl From<&Failure> for Refusal {
    fn from(failure: &Failure) -> Refusal {
        let part = match failure.part {
            Part::Filter => "matcher",
            Part::Transform => "transform",
        };
        Refusal {
            name: "JsonataError",
            code: failure.code.clone(),
            message: format!("its {part} failed: {}", failure.message),
        }
    }
}

impl Author<'_> {
    /// The events that an outcome makes of `event`; none of them is no failure.
    pub fn events(&self, event: &Event, outcome: &Outcome) -> Result<Batch, Refusal> {
        match outcome {
            Outcome::Skipped | Outcome::Matched(None) => Ok(Vec::new()),
            Outcome::Matched(Some(value)) => self.inputs(event, value),
            Outcome::Failed(failure) => Err(failure.into()),
        }
    }

    fn inputs(&self, event: &Event, value: &Json) -> Result<Batch, Refusal> {
        let invalid = |message: String| Refusal {
            name: "InvalidEvent",
            code: "invalid-event".into(),
            message: format!("its transform has made no event: {message}"),
        };
        if !value.as_str().starts_with('[') {
            let input = EventInput::parse(value.as_str()).map_err(|error| invalid(error.to_string()))?;
            return Ok(vec![self.keyed(input, event, 1)]);
        }
        let parts: Vec<&RawValue> =
            serde_json::from_str(value.as_str()).map_err(|error| invalid(error.to_string()))?;
        if parts.len() > TRANSFORMED_EVENTS_MAX {
            return Err(invalid(format!(
                "{} events, and at most {TRANSFORMED_EVENTS_MAX} are allowed",
                parts.len()
            )));
        }
        let inputs = parts.iter().zip(1..).map(|(part, ordinal)| {
            let input = EventInput::parse(part.get())
                .map_err(|error| invalid(format!("item {ordinal} of its array: {error}")))?;
            Ok(self.keyed(input, event, ordinal))
        });
        inputs.collect()
    }

    /// A key of the author's own says it better: a webhook's id holds for its repetitions, too.
    fn keyed(&self, input: EventInput, event: &Event, ordinal: usize) -> EventInput {
        if input.idempotency_key.is_some() {
            return input;
        }
        let key = self.key(event, &ordinal.to_string());
        input.with_key(key)
    }

    fn key(&self, event: &Event, what: &str) -> IdempotencyKey {
        IdempotencyKey::derived(format!("transformed:{}:{}:{}:{what}", self.slug, self.since, event.offset))
    }

    /// The news of a failure, as long as its row is short.
    pub fn told(&self, event: &Event, refusal: &Refusal, in_a_row: u32) -> Option<EventInput> {
        if in_a_row > TRANSFORMER_FAILURES_TOLD_MAX {
            return None;
        }
        let mut message = format!("transformer `{}`, event {}: {}", self.slug, event.offset, refusal.message);
        if in_a_row == TRANSFORMER_FAILURES_TOLD_MAX {
            message.push_str(&format!(
                "; this is failure {in_a_row} in a row: the next ones are not told until one event succeeds"
            ));
        }
        let detail = ErrorDetail {
            name: Some(refusal.name.into()),
            message: refusal.message.clone(),
            stack: None,
            code: Some(refusal.code.clone()),
        };
        let payload = Json::of(&ErrorOccurred { message, error: Some(detail) });
        Some(EventInput::new(Kind::ErrorOccurred, payload).with_key(self.key(event, "failed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Source, StreamPath, Timestamp};

    #[test]
    fn what_comes_of_an_outcome() {
        let input = EventInput::parse(r#"{"type":"raw"}"#).unwrap();
        let path = StreamPath::parse("/a").unwrap();
        let event = Event::place(input, path, Offset(7), Timestamp::from_millis(0), Some(Source::client()));
        let slug = Slug::parse("s").unwrap();
        let author = Author { slug: &slug, since: Offset(3) };
        let many = format!("[{}]", vec![r#"{"type":"a"}"#; TRANSFORMED_EVENTS_MAX + 1].join(","));
        let cases = [
            (r#"{"type":"a"}"#, Ok("a millrace:transformed:s:3:7:1")),
            (r#"{"type":"a","idempotencyKey":"own"}"#, Ok("a own")),
            (
                r#"[{"type":"a"},{"type":"b"}]"#,
                Ok("a millrace:transformed:s:3:7:1, b millrace:transformed:s:3:7:2"),
            ),
            ("[]", Ok("")),
            ("null", Err("must be a JSON object")),
            (r#""text""#, Err("must be a JSON object")),
            (r#"{"kind":"a"}"#, Err("unknown key `kind`")),
            (r#"[{"type":"a"},{"payload":{}}]"#, Err("item 2 of its array: `type` is missing")),
            (r#"{"type":"stream/paused","payload":{"reason":1}}"#, Err("`reason` must be a string")),
            (many.as_str(), Err("1001 events")),
        ];
        for (value, expected) in cases {
            let outcome = Outcome::Matched(Some(Json::parse(value).unwrap()));
            match (author.events(&event, &outcome), expected) {
                (Ok(batch), Ok(expected)) => {
                    let shown: Vec<String> = batch
                        .iter()
                        .map(|input| {
                            let key = input.idempotency_key.as_ref().unwrap();
                            format!("{} {}", input.event_type.as_str(), key.as_str())
                        })
                        .collect();
                    assert_eq!(shown.join(", "), expected, "{value}");
                }
                (Err(refusal), Err(word)) => assert!(refusal.message.contains(word), "{value}: {refusal:?}"),
                (found, _) => panic!("{value}: {found:?}"),
            }
        }
        assert_eq!(author.events(&event, &Outcome::Skipped), Ok(Vec::new()));
        assert_eq!(author.events(&event, &Outcome::Matched(None)), Ok(Vec::new()));
    }

    #[test]
    fn a_row_of_failures_is_told_up_to_its_bound() {
        let input = EventInput::parse(r#"{"type":"raw"}"#).unwrap();
        let path = StreamPath::parse("/a").unwrap();
        let event = Event::place(input, path, Offset(7), Timestamp::from_millis(0), Some(Source::client()));
        let slug = Slug::parse("s").unwrap();
        let author = Author { slug: &slug, since: Offset(3) };
        let refusal = Refusal { name: "JsonataError", code: "T2001".into(), message: "m".into() };
        let told = |in_a_row| {
            author.told(&event, &refusal, in_a_row).map(|input| input.payload.as_str().to_string())
        };
        let max = TRANSFORMER_FAILURES_TOLD_MAX;
        assert_eq!(
            told(1).unwrap(),
            r#"{"message":"transformer `s`, event 7: m","error":{"name":"JsonataError","message":"m","code":"T2001"}}"#
        );
        assert!(told(max).unwrap().contains("in a row"));
        assert_eq!(told(max + 1), None);
    }
}
