//! `POST /api/streams/__fork/{path}`: a new stream that shares this one's history up to an event.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};

use super::App;
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use crate::event::{Offset, StreamPath, Timestamp};
use crate::limits::SMALL_BODY_BYTES;

/// Where the new stream is to be, and what it shares.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewForkBody {
    /// A path where there is no stream yet.
    to: String,
    /// The last event that is shared; the newest when absent.
    at_offset: Option<u64>,
    /// Whether the processors that are deployed at that place run on the new stream, as its history says (true when
    /// absent). Without them it only has the history, and whatever is deployed on it from then on.
    #[serde(default = "with_them")]
    processors: bool,
}

fn with_them() -> bool {
    true
}

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForkAnswer {
    #[schema(value_type = String)]
    path: StreamPath,
    /// The stream whose history it shares.
    #[schema(value_type = String)]
    from: StreamPath,
    /// Its tail: the last event that is shared.
    #[schema(value_type = u64)]
    at_offset: Offset,
    processors: bool,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

/// Makes a new stream that shares this one's history up to an event, whatever its length, at once: nothing is copied.
/// From there on each goes its own way, and either may be destroyed. The shared events are history for the new stream's
/// processors: they have been acted on where they happened.
#[utoipa::path(
    post,
    path = "/api/streams/__fork/{path}",
    tag = "streams",
    params(("path" = String, Path, description = "the path of the stream whose history is shared")),
    request_body = NewForkBody,
    responses(
        (status = 200, body = ForkAnswer),
        (status = 400, description = "a bad path, or there is no such event: `tail` names the newest", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 404, body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 409, description = "`stream-exists`", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn fork(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
    body: Bytes,
) -> Result<Json<ForkAnswer>, Problem> {
    Query::parse(&uri, &[])?;
    if body.len() > SMALL_BODY_BYTES {
        return Err(Problem::too_large("a fork is asked for in a few words"));
    }
    let expected = "expected {\"to\": path, \"atOffset\"?: number, \"processors\"?: boolean}";
    let NewForkBody { to, at_offset, processors } =
        serde_json::from_slice(&body).map_err(|error| Problem::bad_body(format!("{error}; {expected}")))?;
    if at_offset == Some(0) {
        return Err(Problem::bad_body(
            "`atOffset` must be a positive integer: a fork shares at least one event",
        ));
    }
    let to = stream.sibling(StreamPath::parse_url(&to).map_err(Problem::bad_path)?);
    let streams = app.host.streams();
    let (record, at_offset) = streams.fork(&stream, at_offset.map(Offset), &to, processors).await?;
    Ok(Json(ForkAnswer {
        path: record.key.path,
        from: stream.path,
        at_offset,
        processors,
        created_at: record.created_at,
    }))
}
