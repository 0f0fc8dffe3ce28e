//! Safe by default: an append can carry code, and any web page can make a browser POST to localhost. So a
//! foreign `Origin` is refused, and a `Host` that is not ours (a name made to resolve to this machine).

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::error::Problem;

pub struct Guard {
    allow_origins: Vec<String>,
    allow_hosts: Vec<String>,
}

impl Guard {
    pub fn new(allow_origins: Vec<String>, allow_hosts: Vec<String>) -> Guard {
        let lower = |values: Vec<String>| {
            values.into_iter().map(|value| value.trim_end_matches('/').to_ascii_lowercase()).collect()
        };
        Guard { allow_origins: lower(allow_origins), allow_hosts: lower(allow_hosts) }
    }

    /// Addresses cannot be made to resolve elsewhere; of names, only the machine's own and the allowed ones.
    fn is_expected_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let name = without_port(&host);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost"
            || name.ends_with(".localhost")
            || address.parse::<IpAddr>().is_ok()
            || self.allow_hosts.iter().any(|allowed| *allowed == host || allowed == name || allowed == "*")
    }

    fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        let place = origin.split_once("://").map(|(_, place)| place);
        place == Some(&host.to_ascii_lowercase())
    }

    fn is_allowed_origin(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.allow_origins.iter().any(|allowed| *allowed == origin || allowed == "*")
    }
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    }
}

pub async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    let host = match host_of(request.headers(), request.uri()) {
        Ok(host) => host,
        Err(problem) => return problem.into_response(),
    };
    if !app.guard.is_expected_host(&host) {
        let detail = format!(
            "this server does not answer to the name {host:?}; start it with --allow-host {} if it should",
            without_port(&host)
        );
        return Problem::forbidden("host-refused", detail).into_response();
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let Some(origin) = origin else { return finish(next.run(request).await) };
    let text = origin.to_str().unwrap_or("?");
    if app.guard.is_own_origin(text, &host) {
        return finish(next.run(request).await);
    }
    if !app.guard.is_allowed_origin(text) {
        let detail = format!(
            "requests from pages of {text} are refused; start the server with --allow-origin {text} to allow them"
        );
        return Problem::forbidden("origin-refused", detail).into_response();
    }
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    finish(allow(response, origin, asked))
}

fn host_of(headers: &HeaderMap, uri: &Uri) -> Result<String, Problem> {
    if headers.get_all(header::HOST).iter().count() > 1 {
        return Err(Problem::bad_header("a request may have one Host header"));
    }
    // A request line with a whole address in it means that one, whatever the header says.
    if let Some(authority) = uri.authority() {
        return Ok(authority.as_str().to_string());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.map(str::to_string).ok_or_else(|| Problem::bad_header("a request must have a Host header"))
}

fn allow(mut response: Response, origin: HeaderValue, asked: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-millrace-next-cursor, retry-after"),
    );
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, PUT, POST, DELETE, PATCH"),
    );
    if let Some(asked) = asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
    response
}

/// No browser is to guess that what somebody has appended is a page.
fn finish(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::Guard;

    #[test]
    fn hosts_and_origins() {
        let guard = Guard::new(vec!["https://app.example/".into()], vec!["millrace.lan".into()]);
        let hosts = [
            ("localhost:4777", true),
            ("127.0.0.1:4777", true),
            ("[::1]:4777", true),
            ("[::1]", true),
            ("millrace.lan:4777", true),
            ("evil.example", false),
            ("localhost.evil.example:80", false),
        ];
        for (host, expected) in hosts {
            assert_eq!(guard.is_expected_host(host), expected, "{host}");
        }
        assert!(guard.is_own_origin("http://127.0.0.1:4777", "127.0.0.1:4777"));
        assert!(
            !guard.is_own_origin("http://127.0.0.1:80", "127.0.0.1:4777")
                && !guard.is_own_origin("null", "x")
        );
        assert!(
            guard.is_allowed_origin("https://App.example")
                && !guard.is_allowed_origin("https://evil.example")
        );
    }
}
