//! `POST /api/streams/{path}`: whatever is posted becomes events, if need be an invalid one.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Limited};
use std::sync::Arc;
use tokio::sync::SemaphorePermit;
use tracing::Instrument as _;

use super::App;
use super::body::{Media, Posted};
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use crate::event::{Event, EventType, StreamKey};
use crate::limits::{BODY_BYTES_MAX, SMALL_BODY_BYTES};
use crate::processors::deliveries::{CAUSE_HEADER, CauseHeader};
use crate::stream::Origin;

/// Appends to a stream. The body is one event (bare, or `{"event": …}`), or a batch (an array, or
/// `{"events": […]}`), which is stored all or nothing; a body of type application/x-ndjson is a batch, one event a
/// line. What is no valid event, as a form or plain text, is stored as `stream/invalid-event-appended`. The first
/// append creates the stream.
#[utoipa::path(
    post,
    path = "/api/streams/{path}",
    tag = "streams",
    params(
        ("path" = String, Path, description = "the stream's path; slashes may be percent-encoded"),
        ("type" = Option<String>, Query, description = "wraps the body, a JSON object, as the payload of an event of this type"),
        ("x-millrace-project" = Option<String>, Header, description = "the project; `public` when absent"),
        ("x-millrace-cause" = Option<String>, Header, description = "the event in reaction to which this is appended, as a webhook brings it: `/team/inbox@7; project=public`. It is looked up and becomes `source.cause`, so that loops end; one that is not here says nothing"),
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
    let media = Media::of(request.headers());
    let origin = origin(&app, &stream, request.headers())?;
    let span = requested(&stream, request.headers());
    let _place = reserve(&app, request.headers())?;
    let body = collect(request.into_body()).await?;
    match super::body::understand(&body, &media, wrap.as_ref()).await? {
        Posted::One(input) => {
            let event = app.host.streams().append_one(&stream, input, origin).instrument(span).await?;
            Ok(json_answer(one_answer(&event)))
        }
        Posted::Batch(inputs) => {
            let events = app.host.streams().append(&stream, inputs, origin).instrument(span).await?;
            Ok(json_answer(batch_answer(&events)))
        }
    }
}

/// A client's own, or in reaction to what it was told.
fn origin(app: &App, stream: &StreamKey, headers: &HeaderMap) -> Result<Origin, Problem> {
    let Some(value) = headers.get(CAUSE_HEADER) else { return Ok(Origin::Client) };
    let refused = |why: String| Problem::bad_header(format!("header {CAUSE_HEADER}: {why}"));
    let text = value.to_str().map_err(|_| refused("it is not plain text".into()))?;
    let cause = CauseHeader::parse(text, &stream.project).map_err(refused)?;
    Ok(cause.origin(app.host.log(), stream)?)
}

/// Around what a client asks for; it may say which trace that is part of.
fn requested(stream: &StreamKey, headers: &HeaderMap) -> tracing::Span {
    tracing::debug_span!(
        "request",
        project = %stream.project,
        stream = %stream.path,
        method = "POST",
        traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok())
    )
}

/// A place for the body in memory. What says of itself that it is too large need not be sent first; one that
/// does not say how large it is may be as large as any.
pub(super) fn reserve<'a>(app: &'a App, headers: &HeaderMap) -> Result<Option<SemaphorePermit<'a>>, Problem> {
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

pub(super) async fn collect(body: Body) -> Result<Bytes, Problem> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<http_body_util::LengthLimitError>().is_some() => {
            Err(body_too_large())
        }
        Err(error) => Err(Problem::bad_body(format!("the body ended too early: {error}"))),
    }
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
