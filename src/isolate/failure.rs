//! What can go wrong in an isolate, as values: whose fault it is decides what the host does next.

use serde::{Deserialize, Serialize};

use crate::event::Offset;
use crate::event::builtin::{FailureReason, Frame, Phase, ScriptError};

/// A failure of the script itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptFailure {
    pub phase: Phase,
    pub reason: FailureReason,
    pub error: ScriptError,
    /// The code of the operation's error that was thrown on, such as `stream-paused`.
    pub cause_code: Option<String>,
    /// The event whose `reduce` broke the isolate, where it is known.
    pub event: Option<Offset>,
}

impl ScriptFailure {
    pub fn at(mut self, frames: Vec<Frame>) -> ScriptFailure {
        self.error.stack = stack_text(&self.error.name, &self.error.message, &frames);
        self.error.frames = frames;
        self
    }

    /// One that has no place in the author's files.
    pub fn new(phase: Phase, reason: FailureReason, name: &str, message: impl Into<String>) -> ScriptFailure {
        let message = message.into();
        let stack = format!("{name}: {message}");
        ScriptFailure {
            phase,
            reason,
            error: ScriptError { name: name.into(), message, stack, frames: Vec::new(), snippet: None },
            cause_code: None,
            event: None,
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum IsolateError {
    /// This isolate's own fault; it is gone.
    #[error("the processor failed: {}: {}", .0.error.name, .0.error.message)]
    Script(ScriptFailure),
    /// The worker or the isolate went away through no fault of this call: load again from the checkpoint.
    #[error("the isolate was lost: {0}")]
    Lost(String),
    #[error("{0}")]
    Machinery(String),
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ReactError {
    /// The hook failed; the isolate lives.
    #[error("the processor failed: {}: {}", .0.error.name, .0.error.message)]
    Script(ScriptFailure),
    #[error(transparent)]
    Isolate(#[from] IsolateError),
}

/// An operation's error, as the script sees it: an `Error` with a `code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct OpError {
    pub code: String,
    pub message: String,
}

/// The frames of a QuickJS stack that lie in the author's own modules. A frame is a line
/// `    at function (file:line:column)` or `    at file:line:column`.
pub(super) fn author_frames(stack: &str, is_authors: impl Fn(&str) -> bool) -> Vec<Frame> {
    stack.lines().filter_map(frame).filter(|frame| is_authors(&frame.file)).collect()
}

/// Without the constructors of the error itself, each counted once: it was made where `new` stands, which is where V8's
/// stacks begin, too. One that throws something else on its way stays.
pub(super) fn without_makers(frames: Vec<Frame>, mut makers: Vec<String>) -> Vec<Frame> {
    let is_maker = |frame: &Frame| {
        let at = makers.iter().position(|maker| frame.function.as_deref() == Some(maker));
        at.map(|at| makers.remove(at)).is_some()
    };
    let count = frames.iter().map(is_maker).take_while(|is_maker| *is_maker).count();
    frames.into_iter().skip(count).collect()
}

/// A line of a stack.
pub fn frame(line: &str) -> Option<Frame> {
    let text = line.trim().strip_prefix("at ")?;
    let (function, place) = match text.strip_suffix(')').and_then(|text| text.split_once(" (")) {
        Some((function, place)) => (Some(function), place),
        None => (None, text),
    };
    let (rest, column) = place.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let function = function.filter(|name| !matches!(*name, "<anonymous>" | "<eval>")).map(str::to_string);
    Some(Frame { file: file.into(), line: line.parse().ok()?, column: column.parse().ok()?, function })
}

/// The text of an error as people know it, with the author's frames only.
pub fn stack_text(name: &str, message: &str, frames: &[Frame]) -> String {
    let frames = frames.iter().map(|frame| format!("\n{}", frame_text(frame)));
    frames.fold(format!("{name}: {message}"), |text, frame| text + &frame)
}

pub fn frame_text(Frame { file, line, column, function }: &Frame) -> String {
    match function {
        Some(function) => format!("    at {function} ({file}:{line}:{column})"),
        None => format!("    at {file}:{line}:{column}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_a_stack() {
        let stack = "    at reduce (processor.js:3:7)\n    at <anonymous> (lib/a (1).js:1:2)\n    at run (<null>:0:1)\n    at call (native)\n    at processor.js:10:1\n";
        let frames = author_frames(stack, |file| !file.starts_with('<'));
        assert_eq!(
            stack_text("Error", "no", &frames),
            "Error: no\n    at reduce (processor.js:3:7)\n    at lib/a (1).js:1:2\n    at processor.js:10:1"
        );
    }
}
