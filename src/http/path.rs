//! The stream that a request is about: the path from its URL, the project from its headers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::error::Problem;
use crate::event::{Project, StreamKey, StreamPath};

/// Both spellings are accepted; the first is ours.
const PROJECT_HEADERS: [&str; 2] = ["x-millrace-project", "x-iterate-project"];

/// Routes under which a stream's path may stand, the longer ones first.
const ROUTES: [&str; 8] = [
    "/api/streams/__state",
    "/api/streams/__children",
    "/api/streams/__fork",
    "/api/streams",
    "/api/processors",
    "/api/simulate",
    "/api/subscriptions/__secret",
    "/api/subscriptions",
];

/// The stream named by path and headers.
pub struct Addressed(pub StreamKey);

/// The project named by the headers.
pub struct InProject(pub Project);

impl<S: Send + Sync> FromRequestParts<S> for InProject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<InProject, Problem> {
        project(parts).map(InProject)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Addressed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Addressed, Problem> {
        let whole = parts.uri.path();
        let below = ROUTES.iter().find_map(|route| {
            whole.strip_prefix(route).filter(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let encoded = below.map(|rest| rest.strip_prefix('/').unwrap_or(rest)).unwrap_or_default();
        let decoded = percent_decode_str(encoded)
            .decode_utf8()
            .map_err(|_| Problem::bad_path(format!("stream path {encoded:?} is not UTF-8")))?;
        let path = StreamPath::parse_url(&decoded).map_err(Problem::bad_path)?;
        Ok(Addressed(StreamKey::new(project(parts)?, path)))
    }
}

fn project(parts: &Parts) -> Result<Project, Problem> {
    let Some((name, value)) = PROJECT_HEADERS.iter().find_map(|name| Some((name, parts.headers.get(*name)?)))
    else {
        return Ok(Project::default());
    };
    let refused = |why: String| Problem::bad_header(format!("header {name}: {why}"));
    let text = value.to_str().map_err(|_| refused("it is not plain text".into()))?;
    Project::parse(text).map_err(refused)
}
