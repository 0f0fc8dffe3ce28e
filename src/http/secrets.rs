//! Secrets: set, listed and removed. No answer ever has a value.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde_json::{Value, json};

use super::App;
use super::error::Problem;
use super::path::InProject;
use super::query::Query;
use crate::egress::{NewSecret, Secret};
use crate::limits::SMALL_BODY_BYTES;

/// A secret to be set.
#[derive(utoipa::ToSchema)]
#[schema(as = NewSecret)]
#[allow(dead_code, reason = "a schema")]
pub struct NewSecretSchema {
    /// 1 to 128 characters of a-z, A-Z, 0-9, _, - and `.`
    name: String,
    /// What stands in a header: no line breaks, at most 64 KiB.
    value: String,
    /// Where it may go: `api.openai.com`, `*.slack.com:443`. Without it, to whatever host a request is for.
    hosts: Option<Vec<String>>,
    description: Option<String>,
}

/// What is shown of a secret.
#[derive(utoipa::ToSchema)]
#[schema(as = Secret)]
#[allow(dead_code, reason = "a schema")]
pub struct SecretSchema {
    name: String,
    hosts: Vec<String>,
    description: Option<String>,
    #[schema(rename = "createdAt")]
    created_at: String,
    #[schema(rename = "updatedAt")]
    updated_at: String,
}

/// Sets a secret of the project, or replaces it. Its value is encrypted on the disk and is never returned.
#[utoipa::path(
    post,
    path = "/api/secrets",
    tag = "secrets",
    request_body = NewSecretSchema,
    responses(
        (status = 200, body = SecretSchema),
        (status = 400, body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn set(
    State(app): State<App>,
    InProject(project): InProject,
    uri: Uri,
    body: Bytes,
) -> Result<Json<Secret>, Problem> {
    Query::parse(&uri, &[])?;
    if body.len() > 4 * SMALL_BODY_BYTES {
        return Err(Problem::too_large("a secret is no longer than 64 KiB"));
    }
    // An error of the parser names a field or a place, and never what stands there.
    let secret: NewSecret =
        serde_json::from_slice(&body).map_err(|error| Problem::bad_secret(words(&error)))?;
    Ok(Json(app.host.egress().secrets().set(&project, secret).await?))
}

/// The project's secrets, by name, without their values.
#[utoipa::path(get, path = "/api/secrets", tag = "secrets", responses((status = 200, body = Vec<SecretSchema>)))]
pub async fn list(
    State(app): State<App>,
    InProject(project): InProject,
    uri: Uri,
) -> Result<Json<Vec<Secret>>, Problem> {
    Query::parse(&uri, &[])?;
    Ok(Json(app.host.egress().secrets().list(&project)))
}

/// Removes a secret of the project.
#[utoipa::path(
    delete,
    path = "/api/secrets/{name}",
    tag = "secrets",
    params(("name" = String, Path, description = "the secret's name")),
    responses(
        (status = 200, description = "`{name, removed: true}`", body = Object),
        (status = 404, body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn remove(
    State(app): State<App>,
    InProject(project): InProject,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    Query::parse(&uri, &[])?;
    if !app.host.egress().secrets().remove(&project, &name).await? {
        return Err(Problem::no_secret(&name, &project));
    }
    Ok(Json(json!({ "name": name, "removed": true })))
}

/// The kind of the mistake: a message of serde may quote the input, which has the value in it.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let known = ["missing field", "unknown field", "duplicate field", "host rule"];
    if error.is_data() && known.iter().any(|words| text.starts_with(words)) {
        return text;
    }
    format!(
        "line {}, column {}: expected {{\"name\": string, \"value\": string, \"hosts\"?: [string], \"description\"?: string}}",
        error.line(),
        error.column()
    )
}
