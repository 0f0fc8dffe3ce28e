//! What restarts, kills, a destroyed stream and a crowd leave of schedules: each run once, and none for nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    count, every, lift, metric, millis, now, of_type, once_in, schedule, schedules, wait_runs, written,
};
use crate::harness::{Client, DEADLINE, Server, assert_subset, fresh, post, request, shared};

#[test]
fn what_is_overdue_after_a_restart_happens_once_and_goes_on() {
    for kill in [false, true] {
        let mut server = Server::start(&[]);
        let client = server.client("p");
        for path in ["/a", "/b/c"] {
            client.append(path, json!([
                schedule("once", json!({"type": "once"}), once_in(0.8)),
                schedule("beat", json!({"type": "beat"}), every(0.8)),
                schedule("far", json!({"type": "far"}), json!({"kind": "once-at", "at": "2199-12-31T23:59:59Z"})),
                schedule("gone", json!({"type": "gone"}), once_in(0.8)),
                {"type": "schedule/cancelled", "payload": {"slug": "gone"}},
            ]));
        }
        let before = client.read("/a").len();
        if kill {
            server.kill();
        } else {
            assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
        }
        let due = now() + 1_700;
        while now() < due {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let server = server.restart();
        let client = server.client("p");
        for path in ["/a", "/b/c"] {
            // Nobody touches the streams: they wake by themselves, and a live read creates no event.
            let events = client.wait_for(path, "three beats", |events| count(events, "beat") >= 3);
            assert_eq!((count(&events, "once"), count(&events, "far"), count(&events, "gone")), (1, 0, 0));
            let beats: Vec<i64> =
                of_type(&events, "beat").iter().map(|event| millis(&event["createdAt"])).collect();
            assert!(beats.windows(2).all(|pair| pair[1] - pair[0] >= 700), "no storm: {beats:?}");
            assert_eq!(events[before]["type"], "once", "by time, then by configuration: {events:#?}");
            assert_eq!(events[before + 2]["type"], "beat");
        }
        let state = schedules(&client, "/a");
        assert_subset(
            "the rest",
            &state,
            &json!({"far": {"executionCount": 0, "nextRunAt": "2199-12-31T23:59:59.000Z"}}),
        );
    }
}

#[test]
fn a_kill_during_a_run_loses_none_and_does_none_twice() {
    const STREAMS: usize = 4;
    const ONCES: usize = 150;
    let mut server = Server::start(&[]);
    let path = |n: usize| format!("/s/{n}");
    let client = server.client("p");
    let first = now() + 300;
    for n in 0..STREAMS {
        lift(&client, &path(n));
        let mut batch = vec![schedule("beat", json!({"type": "beat"}), every(0.01))];
        // They come due over the next seconds, while the server is killed again and again.
        batch.extend((0..ONCES).map(|i| {
            let at = written(first + i as i64 * 20);
            schedule(
                &format!("once-{i}"),
                json!({"type": "once", "payload": {"i": i}}),
                json!({"kind": "once-at", "at": at}),
            )
        }));
        client.append(&path(n), Value::Array(batch));
    }
    for round in 0..8 {
        let seen = client_beats(&server, &path(round % STREAMS));
        server
            .client("p")
            .wait_for(&path(round % STREAMS), "more runs", |events| count(events, "beat") > seen);
        std::thread::sleep(std::time::Duration::from_millis(fastrand::u64(0..150)));
        server.kill();
        server = server.restart();
    }
    let client = server.client("p");
    for n in 0..STREAMS {
        let events = client.wait_for(&path(n), "every one", |events| count(events, "once") >= ONCES);
        client.append(&path(n), json!({"type": "schedule/cancelled", "payload": {"slug": "beat"}}));
        let events =
            [&events[..], &client.read_with(&path(n), &format!("afterOffset={}", events.len()))].concat();
        let mut onces: Vec<u64> =
            of_type(&events, "once").iter().map(|event| event["payload"]["i"].as_u64().unwrap()).collect();
        onces.sort();
        assert_eq!(onces, (0..ONCES as u64).collect::<Vec<_>>(), "each once");
        // Each run is a pair, and no due time of the beat stands twice.
        let mut dues: BTreeMap<String, usize> = BTreeMap::new();
        for (at, event) in events.iter().enumerate().filter(|(_, event)| event["type"] == "schedule/fired") {
            let key = event["idempotencyKey"].as_str().unwrap();
            assert_eq!(
                events[at - 1]["idempotencyKey"].as_str().unwrap(),
                key.replace(":fired", ":append"),
                "the event and its record stand together"
            );
            *dues.entry(key.to_string()).or_default() += 1;
        }
        assert!(dues.values().all(|times| *times == 1), "{dues:?}");
        assert_eq!(dues.len(), count(&events, "once") + count(&events, "beat"));
    }
}

fn client_beats(server: &Server, path: &str) -> usize {
    count(&server.client("p").read(path), "beat")
}

#[test]
fn a_thousand_that_are_due_in_the_same_second_all_happen_once() {
    let millrace = shared();
    // On one stream, and each on its own.
    let one = fresh("/many");
    lift(&millrace, &one);
    let at = json!({"kind": "once-at", "at": written(now() + 1_500)});
    let batch = (0..1_000)
        .map(|i| schedule(&format!("s{i}"), json!({"type": "due", "payload": {"i": i}}), at.clone()));
    millrace.append(&one, Value::Array(batch.collect()));
    let base = fresh("/each");
    for i in 0..200 {
        millrace.append(&format!("{base}/{i}"), schedule("s", json!({"type": "due"}), at.clone()));
    }
    let events = wait_runs(&millrace, &one, "due", 1_000);
    let order: Vec<u64> =
        of_type(&events, "due").iter().map(|event| event["payload"]["i"].as_u64().unwrap()).collect();
    assert_eq!(order, (0..1_000).collect::<Vec<_>>(), "in the order of their configuration");
    assert_eq!((events.len(), schedules(&millrace, &one)), (1 + 1 + 1_000 + 2_000, json!({})));
    for i in 0..200 {
        let events = wait_runs(&millrace, &format!("{base}/{i}"), "due", 1);
        assert_eq!(events.len(), 4);
    }
}

#[test]
fn schedules_go_with_their_stream() {
    let server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.append(
        "/a",
        json!([
            schedule("s", json!({"type": "due"}), once_in(0.3)),
            schedule("t", json!({"type": "due"}), every(0.1))
        ]),
    );
    millrace.run([request("DELETE", "/api/streams/a")]);
    assert_eq!(metric(&millrace, "schedules_streams"), 0);
    millrace.append("/a", json!({"type": "hello"}));
    millrace.append("/b", schedule("s", json!({"type": "due"}), once_in(0.6)));
    wait_runs(&millrace, "/b", "due", 1);
    assert_eq!(millrace.read("/a").len(), 2);
}

#[test]
fn streams_that_wait_are_not_woken_by_a_restart() {
    const STREAMS: u64 = 200;
    let mut server = Server::start(&[]);
    let client = server.client("p");
    for n in 0..STREAMS {
        client.append(&format!("/idle/{n}"), schedule("s", json!({"type": "due"}), once_in(3_600.0)));
    }
    client.append(
        "/soon",
        schedule("s", json!({"type": "due"}), json!({"kind": "once-at", "at": written(now() + 2_000)})),
    );
    server.kill();
    let server = server.restart();
    let client = server.client("p");
    // When this one has run, the others have been taken up: they are read together.
    wait_runs(&client, "/soon", "due", 1);
    assert_eq!(metric(&client, "schedules_streams"), STREAMS);
    assert_eq!(metric(&client, "schedules_wakes_total"), 1);
    assert!(metric(&client, "streams_running") <= 3, "{}", metric(&client, "streams_running"));
}

#[test]
fn a_fork_has_its_schedules_with_its_processors_and_none_without() {
    let server = Server::start(&[]);
    let millrace = server.client("p");
    let soon = json!({"kind": "once-at", "at": written(now() + 1_000)});
    millrace.append("/from", json!([schedule("s", json!({"type": "due"}), soon), {"type": "x"}]));
    for (to, processors) in [("/with", true), ("/without", false)] {
        let body = json!({"to": to, "processors": processors});
        millrace.run([post("/api/streams/__fork/from", body).answers(200, json!({"path": to}))]);
        let named = schedules(&millrace, to).as_object().map(|schedules| schedules.len());
        assert_eq!(named, Some(usize::from(processors)), "{to}");
    }
    // Each fires on its own; the keys of the runs name the stream.
    wait_runs(&millrace, "/from", "due", 1);
    wait_runs(&millrace, "/with", "due", 1);
    millrace.append("/without", schedule("s", json!({"type": "due"}), once_in(0.2)));
    let events = wait_runs(&millrace, "/without", "due", 1);
    assert_eq!(events.len(), 6, "what it is given is its own: {events:#?}");
}

#[test]
fn a_fork_that_was_killed_before_its_first_event_fires_by_itself() {
    let mut server = Server::start(&[]);
    let due = now() + 4_000;
    let at = json!({"kind": "once-at", "at": written(due)});
    let client = server.client("p");
    client.append("/from", json!([schedule("s", json!({"type": "due"}), at), {"type": "x"}]));
    client.run([
        post("/api/streams/__fork/from", json!({"to": "/with"})).answers(200, json!({})),
        post("/api/streams/__fork/with", json!({"to": "/again"})).answers(200, json!({})),
        post("/api/streams/__fork/from", json!({"to": "/without", "processors": false}))
            .answers(200, json!({})),
    ]);
    // Nothing was committed to any of them: what they wait for stands nowhere but in what they share. Nobody touches
    // them, also between the two kills: a reader would wake them.
    for _ in 0..2 {
        server.kill();
        server = server.restart();
        let client = server.client("p");
        wait_metric(&client, "schedules_streams", 3);
    }
    assert!(now() < due, "the machine is too busy: they were due before the second kill");
    let client = server.client("p");
    wait_metric(&client, "schedules_wakes_total", 3);
    wait_metric(&client, "schedules_streams", 0);
    for path in ["/from", "/with", "/again"] {
        let events = wait_runs(&client, path, "due", 1);
        assert_eq!(events.len(), 5, "{path}: {events:#?}");
    }
    assert_eq!(client.read("/without").len(), 3);
}

/// Polls, for no event tells of it.
fn wait_metric(client: &Client, name: &str, value: u64) {
    let started = std::time::Instant::now();
    while metric(client, name) != value {
        assert!(started.elapsed() < DEADLINE, "{name} is {}, not {value}", metric(client, name));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
