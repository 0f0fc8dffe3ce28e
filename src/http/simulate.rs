//! `POST /api/simulate/{path}`: a candidate is run over the stream's history, with no effect.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::App;
use super::accept::Accept;
use super::append::{collect, reserve};
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use crate::processors::simulation::SimulateRequest;

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

/// What is to be simulated, under the names of the event that would configure it.
#[derive(utoipa::ToSchema)]
#[schema(as = Simulate, rename_all = "camelCase")]
#[allow(dead_code, reason = "a schema")]
pub struct SimulateSchema {
    /// The processor to compare with. Without code it is this one, as it is deployed.
    slug: Option<String>,
    /// One JavaScript module.
    script: Option<String>,
    /// Several, by name.
    modules: Option<utoipa::openapi::Object>,
    source_map: Option<utoipa::openapi::Object>,
    /// For the bundler: texts by path, with `packageJson`, `entry` and `lock` as in processor/source-configured.
    files: Option<utoipa::openapi::Object>,
    package_json: Option<utoipa::openapi::Object>,
    entry: Option<String>,
    lock: Option<utoipa::openapi::Object>,
    /// `off` (the default here), `report` or `require`.
    typecheck: Option<String>,
    /// Up to this event the history is reduced and not acted on: an offset, `start` or `end`.
    after_offset: Option<u64>,
    /// From this event on nothing is there for the candidate: an offset, `start` or `end`.
    before_offset: Option<u64>,
    /// What its requests are answered with, in order: `[{method?, url, status?, headers?, body?, repeat?}]`. What has no
    /// answer fails with a TypeError.
    fetches: Option<Vec<utoipa::openapi::Object>>,
    /// `changes` (the default): the state behind each event that changes it; `all`; or `last`.
    states: Option<String>,
    limits: Option<utoipa::openapi::Object>,
    egress: Option<utoipa::openapi::Object>,
}

/// Runs a candidate over the stream's history in a sealed isolate: the state behind each event, what it would have
/// appended and sent, where it fails, and what of that is otherwise than with the version that is live. Nothing is
/// stored, sent or deployed. With `Accept: application/x-ndjson` each of these comes as a line of its own, without a
/// bound on how many, and the summary last.
#[utoipa::path(
    post,
    path = "/api/simulate/{path}",
    tag = "processors",
    params(("path" = String, Path, description = "the stream's path")),
    request_body = SimulateSchema,
    responses(
        (status = 200, description = "`{outcome, streamPath, slug, version, range, state, states, appends, fetches, failures, logs, counts, leftOut, live, difference, …}`; `outcome` is `completed`, `failed`, `suspended`, `load-failed` or `compile-failed` (with `stage` and `diagnostics`)", content((Object = "application/json"), (String = "application/x-ndjson"))),
        (status = 400, description = "the body names no code, or something unknown", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 404, description = "no such stream, or no such processor", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 429, description = "too many simulations run already", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn simulate(
    State(app): State<App>,
    Addressed(stream): Addressed,
    request: Request,
) -> Result<Response, Problem> {
    Query::parse(request.uri(), &[])?;
    let accept = Accept::of(request.headers());
    let simulations = app.host.simulations();
    let request = {
        let _place = reserve(&app, request.headers())?;
        SimulateRequest::parse(&collect(request.into_body()).await?)?
    };
    if accept.best(&[JSON, LINES]) != Some(LINES) {
        let answer = simulations.run(&stream, request).await?;
        return Ok(axum::Json(answer).into_response());
    }
    let lines = simulations.lines(&stream, request).await?;
    let lines = stream::unfold(lines, |mut lines| async move {
        let line = lines.next().await?;
        Some((Ok::<_, Infallible>(line), lines))
    });
    Ok(([(header::CONTENT_TYPE, LINES)], Body::from_stream(lines)).into_response())
}
