//! Appending (contract §1 and §2): the forms of a request, creation, order, idempotency keys, preconditions.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::harness::{Client, get, post, shared};

#[test]
fn one_event_or_many_in_each_form() {
    let stored = |n: u64, event_type: &str, payload: Value| json!({"type": event_type, "offset": n, "payload": payload});
    shared().run([
        post("/api/streams/a", r#"{"type":"x"}"#).answers(
            200,
            json!({"event": {
                "streamPath": "/a", "type": "x", "payload": {}, "offset": 2, "createdAt": "<time>",
                "source": {"kind": "client", "depth": 0, "cause": null, "slug": null},
                "metadata": null, "idempotencyKey": null,
            }}),
        ),
        post("/api/streams/a", r#"{"event":{"type":" trimmed ","payload":{"a":[1,{"b":null}]},"metadata":{"m":1}}}"#)
            .answers(200, json!({"event": {"type": "trimmed", "offset": 3, "payload": {"a": [1, {"b": null}]}, "metadata": {"m": 1}}})),
        post("/api/streams/a", r#"[{"type":"b1"},{"type":"b2","payload":{"n":2}}]"#)
            .answers(200, json!({"events": [stored(4, "b1", json!({})), stored(5, "b2", json!({"n": 2}))]})),
        post("/api/streams/a", r#"{"events":[{"type":"b3"}]}"#)
            .answers(200, json!({"events": [stored(6, "b3", json!({}))]})),
        post("/api/streams/a?type=slack/webhook", r#"{"type":"message","text":"hi"}"#).answers(
            200,
            json!({"event": stored(7, "slack/webhook", json!({"type": "message", "text": "hi"}))}),
        ),
        post("/api/streams/a", "[]").is_refused(400, "empty-batch", "at least one"),
        post("/api/streams/a", r#"{"events":[]}"#).is_refused(400, "empty-batch", "at least one"),
        post("/api/streams/a", r#"{"type":"https://example.com/types/any?x=1"}"#)
            .answers(200, json!({"event": {"offset": 8, "type": "https://example.com/types/any?x=1"}})),
    ]);
}

#[test]
fn an_empty_batch_creates_nothing() {
    shared().run([
        post("/api/streams/nothing", "[]").is_refused(400, "empty-batch", "at least one"),
        get("/api/streams/nothing?live=false").is_refused(404, "stream-not-found", "/nothing"),
    ]);
}

#[test]
fn payloads_come_back_as_they_were_sent() {
    let millrace = shared();
    let payload = r#"{"big":12345678901234567890123,"float":1.10,"exponent":1e400,"z":1,"a":"é\u0000😀","nested":{"k":[[],{}]}}"#;
    let answer = millrace.send(
        crate::harness::http::Request::new("POST", "/api/streams/exact")
            .body(format!(r#"{{"type":"x","payload":{payload}}}"#)),
    );
    let text = String::from_utf8(answer.body).unwrap();
    for part in ["12345678901234567890123", "1.10", "1e400", r#""z":1,"a":"#] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_stream_is_created_by_its_first_append() {
    let millrace = shared();
    millrace.append("/new", json!({"type": "x"}));
    millrace.holds(
        "/new",
        json!([
            {"offset": 1, "type": "stream/created", "payload": {"path": "/new", "project": millrace.project}, "source": {"kind": "server", "depth": 0}},
            {"offset": 2, "type": "x"},
        ]),
    );
}

#[test]
fn every_ancestor_hears_of_a_child_once() {
    let millrace = shared();
    let client: &Client = &millrace;
    thread::scope(|scope| {
        for n in 0..12 {
            let path = ["/a/b/c", "/a/b/c/d", "/a/b/x"][n % 3];
            scope.spawn(move || client.append(path, json!({"type": "x"})));
        }
    });
    // A last child: when its announcement is there, so are those of the children before it.
    let children = |events: &[Value]| -> Vec<String> {
        let created = events.iter().filter(|event| event["type"] == "stream/child-created");
        created.map(|event| event["payload"]["childPath"].as_str().unwrap().to_string()).collect()
    };
    let expected = [
        ("/", vec!["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/b/x", "/a/b/z"]),
        ("/a", vec!["/a/b", "/a/b/c", "/a/b/c/d", "/a/b/x", "/a/b/z"]),
        ("/a/b", vec!["/a/b/c", "/a/b/c/d", "/a/b/x", "/a/b/z"]),
        ("/a/b/c", vec!["/a/b/c/d"]),
    ];
    for (path, below) in &expected {
        millrace.wait_for(path, "its children", |events| {
            below
                .iter()
                .filter(|child| !child.ends_with("/z"))
                .all(|child| children(events).contains(&child.to_string()))
        });
    }
    millrace.append("/a/b/z", json!({"type": "x"}));
    for (path, mut below) in expected {
        let events =
            millrace.wait_for(path, "its last child", |events| children(events).len() >= below.len());
        let mut found = children(&events);
        found.sort();
        below.sort();
        assert_eq!(found, below, "{path}");
    }
}

#[test]
fn a_system_stream_is_not_announced() {
    let millrace = shared();
    millrace.append("/a/_hidden/x", json!({"type": "x"}));
    millrace.append("/a/_hidden", json!({"type": "x"}));
    millrace.append("/a/seen", json!({"type": "x"}));
    let events = millrace.wait_for("/a", "the seen child", |events| {
        events.iter().any(|e| e["payload"]["childPath"] == "/a/seen")
    });
    assert!(events.iter().all(|event| !event.to_string().contains("_hidden")), "{events:#?}");
}

#[test]
fn the_same_path_in_two_projects_is_two_streams() {
    let millrace = shared();
    let [one, two] = [crate::harness::fresh("p"), crate::harness::fresh("p")];
    let long = "p".repeat(255);
    millrace.run([
        post("/api/streams/a", r#"{"type":"x"}"#)
            .header("x-millrace-project", &one)
            .answers(200, json!({"event": {"offset": 2}})),
        post("/api/streams/a", r#"{"type":"x"}"#)
            .header("x-iterate-project", &two)
            .answers(200, json!({"event": {"offset": 2}})),
        post("/api/streams/a", r#"{"type":"x"}"#)
            .header("x-iterate-project", &one)
            .answers(200, json!({"event": {"offset": 3}})),
        post("/api/streams/a", r#"{"type":"x"}"#)
            .header("x-millrace-project", &long)
            .answers(200, json!({"event": {"offset": 2}})),
        post("/api/streams/a", r#"{"type":"x"}"#).header("x-millrace-project", &"p".repeat(256)).is_refused(
            400,
            "bad-header",
            "project",
        ),
        get("/api/streams/a?live=false")
            .header("x-millrace-project", &crate::harness::fresh("p"))
            .is_refused(404, "stream-not-found", "/a"),
    ]);
    let created = |project: &str| millrace.project(project).read("/a")[0]["payload"]["project"].clone();
    assert_eq!([created(&one), created(&two)], [json!(one), json!(two)]);
}

#[test]
fn without_a_header_the_project_is_public() {
    let millrace = shared();
    let path = crate::harness::fresh("/public-by-default");
    let connection = crate::harness::http::Connection::open(millrace.address, crate::harness::DEADLINE);
    let request =
        crate::harness::http::Request::new("POST", &format!("/api/streams{path}")).body(r#"{"type":"x"}"#);
    assert_eq!(connection.unwrap().send(&request).unwrap().head.status, 200);
    assert_eq!(millrace.project("public").read(&path)[0]["payload"]["project"], "public");
}

#[test]
fn an_idempotency_key_finds_the_first_event_for_ever() {
    let first = json!({"event": {"offset": 2, "payload": {"n": 1}, "idempotencyKey": "k"}});
    let millrace = shared();
    millrace.run([
        post("/api/streams/a", r#"{"type":"x","payload":{"n":1},"idempotencyKey":" k "}"#).answers(200, first.clone()),
        post("/api/streams/a", r#"{"type":"y","payload":{"n":2},"idempotencyKey":"k"}"#).answers(200, first.clone()),
        // Before the offset precondition, stale or not.
        post("/api/streams/a", r#"{"type":"x","idempotencyKey":"k","offset":77}"#).answers(200, first.clone()),
        post("/api/streams/a", r#"{"type":"x","idempotencyKey":"k","offset":1}"#).answers(200, first.clone()),
        // Inside a batch: known ones are answered in their place, and take no offset.
        post("/api/streams/a", r#"[{"type":"x","idempotencyKey":"k"},{"type":"z"},{"type":"z","idempotencyKey":"l"},{"type":"zz","idempotencyKey":"l"}]"#)
            .answers(200, json!({"events": [{"offset": 2}, {"offset": 3}, {"offset": 4, "type": "z"}, {"offset": 4, "type": "z"}]})),
        // Before the pause.
        post("/api/streams/a", r#"{"type":"stream/paused"}"#),
        post("/api/streams/a", r#"{"type":"x","idempotencyKey":"k"}"#).answers(200, first.clone()),
        post("/api/streams/a", r#"[{"type":"x","idempotencyKey":"k"},{"type":"x","idempotencyKey":"l"}]"#)
            .answers(200, json!({"events": [{"offset": 2}, {"offset": 4}]})),
        post("/api/streams/a", r#"[{"type":"x","idempotencyKey":"k"},{"type":"new"}]"#).is_refused(412, "stream-paused", "/a"),
        // Another stream knows nothing of it.
        post("/api/streams/b", r#"{"type":"x","payload":{"n":9},"idempotencyKey":"k"}"#).answers(200, json!({"event": {"offset": 2, "payload": {"n": 9}}})),
    ]);
    millrace.holds(
        "/a",
        json!([{"offset": 1}, {"offset": 2}, {"offset": 3, "idempotencyKey": null}, {"offset": 4}, {"offset": 5, "type": "stream/paused"}]),
    );
}

#[test]
fn many_writers_with_one_key_store_one_event() {
    let millrace = shared();
    let client: &Client = &millrace;
    let offsets: BTreeSet<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..16)
            .map(|n| {
                scope.spawn(move || {
                    client
                        .append("/race", json!({"type": "x", "payload": {"n": n}, "idempotencyKey": "one"}))
                        .to_string()
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(offsets.len(), 1, "all writers are answered with the same event: {offsets:?}");
    millrace.holds("/race", json!([{"offset": 1}, {"offset": 2, "idempotencyKey": "one"}]));
}

#[test]
fn an_offset_is_a_precondition() {
    let millrace = shared();
    let mismatch = |target: &str, body: &str, expected: u64, supplied: u64| {
        let step = post(target, body).is_refused(412, "offset-mismatch", &expected.to_string());
        (step, post(target, body).is_refused(412, "offset-mismatch", &supplied.to_string()))
    };
    let (names_expected, names_supplied) = mismatch("/api/streams/a", r#"{"type":"x","offset":9}"#, 3, 9);
    millrace.run([
        post("/api/streams/a", r#"{"type":"x","offset":2}"#).answers(200, json!({"event": {"offset": 2}})),
        names_expected,
        names_supplied,
        post("/api/streams/a", r#"{"type":"x","offset":2}"#).is_refused(412, "offset-mismatch", "/a"),
        post("/api/streams/a", r#"[{"type":"x","offset":3},{"type":"x","offset":4}]"#)
            .answers(200, json!({"events": [{"offset": 3}, {"offset": 4}]})),
        // All or nothing.
        post("/api/streams/a", r#"[{"type":"x"},{"type":"x","offset":99}]"#).is_refused(
            412,
            "offset-mismatch",
            "99",
        ),
        post("/api/streams/a", r#"{"type":"x","offset":5}"#).answers(200, json!({"event": {"offset": 5}})),
        // On a stream that does not exist, the first event of a client lands at 2; a refusal creates nothing.
        post("/api/streams/unborn", r#"{"type":"x","offset":1}"#).is_refused(412, "offset-mismatch", "2"),
        get("/api/streams/unborn?live=false").is_refused(404, "stream-not-found", "/unborn"),
        post("/api/streams/unborn", r#"{"type":"x","offset":2}"#)
            .answers(200, json!({"event": {"offset": 2}})),
    ]);
}

#[test]
fn of_many_writers_with_one_precondition_one_wins() {
    let millrace = shared();
    let client: &Client = &millrace;
    millrace.append("/race", json!({"type": "x"}));
    let wins: usize = thread::scope(|scope| {
        let writers: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(move || {
                    let request = crate::harness::http::Request::new("POST", "/api/streams/race");
                    let answer = client.send(request.body(r#"{"type":"x","offset":3}"#));
                    usize::from(answer.head.status == 200)
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    assert_eq!((wins, millrace.read("/race").len()), (1, 3));
}

#[test]
fn concurrent_appends_are_totally_ordered() {
    let millrace = shared();
    let client: &Client = &millrace;
    let acknowledged: Vec<(u64, String)> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                scope.spawn(move || {
                    let append = |n| {
                        let event = client
                            .append("/busy", json!({"type": "x", "payload": {"writer": writer, "n": n}}));
                        (event["offset"].as_u64().unwrap(), event["payload"].to_string())
                    };
                    (0..25).map(append).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    let events = millrace.read("/busy");
    let offsets: Vec<u64> = events.iter().map(|event| event["offset"].as_u64().unwrap()).collect();
    assert_eq!(offsets, (1..=201).collect::<Vec<u64>>());
    for (offset, payload) in acknowledged {
        assert_eq!(events[offset as usize - 1]["payload"].to_string(), payload);
    }
    let times: Vec<&str> = events.iter().map(|event| event["createdAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "createdAt never goes back within a stream");
}
