//! The processes that evaluate, seen from the host: a few, started when they are needed, that take turns with the batches
//! of all who ask. One that dies or is silent for too long is replaced, and what it had is asked one event at a time: so
//! only the event that did it fails.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::worker::{Answer, Question, Said};
use super::{Failure, OUT_OF_MEMORY, Outcome, Part, Program, ROLE, TIMEOUT};
use crate::event::Json;
use crate::isolate::Confined;
use crate::limits::{EVALUATOR_ANSWER_BYTES, EVALUATOR_MEMORY_BYTES, EVALUATOR_PATIENCE, EVALUATORS};

/// Clones share the processes.
#[derive(Clone)]
pub struct Evaluators(Arc<Inner>);

struct Inner {
    /// The binary whose hidden subcommand is the worker: this one.
    program: PathBuf,
    idle: Mutex<Vec<Confined>>,
    /// Fair: who asks first has the next process that is free.
    places: Semaphore,
    evaluated: AtomicU64,
    ended: AtomicU64,
}

/// Figures since the start.
#[derive(Clone, Copy, Debug)]
pub struct EvaluatorStats {
    pub evaluated: u64,
    /// Processes that ended before their time.
    pub ended: u64,
}

/// Trouble of the machinery, not of an expression.
#[derive(Debug, thiserror::Error)]
pub enum EvaluatorError {
    #[error("a process for expressions does not start: {0}")]
    Start(std::io::Error),
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// How a process has ended over a question.
enum Lost {
    Silent,
    Gone,
}

impl Evaluators {
    /// No process is started before it is needed.
    pub fn new(program: PathBuf) -> Evaluators {
        Evaluators(Arc::new(Inner {
            program,
            idle: Mutex::default(),
            places: Semaphore::new(EVALUATORS),
            evaluated: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }))
    }

    /// What the program makes of the first events, in order: of at least one, and mostly of all. It ends behind a failure
    /// that was costly, so that whoever asks may let others go first, and when the values have become large.
    pub async fn run(&self, program: &Program, events: &[Bytes]) -> Result<Vec<Outcome>, EvaluatorError> {
        let mut outcomes = Vec::with_capacity(events.len());
        // Up to here they are asked one by one.
        let mut alone = 0;
        let mut bytes = 0;
        while outcomes.len() < events.len() && bytes < EVALUATOR_ANSWER_BYTES {
            let rest = &events[outcomes.len()..];
            let asked = if outcomes.len() < alone { &rest[..1] } else { rest };
            match self.ask(program, asked).await? {
                Ok(answered) => {
                    bytes += answered.iter().map(bytes_of).sum::<usize>();
                    outcomes.extend(answered);
                }
                Err(lost) if asked.len() == 1 => outcomes.push(Outcome::Failed(failure(&lost, program))),
                Err(_) => alone = events.len(),
            }
            if matches!(outcomes.last(), Some(Outcome::Failed(failure)) if failure.is_costly()) {
                break;
            }
        }
        self.0.evaluated.fetch_add(outcomes.len() as u64, Relaxed);
        Ok(outcomes)
    }

    async fn ask(
        &self,
        program: &Program,
        events: &[Bytes],
    ) -> Result<Result<Vec<Outcome>, Lost>, EvaluatorError> {
        let Ok(_place) = self.0.places.acquire().await else { return Err(EvaluatorError::ShuttingDown) };
        let idle = self.idle().pop();
        let (mut process, fresh) = match idle {
            Some(process) => (process, false),
            None => (self.start()?, true),
        };
        let question =
            Question { program: program.clone(), lengths: events.iter().map(Bytes::len).collect() };
        let body: Vec<&[u8]> = events.iter().map(|event| &event[..]).collect();
        let mut answer = tokio::time::timeout(EVALUATOR_PATIENCE, process.ask(&question, &body)).await;
        if !fresh && matches!(answer, Ok(Err(_))) {
            // One that had waited may have been dead before: only a new one can tell.
            process = self.start()?;
            answer = tokio::time::timeout(EVALUATOR_PATIENCE, process.ask(&question, &body)).await;
        }
        match answer {
            Ok(Ok((Answer(said), values))) => {
                self.idle().push(process);
                Ok(Ok(outcomes(said, &values)))
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "an evaluator has ended over an expression");
                self.0.ended.fetch_add(1, Relaxed);
                Ok(Err(Lost::Gone))
            }
            Err(_) => {
                self.0.ended.fetch_add(1, Relaxed);
                process.end().await;
                Ok(Err(Lost::Silent))
            }
        }
    }

    fn start(&self) -> Result<Confined, EvaluatorError> {
        Confined::start(&self.0.program, ROLE).map_err(EvaluatorError::Start)
    }

    pub fn stats(&self) -> EvaluatorStats {
        EvaluatorStats { evaluated: self.0.evaluated.load(Relaxed), ended: self.0.ended.load(Relaxed) }
    }

    /// Ends all processes; who still waits for one is told so.
    pub async fn shutdown(&self) {
        self.0.places.close();
        let idle = std::mem::take(&mut *self.idle());
        for process in idle {
            process.end().await;
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Confined>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn outcomes(said: Vec<Said>, mut values: &[u8]) -> Vec<Outcome> {
    let mut read = |length: usize| {
        let (value, rest) = values.split_at_checked(length)?;
        values = rest;
        Json::parse(std::str::from_utf8(value).ok()?)
    };
    let outcome = |said: Said| match said {
        Said::Skipped => Outcome::Skipped,
        Said::Matched(None) => Outcome::Matched(None),
        Said::Matched(Some(length)) => match read(length) {
            Some(value) => Outcome::Matched(Some(value)),
            None => Outcome::Failed(Failure {
                code: "limit".into(),
                message: "the result is nested too deeply for an event".into(),
                part: Part::Transform,
            }),
        },
        Said::Failed(failure) => Outcome::Failed(failure),
    };
    said.into_iter().map(outcome).collect()
}

fn bytes_of(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Matched(Some(value)) => value.as_str().len(),
        _ => 0,
    }
}

fn failure(lost: &Lost, program: &Program) -> Failure {
    let (code, message) = match lost {
        Lost::Silent => {
            (TIMEOUT, format!("the evaluation took longer than {} s", EVALUATOR_PATIENCE.as_secs()))
        }
        Lost::Gone => {
            let megabytes = EVALUATOR_MEMORY_BYTES / (1024 * 1024);
            (OUT_OF_MEMORY, format!("the evaluation took more than {megabytes} MB of memory"))
        }
    };
    // Which of the two it was, the process can no longer say.
    let part = if program.transform.is_some() { Part::Transform } else { Part::Filter };
    Failure { code: code.into(), message, part }
}
