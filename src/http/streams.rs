//! The other questions about streams: the list, what is below, the state, and destruction.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::AppendHeaders;
use serde::Serialize;
use serde_json::{Value, json};

use super::App;
use super::error::Problem;
use super::path::{Addressed, InProject};
use super::query::Query;
use crate::event::{Offset, StreamPath, Timestamp};
use crate::limits::LIST_PAGE_MAX;
use crate::log::StreamId;

#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedStream {
    #[schema(value_type = String)]
    path: StreamPath,
    #[schema(value_type = String)]
    created_at: Timestamp,
    #[schema(value_type = u64)]
    tail: Offset,
}

/// All streams of the project, newest first. A full page names the next one in the header
/// `x-millrace-next-cursor`.
#[utoipa::path(
    get,
    path = "/api/streams",
    tag = "streams",
    params(
        ("prefix" = Option<String>, Query, description = "only this stream and those below it"),
        ("limit" = Option<u64>, Query, description = "at most so many, up to 1000 (default 100)"),
        ("cursor" = Option<String>, Query, description = "what the page before gave as x-millrace-next-cursor"),
        ("system" = Option<bool>, Query, description = "whether system streams (`_logs`) are listed too"),
    ),
    responses((status = 200, body = Vec<ListedStream>))
)]
pub async fn list(
    State(app): State<App>,
    InProject(project): InProject,
    uri: Uri,
) -> Result<(AppendHeaders<Option<(&'static str, String)>>, Json<Vec<ListedStream>>), Problem> {
    let query = Query::parse(&uri, &["prefix", "limit", "cursor", "system"])?;
    let prefix = query.text("prefix").map(StreamPath::parse_url).transpose().map_err(Problem::bad_path)?;
    let limit = query.positive("limit")?.map_or(100, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let limit = limit.min(LIST_PAGE_MAX);
    let before = query.positive("cursor")?.map(StreamId);
    let system = query.flag("system")?.unwrap_or(false);
    let log = app.host.log().clone();
    let records = log.streams(&project, prefix.as_ref(), before, limit, system)?;
    let next =
        if records.len() == limit { records.last().map(|record| record.id.0.to_string()) } else { None };
    let listed = records
        .into_iter()
        .map(|record| {
            let tail = log.tail(record.id)?;
            Ok(ListedStream { path: record.key.path, created_at: record.created_at, tail })
        })
        .collect::<Result<Vec<_>, Problem>>()?;
    Ok((AppendHeaders(next.map(|cursor| ("x-millrace-next-cursor", cursor))), Json(listed)))
}

/// Everything below a stream, newest first.
#[utoipa::path(
    get,
    path = "/api/streams/__children/{path}",
    tag = "streams",
    params(
        ("path" = String, Path, description = "the stream's path"),
        ("system" = Option<bool>, Query, description = "whether system streams are listed too"),
    ),
    responses(
        (status = 200, description = "`[{path, createdAt}]`", body = Vec<Object>),
        (status = 404, description = "neither the stream nor anything below it exists", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn children(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
) -> Result<Json<Vec<Value>>, Problem> {
    let system = Query::parse(&uri, &["system"])?.flag("system")?.unwrap_or(false);
    let mut records = app.host.descendants(&stream).await?;
    // The root is there before it has any event; what was destroyed may have left its children.
    if records.is_empty() && !stream.path.is_root() && app.host.log().find(&stream)?.is_none() {
        return Err(Problem::no_stream(&stream.path));
    }
    records.retain(|record| system || !record.key.path.is_system());
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    let listed =
        records.iter().map(|record| json!({ "path": record.key.path, "createdAt": record.created_at }));
    Ok(Json(listed.collect()))
}

/// What the events of a stream come to: its metadata, its children, and the state of each processor.
#[utoipa::path(
    get,
    path = "/api/streams/__state/{path}",
    tag = "streams",
    params(("path" = String, Path, description = "the stream's path")),
    responses(
        (status = 200, description = "`{project, path, eventCount, childPaths, metadata, paused, processors}`", body = Object),
        (status = 404, body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn state(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::parse(&uri, &[])?;
    let state = app.host.state(&stream).await?;
    state.map(Json).ok_or_else(|| Problem::no_stream(&stream.path))
}

/// Destroys a stream with all its events; the path may be used again, from offset 1. Where there is none, a count of 0
/// says so: who repeats the request has what it asked for.
#[utoipa::path(
    delete,
    path = "/api/streams/{path}",
    tag = "streams",
    params(
        ("path" = String, Path, description = "the stream's path"),
        ("destroyChildren" = Option<bool>, Query, description = "whether everything below goes too"),
    ),
    responses((status = 200, description = "`{destroyedStreamCount, finalStateByPath}`", body = Object))
)]
pub async fn destroy(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let children = Query::parse(&uri, &["destroyChildren"])?.flag("destroyChildren")?.unwrap_or(false);
    let destroyed = app.host.destroy(&stream, children).await?;
    let states: serde_json::Map<String, Value> =
        destroyed.iter().map(|(path, state)| (path.to_string(), json!({ "finalState": state }))).collect();
    Ok(Json(json!({ "destroyedStreamCount": destroyed.len(), "finalStateByPath": states })))
}
