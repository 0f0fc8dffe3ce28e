//! What processors are, and how they fail.

use std::sync::Arc;
use std::time::Duration;

use millrace::isolate::Bounds;

use super::harness::{Case, Expect, Notes, check_all, event, isolates, load};

macro_rules! cases {
    ($name:ident: $($case:expr),* $(,)?) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check_all(vec![$($case),*]).await;
        }
    };
}

fn reduces(script: &'static str, history: &'static [&'static str], state: &'static str) -> Case {
    Case { script, history, expect: Expect { state: Some(state), ..Expect::default() }, ..Case::default() }
}

fn fails(script: &'static str, failures: &'static [&'static str]) -> Case {
    Case { script, events: &["{}"], expect: Expect { failures, ..Expect::default() }, ..Case::default() }
}

fn logs(script: &'static str, logs: &'static [&'static str]) -> Case {
    Case { script, events: &["{}"], expect: Expect { logs, ..Expect::default() }, ..Case::default() }
}

cases! { forms_of_a_processor:
    reduces("export default { initialState: { n: 0 }, reduce({ event, state }) { return { n: state.n + event.payload.by } } }", &[r#"{"by":1}"#, r#"{"by":2}"#], r#"{"n":3}"#),
    reduces("export const processor = { reduce: ({ state }) => ({ n: (state.n ?? 0) + 1 }) }", &["{}"], r#"{"n":1}"#),
    reduces("import { defineProcessor } from 'millrace'; export default defineProcessor(() => ({ initialState: [], reduce({ state, event }) { state.push(event.offset) } }))", &["{}", "{}"], "[2,3]"),
    reduces("import { defineProcessor } from 'ai-engineer-workshop'; export default defineProcessor({ initialState: 7 })", &["{}"], "7"),
    reduces("export default () => ({ initialState: null, reduce() { return null } })", &["{}"], "null"),
    reduces("const late = await Promise.resolve({ x: 1 }); export default { initialState: late }", &[], r#"{"x":1}"#),
    Case { modules: &[("lib/a.js", "import data from './d.json' with { type: 'json' }; export const a = data.a;"), ("lib/d.json", r#"{"a":5}"#)], ..reduces("import { a } from './lib/a.js'; export default { initialState: { a } }", &[], r#"{"a":5}"#) },
    Case { modules: &[("late.js", "export const n = 3;")], events: &["{}"], ..reduces("let n = 0; export default { initialState: 1, async afterAppend() { n = (await import('./late.js')).n; console.log(n) } }", &[], "1") }.with_logs(&["info 3"]),
    Case { state: Some(r#"{"n":40}"#), ..reduces("export default { initialState: { n: 0 }, reduce: ({ state }) => ({ n: state.n + 2 }) }", &["{}"], r#"{"n":42}"#) },
}

cases! { what_nobody_would_ever_call_is_told:
    logs("export default { afterApend() {} }", &["warn the processor has `afterApend`, which nothing looks at: is `afterAppend` meant?", "warn the processor has none of `reduce`, `afterAppend`, `onEvent`, `onCaughtUp`: it runs, and does nothing"]),
    logs("export default { redcue() {}, AfterAppend() {}, on_caught_up() {}, initalState: 1, onEvent() {} }", &["warn the processor has `redcue`, which nothing looks at: is `reduce` meant?", "warn the processor has `AfterAppend`, which nothing looks at: is `afterAppend` meant?", "warn the processor has `on_caught_up`, which nothing looks at: is `onCaughtUp` meant?", "warn the processor has `initalState`, which nothing looks at: is `initialState` meant?"]),
    logs("export default {}", &["warn the processor has none of `reduce`, `afterAppend`, `onEvent`, `onCaughtUp`: it runs, and does nothing"]),
    logs("export default { name: 'p', version: 2, description: 'x', state: 1, afterAppend() {}, afterAppended: 1 }", &[]),
    Case { state: Some("{}"), ..logs("export default { afterApend() {} }", &[]) },
}

cases! { load_failures:
    fails("export default 3", &["!load exception TypeError: the module must export a processor…`default` (of type number)"]),
    fails("export const x = 1", &["!load exception TypeError: the module must export a processor…`x` (of type number)"]),
    fails("", &["!load exception TypeError: …it exports nothing"]),
    fails("export default { reduce: 3 }", &["!load exception TypeError: the processor's `reduce` must be a function, and is of type number"]),
    fails("export default { initialState: 1n }", &["!load exception TypeError: initialState must be JSON…"]),
    fails("export default { concurrency: 'many' }", &["!load exception TypeError: the processor's `concurrency` must be…"]),
    fails("const x = 1;\nconst y = ;\n", &["!load exception SyntaxError: … @ processor.js:2:11"]),
    fails("\n\nthrow new Error('top')", &["!load exception Error: top @ processor.js:3:…"]),
    fails("throw null", &["!load exception NotAnError: null was thrown…"]),
    fails("import x from './y.js'", &["!load exception ModuleNotFound: cannot find module \"./y.js\", imported by processor.js: the processor has no module `y.js`; … @ processor.js:1:15"]),
    fails("import x\n  from \"zod\"", &["!load exception ModuleNotFound: cannot find module \"zod\"…bundle… @ processor.js:2:8"]),
    fails("await new Promise(() => {})", &["!load timeout TimeoutError: loading the module never ends…"]),
    fails("while (true);", &["!load timeout TimeoutError: the processor computed for more than…"]),
    fails("export default { afterAppend() { new Function('1')() } }", &["afterAppend exception TypeError: eval is not supported @ processor.js:1:…afterAppend"]),
    fails("eval('1')", &["!load exception TypeError: eval is not supported…"]),
}

cases! { failures_of_imports:
    Case { modules: &[("lib/a.js", "export const a = 1;\nexport const b = ;")], ..fails("import { a } from './lib/a.js'; export default {}", &["!load exception SyntaxError: … @ lib/a.js:2:18"]) },
    Case { modules: &[("lib/a.js", "import '../c.js';")], ..fails("import './lib/a.js'; export default {}", &["!load exception ModuleNotFound: cannot find module \"../c.js\", imported by lib/a.js: the processor has no module `c.js`… @ lib/a.js:1:8"]) },
    Case { modules: &[("lib/a.js", "export function boom() { throw new Error('there') }")], ..fails("import { boom } from './lib/a.js';\nexport default { afterAppend() { boom() } }", &["afterAppend exception Error: there @ lib/a.js:1:… boom"]) },
    Case { modules: &[("a.js", "import { b } from './b.js'; export const a = 1; export const sum = () => a + b"), ("b.js", "import { a } from './a.js'; export const b = 2; export const same = () => a")], ..reduces("import { sum } from './a.js'; export default { initialState: sum() }", &[], "3") },
    fails("export default { async afterAppend() { await import('./nope.js') } }", &["afterAppend exception ReferenceError: …cannot find module \"./nope.js\", imported by processor.js…"]),
    fails("import { nope } from 'millrace'; export default {}", &["!load exception SyntaxError: …nope…"]),
    fails("import 'millrace:core'; export default {}", &["!load exception ModuleNotFound: …"]),
}

cases! { failures_of_reduce:
    Case {
        history: &[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#],
        ..fails("export default { initialState: { seen: [] }, reduce({ event, state }) {\n  state.seen.push(event.payload.n);\n  if (event.payload.n % 2 === 0) throw new Error('even');\n} }", &[
            "3 reduce exception Error: even @ processor.js:3:… reduce",
            "5 reduce exception Error: even…",
        ])
    }.with_state(r#"{"seen":[1,3,null]}"#),
    Case { history: &["{}", "{}"], ..fails("export default { initialState: { n: 0 }, reduce({ state, event }) { state.n += 1; if (event.offset === 3) return { big: 1n } } }", &["3 reduce exception TypeError: the state that reduce returned must be JSON…"]) }.with_state(r#"{"n":2}"#),
    Case { history: &["{}"], events: &[], ..fails("export default { initialState: { n: 0 }, async reduce({ state }) { return { n: 1 } } }", &["2 reduce exception TypeError: reduce returned a promise…"]) }.with_state(r#"{"n":0}"#),
    fails("export default { reduce() { setTimeout(() => {}, 1) } }", &["reduce exception Error: setTimeout is not available in reduce…@ processor.js:1:…"]),
    fails("export default { reduce() { fetch('http://a/') } }", &["reduce exception Error: fetch is not available in reduce…"]),
    fails("export default { reduce() { AbortSignal.timeout(1) } }", &["reduce exception Error: setTimeout is not available in reduce…"]),
    fails("import { setTimeout } from 'node:timers'; export default { reduce() { setTimeout(() => {}) } }", &["reduce exception Error: setTimeout is not available in reduce…"]),
    fails("export default { reduce() { const { port1, port2 } = new MessageChannel(); port2.start(); port1.postMessage(1) } }", &["reduce exception Error: postMessage is not available in reduce…"]),
    fails("let leaked; export default { initialState: 0, reduce({ state }) { if (leaked) leaked({ type: 'x' }); return state + 1 }, afterAppend({ append }) { leaked = append } }", &[]),
    Case { events: &["{}", "{}"], ..fails("let leaked; export default { initialState: 0, reduce({ state }) { if (leaked) leaked({ type: 'x' }); return state + 1 }, afterAppend({ append }) { leaked = append } }", &["reduce exception Error: append is not available in reduce…"]) }.with_state("1"),
    fails("export default { reduce() { return (function f() { return f() + 1 })() } }", &["reduce stack-overflow RangeError: Maximum call stack size exceeded: the stack may have 524288 bytes @ processor.js:1:… f"]),
    // A failed reduce skips the hooks.
    fails("export default { reduce() { throw new TypeError('no') }, afterAppend() { console.log('ran') } }", &["reduce exception TypeError: no…"]),
}

cases! { failures_of_hooks:
    fails("export default { async afterAppend() {\n  await null;\n  fail();\n} };\nfunction fail() { throw new RangeError('deep') }", &["afterAppend exception RangeError: deep @ processor.js:5:… fail"]),
    fails("export default { afterAppend() { throw 'str' } }", &["afterAppend exception NotAnError: \"str\" was thrown…"]),
    fails("export default { onEvent() { throw { code: 7 } } }", &["afterAppend exception NotAnError: { code: 7 } was thrown…"]),
    fails("export default { afterAppend() { throw new Proxy(new Error('p'), { get() { throw 1 } }) } }", &["afterAppend exception …"]),
    fails("export default { async afterAppend({ append }) {\n  await append({ type: 'refuse me' });\n} }", &["afterAppend exception Error: stream `/a/b` is paused [stream-paused] @ processor.js:2:… afterAppend"]).with_appends(&[r#"2.1 {"type":"refuse me"}"#]),
    fails("export default { async afterAppend({ append }) { await append('x') } }", &["afterAppend exception TypeError: append takes an event…"]),
    fails("export default { async afterAppend({ append }) { await append({ event: { type: 'x' }, pth: './y' }) } }", &["afterAppend exception TypeError: append takes { event, path }; it was given `pth` too…"]),
    fails("export default { async afterAppend() { await new Promise(() => {}) } }", &["afterAppend timeout TimeoutError: afterAppend never ends…"]),
    fails("export default { afterAppend() { Promise.reject(new Error('lost')) } }", &["unhandled-rejection exception Error: lost @ processor.js:1:…"]),
    fails("export default { async afterAppend() { const p = Promise.reject(new Error('caught')); await null; await p.catch(() => {}) } }", &[]),
    fails("export default { afterAppend() { queueMicrotask(() => { throw new Error('micro') }) } }", &["unhandled-rejection exception Error: micro…"]),
    // What a listener takes on is no failure; one that fails in turn, for ever if it could, is told once.
    fails("addEventListener('unhandledrejection', (e) => e.preventDefault()); export default { afterAppend() { Promise.reject(new Error('lost')) } }", &[]),
    fails("addEventListener('unhandledrejection', () => { Promise.reject(new Error('again')) }); export default { afterAppend() { Promise.reject(new Error('lost')) } }", &["unhandled-rejection exception Error: lost…", "unhandled-rejection exception Error: again…"]),
    fails("addEventListener('error', () => { throw new Error('again') }); export default { afterAppend() { reportError(new Error('lost')) } }", &["unhandled-rejection exception Error: again…", "unhandled-rejection exception Error: lost…"]),
    fails("export default { async afterAppend() { setTimeout(() => { throw new Error('timer') }, 1); await new Promise((r) => setTimeout(r, 5)) } }", &["unhandled-rejection exception Error: timer…"]),
    fails("export default { afterAppend() { throw new AggregateError([new Error('a'), 'b'], 'both') } }", &["afterAppend exception AggregateError: both: Error: a; b…"]),
    fails("export default { afterAppend() { throw new Error('outer', { cause: new TypeError('inner') }) } }", &["afterAppend exception Error: outer (because of TypeError: inner)…"]),
    // An append that nobody awaits is stored before the hook is over; its failure is told.
    fails("export default { afterAppend({ append }) { append({ type: 'a' }); append({ type: 'refuse me' }) } }", &["unhandled-rejection exception Error: stream `/a/b` is paused [stream-paused]…"]).with_appends(&[r#"2.1 {"type":"a"}"#, r#"2.2 {"type":"refuse me"}"#]),
    // No more than ten: the rest would say the same.
    fails("export default { async afterAppend() { for (let n = 0; n < 50; n += 1) { Promise.reject(new Error('again')); if (n % 3 === 0) await new Promise((r) => setTimeout(r, 1)) } } }", &["unhandled-rejection exception Error: again…"; 10]),
    // A forged code is not an operation's.
    fails("export default { afterAppend() { throw Object.assign(new Error('x'), { code: 'stream-paused' }) } }", &["afterAppend exception Error: x @ processor.js:1:…"]),
    fails("export default { afterAppend() { return (function f() { return [f()] })() } }", &["afterAppend stack-overflow RangeError: …"]),
}

// The first frame is where `new` stands, as with V8; what the constructor itself does wrong is told there.
cases! { errors_of_the_authors_own_classes:
    fails("class Own extends Error { constructor(m) { super(m); } }\nexport default { afterAppend() {\n  throw new Own('own');\n} }", &["afterAppend exception Error: own @ processor.js:3:… afterAppend"]),
    fails("class Own extends TypeError {}\nclass Further extends Own {\n  constructor(m) { super(m); }\n}\nexport default { afterAppend() {\n  throw new Further('own');\n} }", &["afterAppend exception TypeError: own @ processor.js:6:… afterAppend"]),
    fails("class Own extends Error {\n  static of(m) { return new Own(m) }\n  constructor(m) { super(m); }\n}\nexport default { afterAppend() { throw Own.of('own') } }", &["afterAppend exception Error: own @ processor.js:2:… of"]),
    fails("class Own extends Error {\n  constructor(m) {\n    super(m);\n    null.x;\n  }\n}\nexport default { afterAppend() { throw new Own('own') } }", &["afterAppend exception TypeError: … @ processor.js:4:… Own"]),
    fails("class Own extends Error {\n  constructor(m) {\n    super(m);\n    if (m === 'outer') throw new Own('inner');\n  }\n}\nexport default { afterAppend() { throw new Own('outer') } }", &["afterAppend exception Error: inner @ processor.js:4:… Own"]),
    fails("function make() { return new Error('plain') }\nexport default { afterAppend() { throw make() } }", &["afterAppend exception Error: plain @ processor.js:1:… make"]),
}

cases! { hooks:
    Case { events: &["{}"], ..logs("export default { async afterAppend({ event, append }) { console.log('got', event.type, { a: [1] }); const stored = await append({ event: { type: 'pong', payload: { of: event.offset } }, path: './x' }); console.log(stored.offset) } }", &["info got e { a: [1] }", "info 1000"]) }.with_appends(&[r#"2.1 ./x {"type":"pong","payload":{"of":2}}"#]),
    logs("export default { async afterAppend() { console.log(1); await new Promise((r) => setTimeout(r, 2)); console.log(2) }, async onEvent() { console.log(3) } }", &["info 1", "info 2", "info 3"]),
    Case { events: &["{}", "{}"], ..logs("export default { initialState: { n: 0 }, reduce: ({ state }) => ({ n: state.n + 1 }), afterAppend({ state, prevState, stream }) { console.log(prevState.n, state.n, stream); state.n = 100 } }", &["info 0 1 { path: \"/a/b\", project: \"public\", slug: \"s\" }", "info 1 2 { path: \"/a/b\", project: \"public\", slug: \"s\" }"]) }.with_state(r#"{"n":2}"#),
    logs("export default { reduce({ event }) { event.payload.changed = true; event.type = 'y' }, afterAppend({ event }) { console.log(event.type, event.payload) } }", &["info e {}"]),
    logs("export default { async afterAppend({ read }) { const seen = []; for await (const event of read({ afterOffset: 'start' })) seen.push(event.offset); console.log(seen) } }", &["info [1, 2, 3, 4, 5]"]),
    logs("export default { async afterAppend({ read }) { for await (const event of read({ afterOffset: 1 })) { console.log(event.offset); break } } }", &["info 2"]),
    logs("export default { afterAppend({ logger }) { logger.warn('w %d', 1); logger.debug('d'); logger.error(new Error('e').message); logger.info('i') } }", &["warn w 1", "debug d", "error e", "info i"]),
    logs("const key = process.env.KEY; export default { afterAppend() { console.log(key) } }", &["info value"]),
    logs("export default { afterAppend() { console.log(process.env.KEY, typeof process.exit, typeof require) } }", &["info value undefined function"]),
    logs("export default { async afterAppend({ append }) { const all = await Promise.all([1, 2, 3].map((n) => append({ type: 't', payload: { n } }))); console.log(all.length) } }", &["info 3"]).with_appends(&[r#"2.1 {"type":"t","payload":{"n":1}}"#, r#"2.2 {"type":"t","payload":{"n":2}}"#, r#"2.3 {"type":"t","payload":{"n":3}}"#]),
    logs("export default { afterAppend() { for (let n = 0; n < 203; n += 1) if (n > 199) console.log(n); else console.debug } }", &["info 200", "info 201", "info 202"]),
}

cases! { determinism_of_reduce:
    reduces("export default { initialState: 0, reduce: ({ event }) => [Date.now(), new Date().toISOString(), event.createdAt, new Date(0).getTime(), typeof Date(), new Date() instanceof Date, Date.UTC(1970, 0, 2)] }", &["{}"], r#"[1700000000002,"2023-11-14T22:13:20.002Z","2023-11-14T22:13:20.002Z",0,"string",true,86400000]"#),
    reduces("export default { initialState: [], reduce: ({ state }) => [...state, Math.random() < 1, Math.random() !== Math.random()] }", &["{}"], "[true,true]"),
    reduces("class Mine extends Date { year() { return this.getUTCFullYear() } } export default { initialState: 0, reduce: () => new Mine().year() }", &["{}"], "2023"),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_events_give_the_same_randomness() {
    let script = "export default { initialState: [], reduce: ({ state }) => [...state, Math.random(), crypto.randomUUID(), crypto.getRandomValues(new Uint8Array(3)).join(), require('node:crypto').randomBytes(4).toString('hex'), new Response(new FormData()).headers.get('content-type').length, performance.now(), performance.timeOrigin, new Event('x').timeStamp, process.hrtime(), new Date().toLocaleString(), new File([], 'f').lastModified] }";
    let first = super::harness::state_after(script, &["{}", "{}"]).await;
    let second = super::harness::state_after(script, &["{}", "{}"]).await;
    assert_eq!(first, second);
    assert!(first.matches('-').count() == 8, "{first}");
}

/// The bundler lets an import of any of them pass.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_has_the_names_that_the_bundler_knows() {
    let script = "import * as sdk from 'millrace'; export default { initialState: Object.keys(sdk).sort() }";
    let mut names = millrace_bundler::install::PROVIDED_EXPORTS.to_vec();
    names.sort_unstable();
    assert_eq!(super::harness::state_after(script, &[]).await, serde_json::to_string(&names).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_lines_are_bounded() {
    let case = logs(
        "export default { afterAppend() { console.log('é'.repeat(20_000)); for (let n = 0; n < 300; n += 1) console.log(n) } }",
        &[],
    );
    let isolates = isolates();
    let notes = Arc::new(Notes::default());
    load(&isolates, &case, &notes).await.unwrap().react(&event(2, "{}")).await.unwrap();
    let logs = notes.logs.lock().unwrap();
    assert_eq!(logs.len(), 201);
    assert!(logs[0].len() < 17_000 && logs[0].ends_with("… (23616 more bytes)"), "{}", &logs[0][16_000..]);
    assert_eq!(logs[200], "warn 101 more lines were dropped: a hook may log 200");
}

cases! { bounds:
    Case { bounds: Bounds { memory_bytes: 256 * 1024 * 1024, cpu_per_turn: Duration::from_secs(5), ..Bounds::default() }, ..fails("export default { async afterAppend({ append }) { const x = 'x'.repeat(1e7); await Promise.all(Array.from({ length: 20 }, () => append({ type: 'never', payload: { x } }))) } }", &["afterAppend limit RangeError: …67108864 bytes…"]).anything_appended() },
    Case { bounds: Bounds { hook_timeout: Duration::from_millis(100), ..Bounds::default() }, ..fails("export default { async afterAppend() { await new Promise((r) => setTimeout(r, 60_000)) } }", &["!afterAppend timeout TimeoutError: afterAppend took longer than 100 ms…"]) },
    Case { bounds: Bounds { hook_timeout: Duration::from_millis(100), ..Bounds::default() }, ..fails("export default { async afterAppend({ signal }) { await new Promise((_, reject) => { setTimeout(reject, 60_000); signal.addEventListener('abort', () => reject(signal.reason)) }) } }", &["afterAppend timeout TimeoutError: afterAppend took longer than 100 ms…"]) },
    Case { bounds: Bounds { appends_per_hook: 10_000, ..Bounds::default() }, ..fails("export default { async afterAppend({ append }) { for (let n = 0; n < 10_001; n += 1) await append({ type: 't' }) } }", &["afterAppend limit RangeError: more than 10000 appends in one hook…"]).anything_appended() },
    fails("export default { async afterAppend({ append }) { await Promise.all(Array.from({ length: 300 }, () => append({ type: 't' }))) } }", &["afterAppend limit RangeError: more than 256 operations, …"]).anything_appended(),
    fails("export default { afterAppend() { for (;;) setTimeout(() => {}, 60_000) } }", &["afterAppend limit RangeError: more than 1000 timers…"]),
}
