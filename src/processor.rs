//! The contracts of stream processors. Two traits, not one: whether a processor stands in front of the
//! commit or behind it is the most important fact of the design, and a type can state it.

use serde_json::Value;

use crate::event::{Event, EventInput, Offset, Slug, StreamPath, Timestamp};

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

/// An event that a built-in processor has due, and what is to be recorded of it: the stream appends both at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    pub slug: Slug,
    /// The time that it was due at.
    pub run: Timestamp,
    /// The event that it follows from, and how long the chain was that led to that one.
    pub configured: Offset,
    pub configured_at: Timestamp,
    pub depth: u32,
    /// The error is a sentence on why there is no event to append.
    pub append: Result<EventInput, String>,
    /// None when this is the last time.
    pub next_run: Option<Timestamp>,
}

/// What must be durable together with the events that are about to be committed.
#[derive(Debug, Default)]
pub struct Kept {
    /// Slots of the stream, by name.
    pub slots: Vec<(String, Vec<u8>)>,
    /// A processor of a stream above owes these events a reaction.
    pub owes: bool,
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
    /// When the stream is to be woken next, so that it can be asked what is due; none while there is nothing to wait for.
    fn wakes_at(&self) -> Option<Timestamp> {
        None
    }
    /// The first that is due `now`. Once its record is reduced it is not due any more.
    fn due(&self, _now: Timestamp) -> Option<Firing> {
        None
    }
    /// Whether what a firing follows from is still configured: its own event may have ended that.
    fn stands(&self, _firing: &Firing) -> bool {
        false
    }
    /// Whether what it has deployed also runs on the streams below: a restarted server knows that before it serves.
    fn shares(&self) -> bool {
        false
    }
    /// Events are about to be committed behind `tail`.
    fn keep(&mut self, _tail: Offset) -> Kept {
        Kept::default()
    }
    /// Asked before the stream stops running: whether processors of streams above owe it nothing any more; none
    /// when there are no such processors.
    fn owes_nothing(&self) -> Option<bool> {
        None
    }
    /// The state as `__state` shows it.
    fn state(&self) -> Value;
    /// The whole state, to start from later instead of from the first event.
    fn checkpoint(&self) -> Value;
    /// Takes up a checkpoint; false when it is of a form that this version does not know.
    fn restore(&mut self, checkpoint: &Value) -> bool;
}
