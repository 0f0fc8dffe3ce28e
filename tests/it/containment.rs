//! Attempts to break out of an isolate, on a whole server: each is failures in its own stream or none, and behind each of
//! them the server answers and a neighbour in the same worker acts. The attempts, and how each ends in its isolate, are
//! those of `tests/isolate`.

#[path = "../isolate/escapes/rows.rs"]
mod rows;

use std::time::Duration;

use serde_json::{Value, json};

use self::rows::{Ends, Row, rows};
use crate::harness::{Client, Server, get};
use crate::processors::PONG;

/// How many unhandled rejections each of two hooks may report, beside its own failure.
const FAILURES_MAX: usize = 20;

/// So many attempts are under way at once, each beside a neighbour of its own.
const LANES: usize = 4;

#[test]
fn an_attempt_harms_nobody_else() {
    let server = Server::start(&["--workers", "2"]);
    let rows = rows();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                let (millrace, rows) = (server.client("public"), rows.iter().skip(lane).step_by(LANES));
                scope.spawn(move || attempts(&millrace, lane, rows))
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    server.client("public").run([get("/healthz").answers(200, json!("<any>"))]);
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One after the other, each on a stream of its own; behind each of them the neighbour acts.
fn attempts<'a>(millrace: &Client, lane: usize, rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
    let neighbour = format!("/neighbour/{lane}");
    millrace.deploy(&neighbour, "pong", PONG);
    let mut wrong = Vec::new();
    for (at, row) in rows.enumerate() {
        let path = format!("/attempt/{lane}/{at}");
        wrong.extend(attempt(millrace, &path, row).map(|what| format!("{}: {what}", row.name)));
        let ping = millrace.append(&neighbour, json!({"type": "ping"}));
        millrace.wait_for(&neighbour, row.name, |events| {
            events.iter().any(|event| event["type"] == "pong" && event["payload"]["to"] == ping["offset"])
        });
    }
    wrong
}

/// Whether the processor has acted on the event, or will not any more.
fn has_acted(millrace: &Client, path: &str, event: &Value) -> bool {
    let processors = millrace.run([get(&format!("/api/processors{path}")).answers(200, json!("<any>"))]);
    let processor = &processors[0];
    processor["status"] != "active" || processor["acted"].as_u64() >= event["offset"].as_u64()
}

/// What is wrong with how it ended, if anything.
fn attempt(millrace: &Client, path: &str, row: &Row) -> Option<String> {
    // A machine may take its time to give as much memory as a script may have.
    let cpu = if row.ends == Ends::Failed("out-of-memory") { 5_000 } else { 300 };
    let limits = json!({"memoryBytes": 24 * 1024 * 1024, "cpuMs": cpu, "timeoutMs": 1_000});
    let payload = json!({"slug": "attempt", "script": row.module, "limits": limits});
    millrace.append(path, json!({"type": "processor/configured", "payload": payload}));
    millrace.wait_for(path, row.name, |events| {
        let has_begun =
            |event: &Value| event["type"] == "processor/activated" || event["payload"]["phase"] == "load";
        events.iter().any(has_begun)
    });
    let go = json!({"type": "go", "payload": {"__proto__": {"polluted": true}}});
    let both = millrace.append(path, json!([go, go]));
    // Not longer: some react to their own appends, until the circuit breaker pauses their stream.
    while !has_acted(millrace, path, &both[1]) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let events = millrace.read(path);
    if let Some(escaped) = events.iter().find(|event| event["type"] == "escaped") {
        return Some(format!("it escaped: {escaped}"));
    }
    let failures: Vec<String> = events
        .iter()
        .filter(|event| event["type"] == "processor/failed")
        .map(|event| event["payload"].to_string())
        .collect();
    if failures.len() > 2 * (FAILURES_MAX + 1) {
        return Some(format!("it reported {} failures", failures.len()));
    }
    match row.ends {
        Ends::Well => (!failures.is_empty()).then(|| failures.join("\n")),
        Ends::Failed(word) => (!failures.iter().any(|failure| failure.contains(word)))
            .then(|| format!("no {word:?} in {failures:?}")),
        Ends::WithItsWorker => failures.is_empty().then(|| "it did not fail".into()),
        Ends::Either => None,
    }
}
