//! Problems (RFC 9457): the one place where causes become status codes.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::egress::SecretError;
use crate::event::{Project, StreamPath};
use crate::log::LogError;
use crate::processor::Rejection;
use crate::processors::simulation::SimulateError;
use crate::processors::travel::TravelError;
use crate::stream::{AppendError, ForkError};

/// A problem document: one stable `code` per cause, and a sentence that says what to do.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    more: Map<String, Value>,
}

impl Problem {
    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        Problem { status, code, title, detail: detail.into(), more: Map::new() }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.more.insert(name.to_string(), value.into());
        self
    }

    pub fn bad_path(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-path", "bad stream path", detail)
    }

    pub fn bad_query(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-query", "bad query", detail)
    }

    pub fn bad_header(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-header", "bad header", detail)
    }

    pub fn bad_body(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-body", "bad request body", detail)
    }

    pub fn empty_batch() -> Problem {
        let detail = "a batch must have at least one event; nothing was appended";
        Problem::new(StatusCode::BAD_REQUEST, "empty-batch", "empty batch", detail)
    }

    pub fn too_large(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "request too large", detail)
    }

    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, code, "request refused", detail)
    }

    pub fn no_stream(path: &StreamPath) -> Problem {
        let detail = format!("there is no stream `{path}`; the first append creates it");
        Problem::new(StatusCode::NOT_FOUND, "stream-not-found", "stream not found", detail)
    }

    pub fn bad_secret(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad-secret", "bad secret", detail)
    }

    pub fn no_secret(name: &str, project: &Project) -> Problem {
        let detail = format!("there is no secret {name:?} in project {project}; GET /api/secrets lists them");
        Problem::new(StatusCode::NOT_FOUND, "secret-not-found", "secret not found", detail)
    }

    pub fn no_subscription(slug: &str, path: &StreamPath) -> Problem {
        let detail =
            format!("stream `{path}` has no subscription {slug:?}; GET /api/subscriptions{path} lists them");
        Problem::new(StatusCode::NOT_FOUND, "subscription-not-found", "subscription not found", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "not found", detail)
    }

    fn no_processor(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "processor-not-found", "processor not found", detail)
    }

    fn too_many(code: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, code, "too many at once", detail)
    }

    pub fn overloaded() -> Problem {
        let detail = "the server holds as many request bodies as it may; try again in a moment";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "server overloaded", detail)
    }

    pub fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "store unavailable", detail)
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Problem {
        let detail = error.to_string();
        match error {
            AppendError::OffsetMismatch { expected, supplied, .. } => {
                Problem::new(StatusCode::PRECONDITION_FAILED, "offset-mismatch", "offset mismatch", detail)
                    .with("expectedOffset", expected.0)
                    .with("suppliedOffset", supplied.0)
            }
            AppendError::Rejected(Rejection::StreamPaused { path, reason }) => {
                Problem::new(StatusCode::PRECONDITION_FAILED, "stream-paused", "stream paused", detail)
                    .with("streamPath", path.as_str())
                    .with("pauseReason", reason)
            }
            AppendError::Rejected(Rejection::Full { .. }) => {
                Problem::new(StatusCode::CONFLICT, "limit-reached", "limit reached", detail)
            }
            AppendError::Busy(_) => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-appends",
                "too many appends waiting",
                detail,
            ),
            AppendError::Destroyed(_) => {
                Problem::new(StatusCode::CONFLICT, "stream-destroyed", "stream destroyed", detail)
            }
            AppendError::ShuttingDown => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting-down", "server shutting down", detail)
            }
            AppendError::Log(_) => Problem::unavailable(detail),
        }
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Problem {
        let detail = error.to_string();
        match error {
            SecretError::Invalid(_) => Problem::bad_secret(detail),
            SecretError::Full(_) => {
                Problem::new(StatusCode::CONFLICT, "limit-reached", "limit reached", detail)
            }
            SecretError::Store(_) => Problem::unavailable(detail),
        }
    }
}

impl From<TravelError> for Problem {
    fn from(error: TravelError) -> Problem {
        let detail = error.to_string();
        match error {
            TravelError::NoStream(path) => Problem::no_stream(&path),
            TravelError::NoProcessor(..) => Problem::no_processor(detail),
            TravelError::Beyond { tail, .. } => Problem::bad_query(detail).with("tail", tail.0),
            TravelError::Script(..) => {
                Problem::new(StatusCode::CONFLICT, "processor-failed", "processor failed", detail)
            }
            TravelError::Busy => Problem::too_many("too-many-travels", detail),
            TravelError::Append(error) => error.into(),
            TravelError::Machinery(_) => Problem::unavailable(detail),
        }
    }
}

impl From<ForkError> for Problem {
    fn from(error: ForkError) -> Problem {
        let detail = error.to_string();
        match error {
            ForkError::NoStream(path) => Problem::no_stream(&path),
            ForkError::Beyond { tail, .. } => Problem::bad_body(detail).with("tail", tail.0),
            ForkError::Exists(path) => {
                Problem::new(StatusCode::CONFLICT, "stream-exists", "stream exists", detail)
                    .with("streamPath", path.as_str())
            }
            ForkError::Append(error) => error.into(),
        }
    }
}

impl From<SimulateError> for Problem {
    fn from(error: SimulateError) -> Problem {
        let detail = error.to_string();
        match error {
            SimulateError::Bad(_) => Problem::bad_body(detail),
            SimulateError::NoStream(path) => Problem::no_stream(&path),
            SimulateError::NoProcessor(..) => Problem::no_processor(detail),
            SimulateError::Busy => Problem::too_many("too-many-simulations", detail),
            SimulateError::Append(error) => error.into(),
            SimulateError::Machinery(_) | SimulateError::Gone => Problem::unavailable(detail),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Problem {
        Problem::unavailable(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = json!({
            "type": format!("urn:millrace:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        if let Some(members) = document.as_object_mut() {
            members.extend(self.more);
        }
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response = (self.status, [content_type], document.to_string()).into_response();
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

pub async fn not_found(uri: axum::http::Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}; the API is described at /api/docs", uri.path()))
}

pub async fn method_not_allowed(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let detail = format!("{method} is not possible at {}; see /api/docs for what is", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "method not allowed", detail)
}
