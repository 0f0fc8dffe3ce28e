//! The description of the API, generated from the handlers, and the pages that explain it.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;

use super::App;
use super::docs;
use super::error::Problem;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "millrace",
        description = "Event streams with a URL each, and stream processors that are themselves events. Errors are problem documents (RFC 9457) with a stable `code`."
    ),
    paths(
        super::append::append,
        super::read::read,
        super::streams::list,
        super::streams::state,
        super::streams::children,
        super::streams::destroy,
        super::fork::fork,
        super::processors::list,
        super::subscriptions::list,
        super::subscriptions::secret,
        super::simulate::simulate,
        super::secrets::set,
        super::secrets::list,
        super::secrets::remove,
        super::operations::health,
        super::operations::metrics,
        event_index,
        event,
        llms,
    ),
    components(schemas(EventInputSchema, EventSchema, AppendedSchema, ProblemSchema))
)]
struct Api;

/// What a client appends; an unknown key makes it invalid.
#[derive(utoipa::ToSchema)]
#[schema(as = EventInput)]
#[allow(dead_code, reason = "a schema")]
pub struct EventInputSchema {
    /// Any text of 1 to 2,048 characters.
    r#type: String,
    #[schema(default = json!({}))]
    payload: Option<utoipa::openapi::Object>,
    metadata: Option<utoipa::openapi::Object>,
    /// Unique per stream for ever: a repeat returns the event stored first.
    #[schema(rename = "idempotencyKey")]
    idempotency_key: Option<String>,
    /// Append only if the event lands exactly here.
    offset: Option<u64>,
}

/// An immutable fact at one place in one stream.
#[derive(utoipa::ToSchema)]
#[schema(as = Event)]
#[allow(dead_code, reason = "a schema")]
pub struct EventSchema {
    #[schema(rename = "streamPath")]
    stream_path: String,
    r#type: String,
    payload: utoipa::openapi::Object,
    metadata: Option<utoipa::openapi::Object>,
    #[schema(rename = "idempotencyKey")]
    idempotency_key: Option<String>,
    /// 1, 2, 3 … without gaps.
    offset: u64,
    /// ISO 8601, milliseconds, `Z`.
    #[schema(rename = "createdAt")]
    created_at: String,
    /// Who appended it, and in reaction to what.
    source: Option<utoipa::openapi::Object>,
}

/// `event` for one, `events` for a batch.
#[derive(utoipa::ToSchema)]
#[schema(as = Appended)]
#[allow(dead_code, reason = "a schema")]
pub struct AppendedSchema {
    event: Option<EventSchema>,
    events: Option<Vec<EventSchema>>,
}

/// RFC 9457, with a stable `code` per cause.
#[derive(utoipa::ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "a schema")]
pub struct ProblemSchema {
    r#type: String,
    title: String,
    status: u16,
    detail: String,
    code: String,
}

pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/openapi.json", get(document))
        .route("/api/docs", get(page))
        .route("/docs/events", get(event_index))
        .route("/docs/events/", get(event_index))
        .route("/docs/events/{*type}", get(event))
        .route("/llms.txt", get(llms))
}

async fn document() -> Response {
    let json = Api::openapi().to_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], json).into_response()
}

async fn page() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], docs::openapi_page()).into_response()
}

/// All built-in event types, each with its summary.
#[utoipa::path(
    get,
    path = "/docs/events",
    tag = "documentation",
    params(("Accept" = Option<String>, Header, description = "text/html, application/json or text/markdown (default)")),
    responses((status = 200, description = "the list", content((String = "text/markdown"), (String = "text/html"), (Vec<Object> = "application/json"))))
)]
async fn event_index(headers: HeaderMap) -> Response {
    doc(docs::event_index(accept(&headers)))
}

/// The documentation of a built-in event type: who appends it, what it does, the fields of its payload, an example.
#[utoipa::path(
    get,
    path = "/docs/events/{type}",
    tag = "documentation",
    params(
        ("type" = String, Path, description = "the type, as in stream/paused; its slashes need not be percent-encoded"),
        ("Accept" = Option<String>, Header, description = "text/html, application/json or text/markdown (default)"),
    ),
    responses(
        (status = 200, description = "the page", content((String = "text/markdown"), (String = "text/html"), (Object = "application/json"))),
        (status = 404, description = "there is no such built-in type", body = ProblemSchema, content_type = "application/problem+json"),
    )
)]
async fn event(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = docs::event_doc(&name, accept(&headers));
    found.map(doc).ok_or_else(|| {
        Problem::not_found(format!(
            "there is no built-in event type {name:?}; all are listed at /docs/events"
        ))
    })
}

/// What a language model has to know to use this server, on one page.
#[utoipa::path(get, path = "/llms.txt", tag = "documentation", responses((status = 200, content_type = "text/plain", body = String)))]
async fn llms() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], docs::llms()).into_response()
}

fn accept(headers: &HeaderMap) -> docs::Format {
    docs::Format::of_accept(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()))
}

fn doc(doc: docs::Doc) -> Response {
    ([(header::CONTENT_TYPE, doc.content_type)], doc.body).into_response()
}
