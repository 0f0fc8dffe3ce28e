//! Checkpoints: from time to time the engine syncs what it has been given, on a thread of its own, so that
//! the journal can begin anew. Nobody waits for one, unless the journal has run full in the meantime.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Shared;
use super::folder::Note;
use super::kv::{Kv, KvError};

/// When a checkpoint is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// So much has been written since the last one was begun.
    pub bytes: u64,
    /// The oldest batch without one has waited for so long.
    pub after: Duration,
}

pub(super) struct Checkpointer {
    turns: Arc<Turns>,
    thread: Option<JoinHandle<()>>,
}

struct Turns {
    pace: Pace,
    turn: Mutex<Turn>,
    changed: Condvar,
}

/// What the committer and the thread tell each other.
struct Turn {
    /// The newest batch that the engine has.
    applied: u64,
    /// The newest batch that is durable in the engine.
    durable: u64,
    /// The journal waits for this one.
    wanted: u64,
    /// Written since the last checkpoint was begun, and since when.
    bytes: u64,
    since: Instant,
    stage: Stage,
}

enum Stage {
    Running,
    /// One more checkpoint if need be, and then no more.
    Closing,
    Ended,
    Failed(KvError),
}

impl Checkpointer {
    /// `newest` is durable. A failure is also noted in `shared`, so that nothing is written any more.
    pub fn start(
        shared: Arc<Shared>,
        kv: Arc<dyn Kv>,
        note: Note,
        newest: u64,
        pace: Pace,
    ) -> std::io::Result<Checkpointer> {
        let turn = Turn {
            applied: newest,
            durable: newest,
            wanted: 0,
            bytes: 0,
            since: Instant::now(),
            stage: Stage::Running,
        };
        let turns = Arc::new(Turns { pace, turn: Mutex::new(turn), changed: Condvar::new() });
        let thread = std::thread::Builder::new().name("checkpointer".into()).spawn({
            let turns = turns.clone();
            move || run_to_end(&turns, &shared, &*kv, &note)
        })?;
        Ok(Checkpointer { turns, thread: Some(thread) })
    }

    /// The engine has been given a batch.
    pub fn applied(&self, number: u64, bytes: u64) {
        let mut turn = self.turns.turn();
        let first = turn.applied == turn.durable;
        if first {
            turn.since = Instant::now();
        }
        turn.applied = number;
        turn.bytes += bytes;
        if first || turn.bytes >= self.turns.pace.bytes {
            self.turns.changed.notify_all();
        }
    }

    /// Returns when the batch is durable in the engine.
    pub fn wait_for(&self, number: u64) -> Result<(), KvError> {
        let mut turn = self.turns.turn();
        turn.wanted = number;
        self.turns.changed.notify_all();
        loop {
            match &turn.stage {
                _ if turn.durable >= number => return Ok(()),
                Stage::Failed(error) => return Err(error.clone()),
                Stage::Ended => return Err(KvError::Io("the checkpoints have ended".into())),
                Stage::Running | Stage::Closing => turn = self.turns.wait(turn),
            }
        }
    }

    /// Makes all durable that is not yet, and ends.
    pub fn close(mut self) {
        self.end(Stage::Closing);
    }

    fn end(&mut self, how: Stage) {
        let mut turn = self.turns.turn();
        if let Stage::Running = turn.stage {
            turn.stage = how;
        }
        drop(turn);
        self.turns.changed.notify_all();
        // What went wrong on the thread is in its stage.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Checkpointer {
    /// Not closed: after a failure nothing is synced any more.
    fn drop(&mut self) {
        self.end(Stage::Ended);
    }
}

fn run_to_end(turns: &Turns, shared: &Shared, kv: &dyn Kv, note: &Note) {
    let run = AssertUnwindSafe(|| turns.run(kv, note));
    let outcome = std::panic::catch_unwind(run).unwrap_or_else(|_| {
        Err(KvError::Io("the checkpointer has ended because of a mistake of its own".into()))
    });
    let stage = match outcome {
        Ok(()) => Stage::Ended,
        Err(error) => {
            shared.fail(&error);
            Stage::Failed(error)
        }
    };
    turns.turn().stage = stage;
    turns.changed.notify_all();
}

impl Turns {
    fn run(&self, kv: &dyn Kv, note: &Note) -> Result<(), KvError> {
        while let Some(number) = self.next() {
            kv.sync()?;
            note.take(number);
            self.turn().durable = number;
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Waits until a checkpoint is due; answers the newest batch that it will make durable.
    fn next(&self) -> Option<u64> {
        let mut turn = self.turn();
        loop {
            let behind = turn.applied > turn.durable;
            match turn.stage {
                Stage::Running => {}
                Stage::Closing if behind => return Some(turn.begin()),
                Stage::Closing | Stage::Ended | Stage::Failed(_) => return None,
            }
            if !behind {
                turn = self.wait(turn);
                continue;
            }
            let waited = turn.since.elapsed();
            if turn.bytes >= self.pace.bytes || turn.wanted > turn.durable || waited >= self.pace.after {
                return Some(turn.begin());
            }
            turn = self.changed.wait_timeout(turn, self.pace.after - waited).expect(POISON).0;
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().expect(POISON)
    }

    fn wait<'a>(&self, turn: MutexGuard<'a, Turn>) -> MutexGuard<'a, Turn> {
        self.changed.wait(turn).expect(POISON)
    }
}

const POISON: &str = "nothing panics while it holds the turn";

impl Turn {
    fn begin(&mut self) -> u64 {
        self.bytes = 0;
        self.since = Instant::now();
        self.applied
    }
}
