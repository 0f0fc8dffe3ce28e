//! Bounds of JSONata expressions, and of the transformers that are made of them.

use std::time::Duration;

use super::EVENT_BYTES_MAX;

/// One expression: it is parsed in front of the commit, which takes a few milliseconds for the worst of this length.
pub const EXPRESSION_BYTES_MAX: usize = 16 * 1024;
/// One evaluation, as one turn of a script; over a usual event it takes microseconds.
pub const EVALUATION_TIMEOUT: Duration = Duration::from_secs(1);
/// Calls and operators within each other while an expression is evaluated: as many as anybody writes, and a few thousand
/// turns of a recursion that is not in tail position.
pub const EVALUATION_DEPTH_MAX: usize = 10_000;
/// Values of one sequence, as the reference implementation bounds a range.
pub const EVALUATION_SEQUENCE_MAX: usize = 10_000_000;
/// What an evaluation comes to, as JSON: an event, or a batch of them.
pub const EVALUATION_RESULT_BYTES_MAX: usize = EVENT_BYTES_MAX;
/// The address space of a process that evaluates: the largest event and what an expression makes of it fit; what an
/// expression asks for beyond that is its own end, and nobody else's.
pub const EVALUATOR_MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// Processes that evaluate: one more than a stuck expression can hold.
pub const EVALUATORS: usize = 2;
/// An evaluator answers a batch with what it has by then, so that others have their turn.
pub const EVALUATOR_SLICE: Duration = Duration::from_millis(50);
/// Results of one batch, for the same reason, and so that an answer fits a frame.
pub const EVALUATOR_ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// An evaluator that is silent for so long is ended: a single built-in function over a large value never looks at the time.
pub const EVALUATOR_PATIENCE: Duration = Duration::from_secs(5);
/// Programs that an evaluator keeps compiled; each is a few kilobytes.
pub const EVALUATOR_PROGRAMS_MAX: usize = 256;
/// Transformers of one stream; each is a follower.
pub const TRANSFORMERS_PER_STREAM_MAX: usize = 64;
/// Events that a transformer makes of one.
pub const TRANSFORMED_EVENTS_MAX: usize = 1_000;
/// Failures in a row that a transformer tells, one event each. Its events have nothing to do with each other, so it goes
/// on all the same; only the news stops.
pub const TRANSFORMER_FAILURES_TOLD_MAX: u32 = 10;
/// A transformer that has used up its time or its memory over an event waits so long before the next: the evaluators are
/// there for the others, too.
pub const TRANSFORMER_PENALTY: Duration = Duration::from_secs(2);
/// Appends of a transformer that are under way at once, so that they share a sync.
pub const TRANSFORMER_APPENDS_AT_ONCE: usize = 256;
/// A transformer that has nothing to append notes its place after so many events: matching them again takes a millisecond.
pub const TRANSFORMER_MARK_EVENTS: u64 = 256;
