//! Failures are events (contract §4): each kind of trouble is one `processor/failed` that says where, and
//! nothing else is harmed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Client, Server, assert_subset, get, shared};
use crate::processors::PONG;

/// A script whose `afterAppend` runs `body` at an event `boom`, on line 3, and answers each ping.
fn at_boom(body: &str) -> String {
    format!(
        "export default {{\n  async afterAppend({{ append, event, read }}) {{\n    if (event.type === 'boom') {{ {body} }}\n    if (event.type === 'ping') await append({{ type: 'pong' }});\n  }},\n}};"
    )
}

fn at_reduce(body: &str) -> String {
    format!(
        "export default {{\n  initialState: {{ pings: 0 }},\n  reduce({{ event, state }}) {{\n    if (event.type === 'boom') {{ {body} }}\n    if (event.type === 'ping') return {{ pings: state.pings + 1 }};\n  }},\n  async afterAppend({{ append, event, state }}) {{\n    if (event.type === 'ping') await append({{ type: 'pong', payload: state }});\n  }},\n}};"
    )
}

struct Case<'a> {
    name: &'a str,
    script: String,
    limits: Value,
    /// A subset of the payload of the only `processor/failed`.
    failed: Value,
}

fn case<'a>(name: &'a str, script: String, limits: Value, failed: Value) -> Case<'a> {
    Case { name, script, limits, failed }
}

/// Appends `boom` and then `ping`: one failure, in reaction to boom, and the pong all the same.
fn check(millrace: &Client, cases: Vec<Case>) {
    for Case { name, script, limits, failed } in cases {
        let path = format!("/{name}");
        millrace.deploy_with(&path, json!({"slug": "s", "script": script, "limits": limits}));
        let boom = millrace.append(&path, json!({"type": "boom"}));
        let event = millrace.wait_type(&path, "processor/failed");
        millrace.append(&path, json!({"type": "ping"}));
        millrace.wait_type(&path, "pong");
        millrace.settle(&path);
        let cause = json!({"streamPath": path, "offset": boom["offset"]});
        assert_subset(name, &event, &json!({"payload": {"slug": "s", "version": "<any>", "cause": cause}}));
        assert_subset(name, &event["payload"], &failed);
        let failures =
            millrace.read(&path).iter().filter(|event| event["type"] == "processor/failed").count();
        assert_eq!(failures, 1, "{name}");
    }
}

#[test]
fn exceptions_say_where() {
    let frame = |line: u64, column: u64| json!({"file": "processor.js", "line": line, "column": column});
    let millrace = shared();
    let with_frame = |event: &Value, frame: &Value| {
        assert_subset("the first frame", &event["payload"]["error"]["frames"][0], frame)
    };
    let exception = |phase: &str, name: &str, message: &str| json!({"phase": phase, "reason": "exception", "error": {"name": name, "message": format!("~{message}"), "stack": "<any>"}});
    check(
        &millrace,
        vec![
            case(
                "thrown",
                at_boom("throw new TypeError('no such thing');"),
                json!({}),
                exception("afterAppend", "TypeError", "no such thing"),
            ),
            case("engine", at_boom("null.x;"), json!({}), exception("afterAppend", "TypeError", "null")),
            case(
                "later",
                at_boom("await new Promise((done) => setTimeout(done, 5)); throw new Error('late');"),
                json!({}),
                exception("afterAppend", "Error", "late"),
            ),
            case(
                "no-error",
                at_boom("throw 'just text';"),
                json!({}),
                json!({"phase": "afterAppend", "error": {"message": "~just text"}}),
            ),
            case(
                "refused",
                at_boom("await append({ type: 'x', offset: 1 });"),
                json!({}),
                exception("afterAppend", "<any>", "offset"),
            ),
            case(
                "in-reduce",
                at_reduce("throw new RangeError('wrong sum');"),
                json!({}),
                exception("reduce", "RangeError", "wrong sum"),
            ),
            case(
                "unhandled",
                at_boom("Promise.reject(new Error('lost'));"),
                json!({}),
                exception("unhandled-rejection", "Error", "lost"),
            ),
            case(
                "in-a-timer",
                at_boom(
                    "setTimeout(() => { throw new Error('in a timer'); }, 1); await new Promise((done) => setTimeout(done, 20));",
                ),
                json!({}),
                json!({"error": {"message": "in a timer"}}),
            ),
        ],
    );
    // Where the error is made: at its `new`.
    with_frame(&millrace.wait_type("/thrown", "processor/failed"), &frame(3, 40));
    assert_eq!(millrace.wait_type("/later", "processor/failed")["payload"]["error"]["frames"][0]["line"], 3);
    assert_eq!(
        millrace.wait_type("/in-reduce", "processor/failed")["payload"]["error"]["frames"][0]["line"],
        4
    );
    assert_eq!(millrace.wait_type("/in-reduce", "pong")["payload"], json!({"pings": 1}), "the state went on");
}

#[test]
fn limits_end_what_would_not_end() {
    let reason = |phase: &str, reason: &str| json!({"phase": phase, "reason": reason});
    let quick = json!({"cpuMs": 100});
    check(
        &shared(),
        vec![
            case(
                "never-settles",
                at_boom("await new Promise(() => {});"),
                json!({"timeoutMs": 200}),
                reason("afterAppend", "timeout"),
            ),
            case("endless-loop", at_boom("for (;;) {}"), quick.clone(), reason("afterAppend", "timeout")),
            case("endless-reduce", at_reduce("for (;;) {}"), quick.clone(), reason("reduce", "timeout")),
            case(
                "endless-microtasks",
                at_boom("for (;;) await null;"),
                quick.clone(),
                reason("afterAppend", "timeout"),
            ),
            case(
                "endless-catch",
                at_boom("for (;;) { try { for (;;) {} } catch {} }"),
                quick.clone(),
                reason("afterAppend", "timeout"),
            ),
            case(
                "endless-native",
                at_boom("/(a+)+$/.test('a'.repeat(40) + 'b');"),
                quick.clone(),
                reason("afterAppend", "timeout"),
            ),
            case(
                "memory",
                at_boom("const all = []; for (;;) all.push(new Array(1000).fill(1));"),
                json!({"memoryBytes": 16 * 1024 * 1024, "cpuMs": 5000}),
                reason("afterAppend", "out-of-memory"),
            ),
            case(
                "memory-at-once",
                at_boom("new Uint8Array(2 ** 30);"),
                json!({}),
                json!({"phase": "afterAppend"}),
            ),
            case(
                "stack",
                at_boom("const f = () => 1 + f(); f();"),
                json!({}),
                reason("afterAppend", "stack-overflow"),
            ),
            case(
                "stack-in-reduce",
                at_reduce("const f = () => 1 + f(); f();"),
                json!({}),
                reason("reduce", "stack-overflow"),
            ),
        ],
    );
}

#[test]
fn what_does_not_load_says_why() {
    let cases = [
        (
            "syntax",
            "export default {\n  reduce( {\n};",
            json!({"error": {"name": "SyntaxError", "frames": [{"file": "processor.js", "line": "<any>"}]}}),
        ),
        (
            "throws",
            "const x = 1;\nthrow new Error('at load');",
            json!({"error": {"message": "at load", "frames": [{"line": 2, "column": "<any>"}]}}),
        ),
        ("no-export", "const x = 1;", json!({"error": {"message": "~export"}})),
        ("no-object", "export default 42;", json!({"error": {"message": "<any>"}})),
        (
            "no-function",
            "export default { afterAppend: 'text' };",
            json!({"error": {"message": "~afterAppend"}}),
        ),
        (
            "no-such-module",
            "import x from './absent.js';\nexport default {};",
            json!({"error": {"message": "~absent.js"}}),
        ),
        ("endless", "for (;;) {}", json!({"reason": "timeout"})),
    ];
    let millrace = shared();
    for (name, script, expected) in cases {
        let path = format!("/{name}");
        let configured = millrace.append(&path, json!({"type": "processor/configured", "payload": {"slug": "s", "script": script, "limits": {"cpuMs": 200}}}));
        let failed = millrace.wait_type(&path, "processor/failed");
        assert_subset(name, &failed["payload"], &json!({"slug": "s", "phase": "load"}));
        assert_subset(name, &failed["payload"], &expected);
        // The stream goes on, and the next version heals it.
        millrace.deploy(&path, "s", PONG);
        millrace.append(&path, json!({"type": "ping"}));
        millrace.wait_type(&path, "pong");
        let events = millrace.read(&path);
        assert_eq!(
            events.iter().filter(|event| event["type"] == "processor/failed").count(),
            1,
            "{name}: {events:#?}"
        );
        assert!(configured["offset"].is_u64());
    }
}

#[test]
fn a_failing_on_caught_up_is_one_failure() {
    let millrace = shared();
    let script = "export default { async onCaughtUp() { throw new Error('not ready'); },\n async afterAppend({ append, event }) { if (event.type === 'ping') await append({ type: 'pong' }); } };";
    millrace
        .append("/a", json!({"type": "processor/configured", "payload": {"slug": "s", "script": script}}));
    let failed = millrace.wait_type("/a", "processor/failed");
    assert_subset(
        "the failure",
        &failed["payload"],
        &json!({"phase": "onCaughtUp", "error": {"message": "not ready"}}),
    );
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
}

#[test]
fn ten_failures_in_a_row_suspend() {
    let millrace = shared();
    millrace.deploy("/a", "s", &at_boom("throw new Error('again');"));
    for _ in 0..9 {
        millrace.append("/a", json!({"type": "boom"}));
    }
    // A success in between starts the count anew.
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    for _ in 0..12 {
        millrace.append("/a", json!({"type": "boom"}));
    }
    let suspended = millrace.wait_type("/a", "processor/suspended");
    assert_subset("the suspension", &suspended, &json!({"payload": {"slug": "s", "reason": "~10"}}));
    millrace.append("/a", json!({"type": "ping"}));
    let processors = millrace.run([get("/api/processors/a")]);
    assert_subset(
        "the list",
        &processors,
        &json!([{"slug": "s", "status": "suspended", "lastError": "<any>"}]),
    );
    // A configuration wakes it; what came in the meantime is history, as nobody has asked for it.
    millrace.deploy("/a", "s", &PONG.replace("'pong'", "'awake'"));
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "awake");
    millrace.settle("/a");
    let count = |name: &str| millrace.read("/a").iter().filter(|event| event["type"] == name).count();
    assert_eq!(
        [count("processor/failed"), count("processor/suspended"), count("pong"), count("awake")],
        [19, 1, 1, 1]
    );
}

#[test]
fn events_that_it_only_looks_at_break_no_row_of_failures() {
    let acts = |first: &str| {
        format!(
            "export default {{ async afterAppend({{ append, event }}) {{ if (event.type !== 'go') return; {first} throw new Error('again'); }} }};"
        )
    };
    let millrace = shared();
    let cases = [("/quiet", acts("")), ("/telling", acts("await append({ type: 'started' });"))];
    for (path, script) in &cases {
        millrace.deploy(path, "s", script);
        for _ in 0..40 {
            millrace.append(path, json!([{"type": "go"}, {"type": "noop"}]));
        }
    }
    for (path, _) in &cases {
        let suspended = millrace.wait_type(path, "processor/suspended");
        assert_subset(
            path,
            &suspended,
            &json!({"payload": {"slug": "s", "reason": "~10 failures in a row"}}),
        );
        let failures = millrace.read(path).iter().filter(|event| event["type"] == "processor/failed").count();
        assert_eq!(failures, 10, "{path}");
    }
}

#[test]
fn a_repair_that_asks_for_it_acts_on_all_that_a_suspended_one_owes() {
    let millrace = shared();
    millrace.deploy("/a", "s", &at_boom("throw new Error('again');"));
    let booms = |from: u64, to: u64| (from..=to).map(|n| json!({"type": "boom", "payload": {"n": n}}));
    millrace.append("/a", booms(1, 10).collect());
    millrace.wait_type("/a", "processor/suspended");
    millrace.append("/a", booms(11, 13).collect());
    let script = at_boom("await append({ type: 'repaired', payload: event.payload });");
    millrace.deploy_with("/a", json!({"slug": "s", "script": script, "redeliverFailed": true}));
    let repaired = |events: &[Value]| -> Vec<Value> {
        let repaired = events.iter().filter(|event| event["type"] == "repaired");
        repaired.map(|event| event["payload"]["n"].clone()).collect()
    };
    millrace.wait_for("/a", "all of them", |events| repaired(events).len() >= 13);
    millrace.settle("/a");
    assert_eq!(repaired(&millrace.read("/a")), (1..=13).map(Value::from).collect::<Vec<_>>(), "oldest first");
}

#[test]
fn one_that_only_reduces_is_suspended_too() {
    let script = "export default { initialState: 0, reduce({ event, state }) { if (event.type === 'boom') throw new Error('again'); return state + 1; } };";
    let booms = |count: usize| Value::Array(vec![json!({"type": "boom"}); count]);
    let millrace = shared();
    let in_requests_of: [&[usize]; 3] = [&[10], &[1; 10], &[3, 3, 4]];
    for sizes in in_requests_of {
        let path = format!("/in-{}", sizes.len());
        millrace.deploy(&path, "s", script);
        for size in sizes {
            millrace.append(&path, booms(*size));
        }
        let suspended = millrace.wait_type(&path, "processor/suspended");
        assert_subset("the suspension", &suspended, &json!({"payload": {"slug": "s", "reason": "~10"}}));
        let processors = millrace.run([get(&format!("/api/processors{path}"))]);
        assert_subset(&path, &processors, &json!([{"status": "suspended"}]));
        let failures =
            millrace.read(&path).iter().filter(|event| event["type"] == "processor/failed").count();
        assert_eq!(failures, 10, "{path}");
    }
}

/// The failure of a hook that loops in `body`.
fn loops_for_ever(body: &str) -> Value {
    let millrace = shared();
    let payload = json!({"slug": "s", "script": at_boom(body), "limits": {"cpuMs": 100}});
    millrace.deploy_with("/a", payload);
    millrace.append("/a", json!({"type": "boom"}));
    let failed = millrace.wait_type("/a", "processor/failed");
    assert_subset("the failure", &failed["payload"], &json!({"phase": "afterAppend", "reason": "timeout"}));
    failed
}

/// The first frame of the failure is in this line.
fn is_ended_in_line(line: u64, body: &str) {
    let failed = loops_for_ever(body);
    let frame = json!({"file": "processor.js", "line": line});
    assert_subset(body, &failed["payload"]["error"]["frames"][0], &frame);
}

#[test]
fn a_loop_without_end_says_where_it_is() {
    is_ended_in_line(3, "for (;;) {}");
}

#[test]
fn a_loop_in_a_line_of_its_own_says_in_which_function_it_is() {
    // The engine's record of the line is that of the function's last call: at, or shortly before, the loop.
    let failed = loops_for_ever("\n\n      for (;;) { event.type.trim(); }\n   ");
    let frame = &failed["payload"]["error"]["frames"][0];
    assert_subset("the frame", frame, &json!({"file": "processor.js", "function": "afterAppend"}));
    assert!((3..=5).contains(&frame["line"].as_u64().unwrap()), "{frame}");
}

#[test]
fn a_fix_resumes_the_work_that_had_failed() {
    let millrace = shared();
    millrace.deploy("/a", "s", "export default { async afterAppend({ event }) { if (event.type === 'order') throw new Error('bug'); } };");
    millrace.append(
        "/a",
        json!([{"type": "order", "payload": {"n": 1}}, {"type": "order", "payload": {"n": 2}}]),
    );
    millrace.settle("/a");
    let fixed = "export default { async afterAppend({ append, event }) { if (event.type === 'order') await append({ type: 'shipped', payload: event.payload }); } };";
    millrace.deploy_with("/a", json!({"slug": "s", "script": fixed, "redeliverFailed": true}));
    let shipped = |events: &[Value]| {
        events
            .iter()
            .filter(|event| event["type"] == "shipped")
            .map(|event| event["payload"]["n"].clone())
            .collect::<Vec<_>>()
    };
    let events = millrace.wait_for("/a", "both orders", |events| shipped(events).len() >= 2);
    assert_eq!(shipped(&events), [json!(1), json!(2)], "oldest first");
}

#[test]
fn one_that_hangs_does_not_stop_the_others() {
    let millrace = shared();
    for n in 0..4 {
        let path = format!("/stuck/{n}");
        millrace.deploy(&path, "s", &at_boom("for (;;) {}"));
        millrace.append(&path, json!({"type": "boom"}));
    }
    millrace.deploy("/well", "s", PONG);
    millrace.append("/well", json!({"type": "ping"}));
    millrace.wait_type("/well", "pong");
    for n in 0..4 {
        assert_subset(
            "a stuck one",
            &millrace.wait_type(&format!("/stuck/{n}"), "processor/failed"),
            &json!({"payload": {"reason": "timeout"}}),
        );
    }
}

#[test]
fn a_killed_worker_is_replaced() {
    let server = Server::start(&[]);
    let millrace = server.client("p");
    for path in ["/a", "/b", "/c"] {
        millrace.deploy(path, "s", PONG);
        millrace.append(path, json!({"type": "ping"}));
        millrace.wait_type(path, "pong");
    }
    for round in 0..3u64 {
        let workers = crate::harness::server::children_of(server.process_id());
        assert!(!workers.is_empty(), "isolates live in processes of their own");
        for worker in workers {
            crate::harness::server::signal(worker, "KILL");
        }
        for path in ["/a", "/b", "/c"] {
            millrace.append(path, json!({"type": "ping"}));
            let pongs =
                |events: &[Value]| events.iter().filter(|event| event["type"] == "pong").count() as u64;
            millrace.wait_for(path, "its pong", |events| pongs(events) == round + 2);
        }
    }
}

#[test]
fn a_slow_loop_is_ended_by_its_depth() {
    let millrace = shared();
    let turn = |from: &str, to: &str| {
        format!(
            "export default {{ async afterAppend({{ append, event }}) {{ if (event.type === '{from}') await append({{ type: '{to}' }}); }} }};"
        )
    };
    let config = json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 100_000, "refillRatePerMinute": 100_000, "maxDepth": 20}});
    millrace.append("/loop", config);
    millrace.deploy("/loop", "ticker", &turn("tick", "tock"));
    millrace.deploy("/loop", "tocker", &turn("tock", "tick"));
    millrace.append("/loop", json!({"type": "tick"}));
    let started = Instant::now();
    let paused = millrace.wait_type("/loop", "stream/paused");
    assert!(started.elapsed() < Duration::from_secs(20));
    let reason = paused["payload"]["reason"].as_str().unwrap();
    for word in ["ticker", "tocker", "/loop", "tick", "tock"] {
        assert!(reason.contains(word), "{word} is not in {reason:?}");
    }
    let deepest = millrace.read("/loop").iter().filter_map(|event| event["source"]["depth"].as_u64()).max();
    assert!((20..=22).contains(&deepest.unwrap()), "{deepest:?}");
    // Resuming starts the count anew: an event of a client is at depth 0 again.
    millrace.append("/loop", json!({"type": "stream/resumed"}));
    millrace.append("/loop", json!({"type": "x"}));
}
