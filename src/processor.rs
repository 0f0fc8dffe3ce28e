//! The contracts of stream processors. Two traits, not one: whether a processor stands in front of the
//! commit or behind it is the most important fact of the design, and a type can state it.

use serde_json::Value;

use crate::event::{Event, EventInput, Offset, Slug, StreamPath};

/// Why a built-in processor refuses an input.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    #[error("stream `{path}` is paused{}; append stream/resumed to go on", reason.as_ref().map(|r| format!(" ({r})")).unwrap_or_default())]
    StreamPaused { path: StreamPath, reason: Option<String> },
    #[error("stream `{path}` has {max} {what}, which is as many as it may have; remove one first")]
    Full { path: StreamPath, what: &'static str, max: usize },
}

/// What a built-in processor wants done, as a value: the stream does it after it has reduced the event.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// To the processor's own stream, before any input that still waits.
    Append(EventInput),
}

/// In front of the commit: quick, total, cannot await, may refuse.
pub trait BuiltinProcessor: Send + 'static {
    fn slug(&self) -> Slug;
    /// May refuse an input before it has a place.
    fn before_append(&self, _input: &EventInput) -> Result<(), Rejection> {
        Ok(())
    }
    /// Takes an event into the state. Called in offset order, for history and for new events alike.
    fn reduce(&mut self, event: &Event);
    /// What follows from a new event; never called for history.
    fn after_append(&self, _event: &Event) -> Vec<Effect> {
        Vec::new()
    }
    /// What was reduced so far is shared with the stream that this one was forked from, without its processors: whatever
    /// of it would act by itself does not act here.
    fn leave_processors(&mut self) {}
    /// All that was reduced so far is durable, up to `tail`. Also called when a stream starts to run.
    fn committed(&mut self, _tail: Offset) {}
    /// Whether a restarted server must start this stream by itself, without waiting for an append.
    fn wakes_at_start(&self) -> bool {
        false
    }
    /// The state as `__state` shows it.
    fn state(&self) -> Value;
    /// The whole state, to start from later instead of from the first event.
    fn checkpoint(&self) -> Value;
    /// Takes up a checkpoint; false when it is of a form that this version does not know.
    fn restore(&mut self, checkpoint: &Value) -> bool;
}
