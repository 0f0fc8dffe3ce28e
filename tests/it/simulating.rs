//! Simulations: what a candidate would do over the recorded history, told for a program to act on, and nothing done.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::{Shared, assert_subset, fresh, post, shared};
use crate::hooks::count;

pub const COUNTER: &str = "export default {
  initialState: { pings: 0 },
  reduce({ event, state }) { if (event.type === 'ping') return { pings: state.pings + 1 }; },
  async afterAppend({ event, append, state }) {
    if (event.type === 'ping') await append({ type: 'pong', payload: { n: state.pings } });
  },
};";

/// A stream with a counter on it and three pings answered; its path.
pub fn history(millrace: &Shared) -> String {
    let path = fresh("/history");
    millrace.deploy(&path, "counter", COUNTER);
    for n in 0..3 {
        millrace.append(&path, json!({"type": "ping", "payload": {"n": n}}));
        millrace.wait_for(&path, "a pong", |events| count(events, "pong") == n + 1);
    }
    millrace.settle(&path);
    path
}

fn simulate(millrace: &Shared, path: &str, body: Value) -> Value {
    millrace.run([post(&format!("/api/simulate{path}"), body).answers(200, json!({}))])
}

#[test]
fn the_same_code_does_the_same() {
    let millrace = shared();
    let path = history(&millrace);
    let before = millrace.read(&path);
    for body in [json!({"slug": "counter"}), json!({"slug": "counter", "script": COUNTER})] {
        let answer = simulate(&millrace, &path, body);
        let tail = before.len();
        assert_subset(
            "the answer",
            &answer,
            &json!({
                "outcome": "completed", "streamPath": path, "slug": "counter", "version": "<any>",
                "range": {"afterOffset": 0, "lastOffset": tail, "events": tail},
                "state": {"pings": 3},
                "counts": {"appends": 3, "failures": 0},
                "live": {"configuredOffset": 2, "state": {"pings": 3}},
                "difference": {
                    "state": [],
                    "appends": {"same": 3, "changed": {"count": 0}, "missing": {"count": 0}, "extra": {"count": 0}},
                    "failures": {"fixed": [], "new": [], "same": []},
                },
                "leftOut": 0,
            }),
        );
        assert_eq!(answer["version"], answer["live"]["version"]);
    }
    assert_eq!(millrace.read(&path), before, "nothing was appended");
}

#[test]
fn what_is_otherwise_is_told() {
    let millrace = shared();
    let path = history(&millrace);
    let pings: Vec<Value> = millrace
        .read(&path)
        .iter()
        .filter(|event| event["type"] == "ping")
        .map(|event| event["offset"].clone())
        .collect();
    // what the candidate has instead of the live version's, and the difference
    let cases = [
        (
            COUNTER.replace("n: state.pings", "n: state.pings * 10"),
            json!({"state": [], "appends": {"same": 0, "missing": {"count": 0}, "extra": {"count": 0}, "changed": {"count": 3, "first": [
                {"causeOffset": pings[0], "path": path, "type": "pong", "live": {"payload": {"n": 1}}, "candidate": {"payload": {"n": 10}}},
                {"causeOffset": pings[1], "live": {"payload": {"n": 2}}, "candidate": {"payload": {"n": 20}}},
                {"causeOffset": pings[2], "live": {"payload": {"n": 3}}, "candidate": {"payload": {"n": 30}}},
            ]}}}),
        ),
        (
            COUNTER.replace("state.pings + 1", "state.pings + 1, last: event.offset"),
            json!({"state": [{"op": "add", "path": "/last", "value": pings[2]}], "appends": {"same": 3}}),
        ),
        (
            COUNTER
                .replace("type: 'pong'", "type: 'pang'")
                .replace("await append(", "if (state.pings !== 2) await append("),
            json!({"appends": {"same": 0, "changed": {"count": 0},
                "missing": {"count": 3, "first": [{"causeOffset": pings[0], "event": {"type": "pong", "payload": {"n": 1}}}, {}, {}]},
                "extra": {"count": 2, "first": [{"causeOffset": pings[0], "event": {"type": "pang"}}, {"causeOffset": pings[2]}]}}}),
        ),
        (
            COUNTER.replace("await append(", "state.pings === 2 && missing(), await append("),
            json!({"failures": {"new": [pings[1]], "fixed": [], "same": []}, "appends": {"same": 2, "missing": {"count": 1}, "extra": {"count": 0}}}),
        ),
    ];
    for (script, difference) in cases {
        let answer = simulate(&millrace, &path, json!({"slug": "counter", "script": script}));
        assert_subset(&script, &answer["difference"], &difference);
    }
}

#[test]
fn the_states_behind_each_event() {
    let millrace = shared();
    let path = history(&millrace);
    let events = millrace.read(&path);
    let at =
        |n: usize| events.iter().filter(|event| event["type"] == "ping").nth(n).unwrap()["offset"].clone();
    let changes = json!([
        {"offset": 1, "state": {"pings": 0}},
        {"offset": at(0), "state": {"pings": 1}},
        {"offset": at(1), "state": {"pings": 2}},
        {"offset": at(2), "state": {"pings": 3}},
    ]);
    let answer = simulate(&millrace, &path, json!({"script": COUNTER}));
    assert_subset("changes", &answer["states"], &changes);
    assert_eq!((&answer["slug"], &answer["live"]), (&json!("candidate"), &Value::Null));
    let all = simulate(&millrace, &path, json!({"script": COUNTER, "states": "all"}));
    assert_eq!(all["states"].as_array().unwrap().len(), events.len());
    let last = simulate(&millrace, &path, json!({"script": COUNTER, "states": "last"}));
    assert_subset("last", &last, &json!({"states": [], "state": {"pings": 3}}));
}

#[test]
fn a_range_is_acted_on_and_what_is_before_it_only_reduced() {
    let millrace = shared();
    let path = history(&millrace);
    let events = millrace.read(&path);
    let pings: Vec<u64> =
        events.iter().filter(|e| e["type"] == "ping").filter_map(|e| e["offset"].as_u64()).collect();
    let script = "export default {
        initialState: { pings: 0 },
        reduce({ event, state }) { if (event.type === 'ping') return { pings: state.pings + 1 }; },
        async afterAppend({ event, append, read, state }) {
            if (event.type !== 'ping') return;
            let last;
            for await (const e of read({})) last = e.offset;
            await append({ type: 'read', payload: { last } });
            await append({ type: 'pong', payload: { n: state.pings } });
        },
    };";
    let body = json!({"script": script, "afterOffset": pings[0], "beforeOffset": pings[1] + 1});
    let answer = simulate(&millrace, &path, body);
    let next = pings[1] + 1;
    assert_subset(
        "the range",
        &answer,
        &json!({
            "range": {"afterOffset": pings[0], "lastOffset": pings[1], "events": pings[1] - pings[0]},
            "state": {"pings": 2},
            "appends": [
                {"causeOffset": pings[1], "ordinal": 1, "path": path, "event": {"type": "read", "payload": {"last": pings[1]}}},
                {"causeOffset": pings[1], "ordinal": 2, "event": {"type": "pong", "payload": {"n": 2}}},
            ],
        }),
    );
    let none = simulate(&millrace, &path, json!({"script": COUNTER, "afterOffset": "end"}));
    assert_subset("none", &none, &json!({"range": {"events": 0}, "appends": [], "state": {"pings": 3}}));
    let script = "export default { async afterAppend({ event, append }) {
        if (event.type !== 'ping') return;
        const one = await append({ type: 'a', idempotencyKey: 'k' });
        const two = await append({ type: 'a', idempotencyKey: 'k' });
        const child = await append({ path: './child', event: { type: 'b' } });
        await append({ type: 'seen', payload: { one: one.offset, two: two.offset, child: [child.offset, child.streamPath], by: one.source.slug, cause: one.source.cause, at: one.createdAt === event.createdAt } });
    } };";
    let answer =
        simulate(&millrace, &path, json!({"script": script, "afterOffset": pings[0], "beforeOffset": next}));
    let seen = answer["appends"].as_array().unwrap().last().unwrap()["event"]["payload"].clone();
    assert_eq!(
        seen,
        json!({"one": next, "two": next, "child": [2, format!("{path}/child")], "by": "candidate", "cause": {"streamPath": path, "offset": pings[1]}, "at": true})
    );
    assert_eq!(answer["counts"]["appends"], 3, "a repeated key is no second append");
}

#[test]
fn requests_are_answered_from_what_is_given() {
    let millrace = shared();
    let path = fresh("/asks");
    millrace.append(&path, json!([{"type": "ask"}, {"type": "ask"}, {"type": "ask"}]));
    let script = "export default { async afterAppend({ event, append }) {
        if (event.type !== 'ask') return;
        const headers = { authorization: \"Bearer getSecret({secretKey: 'KEY'})\" };
        try {
            const answer = await fetch('https://api.example/v1/chat', { method: 'POST', headers, body: JSON.stringify({ n: event.offset }) });
            await append({ type: 'said', payload: { status: answer.status, json: await answer.json(), by: answer.headers.get('x-by') } });
        } catch (error) {
            await append({ type: 'refused', payload: { name: error.name, message: error.message, code: error.cause?.code } });
        }
    } };";
    let fetches = json!([
        {"url": "https://api.example/v1/models", "body": {"never": true}},
        {"method": "post", "url": "https://api.example/v1/*", "status": 201, "headers": {"X-By": "test"}, "body": {"a": 1}},
        {"url": "https://api.example/v1/chat", "body": "{\"b\":2}"},
    ]);
    let answer = simulate(&millrace, &path, json!({"script": script, "fetches": fetches}));
    assert_subset(
        "the answers",
        &answer,
        &json!({
            "outcome": "completed",
            "appends": [
                {"causeOffset": 2, "event": {"type": "said", "payload": {"status": 201, "json": {"a": 1}, "by": "test"}}},
                {"causeOffset": 3, "event": {"type": "said", "payload": {"status": 200, "json": {"b": 2}, "by": null}}},
                {"causeOffset": 4, "event": {"type": "refused", "payload": {"name": "TypeError", "message": "~has no answer left for POST https://api.example/v1/chat", "code": "simulated"}}},
            ],
            "fetches": [
                {"causeOffset": 2, "method": "POST", "url": "https://api.example/v1/chat", "status": 201, "body": "{\"n\":2}", "bodyBytes": 7,
                 "headers": {"authorization": "Bearer getSecret({secretKey: 'KEY'})"}},
                {"causeOffset": 3, "status": 200},
                {"causeOffset": 4, "error": "~nothing was sent"},
            ],
        }),
    );
    let narrow = simulate(
        &millrace,
        &path,
        json!({"script": script, "fetches": fetches, "egress": {"allow": ["other.example"]}}),
    );
    assert_subset(
        "egress",
        &narrow["appends"][0],
        &json!({"event": {"type": "refused", "payload": {"code": "egress-refused"}}}),
    );
}

#[test]
fn failures_are_told_as_a_deployment_would() {
    let millrace = shared();
    let path = history(&millrace);
    let ping = millrace.wait_type(&path, "ping")["offset"].clone();
    // the candidate, and what is told
    let cases = [
        (
            json!({"script": COUNTER.replace("await append(", "missing() ?? await append(")}),
            json!({"outcome": "failed", "counts": {"failures": 3}, "failures": [
                {"slug": "counter", "phase": "afterAppend", "reason": "exception", "cause": {"streamPath": path, "offset": ping},
                 "error": {"name": "ReferenceError", "message": "~missing is not defined", "snippet": "~> 5 |",
                           "frames": [{"file": "processor.js", "line": 5, "column": 32, "function": "afterAppend"}]}},
                {}, {},
            ]}),
        ),
        (
            json!({"script": "export default { reduce() { throw new Error('never'); } };"}),
            json!({"outcome": "failed", "counts": {"failures": 7}}),
        ),
        (
            json!({"script": "export default { reduce( { };"}),
            json!({"outcome": "load-failed", "state": null, "failures": [{"phase": "load", "error": {"name": "SyntaxError"}}]}),
        ),
        (
            json!({"script": "export const other = 1;"}),
            json!({"outcome": "load-failed", "failures": [{"phase": "load", "error": {"message": "~must export a processor"}}]}),
        ),
        (
            json!({"script": COUNTER.replace("if (event.type === 'ping') return", "if (event.type === 'pong' && event.payload.n === 2) for (;;);\n    if (event.type === 'ping') return"), "limits": {"cpuMs": 50}}),
            json!({"outcome": "failed", "state": {"pings": 3}, "counts": {"failures": 1, "appends": 3},
                   "failures": [{"phase": "reduce", "reason": "timeout", "cause": {"offset": "<any>"}, "error": {"frames": [{"line": 3}]}}]}),
        ),
        (
            json!({"script": COUNTER.replace("await append(", "state.pings === 2 && loop(), await append(").replace("export default", "const loop = () => { for (;;); };\nexport default"), "limits": {"cpuMs": 50}}),
            json!({"outcome": "failed", "state": {"pings": 3}, "counts": {"failures": 1, "appends": 2, "states": 4},
                   "failures": [{"phase": "afterAppend", "reason": "timeout", "error": {"frames": [{"line": 1, "function": "loop"}, {}]}}]}),
        ),
        (
            json!({"script": "export default { async afterAppend({ event }) { if (event.type === 'ping') await new Promise(() => {}); } };"}),
            json!({"outcome": "failed", "failures": [{"reason": "timeout", "error": {"message": "~never ends"}}, {}, {}]}),
        ),
        (
            json!({"script": "export default { async onCaughtUp() { throw new Error('late'); } };"}),
            json!({"outcome": "failed", "failures": [{"phase": "onCaughtUp", "cause": null, "error": {"message": "late"}}]}),
        ),
        (
            json!({"files": {"processor.ts": "import { z } from 'zod';\nexport default { z };\n"}}),
            json!({"outcome": "compile-failed", "stage": "resolve", "diagnostics": [{"code": "undeclared-dependency", "file": "processor.ts", "line": 1}], "range": {"events": 0}}),
        ),
        (
            json!({"files": {"processor.ts": "export default { reduce(): number { return ''; } };\n"}, "typecheck": "require"}),
            json!({"outcome": "compile-failed", "stage": "typecheck", "diagnostics": "<any>"}),
        ),
        (
            json!({"files": {"processor.ts": "export default { reduce(): number { return ''; } };\n"}, "typecheck": "report"}),
            json!({"outcome": "completed", "stage": null, "diagnostics": "<any>", "state": ""}),
        ),
        (
            json!({"files": {"processor.ts": "type N = { n: number };\nexport default {\n  reduce({ state }: { state: N }): N {\n    throw new Error(`no ${state.n}`);\n  },\n};\n"}, "beforeOffset": 3}),
            json!({"outcome": "failed", "failures": [{"error": {"frames": [{"file": "processor.ts", "line": 4}], "snippet": "~> 4 |"}}]}),
        ),
    ];
    for (mut body, expected) in cases {
        body["slug"] = "counter".into();
        let answer = simulate(&millrace, &path, body.clone());
        assert_subset(&body.to_string(), &answer, &expected);
    }
    assert_eq!(
        count(&millrace.read(&path), "processor/failed"),
        0,
        "a failure of a simulation is nobody's event"
    );
}

#[test]
fn too_many_failures_in_a_row_end_it_as_they_would_suspend_it() {
    let millrace = shared();
    let path = fresh("/row");
    millrace.append(&path, json!(vec![json!({"type": "x"}); 30]));
    let script =
        "export default { async afterAppend({ event }) { if (event.offset !== 5) throw new Error('no'); } };";
    let answer = simulate(&millrace, &path, json!({"script": script}));
    assert_subset(
        "suspended",
        &answer,
        &json!({"outcome": "suspended", "range": {"lastOffset": 15}, "counts": {"failures": 14}}),
    );
}

#[test]
fn time_is_that_of_the_record_and_nobody_waits() {
    let millrace = shared();
    let path = fresh("/late");
    let stored = millrace.append(&path, json!([{"type": "go"}, {"type": "go"}]));
    let script = "export default { async afterAppend({ event, append }) {
        if (event.type !== 'go') return;
        const began = Date.now();
        await new Promise((done) => setTimeout(done, 250_000));
        await append({ type: 'woke', payload: { began, after: Date.now() - began, random: Math.random() } });
        setTimeout(() => append({ type: 'late' }), 30_000);
    } };";
    let started = std::time::Instant::now();
    let first = simulate(&millrace, &path, json!({"script": script}));
    assert!(started.elapsed().as_secs() < 20, "nobody waits for its timers");
    let again = simulate(&millrace, &path, json!({"script": script}));
    assert_eq!(first["appends"], again["appends"], "the same run gives the same numbers");
    let woke = |n: usize| first["appends"][n]["event"].clone();
    assert_subset("the first", &woke(0), &json!({"type": "woke", "payload": {"after": 250_000}}));
    let at = chrono_millis(stored[0]["createdAt"].as_str().unwrap());
    assert_eq!(woke(0)["payload"]["began"].as_i64(), Some(at));
    let types: Vec<Value> = (0..4).map(|n| woke(n)["type"].clone()).collect();
    assert_eq!(types, ["woke", "late", "woke", "late"]);
    let endless = "export default { async afterAppend({ event }) { if (event.type === 'go') await new Promise((done) => setInterval(() => {}, 1000)); } };";
    let answer = simulate(&millrace, &path, json!({"script": endless, "limits": {"timeoutMs": 5000}}));
    assert_subset("endless", &answer, &json!({"outcome": "failed", "failures": [{"reason": "timeout"}, {}]}));
}

/// Milliseconds since 1970 of a time in UTC.
fn chrono_millis(text: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719_468;
    ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60_000 + number(17..19) * 1000 + number(20..23)
}

#[test]
fn the_environment_is_there_and_the_lines_come_one_by_one() {
    let millrace = shared();
    let path = fresh("/lines");
    millrace.append(&path, json!([{"type": "processor/env-var-set", "payload": {"key": "MODE", "value": "dry"}}, {"type": "go"}]));
    let script = "export default {
        reduce({ event }) { if (event.type === 'go') return { mode: process.env.MODE }; },
        async afterAppend({ event, append, logger }) { if (event.type === 'go') { logger.info('going'); await append({ type: 'gone' }); } },
    };";
    let request = Request::new("POST", &format!("/api/simulate{path}"))
        .header("accept", "application/x-ndjson")
        .header("content-type", "application/json")
        .body(json!({"script": script}).to_string());
    let answer = millrace.send(request);
    assert_eq!(answer.head.header("content-type"), Some("application/x-ndjson"));
    let text = String::from_utf8(answer.body).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_subset(
        "the lines",
        &Value::Array(lines),
        &json!([
            {"kind": "state", "offset": 1, "state": {}},
            {"kind": "state", "offset": 3, "state": {"mode": "dry"}},
            {"kind": "log", "causeOffset": 3, "level": "info", "message": "going"},
            {"kind": "append", "causeOffset": 3, "event": {"type": "gone", "payload": {}}},
            {"kind": "summary", "outcome": "completed", "counts": {"states": 2, "appends": 1, "logs": 1}},
        ]),
    );
}

#[test]
fn what_makes_no_sense_is_refused() {
    let millrace = shared();
    let path = history(&millrace);
    let target = format!("/api/simulate{path}");
    millrace.run([
        post(&target, "[]").refused(400, "bad-body", "JSON object"),
        post(&target, "{}").refused(400, "bad-body", "`slug` of a processor"),
        post(&target, json!({"script": COUNTER, "files": {"a.ts": ""}})).refused(400, "bad-body", "not both"),
        post(&target, json!({"script": COUNTER, "nonsense": 1})).refused(400, "bad-body", "nonsense"),
        post(&target, json!({"script": " "})).refused(400, "bad-body", "script"),
        post(&target, json!({"slug": "counter", "limits": {}})).refused(400, "bad-body", "`limits`"),
        post(&target, json!({"slug": "Bad Slug", "script": COUNTER})).refused(400, "bad-body", "slug"),
        post(&target, json!({"script": COUNTER, "afterOffset": -1})).refused(400, "bad-body", "afterOffset"),
        post(&target, json!({"script": COUNTER, "afterOffset": 10_000})).refused(400, "bad-body", "10000"),
        post(&target, json!({"script": COUNTER, "fetches": [{"status": 200}]}))
            .refused(400, "bad-body", "url"),
        post(&target, json!({"script": COUNTER, "fetches": [{"url": "https://a.b", "status": 99}]}))
            .refused(400, "bad-body", "99"),
        post(&target, json!({"script": COUNTER, "states": "some"})).refused(400, "bad-body", "states"),
        post(&target, json!({"slug": "nobody"})).refused(404, "processor-not-found", "nobody"),
        post("/api/simulate/nowhere", json!({"script": COUNTER})).refused(404, "stream-not-found", "nowhere"),
        post("/api/simulate/Bad", json!({"script": COUNTER})).refused(400, "bad-path", "Bad"),
        post(&format!("{target}?x=1"), json!({"script": COUNTER})).refused(400, "bad-query", "x"),
    ]);
}

#[test]
fn a_processor_tries_what_it_is_about_to_deploy() {
    let script = "export default { async afterAppend({ append, event, simulate }) {
        if (event.type !== 'try') return;
        const { outcome, appends, failures } = await simulate(event.payload.candidate);
        await append({ type: 'tried', payload: { outcome, appends: appends.map((append) => append.event.type), failures: failures.length } });
    } };";
    let millrace = crate::harness::shared();
    millrace.append("/t", json!({"type": "order"}));
    millrace.deploy("/t", "s", script);
    let candidate = |body: &str| json!({"script": format!("export default {{ async afterAppend({{ append, event }}) {{ if (event.type === 'order') {body} }} }};")});
    let of = |mut candidate: Value, path: &str| {
        candidate["path"] = json!(path);
        candidate
    };
    let cases = [
        (
            candidate("await append({ type: 'shipped' });"),
            json!({"outcome": "completed", "appends": ["shipped"], "failures": 0}),
        ),
        (candidate("throw new Error('no');"), json!({"failures": 1})),
        (json!({"files": {"processor.ts": "export default {{"}}), json!({"outcome": "compile-failed"})),
        (of(candidate("await append({ type: 'x' });"), "."), json!({"appends": ["x"]})),
    ];
    for (at, (candidate, expected)) in cases.into_iter().enumerate() {
        millrace.append("/t", json!({"type": "try", "payload": {"candidate": candidate}}));
        let events = millrace.wait_for("/t", "the outcome", |events| {
            events.iter().filter(|event| event["type"] == "tried").count() > at
        });
        let tried = events.iter().rfind(|event| event["type"] == "tried").unwrap();
        assert_subset(&format!("case {at}"), &tried["payload"], &expected);
    }
    millrace.append(
        "/t",
        json!({"type": "try", "payload": {"candidate": {"path": "/nowhere", "script": "export default {}"}}}),
    );
    let failed = millrace.wait_type("/t", "processor/failed");
    assert_subset("no stream", &failed["payload"]["error"], &json!({"message": "~/nowhere"}));
    assert_eq!(
        millrace.read("/t").iter().filter(|event| event["type"] == "shipped").count(),
        0,
        "with no effect"
    );
}
