//! What a processor may use (contract §4): each breach is one failure that says the limit and what was used, and what is
//! asked for beyond the server's own bounds makes the event invalid.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::{Client, Server, assert_subset, get, shared};

/// Acts on `boom` with `body`, and answers each ping.
fn at_boom(body: &str) -> String {
    format!(
        "export default {{ async afterAppend({{ append, event, read }}) {{\n if (event.type === 'boom') {{ {body} }}\n if (event.type === 'ping') await append({{ type: 'pong' }});\n}} }};"
    )
}

fn breaks(millrace: &Client, (limits, body, reason, words): &(Value, &str, &str, &str)) {
    let path = crate::harness::fresh("/limits");
    millrace.deploy_with(&path, json!({"slug": "s", "script": at_boom(body), "limits": limits}));
    millrace.append(&path, json!([{"type": "boom"}, {"type": "ping"}]));
    let failed = millrace.wait_type(&path, "processor/failed");
    millrace.wait_type(&path, "pong");
    let told = json!({"reason": reason, "error": {"message": format!("~{words}")}});
    assert_subset(&format!("{limits} {body}"), &failed["payload"], &told);
}

#[test]
fn each_breach_says_its_numbers() {
    let cases: Vec<(Value, &str, &str, &str)> = vec![
        (
            json!({"memoryBytes": 4_194_304}),
            "const all = []; for (;;) all.push(new Array(1000));",
            "out-of-memory",
            "4194304 bytes of memory: it held ",
        ),
        (json!({"cpuMs": 50}), "for (;;) {}", "timeout", "more than 50 ms without a pause: "),
        (
            json!({"timeoutMs": 100}),
            "await new Promise((done) => setTimeout(done, 60_000));",
            "timeout",
            "longer than 100 ms: ",
        ),
        (
            json!({"stackBytes": 131_072}),
            "(function f() { return 1 + f() })();",
            "stack-overflow",
            "the stack may have 131072 bytes",
        ),
        (json!({"timers": 3}), "for (;;) setTimeout(() => {}, 10);", "limit", "more than 3 timers"),
        (
            json!({"appendsPerHook": 2}),
            "for (;;) await append({ type: 'a' });",
            "limit",
            "more than 2 appends in one hook",
        ),
        (
            json!({"eventBytes": 100}),
            "await append({ type: 'a', payload: { text: 'x'.repeat(200) } });",
            "limit",
            "it may have 100 (`limits.eventBytes`)",
        ),
    ];
    let millrace = shared();
    for case in &cases {
        breaks(&millrace, case);
    }
}

#[test]
fn modules_may_be_too_large() {
    let millrace = shared();
    let script = format!("export default {{}}; // {}", "x".repeat(2_000));
    let payload = json!({"slug": "s", "script": script, "limits": {"moduleBytes": 1_000}});
    millrace.append("/large", json!({"type": "processor/configured", "payload": payload}));
    let failed = millrace.wait_type("/large", "processor/failed");
    let told = json!({"phase": "load", "reason": "limit", "error": {"message": "~they may have 1000 (`limits.moduleBytes`)"}});
    assert_subset("too large", &failed["payload"], &told);
}

#[test]
fn lines_beyond_the_limit_are_counted() {
    let millrace = shared();
    let body = "for (let n = 0; n < 10; n += 1) console.log(n);";
    millrace.deploy_with("/lines", json!({"slug": "s", "script": at_boom(body), "limits": {"logLines": 3}}));
    millrace.append("/lines", json!({"type": "boom"}));
    let lines = millrace.wait_for("/lines/_logs/s", "four lines", |events| events.len() >= 5);
    let said: Vec<&Value> = lines.iter().skip(1).map(|line| &line["payload"]["message"]).collect();
    assert_eq!(said, ["0", "1", "2", "7 more lines were dropped: a hook may log 3"]);
}

#[test]
fn what_is_beyond_the_bounds_is_invalid() {
    let millrace = shared();
    let cases = [
        ("memoryBytes", 1_u64 << 40, "`limits.memoryBytes` must be from 1048576 to 268435456"),
        ("cpuMs", 5_001, "`limits.cpuMs` must be from 1 to 5000"),
        ("timeoutMs", 3_600_001, "`limits.timeoutMs` must be from 1 to 3600000"),
        ("stackBytes", 1, "`limits.stackBytes` must be from 131072 to 2097152"),
        ("timers", 10_001, "`limits.timers` must be from 0 to 10000"),
        ("pendingFetches", 257, "`limits.pendingFetches` must be from 0 to 256"),
        ("appendsPerHook", 100_001, "`limits.appendsPerHook` must be from 0 to 100000"),
        ("eventBytes", 1 << 40, "`limits.eventBytes` must be from 1 to 33554432"),
        ("logLines", 2_001, "`limits.logLines` must be from 0 to 2000"),
        ("moduleBytes", 0, "`limits.moduleBytes` must be from 1 to 33554432"),
        ("fuel", 1, "unknown field `fuel`"),
    ];
    let sources = [
        ("processor/configured", json!({"script": "export default {}"})),
        ("processor/source-configured", json!({"files": {"processor.js": "export default {}"}})),
    ];
    for (name, value, words) in cases {
        for (event_type, source) in &sources {
            let mut payload = source.clone();
            payload["slug"] = json!("s");
            payload["limits"] = json!({name: value});
            let stored = millrace.append("/invalid", json!({"type": event_type, "payload": payload}));
            assert_eq!(stored["type"], "stream/invalid-event-appended", "{stored:#}");
            let error = stored["payload"]["error"].as_str().unwrap();
            assert!(error.contains(words), "{error}");
        }
    }
}

#[test]
fn the_limits_of_a_processor_are_shown_in_full() {
    let millrace = shared();
    let payload = json!({"slug": "s", "script": "export default {}", "limits": {"timers": 7}});
    millrace.deploy_with("/shown", payload);
    let shown = millrace.run([get("/api/processors/shown")]);
    let limits = json!({
        "memoryBytes": 67_108_864, "cpuMs": 1_000, "timeoutMs": 300_000, "stackBytes": 524_288, "timers": 7,
        "pendingFetches": 32, "appendsPerHook": 75_000, "eventBytes": 33_554_432, "logLines": 200,
        "moduleBytes": 16_777_216, "codeGeneration": false,
    });
    assert_eq!(shown[0]["limits"], limits);
}

#[test]
fn what_a_processor_has_used_is_shown() {
    let server = Server::start(&[]);
    let millrace = server.client("public");
    // Work, not time: beside other tests, time goes by without any.
    let body = "for (let n = 0; n < 2_000_000; n += 1); await append({ type: 'a' }); throw new Error('x');";
    millrace.deploy_with("/used", json!({"slug": "s", "script": at_boom(body)}));
    millrace.append("/used", json!({"type": "boom"}));
    millrace.wait_type("/used", "processor/failed");
    let shown = millrace.settle("/used");
    let usage = &shown[0]["usage"];
    // The event, and the processor's own append.
    assert_subset(
        "usage",
        usage,
        &json!({"events": 2, "failures": 1, "appends": 1, "fetches": 0, "droppedLines": 0}),
    );
    let number = |name: &str| usage[name].as_f64().unwrap();
    assert!(number("cpuMs") >= 5.0 && number("wallMs") >= 5.0, "{usage}");
    assert!(number("memoryBytes") >= 100_000.0, "{usage}");
    let metrics = String::from_utf8(millrace.send(Request::new("GET", "/metrics")).body).unwrap();
    for line in ["millrace_processor_events_total 2", "millrace_processor_failures_total 1"] {
        assert!(metrics.lines().any(|told| told == line), "{line} is not in {metrics}");
    }
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("millrace_{name} ")));
        line.unwrap().parse::<u64>().unwrap()
    };
    // All workers are confined, or the log says that they are not.
    let warned = server.log().contains("does not confine");
    assert!(value("workers") > 0 && (value("workers_confined") == value("workers")) != warned, "{metrics}");
}

#[test]
fn of_a_flood_of_lines_each_is_kept_or_counted() {
    const HOOKS: u64 = 10;
    const LINES: u64 = 2_000;
    let millrace = shared();
    let body = format!("for (let n = 0; n < {LINES}; n += 1) console.log('line');");
    millrace
        .deploy_with("/flood", json!({"slug": "s", "script": at_boom(&body), "limits": {"logLines": LINES}}));
    let booms: Vec<Value> = (0..HOOKS).map(|_| json!({"type": "boom"})).collect();
    millrace.append("/flood", Value::Array(booms));
    let (mut seen, mut told) = (0, 0);
    let all_told = |events: &[Value]| {
        let messages = events[seen..].iter().filter_map(|event| event["payload"]["message"].as_str());
        told += messages.map(|text| if text == "line" { 1 } else { dropped(text) }).sum::<u64>();
        seen = events.len();
        told == HOOKS * LINES
    };
    let lines = millrace.wait_for("/flood/_logs/s", "all lines", all_told);
    let kept = lines.iter().filter(|event| event["payload"]["message"] == "line").count() as u64;
    let shown = millrace.settle("/flood");
    assert_eq!(shown[0]["usage"]["droppedLines"], HOOKS * LINES - kept);
}

/// Of a line that stands for others.
fn dropped(text: &str) -> u64 {
    let count = text.strip_suffix(" lines were dropped here: they came faster than they can be stored");
    count.map_or(0, |count| count.parse().unwrap())
}
