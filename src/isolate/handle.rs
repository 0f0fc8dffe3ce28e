//! A handle to one isolate: the questions that its follower can ask.

use std::sync::Arc;

use super::Definition;
use super::client::Worker;
use super::failure::{IsolateError, ReactError, ScriptFailure};
use super::protocol::{CallId, IsolateId, Rehearsal, ToWorker};
use crate::event::builtin::{FailureReason, Phase};
use crate::event::{Event, Json, Offset};
use crate::limits::JSON_DEPTH_MAX;

/// A handle to one isolate; when the last is dropped, the isolate ends.
#[derive(Clone)]
pub struct Isolate(pub(super) Arc<Handle>);

pub(super) struct Handle {
    pub id: IsolateId,
    pub worker: Arc<Worker>,
    pub definition: Definition,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.worker.end(self.id);
    }
}

/// The events whose `reduce` failed; each left the state as it was.
pub type Failed = Vec<(Offset, ScriptFailure)>;

impl Isolate {
    pub fn definition(&self) -> &Definition {
        &self.0.definition
    }

    /// Reduces history, and nothing else.
    pub async fn reduce(&self, events: &[Arc<Event>]) -> Result<Failed, IsolateError> {
        self.call(|call, isolate| ToWorker::Reduce { call, isolate }, &lines(events)).await?.reduced()
    }

    /// Reduces one event, then runs `afterAppend` and `onEvent` to their end. Several may be under way;
    /// their reduces happen in the order of the calls.
    pub async fn react(&self, event: &Arc<Event>) -> Result<(), ReactError> {
        self.hooks(event, true).await
    }

    /// Runs the hooks for an event that was reduced long ago.
    pub async fn act(&self, event: &Arc<Event>) -> Result<(), ReactError> {
        self.hooks(event, false).await
    }

    async fn hooks(&self, event: &Arc<Event>, reduce: bool) -> Result<(), ReactError> {
        let answer =
            self.call(|call, isolate| ToWorker::React { call, isolate, reduce }, event.wire()).await?;
        answer.reacted()
    }

    /// Goes through recorded events as if each had just come: reduced, then acted on to its end. Perhaps not all of
    /// them: the answer says how many. At the `end` what timers are left come to theirs.
    pub async fn rehearse(
        &self,
        events: &[Arc<Event>],
        states: bool,
        end: bool,
    ) -> Result<Rehearsed, IsolateError> {
        let places = events.iter().map(|event| (event.offset.0, event.created_at.as_millis())).collect();
        let message = |call, isolate| ToWorker::Rehearse { call, isolate, places, states, end };
        match self.call(message, &lines(events)).await? {
            Answer::Rehearsed(rehearsed) => Ok(rehearsed),
            other => Err(other.unexpected()),
        }
    }

    pub async fn caught_up(&self) -> Result<(), ReactError> {
        if !self.definition().catches_up {
            return Ok(());
        }
        self.call(|call, isolate| ToWorker::CaughtUp { call, isolate }, &[]).await?.reacted()
    }

    /// The state after all events so far, as JSON.
    pub async fn state(&self) -> Result<Json, IsolateError> {
        match self.call(|call, isolate| ToWorker::State { call, isolate }, &[]).await? {
            Answer::State(text) => Json::parse(&text).ok_or_else(too_deep),
            other => Err(other.unexpected()),
        }
    }

    /// Timers, operations and hooks that are still alive: an isolate with none can hibernate.
    pub async fn pending(&self) -> Result<usize, IsolateError> {
        match self.call(|call, isolate| ToWorker::Pending { call, isolate }, &[]).await? {
            Answer::Pending(count) => Ok(count),
            other => Err(other.unexpected()),
        }
    }

    /// Aborts the `signal` of the hooks under way.
    pub fn abort(&self, reason: &str) {
        self.0.worker.tell(&ToWorker::Abort { isolate: self.0.id, reason: reason.into() }, &[]);
    }

    async fn call(
        &self,
        message: impl FnOnce(CallId, IsolateId) -> ToWorker,
        body: &[u8],
    ) -> Result<Answer, IsolateError> {
        self.0.worker.call(self.0.id, message, &[body]).await
    }
}

/// What a rehearsal has come to.
pub struct Rehearsed {
    /// So many of the events, from the first on.
    pub done: usize,
    /// Those that failed, or changed the state.
    pub events: Vec<RehearsedEvent>,
    /// The state behind all of them.
    pub state: Json,
}

pub struct RehearsedEvent {
    pub offset: Offset,
    pub failure: Option<ScriptFailure>,
    /// The state behind it, if that changed.
    pub state: Option<Json>,
}

pub(super) fn lines(events: &[Arc<Event>]) -> Vec<u8> {
    let mut body = Vec::with_capacity(events.iter().map(|event| event.wire().len() + 1).sum());
    for event in events {
        body.extend_from_slice(event.wire());
        body.push(b'\n');
    }
    body
}

fn too_deep() -> IsolateError {
    let message = format!("the state is nested more deeply than {JSON_DEPTH_MAX} levels");
    IsolateError::Script(ScriptFailure::new(Phase::Reduce, FailureReason::Limit, "RangeError", message))
}

/// What the worker answers to a call.
pub(super) enum Answer {
    Loaded(Definition),
    Reduced(Failed),
    Reacted(Option<Box<ScriptFailure>>),
    Rehearsed(Rehearsed),
    State(String),
    Pending(usize),
}

impl Answer {
    /// The states lie one behind the other in `body`, that behind all events last.
    pub fn rehearsed(done: usize, told: Vec<Rehearsal>, body: &[u8]) -> Result<Answer, IsolateError> {
        let state_of = |text: &[u8]| Json::parse(&String::from_utf8_lossy(text)).ok_or_else(too_deep);
        let mut rest = body;
        let mut events = Vec::with_capacity(told.len());
        for Rehearsal { offset, failure, state_bytes } in told {
            let state = match state_bytes {
                Some(bytes) => {
                    let cut = || IsolateError::Machinery("a rehearsed state is cut off".into());
                    let (text, behind) = rest.split_at_checked(bytes).ok_or_else(cut)?;
                    rest = behind;
                    Some(state_of(text)?)
                }
                None => None,
            };
            events.push(RehearsedEvent { offset: Offset(offset), failure: failure.map(|it| *it), state });
        }
        let state = state_of(rest)?;
        Ok(Answer::Rehearsed(Rehearsed { done, events, state }))
    }

    pub fn reduced(self) -> Result<Failed, IsolateError> {
        match self {
            Answer::Reduced(failed) => Ok(failed),
            other => Err(other.unexpected()),
        }
    }

    pub fn reacted(self) -> Result<(), ReactError> {
        match self {
            Answer::Reacted(None) => Ok(()),
            Answer::Reacted(Some(failure)) => Err(ReactError::Script(*failure)),
            other => Err(other.unexpected().into()),
        }
    }

    pub fn unexpected(self) -> IsolateError {
        IsolateError::Machinery("the worker answered another question".into())
    }
}
