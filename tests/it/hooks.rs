//! Hooks under awkward circumstances: a paused stream, a replacement in mid-flight, a destroyed stream, a
//! promise that nobody awaits. What was promised (contract §4, §5) holds all the same.

use serde_json::{Value, json};

use crate::harness::{get, post, request, shared};
use crate::processors::PONG;

pub fn count(events: &[Value], event_type: &str) -> usize {
    events.iter().filter(|event| event["type"] == event_type).count()
}

#[test]
fn hooks_run_one_at_a_time_and_in_order() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'job') return;
        await append({ type: 'begun', payload: event.payload });
        await new Promise((done) => setTimeout(done, 30 - event.payload.n * 10));
        await append({ type: 'ended', payload: event.payload });
    } };";
    let millrace = shared();
    millrace.deploy("/a", "s", script);
    let jobs: Vec<Value> = (0..3).map(|n| json!({"type": "job", "payload": {"n": n}})).collect();
    millrace.append("/a", Value::Array(jobs));
    let events = millrace.wait_for("/a", "three ends", |events| count(events, "ended") == 3);
    let steps: Vec<String> = events
        .iter()
        .filter(|event| event["type"] == "begun" || event["type"] == "ended")
        .map(|event| format!("{} {}", event["type"].as_str().unwrap(), event["payload"]["n"]))
        .collect();
    assert_eq!(steps, ["begun 0", "ended 0", "begun 1", "ended 1", "begun 2", "ended 2"]);
}

#[test]
fn an_event_behind_which_the_stream_was_paused_is_not_passed_over() {
    let millrace = shared();
    millrace.deploy("/a", "s", PONG);
    millrace.append(
        "/a",
        json!([{"type": "ping"}, {"type": "stream/paused", "payload": {"reason": "in between"}}]),
    );
    // The refused pong must not be lost, nor its failure: one of them stands in the log once it is open again.
    std::thread::sleep(std::time::Duration::from_millis(300));
    millrace.append("/a", json!({"type": "stream/resumed"}));
    let events = millrace.wait_for("/a", "the pong, or why there is none", |events| {
        count(events, "pong") + count(events, "processor/failed") > 0
    });
    assert_eq!(count(&events, "pong") + count(&events, "processor/failed"), 1, "{events:#?}");
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_for("/a", "a pong", |events| events.last().is_some_and(|event| event["type"] == "pong"));
}

#[test]
fn a_hook_that_waits_for_ever_gives_way_to_a_new_version_and_to_removal() {
    let waits = "export default { async afterAppend({ event }) { if (event.type === 'wait') await new Promise(() => {}); } };";
    let millrace = shared();
    millrace.deploy("/a", "s", waits);
    millrace.append("/a", json!({"type": "wait"}));
    millrace.deploy("/a", "s", PONG);
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    millrace.deploy("/b", "s", waits);
    millrace.append("/b", json!([{"type": "wait"}, {"type": "processor/removed", "payload": {"slug": "s"}}]));
    millrace.settle("/b");
    millrace.run([get("/api/processors/b").answers(200, json!([]))]);
}

#[test]
fn of_two_configurations_at_once_the_later_one_runs() {
    let millrace = shared();
    for round in 0..5 {
        let path = format!("/a/{round}");
        let configured = |script: String| json!({"type": "processor/configured", "payload": {"slug": "s", "script": script}});
        millrace.append(&path, json!([configured(PONG.replace("'pong'", "'old'")), configured(PONG.to_string()), {"type": "ping"}]));
        let events = millrace.wait_for(&path, "a pong", |events| count(events, "pong") == 1);
        assert_eq!(count(&events, "old"), 0, "{events:#?}");
    }
}

#[test]
fn a_promise_that_nobody_awaits_is_still_kept() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type === 'go') { append({ type: 'one' }); append({ type: 'two' }); }
    } };";
    let millrace = shared();
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "go"}));
    let events = millrace.wait_for("/a", "both", |events| count(events, "one") + count(events, "two") == 2);
    assert_eq!(count(&events, "processor/failed"), 0, "{events:#?}");
}

#[test]
fn a_destroyed_stream_takes_its_processors_along() {
    let millrace = shared();
    millrace.deploy("/a", "s", PONG);
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    millrace.run([
        request("DELETE", "/api/streams/a").answers(200, json!({"destroyedStreamCount": 1})),
        post("/api/streams/a", r#"{"type":"ping"}"#).answers(200, json!({"event": {"offset": 2}})),
        get("/api/processors/a").answers(200, json!([])),
    ]);
    // A new one begins from nothing: had the old one lived on, its pong would come before the new one's.
    millrace.deploy("/a", "t", &PONG.replace("'pong'", "'new-pong'"));
    millrace.append("/a", json!({"type": "ping"}));
    let events = millrace.wait_for("/a", "the new pong", |events| count(events, "new-pong") == 1);
    assert_eq!(count(&events, "pong"), 0, "{events:#?}");
}

#[test]
fn a_flood_of_a_processors_own_is_paused_like_any_other() {
    let script = "export default { async afterAppend({ append, event }) { if (event.type === 'again') await append({ type: 'again' }); } };";
    let millrace = shared();
    millrace.append("/a", json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 50, "refillRatePerMinute": 1}}));
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "again"}));
    let events = millrace.wait_for("/a", "the pause", |events| count(events, "stream/paused") == 1);
    assert!(count(&events, "again") <= 51, "{}", count(&events, "again"));
    // Resumed, it goes on from where it was refused, or has recorded that; the rest of the server never noticed.
    millrace.deploy("/b", "s", PONG);
    millrace.append("/b", json!({"type": "ping"}));
    millrace.wait_type("/b", "pong");
}

#[test]
fn a_processor_on_another_stream_does_not_hold_up_this_one() {
    // An append to a paused stream fails in the hook, and only there.
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'go') return;
        try { await append({ path: '/closed', event: { type: 'x' } }); } catch (error) { await append({ type: 'refused', payload: { message: error.message } }); }
    } };";
    let millrace = shared();
    millrace.append("/closed", json!({"type": "stream/paused", "payload": {"reason": "for good"}}));
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "go"}));
    let refused = millrace.wait_type("/a", "refused");
    assert!(refused["payload"]["message"].as_str().unwrap().contains("paused"), "{refused}");
}

#[test]
fn more_than_a_hook_may_do_is_a_limit() {
    let millrace = shared();
    let lift = json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000}});
    millrace.append("/a", lift);
    // Never awaited: more appends at once than the host takes from one isolate.
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type === 'go') await Promise.all(Array.from({ length: 20000 }, (_, n) => append({ path: './out', event: { type: 'x', payload: { n } } })));
    } };";
    millrace.append("/a/out", json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000}}));
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "go"}));
    let failed = millrace.wait_type("/a", "processor/failed");
    crate::harness::assert_subset(
        "the failure",
        &failed["payload"],
        &json!({"slug": "s", "phase": "afterAppend"}),
    );
}
