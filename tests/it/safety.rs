//! What the server refuses before it looks at a stream: foreign pages, unexpected hosts, what is too large.
//! And that every refusal is a problem document (contract §2).

use serde_json::json;

use crate::harness::http::Request;
use crate::harness::{Server, get, post, request, shared};

#[test]
fn a_foreign_page_cannot_append() {
    let millrace = shared();
    let own = format!("http://{}", millrace.address);
    let append = || post("/api/streams/a", r#"{"type":"x"}"#);
    let port = millrace.address.port();
    millrace.run([
        append().header("origin", "https://evil.example").refused(403, "origin-refused", "evil.example"),
        append().header("origin", "null").refused(403, "origin-refused", "null"),
        append().header("host", "evil.example").refused(403, "host-refused", "evil.example"),
        append().header("host", &format!("evil.example:{port}")).refused(403, "host-refused", "evil.example"),
        get("/api/streams").header("host", "rebound.example").refused(403, "host-refused", "rebound.example"),
        get("/api/streams").answers(200, json!([])),
        append().header("origin", &own),
        append()
            .header("host", &format!("localhost:{port}"))
            .header("origin", &format!("http://localhost:{port}")),
        append().header("host", &format!("localhost:{port}")).header("origin", "http://localhost:1").refused(
            403,
            "origin-refused",
            "localhost:1",
        ),
        append().header("host", &format!("localhost:{port}")),
        append().header("host", &format!("[::1]:{port}")),
    ]);
}

#[test]
fn flags_open_the_door_to_named_pages_and_hosts() {
    let server =
        Server::start(&["--allow-origin", "https://app.example", "--allow-host", "millrace.example"]);
    let millrace = server.client("p");
    let append = || post("/api/streams/a", r#"{"type":"x"}"#);
    millrace.run([
        append().header("origin", "https://app.example"),
        append().header("host", "millrace.example"),
        append().header("origin", "https://other.example").refused(403, "origin-refused", "other.example"),
        append().header("host", "other.example").refused(403, "host-refused", "other.example"),
    ]);
    let answer = millrace.send(Request::new("GET", "/api/streams").header("origin", "https://app.example"));
    assert_eq!(answer.head.header("access-control-allow-origin"), Some("https://app.example"));
    let preflight = Request::new("OPTIONS", "/api/streams/a")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-millrace-project");
    let answer = millrace.send(preflight);
    assert!(matches!(answer.head.status, 200 | 204), "{:?}", answer.head);
    assert!(
        answer
            .head
            .header("access-control-allow-headers")
            .is_some_and(|h| h.to_lowercase().contains("content-type"))
    );
}

#[test]
fn every_refusal_is_a_problem_document_with_a_code() {
    let millrace = shared();
    millrace.append("/paused", json!({"type": "stream/paused"}));
    millrace.run([
        get("/api/nothing").refused(404, "not-found", "/api/nothing"),
        get("/nothing/at/all").refused(404, "not-found", "/nothing/at/all"),
        request("PUT", "/api/streams/a").body("{}").refused(405, "<any>", "PUT"),
        get("/api/streams/Upper").refused(400, "bad-path", "Upper"),
        get("/api/streams/a?x=1").refused(400, "bad-query", "x"),
        get("/api/streams/absent").refused(404, "stream-not-found", "/absent"),
        post("/api/streams/paused", r#"{"type":"x"}"#).refused(412, "stream-paused", "/paused"),
        post("/api/streams/a", r#"{"type":"x","offset":9}"#).refused(412, "offset-mismatch", "9"),
    ]);
}

#[test]
fn a_body_may_be_large_but_not_endless() {
    let millrace = shared();
    let text = "x".repeat(20 * 1024 * 1024);
    let stored = millrace.append("/large", json!({"type": "x", "payload": {"text": text}}));
    assert_eq!(stored["payload"]["text"].as_str().map(str::len), Some(text.len()));
    assert_eq!(millrace.read("/large")[1]["payload"]["text"].as_str().map(str::len), Some(text.len()));
    let declared =
        Request::new("POST", "/api/streams/large").header("content-length", "4000000000").body("x");
    assert_eq!(millrace.send(declared).head.status, 413);
    // A length that is not declared is counted.
    let mut chunked = format!("{:x}\r\n", 40 << 20).into_bytes();
    chunked.extend(std::iter::repeat_n(b'x', 40 << 20));
    chunked.extend(b"\r\n0\r\n\r\n");
    let chunked =
        Request::new("POST", "/api/streams/large").header("transfer-encoding", "chunked").body(chunked);
    assert_eq!(millrace.send(chunked).head.status, 413);
}

#[test]
fn a_batch_has_a_bound() {
    let events: Vec<_> = (0..10_001).map(|_| json!({"type": "x"})).collect();
    shared().run([
        post("/api/streams/a", json!(events)).refused(413, "too-large", "10"),
        get("/api/streams/a").refused(404, "stream-not-found", "/a"),
    ]);
}

#[test]
fn odd_requests_never_break_the_server() {
    let millrace = shared();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (open, close) = (r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
    let nested = format!(r#"{{"type":"x","payload":{open}1{close}}}"#);
    let bodies = [
        deep.as_bytes(),
        nested.as_bytes(),
        b"\"\\ud800\"",
        b"{\"type\":\"\\u0000\"}",
        b"[[[]]]",
        b"{\"type\":\"x\",\"type\":\"y\"}",
        b"1e999999",
    ];
    for body in bodies {
        let answer = millrace.send(
            Request::new("POST", "/api/streams/odd").header("content-type", "application/json").body(body),
        );
        assert!(answer.head.status < 500, "{:?}", answer.head);
    }
    for target in [
        "/api/streams/odd?afterOffset=99999999999999999999",
        "/api/streams/odd?%ff=1",
        "/api/streams/odd?limit=99999999999999999999999",
    ] {
        assert!(millrace.send(Request::new("GET", target)).head.status < 500, "{target}");
    }
    let forms = [
        ("application/x-www-form-urlencoded", "%ff=%fe&&==&a"),
        ("multipart/form-data; boundary=x", "--x\r\nbroken"),
    ];
    for (content_type, body) in forms {
        let answer = millrace
            .send(Request::new("POST", "/api/streams/odd").header("content-type", content_type).body(body));
        assert!(answer.head.status < 500, "{content_type}: {:?}", answer.head);
    }
    millrace.append("/odd", json!({"type": "still-here"}));
}

#[test]
fn the_service_describes_itself() {
    let millrace = shared();
    assert_eq!(millrace.send(Request::new("GET", "/healthz")).head.status, 200);
    let metrics = String::from_utf8(millrace.send(Request::new("GET", "/metrics")).body).unwrap();
    assert!(metrics.contains("# TYPE millrace_"), "{metrics}");
    let openapi =
        millrace.run([get("/api/openapi.json").answers(200, json!({"openapi": "~3.1", "paths": "<any>"}))]);
    assert!(openapi["paths"].as_object().is_some_and(|paths| paths.len() >= 6), "{openapi:#}");
    for path in ["/docs/events/{type}", "/docs/events", "/api/streams/{path}", "/api/secrets", "/metrics"] {
        assert!(openapi["paths"][path]["get"]["summary"].is_string(), "{path} is not described");
    }
    for event_type in ["stream/paused", "processor/configured", "stream/circuit-breaker-configured"] {
        let answer = millrace.send(Request::new("GET", &format!("/docs/events/{event_type}")));
        assert_eq!(answer.head.status, 200, "{event_type}");
        assert!(String::from_utf8_lossy(&answer.body).contains(event_type));
    }
    millrace.run([get("/docs/events/no/such-type").refused(404, "<any>", "no/such-type")]);
}
