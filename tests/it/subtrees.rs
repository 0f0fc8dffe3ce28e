//! `includeChildren`: one configuration, an instance on every stream below it (contract §4).

use serde_json::{Value, json};

use crate::harness::{Client, DEADLINE, Server, assert_subset, get, post, shared};
use crate::hooks::count;

/// Counts the events that it has seen, and answers pings with the count and the stream's path.
const ANSWERS: &str = "export default {
    initialState: { seen: 0 },
    reduce: ({ state }) => ({ seen: state.seen + 1 }),
    async afterAppend({ append, event, state, stream }) {
        if (event.type === 'ping') await append({ type: 'pong', payload: { to: event.offset, seen: state.seen } });
    },
};";

fn configured(script: &str) -> Value {
    json!({"type": "processor/configured", "payload": {"slug": "s", "script": script, "includeChildren": true}})
}

fn deploy_below(millrace: &Client, path: &str, script: &str) -> Value {
    let stored = millrace.append(path, configured(script));
    millrace.wait_for(path, "its activation", |events| {
        events.iter().any(|event| {
            event["type"] == "processor/activated" && event["payload"]["configuredOffset"] == stored["offset"]
        })
    });
    stored
}

fn ping() -> Value {
    json!({"type": "ping"})
}

/// The offsets that were answered on a stream, once there are so many.
fn answered(millrace: &Client, path: &str, at_least: usize) -> Vec<u64> {
    let events = millrace.wait_for(path, "pongs", |events| count(events, "pong") >= at_least);
    millrace.settle(path);
    let pongs = events.iter().filter(|event| event["type"] == "pong");
    pongs.filter_map(|pong| pong["payload"]["to"].as_u64()).collect()
}

#[test]
fn every_stream_below_has_its_own() {
    let millrace = shared();
    deploy_below(&millrace, "/agents", ANSWERS);
    for path in ["/agents", "/agents/a", "/agents/b", "/agents/b/c"] {
        millrace.append(path, ping());
        let pong = millrace.wait_type(path, "pong");
        assert_subset(path, &pong["source"], &json!({"kind": "processor", "slug": "s", "depth": 1}));
    }
    // What creates a stream is its first event here, and the instance's too.
    let seen = millrace.wait_type("/agents/a", "pong")["payload"].clone();
    assert_eq!(seen, json!({"to": 2, "seen": 2}));
    // Neither beside it, nor above, nor in system streams.
    for path in ["/agentsb", "/other", "/agents/a/_logs/x"] {
        millrace.append(path, json!([ping(), {"type": "last"}]));
        assert_eq!(count(&millrace.read(path), "pong"), 0);
    }
    let shown = millrace.run([get("/api/processors/agents/a").answers(
        200,
        json!([{"slug": "s", "status": "active", "inheritedFrom": "/agents", "includeChildren": false}]),
    )]);
    assert_eq!(shown[0]["acted"], shown[0]["tail"], "{shown:#}");
    millrace.run([
        get("/api/processors/agents").answers(200, json!([{"slug": "s", "includeChildren": true}])),
        get("/api/processors/other").answers(200, json!([])),
        get("/api/streams/__state/agents/a").answers(200, json!({"processors": {"s": {"seen": 3}}})),
    ]);
    let events = millrace.read("/agents/a");
    assert_eq!(count(&events, "processor/activated"), 0, "it is told where it is configured");
    for path in ["/agentsb", "/other", "/agents/a/_logs/x"] {
        assert_eq!(count(&millrace.read(path), "pong"), 0, "{path}");
    }
}

#[test]
fn what_a_stream_held_before_is_history() {
    let millrace = shared();
    millrace.append("/h/a", json!([ping(), ping()]));
    deploy_below(&millrace, "/h", ANSWERS);
    // Nobody has to wait for the activation above: what comes behind the configuration is live.
    millrace.append("/h/a", ping());
    assert_eq!(answered(&millrace, "/h/a", 1), [4]);
    assert_eq!(millrace.wait_type("/h/a", "pong")["payload"]["seen"], 4, "the history was reduced");

    let project = shared();
    project.append("/h", configured(ANSWERS));
    project.append("/h/a", ping());
    assert_eq!(answered(&project, "/h/a", 1), [2], "right behind the configuration");
}

#[test]
fn the_nearest_configuration_of_a_slug_wins() {
    let millrace = shared();
    let saying = |word: &str| ANSWERS.replace("'pong'", &format!("'{word}'"));
    deploy_below(&millrace, "/", &saying("far"));
    deploy_below(&millrace, "/n", &saying("near"));
    millrace.deploy("/n/own", "s", &saying("own"));
    for (path, expected) in [("/f", "far"), ("/n/x", "near"), ("/n/own", "own"), ("/n/own/y", "near")] {
        millrace.append(path, ping());
        millrace.wait_type(path, expected);
        millrace.settle(path);
        let events = millrace.read(path);
        let said: usize = ["far", "near", "own"].iter().map(|word| count(&events, word)).sum();
        assert_eq!(said, 1, "{path}: {events:#?}");
    }
}

#[test]
fn a_new_version_above_takes_over_below() {
    let millrace = shared();
    deploy_below(&millrace, "/v", ANSWERS);
    millrace.append("/v/a", ping());
    assert_eq!(answered(&millrace, "/v/a", 1), [2]);
    let doubling = ANSWERS.replace("state.seen + 1", "state.seen + 2");
    deploy_below(&millrace, "/v", &doubling);
    millrace.append("/v/a", ping());
    assert_eq!(answered(&millrace, "/v/a", 2), [2, 4], "nothing is acted on twice");
    let events = millrace.read("/v/a");
    let last = events.iter().rfind(|event| event["type"] == "pong").unwrap();
    assert_eq!(last["payload"]["seen"], 8, "the new version has reduced the whole history");
    // One that does not load leaves the one that does.
    millrace.append("/v", configured("export default {{{"));
    millrace.wait_type("/v", "processor/failed");
    millrace.append("/v/a", ping());
    assert_eq!(answered(&millrace, "/v/a", 3), [2, 4, 6]);
}

#[test]
fn a_removal_above_ends_it_below() {
    let millrace = shared();
    deploy_below(&millrace, "/r", ANSWERS);
    millrace.append("/r/a", ping());
    assert_eq!(answered(&millrace, "/r/a", 1), [2]);
    millrace.append("/r", json!({"type": "processor/removed", "payload": {"slug": "s"}}));
    millrace.append("/r/a", ping());
    millrace.run([get("/api/processors/r/a").answers(200, json!([]))]);
    deploy_below(&millrace, "/r", ANSWERS);
    millrace.append("/r/a", ping());
    assert_eq!(answered(&millrace, "/r/a", 2), [2, 5], "what came in between is history");
    // So it is with one that no longer includes the children.
    let alone = json!({"slug": "s", "script": ANSWERS.replace("seen: 0", "seen: 1")});
    millrace.deploy_with("/r", alone);
    millrace.append("/r/a", ping());
    millrace.run([get("/api/processors/r/a").answers(200, json!([]))]);
    assert_eq!(count(&millrace.read("/r/a"), "pong"), 2);
}

#[test]
fn a_stream_that_was_destroyed_begins_anew() {
    let millrace = shared();
    deploy_below(&millrace, "/d", ANSWERS);
    millrace.append("/d/a", json!([ping(), {"type": "x"}]));
    assert_eq!(answered(&millrace, "/d/a", 1), [2]);
    millrace.run([crate::harness::request("DELETE", "/api/streams/d/a")
        .answers(200, json!({"destroyedStreamCount": 1}))]);
    millrace.append("/d/a", ping());
    assert_eq!(answered(&millrace, "/d/a", 1), [2]);
    millrace
        .run([crate::harness::request("DELETE", "/api/streams/d")
            .answers(200, json!({"destroyedStreamCount": 1}))]);
    millrace.append("/d/a", ping());
    millrace.run([get("/api/processors/d/a").answers(200, json!([]))]);
}

#[test]
fn failures_below_are_told_there_and_redelivered_there() {
    let broken = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'order') return;
        if (event.payload.n < 0) throw new RangeError(`no order ${event.payload.n}`);
        await append({ type: 'shipped', payload: { n: event.payload.n } });
    } };";
    let millrace = shared();
    let first = deploy_below(&millrace, "/o", broken);
    let order = |n: i64| json!({"type": "order", "payload": {"n": n}});
    millrace.append("/o/a", json!([order(-1), order(2)]));
    millrace.append("/o/b", order(3));
    millrace.wait_type("/o/a", "shipped");
    millrace.wait_type("/o/b", "shipped");
    let failed = millrace.wait_type("/o/a", "processor/failed");
    assert_subset(
        "the failure",
        &failed["payload"],
        &json!({
            "slug": "s", "phase": "afterAppend", "cause": {"streamPath": "/o/a", "offset": 2},
            "configuredOn": {"streamPath": "/o", "offset": first["offset"]},
            "error": {"name": "RangeError", "frames": [{"file": "processor.js", "line": 3}]},
        }),
    );
    assert_eq!(count(&millrace.read("/o"), "processor/failed"), 0);
    millrace.settle("/o/a");
    let mut repaired = configured(&broken.replace("event.payload.n < 0", "event.payload.n < -5"));
    repaired["payload"]["redeliverFailed"] = json!(true);
    millrace.append("/o", repaired);
    // Nothing new comes on the stream: the repair itself wakes what has failed.
    let events =
        millrace.wait_for("/o/a", "the order that had failed", |events| count(events, "shipped") == 2);
    let shipped: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "shipped")
        .map(|event| &event["payload"]["n"])
        .collect();
    assert_eq!(shipped, [2, -1]);
    assert_eq!(count(&millrace.read("/o/b"), "shipped"), 1);
}

#[test]
fn one_that_fails_too_often_is_suspended_alone() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type === 'bad') throw new Error('no');
        if (event.type === 'ping') await append({ type: 'pong', payload: { to: event.offset } });
    } };";
    let millrace = shared();
    deploy_below(&millrace, "/s", script);
    millrace.append("/s/a", Value::Array((0..12).map(|_| json!({"type": "bad"})).collect()));
    let suspended = millrace.wait_type("/s/a", "processor/suspended");
    assert_subset(
        "suspended",
        &suspended["payload"],
        &json!({"slug": "s", "configuredOn": {"streamPath": "/s"}}),
    );
    millrace.run([
        get("/api/processors/s/a").answers(200, json!([{"status": "suspended"}])),
        get("/api/processors/s").answers(200, json!([{"status": "active"}])),
    ]);
    millrace.append("/s/a", ping());
    millrace.append("/s/b", ping());
    assert_eq!(answered(&millrace, "/s/b", 1), [2]);
    assert_eq!(count(&millrace.read("/s/a"), "pong"), 0);
    deploy_below(&millrace, "/s", &script.replace("'bad'", "'worse'"));
    let last = millrace.append("/s/a", ping());
    assert_eq!(
        answered(&millrace, "/s/a", 1),
        [last["offset"].as_u64().unwrap()],
        "what came meanwhile is history"
    );
}

#[test]
fn a_crash_loses_and_doubles_nothing_below() {
    let mut server = Server::start(&["--hibernate-after-ms", "20"]);
    deploy_below(&server.client("p"), "/c", ANSWERS);
    let paths: Vec<String> = (0..8).map(|n| format!("/c/{n}")).collect();
    for round in 0..4 {
        let millrace = server.client("p");
        for path in &paths {
            // The first round creates them; then some of them have long been asleep.
            if round == 0 || round % 2 == path.len() % 2 || path.ends_with(['1', '5']) {
                millrace.append(path, json!([ping(), ping(), {"type": "x"}]));
            }
        }
        server.kill();
        server = server.restart();
    }
    let millrace = server.client("p");
    for path in &paths {
        let pings = |events: &[Value]| -> Vec<u64> {
            let pings = events.iter().filter(|event| event["type"] == "ping");
            pings.map(|event| event["offset"].as_u64().unwrap()).collect()
        };
        let expected = pings(&millrace.read(path));
        assert!(!expected.is_empty());
        assert_eq!(answered(&millrace, path, expected.len()), expected, "{path}");
    }
}

#[test]
fn sources_and_variables_reach_below() {
    let millrace = shared();
    let source = "import type { Processor } from 'millrace';
        export default { async afterAppend({ append, event }) {
            if (event.type === 'ping') await append({ type: 'env', payload: { own: process.env.OWN ?? null, both: process.env.BOTH ?? null } });
        } } satisfies Processor;";
    let env = |key: &str, value: &str| json!({"type": "processor/env-var-set", "payload": {"key": key, "value": value}});
    millrace.append("/e", json!([env("BOTH", "above"), {"type": "processor/source-configured", "payload": {"slug": "s", "files": {"processor.ts": source}, "includeChildren": true}}]));
    millrace.wait_type("/e", "processor/activated");
    millrace.append("/e/a", ping());
    millrace.append("/e/b", json!([env("OWN", "b"), env("BOTH", "b"), ping()]));
    assert_eq!(millrace.wait_type("/e/a", "env")["payload"], json!({"own": null, "both": "above"}));
    assert_eq!(millrace.wait_type("/e/b", "env")["payload"], json!({"own": "b", "both": "b"}));
}

#[test]
fn those_that_sleep_cost_nothing_and_wake_with_their_state() {
    let server = Server::start(&["--hibernate-after-ms", "30"]);
    let millrace = server.client("p");
    deploy_below(&millrace, "/w", ANSWERS);
    let paths: Vec<String> = (0..60).map(|n| format!("/w/{n}")).collect();
    for path in &paths {
        millrace.append(path, ping());
    }
    for path in &paths {
        millrace.wait_type(path, "pong");
    }
    let asleep = |path: &str| millrace.run([get(&format!("/api/processors{path}"))])[0]["awake"] == false;
    let started = std::time::Instant::now();
    while !paths.iter().all(|path| asleep(path)) {
        assert!(started.elapsed() < DEADLINE, "they stay awake");
    }
    // A reader wakes no instance.
    millrace.read(&paths[0]);
    millrace.run([get(&format!("/api/streams/__state{}", paths[0]))
        .answers(200, json!({"processors": {"s": {"seen": 3}}}))]);
    assert!(asleep(&paths[0]));
    millrace.append(&paths[0], ping());
    assert_eq!(answered(&millrace, &paths[0], 2), [2, 4]);
}

#[test]
fn what_runs_below_has_a_past_and_can_be_simulated() {
    let millrace = shared();
    millrace.append("/t/a", ping());
    let configured = deploy_below(&millrace, "/t", ANSWERS);
    millrace
        .append("/t", json!({"type": "processor/env-var-set", "payload": {"key": "WORD", "value": "above"}}));
    millrace.append("/t/a", json!([ping(), {"type": "x"}]));
    assert_eq!(answered(&millrace, "/t/a", 1), [3], "the first is history");
    millrace.settle("/t/a");
    for offset in 1..=4 {
        millrace.run([get(&format!("/api/processors/t/a?slug=s&atOffset={offset}")).answers(
            200,
            json!({"slug": "s", "version": "<any>", "inheritedFrom": "/t", "offset": offset, "state": {"seen": offset}}),
        )]);
    }
    let simulate = |path: &str, body: Value| {
        millrace
            .run([post(&format!("/api/simulate{path}"), body).answers(200, json!({"outcome": "completed"}))])
    };
    assert_subset(
        "what is deployed",
        &simulate("/t/a", json!({"slug": "s"})),
        &json!({
            "live": {"configuredOffset": configured["offset"], "inheritedFrom": "/t", "state": {"seen": 5}},
            "difference": {
                "state": [],
                "appends": {"same": 1, "beforeLive": 1, "changed": {"count": 0}, "missing": {"count": 0}, "extra": {"count": 0}},
            },
        }),
    );
    let says = ANSWERS.replace("seen: state.seen }", "seen: state.seen, word: process.env.WORD }");
    assert_subset(
        "a candidate for it",
        &simulate("/t/a", json!({"slug": "s", "script": says})),
        &json!({"difference": {"appends": {"beforeLive": 1, "changed": {"count": 1, "first": [
            {"causeOffset": 3, "candidate": {"payload": {"to": 3, "word": "above"}}},
        ]}}}}),
    );
    // The nearest wins, and a stream's own before those above it.
    millrace.deploy("/t/own", "s", &ANSWERS.replace("seen: 0", "seen: 100"));
    millrace
        .run([get("/api/processors/t/own?slug=s&atOffset=1").answers(200, json!({"state": {"seen": 101}}))]);
    for path in ["/other", "/t/a/_logs/x"] {
        millrace.append(path, ping());
        millrace.run([
            get(&format!("/api/processors{path}?slug=s")).refused(
                404,
                "processor-not-found",
                "no processor `s`",
            ),
            post(&format!("/api/simulate{path}"), json!({"slug": "s"})).refused(
                404,
                "processor-not-found",
                "`s`",
            ),
        ]);
    }
}
