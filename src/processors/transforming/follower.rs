//! One transformer over one stream: each event behind its configuration is matched once, and what it is transformed to
//! is appended. How far that has come is a mark in the log, written lazily: what a crash takes back is evaluated again
//! and appended under the same keys. Events that do not match cost their evaluation, and nothing else.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::super::machinery::Machinery;
use super::super::pause::append_all_when_open;
use super::super::transformers::{Transformer, TransformerSet};
use super::Transforming;
use super::deed::{Author, Refusal};
use crate::event::{Event, Kind, Offset, Slug, SourceKind, StreamKey};
use crate::jsonata::{Outcome, Program};
use crate::limits::{
    FOLLOWER_RETRY_FIRST, FOLLOWER_RETRY_MAX, TRANSFORMER_APPENDS_AT_ONCE, TRANSFORMER_MARK_EVENTS,
    TRANSFORMER_PENALTY,
};
use crate::log::StreamId;
use crate::stream::{AppendError, Batch, Only, Origin, Streams};

pub(super) struct Follower {
    transforming: Transforming,
    streams: Streams,
    stream: StreamKey,
    slug: Slug,
    configured: watch::Receiver<Arc<TransformerSet>>,
    /// Of the stream as it was found; what is in the log may be older.
    mark: Option<(StreamId, Mark)>,
    /// What of it has been given to the log.
    saved: Offset,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    since: Offset,
    /// Events up to here have been matched, and what came of it is stored.
    done: Offset,
    failures_in_a_row: u32,
}

/// Why a follower has nothing more to do for now.
enum Rest {
    /// Nothing is owed up to here.
    Idle(Offset),
    /// What is configured has changed: look again.
    Changed,
    /// The stream is gone, or the transformer is, or the server is going.
    Over,
}

/// A transformer as it is now, on the stream as it was found: what it has to say is not for a later one at the same path.
struct Life {
    transformer: Transformer,
    program: Program,
    home: StreamId,
}

impl Follower {
    pub(super) fn new(
        transforming: Transforming,
        streams: Streams,
        stream: StreamKey,
        slug: Slug,
        configured: watch::Receiver<Arc<TransformerSet>>,
    ) -> Follower {
        Follower { transforming, streams, stream, slug, configured, mark: None, saved: Offset::START }
    }

    pub(super) async fn run(mut self) {
        let mut delay = FOLLOWER_RETRY_FIRST;
        loop {
            let seen = match self.step().await {
                Ok(Rest::Changed) => {
                    delay = FOLLOWER_RETRY_FIRST;
                    continue;
                }
                Ok(Rest::Idle(seen)) => seen,
                Ok(Rest::Over) | Err(Machinery::Append(AppendError::Destroyed(_))) => Offset::END,
                // What ends around it is no news.
                Err(_) if self.transforming.0.shutdown.is_cancelled() => Offset::END,
                Err(trouble) => {
                    tracing::warn!(stream = %self.stream.path, slug = %self.slug, %trouble, "a transformer starts again");
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = self.transforming.0.shutdown.cancelled() => {}
                    }
                    delay = (delay * 2).min(FOLLOWER_RETRY_MAX);
                    continue;
                }
            };
            if self.transforming.finish(&self.stream, &self.slug, seen, &self.configured) {
                return;
            }
        }
    }

    /// One life of what is configured now: until that changes, or nothing comes any more.
    async fn step(&mut self) -> Result<Rest, Machinery> {
        let shutdown = self.transforming.0.shutdown.clone();
        if shutdown.is_cancelled() {
            return Ok(Rest::Over);
        }
        let set = self.configured.borrow_and_update().clone();
        let Some(record) = self.streams.log().find(&self.stream)? else { return Ok(Rest::Over) };
        let Some(transformer) = set.get(&self.slug).cloned() else {
            self.mark = None;
            self.streams.log().write_slot(record.id, &self.slot(), None).await?;
            return Ok(Rest::Over);
        };
        let program = Program::new(Some(transformer.matcher.clone()), Some(transformer.transform.clone()));
        let life = Life { transformer, program, home: record.id };
        let mut mark = self.take_up(&life)?;
        let mut subscription = self.streams.subscribe(&self.stream, Some(mark.done)).await?;
        loop {
            let current = subscription.is_current();
            let hibernate_after = self.transforming.0.hibernate_after;
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Rest::Over),
                changed = self.configured.changed() => {
                    return Ok(if changed.is_ok() { Rest::Changed } else { Rest::Over });
                }
                events = subscription.next() => match events? {
                    Some(events) => {
                        let outcome = self.take(&life, &mut mark, &events).await;
                        self.mark = Some((life.home, mark.clone()));
                        if let Some(rest) = outcome? {
                            return Ok(rest);
                        }
                    }
                    None => return Ok(Rest::Over),
                },
                () = tokio::time::sleep(hibernate_after), if current => return Ok(Rest::Idle(mark.done)),
            }
        }
    }

    /// Of the slug since it was configured first: a later configuration goes on where the earlier one was.
    fn take_up(&mut self, life: &Life) -> Result<Mark, Machinery> {
        let since = life.transformer.since;
        if let Some((home, mark)) = &self.mark
            && *home == life.home
            && mark.since == since
        {
            return Ok(mark.clone());
        }
        let stored = self.streams.log().read_slot(life.home, &self.slot())?;
        // One of an unknown form is as good as none: the keys see to it that nothing stands twice.
        let stored = stored.and_then(|bytes| serde_json::from_slice::<Mark>(&bytes).ok());
        let mark = stored.filter(|mark| mark.since == since);
        // What a fork shares was transformed where it happened.
        let shared = self.streams.log().fork_of(life.home).map_or(since, |fork| fork.at.max(since));
        let mark = mark.unwrap_or(Mark { since, done: shared, failures_in_a_row: 0 });
        self.saved = mark.done;
        Ok(mark)
    }

    /// Some events of the stream, in order. Ends early when something else than the next event matters.
    async fn take(
        &mut self,
        life: &Life,
        mark: &mut Mark,
        events: &[Arc<Event>],
    ) -> Result<Option<Rest>, Machinery> {
        let Some(last) = events.last().map(|event| event.offset) else { return Ok(None) };
        let mut waiting: Vec<Arc<Event>> =
            events.iter().filter(|event| !self.is_own(event)).cloned().collect();
        while !waiting.is_empty() {
            let wires: Vec<Bytes> = waiting.iter().map(|event| event.wire().clone()).collect();
            let evaluators = self.transforming.0.evaluators.clone();
            let shutdown = self.transforming.0.shutdown.clone();
            // A transformer that was replaced or removed has nothing more to say, whatever it is still about.
            let outcomes = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Some(Rest::Over)),
                _ = self.configured.changed() => {
                    self.configured.mark_changed();
                    return Ok(Some(Rest::Changed));
                }
                outcomes = evaluators.run(&life.program, &wires) => outcomes?,
            };
            let answered: Vec<(Arc<Event>, Outcome)> =
                waiting.drain(..outcomes.len()).zip(outcomes).collect();
            if let Some(rest) = self.act(life, mark, &answered).await? {
                return Ok(Some(rest));
            }
            let costly =
                |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if failure.is_costly());
            if answered.last().is_some_and(|(_, outcome)| costly(outcome)) {
                self.sit_out().await;
            }
        }
        mark.done = last;
        if mark.done.0.saturating_sub(self.saved.0) >= TRANSFORMER_MARK_EVENTS {
            self.save(life, mark);
        }
        Ok(None)
    }

    /// Returns early when there is something else to be looked at.
    async fn sit_out(&mut self) {
        tokio::select! {
            () = tokio::time::sleep(TRANSFORMER_PENALTY) => {}
            () = self.transforming.0.shutdown.cancelled() => {}
            _ = self.configured.changed() => self.configured.mark_changed(),
        }
    }

    async fn act(
        &mut self,
        life: &Life,
        mark: &mut Mark,
        answered: &[(Arc<Event>, Outcome)],
    ) -> Result<Option<Rest>, Machinery> {
        let slug = self.slug.clone();
        let author = Author { slug: &slug, since: life.transformer.since };
        let matched = answered.iter().filter(|(_, outcome)| *outcome != Outcome::Skipped);
        let matched: Vec<&(Arc<Event>, Outcome)> = matched.collect();
        for some in matched.chunks(TRANSFORMER_APPENDS_AT_ONCE) {
            if self.configured.has_changed().unwrap_or(true) {
                return Ok(Some(Rest::Changed));
            }
            let made = some.iter().map(|(event, outcome)| (event, author.events(event, outcome)));
            // They are asked for in order, so they are stored in order; and they share a sync.
            let stored = join_all(made.map(|(event, batch)| self.store(life, event, batch))).await;
            for ((event, _), stored) in some.iter().zip(stored) {
                match stored? {
                    Ok(()) => mark.failures_in_a_row = 0,
                    Err(refusal) => {
                        mark.failures_in_a_row = mark.failures_in_a_row.saturating_add(1);
                        if let Some(news) = author.told(event, &refusal, mark.failures_in_a_row) {
                            self.append(life, event, vec![news]).await?;
                        }
                    }
                }
                mark.done = event.offset;
            }
            self.save(life, mark);
        }
        if let Some((event, _)) = answered.last() {
            mark.done = event.offset;
        }
        Ok(None)
    }

    /// The inner error is the expression's, the outer one the machinery's.
    async fn store(
        &self,
        life: &Life,
        event: &Arc<Event>,
        batch: Result<Batch, Refusal>,
    ) -> Result<Result<(), Refusal>, Machinery> {
        let batch = match batch {
            Ok(batch) => batch,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if batch.is_empty() {
            return Ok(Ok(()));
        }
        match self.append(life, event, batch).await {
            Ok(()) => Ok(Ok(())),
            Err(error @ (AppendError::OffsetMismatch { .. } | AppendError::Rejected(_))) => {
                Ok(Err(Refusal {
                    name: "AppendError",
                    code: "refused".into(),
                    message: format!("what it has made of it was refused: {error}"),
                }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// All or none of them. While the stream is paused, it waits.
    async fn append(&self, life: &Life, cause: &Arc<Event>, batch: Batch) -> Result<(), AppendError> {
        let origin = Origin::Transformer {
            slug: self.slug.clone(),
            cause: cause.clone(),
            only: Only::This(life.home),
        };
        let shutdown = &self.transforming.0.shutdown;
        append_all_when_open(&self.streams, &self.stream, batch, origin, shutdown).await.map(drop)
    }

    /// What it has appended itself, and the news of itself: it would feed on them.
    fn is_own(&self, event: &Event) -> bool {
        let appended = event.source.as_ref().is_some_and(|source| {
            source.kind == SourceKind::Transformer && source.slug.as_ref() == Some(&self.slug)
        });
        appended || {
            matches!(event.kind(), Some(Kind::TransformerConfigured | Kind::TransformerRemoved))
                && named(event).is_some_and(|slug| slug == self.slug)
        }
    }

    fn save(&mut self, life: &Life, mark: &Mark) {
        self.saved = mark.done;
        let mark = serde_json::to_vec(mark).expect("a mark has a JSON form");
        self.streams.log().write_slot_lazily(life.home, &self.slot(), Some(mark));
    }

    fn slot(&self) -> String {
        format!("transformer/{}", self.slug)
    }
}

fn named(event: &Event) -> Option<Slug> {
    #[derive(Deserialize)]
    struct Named {
        slug: Slug,
    }
    event.payload.decode::<Named>().ok().map(|named| named.slug)
}
