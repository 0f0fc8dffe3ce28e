//! The circuit breaker (contract §5): a flood pauses its stream, and nothing slips in behind the pause.

use std::thread;

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::{Client, Server, get, post, shared};

fn configured(capacity: u64, per_minute: u64) -> Value {
    json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": capacity, "refillRatePerMinute": per_minute}})
}

#[test]
fn a_burst_trips_exactly_once_and_right_behind_the_event_that_did_it() {
    let millrace = shared();
    let client: &Client = &millrace;
    millrace.append("/burst", configured(20, 1));
    let accepted: usize = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(move || {
                    let send = || {
                        client.send(Request::new("POST", "/api/streams/burst").body(r#"{"type":"flood"}"#))
                    };
                    (0..10).map(|_| send()).filter(|answer| answer.head.status == 200).count()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    // The bucket holds 20; the event that overdraws it trips the breaker.
    assert_eq!(accepted, 21);
    let events = millrace.read("/burst");
    assert_eq!(events.len(), 2 + 21 + 1, "refused appends leave no event");
    crate::harness::assert_subset(
        "the pause",
        events.last().unwrap(),
        &json!({"type": "stream/paused", "payload": {"reason": "~circuit breaker"}, "source": {"kind": "server", "depth": 0}}),
    );
    assert_eq!(events.iter().filter(|event| event["type"] == "flood").count(), 21);
    millrace.run([
        post("/api/streams/burst", r#"{"type":"x"}"#).is_refused(412, "stream-paused", "stream/resumed"),
        get("/api/streams/__state/burst").answers(200, json!({"paused": true})),
    ]);
}

#[test]
fn resuming_refills_the_bucket() {
    let millrace = shared();
    millrace.append("/a", configured(5, 1));
    for _ in 0..2 {
        for _ in 0..6 {
            millrace.append("/a", json!({"type": "x"}));
        }
        millrace.run([
            post("/api/streams/a", r#"{"type":"x"}"#).is_refused(412, "stream-paused", "/a"),
            post("/api/streams/a", r#"{"type":"stream/metadata-updated","payload":{"metadata":{}}}"#)
                .is_refused(412, "stream-paused", "/a"),
            post("/api/streams/a", r#"hogwash"#).is_refused(412, "stream-paused", "/a"),
            post("/api/streams/a", r#"{"type":"stream/resumed","payload":{"reason":"go on"}}"#),
        ]);
    }
}

#[test]
fn a_batch_that_overdraws_is_stored_whole_and_then_paused() {
    let millrace = shared();
    millrace.append("/a", configured(3, 1));
    let events: Vec<Value> = (0..10).map(|n| json!({"type": "x", "payload": {"n": n}})).collect();
    let stored = millrace.append("/a", Value::Array(events));
    assert_eq!(stored.as_array().unwrap().len(), 10, "all or nothing");
    assert_eq!(millrace.read("/a").iter().filter(|event| event["type"] == "stream/paused").count(), 1);
    millrace.run([post("/api/streams/a", r#"{"type":"x"}"#).is_refused(412, "stream-paused", "/a")]);
}

#[test]
fn the_default_is_five_hundred() {
    let millrace = shared();
    let events = |count: usize| Value::Array((0..count).map(|_| json!({"type": "x"})).collect());
    // The created event costs one, too.
    millrace.append("/default", events(450));
    millrace.run([get("/api/streams/__state/default").answers(200, json!({"paused": false}))]);
    millrace.append("/default", events(150));
    millrace.run([post("/api/streams/default", r#"{"type":"x"}"#).is_refused(
        412,
        "stream-paused",
        "/default",
    )]);
}

#[test]
fn a_pause_by_hand_outlives_a_restart() {
    let server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.append("/a", json!({"type": "stream/paused", "payload": {"reason": "maintenance"}}));
    let refused =
        || post("/api/streams/a", r#"{"type":"x"}"#).is_refused(412, "stream-paused", "maintenance");
    millrace.run([refused()]);
    let mut server = server;
    server.kill();
    let server = server.restart();
    let millrace = server.client("p");
    millrace.run([
        refused(),
        post("/api/streams/a", r#"{"type":"stream/resumed"}"#),
        post("/api/streams/a", r#"{"type":"x"}"#).answers(200, json!({"event": {"offset": 4}})),
    ]);
}
