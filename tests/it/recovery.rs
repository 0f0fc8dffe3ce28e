//! What a restart and a crash leave of a processor: its state, its place, and no effect twice (contract §4).

use serde_json::{Value, json};

use crate::harness::{Client, Server, assert_subset, get};
use crate::processors::{COUNTER, PONG};

fn types(millrace: &Client, path: &str, wanted: &str) -> usize {
    millrace.read(path).iter().filter(|event| event["type"] == wanted).count()
}

#[test]
fn state_survives_a_restart_and_history_is_left_alone() {
    for kill in [false, true] {
        let mut server = Server::start(&[]);
        let millrace = server.client("p");
        millrace.deploy("/a", "counter", COUNTER);
        millrace.deploy("/a", "pong", PONG);
        millrace.append("/a", json!([{"type": "tick"}, {"type": "ping"}, {"type": "tick"}, {"type": "ask"}]));
        millrace.wait_type("/a", "count");
        millrace.wait_type("/a", "pong");
        millrace.settle("/a");
        let before = millrace.read("/a");
        if kill {
            server.kill();
        } else {
            assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
        }
        let server = server.restart();
        let millrace = server.client("p");
        millrace.append("/a", json!({"type": "ask"}));
        millrace.wait_for("/a", "a second count", |events| {
            events.iter().filter(|event| event["type"] == "count").count() == 2
        });
        millrace.settle("/a");
        let after = millrace.read("/a");
        assert_eq!(after[..before.len()], before);
        assert_subset(
            "what came since",
            &json!(after[before.len()..]),
            &json!([
                {"type": "ask"}, {"type": "count", "payload": {"now": 2}},
            ]),
        );
    }
}

#[test]
fn what_came_while_it_was_down_is_acted_on() {
    // The hook waits for a gate that is another stream: its own is not touched after the crash.
    let hold = "export default { async afterAppend({ append, event, read }) {
        if (event.type !== 'job') return;
        for (let open = false; !open; await new Promise((done) => setTimeout(done, 5))) {
            for await (const e of read({ path: '/gate', types: ['open'] })) open = true;
        }
        await append({ type: 'done', payload: { n: event.payload.n } });
    } };";
    let mut server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.append("/gate", json!({"type": "shut"}));
    millrace.deploy("/a", "s", hold);
    millrace
        .append("/a", json!([{"type": "job", "payload": {"n": 1}}, {"type": "job", "payload": {"n": 2}}]));
    server.kill();
    let server = server.restart();
    let millrace = server.client("p");
    millrace.append("/gate", json!({"type": "open"}));
    // A stream wakes with its server, without being touched.
    let done = |events: &[Value]| {
        events
            .iter()
            .filter(|event| event["type"] == "done")
            .map(|event| event["payload"]["n"].clone())
            .collect::<Vec<_>>()
    };
    let events = millrace.wait_for("/a", "both jobs", |events| done(events).len() == 2);
    assert_eq!(done(&events), [json!(1), json!(2)]);
}

#[test]
fn a_crash_between_an_append_and_its_checkpoint_appends_nothing_twice() {
    // The hook appends to two streams, and then waits for a word: so the crash comes before its checkpoint.
    let script = "export default { async afterAppend({ append, event, read }) {
        if (event.type !== 'job') return;
        await append({ type: 'begun', payload: { n: event.payload.n } });
        await append({ path: './out', event: { type: 'begun' } });
        for (;;) {
            let released = false;
            for await (const e of read({ types: ['release'] })) released = true;
            if (released) break;
            await new Promise((done) => setTimeout(done, 10));
        }
        await append({ type: 'ended' });
    } };";
    let mut server = Server::start(&[]);
    server.client("p").deploy("/a", "s", script);
    server.client("p").append("/a", json!({"type": "job", "payload": {"n": 1}}));
    for _ in 0..3 {
        server.client("p").wait_type("/a/out", "begun");
        server.kill();
        server = server.restart();
    }
    let millrace = server.client("p");
    millrace.append("/a", json!({"type": "release"}));
    millrace.wait_type("/a", "ended");
    millrace.settle("/a");
    let counts = [
        types(&millrace, "/a", "begun"),
        types(&millrace, "/a/out", "begun"),
        types(&millrace, "/a", "ended"),
    ];
    assert_eq!(counts, [1, 1, 1]);
}

#[test]
fn a_crash_in_the_middle_of_redeliveries_forgets_none() {
    let broken = "export default { async afterAppend({ event }) { if (event.type === 'order') throw new Error('bug'); } };";
    // The second order waits for a gate on another stream.
    let fixed = "export default { async afterAppend({ append, event, read }) {
        if (event.type !== 'order') return;
        const { n } = event.payload;
        if (n === 2) await append({ type: 'packing' });
        for (let open = n !== 2; !open; await new Promise((done) => setTimeout(done, 10))) {
            for await (const e of read({ path: '/gate', types: ['open'] })) open = true;
        }
        await append({ type: 'shipped', payload: { n } });
    } };";
    let mut server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.append("/gate", json!({"type": "shut"}));
    millrace.deploy("/a", "s", broken);
    let orders: Vec<Value> = (1..=4).map(|n| json!({"type": "order", "payload": {"n": n}})).collect();
    millrace.append("/a", Value::Array(orders));
    millrace.settle("/a");
    millrace.deploy_with("/a", json!({"slug": "s", "script": fixed, "redeliverFailed": true}));
    millrace.wait_type("/a", "packing");
    server.kill();
    let server = server.restart();
    let millrace = server.client("p");
    millrace.append("/gate", json!({"type": "open"}));
    let shipped = |events: &[Value]| -> Vec<Value> {
        let shipped = events.iter().filter(|event| event["type"] == "shipped");
        shipped.map(|event| event["payload"]["n"].clone()).collect()
    };
    millrace.wait_for("/a", "all orders", |events| shipped(events).len() >= 4);
    millrace.settle("/a");
    assert_eq!(shipped(&millrace.read("/a")), [1, 2, 3, 4]);
    assert_eq!(types(&millrace, "/a", "packing"), 1);
}

#[test]
fn a_state_can_be_asked_for_after_a_crash_without_any_event() {
    let mut server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.deploy("/a", "counter", COUNTER);
    millrace.append("/a", json!([{"type": "tick"}, {"type": "tick"}, {"type": "tick"}]));
    millrace.settle("/a");
    // Its mark is stored with the next commit: nothing is owed when it starts again.
    millrace.append("/other", json!({"type": "x"}));
    server.kill();
    let server = server.restart();
    let millrace = server.client("p");
    let started = std::time::Instant::now();
    while millrace.run([get("/api/streams/__state/a")])["processors"]["counter"] != json!({"count": 3}) {
        assert!(started.elapsed() < crate::harness::DEADLINE, "the state did not come back");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_crash_under_load_loses_and_doubles_no_reaction() {
    let mut server = Server::start(&[]);
    let lift = json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000}});
    server.client("p").append("/a", lift);
    server.client("p").deploy("/a", "s", PONG);
    for round in 0..5 {
        let pings: Vec<Value> = (0..100).map(|_| json!({"type": "ping"})).collect();
        server.client("p").append("/a", Value::Array(pings));
        server.client("p").wait_for("/a", "some pongs", |events| {
            events.iter().filter(|event| event["type"] == "pong").count() >= round * 100 + 20
        });
        server.kill();
        server = server.restart();
    }
    let millrace = server.client("p");
    let to = |events: &[Value]| -> Vec<u64> {
        events
            .iter()
            .filter(|event| event["type"] == "pong")
            .map(|event| event["payload"]["to"].as_u64().unwrap())
            .collect()
    };
    let events = millrace.wait_for("/a", "every pong", |events| to(events).len() >= 500);
    millrace.settle("/a");
    let pings: Vec<u64> = events
        .iter()
        .filter(|event| event["type"] == "ping")
        .map(|event| event["offset"].as_u64().unwrap())
        .collect();
    let mut answered = to(&millrace.read("/a"));
    answered.sort();
    assert_eq!(answered, pings);
}

#[test]
fn randomness_in_reduce_is_the_same_again() {
    let script = "export default {
        initialState: [],
        reduce: ({ event, state }) => (event.type === 'roll' ? [...state, Math.random()] : state),
        async afterAppend({ append, event, state }) { if (event.type === 'ask') await append({ type: 'rolls', payload: { rolls: state } }); },
    };";
    let mut server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!([{"type": "roll"}, {"type": "roll"}, {"type": "ask"}]));
    let first = millrace.wait_type("/a", "rolls")["payload"].clone();
    server.kill();
    let server = server.restart();
    let millrace = server.client("p");
    // Other bytes, the same meaning: the new version replays the history.
    millrace.deploy("/a", "s", &format!("{script}\n// again"));
    millrace.append("/a", json!({"type": "ask"}));
    let events = millrace.wait_for("/a", "the second rolls", |events| {
        events.iter().filter(|event| event["type"] == "rolls").count() == 2
    });
    assert_eq!(events.last().unwrap()["payload"], first);
}

#[test]
fn an_idle_processor_hibernates_and_wakes_with_its_state() {
    let server = Server::start(&["--hibernate-after-ms", "50"]);
    let millrace = server.client("p");
    millrace.deploy("/a", "s", COUNTER);
    millrace.append("/a", json!([{"type": "tick"}, {"type": "tick"}]));
    let started = std::time::Instant::now();
    while millrace.run([get("/api/processors/a")])[0]["awake"] != false {
        assert!(started.elapsed() < crate::harness::DEADLINE, "it did not hibernate");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    millrace.append("/a", json!({"type": "ask"}));
    assert_eq!(millrace.wait_type("/a", "count")["payload"], json!({"now": 2, "before": 2}));
    assert_eq!(types(&millrace, "/a", "processor/activated"), 1, "not again at a wake-up");
}
