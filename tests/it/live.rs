//! Live reads (contract §2): the backlog, then each event as it is committed, with no gap and no double.

use std::io::BufRead;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::http::{Connection, Request};
use crate::harness::{Client, DEADLINE, get, shared};

#[test]
fn a_live_reader_gets_the_backlog_and_what_comes() {
    let millrace = shared();
    millrace.append("/a", json!({"type": "old"}));
    let readers: Vec<(&str, &[(&str, &str)], Vec<u64>)> = vec![
        ("?live=true", &[], vec![1, 2, 3, 4]),
        ("?live=true&afterOffset=start", &[], vec![1, 2, 3, 4]),
        ("?live=true&afterOffset=1", &[], vec![2, 3, 4]),
        ("?live=true&afterOffset=end", &[], vec![3, 4]),
        ("?live=true&afterOffset=3", &[], vec![4]),
        ("?live=true&types=two", &[], vec![4]),
        ("", &[("accept", "text/event-stream")], vec![1, 2, 3, 4]),
        ("", &[("accept", "text/event-stream"), ("last-event-id", "2")], vec![3, 4]),
        ("?afterOffset=start", &[("accept", "text/event-stream"), ("last-event-id", "3")], vec![4]),
    ];
    let mut open: Vec<_> = readers
        .into_iter()
        .map(|(query, headers, offsets)| {
            (query, millrace.sse(&format!("/api/streams/a{query}"), headers), offsets)
        })
        .collect();
    for (query, sse, _) in &mut open {
        let first = sse.frame().unwrap().expect("the stream stays open");
        assert!(first.is_comment(), "{query}: an empty comment comes at once, not {first:?}");
    }
    millrace.append("/a", json!({"type": "one"}));
    millrace.append("/a", json!({"type": "two"}));
    for (query, mut sse, offsets) in open {
        let found: Vec<u64> =
            sse.events(offsets.len()).iter().map(|e| e["offset"].as_u64().unwrap()).collect();
        assert_eq!(found, offsets, "{query}");
    }
}

#[test]
fn ndjson_can_be_live() {
    let millrace = shared();
    millrace.append("/a", json!({"type": "old"}));
    let request = Request::new("GET", "/api/streams/a?live=true")
        .header("accept", "application/x-ndjson")
        .header("x-millrace-project", &millrace.project);
    let (head, mut body) = Connection::open(millrace.address, DEADLINE).unwrap().stream(&request).unwrap();
    assert!(head.header("content-type").unwrap().starts_with("application/x-ndjson"));
    let mut next = || loop {
        let mut line = String::new();
        body.read_line(&mut line).unwrap();
        if !line.trim().is_empty() {
            return serde_json::from_str::<Value>(&line).unwrap()["type"].clone();
        }
    };
    assert_eq!([next(), next()], [json!("stream/created"), json!("old")]);
    millrace.append("/a", json!({"type": "new"}));
    assert_eq!(next(), json!("new"));
}

#[test]
fn a_live_reader_may_come_before_the_stream() {
    let millrace = shared();
    let mut sse = millrace.follow("/later");
    assert!(sse.frame().unwrap().expect("the stream stays open").is_comment());
    millrace.run([
        get("/api/streams").answers(200, json!([])),
        get("/api/streams/later?live=false").is_refused(404, "stream-not-found", "/later"),
    ]);
    millrace.append("/later", json!({"type": "x"}));
    let types: Vec<Value> = sse.events(2).into_iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, [json!("stream/created"), json!("x")]);
}

#[test]
fn silence_is_kept_alive_every_five_seconds() {
    let millrace = shared();
    millrace.append("/quiet", json!({"type": "x"}));
    let mut sse = millrace.sse("/api/streams/quiet?live=true&afterOffset=end", &[]);
    assert!(sse.frame().unwrap().unwrap().is_comment());
    for _ in 0..2 {
        let started = Instant::now();
        assert!(sse.frame().unwrap().unwrap().is_comment());
        let waited = started.elapsed();
        assert!((Duration::from_secs(4)..Duration::from_secs(7)).contains(&waited), "{waited:?}");
    }
}

#[test]
fn readers_join_under_load_without_a_gap_or_a_double() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 60;
    const TOTAL: u64 = 2 + WRITERS * EACH;
    let millrace = shared();
    let client: &Client = &millrace;
    let lift = json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000}});
    millrace.append("/join", lift);
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                (0..EACH)
                    .for_each(|n| drop(client.append("/join", json!({"type": "x", "payload": {"n": n}}))))
            });
        }
        for reader in 0..6u64 {
            // Each reader joins again and again, wherever the stream stands.
            scope.spawn(move || {
                for round in 0..6 {
                    let after = (reader * 37 + round * 11) % TOTAL;
                    let target = format!("/api/streams/join?live=true&afterOffset={}", after.max(1));
                    let mut sse = client.sse(&target, &[]);
                    for expected in after.max(1) + 1..=TOTAL {
                        let offset = sse.event().expect("it stays open")["offset"].as_u64().unwrap();
                        assert_eq!(offset, expected, "reader {reader}, round {round}");
                    }
                }
            });
        }
    });
}

#[test]
fn a_slow_reader_misses_nothing() {
    let millrace = shared();
    let lift = json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000}});
    millrace.append("/slow", lift);
    let mut sse = millrace.follow("/slow");
    sse.events(2);
    let text = "x".repeat(20_000);
    for _ in 0..30 {
        let events: Vec<Value> = (0..20).map(|_| json!({"type": "x", "payload": {"text": text}})).collect();
        millrace.append("/slow", Value::Array(events));
    }
    // Twelve megabytes lie between the reader and the tail: far more than any buffer on the way.
    for expected in 3..=602u64 {
        assert_eq!(sse.event().expect("it stays open")["offset"], expected);
    }
}
