//! Isolates as the rest of the server sees them: a script and events in; state, appends, logs and failures out.
//! Each case is a line of data; one function knows the API.

#[path = "isolate/harness.rs"]
mod harness;

use harness::{Case, Expect, check};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reduces_and_reacts() {
    check(Case {
        script: "export default { initialState: { n: 0 }, reduce({ event, state }) { return { n: state.n + event.payload.by } } }",
        history: &[r#"{"by":1}"#, r#"{"by":2}"#],
        events: &[r#"{"by":3}"#],
        expect: Expect { state: Some(r#"{"n":6}"#), ..Expect::default() },
        ..Case::default()
    })
    .await;
    check(Case {
        script: "export default { async afterAppend({ event, append }) { console.log('got', event.type, { a: [1] }); const stored = await append({ event: { type: 'pong', payload: { of: event.offset } }, path: './x' }); console.log(stored.offset) } }",
        events: &[r#"{}"#],
        expect: Expect {
            appends: &[r#"2.1 ./x {"type":"pong","payload":{"of":2}}"#],
            logs: &["info got e { a: [1] }", "info 1000"],
            ..Expect::default()
        },
        ..Case::default()
    })
    .await;
}
