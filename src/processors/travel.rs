//! Time travel: the state of a processor as it was behind any event, by replay from the nearest state that is known.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::deployments::DeploymentSet;
use super::follower::is_lifecycle_of;
use super::patch::{Change, diff};
use super::progress::{Snapshot, Store};
use super::sealed::Sealed;
use super::subtrees::Subtrees;
use super::version::{Version, deployments};
use crate::event::{Event, Json, Offset, Slug, StreamKey, StreamPath};
use crate::isolate::{Isolate, IsolateError, Isolates, ScriptFailure};
use crate::limits::{READ_PAGE_BYTES, REDUCE_BATCH_EVENTS, TRAVELS_MAX};
use crate::log::{LogError, StreamRecord};
use crate::stream::{AppendError, Streams};

/// Clones share the places.
#[derive(Clone)]
pub struct Travel {
    streams: Streams,
    isolates: Isolates,
    subtrees: Arc<Subtrees>,
    places: Arc<Semaphore>,
}

/// A state, and what it is the state of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateThen {
    pub slug: Slug,
    /// None for the server's own processors.
    pub version: Option<String>,
    /// The stream above where it is configured; none for the stream's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherited_from: Option<StreamPath>,
    pub offset: Offset,
    pub state: Json,
}

/// Two states of the same processor, and what leads from the first to the second.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatesThen {
    pub from_offset: Offset,
    #[serde(flatten)]
    pub then: StateThen,
    pub from_state: Json,
    /// RFC 6902.
    pub patch: Vec<Change>,
}

#[derive(Debug, thiserror::Error)]
pub enum TravelError {
    #[error("there is no stream `{0}`")]
    NoStream(StreamPath),
    #[error("stream `{0}` has no processor `{1}`; GET /api/processors{0} lists those that it has")]
    NoProcessor(StreamPath, Slug),
    #[error("there is no event {asked} in stream `{path}`: its newest is {tail}")]
    Beyond { path: StreamPath, asked: Offset, tail: Offset },
    #[error("processor `{0}` cannot be run over its history: {name}: {message}", name = .1.error.name, message = .1.error.message)]
    Script(Slug, Box<ScriptFailure>),
    #[error("too much of the past is being looked at already; try again in a moment")]
    Busy,
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("{0}")]
    Machinery(String),
}

impl From<LogError> for TravelError {
    fn from(error: LogError) -> TravelError {
        TravelError::Append(error.into())
    }
}

impl Travel {
    pub fn new(streams: Streams, isolates: Isolates, subtrees: Arc<Subtrees>) -> Travel {
        Travel { streams, isolates, subtrees, places: Arc::new(Semaphore::new(TRAVELS_MAX)) }
    }

    /// The state behind event `at`; behind the newest when none is named.
    pub async fn state_at(
        &self,
        stream: &StreamKey,
        slug: &Slug,
        at: Option<Offset>,
    ) -> Result<StateThen, TravelError> {
        let log = self.streams.log();
        let record = log.find(stream)?.ok_or_else(|| TravelError::NoStream(stream.path.clone()))?;
        let tail = log.tail(record.id)?;
        let offset = at.unwrap_or(tail);
        if offset > tail {
            return Err(TravelError::Beyond { path: stream.path.clone(), asked: offset, tail });
        }
        let set = self.deployments(stream).await?;
        if let Some(version) = Version::deployed(&self.streams, &record, &set, slug)? {
            let state = self.state_of(&record, &version, offset).await?;
            return Ok(StateThen {
                slug: slug.clone(),
                version: Some(version.version.clone()),
                inherited_from: version.inherited_from.clone(),
                offset,
                state,
            });
        }
        let states = self.streams.states_at(&record, offset).await?;
        let state = states.get(slug.as_str()).ok_or_else(|| self.unknown(stream, slug))?;
        Ok(StateThen {
            slug: slug.clone(),
            version: None,
            inherited_from: None,
            offset,
            state: Json::of(state),
        })
    }

    /// The states behind two events, and how they differ.
    pub async fn states_between(
        &self,
        stream: &StreamKey,
        slug: &Slug,
        from: Offset,
        at: Option<Offset>,
    ) -> Result<StatesThen, TravelError> {
        let before = self.state_at(stream, slug, Some(from)).await?;
        let then = self.state_at(stream, slug, at).await?;
        let value = |state: &Json| state.decode::<Value>().unwrap_or_default();
        let patch = diff(&value(&before.state), &value(&then.state));
        Ok(StatesThen { from_offset: from, then, from_state: before.state, patch })
    }

    /// What runs on a stream, its own and what it has from the streams above.
    pub async fn deployments(&self, stream: &StreamKey) -> Result<DeploymentSet, AppendError> {
        deployments(&self.streams, &self.subtrees, stream).await
    }

    fn unknown(&self, stream: &StreamKey, slug: &Slug) -> TravelError {
        TravelError::NoProcessor(stream.path.clone(), slug.clone())
    }

    /// The state that a version has behind an event, whether or not it was the one that ran then.
    pub async fn state_of(
        &self,
        record: &StreamRecord,
        version: &Version,
        at: Offset,
    ) -> Result<Json, TravelError> {
        let store = Store::new(self.streams.log().clone(), record.id, &version.slug);
        let known = store.nearest(&version.version, at)?;
        if let Some(snapshot) = known.as_ref().filter(|snapshot| snapshot.reduced == at) {
            return Ok(snapshot.state.clone());
        }
        let _place = self.places.acquire().await.map_err(|_| TravelError::Busy)?;
        let poisoned = store.read_mark()?.filter(|mark| mark.version == version.version);
        let poisoned = poisoned.map(|mark| mark.poisoned).unwrap_or_default();
        let script = |error| match error {
            IsolateError::Script(failure) => TravelError::Script(version.slug.clone(), Box::new(failure)),
            other => TravelError::Machinery(other.to_string()),
        };
        let (state, reduced) = match known {
            Some(Snapshot { state, reduced, .. }) => (Some(state), reduced),
            None => (None, Offset::START),
        };
        let loading = version.load(&self.isolates, &record.key, Arc::new(Sealed), state, None);
        let isolate = loading.await.map_err(script)?;
        if isolate.definition().reduces {
            let mut replay = Replay { travel: self, record, version, store: &store, poisoned: &poisoned };
            replay.run(&isolate, reduced, at).await?;
        }
        isolate.state().await.map_err(script)
    }
}

/// A replay that acts on nothing; on its way it leaves states behind for the next one.
struct Replay<'a> {
    travel: &'a Travel,
    record: &'a StreamRecord,
    version: &'a Version,
    store: &'a Store,
    poisoned: &'a BTreeSet<Offset>,
}

impl Replay<'_> {
    async fn run(&mut self, isolate: &Isolate, from: Offset, to: Offset) -> Result<(), TravelError> {
        let mut page = self.page(from, to).await?;
        while let Some(last) = page.last().map(|event| event.offset) {
            let is_seen = |event: &Arc<Event>| {
                !is_lifecycle_of(&self.version.slug, event) && !self.poisoned.contains(&event.offset)
            };
            let seen: Vec<Arc<Event>> = page.into_iter().filter(is_seen).collect();
            let (reduced, next) = tokio::join!(isolate.reduce(&seen), self.page(last, to));
            reduced.map_err(|error| match error {
                IsolateError::Script(failure) => {
                    TravelError::Script(self.version.slug.clone(), Box::new(failure))
                }
                other => TravelError::Machinery(other.to_string()),
            })?;
            if self.store.wants(&self.version.version, last)
                && let Ok(state) = isolate.state().await
            {
                let version = self.version.version.clone();
                self.store.retain(&Snapshot { version, reduced: last, state });
            }
            page = next?;
        }
        Ok(())
    }

    async fn page(&self, from: Offset, to: Offset) -> Result<Vec<Arc<Event>>, LogError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let (log, record) = (self.travel.streams.log().clone(), self.record.clone());
        let read = move || log.read(&record, from, to.next(), REDUCE_BATCH_EVENTS, READ_PAGE_BYTES);
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(LogError::Closed))
    }
}
