//! What is no valid event is stored as one that says so, and answered with 200 (contract §1).

use serde_json::{Value, json};

use crate::harness::http::Request;
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
        // The envelope belongs to what was sent.
        (json_type, br#"{"event":5}"#, json!({"event": 5}), "object"),
        (json_type, br#"{"event":{"type":"x","extra":1}}"#, json!({"event": {"type": "x", "extra": 1}}), "extra"),
        (json_type, br#"{"events":5}"#, json!({"events": 5}), "events"),
        (json_type, "\u{feff}{\"a\":1}".as_bytes(), json!({"a": 1}), "unknown key `a`"),
        (json_type, "\u{feff}hogwash".as_bytes(), json!("\u{feff}hogwash"), "JSON"),
        // The words are those of JSON.
        (json_type, br#"{"type":"processor/configured","payload":{"slug":5}}"#, json!({}), "`slug` must be a string, and is `5`"),
        (json_type, br#"{"type":"processor/configured","payload":{"slug":"s","script":"1","limits":7}}"#, json!({}), "`limits` must be an object, and is `7`"),
        (json_type, br#"{"type":"processor/configured","payload":{"slug":"s","script":"1","limits":{"cpuMs":"a"}}}"#, json!({}), "`limits.cpuMs` must be a whole number that is not negative, and is the string"),
        (json_type, br#"{"type":"stream/error-occurred","payload":{}}"#, json!({}), "`message` is missing"),
        (json_type, br#"{"type":"processor/source-configured","payload":{"slug":"s","files":{"a.ts":""},"typecheck":3}}"#, json!({}), "`typecheck` must be"),
        (json_type, br#"{"type":"processor/env-var-set","payload":{"key":"a=b","value":"v"}}"#, json!({}), "no `=`"),
        (json_type, br#"{"type":"processor/env-var-set","payload":{"key":"a\u0000","value":"v"}}"#, json!({}), "no NUL"),
        (json_type, br#"{"type":"processor/env-var-set","payload":{"key":"a","value":"\u0000"}}"#, json!({}), "NUL"),
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
fn a_multipart_form_is_kept_as_the_object_of_its_fields() {
    let multipart = "multipart/form-data; boundary=----b";
    let body = [
        "------b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n",
        "------b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ntwo\r\n",
        "------b\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nfünf\r\n",
        "------b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.bin\"\r\nContent-Type: image/png\r\n\r\n",
    ]
    .concat();
    let whole = [body.as_bytes(), b"\xff\xfe\x00", b"\r\n------b--\r\n"].concat();
    let file = json!({"name": "x.bin", "type": "image/png", "size": 3, "base64": "//4A"});
    let object = json!({"a": ["one", "two"], "b": "fünf", "file": file});
    let cases: [(&str, &[u8], Value, &str); 5] = [
        ("/api/streams/inbox", &whole, object.clone(), "~form"),
        ("/api/streams/inbox?type=upload", &whole, object, "~?type="),
        ("/api/streams/inbox", b"------b\r\nnonsense", json!("------b\r\nnonsense"), "~multipart"),
        ("/api/streams/inbox", b"\xff\xfe\x00", json!({"base64": "//4A"}), "~multipart"),
        ("/api/streams/inbox", b"{\"a\":1}", json!({"a": 1}), "~type"),
    ];
    let millrace = shared();
    for (target, body, raw_input, error) in cases {
        let payload = json!({"rawInput": raw_input, "error": error});
        let event = json!({"type": "stream/invalid-event-appended", "payload": payload});
        millrace.run([request("POST", target)
            .header("content-type", multipart)
            .body(body)
            .answers(200, json!({"event": event}))]);
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let millrace = shared();
    for body in ["\u{feff}{\"type\":\"x\"}", "\u{feff} {\"event\":{\"type\":\"x\"}}"] {
        millrace.run([post("/api/streams/a", body).answers(200, json!({"event": {"type": "x"}}))]);
    }
    millrace.run([post("/api/streams/a?type=y", "\u{feff}{\"a\":1}")
        .answers(200, json!({"event": {"type": "y", "payload": {"a": 1}}}))]);
}

#[test]
fn ndjson_is_a_batch_of_an_event_a_line() {
    let lines = |target: &str, body: &str| {
        request("POST", target).header("content-type", "application/x-ndjson").body(body)
    };
    let invalid = |raw: Value| json!({"type": "stream/invalid-event-appended", "payload": {"rawInput": raw}});
    shared().run([
        lines("/api/streams/a", "{\"type\":\"one\"}\r\n\n {\"event\":{\"type\":\"two\"}}\n{\"type\":\n[{\"type\":\"x\"}]\n{\"event\":5}")
            .answers(
                200,
                json!({"events": [
                    {"offset": 2, "type": "one"},
                    {"offset": 3, "type": "two"},
                    invalid(json!("{\"type\":")),
                    invalid(json!([{"type": "x"}])),
                    invalid(json!({"event": 5})),
                ]}),
            ),
        lines("/api/streams/a", "{\"type\":\"one\"}\n").answers(200, json!({"events": [{"type": "one"}]})),
        lines("/api/streams/a?type=n", "{\"a\":1}\n5\n").answers(
            200,
            json!({"events": [{"type": "n", "payload": {"a": 1}}, invalid(json!(5))]}),
        ),
        lines("/api/streams/a", "\n \n").refused(400, "empty-batch", "at least one"),
        lines("/api/streams/a", &"{}\n".repeat(10_001)).refused(413, "too-large", "10000"),
    ]);
}

#[test]
fn half_a_character_is_told_and_kept() {
    let millrace = shared();
    let cases = [
        (r#"{"type":"x\ud800"}"#, r#"`type` has a lone surrogate"#),
        (r#"{"type":"x","idempotencyKey":"\udc00"}"#, r#"`idempotencyKey` has a lone surrogate"#),
        (r#"{"type":"x","\ud800\u0041":1}"#, r#"a key of the event has a lone surrogate"#),
        (r#"{"type":"stream/paused","payload":{"reason":"\ud800"}}"#, r#"`reason` has a lone surrogate"#),
        (
            r#"{"type":"stream/metadata-updated","payload":{"metadata":{"a":"\ud800"}}}"#,
            r#"`metadata` has a lone surrogate"#,
        ),
    ];
    for (body, why) in cases {
        let answer = millrace.send(Request::new("POST", "/api/streams/a").body(body));
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.head.status, 200, "{text}");
        assert!(text.contains(&format!("\"rawInput\":{body}")) && text.contains(why), "{body}: {text}");
    }
    // What no rule of ours looks into comes back as it was sent.
    let sent = r#""payload":{"a":"\ud800"}"#;
    let body = format!(r#"{{"type":"x",{sent}}}"#);
    let answer = millrace.send(Request::new("POST", "/api/streams/a").body(body));
    assert!(String::from_utf8(answer.body).unwrap().contains(sent));
    let read = Request::new("GET", "/api/streams/a").header("accept", "application/json");
    assert!(String::from_utf8(millrace.send(read).body).unwrap().contains(sent));
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
        post("/api/streams/a", r#"{"type":"x"}"#).refused(412, "stream-paused", "lunch"),
        post("/api/streams/a", original("resumed", json!({}))),
        post("/api/streams/a", r#"{"type":"x"}"#),
        crate::harness::get("/api/streams/__state/a")
            .answers(200, json!({"metadata": {"owner": "me"}, "paused": false})),
        post("/api/streams/a", original("paused", json!({"reason": 1})))
            .answers(200, json!({"event": {"type": "stream/invalid-event-appended"}})),
    ]);
}
