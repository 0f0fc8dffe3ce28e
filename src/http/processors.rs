//! `GET /api/processors/{path}`: the processors of a stream, how far each has come, and what is wrong with it; or the
//! state of one of them, as it was behind any event.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use super::App;
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use crate::event::{Offset, Slug, StreamKey};

/// Each processor of a stream: its status and version, how far it has reduced and acted, its last error. With `slug` it
/// is time travel: that processor's state as it was behind the event `atOffset`, worked out by the version that is
/// deployed now; and with `fromOffset`, what has changed in it since that event.
#[utoipa::path(
    get,
    path = "/api/processors/{path}",
    tag = "processors",
    params(
        ("path" = String, Path, description = "the stream's path"),
        ("slug" = Option<String>, Query, description = "the processor whose state is asked for: a scripted one, or one of the server's own, as in circuit-breaker"),
        ("atOffset" = Option<u64>, Query, description = "behind which event; the newest when absent"),
        ("fromOffset" = Option<u64>, Query, description = "an event to compare with"),
    ),
    responses(
        (status = 200, description = "`[{slug, status, version, reduced, acted, tail, lag, lastError, bundle, limits, usage}]`; with `slug`, `{slug, version, inheritedFrom?, offset, state}`, and with `fromOffset` also `{fromOffset, fromState, patch}`, where `patch` is a JSON Patch (RFC 6902) that leads from `fromState` to `state`", body = Vec<Object>),
        (status = 400, description = "`bad-query`: there is no such event, and `tail` names the newest", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 404, description = "no such stream, or no such processor", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 409, description = "`processor-failed`: the version that is deployed cannot be run", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(&uri, &["slug", "atOffset", "fromOffset"])?;
    match query.text("slug") {
        Some(slug) => then(&app, &stream, &query, Slug::parse(slug).map_err(Problem::bad_query)?).await,
        None if query.text("atOffset").or(query.text("fromOffset")).is_some() => {
            Err(Problem::bad_query("`atOffset` and `fromOffset` are about one processor: name its `slug`"))
        }
        None => {
            let reports = app.host.processors(&stream).await?;
            let reports = reports.ok_or_else(|| Problem::no_stream(&stream.path))?;
            Ok(axum::Json(reports).into_response())
        }
    }
}

/// A state of the past, or two.
async fn then(app: &App, stream: &StreamKey, query: &Query, slug: Slug) -> Result<Response, Problem> {
    let at = query.positive("atOffset")?.map(Offset);
    let travel = app.host.travel();
    Ok(match query.positive("fromOffset")?.map(Offset) {
        Some(from) => axum::Json(travel.states_between(stream, &slug, from, at).await?).into_response(),
        None => axum::Json(travel.state_at(stream, &slug, at).await?).into_response(),
    })
}
