//! What a processor does (contract §4), as scripts and events: when it starts, what it sees, where it appends.

use serde_json::{Value, json};

use crate::harness::{Scenario, assert_subset, get, post, shared};

/// Answers each ping with a pong.
pub const PONG: &str = "export default {
  async afterAppend({ append, event }) {
    if (event.type === 'ping') await append({ event: { type: 'pong', payload: { to: event.offset } } });
  },
};";

/// Counts the events of type `tick`, and says the count when asked.
pub const COUNTER: &str = "export default {
  initialState: { count: 0 },
  reduce({ event, state }) {
    if (event.type === 'tick') return { count: state.count + 1 };
  },
  async afterAppend({ append, event, state, prevState }) {
    if (event.type === 'ask') await append({ event: { type: 'count', payload: { now: state.count, before: prevState.count } } });
  },
};";

#[test]
fn scripts_react_to_events() {
    let activated = json!({"type": "processor/activated"});
    let millrace = shared();
    let scenarios = [
        Scenario {
            name: "history is not acted on; a reaction names its cause",
            script: PONG,
            before: json!([{"type": "ping"}]),
            after: json!([{"type": "ping"}, {"type": "other"}]),
            holds: json!([
                {"type": "processor/activated", "offset": 4, "payload": {"slug": "s", "version": "<any>", "configuredOffset": 3},
                 "source": {"kind": "server", "depth": "<any>"}},
                {"type": "ping", "offset": 5, "source": {"kind": "client", "depth": 0}},
                {"type": "pong", "offset": 6, "payload": {"to": 5},
                 "source": {"kind": "processor", "slug": "s", "cause": {"offset": 5, "streamPath": "<any>"}, "depth": 1}},
                {"type": "other", "offset": 7},
            ]),
        },
        Scenario {
            name: "history is reduced, and void keeps the state",
            script: COUNTER,
            before: json!([{"type": "tick"}, {"type": "tick"}, {"type": "ask"}]),
            after: json!([{"type": "ask"}, {"type": "tick"}, {"type": "ask"}]),
            holds: json!([
                activated,
                {"type": "ask"}, {"type": "count", "payload": {"now": 2, "before": 2}},
                {"type": "tick"},
                {"type": "ask"}, {"type": "count", "payload": {"now": 3, "before": 3}},
            ]),
        },
        Scenario {
            name: "append takes the bare event too, and gives the stored one",
            script: "export default { async afterAppend({ append, event }) {
                if (event.type !== 'ping') return;
                const stored = await append({ type: 'first' });
                await append({ type: 'second', payload: { offset: stored.offset, type: stored.type, cause: stored.source.cause.offset } });
            } };",
            before: json!([]),
            after: json!([{"type": "ping"}]),
            holds: json!([activated, {"type": "ping", "offset": 4}, {"type": "first", "offset": 5},
                          {"type": "second", "payload": {"offset": 5, "type": "first", "cause": 4}}]),
        },
        Scenario {
            name: "an export named processor",
            script: "export const processor = { async afterAppend({ append, event }) { if (event.type === 'a') await append({ type: 'b' }); } };",
            before: json!([]),
            after: json!([{"type": "a"}]),
            holds: json!([activated, {"type": "a"}, {"type": "b"}]),
        },
        Scenario {
            name: "onEvent is the older name of afterAppend",
            script: "export default { async onEvent({ append, event }) { if (event.type === 'a') await append({ type: 'b' }); } };",
            before: json!([{"type": "a"}]),
            after: json!([{"type": "a"}]),
            holds: json!([activated, {"type": "a"}, {"type": "b"}]),
        },
        Scenario {
            name: "it sees its own appends, but not its own lifecycle",
            script: "export default {
                initialState: [],
                reduce: ({ event, state }) => [...state, event.type],
                async afterAppend({ append, event, state }) {
                    if (event.type === 'a') await append({ type: 'b' });
                    if (event.type === 'b') await append({ type: 'seen', payload: { seen: state } });
                },
            };",
            before: json!([]),
            after: json!([{"type": "a"}]),
            holds: json!([activated, {"type": "a"}, {"type": "b"},
                          {"type": "seen", "payload": {"seen": ["stream/created", "a", "b"]}, "source": {"depth": 2}}]),
        },
        Scenario {
            name: "a processor that does nothing at all",
            script: "export default {};",
            before: json!([]),
            after: json!([{"type": "a"}]),
            holds: json!([activated, {"type": "a"}]),
        },
        Scenario {
            name: "read is an async iterable of events",
            script: "export default { async afterAppend({ append, event, read }) {
                if (event.type !== 'ask') return;
                const all = [], some = [];
                for await (const e of read()) all.push(e.offset);
                for await (const e of read({ types: ['x'], afterOffset: 2, beforeOffset: 4 })) some.push(e.offset);
                await append({ type: 'read', payload: { all, some } });
            } };",
            before: json!([{"type": "x"}, {"type": "x"}, {"type": "x"}]),
            after: json!([{"type": "ask"}]),
            holds: json!([activated, {"type": "ask"}, {"type": "read", "payload": {"all": [1, 2, 3, 4, 5, 6, 7], "some": [3]}}]),
        },
        Scenario {
            name: "what the host refuses can be caught",
            script: "export default { async afterAppend({ append, event }) {
                if (event.type !== 'go') return;
                const errors = [];
                for (const path of ['child', '/Bad', '../../../..']) {
                    try { await append({ path, event: { type: 'x' } }); errors.push('none'); } catch (error) { errors.push(error instanceof Error); }
                }
                try { await append({ type: 'x', offset: 999 }); } catch (error) { errors.push(/offset/.test(error.message)); }
                await append({ type: 'errors', payload: { errors } });
            } };",
            before: json!([]),
            after: json!([{"type": "go"}]),
            holds: json!([activated, {"type": "go"}, {"type": "errors", "payload": {"errors": [true, true, true, true]}}]),
        },
        Scenario {
            name: "reduce is deterministic and cannot act",
            script: "export default {
                initialState: {},
                reduce({ event, state }) {
                    if (event.type !== 'look') return;
                    const throws = (f) => { try { f(); return false; } catch { return true; } };
                    return {
                        clock: Date.now() === Date.parse(event.createdAt) && new Date().toISOString() === event.createdAt,
                        random: Math.random() !== Math.random(),
                        fetch: typeof fetch === 'undefined' || throws(() => fetch('http://localhost')),
                        timer: throws(() => setTimeout(() => {}, 0)),
                    };
                },
                async afterAppend({ append, event, state }) { if (event.type === 'look') await append({ type: 'saw', payload: state }); },
            };",
            before: json!([]),
            after: json!([{"type": "look"}]),
            holds: json!([activated, {"type": "look"}, {"type": "saw", "payload": {"clock": true, "random": true, "fetch": true, "timer": true}}]),
        },
        Scenario {
            name: "code from text is not run",
            script: "export default { async afterAppend({ append, event }) {
                if (event.type !== 'go') return;
                const tried = [() => eval('1'), () => new Function('return 1')(), () => (async () => {}).constructor('return 1')()];
                const threw = tried.map((f) => { try { f(); return false; } catch { return true; } });
                await append({ type: 'threw', payload: { threw } });
            } };",
            before: json!([]),
            after: json!([{"type": "go"}]),
            holds: json!([activated, {"type": "go"}, {"type": "threw", "payload": {"threw": [true, true, true]}}]),
        },
        Scenario {
            name: "the author's own idempotency key is used",
            script: "export default { async afterAppend({ append, event }) {
                if (event.type === 'go') await append({ type: 'once', idempotencyKey: 'mine' });
            } };",
            before: json!([]),
            after: json!([{"type": "go"}, {"type": "go"}]),
            holds: json!([activated, {"type": "go"}, {"type": "once", "idempotencyKey": "mine"}, {"type": "go"}]),
        },
    ];
    for scenario in scenarios {
        scenario.play(&millrace);
    }
}

#[test]
fn the_event_right_after_the_configuration_is_live() {
    let millrace = shared();
    for round in 0..10 {
        let path = format!("/right-after/{round}");
        millrace.append(
            &path,
            json!([
                {"type": "ping"},
                {"type": "processor/configured", "payload": {"slug": "s", "script": PONG}},
                {"type": "ping"},
            ]),
        );
        millrace.append(&path, json!({"type": "ping"}));
        let pongs = |events: &[Value]| events.iter().filter(|event| event["type"] == "pong").count();
        millrace.wait_for(&path, "two pongs", |events| pongs(events) >= 2);
        millrace.settle(&path);
        let events = millrace.read(&path);
        let to = events.iter().filter(|event| event["type"] == "pong").map(|event| &event["payload"]["to"]);
        let pings = events.iter().filter(|event| event["type"] == "ping").map(|event| &event["offset"]);
        assert_eq!(to.collect::<Vec<_>>(), pings.skip(1).collect::<Vec<_>>(), "{events:#?}");
    }
}

#[test]
fn on_caught_up_runs_once() {
    let script = "export default {
        initialState: 0,
        reduce: ({ event, state }) => state + (event.type === 'x' ? 1 : 0),
        async onCaughtUp({ append, state }) { await append({ type: 'caught-up', payload: { seen: state } }); },
    };";
    let millrace = shared();
    millrace.append("/a", json!([{"type": "x"}, {"type": "x"}]));
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!([{"type": "x"}]));
    millrace.settle("/a");
    let events = millrace.read("/a");
    let caught_up: Vec<&Value> = events.iter().filter(|event| event["type"] == "caught-up").collect();
    assert_subset(
        "once",
        &json!(caught_up),
        &json!([{"payload": {"seen": 2}, "source": {"kind": "processor", "slug": "s"}}]),
    );
}

#[test]
fn several_processors_side_by_side() {
    let millrace = shared();
    let echo = |from: &str, to: &str| {
        format!(
            "export default {{ async afterAppend({{ append, event }}) {{ if (event.type === '{from}') await append({{ type: '{to}' }}); }} }};"
        )
    };
    millrace.deploy("/a", "one", &echo("a", "b"));
    millrace.deploy("/a", "two", &echo("b", "c"));
    millrace.append("/a", json!({"type": "a"}));
    millrace.wait_type("/a", "c");
    millrace.settle("/a");
    let chain: Vec<Value> = millrace
        .read("/a")
        .into_iter()
        .filter(|e| ["a", "b", "c"].contains(&e["type"].as_str().unwrap()))
        .collect();
    assert_subset(
        "a chain",
        &json!(chain),
        &json!([
            {"type": "a", "source": {"depth": 0}},
            {"type": "b", "source": {"slug": "one", "depth": 1}},
            {"type": "c", "source": {"slug": "two", "depth": 2}},
        ]),
    );
    let processors = millrace.run([get("/api/processors/a")]);
    let one = json!({"status": "<any>", "version": "<any>", "reduced": "<any>", "acted": "<any>", "tail": "<any>", "lag": 0, "lastError": null});
    let mut two = one.clone();
    two["slug"] = json!("two");
    assert_subset("the list", &processors, &json!([one, two]));
}

#[test]
fn appends_go_to_other_streams_too() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type !== 'go') return;
        for (const path of ['./child', './child/deep', '../sibling', '..', '/else/where', '.']) {
            await append({ path, event: { type: 'hello', payload: { path } } });
        }
    } };";
    let millrace = shared();
    millrace.deploy("/team/me", "s", script);
    let go = millrace.append("/team/me", json!({"type": "go"}));
    millrace.wait_type("/team/me", "hello");
    millrace.settle("/team/me");
    for (path, written) in [
        ("/team/me/child", "./child"),
        ("/team/me/child/deep", "./child/deep"),
        ("/team/sibling", "../sibling"),
        ("/team", ".."),
        ("/else/where", "/else/where"),
        ("/team/me", "."),
    ] {
        let hello = millrace.wait_type(path, "hello");
        assert_subset(
            path,
            &hello,
            &json!({
                "payload": {"path": written},
                "source": {"kind": "processor", "slug": "s", "cause": {"streamPath": "/team/me", "offset": go["offset"]}, "depth": 1},
            }),
        );
    }
    millrace.wait_for("/team/me", "its children", |events| {
        events.iter().filter(|event| event["type"] == "stream/child-created").count() == 2
    });
}

#[test]
fn a_new_version_takes_over_and_rebuilds_its_state() {
    let millrace = shared();
    millrace.deploy("/a", "s", COUNTER);
    millrace.append("/a", json!([{"type": "tick"}, {"type": "tick"}]));
    millrace.settle("/a");
    // Identical code changes nothing, and runs on.
    let again = json!({"type": "processor/configured", "payload": {"slug": "s", "script": COUNTER}});
    millrace.append("/a", again);
    millrace.append("/a", json!({"type": "ask"}));
    millrace.wait_type("/a", "count");
    millrace.settle("/a");
    let activations = |millrace: &crate::harness::Client| {
        millrace.read("/a").iter().filter(|event| event["type"] == "processor/activated").count()
    };
    assert_eq!(activations(&millrace), 1);
    // Other code does: its state is that of its own reduce over the whole history.
    let doubling = COUNTER.replace("state.count + 1", "state.count + 10");
    millrace.deploy("/a", "s", &doubling);
    millrace.append("/a", json!({"type": "ask"}));
    millrace.settle("/a");
    let counts: Vec<Value> =
        millrace.read("/a").into_iter().filter(|event| event["type"] == "count").collect();
    assert_subset("counts", &json!(counts), &json!([{"payload": {"now": 2}}, {"payload": {"now": 20}}]));
    assert_eq!(activations(&millrace), 2);
}

#[test]
fn a_version_that_fails_to_load_replaces_nothing() {
    let millrace = shared();
    millrace.deploy("/a", "s", PONG);
    millrace.append(
        "/a",
        json!({"type": "processor/configured", "payload": {"slug": "s", "script": "export default {"}}),
    );
    let failed = millrace.wait_type("/a", "processor/failed");
    assert_subset(
        "the failure",
        &failed,
        &json!({"payload": {"slug": "s", "phase": "load", "error": {"name": "SyntaxError"}}}),
    );
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    // And the next good one replaces it.
    millrace.deploy("/a", "s", &PONG.replace("'pong'", "'pong-2'"));
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong-2");
}

#[test]
fn a_removed_processor_is_silent() {
    let millrace = shared();
    millrace.deploy("/a", "s", PONG);
    millrace.deploy("/a", "t", COUNTER);
    millrace.append("/a", json!({"type": "processor/removed", "payload": {"slug": "s"}}));
    millrace.append("/a", json!([{"type": "ping"}, {"type": "ask"}]));
    millrace.wait_type("/a", "count");
    millrace.settle("/a");
    assert!(millrace.read("/a").iter().all(|event| event["type"] != "pong"));
    let processors = millrace.run([get("/api/processors/a")]);
    assert_subset("the list", &processors, &json!([{"slug": "t"}]));
    // Configured anew, it starts anew, and leaves alone what came in between.
    millrace.deploy("/a", "s", PONG);
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
    millrace.settle("/a");
    assert_eq!(millrace.read("/a").iter().filter(|event| event["type"] == "pong").count(), 1);
}

#[test]
fn env_vars_are_in_process_env() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type === 'ask') await append({ type: 'answer', payload: { colour: process.env.COLOUR ?? 'none' } });
    } };";
    let set =
        |value: &str| json!({"type": "processor/env-var-set", "payload": {"key": "COLOUR", "value": value}});
    let millrace = shared();
    millrace.append("/a", set("green"));
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "ask"}));
    millrace.settle("/a");
    millrace.append("/a", set("blue"));
    millrace.append("/a", json!({"type": "ask"}));
    millrace.settle("/a");
    let answers: Vec<Value> =
        millrace.read("/a").into_iter().filter(|event| event["type"] == "answer").collect();
    assert_subset(
        "answers",
        &json!(answers),
        &json!([{"payload": {"colour": "green"}}, {"payload": {"colour": "blue"}}]),
    );
}

#[test]
fn the_originals_name_configures_too() {
    let millrace = shared();
    let name = "https://events.iterate.com/events/stream/dynamic-worker/configured";
    millrace.run([post("/api/streams/a", json!({"type": name, "payload": {"slug": "s", "script": PONG}}))
        .answers(200, json!({"event": {"type": name}}))]);
    millrace.wait_type("/a", "processor/activated");
    millrace.append("/a", json!({"type": "ping"}));
    millrace.wait_type("/a", "pong");
}

#[test]
fn several_modules_import_each_other() {
    let millrace = shared();
    millrace.deploy_with("/a", json!({"slug": "s", "modules": {
        "processor.js": "import { answer } from './lib/answer.js'; export default { async afterAppend({ append, event }) { if (event.type === 'a') await append({ type: answer() }); } };",
        "lib/answer.js": "export const answer = () => 'b';",
    }}));
    millrace.append("/a", json!({"type": "a"}));
    millrace.wait_type("/a", "b");
}

#[test]
fn logs_have_a_stream_of_their_own() {
    let script = "export default {
        reduce({ event, logger }) { if (event.type === 'go') logger.info('reducing', { n: 1 }); },
        async afterAppend({ event, logger }) {
            if (event.type !== 'go') return;
            console.log('hello', 42, { a: [1] });
            console.error(new Error('trouble'));
            logger.warn('careful');
        },
    };";
    let millrace = shared();
    millrace.deploy("/a", "s", script);
    let go = millrace.append("/a", json!({"type": "go"}));
    let events = millrace.wait_for("/a/_logs/s", "four lines", |events| events.len() >= 5);
    let logged = |level: &str, words: &str| json!({"type": "processor/logged", "payload": {"level": level, "message": format!("~{words}"), "offset": go["offset"]}});
    assert_subset(
        "the log",
        &json!(events[1..]),
        &json!([
            logged("info", "reducing"),
            logged("<any>", "hello 42"),
            logged("error", "trouble"),
            logged("warn", "careful"),
        ]),
    );
    millrace.settle("/a");
    assert!(
        millrace.read("/a").iter().all(|event| event["type"] != "stream/child-created"),
        "a system stream"
    );
}

#[test]
fn the_core_of_the_web_api_is_there() {
    let script = r#"
    const checks = {
        url: () => new URL('../b?x=1#f', 'https://u:p@example.com:8080/a/c/d').href === 'https://u:p@example.com:8080/a/b?x=1#f',
        searchParams: () => { const p = new URLSearchParams('a=1&a=2&b=%20'); p.append('c', 'x y'); return p.getAll('a').length === 2 && p.toString() === 'a=1&a=2&b=+&c=x+y'; },
        encoder: () => new TextDecoder().decode(new TextEncoder().encode('grüße 😀')) === 'grüße 😀',
        clone: () => { const a = { d: new Date(0), m: new Map([[1, { x: 1 }]]) }; a.self = a; const b = structuredClone(a); return b !== a && b.self === b && b.m.get(1).x === 1 && b.d.getTime() === 0; },
        events: () => { let n = 0; const t = new EventTarget(); t.addEventListener('x', () => n++, { once: true }); t.dispatchEvent(new Event('x')); t.dispatchEvent(new Event('x')); return n === 1; },
        abort: () => { const c = new AbortController(); let r; c.signal.addEventListener('abort', () => { r = c.signal.reason; }); c.abort('why'); return r === 'why' && c.signal.aborted && AbortSignal.abort().aborted; },
        headers: () => { const h = new Headers({ 'X-A': '1' }); h.append('x-a', '2'); return h.get('X-a') === '1, 2' && [...h].length === 1; },
        base64: () => atob(btoa('hello')) === 'hello',
        random: () => crypto.getRandomValues(new Uint8Array(8)).length === 8 && /^[0-9a-f]{8}-[0-9a-f]{4}-4/.test(crypto.randomUUID()),
        performance: () => performance.now() >= 0,
        microtask: () => new Promise((done) => queueMicrotask(() => done(true))),
        timers: async () => { const order = []; await new Promise((done) => { setTimeout(() => { order.push('b'); done(); }, 20); setTimeout(() => order.push('a'), 1); clearTimeout(setTimeout(() => order.push('never'), 5)); }); return order.join('') === 'ab'; },
        interval: () => new Promise((done) => { let n = 0; const id = setInterval(() => { if (++n === 3) { clearInterval(id); done(true); } }, 1); }),
    };
    export default { async afterAppend({ append, event }) {
        if (event.type !== 'go') return;
        const failed = [];
        for (const [name, check] of Object.entries(checks)) {
            try { if ((await check()) !== true) failed.push(name); } catch (error) { failed.push(`${name}: ${error}`); }
        }
        await append({ type: 'checked', payload: { failed } });
    } };"#;
    let millrace = shared();
    millrace.deploy("/a", "s", script);
    millrace.append("/a", json!({"type": "go"}));
    assert_eq!(millrace.wait_type("/a", "checked")["payload"]["failed"], json!([]));
}
