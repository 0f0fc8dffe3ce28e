//! `GET /api/processors/{path}`: the processors of a stream, how far each has come, and what is wrong with it.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;

use super::App;
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use crate::processors::ProcessorReport;

/// Each processor of a stream: its status and version, how far it has reduced and acted, its last error.
#[utoipa::path(
    get,
    path = "/api/processors/{path}",
    tag = "processors",
    params(("path" = String, Path, description = "the stream's path")),
    responses(
        (status = 200, description = "`[{slug, status, version, reduced, acted, tail, lag, lastError, bundle, limits, usage}]`", body = Vec<Object>),
        (status = 404, body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
) -> Result<Json<Vec<ProcessorReport>>, Problem> {
    Query::parse(&uri, &[])?;
    let reports = app.host.processors(&stream).await?;
    reports.map(Json).ok_or_else(|| Problem::no_stream(&stream.path))
}
