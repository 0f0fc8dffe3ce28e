//! Hooks, live and in a rehearsal: what they are given, when they have come to their end, and that both do the same.

use std::sync::Arc;

use millrace::event::Event;
use millrace::isolate::{Bounds, Isolate, ReactError};

use crate::harness::{Case, Notes, event, isolates, load, shown};

/// What two events, at offsets 2 and 3, came to: the lines, the appends, and the failures behind their offsets.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    logs: Vec<String>,
    appends: Vec<String>,
    failures: Vec<String>,
}

struct Row {
    script: &'static str,
    logs: &'static [&'static str],
    appends: &'static [&'static str],
    failures: &'static [&'static str],
}

fn logs(script: &'static str, logs: &'static [&'static str]) -> Row {
    Row { script, logs, appends: &[], failures: &[] }
}

fn appends(script: &'static str, appends: &'static [&'static str]) -> Row {
    Row { script, logs: &[], appends, failures: &[] }
}

fn fails(script: &'static str, failures: &'static [&'static str]) -> Row {
    Row { script, logs: &[], appends: &[], failures }
}

impl Row {
    fn and(self, appends: &'static [&'static str]) -> Row {
        Row { appends, ..self }
    }
}

async fn live(isolate: &Isolate, events: &[Arc<Event>]) -> Vec<String> {
    let mut failures = Vec::new();
    for event in events {
        match isolate.react(event).await {
            Ok(()) => {}
            Err(ReactError::Script(failure)) => {
                failures.push(format!("{} {}", event.offset, shown(&failure)))
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    failures
}

async fn rehearsed(isolate: &Isolate, events: &[Arc<Event>]) -> Vec<String> {
    let rehearsed = isolate.rehearse(events, false, true).await.unwrap();
    assert_eq!(rehearsed.done, events.len());
    let failed = rehearsed.events.into_iter().filter_map(|event| Some((event.offset, event.failure?)));
    failed.map(|(offset, failure)| format!("{offset} {}", shown(&failure))).collect()
}

async fn seen(script: &'static str, is_live: bool) -> Seen {
    let (pool, notes) = (isolates(), Arc::new(Notes::default()));
    let recorded_time = (!is_live).then_some(1_700_000_000_000);
    let bounds = Bounds { recorded_time, ..Bounds::default() };
    let isolate = load(&pool, &Case { script, bounds, ..Case::default() }, &notes).await.unwrap();
    let events = [event(2, r#"{"n":1}"#), event(3, r#"{"n":2}"#)];
    let mut failures = match is_live {
        true => live(&isolate, &events).await,
        false => rehearsed(&isolate, &events).await,
    };
    failures.extend(notes.failures.lock().unwrap().drain(..));
    let logs = notes.logs.lock().unwrap().clone();
    let appends = notes.appends.lock().unwrap().clone();
    Seen { logs, appends, failures }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_and_in_a_rehearsal() {
    let rows = [
        // What a hook is given is a plain object, of which all is made once.
        logs(
            "export default { initialState: { n: 0 }, reduce: ({ state }) => ({ n: state.n + 1 }), afterAppend(context) { const { event, state, prevState, append } = { ...context }; console.log(event.payload.n, state.n, prevState.n, typeof append, Object.getPrototypeOf(context) === Object.prototype, context.event === event, context.state === state, context.append === append, context.read === context.read) } }",
            &["info 1 1 0 function true true true true true", "info 2 2 1 function true true true true true"],
        ),
        logs(
            "export default { afterAppend(context) { console.log(Object.keys(context).sort().join(' ')) } }",
            &[
                "info append event logger prevState read signal simulate state stream",
                "info append event logger prevState read signal simulate state stream",
            ],
        ),
        // It can be written to, and stood before.
        logs(
            "export default { initialState: 1, afterAppend(context) { context.state = undefined; context.event = 'mine'; console.log(`${context.state} ${context.event} ${context.prevState}`) } }",
            &["info undefined mine 1", "info undefined mine 1"],
        ),
        logs(
            "export default { initialState: 1, afterAppend(context) { console.log(new Proxy(context, {}).event.offset, Object.create(context).event.offset, Object.freeze(context).state) } }",
            &["info 2 2 1", "info 3 3 1"],
        ),
        // And it stays that of its event.
        logs(
            "let first; export default { reduce: ({ event }) => event.offset, afterAppend(context) { first ??= context; console.log(first.event.offset, first.state, context.state) } }",
            &["info 2 2 2", "info 2 2 3"],
        ),
        // Both hooks, one behind the other.
        logs(
            "export default { async onEvent({ event }) { console.log('on', event.offset) }, async afterAppend({ event }) { await null; console.log('after', event.offset) } }",
            &["info after 2", "info on 2", "info after 3", "info on 3"],
        ),
        // A job that `reduce` has left comes before the hook, one that a hook has left before its end.
        logs(
            "export default { reduce() { (async () => { await null; console.log('left') })() }, afterAppend() { console.log('hook') } }",
            &["info left", "info hook", "info left", "info hook"],
        ),
        appends(
            "export default { afterAppend({ append }) { Promise.resolve().then(() => append({ type: 'late' })) } }",
            &[r#"2.1 {"type":"late"}"#, r#"3.1 {"type":"late"}"#],
        ),
        appends(
            "export default { async afterAppend({ append }) { append({ type: 'a' }).then(() => append({ type: 'b' })) } }",
            &[
                r#"2.1 {"type":"a"}"#,
                r#"2.2 {"type":"b"}"#,
                r#"3.1 {"type":"a"}"#,
                r#"3.2 {"type":"b"}"#,
            ],
        ),
        // What is waited for is waited for as the language says.
        appends(
            "export default { afterAppend: ({ append }) => ({ then(done) { append({ type: 'then' }).then(done) } }) }",
            &[r#"2.1 {"type":"then"}"#, r#"3.1 {"type":"then"}"#],
        ),
        logs(
            "class Own extends Promise { then(...given) { console.log('own'); return super.then(...given) } } export default { afterAppend: () => Own.resolve() }",
            &["info own", "info own"],
        ),
        fails(
            "export default { afterAppend({ event }) { if (event.offset === 2) throw new Error('at once') } }",
            &["2 afterAppend exception Error: at once @ processor.js:1:77 afterAppend"],
        ),
        fails(
            "export default { async afterAppend({ event }) { if (event.offset === 3) throw new Error('as a promise') } }",
            &["3 afterAppend exception Error: as a promise @ processor.js:1:83 afterAppend"],
        ),
        fails(
            "export default { async afterAppend({ event }) { if (event.offset === 2) Promise.reject(new Error('of nobody')) } }",
            &["unhandled-rejection exception Error: of nobody @ processor.js:1:92 afterAppend"],
        ),
        fails(
            "export default { async afterAppend({ event }) { if (event.offset === 2) await new Promise(() => {}) } }",
            &["2 afterAppend timeout TimeoutError: afterAppend never ends: it awaits a promise that nothing can settle, for no timer, append, read or fetch is under way"],
        ),
        // What the prelude keeps of a hook is nobody's to see, whatever a script puts in the place of built-in functions.
        logs(
            "let given = 0; for (const [type, name] of [[Promise, 'try'], [Object, 'setPrototypeOf'], [Object, 'defineProperty']]) { const was = type[name]; type[name] = function (...values) { given += values.filter((value) => value?.constructor?.name === 'Hook').length; return was.apply(this, values) } } export default { async afterAppend({ append, state }) { await append({ type: 'x' }); console.log(given, typeof state) } }",
            &["info 0 object", "info 0 object"],
        ).and(&[r#"2.1 {"type":"x"}"#, r#"3.1 {"type":"x"}"#]),
    ];
    let mut wrong = Vec::new();
    for Row { script, logs, appends, failures } in rows {
        let owned = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect::<Vec<_>>();
        let expected = Seen { logs: owned(logs), appends: owned(appends), failures: owned(failures) };
        for (how, is_live) in [("live", true), ("rehearsed", false)] {
            let seen = seen(script, is_live).await;
            if seen != expected {
                wrong.push(format!("{how}: {script}\n{seen:?}\ninstead of\n{expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
