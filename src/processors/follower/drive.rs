//! The live life of one version: each event is reduced, then acted on, and the mark follows. Events under
//! way at once are one, or a few with `concurrency: "parallel"`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use super::super::deployments::{Deployment, Status};
use super::super::progress::{Mark, Snapshot, Store};
use super::super::script::STREAM_PAUSED;
use super::activate::{Loaded, first_acted, own_failure};
use super::candidate::{Candidate, ready, unawaited};
use super::history::name_culprit;
use super::{Context, DeploymentSet, Rest, Trouble};
use crate::event::{Event, Offset};
use crate::isolate::{IsolateError, ReactError};
use crate::limits::{ABORT_GRACE, PARALLEL_HOOKS_MAX, STATE_CHECKPOINT_EVENTS};
use crate::log::StreamRecord;

/// An event under way, and whether its reduce is to run first or was run long ago.
struct Reaction {
    event: Arc<Event>,
    redelivered: bool,
    took: Duration,
    outcome: Result<(), ReactError>,
}

pub(super) struct Drive<'a> {
    pub(super) store: &'a Store,
    pub(super) mark: Mark,
    /// Done beyond `mark.acted`, while an earlier event is still under way.
    done: BTreeSet<Offset>,
    snapshot_at: Offset,
    loaded: Option<Loaded>,
    under_way: FuturesUnordered<BoxFuture<'static, Reaction>>,
    waiting: VecDeque<Arc<Event>>,
    redelivers: VecDeque<Arc<Event>>,
    /// A newer version was configured here, and is being loaded: what comes behind is its own to act on.
    hold_at: Option<Offset>,
}

/// What the drive does after a reaction.
pub(super) enum Next {
    Go,
    /// The isolate is gone, or its state is not what the mark says: start again from the log.
    Rebuild,
}

impl Context {
    /// Takes up the version that ran last.
    pub(super) async fn resume(
        &mut self,
        record: &StreamRecord,
        store: &Store,
        deployment: &Deployment,
        _set: &DeploymentSet,
    ) -> Result<Rest, Trouble> {
        let Some(active) = &deployment.active else { return Ok(Rest::Idle(Offset::END)) };
        let mark = match store.read_mark()? {
            Some(mark) if mark.configured == active.configured => mark,
            _ => Mark {
                version: active.version.clone(),
                configured: active.configured,
                acted: first_acted(store, deployment)?.min(active.configured).max(store.shared()),
                ..Mark::default()
            },
        };
        self.drive(record, store, mark, None).await
    }

    pub(super) async fn drive(
        &mut self,
        record: &StreamRecord,
        store: &Store,
        mark: Mark,
        loaded: Option<Loaded>,
    ) -> Result<Rest, Trouble> {
        let mut redelivered = VecDeque::new();
        for offset in &mark.redeliver {
            redelivered.extend(self.find_event(*offset)?);
        }
        let snapshot = store.read_snapshot()?.filter(|snapshot| snapshot.version == mark.version);
        let mut drive = Drive {
            store,
            snapshot_at: snapshot.map(|snapshot| snapshot.reduced).unwrap_or_default(),
            mark,
            done: BTreeSet::new(),
            loaded,
            under_way: FuturesUnordered::new(),
            waiting: VecDeque::new(),
            redelivers: redelivered,
            hold_at: None,
        };
        let mut subscription = self.streams.subscribe(&self.stream, Some(drive.mark.acted)).await?;
        let mut candidate: Option<Candidate> = None;
        self.show(&drive);
        // What has come while this version was brought up is looked at before any event.
        self.deployed.mark_changed();
        loop {
            if self.deployed.has_changed().is_ok_and(|changed| changed) {
                let set = self.deployed.borrow_and_update().clone();
                match self.consider(&drive, &set) {
                    News::None => {}
                    News::Candidate(deployment) => {
                        let known = candidate.as_ref().map(|candidate| candidate.deployment.configured);
                        if known != Some(deployment.configured) {
                            drive.hold_at = Some(deployment.configured);
                            let (at, version) = (deployment.configured, &deployment.version);
                            let loading = tokio::spawn(self.load(record, at, version, &set, None, None));
                            let loading = AbortOnDropHandle::new(loading);
                            candidate = Some(Candidate { loading, deployment: *deployment });
                        }
                    }
                    News::Reload(reason) => {
                        self.wind_up(&mut drive, reason).await;
                        self.settle(&mut drive).await?;
                        return Ok(Rest::Changed);
                    }
                    News::Removed => {
                        self.wind_up(&mut drive, "the processor has been removed").await;
                        return Ok(Rest::Changed);
                    }
                }
            }
            if let Next::Rebuild = self.begin(record, &mut drive).await? {
                return Ok(Rest::Changed);
            }
            if drive.loaded.is_none() && drive.is_idle() && subscription.is_current() && candidate.is_none() {
                if drive.snapshot_at >= drive.mark.acted {
                    return Ok(Rest::Idle(drive.mark.acted));
                }
                // A crash has taken the state that was in memory: it is rebuilt, so that it can be asked for.
                match self.rebuild(record, store, &drive.mark).await {
                    Ok(loaded) => drive.loaded = Some(loaded),
                    Err(error) => {
                        self.give_up(&mut drive, own_failure(error)?).await?;
                        return Ok(Rest::Changed);
                    }
                }
                self.show(&drive);
            }
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => {
                    self.wind_up(&mut drive, "the server is shutting down").await;
                    self.settle(&mut drive).await?;
                    return Ok(Rest::Over);
                }
                changed = self.deployed.changed() => {
                    if changed.is_err() {
                        return Ok(Rest::Over);
                    }
                    // It is looked at before the next event is begun.
                    self.deployed.mark_changed();
                }
                (deployment, prepared) = ready(&mut candidate) => {
                    candidate = None;
                    match prepared {
                        Ok(prepared) => {
                            self.wind_up(&mut drive, "the processor has been replaced by a newer version").await;
                            self.settle(&mut drive).await?;
                            self.prepared = Some(prepared);
                            return Ok(Rest::Changed);
                        }
                        Err(error) => {
                            self.refuse_candidate(&deployment, own_failure(error)?).await?;
                            drive.hold_at = None;
                        }
                    }
                }
                Some((failure, event)) = unawaited(&mut drive.loaded) => {
                    self.record_failed(&drive.mark.version, drive.mark.configured, &failure, event).await?;
                }
                Some(reaction) = drive.under_way.next(), if !drive.under_way.is_empty() => {
                    if let Next::Rebuild = self.complete(&mut drive, reaction).await? {
                        return Ok(Rest::Changed);
                    }
                }
                events = subscription.next(), if drive.waiting.is_empty() => match events? {
                    Some(events) => drive.waiting.extend(events),
                    None => return Ok(Rest::Over),
                },
                () = tokio::time::sleep(self.hibernate_after), if drive.is_idle() && candidate.is_none() => {
                    if may_hibernate(&drive.loaded).await {
                        self.settle(&mut drive).await?;
                        return Ok(Rest::Idle(drive.mark.acted));
                    }
                }
            }
        }
    }

    /// Starts as many of the waiting events as may be under way.
    async fn begin(&mut self, record: &StreamRecord, drive: &mut Drive<'_>) -> Result<Next, Trouble> {
        while let Some(event) = drive.waiting.front().cloned() {
            if drive.hold_at.is_some_and(|hold_at| event.offset > hold_at) {
                return Ok(Next::Go);
            }
            if self.is_own_lifecycle(&event) {
                // In order, for the mark must not pass what is still under way before it.
                drive.waiting.pop_front();
                drive.finish(event.offset);
                self.show(drive);
                continue;
            }
            if drive.loaded.is_none() {
                match self.rebuild(record, drive.store, &drive.mark).await {
                    Ok(loaded) => drive.loaded = Some(loaded),
                    Err(error) => return self.give_up(drive, own_failure(error)?).await,
                }
                self.show(drive);
            }
            let loaded = drive.loaded.as_ref().expect("it was loaded just above");
            let definition = loaded.isolate.definition();
            if !definition.reacts {
                match self.reduce_waiting(drive).await? {
                    Next::Go => continue,
                    Next::Rebuild => return Ok(Next::Rebuild),
                }
            }
            let at_once = if definition.parallel { PARALLEL_HOOKS_MAX } else { 1 };
            if drive.under_way.len() >= at_once {
                return Ok(Next::Go);
            }
            match drive.redelivers.pop_front() {
                Some(event) => drive.start(event, true),
                None => {
                    drive.waiting.pop_front();
                    drive.start(event, false);
                }
            }
        }
        if let Some(loaded) = &drive.loaded
            && drive.under_way.is_empty()
            && loaded.isolate.definition().reacts
            && let Some(event) = drive.redelivers.pop_front()
        {
            drive.start(event, true);
        }
        Ok(Next::Go)
    }

    /// Without hooks there is nothing to act on: what waits is reduced in one go.
    async fn reduce_waiting(&mut self, drive: &mut Drive<'_>) -> Result<Next, Trouble> {
        let loaded = drive.loaded.as_ref().expect("only a loaded processor reduces");
        let held = |event: &Arc<Event>| drive.hold_at.is_some_and(|hold_at| event.offset > hold_at);
        let free = drive.waiting.iter().take_while(|event| !held(event)).count();
        let at_once = self.batch_events.min(free);
        let all: Vec<Arc<Event>> = drive.waiting.drain(..at_once).collect();
        let poisoned = &drive.mark.poisoned;
        let seen: Vec<Arc<Event>> = all
            .iter()
            .filter(|event| !self.is_own_lifecycle(event) && !poisoned.contains(&event.offset))
            .cloned()
            .collect();
        let began = Instant::now();
        let reduced = loaded.isolate.reduce(&seen).await;
        self.usage.acted(seen.len(), began.elapsed());
        let failures = match reduced {
            Ok(failures) => failures,
            Err(error @ IsolateError::Lost(_)) => {
                tracing::info!(%error, slug = %self.slug, "an isolate is gone; it is loaded again");
                return Ok(Next::Rebuild);
            }
            Err(error) => {
                let failure = own_failure(name_culprit(error, &seen))?;
                let Some(event) = failure.event else {
                    // It took the worker down with it, which could not say at which event: look at each alone.
                    self.batch_events = 1;
                    return Ok(Next::Rebuild);
                };
                return self.broken(drive, event, failure).await;
            }
        };
        let mut failures = failures.into_iter().peekable();
        for event in &all {
            match failures.next_if(|(offset, _)| *offset == event.offset) {
                Some((offset, failure)) => {
                    if let Next::Rebuild = self.failed(drive, offset, &failure).await? {
                        return Ok(Next::Rebuild);
                    }
                }
                // The news of its own failures, which it does not see, breaks no row of them.
                None if seen.binary_search_by_key(&event.offset, |event| event.offset).is_ok() => {
                    drive.mark.failures_in_a_row = 0;
                }
                None => {}
            }
            drive.done.insert(event.offset);
        }
        drive.advance();
        self.show(drive);
        self.keep_state(drive).await;
        Ok(Next::Go)
    }

    async fn complete(&mut self, drive: &mut Drive<'_>, reaction: Reaction) -> Result<Next, Trouble> {
        let offset = reaction.event.offset;
        self.usage.acted(1, reaction.took);
        let acted = drive.loaded.as_ref().is_some_and(|loaded| loaded.bridge.end(offset));
        let next = match reaction.outcome {
            Ok(()) => {
                // An event that the script only looked at breaks no row: its own appends come back to it, too.
                if acted {
                    drive.mark.failures_in_a_row = 0;
                }
                Next::Go
            }
            Err(ReactError::Script(failure)) => {
                // Nothing is lost by a pause: what it refused is tried again when it ends.
                if failure.cause_code.as_deref() == Some(STREAM_PAUSED) && self.is_paused().await? {
                    self.wait_until_resumed().await?;
                    return Ok(Next::Rebuild);
                }
                self.failed(drive, offset, &failure).await?
            }
            Err(ReactError::Isolate(IsolateError::Lost(reason))) => {
                tracing::info!(%reason, slug = %self.slug, "an isolate is gone; it is loaded again");
                return Ok(Next::Rebuild);
            }
            Err(ReactError::Isolate(error)) => {
                let failure = own_failure(error)?;
                return self.broken(drive, offset, failure).await;
            }
        };
        if reaction.redelivered {
            drive.mark.redeliver.remove(&offset);
            drive.store.save_mark(&drive.mark);
        } else {
            drive.finish(offset);
        }
        self.show(drive);
        self.keep_state(drive).await;
        Ok(next)
    }

    fn consider(&self, drive: &Drive<'_>, set: &DeploymentSet) -> News {
        let Some(deployment) = set.processors.get(&self.slug) else { return News::Removed };
        if deployment.status == Status::Suspended {
            return News::Removed;
        }
        // A version that runs above is brought up here in one step, for it is known to load.
        if deployment.inherited.is_some() || drive.mark.inherited.is_some() {
            let active = deployment.active.as_ref().map(|active| active.configured);
            let same = deployment.inherited.is_some() && drive.mark.inherited.is_some();
            if !same || active != Some(drive.mark.configured) {
                return News::Reload("the processor has been replaced by a newer version");
            }
        } else if deployment.status == Status::Starting && deployment.configured != drive.mark.configured {
            // After a removal nothing of the earlier version is to go on.
            return if deployment.active.is_some() {
                News::Candidate(Box::new(deployment.clone()))
            } else {
                News::Removed
            };
        }
        if drive.loaded.as_ref().is_some_and(|loaded| loaded.env != *set.env_of(&self.slug)) {
            return News::Reload("the environment of the processor has changed");
        }
        News::None
    }

    /// Lets what is under way come to its end, for a moment; then it is left, to be acted on again.
    async fn wind_up(&mut self, drive: &mut Drive<'_>, reason: &str) {
        let Some(loaded) = &drive.loaded else { return };
        loaded.isolate.abort(reason);
        let deadline = tokio::time::sleep(ABORT_GRACE);
        tokio::pin!(deadline);
        while !drive.under_way.is_empty() {
            tokio::select! {
                () = &mut deadline => return,
                Some(reaction) = drive.under_way.next() => match reaction.outcome {
                    Ok(()) if !reaction.redelivered => drive.finish(reaction.event.offset),
                    _ => {}
                }
            }
        }
    }

    /// Stores the marks and, where it is what the marks say, the state.
    async fn settle(&mut self, drive: &mut Drive<'_>) -> Result<(), Trouble> {
        let state = if drive.is_quiescent() { state_of(&drive.loaded, drive.mark.acted).await } else { None };
        drive.store.settle(&drive.mark, state.as_ref()).await?;
        Ok(())
    }

    async fn keep_state(&mut self, drive: &mut Drive<'_>) {
        if drive.is_quiescent()
            && drive.mark.acted.0.saturating_sub(drive.snapshot_at.0) >= STATE_CHECKPOINT_EVENTS
            && let Some(snapshot) = state_of(&drive.loaded, drive.mark.acted).await
        {
            drive.snapshot_at = snapshot.reduced;
            drive.store.save_snapshot(&snapshot);
            drive.store.retain(&snapshot);
        }
    }

    fn show(&self, drive: &Drive<'_>) {
        let isolate = drive.loaded.as_ref().map(|loaded| loaded.isolate.clone());
        let acted = drive.mark.acted;
        let reduced = drive.done.last().copied().unwrap_or(acted).max(acted);
        self.progress.update(|shown| {
            shown.isolate = isolate;
            shown.acted = acted;
            shown.reduced = reduced;
        });
    }
}

enum News {
    None,
    /// A newer version, to be loaded while the earlier one goes on.
    Candidate(Box<Deployment>),
    /// The same again, or another version at once; and why.
    Reload(&'static str),
    Removed,
}

impl Drive<'_> {
    fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.waiting.is_empty() && self.redelivers.is_empty()
    }

    /// Whether the state in the isolate is that of `mark.acted`.
    fn is_quiescent(&self) -> bool {
        self.under_way.is_empty() && self.done.is_empty()
    }

    fn start(&mut self, event: Arc<Event>, redelivered: bool) {
        let loaded = self.loaded.as_ref().expect("only a loaded processor reacts");
        let span = loaded.bridge.begin(&event);
        let isolate = loaded.isolate.clone();
        let reaction = async move {
            let began = Instant::now();
            let outcome = if redelivered { isolate.act(&event).await } else { isolate.react(&event).await };
            let took = began.elapsed();
            if let Err(error) = &outcome {
                tracing::Span::current().record("error", tracing::field::display(error));
            }
            tracing::debug!(?took, failed = outcome.is_err(), "reacted");
            Reaction { event, redelivered, took, outcome }
        };
        self.under_way.push(reaction.instrument(span).boxed());
    }

    pub(super) fn finish(&mut self, offset: Offset) {
        if offset > self.mark.acted {
            self.done.insert(offset);
        }
        self.advance();
    }

    fn advance(&mut self) {
        let before = self.mark.acted;
        while self.done.remove(&self.mark.acted.next()) {
            self.mark.acted = self.mark.acted.next();
        }
        if self.mark.acted > before {
            self.store.save_mark(&self.mark);
        }
    }
}

/// The state in the isolate, which is the one as of `reduced`.
async fn state_of(loaded: &Option<Loaded>, reduced: Offset) -> Option<Snapshot> {
    let loaded = loaded.as_ref()?;
    let state = loaded.isolate.state().await.ok()?;
    Some(Snapshot { version: loaded.version.clone(), reduced, state })
}

/// Timers and calls that a hook left behind keep the isolate awake.
async fn may_hibernate(loaded: &Option<Loaded>) -> bool {
    match loaded {
        Some(loaded) => !loaded.isolate.pending().await.is_ok_and(|pending| pending > 0),
        None => true,
    }
}
