//! The process that evaluates: programs compiled once, events one after the other.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::evaluate::{Compiled, is_true, read, write};
use super::{Failure, Part, Program};
use crate::event::Expression;
use crate::isolate;
use crate::limits::{
    EVALUATOR_ANSWER_BYTES, EVALUATOR_MEMORY_BYTES, EVALUATOR_PROGRAMS_MAX, EVALUATOR_SLICE,
};

/// The body has the events' wire texts, one after the other.
#[derive(Serialize, Deserialize)]
pub struct Question {
    pub program: Program,
    pub lengths: Vec<usize>,
}

/// Of the first events, at least of one. The body has the values, one after the other.
#[derive(Serialize, Deserialize)]
pub struct Answer(pub Vec<Said>);

#[derive(Serialize, Deserialize)]
pub enum Said {
    Skipped,
    /// With a value of so many bytes.
    Matched(Option<usize>),
    Failed(Failure),
}

/// What `millrace __worker expressions` runs.
pub fn worker_main() -> ExitCode {
    let mut programs = Programs::default();
    let answer =
        |Question { program, lengths }: Question, body: &[u8]| programs.answer(&program, &lengths, body);
    match isolate::serve(EVALUATOR_MEMORY_BYTES, prepare, answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "an evaluator ends");
            ExitCode::FAILURE
        }
    }
}

/// How much stack there is can be asked for only as long as there are files.
fn prepare() {
    if let Ok(expression) = Expression::parse("1 + 1") {
        let _ = super::evaluate_here(&expression, None, &super::Bindings::new());
    }
}

#[derive(Default)]
struct Programs(HashMap<Program, Rc<Parts>>);

struct Parts {
    filter: Option<Compiled>,
    transform: Option<Compiled>,
}

impl Programs {
    fn answer(&mut self, program: &Program, lengths: &[usize], mut body: &[u8]) -> (Answer, Vec<u8>) {
        let parts = self.compiled(program);
        let began = Instant::now();
        let mut said = Vec::with_capacity(lengths.len());
        let mut values = Vec::new();
        for length in lengths {
            let Some((text, rest)) = body.split_at_checked(*length) else { break };
            body = rest;
            let written = values.len();
            // A defect of the engine's is one event's failure, too.
            let outcome = catch_unwind(AssertUnwindSafe(|| parts.say(text, &mut values)));
            said.push(outcome.unwrap_or_else(|_| Err(defect())).unwrap_or_else(|failure| {
                values.truncate(written);
                Said::Failed(failure)
            }));
            // A costly failure has used the slice up, too.
            if began.elapsed() > EVALUATOR_SLICE || values.len() > EVALUATOR_ANSWER_BYTES {
                break;
            }
        }
        (Answer(said), values)
    }

    fn compiled(&mut self, program: &Program) -> Rc<Parts> {
        if let Some(parts) = self.0.get(program) {
            return parts.clone();
        }
        if self.0.len() >= EVALUATOR_PROGRAMS_MAX {
            self.0.clear();
        }
        let compile = |expression: &Option<Expression>| expression.as_ref().and_then(Compiled::new);
        let parts =
            Rc::new(Parts { filter: compile(&program.filter), transform: compile(&program.transform) });
        self.0.insert(program.clone(), parts.clone());
        parts
    }
}

fn defect() -> Failure {
    let message = "the evaluator has a defect, which this expression has found over this event".to_string();
    Failure { code: "defect".into(), message, part: Part::Transform }
}

impl Parts {
    fn say(&self, text: &[u8], values: &mut Vec<u8>) -> Result<Said, Failure> {
        let first = if self.filter.is_some() { Part::Filter } else { Part::Transform };
        let text = std::str::from_utf8(text).expect("events are text");
        let input = read(text, first)?;
        if let Some(filter) = &self.filter
            && !is_true(&filter.evaluate(&input, Part::Filter)?)
        {
            return Ok(Said::Skipped);
        }
        let Some(transform) = &self.transform else { return Ok(Said::Matched(None)) };
        let value = write(&transform.evaluate(&input, Part::Transform)?, Part::Transform)?;
        if let Some(value) = &value {
            values.extend_from_slice(value);
        }
        Ok(Said::Matched(value.map(|value| value.len())))
    }
}
