//! What stands, and what does not: destroyed streams stay gone, their next life is another one, the server's own
//! keys are its own, and requests at the edges of the contract get what it says.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::{Client, assert_subset, fresh, get, post, request, shared};
use crate::hooks::count;
use crate::processors::PONG;

const LIFT: &str = r#"{"type":"stream/circuit-breaker-configured","payload":{"burstCapacity":1000000,"refillRatePerMinute":1000000}}"#;

fn configured(script: &str) -> Value {
    json!({"type": "processor/configured", "payload": {"slug": "s", "script": script}})
}

/// Six hundred milliseconds of the server's own time: a timer of a processor elsewhere has come and gone.
fn a_while_later(millrace: &Client) {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'go') return;
        await new Promise((done) => setTimeout(done, 600));
        await append({ type: 'over' });
    } };";
    let path = fresh("/elsewhere");
    millrace.append(&path, json!([configured(script), {"type": "go"}]));
    millrace.wait_type(&path, "over");
}

fn is_gone(millrace: &Client, path: &str) {
    millrace.run([get(&format!("/api/streams{path}?live=false")).refused(404, "stream-not-found", path)]);
}

#[test]
fn a_stream_that_is_destroyed_while_its_processor_starts_stays_gone() {
    let millrace = shared();
    let paths: Vec<String> = (0..6).map(|others| format!("/a-{others}")).collect();
    for (others, path) in paths.iter().enumerate() {
        millrace.append(path, configured(PONG));
        for _ in 0..others {
            millrace.append(path, json!({"type": "ping"}));
        }
        millrace.run([request("DELETE", &format!("/api/streams{path}"))
            .answers(200, json!({"destroyedStreamCount": 1}))]);
        is_gone(&millrace, path);
    }
    a_while_later(&millrace);
    for path in &paths {
        is_gone(&millrace, path);
    }
}

#[test]
fn a_hook_cannot_bring_back_the_stream_that_was_destroyed_under_it() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'go') return;
        await append({ type: 'begun' });
        await new Promise((r) => setTimeout(r, 300));
        for (const path of ['.', './child']) {
            try { await append({ path, event: { type: 'late' } }); } catch (error) { console.log(error.message); }
        }
        throw new Error('too late');
    } };";
    let millrace = shared();
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "go"}));
    millrace.wait_type("/a", "begun");
    millrace.run([request("DELETE", "/api/streams/a").answers(200, json!({"destroyedStreamCount": 1}))]);
    a_while_later(&millrace);
    is_gone(&millrace, "/a");
    is_gone(&millrace, "/a/child");
}

/// Creates `/a-N/…`, destroys `/a-N` with all below it at once, and looks a while later.
fn destroy_what_a_child_has_just_created(below: &[&str]) {
    let millrace = shared();
    let child = below.last().unwrap();
    for round in 0..5 {
        millrace.append(&format!("/a-{round}{child}"), json!({"type": "x"}));
        millrace.run([request("DELETE", &format!("/api/streams/a-{round}?destroyChildren=true"))]);
    }
    a_while_later(&millrace);
    for round in 0..5 {
        for path in [""].iter().chain(below) {
            is_gone(&millrace, &format!("/a-{round}{path}"));
        }
    }
}

#[test]
fn a_child_just_created_does_not_bring_back_its_parent() {
    destroy_what_a_child_has_just_created(&["/b"]);
}

#[test]
fn a_grandchild_just_created_does_not_bring_back_its_forebears() {
    destroy_what_a_child_has_just_created(&["/b", "/b/c"]);
}

#[test]
fn the_next_life_of_a_stream_acts_anew_on_others() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type === 'ping') await append({ path: '/b', event: { type: 'pong' } });
    } };";
    let millrace = shared();
    for life in 1..=2 {
        millrace.deploy("/a", "s", script);
        millrace.append("/a", json!({"type": "ping"}));
        let pongs = millrace.wait_for("/b", "another pong", |events| count(events, "pong") >= life);
        assert_eq!(count(&pongs, "pong"), life, "{pongs:#?}");
        millrace.settle("/a");
        millrace.run([request("DELETE", "/api/streams/a").answers(200, json!({"destroyedStreamCount": 1}))]);
    }
    assert_eq!(count(&millrace.read("/b"), "pong"), 2);
}

#[test]
fn what_looks_like_the_servers_own_or_cannot_be_counted_is_invalid() {
    // input, a word of the error
    let cases = [
        (json!({"type": "x", "idempotencyKey": "millrace:activated:s:2"}), "idempotencyKey"),
        (json!({"type": "x", "idempotencyKey": " millrace:"}), "idempotencyKey"),
        (json!({"type": "x", "offset": "2"}), "offset"),
        (
            json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 9_007_199_254_740_991_u64, "refillRatePerMinute": 1}}),
            "burstCapacity",
        ),
    ];
    let millrace = shared();
    for (input, word) in cases {
        let error = format!("~{word}");
        millrace.run([post("/api/streams/a", &input).answers(
            200,
            json!({"event": {
                "type": "stream/invalid-event-appended",
                "idempotencyKey": null,
                "payload": {"rawInput": input, "error": error},
            }}),
        )]);
    }
    // Only the beginning of a key is reserved, and the stream goes on, one by one and in a batch.
    let batch = json!([{"type": "y"}, {"type": "y"}]);
    millrace.run([
        post("/api/streams/a", r#"{"type":"x","idempotencyKey":"my-millrace:1"}"#)
            .answers(200, json!({"event": {"type": "x", "idempotencyKey": "my-millrace:1"}})),
        post("/api/streams/a", &batch).answers(200, json!({"events": batch})),
        get("/api/streams/__state/a").answers(200, json!({"paused": false})),
    ]);
}

#[test]
fn who_names_an_event_stream_beside_others_reads_live() {
    let millrace = shared();
    millrace.append("/a", json!({"type": "x"}));
    let mut sse = millrace.sse("/api/streams/a", &[("accept", "application/json, text/event-stream")]);
    assert_eq!(sse.events(2)[1]["type"], "x");
    millrace.append("/a", json!({"type": "y"}));
    assert_eq!(sse.event().unwrap()["type"], "y");
}

#[test]
fn a_request_is_for_one_host_and_its_first_line_counts() {
    let millrace = shared();
    let own = millrace.address.to_string();
    millrace.run([
        get("http://evil.example/healthz").refused(403, "host-refused", "evil.example"),
        get("http://evil.example/healthz").header("host", &own).refused(403, "host-refused", "evil.example"),
        get(&format!("http://{own}/healthz")),
    ]);
    for second in [own.as_str(), "evil.example"] {
        let mut twice = Request::new("GET", "/healthz").header("host", &own);
        twice.headers.push(("host".into(), second.into()));
        assert_eq!(millrace.send(twice).head.status, 400, "{own} and {second}");
    }
}

#[test]
fn a_stream_is_announced_before_its_creation_is_answered() {
    let millrace = shared();
    for round in 0..10 {
        let path = format!("/a/{round}/c");
        millrace.append(&path, json!({"type": "x"}));
        for ancestor in ["/".to_string(), "/a".to_string(), format!("/a/{round}")] {
            let announced = millrace
                .read(&ancestor)
                .iter()
                .filter(|event| {
                    event["type"] == "stream/child-created" && event["payload"]["childPath"] == *path
                })
                .count();
            assert_eq!(announced, 1, "{path} on {ancestor}");
        }
    }
}

#[test]
fn of_a_raw_input_beyond_all_measure_the_beginning_is_kept() {
    let millrace = shared();
    millrace.deploy("/a", "s", PONG);
    // As JSON, each of these characters has six.
    let text = "\u{1}".repeat(17 * 1024 * 1024);
    let stored =
        millrace.run([request("POST", "/api/streams/a").header("content-type", "text/plain").body(&text)]);
    let event = &stored["event"];
    assert_subset(
        "the stored event",
        event,
        &json!({"type": "stream/invalid-event-appended", "payload": {"error": "~beginning"}}),
    );
    let kept = event["payload"]["rawInput"].as_str().map_or(0, str::len);
    assert!(kept > 0 && kept < 1024 * 1024, "{kept} bytes are kept");
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    assert_eq!(count(&millrace.read("/a"), "processor/failed"), 0);
}

#[test]
fn a_script_finds_the_one_event_of_its_kind_in_a_long_stream() {
    let script = "export default { async afterAppend({ append, event, read }) {
        if (event.type !== 'ask') return;
        const found = [];
        for await (const e of read({ types: ['rare'] })) found.push(e.offset);
        await append({ type: 'found', payload: { found } });
    } };";
    let millrace = shared();
    millrace.run([post("/api/streams/a", LIFT)]);
    let mut events = vec![json!({"type": "common"}); 5_000];
    events[4_321] = json!({"type": "rare"});
    let stored = millrace.append("/a", Value::Array(events));
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "ask"}));
    let found = millrace.wait_type("/a", "found");
    assert_eq!(found["payload"]["found"], json!([stored[4_321]["offset"]]));
}
