//! A handle to one isolate: the questions that its follower can ask.

use std::sync::Arc;

use super::Definition;
use super::client::Worker;
use super::failure::{IsolateError, ReactError, ScriptFailure};
use super::protocol::{CallId, IsolateId, ToWorker};
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

impl Isolate {
    pub fn definition(&self) -> &Definition {
        &self.0.definition
    }

    /// Reduces history, and nothing else. The events whose `reduce` failed are named; each left the state as it was.
    pub async fn reduce(&self, events: &[Arc<Event>]) -> Result<Vec<(Offset, ScriptFailure)>, IsolateError> {
        let mut body = Vec::with_capacity(events.iter().map(|event| event.wire().len() + 1).sum());
        for event in events {
            body.extend_from_slice(event.wire());
            body.push(b'\n');
        }
        match self.call(|call, isolate| ToWorker::Reduce { call, isolate }, &body).await? {
            Answer::Reduced(failures) => Ok(failures),
            other => Err(other.unexpected()),
        }
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

    pub async fn caught_up(&self) -> Result<(), ReactError> {
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

fn too_deep() -> IsolateError {
    let message = format!("the state is nested more deeply than {JSON_DEPTH_MAX} levels");
    IsolateError::Script(ScriptFailure::new(Phase::Reduce, FailureReason::Limit, "RangeError", message))
}

/// What the worker answers to a call.
pub(super) enum Answer {
    Loaded(Definition),
    Reduced(Vec<(Offset, ScriptFailure)>),
    Reacted(Option<Box<ScriptFailure>>),
    State(String),
    Pending(usize),
}

impl Answer {
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
