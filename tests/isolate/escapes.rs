//! Attempts to break out of an isolate, or to take its worker, its host or its neighbours along. Each row is a module and
//! how it ends; a neighbour in the same worker acts on an event behind each of them.

#[path = "escapes/rows.rs"]
mod rows;

use std::sync::Arc;
use std::time::Duration;

use millrace::isolate::{Bounds, Isolate, IsolateError, Isolates, ReactError};

use self::rows::{Ends, Row, rows};
use super::harness::{Case, Notes, event, isolates, load, shown};

const NEIGHBOUR: &str = "export default { initialState: 0, reduce: ({ state }) => state + 1, async afterAppend({ append, state }) { await append({ type: 'pong', payload: { state } }) } }";

fn bounds() -> Bounds {
    Bounds {
        memory_bytes: 24 * 1024 * 1024,
        cpu_per_turn: Duration::from_millis(300),
        hook_timeout: Duration::from_secs(1),
        ..Bounds::default()
    }
}

/// How many unhandled rejections the two hooks may report.
const FAILURES_MAX: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attempt_is_one_failure_or_none() {
    let isolates = isolates();
    let mut neighbour = Neighbour::start(&isolates).await;
    let mut wrong = Vec::new();
    for row in rows() {
        let restarts = isolates.stats().restarts;
        wrong.extend(attempt(&isolates, &row).await.map(|what| format!("{}: {what}", row.name)));
        if let Some(what) = neighbour.acts(&isolates).await {
            wrong.push(format!("{}: the neighbour {what}", row.name));
        }
        let lost = isolates.stats().restarts - restarts;
        // On a machine that has much else to do, one native call may take longer than its worker is waited for.
        let may_be_lost = u64::from(matches!(row.ends, Ends::WithItsWorker | Ends::Either));
        if lost > may_be_lost {
            wrong.push(format!("{}: {lost} workers were lost", row.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with how it ended, if anything.
async fn attempt(isolates: &Isolates, row: &Row) -> Option<String> {
    let notes = Arc::new(Notes::default());
    let script: &'static str = row.module.clone().leak();
    let mut bounds = bounds();
    if matches!(row.ends, Ends::Failed("out-of-memory")) {
        // A machine may take its time to give as much of it as a script may have.
        bounds.cpu_per_turn = Duration::from_secs(5);
    }
    let case = Case { script, bounds, ..Case::default() };
    let outcome = tokio::time::timeout(Duration::from_secs(20), run(isolates, &case, &notes)).await;
    let Ok(outcome) = outcome else { return Some("did not come to an end".into()) };
    let appends = notes.appends.lock().unwrap().join("\n");
    if appends.contains("escaped") {
        return Some(format!("it escaped: {appends}"));
    }
    let uncaught = notes.failures.lock().unwrap().clone();
    if uncaught.len() > FAILURES_MAX {
        return Some(format!("it reported {} failures", uncaught.len()));
    }
    let failures: Vec<String> = outcome.into_iter().chain(uncaught).collect();
    match row.ends {
        Ends::Well => (!failures.is_empty()).then(|| failures.join("\n")),
        Ends::Failed(word) => (!failures.iter().any(|failure| failure.contains(word)))
            .then(|| format!("no {word:?} in {failures:?}")),
        Ends::WithItsWorker => failures.is_empty().then(|| "it did not fail".into()),
        Ends::Either => None,
    }
}

/// Loaded, told of two events and asked for its state; the failures that these calls ended with.
async fn run(isolates: &Isolates, case: &Case, notes: &Arc<Notes>) -> Vec<String> {
    let mut failures = Vec::new();
    let isolate = match load(isolates, case, notes).await {
        Ok(isolate) => isolate,
        Err(error) => return told(error).into_iter().collect(),
    };
    for offset in [2, 3] {
        match isolate.react(&event(offset, r#"{"__proto__":{"polluted":true}}"#)).await {
            Ok(()) => {}
            Err(ReactError::Script(failure)) => failures.push(shown(&failure)),
            Err(ReactError::Isolate(error)) => failures.extend(told(error)),
        }
    }
    if let Err(error) = isolate.state().await {
        failures.extend(told(error));
    }
    failures
}

/// The failure of an isolate that is gone; that it is gone when it is asked again is none.
fn told(error: IsolateError) -> Option<String> {
    match error {
        IsolateError::Script(failure) => Some(format!("!{}", shown(&failure))),
        IsolateError::Lost(_) => None,
        // What no script may cause: its follower would try again and again.
        IsolateError::Machinery(what) => panic!("the machinery is to blame: {what}"),
    }
}

struct Neighbour {
    isolate: Isolate,
    notes: Arc<Notes>,
    offset: u64,
}

impl Neighbour {
    async fn start(isolates: &Isolates) -> Neighbour {
        let notes = Arc::new(Notes::default());
        let case = Case { script: NEIGHBOUR, ..Case::default() };
        let isolate = load(isolates, &case, &notes).await.expect("the neighbour loads");
        Neighbour { isolate, notes, offset: 1 }
    }

    /// What kept it from acting on an event, if anything. Where its worker is lost, it loads again, as its follower would.
    async fn acts(&mut self, isolates: &Isolates) -> Option<String> {
        self.offset += 1;
        let event = event(self.offset, "{}");
        let reacting = tokio::time::timeout(Duration::from_secs(10), self.isolate.react(&event)).await;
        match reacting {
            Ok(Ok(())) => {}
            Ok(Err(ReactError::Isolate(IsolateError::Lost(_)))) => {
                *self = Neighbour::start(isolates).await;
                self.offset += 1;
                if let Err(error) = self.isolate.react(&super::harness::event(2, "{}")).await {
                    return Some(format!("failed after a restart: {error}"));
                }
            }
            Ok(Err(error)) => return Some(format!("failed: {error}")),
            Err(_) => return Some("was kept waiting".into()),
        }
        let pongs = self.notes.appends.lock().unwrap().len() as u64;
        (pongs != self.offset - 1).then(|| format!("answered {pongs} of {} events", self.offset - 1))
    }
}
