//! Evaluating JSONata over events. An expression is a user's program, so it runs where scripts run: in a confined process
//! with bounds on time, depth, size and memory (`limits`), which dies in its place. An expression that is known to parse
//! is an `event::Expression`; a `Program` is one or two of them, and an `Evaluators` is asked what it makes of events:
//!
//! ```ignore
//! let program = Program::new(Some(filter), Some(transform));
//! let outcomes = evaluators.run(&program, &wires).await?;
//! for (event, outcome) in events.iter().zip(outcomes) {
//!     match outcome {
//!         Outcome::Skipped => {}                 // the filter is not true
//!         Outcome::Matched(value) => {}          // None: no transform, or one without a value
//!         Outcome::Failed(failure) => {}         // a code, and a sentence
//!     }
//! }
//! ```
//!
//! Answers are to the first events, at least to one: behind a failure that was costly, or large values, ask for the rest.
//! The input of both is the whole event, as it is read over the wire. A filter is true as JSONata's `$boolean` has it.

mod evaluate;
mod evaluators;
mod worker;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{Expression, Json};

pub use self::evaluate::evaluate_here;
pub use self::evaluators::{EvaluatorError, EvaluatorStats, Evaluators};
pub use self::worker::worker_main;

/// The role of a worker process that evaluates.
pub const ROLE: &str = "expressions";

/// What is asked of each event. Without a filter all are matched; without a transform a match has no value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Program {
    filter: Option<Expression>,
    transform: Option<Expression>,
}

impl Program {
    pub fn new(filter: Option<Expression>, transform: Option<Expression>) -> Program {
        Program { filter, transform }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Skipped,
    Matched(Option<Json>),
    Failed(Failure),
}

/// Why an expression has no value for an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} (JSONata {code})")]
pub struct Failure {
    /// As the reference implementation has it, such as `T2001`; a word where it has none, such as `timeout`.
    pub code: String,
    pub message: String,
    /// Which of the two expressions.
    pub part: Part,
}

impl Failure {
    /// Whether it has taken from others what they may want: time, or a process.
    pub fn is_costly(&self) -> bool {
        matches!(self.code.as_str(), TIMEOUT | OUT_OF_MEMORY)
    }
}

const TIMEOUT: &str = "timeout";
const OUT_OF_MEMORY: &str = "out-of-memory";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Filter,
    Transform,
}

/// Names and values of the variables that an expression finds: only the reference's own tests have any.
pub type Bindings = BTreeMap<String, Value>;
