//! Finite reads (contract §2): cursors, filters, formats, and the exact bytes of an SSE frame.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::{Shared, get, post, shared};

/// A stream of a created event and `a` to `e`, at the offsets 2 to 6.
fn letters() -> Shared {
    let millrace = shared();
    let events: Vec<Value> = ["a", "b", "c", "d", "e"].map(|name| json!({"type": name})).into();
    millrace.append("/letters", Value::Array(events));
    millrace
}

#[test]
fn cursors_are_exclusive() {
    let millrace = letters();
    let cases: [(&str, &[u64]); 19] = [
        ("", &[1, 2, 3, 4, 5, 6]),
        ("live=false", &[1, 2, 3, 4, 5, 6]),
        ("afterOffset=start", &[1, 2, 3, 4, 5, 6]),
        ("afterOffset=1", &[2, 3, 4, 5, 6]),
        ("afterOffset=4", &[5, 6]),
        ("afterOffset=6", &[]),
        ("afterOffset=99", &[]),
        ("afterOffset=end", &[]),
        ("beforeOffset=end", &[1, 2, 3, 4, 5, 6]),
        ("beforeOffset=3", &[1, 2]),
        ("beforeOffset=1", &[]),
        ("beforeOffset=start", &[]),
        ("beforeOffset=99", &[1, 2, 3, 4, 5, 6]),
        ("afterOffset=2&beforeOffset=5", &[3, 4]),
        ("afterOffset=5&beforeOffset=3", &[]),
        ("offset=4", &[5, 6]),
        ("limit=2", &[1, 2]),
        ("afterOffset=3&limit=1", &[4]),
        ("types=b,d,nothing", &[3, 5]),
    ];
    for (query, offsets) in cases {
        let found: Vec<u64> = millrace
            .read_with("/letters", query)
            .iter()
            .map(|event| event["offset"].as_u64().unwrap())
            .collect();
        assert_eq!(found, offsets, "{query}");
    }
    let types = millrace.read_with("/letters", "types=stream%2Fcreated,e&limit=5");
    assert_eq!(types.len(), 2);
}

#[test]
fn a_wrong_query_is_refused() {
    let millrace = letters();
    for (query, word) in [
        ("afterOffset=x", "afterOffset"),
        ("afterOffset=-1", "afterOffset"),
        ("afterOffset=1.5", "afterOffset"),
        ("afterOffset=", "afterOffset"),
        ("beforeOffset=tail", "beforeOffset"),
        ("limit=many", "limit"),
        ("live=maybe", "live"),
        ("frobnicate=1", "frobnicate"),
        ("after=2", "after"),
    ] {
        millrace.run([get(&format!("/api/streams/letters?{query}")).refused(400, "bad-query", word)]);
    }
    millrace.run([post("/api/streams/letters?nonsense=1", r#"{"type":"x"}"#).refused(
        400,
        "bad-query",
        "nonsense",
    )]);
}

#[test]
fn the_format_follows_accept() {
    let millrace = letters();
    let formats = [
        ("application/json", "", "application/json"),
        ("application/x-ndjson", "", "application/x-ndjson"),
        ("text/event-stream", "?live=false", "text/event-stream"),
        ("*/*", "", "text/event-stream"),
        ("", "", "text/event-stream"),
        ("application/json;q=0.9, text/plain", "", "application/json"),
        ("application/json;q=0.5, text/event-stream", "?live=false", "text/event-stream"),
        ("application/json, text/event-stream;q=0.5", "?live=false", "application/json"),
        ("application/json, text/event-stream;q=0.5", "", "application/json"),
        ("application/json;q=0.5, application/x-ndjson;q=0.8", "", "application/x-ndjson"),
        ("application/json;q=0, application/x-ndjson;q=0.1", "", "application/x-ndjson"),
        ("application/json, text/event-stream;q=0", "", "application/json"),
        ("application/json, text/plain, */*", "", "application/json"),
    ];
    for (accept, query, content_type) in formats {
        let request = Request::new("GET", &format!("/api/streams/letters{query}"));
        let request = if accept.is_empty() { request } else { request.header("accept", accept) };
        let answer = millrace.send(request);
        let found = answer.head.header("content-type").unwrap_or_default();
        assert!(answer.head.status == 200 && found.starts_with(content_type), "Accept {accept:?}: {found}");
    }
}

#[test]
fn ndjson_is_one_event_a_line() {
    let millrace = letters();
    let answer =
        millrace.send(Request::new("GET", "/api/streams/letters").header("accept", "application/x-ndjson"));
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.ends_with('\n'));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, millrace.read("/letters"));
}

#[test]
fn an_sse_frame_is_exactly_this() {
    let millrace = shared();
    millrace.append("/sse", json!({"type": "x", "payload": {"text": "two\nlines"}}));
    let events =
        millrace.send(Request::new("GET", "/api/streams/sse").header("accept", "application/x-ndjson"));
    let lines: Vec<String> = String::from_utf8(events.body).unwrap().lines().map(str::to_string).collect();
    let answer = millrace.send(Request::new("GET", "/api/streams/sse?live=false"));
    let expected = format!(
        ": \n\nid: 1\nevent: message\ndata: {}\n\nid: 2\nevent: message\ndata: {}\n\n",
        lines[0], lines[1]
    );
    assert_eq!(String::from_utf8(answer.body).unwrap(), expected);
    assert!(
        answer.head.header("cache-control").is_some_and(|value| value.contains("no-")),
        "proxies must not keep it"
    );
}

#[test]
fn the_stored_event_is_the_same_wherever_it_is_shown() {
    let millrace = shared();
    let stored = millrace
        .append("/same", json!({"type": "x", "payload": {"n": 1}, "metadata": {}, "idempotencyKey": "k"}));
    let sse = millrace.follow("/same").events(2).pop().unwrap();
    assert_eq!([&stored, &stored], [&millrace.read("/same")[1], &sse]);
}

#[test]
fn reading_never_creates() {
    let millrace = shared();
    for accept in ["application/json", "application/x-ndjson", "*/*"] {
        millrace.run([get("/api/streams/absent").header("accept", accept).refused(
            404,
            "stream-not-found",
            "/absent",
        )]);
    }
    millrace.run([
        get("/api/streams/absent?live=false").header("accept", "text/event-stream").refused(
            404,
            "stream-not-found",
            "/absent",
        ),
        get("/api/streams/__children/absent"),
        get("/api/streams").answers(200, json!([])),
        get("/api/streams/absent").refused(404, "stream-not-found", "/absent"),
    ]);
}

#[test]
fn a_long_stream_is_read_whole_and_in_order() {
    let millrace = shared();
    let lift = json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000}});
    millrace.append("/long", lift);
    for batch in 0..4 {
        let events: Vec<Value> =
            (0..700).map(|n| json!({"type": "x", "payload": {"n": batch * 700 + n}})).collect();
        millrace.append("/long", Value::Array(events));
    }
    let events = millrace.read("/long");
    assert_eq!(events.len(), 2_802);
    assert!(events.iter().zip(1u64..).all(|(event, offset)| event["offset"] == offset));
    assert_eq!(millrace.follow("/long").events(2_802), events);
}
