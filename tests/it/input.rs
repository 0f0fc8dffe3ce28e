//! What is no valid event is stored as one that says so, and answered with 200 (contract §1).

use serde_json::{Value, json};

use crate::harness::{post, request, shared};

#[test]
fn whatever_is_posted_is_stored() {
    let json_type = "application/json";
    let form = "application/x-www-form-urlencoded";
    // content type, body, raw input as stored, a word of the error
    let cases: Vec<(&str, &[u8], Value, &str)> = vec![
        (json_type, b"3", json!(3), "object"),
        (json_type, b"\"hogwash\"", json!("hogwash"), "object"),
        (json_type, b"true", json!(true), "object"),
        (json_type, b"{}", json!({}), "type"),
        (json_type, br#"{"type":""}"#, json!({"type": ""}), "type"),
        (json_type, br#"{"type":7}"#, json!({"type": 7}), "type"),
        (json_type, br#"{"type":"x","extra":1}"#, json!({"type": "x", "extra": 1}), "extra"),
        (json_type, br#"{"type":"x","payload":[1]}"#, json!({"type": "x", "payload": [1]}), "payload"),
        (json_type, br#"{"type":"x","payload":"p"}"#, json!({"type": "x", "payload": "p"}), "payload"),
        (json_type, br#"{"type":"x","metadata":3}"#, json!({"metadata": 3}), "metadata"),
        (json_type, br#"{"type":"x","idempotencyKey":" "}"#, json!({"idempotencyKey": " "}), "idempotencyKey"),
        (json_type, br#"{"type":"x","offset":0}"#, json!({"offset": 0}), "offset"),
        (json_type, br#"{"type":"x","offset":-1}"#, json!({"offset": -1}), "offset"),
        (json_type, br#"{"type":"x","offset":1.5}"#, json!({"offset": 1.5}), "offset"),
        (json_type, br#"{"type":"x","source":{"kind":"server"}}"#, json!({"source": {"kind": "server"}}), "source"),
        (json_type, br#"{"type":"x","createdAt":"2020-01-01T00:00:00.000Z"}"#, json!({"type": "x"}), "createdAt"),
        (json_type, br#"{"token":"t","event":"message"}"#, json!({"token": "t", "event": "message"}), "type"),
        (json_type, br#"{"type":"stream/paused","payload":{"reason":1}}"#, json!({"type": "stream/paused"}), "reason"),
        (json_type, br#"{"type":"stream/paused","payload":{"reasn":"r"}}"#, json!({"type": "stream/paused"}), "reasn"),
        (json_type, br#"{"type":"stream/circuit-breaker-configured","payload":{"burstCapacity":0,"refillRatePerMinute":1}}"#, json!({}), "burstCapacity"),
        (json_type, br#"{"type":"stream/created","payload":{"path":"/a","project":"p"}}"#, json!({"type": "stream/created"}), "stream/created"),
        (json_type, br#"{"type":"processor/frobnicated"}"#, json!({"type": "processor/frobnicated"}), "reserved"),
        (json_type, br#"{"type":"processor/configured","payload":{"slug":"Bad Slug","script":"1"}}"#, json!({}), "slug"),
        (json_type, br#"{"type":"processor/configured","payload":{"slug":"s"}}"#, json!({}), "script"),
        (json_type, br#"{"type":"#, json!("{\"type\":"), "<any>"),
        ("text/plain", b"hello there", json!("hello there"), "<any>"),
        ("text/plain; charset=utf-8", "grüße".as_bytes(), json!("grüße"), "<any>"),
        ("application/octet-stream", b"\xff\xfe\x00", json!({"base64": "//4A"}), "<any>"),
        (json_type, b"\xff\xfe", json!({"base64": "//4="}), "<any>"),
        (form, b"a=1&b=x+y%21", json!({"a": "1", "b": "x y!"}), "<any>"),
        (json_type, b"", json!(""), "<any>"),
    ];
    let millrace = shared();
    for (content_type, body, raw_input, word) in cases {
        let error = if word == "<any>" { word.to_string() } else { format!("~{word}") };
        millrace.run([request("POST", "/api/streams/inbox")
            .header("content-type", content_type)
            .body(body)
            .answers(
                200,
                json!({"event": {
                    "type": "stream/invalid-event-appended",
                    "payload": {"rawInput": raw_input, "error": error},
                    "idempotencyKey": null,
                }}),
            )]);
    }
    millrace
        .run([post("/api/streams/inbox", "null")
            .answers(200, json!({"event": {"payload": {"rawInput": null}}}))]);
    assert!(millrace.read("/inbox").last().unwrap()["payload"].as_object().unwrap().contains_key("rawInput"));
    millrace.run([post("/api/streams/inbox", r#"{"type":"still-open"}"#)]);
}

#[test]
fn json_is_understood_without_a_content_type() {
    shared().run([request("POST", "/api/streams/a")
        .body(r#"{"type":"x"}"#)
        .answers(200, json!({"event": {"type": "x"}}))]);
}

#[test]
fn an_invalid_element_is_stored_in_its_place() {
    shared().run([
        post("/api/streams/a", r#"[{"type":"x"},5,{"type":"y","nope":1},{"type":"z"}]"#).answers(
            200,
            json!({"events": [
                {"offset": 2, "type": "x"},
                {"offset": 3, "type": "stream/invalid-event-appended", "payload": {"rawInput": 5}},
                {"offset": 4, "type": "stream/invalid-event-appended", "payload": {"rawInput": {"type": "y", "nope": 1}, "error": "~nope"}},
                {"offset": 5, "type": "z"},
            ]}),
        ),
        post("/api/streams/a", r#"{"event":{"type":""}}"#)
            .answers(200, json!({"event": {"type": "stream/invalid-event-appended", "payload": {"error": "~type"}}})),
        post("/api/streams/a?type=hook", "[1,2]")
            .answers(200, json!({"event": {"type": "stream/invalid-event-appended", "payload": {"rawInput": [1, 2]}}})),
        post("/api/streams/a?type=stream/paused", r#"{"reason":5}"#)
            .answers(200, json!({"event": {"type": "stream/invalid-event-appended", "payload": {"error": "~reason"}}})),
    ]);
}

#[test]
fn the_originals_names_of_built_in_types_are_kept_and_have_the_same_effect() {
    let original = |name: &str, payload: Value| json!({"type": format!("https://events.iterate.com/events/stream/{name}"), "payload": payload});
    let millrace = shared();
    let paused = original("paused", json!({"reason": "lunch"}));
    millrace.run([
        post("/api/streams/a", original("metadata-updated", json!({"metadata": {"owner": "me"}}))).answers(
            200,
            json!({"event": {"type": "https://events.iterate.com/events/stream/metadata-updated"}}),
        ),
        post(
            "/api/streams/a",
            original("circuit-breaker-configured", json!({"burstCapacity": 1000, "refillRatePerMinute": 10})),
        ),
        post("/api/streams/a", &paused).answers(200, json!({"event": paused})),
        post("/api/streams/a", r#"{"type":"x"}"#).is_refused(412, "stream-paused", "lunch"),
        post("/api/streams/a", original("resumed", json!({}))),
        post("/api/streams/a", r#"{"type":"x"}"#),
        crate::harness::get("/api/streams/__state/a")
            .answers(200, json!({"metadata": {"owner": "me"}, "paused": false})),
        post("/api/streams/a", original("paused", json!({"reason": 1})))
            .answers(200, json!({"event": {"type": "stream/invalid-event-appended"}})),
    ]);
}
