//! Push subscriptions: how far each has come, and the key that its receiver checks signatures with.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};

use super::App;
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use crate::event::{Slug, StreamPath};

/// Each push subscription of a stream: its configuration, its status (`active`, `failing`, `resting` until it is
/// configured again or an event comes after a while, or `ended` by a 410), and how far it has come.
#[utoipa::path(
    get,
    path = "/api/subscriptions/{path}",
    tag = "subscriptions",
    params(("path" = String, Path, description = "the stream's path")),
    responses(
        (status = 200, description = "`[{slug, type, callbackUrl, configuredOffset, status, acked, tail, lag, attempts, nextTryAt, lastError, …}]`", body = Vec<Object>),
        (status = 404, body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn list(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
) -> Result<Json<Vec<Value>>, Problem> {
    Query::parse(&uri, &[])?;
    let list = app.host.subscriptions(&stream).await?;
    list.map(Json).ok_or_else(|| Problem::no_stream(&stream.path))
}

/// The signing secret of a subscription: give it to the receiver, whose Standard Webhooks library checks signatures
/// with it. A subscription with a `signingSecret` of its own is signed with that, whose value is never returned.
#[utoipa::path(
    get,
    path = "/api/subscriptions/__secret/{path}",
    tag = "subscriptions",
    params(
        ("path" = String, Path, description = "the stream's path"),
        ("slug" = String, Query, description = "the subscription"),
    ),
    responses(
        (status = 200, description = "`{slug, signingSecret: \"whsec_…\"}`, or `{slug, secretKey}` of one that names a secret", body = Object),
        (status = 404, body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn secret(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let query = Query::parse(&uri, &["slug"])?;
    let Some(slug) = query.text("slug") else {
        return Err(Problem::bad_query("`slug` is missing: it names the subscription"));
    };
    let slug = Slug::parse(slug).map_err(Problem::bad_query)?;
    let Some(list) = app.host.subscriptions(&stream).await? else {
        return Err(Problem::no_stream(&stream.path));
    };
    let Some(subscription) = list.iter().find(|subscription| subscription["slug"] == slug.as_str()) else {
        return Err(Problem::no_subscription(slug.as_str(), &stream.path));
    };
    if let Some(reference) = subscription.get("signingSecret") {
        return Ok(Json(json!({ "slug": slug, "secretKey": reference["secretKey"] })));
    }
    // One key for all streams that a subscription serves.
    let above = subscription["configuredOn"].as_str().and_then(|path| StreamPath::parse(path).ok());
    let configured_on = above.map_or_else(|| stream.clone(), |path| stream.sibling(path));
    let signing_secret = app.host.deliveries().signing_secret(&configured_on, &slug)?;
    Ok(Json(json!({ "slug": slug, "signingSecret": signing_secret })))
}
