//! Time travel: the state of a processor behind any event, and what has changed between two.

use serde_json::{Value, json};

use crate::harness::{Client, Server, fresh, get, post, shared};

const LIFT: &str = r#"{"type":"stream/circuit-breaker-configured","payload":{"burstCapacity":1000000,"refillRatePerMinute":1000000}}"#;

const SUM: &str = "export default {
  initialState: { sum: 0, seen: [] },
  reduce({ event, state }) {
    if (event.type === 'bad') throw new Error('left out');
    if (event.type === 'add') return { sum: state.sum + event.payload.n, seen: [...state.seen, event.offset].slice(-3) };
  },
};";

fn at(client: &Client, path: &str, slug: &str, offset: u64) -> Value {
    client.run([get(&format!("/api/processors{path}?slug={slug}&atOffset={offset}"))
        .answers(200, json!({"offset": offset}))])
}

/// The same, worked out here.
fn expected(events: &[Value], offset: u64) -> Value {
    let adds: Vec<&Value> =
        events.iter().filter(|e| e["type"] == "add" && e["offset"].as_u64().unwrap() <= offset).collect();
    let sum: u64 = adds.iter().map(|e| e["payload"]["n"].as_u64().unwrap()).sum();
    let seen: Vec<&Value> = adds.iter().rev().take(3).rev().map(|e| &e["offset"]).collect();
    json!({"sum": sum, "seen": seen})
}

#[test]
fn the_state_behind_every_event() {
    let millrace = shared();
    let path = fresh("/past");
    millrace.append(&path, json!([{"type": "add", "payload": {"n": 5}}, {"type": "other"}]));
    millrace.deploy(&path, "sum", SUM);
    millrace.append(
        &path,
        json!([{"type": "add", "payload": {"n": 1}}, {"type": "bad"}, {"type": "add", "payload": {"n": 2}}]),
    );
    millrace.settle(&path);
    let events = millrace.read(&path);
    for offset in 1..=events.len() as u64 {
        let then = at(&millrace, &path, "sum", offset);
        assert_eq!(then["state"], expected(&events, offset), "behind event {offset}: {then}");
        assert_eq!(then["slug"], "sum");
        assert!(then["version"].is_string());
    }
    let now = millrace
        .run([get(&format!("/api/processors{path}?slug=sum")).answers(200, json!({"offset": events.len()}))]);
    assert_eq!(now["state"]["sum"], 8);
}

#[test]
fn what_has_changed_between_two_events() {
    let millrace = shared();
    let path = fresh("/changed");
    millrace.deploy(&path, "sum", SUM);
    let stored = millrace
        .append(&path, json!([{"type": "add", "payload": {"n": 5}}, {"type": "add", "payload": {"n": 6}}]));
    let (first, second) = (&stored[0]["offset"], &stored[1]["offset"]);
    millrace.run([
        get(&format!("/api/processors{path}?slug=sum&fromOffset={first}&atOffset={second}")).answers(
            200,
            json!({
                "slug": "sum", "fromOffset": first, "offset": second,
                "fromState": {"sum": 5, "seen": [first]}, "state": {"sum": 11, "seen": [first, second]},
                "patch": [
                    {"op": "replace", "path": "/sum", "value": 11},
                    {"op": "add", "path": "/seen/1", "value": second},
                ],
            }),
        ),
        get(&format!("/api/processors{path}?slug=sum&fromOffset={second}&atOffset={first}"))
            .answers(200, json!({"patch": [{"op": "replace", "path": "/sum", "value": 5}, {"op": "remove", "path": "/seen/1"}]})),
    ]);
}

#[test]
fn the_servers_own_processors_have_a_past_too() {
    let millrace = shared();
    let path = fresh("/own");
    millrace.append(
        &path,
        json!([
            {"type": "stream/metadata-updated", "payload": {"metadata": {"a": 1}}},
            {"type": "stream/metadata-updated", "payload": {"metadata": {"a": 2}}},
            {"type": "stream/paused", "payload": {"reason": "lunch"}},
            {"type": "stream/resumed", "payload": {}},
        ]),
    );
    millrace.run([
        get(&format!("/api/processors{path}?slug=metadata&atOffset=1"))
            .answers(200, json!({"version": null, "state": {}})),
        get(&format!("/api/processors{path}?slug=metadata&atOffset=2"))
            .answers(200, json!({"state": {"a": 1}})),
        get(&format!("/api/processors{path}?slug=metadata&atOffset=3"))
            .answers(200, json!({"state": {"a": 2}})),
        get(&format!("/api/processors{path}?slug=circuit-breaker&atOffset=3"))
            .answers(200, json!({"state": {"paused": false}})),
        get(&format!("/api/processors{path}?slug=circuit-breaker&atOffset=4"))
            .answers(200, json!({"state": {"paused": true}})),
        get(&format!("/api/processors{path}?slug=metadata&fromOffset=2&atOffset=3"))
            .answers(200, json!({"patch": [{"op": "replace", "path": "/a", "value": 2}]})),
    ]);
}

#[test]
fn the_present_version_looks_back_on_all_of_it() {
    let millrace = shared();
    let path = fresh("/versions");
    millrace.append(&path, json!({"type": "add", "payload": {"n": 5}}));
    millrace.deploy(&path, "sum", SUM);
    millrace.deploy(
        &path,
        "sum",
        &SUM.replace("state.sum + event.payload.n", "state.sum + 10 * event.payload.n"),
    );
    assert_eq!(at(&millrace, &path, "sum", 2)["state"]["sum"], 50);
}

#[test]
fn a_long_past_survives_a_kill() {
    let mut server = Server::start(&[]);
    let path = "/long";
    {
        let millrace = server.client("public");
        millrace.run([post(&format!("/api/streams{path}"), LIFT)]);
        for _ in 0..6 {
            millrace.append(
                path,
                Value::Array((0..1_000).map(|n| json!({"type": "add", "payload": {"n": n}})).collect()),
            );
        }
        millrace
            .append(path, json!({"type": "processor/configured", "payload": {"slug": "sum", "script": SUM}}));
        millrace
            .wait_for(path, "activation", |events| events.iter().any(|e| e["type"] == "processor/activated"));
        millrace.settle(path);
    }
    for round in 0..2 {
        let millrace = server.client("public");
        let events = millrace.read(path);
        for offset in [1, 2, 3, 999, 1_000, 1_001, 2_500, 3_000, 5_999, 6_001, events.len() as u64] {
            assert_eq!(
                at(&millrace, path, "sum", offset)["state"],
                expected(&events, offset),
                "round {round}, {offset}"
            );
        }
        if round == 0 {
            millrace
                .run([post("/api/streams/__fork/long", json!({"to": "/branch", "atOffset": events.len()}))]);
            millrace.append("/branch", json!({"type": "add", "payload": {"n": 1}}));
        }
        // What a fork shares has the same past, with the same states along its way.
        let events = millrace.read("/branch");
        for offset in [1, 1_500, 4_000, 4_001, events.len() as u64 - 1, events.len() as u64] {
            let then = at(&millrace, "/branch", "sum", offset)["state"].clone();
            assert_eq!(then["sum"], expected(&events, offset)["sum"], "round {round}, fork, {offset}");
        }
        server.kill();
        server = server.restart();
    }
}

#[test]
fn what_has_no_past_is_told() {
    let millrace = shared();
    let path = fresh("/none");
    millrace.deploy(&path, "sum", SUM);
    millrace.settle(&path);
    let tail = millrace.read(&path).len();
    let target = format!("/api/processors{path}");
    let beyond = format!("its newest is {tail}");
    let refused =
        millrace.run([get(&format!("{target}?slug=sum&atOffset=10000")).refused(400, "bad-query", &beyond)]);
    assert_eq!(refused["tail"], tail);
    millrace.run([
        get(&format!("{target}?slug=sum&fromOffset=10000&atOffset=1")).refused(400, "bad-query", "10000"),
        get(&format!("{target}?slug=nobody&atOffset=1")).refused(404, "processor-not-found", "nobody"),
        get("/api/processors/nowhere?slug=sum&atOffset=1").refused(404, "stream-not-found", "nowhere"),
        get(&format!("{target}?atOffset=1")).refused(400, "bad-query", "slug"),
        get(&format!("{target}?slug=sum&atOffset=0")).refused(400, "bad-query", "positive"),
        get(&format!("{target}?slug=sum&atOffset=x")).refused(400, "bad-query", "positive"),
        get(&format!("{target}?slug=Bad&atOffset=1")).refused(400, "bad-query", "slug"),
    ]);
    let broken = fresh("/broken");
    millrace.append(
        &broken,
        json!({"type": "processor/configured", "payload": {"slug": "b", "script": "nonsense("}}),
    );
    millrace.wait_type(&broken, "processor/failed");
    millrace.run([get(&format!("/api/processors{broken}?slug=b&atOffset=1")).refused(
        409,
        "processor-failed",
        "SyntaxError",
    )]);
}
