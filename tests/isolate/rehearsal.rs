//! Rehearsals: recorded events go through an isolate one after the other, in their own time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use millrace::event::{Event, EventInput, EventType, Json, Offset, StreamPath, Timestamp};
use millrace::isolate::{Bounds, Isolate};

use crate::harness::{Case, Notes, isolates, load, shown};

const START: i64 = 1_700_000_000_000;

fn at(offset: u64, millis: i64, payload: &str) -> Arc<Event> {
    let input = EventInput::new(EventType::parse("e").unwrap(), Json::parse(payload).unwrap());
    let (path, time) = (StreamPath::parse("/a/b").unwrap(), Timestamp::from_millis(START + millis));
    Arc::new(Event::place(input, path, Offset(offset), time, None))
}

async fn rehearsing(script: &'static str) -> (Isolate, Arc<Notes>, millrace::isolate::Isolates) {
    let pool = isolates();
    let notes = Arc::new(Notes::default());
    let bounds = Bounds { recorded_time: Some(START), ..Bounds::default() };
    let isolate = load(&pool, &Case { script, bounds, ..Case::default() }, &notes).await.unwrap();
    (isolate, notes, pool)
}

/// Events a second apart, and what of them is told: `offset state` and `offset failure`, then the appends.
async fn rehearse(script: &'static str, payloads: &[&str]) -> (Vec<String>, Vec<String>) {
    let (isolate, notes, _pool) = rehearsing(script).await;
    let events: Vec<Arc<Event>> =
        (1..).zip(payloads).map(|(n, payload)| at(n, 1_000 * n as i64, payload)).collect();
    let rehearsed = isolate.rehearse(&events, true, true).await.unwrap();
    assert_eq!(rehearsed.done, events.len());
    let mut told = Vec::new();
    for event in rehearsed.events {
        told.extend(event.state.map(|state| format!("{} {}", event.offset, state.as_str())));
        told.extend(event.failure.map(|failure| format!("{} {}", event.offset, shown(&failure))));
    }
    let appends = notes.appends.lock().unwrap().clone();
    (told, appends)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cases() {
    // script, payloads, what is told, what is appended
    type Row = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);
    let rows: [Row; 7] = [
        (
            "export default { initialState: 0, reduce: ({ event, state }) => state + event.payload.n, async afterAppend({ append, state, prevState }) { await append({ type: `${prevState}-${state}` }); await append({ type: 'too' }); } };",
            &[r#"{"n":1}"#, r#"{"n":0}"#, r#"{"n":2}"#],
            &["1 1", "3 3"],
            &[
                r#"1.1 {"type":"0-1"}"#,
                r#"1.2 {"type":"too"}"#,
                r#"2.1 {"type":"1-1"}"#,
                r#"2.2 {"type":"too"}"#,
                r#"3.1 {"type":"1-3"}"#,
                r#"3.2 {"type":"too"}"#,
            ],
        ),
        (
            "export default { initialState: 0, reduce({ event, state }) { if (event.payload.bad) throw new Error('no'); return state + 1; }, async afterAppend({ event }) { if (event.payload.late) throw new TypeError('late'); } };",
            &["{}", r#"{"bad":1}"#, r#"{"late":1}"#],
            &[
                "1 1",
                "2 reduce exception Error: no @ processor.js:1:95 reduce",
                "3 2",
                "3 afterAppend exception TypeError: late @ processor.js:1:194 afterAppend",
            ],
            &[],
        ),
        // A timer that the next event clears, and one that runs out before it.
        (
            "let timer; export default { async afterAppend({ event, append }) { clearTimeout(timer); timer = setTimeout(() => append({ type: `after ${event.offset}` }), event.payload.wait); } };",
            &[r#"{"wait":5000}"#, r#"{"wait":500}"#, r#"{"wait":20000}"#],
            &[],
            &[r#"2.1 {"type":"after 2"}"#, r#"3.1 {"type":"after 3"}"#],
        ),
        // What would come later than anybody looks does not.
        (
            "export default { async afterAppend({ append }) { setTimeout(() => append({ type: 'never' }), 3_600_000); } };",
            &["{}"],
            &[],
            &[],
        ),
        (
            "export default { async afterAppend({ append }) { const a = Date.now(), p = performance.now(); await new Promise((done) => setTimeout(done, 1500)); await append({ type: `${a} ${Date.now() - a} ${performance.now() - p}` }); } };",
            &["{}", "{}"],
            &[],
            &[r#"1.1 {"type":"1700000001000 1500 1500"}"#, r#"2.1 {"type":"1700000002500 1500 1500"}"#],
        ),
        (
            "export default { async afterAppend({ event }) { if (event.offset === 1) await new Promise(() => {}); } };",
            &["{}", "{}"],
            &[
                "1 afterAppend timeout TimeoutError: afterAppend never ends: it awaits a promise that nothing can settle, for no timer, append, read or fetch is under way",
            ],
            &[],
        ),
        // Side by side, a later event may end it.
        (
            "export default { concurrency: 'parallel', async afterAppend({ event, append }) { if (event.offset === 1) await new Promise(() => {}); await append({ type: 'x' }); } };",
            &["{}", "{}"],
            &[],
            &[r#"2.1 {"type":"x"}"#],
        ),
    ];
    for (script, payloads, told, appends) in rows {
        let outcome = rehearse(script, payloads).await;
        let expected =
            [told, appends].map(|lines| lines.iter().map(|line| line.to_string()).collect::<Vec<_>>());
        assert_eq!([outcome.0, outcome.1], expected, "{script}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_states_come_in_several_answers() {
    let (isolate, _, _pool) = rehearsing("export default { initialState: '', reduce: ({ event }) => `${event.offset}`.padEnd(1_000_000, 'x') };").await;
    let events: Vec<Arc<Event>> = (1..=10).map(|n| at(n, 0, "{}")).collect();
    let first = isolate.rehearse(&events, true, false).await.unwrap();
    assert!((1..10).contains(&first.done) && first.events.len() == first.done, "{}", first.done);
    let second = isolate.rehearse(&events[first.done..], true, true).await.unwrap();
    assert_eq!(second.events[0].offset, Offset(first.done as u64 + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interval_has_no_end_and_the_rehearsal_has() {
    let (isolate, notes, _pool) = rehearsing("export default { async afterAppend({ event, append }) { if (event.offset === 1) setInterval(() => {}, 1); else await append({ type: 'x' }); } };").await;
    let began = Instant::now();
    let rehearsed = isolate.rehearse(&[at(1, 0, "{}"), at(2, 86_400_000, "{}")], false, true).await.unwrap();
    assert!(rehearsed.done == 2 && began.elapsed() < Duration::from_secs(20));
    assert_eq!(notes.appends.lock().unwrap().len(), 1);
}
