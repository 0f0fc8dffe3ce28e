//! Forks: a new stream that shares another one's history, and from there on is its own.

use serde_json::{Value, json};

use crate::harness::server::run;
use crate::harness::{Client, Server, assert_subset, fresh, get, post, request, shared};
use crate::hooks::count;
use crate::processors::PONG;

const COUNTER: &str = "export default {
  initialState: { pings: 0 },
  reduce({ event, state }) { if (event.type === 'ping') return { pings: state.pings + 1 }; },
  async afterAppend({ event, append, state }) {
    if (event.type === 'ping') await append({ type: 'pong', payload: { n: state.pings } });
  },
};";

fn fork(client: &Client, from: &str, body: Value) -> Value {
    client.run([post(&format!("/api/streams/__fork{from}"), body).answers(200, json!({"from": from}))])
}

/// What `path` should have of these events.
fn moved(events: &[Value], path: &str) -> Vec<Value> {
    let mut events = events.to_vec();
    events.iter_mut().for_each(|event| event["streamPath"] = path.into());
    events
}

#[test]
fn a_fork_has_the_history_and_goes_its_own_way() {
    let millrace = shared();
    let (from, to) = (fresh("/from"), fresh("/deep/to"));
    millrace.append(&from, json!([{"type": "a", "idempotencyKey": "k"}, {"type": "b", "payload": {"x": 1}}, {"type": "c", "idempotencyKey": "late"}]));
    let events = millrace.read(&from);
    let made = fork(&millrace, &from, json!({"to": to, "atOffset": 3}));
    assert_subset(
        "the fork",
        &made,
        &json!({"path": to, "atOffset": 3, "processors": true, "createdAt": "<time>"}),
    );
    assert_eq!(millrace.read(&to), moved(&events[..3], &to));
    // The next event has the next offset; keys of what is shared hold, others are free.
    millrace.run([
        post(&format!("/api/streams{to}"), r#"{"type":"again","idempotencyKey":"k"}"#)
            .answers(200, json!({"event": {"type": "a", "offset": 2, "streamPath": to}})),
        post(&format!("/api/streams{to}"), r#"{"type":"d","offset":4}"#)
            .answers(200, json!({"event": {"type": "d", "offset": 4, "streamPath": to}})),
        post(&format!("/api/streams{to}"), r#"{"type":"mine","idempotencyKey":"late"}"#)
            .answers(200, json!({"event": {"type": "mine", "offset": 5}})),
        get(&format!("/api/streams/__state{to}")).answers(200, json!({"eventCount": 5, "path": to})),
        get("/api/streams/__children/deep").answers(200, json!([{"path": to}])),
    ]);
    assert_eq!(millrace.read(&from), events, "the other stream knows nothing of it");
    let announced = millrace.read("/deep");
    assert!(
        announced
            .iter()
            .any(|event| event["type"] == "stream/child-created" && event["payload"]["childPath"] == *to)
    );
    // Ranges over the border, and a fork of the fork.
    let offsets =
        |events: Vec<Value>| events.iter().map(|event| event["offset"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(offsets(millrace.read_with(&to, "afterOffset=2&beforeOffset=5")), [3, 4]);
    assert_eq!(offsets(millrace.read_with(&to, "types=b,d")), [3, 4]);
    assert_eq!(offsets(millrace.read_with(&to, "limit=4")), [1, 2, 3, 4]);
    let third = fresh("/third");
    let whole = fork(&millrace, &to, json!({"to": third}));
    assert_eq!(whole["atOffset"], 5);
    assert_eq!(millrace.read(&third), moved(&millrace.read(&to), &third));
}

#[test]
fn either_may_be_destroyed() {
    let millrace = shared();
    let (from, to, third) = (fresh("/from"), fresh("/to"), fresh("/third"));
    millrace.append(&from, json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 100_000, "refillRatePerMinute": 100_000}}));
    millrace.append(&from, json!(vec![json!({"type": "x"}); 1_200]));
    let events = millrace.read(&from);
    fork(&millrace, &from, json!({"to": to, "atOffset": 1_000}));
    millrace.append(&to, json!({"type": "own"}));
    fork(&millrace, &to, json!({"to": third, "atOffset": 1_001}));
    millrace.run([
        request("DELETE", &format!("/api/streams{from}")).answers(200, json!({"destroyedStreamCount": 1})),
        request("DELETE", &format!("/api/streams{to}")).answers(200, json!({"destroyedStreamCount": 1})),
        get(&format!("/api/streams{from}?live=false")).refused(404, "stream-not-found", &from),
    ]);
    let third_events = millrace.read(&third);
    assert_eq!(third_events[..1_000], moved(&events[..1_000], &third));
    assert_eq!((third_events.len(), &third_events[1_000]["type"]), (1_001, &json!("own")));
    // The paths are free for other streams.
    millrace.append(&from, json!({"type": "new"}));
    fork(&millrace, &third, json!({"to": to, "atOffset": 5}));
    assert_eq!(millrace.read(&from).len(), 2);
    assert_eq!(millrace.read(&to), moved(&events[..5], &to));
    millrace.append(&third, json!({"type": "goes on"}));
    assert_eq!(millrace.read(&third).len(), 1_002);
}

#[test]
fn processors_go_along_or_stay() {
    let millrace = shared();
    let from = fresh("/from");
    millrace.deploy(&from, "counter", COUNTER);
    for n in 1..=2 {
        millrace.append(&from, json!({"type": "ping"}));
        millrace.wait_for(&from, "a pong", |events| count(events, "pong") == n);
    }
    millrace.settle(&from);
    let tail = millrace.read(&from).len();
    let with = fresh("/with");
    fork(&millrace, &from, json!({"to": with}));
    millrace.settle(&with);
    assert_eq!(millrace.read(&with).len(), tail, "what is shared has been acted on");
    millrace.run([get(&format!("/api/streams/__state{with}"))
        .answers(200, json!({"processors": {"counter": {"pings": 2}}}))]);
    millrace.append(&with, json!({"type": "ping"}));
    let pongs = millrace.wait_for(&with, "the third pong", |events| count(events, "pong") == 3);
    assert_subset(
        "the pong",
        pongs.last().unwrap(),
        &json!({"type": "pong", "payload": {"n": 3}, "source": {"slug": "counter", "cause": {"streamPath": with, "offset": tail + 1}}}),
    );
    assert_eq!(count(&millrace.read(&from), "pong"), 2);
    // Another version there changes nothing here.
    millrace.deploy(&with, "counter", &COUNTER.replace("n: state.pings", "n: -1"));
    millrace.append(&from, json!({"type": "ping"}));
    millrace.wait_for(&from, "a pong", |events| events.iter().any(|e| e["payload"]["n"] == 3));
    millrace.append(&with, json!({"type": "ping"}));
    millrace.wait_for(&with, "the changed pong", |events| events.iter().any(|e| e["payload"]["n"] == -1));

    let without = fresh("/without");
    let made = fork(&millrace, &from, json!({"to": without, "atOffset": tail, "processors": false}));
    assert_eq!(made["processors"], false);
    millrace.append(&without, json!({"type": "ping"}));
    millrace.run([get(&format!("/api/processors{without}")).answers(200, json!([]))]);
    millrace.deploy(&without, "echo", PONG);
    millrace.append(&without, json!({"type": "ping"}));
    millrace.wait_for(&without, "the echo", |events| count(events, "pong") == 3);
    millrace.settle(&without);
    assert_eq!(count(&millrace.read(&without), "pong"), 3, "only the echo has answered");
    // And one of the fork, later, has what the fork has.
    let again = fresh("/again");
    fork(&millrace, &without, json!({"to": again}));
    let listed = millrace.settle(&again);
    assert_subset("its processors", &listed, &json!([{"slug": "echo"}]));
}

#[test]
fn states_are_those_of_the_place() {
    let millrace = shared();
    let from = fresh("/from");
    millrace.append(
        &from,
        json!([
            {"type": "stream/metadata-updated", "payload": {"metadata": {"a": 1}}},
            {"type": "stream/paused", "payload": {}},
            {"type": "stream/resumed", "payload": {}},
            {"type": "stream/metadata-updated", "payload": {"metadata": {"a": 2}}},
        ]),
    );
    let cases = [
        (2, json!({"metadata": {"a": 1}, "paused": false})),
        (3, json!({"metadata": {"a": 1}, "paused": true})),
        (4, json!({"metadata": {"a": 1}, "paused": false})),
        (5, json!({"metadata": {"a": 2}, "paused": false})),
    ];
    for (at, state) in cases {
        let to = fresh("/to");
        fork(&millrace, &from, json!({"to": to, "atOffset": at}));
        millrace.run([get(&format!("/api/streams/__state{to}")).answers(200, state.clone())]);
        let paused = state["paused"] == true;
        let append = post(&format!("/api/streams{to}"), r#"{"type":"x"}"#);
        millrace.run([if paused {
            append.refused(412, "stream-paused", &to)
        } else {
            append.answers(200, json!({}))
        }]);
    }
}

#[test]
fn who_follows_the_path_already_gets_all_of_it() {
    let millrace = shared();
    let (from, to) = (fresh("/from"), fresh("/to"));
    millrace.append(&from, json!([{"type": "a"}, {"type": "b"}]));
    let mut early = millrace.follow(&to);
    fork(&millrace, &from, json!({"to": to}));
    millrace.append(&to, json!({"type": "c"}));
    let types: Vec<Value> = early.events(4).iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["stream/created", "a", "b", "c"]);
}

#[test]
fn forks_survive_a_kill_and_the_check_knows_them() {
    let mut server = Server::start(&[]);
    {
        let millrace = server.client("public");
        millrace.append(
            "/from",
            json!({"type": "processor/configured", "payload": {"slug": "counter", "script": COUNTER}}),
        );
        millrace.wait_type("/from", "processor/activated");
        millrace.append("/from", json!({"type": "ping"}));
        millrace.wait_type("/from", "pong");
        millrace.settle("/from");
        fork(&millrace, "/from", json!({"to": "/to"}));
        fork(&millrace, "/from", json!({"to": "/quiet", "processors": false}));
    }
    server.kill();
    server = server.restart();
    {
        let millrace = server.client("public");
        for path in ["/to", "/quiet"] {
            assert_eq!(millrace.read(path), moved(&millrace.read("/from"), path));
            millrace.append(path, json!({"type": "ping"}));
        }
        millrace.wait_for("/to", "its own pong", |events| events.iter().any(|e| e["payload"]["n"] == 2));
        millrace
            .run([request("DELETE", "/api/streams/from").answers(200, json!({"destroyedStreamCount": 1}))]);
    }
    server.kill();
    server = server.restart();
    {
        let millrace = server.client("public");
        millrace.append("/to", json!({"type": "ping"}));
        millrace.wait_for("/to", "the next pong", |events| events.iter().any(|e| e["payload"]["n"] == 3));
        assert_eq!(count(&millrace.read("/to"), "pong"), 3);
        assert_eq!(count(&millrace.read("/quiet"), "pong"), 1);
        millrace.run([get("/api/processors/quiet").answers(200, json!([]))]);
    }
    server.terminate();
    let checked = run(&["fsck", &server.folder().join("data").to_string_lossy()]);
    let told = [&checked.stdout, &checked.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(checked.status.success(), "{told:?}");
}

#[test]
fn the_past_of_a_fork_can_be_looked_at_and_simulated() {
    let millrace = shared();
    let (from, to) = (fresh("/from"), fresh("/to"));
    millrace.deploy(&from, "counter", COUNTER);
    for n in 1..=3 {
        millrace.append(&from, json!({"type": "ping"}));
        millrace.wait_for(&from, "a pong", |events| count(events, "pong") == n);
    }
    millrace.settle(&from);
    fork(&millrace, &from, json!({"to": to}));
    let pings: Vec<u64> = millrace
        .read(&to)
        .iter()
        .filter(|e| e["type"] == "ping")
        .filter_map(|e| e["offset"].as_u64())
        .collect();
    millrace.run([
        get(&format!("/api/processors{to}?slug=counter&atOffset={}", pings[1])).answers(200, json!({"state": {"pings": 2}})),
        post(&format!("/api/simulate{to}"), json!({"slug": "counter"})).answers(
            200,
            json!({"outcome": "completed", "difference": {"state": [], "appends": {"same": 3, "missing": {"count": 0}, "extra": {"count": 0}}}}),
        ),
    ]);
}

#[test]
fn what_cannot_be_forked_is_told() {
    let millrace = shared();
    let (from, taken) = (fresh("/from"), fresh("/taken"));
    millrace.append(&from, json!([{"type": "a"}, {"type": "b"}]));
    millrace.append(&taken, json!({"type": "a"}));
    let target = format!("/api/streams/__fork{from}");
    let beyond = millrace.run([post(&target, json!({"to": "/x", "atOffset": 9})).refused(
        400,
        "bad-body",
        "its newest is 3",
    )]);
    assert_eq!(beyond["tail"], 3);
    millrace.run([
        post(&target, json!({"to": taken})).refused(409, "stream-exists", &taken),
        post(&target, json!({"to": from})).refused(409, "stream-exists", &from),
        post("/api/streams/__fork/nowhere", json!({"to": "/x"})).refused(404, "stream-not-found", "nowhere"),
        post(&target, json!({"to": "/Bad"})).refused(400, "bad-path", "Bad"),
        post(&target, json!({"to": "/__x"})).refused(400, "bad-path", "reserved"),
        post("/api/streams/__fork/Bad", json!({"to": "/x"})).refused(400, "bad-path", "Bad"),
        post(&target, json!({})).refused(400, "bad-body", "to"),
        post(&target, json!({"to": "/x", "more": 1})).refused(400, "bad-body", "more"),
        post(&target, json!({"to": "/x", "atOffset": 0})).refused(400, "bad-body", "positive"),
        post(&target, json!({"to": "/x", "atOffset": -1})).refused(400, "bad-body", "atOffset"),
        post(&format!("{target}?x=1"), json!({"to": "/x"})).refused(400, "bad-query", "x"),
        get("/api/streams/x?live=false").refused(404, "stream-not-found", "/x"),
    ]);
}
