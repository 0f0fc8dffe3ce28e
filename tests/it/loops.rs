//! Loops end (contract §5): fast and slow ones, across streams, through kept functions and by growing in breadth; and
//! what is no loop goes on.

use std::time::Instant;

use serde_json::{Value, json};

use crate::harness::{Client, DEADLINE, assert_subset, get, shared};
use crate::hooks::count;

fn breaker(settings: Value) -> Value {
    json!({"type": "stream/circuit-breaker-configured", "payload": settings})
}

/// Few reactions are allowed, and any rate.
fn shallow(max_depth: u32) -> Value {
    breaker(json!({"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000, "maxDepth": max_depth}))
}

fn reason(millrace: &Client, path: &str) -> String {
    let paused = millrace.wait_type(path, "stream/paused");
    paused["payload"]["reason"].as_str().expect("the server gives a reason").to_string()
}

/// Appends this to that path for each event of a type.
fn forwards(from: &str, to: &str, path: &str) -> String {
    format!(
        "export default {{ async afterAppend({{ append, event }}) {{
            if (event.type === '{from}') await append({{ path: '{path}', event: {{ type: '{to}' }} }});
        }} }};"
    )
}

#[test]
fn a_slow_loop_across_streams_names_its_cycle() {
    let millrace = shared();
    for path in ["/a", "/b"] {
        millrace.append(path, shallow(20));
    }
    let slow = forwards("work", "work", "/b")
        .replace("if (", "await new Promise((done) => setTimeout(done, 3)); if (");
    millrace.deploy("/a", "there", &slow);
    millrace.deploy("/b", "back", &forwards("work", "work", "/a"));
    millrace.append("/a", json!({"type": "work"}));
    let wait_for_pauses = |wanted: usize| -> &str {
        let started = Instant::now();
        loop {
            let pauses = ["/a", "/b"].map(|path| count(&millrace.read(path), "stream/paused"));
            if pauses.iter().sum::<usize>() >= wanted {
                return if pauses[0] > 0 { "/a" } else { "/b" };
            }
            assert!(started.elapsed() < DEADLINE, "the loop goes on");
        }
    };
    let paused = wait_for_pauses(1);
    let reason = reason(&millrace, paused);
    for name in ["`there`", "`back`", "`/a`", "`/b`", "`work`", "20"] {
        assert!(reason.contains(name), "{name} is not in: {reason}");
    }
    // Whoever resumes it gets as many reactions again, and no more.
    millrace.append(paused, json!([{"type": "stream/resumed"}, {"type": "work"}]));
    wait_for_pauses(2);
}

#[test]
fn a_kept_append_does_not_shorten_the_chain() {
    let script = "let kept; export default { async afterAppend({ append, event }) {
        kept ??= append;
        if (event.type === 'again') await kept({ type: 'again' });
    } };";
    let millrace = shared();
    millrace.append("/k", shallow(20));
    millrace.deploy("/k", "s", script);
    millrace.append("/k", json!({"type": "again"}));
    assert!(reason(&millrace, "/k").contains("chain of 21"));
}

#[test]
fn a_loop_of_instances_of_one_processor_ends() {
    let script = "export default { async afterAppend({ append, event, stream }) {
        if (event.type === 'ball') await append({ path: stream.path === '/p/a' ? '../b' : '../a', event: { type: 'ball' } });
    } };";
    let millrace = shared();
    millrace.append("/p", json!({"type": "processor/configured", "payload": {"slug": "s", "script": script, "includeChildren": true}}));
    for path in ["/p/a", "/p/b"] {
        millrace.append(path, shallow(20));
    }
    millrace.append("/p/a", json!({"type": "ball"}));
    // The eleventh ball to one of them is one too many for the other.
    assert!(reason(&millrace, "/p/b").contains("chain of 21"));
}

#[test]
fn a_reaction_reaches_so_many_streams() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'all') return;
        for (let n = 0; n < event.payload.n; n++) await append({ path: `./_x${n}`, event: { type: 'x' } });
        await append({ type: 'done' });
    } };";
    let millrace = shared();
    millrace.deploy("/wide", "s", script);
    millrace.append("/wide", json!({"type": "all", "payload": {"n": 5}}));
    millrace.wait_type("/wide", "done");
    millrace.append("/wide", shallow(10));
    millrace.append("/wide", json!({"type": "all", "payload": {"n": 1_001}}));
    let failed = millrace.wait_type("/wide", "processor/failed");
    assert_subset(
        "the failure",
        &failed["payload"],
        &json!({"phase": "afterAppend", "reason": "limit", "error": {"message": "~1000 streams"}}),
    );
    millrace.run([get("/api/streams/__state/wide/_x999").answers(200, json!({"eventCount": 2}))]);
}

#[test]
fn a_stream_of_deltas_passes_and_a_flood_does_not() {
    // As fast as a fast model, for as long as it takes to empty a bucket of the original's.
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'ask') return;
        const { count, everyMs } = event.payload;
        const began = performance.now();
        for (let n = 0; n < count; n++) {
            const due = began + n * everyMs;
            if (due > performance.now()) await new Promise((done) => setTimeout(done, due - performance.now()));
            await append({ type: 'delta', payload: { n } });
        }
        await append({ type: 'answered' });
    } };";
    let millrace = shared();
    millrace.deploy("/model", "s", script);
    millrace.append("/model", json!({"type": "ask", "payload": {"count": 1_200, "everyMs": 5}}));
    millrace.wait_type("/model", "answered");
    let events = millrace.read("/model");
    assert_eq!([count(&events, "delta"), count(&events, "stream/paused")], [1_200, 0]);

    // The same without a pause between them, as fast as any client can: many at once.
    let burst: Vec<Value> = (0..400).map(|_| json!({"type": "flood"})).collect();
    millrace.append("/flood", json!({"type": "x"}));
    let started = Instant::now();
    let mut sent = 0;
    while count(&millrace.read_with("/flood", "types=stream/paused"), "stream/paused") == 0 {
        millrace.append("/flood", Value::Array(burst.clone()));
        sent += burst.len();
        assert!(started.elapsed() < DEADLINE, "{sent} events were no flood");
    }
}
