//! A version's history: what of it the version sees, read page by page and reduced.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::progress::{Snapshot, Store};
use super::activate::Loaded;
use super::{Context, is_lifecycle_of};
use crate::event::{Event, Offset, Slug};
use crate::isolate::{Failed, IsolateError, ScriptFailure};
use crate::limits::READ_PAGE_BYTES;
use crate::log::{Log, LogError, StreamRecord};

/// The history that a version is to reduce, but for events that its isolate did not survive.
#[derive(Default)]
pub(super) struct History {
    pub from: Offset,
    pub to: Offset,
    pub skip: BTreeSet<Offset>,
}

/// Some of a history.
pub(super) struct Page {
    pub seen: Vec<Arc<Event>>,
    /// The last of its events, which the processor need not have seen.
    pub last: Offset,
    pub reduced: Result<Failed, IsolateError>,
}

impl Context {
    /// Reduces the events after `from` up to `to`, but for those that came with the code; the failures of those whose
    /// `reduce` threw. On the way states are `kept` for who looks back, as those of a version.
    pub(super) async fn replay(
        &self,
        record: &StreamRecord,
        loaded: &mut Loaded,
        from: Offset,
        to: Offset,
        poisoned: &BTreeSet<Offset>,
        kept: (&Store, &str),
    ) -> Result<Failed, Replay> {
        let mut failures = Vec::new();
        let ahead = loaded.ahead.take();
        let isolate = &loaded.isolate;
        if !isolate.definition().reduces {
            return Ok(failures);
        }
        let (log, size) = (self.streams.log(), (self.batch_events, READ_PAGE_BYTES));
        let (store, version) = kept;
        let mut from = from;
        if let Some(Page { seen, last, reduced }) = ahead {
            failures.extend(reduced.map_err(|error| name_culprit(error, &seen))?);
            from = last;
        }
        let mut page = read_history(log, record, from, to, size).await?;
        while let Some(last) = page.last().map(|event| event.offset) {
            let seen = seen_of(page, &self.slug, poisoned);
            // The next page is read while this one is being reduced.
            let (reduced, next) =
                tokio::join!(isolate.reduce(&seen), read_history(log, record, last, to, size));
            failures.extend(reduced.map_err(|error| name_culprit(error, &seen))?);
            if store.wants(version, last)
                && let Ok(state) = isolate.state().await
            {
                store.retain(&Snapshot { version: version.to_string(), reduced: last, state });
            }
            page = next?;
        }
        Ok(failures)
    }
}

/// The events after `from` up to `to`, so many of them and so many bytes at most.
pub(super) async fn read_history(
    log: &Log,
    record: &StreamRecord,
    from: Offset,
    to: Offset,
    (events_max, bytes_max): (usize, usize),
) -> Result<Vec<Arc<Event>>, LogError> {
    if from >= to {
        return Ok(Vec::new());
    }
    let (log, record) = (log.clone(), record.clone());
    let read = move || log.read(&record, from, to.next(), events_max, bytes_max);
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(LogError::Closed))
}

/// What of a history a processor is to see.
pub(super) fn seen_of(page: Vec<Arc<Event>>, slug: &Slug, skip: &BTreeSet<Offset>) -> Vec<Arc<Event>> {
    page.into_iter().filter(|event| !is_lifecycle_of(slug, event) && !skip.contains(&event.offset)).collect()
}

/// With one event in the call there is no doubt which one it was.
pub(in crate::processors) fn name_culprit(error: IsolateError, seen: &[Arc<Event>]) -> IsolateError {
    match (error, seen) {
        (IsolateError::Script(failure), [only]) if failure.event.is_none() => {
            IsolateError::Script(ScriptFailure { event: Some(only.offset), ..failure })
        }
        (error, _) => error,
    }
}

pub(super) enum Replay {
    Isolate(IsolateError),
    Log(LogError),
}

impl From<IsolateError> for Replay {
    fn from(error: IsolateError) -> Replay {
        Replay::Isolate(error)
    }
}

impl From<LogError> for Replay {
    fn from(error: LogError) -> Replay {
        Replay::Log(error)
    }
}
