//! What a posted body means: one event or many, if need be an invalid one. Decided here, once.

use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::Problem;
use super::form;
use crate::event::{EventInput, EventType, InvalidInput, Json};
use crate::limits::BATCH_EVENTS_MAX;

const NOT_WRAPPED: &str =
    "`?type=` wraps a JSON object as the `payload` of an event of that type, and this is none";

pub enum Posted {
    One(EventInput),
    Batch(Vec<EventInput>),
}

/// What a request says that its body is; whatever else it says, the body is looked at as JSON.
pub enum Media {
    Json,
    /// JSON, one value a line.
    Lines,
    Text,
    UrlEncoded,
    /// With the header's whole value, which names the boundary.
    Multipart(String),
}

impl Media {
    pub fn of(headers: &HeaderMap) -> Media {
        let value =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Media::Lines,
            "text/plain" => Media::Text,
            "application/x-www-form-urlencoded" => Media::UrlEncoded,
            "multipart/form-data" => Media::Multipart(value.to_string()),
            _ => Media::Json,
        }
    }

    /// What says that it is plain text is not looked into; curl calls everything a form.
    fn may_be_event(&self, text: &str) -> bool {
        match self {
            Media::Text => false,
            Media::UrlEncoded => text.trim_start().starts_with(['{', '[']),
            _ => true,
        }
    }
}

/// `wrap` is the type of the events whose payloads were sent.
pub async fn understand(body: &Bytes, media: &Media, wrap: Option<&EventType>) -> Result<Posted, Problem> {
    let text = std::str::from_utf8(body).ok().map(without_mark);
    match (text, media, wrap) {
        (Some(text), Media::Lines, _) => return lines(text, wrap),
        (Some(text), _, Some(event_type)) => {
            if let Some(payload) = object(text) {
                return Ok(Posted::One(wrapped(event_type, payload)));
            }
        }
        (Some(text), _, None) if media.may_be_event(text) => {
            if let Ok(raw) = serde_json::from_str::<&RawValue>(text) {
                return json_body(raw.get());
            }
        }
        _ => {}
    }
    let (raw, why) = kept(body, media).await;
    let why = wrap.map_or(why, |_| NOT_WRAPPED.to_string());
    Ok(Posted::One(invalid(&raw, why)))
}

/// Some tools begin a text with a byte order mark, which JSON does not know.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// What is kept of a body that is no event, and why it is none.
async fn kept(body: &Bytes, media: &Media) -> (Json, String) {
    if let Media::Multipart(content_type) = media {
        return match form::of_parts(content_type, body.clone()).await {
            Ok((object, note)) => (object, format!("a form is no event: send JSON with a `type`{note}")),
            Err(why) => {
                (Json::of(&form::text_or_bytes(body)), format!("the multipart form cannot be read: {why}"))
            }
        };
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return (Json::of(&form::text_or_bytes(body)), "the body is not UTF-8, so it can be no event".into());
    };
    match (media, serde_json::from_str::<&RawValue>(without_mark(text))) {
        (Media::UrlEncoded, _) => {
            (form::of_pairs(text), "a form is no event: send JSON with a `type`".into())
        }
        (Media::Text, _) => (Json::of(text), "plain text is no event: send JSON with a `type`".into()),
        (_, Ok(raw)) => (raw_input(raw.get()), "an event must be a JSON object with a `type`".into()),
        (_, Err(error)) => {
            (Json::of(text), format!("the body is not valid JSON, so it can be no event: {error}"))
        }
    }
}

fn json_body(text: &str) -> Result<Posted, Problem> {
    if text.starts_with('[') {
        return batch(text);
    }
    match wrapper(text) {
        Some(Wrapper { events: Some(events), event: None }) if events.get().starts_with('[') => {
            batch(events.get())
        }
        _ => Ok(Posted::One(one(text))),
    }
}

/// Only an object with nothing beside the wrapped event is a wrapper: many a webhook has a field `event`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapper<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
}

fn wrapper(text: &str) -> Option<Wrapper<'_>> {
    // The derived form would also be read from an array.
    text.starts_with('{').then(|| serde_json::from_str(text).ok())?
}

fn batch(text: &str) -> Result<Posted, Problem> {
    let elements: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| Problem::bad_body(format!("the batch cannot be read: {error}")))?;
    check_count(elements.len())?;
    Ok(Posted::Batch(elements.iter().map(|element| input(element.get(), element.get())).collect()))
}

/// What is on a line is one event, or an invalid one in its place.
fn lines(text: &str, wrap: Option<&EventType>) -> Result<Posted, Problem> {
    let filled = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    check_count(filled().count())?;
    let understood = |line: &str| match wrap {
        None => one(line),
        Some(event_type) => match object(line) {
            Some(payload) => wrapped(event_type, payload),
            None => invalid(&raw_input(line), NOT_WRAPPED.into()),
        },
    };
    Ok(Posted::Batch(filled().map(understood).collect()))
}

fn check_count(events: usize) -> Result<(), Problem> {
    if events == 0 {
        return Err(Problem::empty_batch());
    }
    if events > BATCH_EVENTS_MAX {
        let detail = format!("a batch may have {BATCH_EVENTS_MAX} events; this one has {events}");
        return Err(Problem::too_large(detail));
    }
    Ok(())
}

/// A bare event, or `{"event": …}`.
fn one(text: &str) -> EventInput {
    match wrapper(text) {
        Some(Wrapper { event: Some(event), events: None }) => input(event.get(), text),
        _ => input(text, text),
    }
}

/// What was `sent` is kept whole when `text` is no event.
fn input(text: &str, sent: &str) -> EventInput {
    EventInput::parse(text).unwrap_or_else(|error| EventInput::invalid(&raw_input(sent), &error))
}

/// `rawInput` is the JSON that was sent; its text when it is none, or is nested beyond all measure.
fn raw_input(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|| Json::of(text))
}

fn object(text: &str) -> Option<Json> {
    Json::parse(text).filter(Json::is_object)
}

fn wrapped(event_type: &EventType, payload: Json) -> EventInput {
    match crate::event::builtin::check(event_type, &payload) {
        Ok(()) => EventInput::new(event_type.clone(), payload),
        Err(error) => EventInput::invalid(&payload, &InvalidInput(error)),
    }
}

fn invalid(raw_input: &Json, why: String) -> EventInput {
    EventInput::invalid(raw_input, &InvalidInput(why))
}
