//! `POST /api/streams/{path}`: whatever is posted becomes events, if need be an invalid one. What a body
//! means is decided here, once.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::SemaphorePermit;

use super::App;
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use crate::event::{Event, EventInput, EventType, InvalidInput, Json};
use crate::limits::{BATCH_EVENTS_MAX, BODY_BYTES_MAX, SMALL_BODY_BYTES};
use crate::stream::Origin;

/// Appends to a stream. The body is one event (bare, or `{"event": …}`), or a batch (an array, or
/// `{"events": […]}`), which is stored all or nothing. What is no valid event is stored as
/// `stream/invalid-event-appended`. The first append creates the stream.
#[utoipa::path(
    post,
    path = "/api/streams/{path}",
    tag = "streams",
    params(
        ("path" = String, Path, description = "the stream's path; slashes may be percent-encoded"),
        ("type" = Option<String>, Query, description = "wraps the body, a JSON object, as the payload of an event of this type"),
        ("x-millrace-project" = Option<String>, Header, description = "the project; `public` when absent"),
    ),
    request_body(content = super::openapi::EventInputSchema, content_type = "application/json"),
    responses(
        (status = 200, description = "the stored event or events, synced to disk", body = super::openapi::AppendedSchema),
        (status = 400, description = "bad path, query or header, or an empty batch", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 412, description = "`offset-mismatch` or `stream-paused`", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 413, description = "the body or the batch is too large", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 429, description = "too many appends wait at this stream", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 503, description = "the store is not available", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn append(
    State(app): State<App>,
    Addressed(stream): Addressed,
    request: Request,
) -> Result<Response, Problem> {
    let query = Query::parse(request.uri(), &["type"])?;
    let wrap = query.text("type").map(EventType::parse).transpose().map_err(Problem::bad_query)?;
    let form = is_form(request.headers());
    let text = is_text(request.headers());
    let _place = reserve(&app, request.headers())?;
    let body = collect(request.into_body()).await?;
    let posted = match wrap {
        Some(event_type) => Posted::One(wrapped(event_type, &body, form)),
        None => understand(&body, form, text)?,
    };
    match posted {
        Posted::One(input) => {
            let event = app.host.streams().append_one(&stream, input, Origin::Client).await?;
            Ok(json_answer(one_answer(&event)))
        }
        Posted::Batch(inputs) => {
            let events = app.host.streams().append(&stream, inputs, Origin::Client).await?;
            Ok(json_answer(batch_answer(&events)))
        }
    }
}

enum Posted {
    One(EventInput),
    Batch(Vec<EventInput>),
}

/// A place for the body in memory. What says of itself that it is too large need not be sent first; one that
/// does not say how large it is may be as large as any.
fn reserve<'a>(app: &'a App, headers: &HeaderMap) -> Result<Option<SemaphorePermit<'a>>, Problem> {
    let declared =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let bytes = declared.unwrap_or(BODY_BYTES_MAX as u64);
    if bytes > BODY_BYTES_MAX as u64 {
        return Err(body_too_large());
    }
    if bytes <= SMALL_BODY_BYTES as u64 {
        return Ok(None);
    }
    let units = bytes.div_ceil(SMALL_BODY_BYTES as u64) as u32;
    app.bodies.try_acquire_many(units).map(Some).map_err(|_| Problem::overloaded())
}

fn body_too_large() -> Problem {
    Problem::too_large(format!("a request may have {BODY_BYTES_MAX} bytes; send large files in parts"))
}

async fn collect(body: Body) -> Result<Bytes, Problem> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<http_body_util::LengthLimitError>().is_some() => {
            Err(body_too_large())
        }
        Err(error) => Err(Problem::bad_body(format!("the body ended too early: {error}"))),
    }
}

fn understand(body: &[u8], form: bool, text: bool) -> Result<Posted, Problem> {
    let Ok(utf8) = std::str::from_utf8(body) else {
        let raw = json!({ "base64": base64::engine::general_purpose::STANDARD.encode(body) });
        return Ok(Posted::One(invalid(Json::of(&raw), "the body is not UTF-8, so it can be no event")));
    };
    // What says that it is plain text is not looked into; curl calls everything a form.
    match serde_json::from_str::<&RawValue>(utf8) {
        Ok(raw) if !text && (!form || utf8.trim_start().starts_with(['{', '['])) => understand_json(raw),
        _ if form => {
            Ok(Posted::One(invalid(form_object(utf8), "a form is no event: send JSON with a `type`")))
        }
        Ok(_) => Ok(Posted::One(invalid(Json::of(utf8), "plain text is no event: send JSON with a `type`"))),
        Err(error) => {
            let why = format!("the body is not valid JSON, so it can be no event: {error}");
            Ok(Posted::One(invalid(Json::of(utf8), &why)))
        }
    }
}

fn understand_json(raw: &RawValue) -> Result<Posted, Problem> {
    let text = raw.get();
    if text.starts_with('[') {
        return batch(text);
    }
    match sole_member(text) {
        Some((name, inner)) if name == "event" => Ok(Posted::One(input(inner.get()))),
        Some((name, inner)) if name == "events" && inner.get().starts_with('[') => batch(inner.get()),
        _ => Ok(Posted::One(input(text))),
    }
}

/// Only an object with nothing beside the wrapped event is a wrapper: many a webhook has a field `event`.
fn sole_member(text: &str) -> Option<(String, Box<RawValue>)> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wrapper {
        event: Option<Box<RawValue>>,
        events: Option<Box<RawValue>>,
    }
    match serde_json::from_str::<Wrapper>(text).ok()? {
        Wrapper { event: Some(event), events: None } => Some(("event".into(), event)),
        Wrapper { event: None, events: Some(events) } => Some(("events".into(), events)),
        _ => None,
    }
}

fn batch(text: &str) -> Result<Posted, Problem> {
    let elements: Vec<&RawValue> = serde_json::from_str(text)
        .map_err(|error| Problem::bad_body(format!("the batch cannot be read: {error}")))?;
    if elements.is_empty() {
        return Err(Problem::empty_batch());
    }
    if elements.len() > BATCH_EVENTS_MAX {
        let detail = format!("a batch may have {BATCH_EVENTS_MAX} events; this one has {}", elements.len());
        return Err(Problem::too_large(detail));
    }
    Ok(Posted::Batch(elements.iter().map(|element| input(element.get())).collect()))
}

fn input(text: &str) -> EventInput {
    EventInput::parse(text).unwrap_or_else(|error| EventInput::invalid(&raw_input(text), &error))
}

/// `rawInput` is what was sent; nested beyond all measure, its text.
fn raw_input(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|| Json::of(text))
}

fn wrapped(event_type: EventType, body: &[u8], form: bool) -> EventInput {
    let payload = std::str::from_utf8(body).ok().and_then(Json::parse).filter(Json::is_object);
    let Some(payload) = payload else {
        let raw = match std::str::from_utf8(body) {
            Ok(text) if form => form_object(text),
            Ok(text) => raw_input(text),
            Err(_) => Json::of(&json!({ "base64": base64::engine::general_purpose::STANDARD.encode(body) })),
        };
        return invalid(
            raw,
            "`?type=` wraps a JSON object as the `payload` of an event, and the body is none",
        );
    };
    match crate::event::builtin::check(&event_type, &payload) {
        Ok(()) => EventInput::new(event_type, payload),
        Err(error) => EventInput::invalid(&payload, &InvalidInput(error)),
    }
}

fn invalid(raw_input: Json, why: &str) -> EventInput {
    EventInput::invalid(&raw_input, &InvalidInput(why.to_string()))
}

/// A repeated name becomes an array of its values.
fn form_object(text: &str) -> Json {
    let mut object = serde_json::Map::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let value = serde_json::Value::from(value.into_owned());
        match object.get_mut(&*name) {
            None => {
                object.insert(name.into_owned(), value);
            }
            Some(serde_json::Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Json::of(&object)
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_form(headers: &HeaderMap) -> bool {
    content_type(headers) == "application/x-www-form-urlencoded"
}

fn is_text(headers: &HeaderMap) -> bool {
    content_type(headers) == "text/plain"
}

fn one_answer(event: &Event) -> Bytes {
    let wire = event.wire();
    let mut answer = BytesMut::with_capacity(wire.len() + 12);
    answer.extend_from_slice(b"{\"event\":");
    answer.extend_from_slice(wire);
    answer.extend_from_slice(b"}");
    answer.freeze()
}

fn batch_answer(events: &[Arc<Event>]) -> Bytes {
    let mut answer =
        BytesMut::with_capacity(events.iter().map(|event| event.wire().len() + 1).sum::<usize>() + 16);
    answer.extend_from_slice(b"{\"events\":[");
    for (at, event) in events.iter().enumerate() {
        if at > 0 {
            answer.extend_from_slice(b",");
        }
        answer.extend_from_slice(event.wire());
    }
    answer.extend_from_slice(b"]}");
    answer.freeze()
}

fn json_answer(body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
