//! From what was configured to a running isolate: loaded, its history reduced and not acted on. A version
//! that does not load is recorded, and the last good one goes on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::super::deployments::{Deployment, DeploymentSet};
use super::super::progress::{Mark, Snapshot, Store};
use super::super::script::ScriptBridge;
use super::{Context, Rest, Trouble, read_configuration};
use crate::event::builtin::{Phase, ProcessorConfigured};
use crate::event::{Event, Json, Offset};
use crate::isolate::{Bounds, Isolate, IsolateError, ReactError, ScriptFailure, Sources, Spec};
use crate::limits::{self, READ_PAGE_BYTES, REDUCE_BATCH_EVENTS, REPLAY_FAILURES_MAX};
use crate::log::{LogError, StreamRecord};

/// A version in an isolate, and the bridge by which it reaches the host.
pub(in crate::processors) struct Loaded {
    pub isolate: Isolate,
    pub bridge: Arc<ScriptBridge>,
    pub version: String,
    pub configured: Offset,
    pub failures: mpsc::Receiver<(ScriptFailure, Option<Offset>)>,
    pub env: Arc<std::collections::BTreeMap<String, String>>,
    pub redeliver_failed: bool,
}

impl Context {
    /// Loads what was configured at `configured`, with its state where one is known. Does not borrow the
    /// follower, which goes on with the earlier version meanwhile.
    pub(super) fn load(
        &self,
        record: &StreamRecord,
        configured: Offset,
        version: &str,
        set: &DeploymentSet,
        state: Option<Json>,
    ) -> BoxFuture<'static, Result<Loaded, IsolateError>> {
        let (streams, isolates) = (self.streams.clone(), self.isolates.clone());
        let (stream, slug) = (self.stream.clone(), self.slug.clone());
        let (record, version, env) = (record.clone(), version.to_string(), set.env.clone());
        async move {
            let machinery = |error: LogError| IsolateError::Machinery(error.to_string());
            let configuration =
                read_configuration(&streams, &record, configured).map_err(machinery)?.ok_or_else(|| {
                    IsolateError::Machinery(format!("no configuration of `{slug}` at offset {configured}"))
                })?;
            let sources = Sources {
                entry: configuration.entry().unwrap_or_default().to_string(),
                modules: configuration.sources(),
            };
            let code = isolates.compile(Arc::new(sources)).await?;
            let (failed, failures) = mpsc::channel(limits::FAILURES_IN_A_ROW_MAX as usize);
            let bridge =
                ScriptBridge::new(streams, stream.clone(), slug.clone(), version.clone(), configured, failed);
            let bridge = Arc::new(bridge);
            let spec = Spec {
                project: stream.project.to_string(),
                path: stream.path.to_string(),
                slug: slug.to_string(),
                configured_offset: configured.0,
                code,
                env: env.as_ref().clone(),
                bounds: bounds(&configuration),
                state,
            };
            let isolate = isolates.load(spec, bridge.clone()).await?;
            let redeliver_failed = configuration.redeliver_failed;
            Ok(Loaded { isolate, bridge, version, configured, failures, env, redeliver_failed })
        }
        .boxed()
    }

    /// Brings up a new version, then drives it.
    pub(super) async fn activate(
        &mut self,
        record: &StreamRecord,
        store: &Store,
        deployment: &Deployment,
        set: &DeploymentSet,
    ) -> Result<Rest, Trouble> {
        let configured = deployment.configured;
        let loaded = match self.prepared.take().filter(|loaded| loaded.configured == configured) {
            Some(loaded) => Ok(loaded),
            None => self.load(record, configured, &deployment.version, set, None).await,
        };
        let acted = first_acted(store, deployment)?;
        let brought_up = match loaded {
            Ok(loaded) => self.catch_up(record, loaded, acted, set).await?,
            Err(error) => Err(own_failure(error)?),
        };
        let (loaded, poisoned) = match brought_up {
            Ok(brought_up) => brought_up,
            Err(failure) => {
                let failure = ScriptFailure { phase: Phase::Load, ..failure };
                self.record_failed(&deployment.version, configured, &failure, None).await?;
                self.wait_for_news_of(configured).await;
                return Ok(Rest::Changed);
            }
        };
        let redelivers =
            if loaded.redeliver_failed { self.failed_since(record, deployment)? } else { Vec::new() };
        let mark =
            Mark { version: loaded.version.clone(), configured, acted, failures_in_a_row: 0, poisoned };
        // Lazily: it joins the commit of the very event that says so.
        store.save_mark(&mark);
        self.record_activated(&loaded.version, configured).await?;
        self.wait_for_news_of(configured).await;
        self.drive(record, store, mark, Some(loaded), redelivers).await
    }

    /// Reduces the history and lets the script know; a failure is one that keeps the version from running.
    async fn catch_up(
        &mut self,
        record: &StreamRecord,
        loaded: Loaded,
        acted: Offset,
        set: &DeploymentSet,
    ) -> Result<Result<(Loaded, BTreeSet<Offset>), ScriptFailure>, Trouble> {
        let (configured, version) = (loaded.configured, loaded.version.clone());
        let mut loaded = loaded;
        let mut poisoned = BTreeSet::new();
        let failures = loop {
            let replayed = self.replay(record, &loaded.isolate, Offset::START, acted, &poisoned).await;
            let failure = match replayed {
                Ok(failures) => break failures,
                Err(Replay::Isolate(error)) => own_failure(error)?,
                Err(Replay::Log(error)) => return Err(error.into()),
            };
            // An event whose reduce breaks the isolate is left out of the state, as one that throws is.
            match failure.event {
                Some(event) if poisoned.len() < REPLAY_FAILURES_MAX && poisoned.insert(event) => {
                    self.record_failed(&version, configured, &failure, Some(event)).await?;
                    match self.load(record, configured, &version, set, None).await {
                        Ok(again) => loaded = again,
                        Err(error) => return Ok(Err(own_failure(error)?)),
                    }
                }
                // It took the worker down with it, which could not say at which event: look at each alone.
                None if self.batch_events > 1 && failure.phase == Phase::Reduce => {
                    self.batch_events = 1;
                    match self.load(record, configured, &version, set, None).await {
                        Ok(again) => loaded = again,
                        Err(error) => return Ok(Err(own_failure(error)?)),
                    }
                }
                _ => return Ok(Err(failure)),
            }
        };
        for (offset, failure) in failures.into_iter().take(REPLAY_FAILURES_MAX) {
            self.record_failed(&version, configured, &failure, Some(offset)).await?;
        }
        match loaded.isolate.caught_up().await {
            Ok(()) => Ok(Ok((loaded, poisoned))),
            Err(ReactError::Script(failure)) => {
                self.record_failed(&version, configured, &failure, None).await?;
                Ok(Ok((loaded, poisoned)))
            }
            Err(ReactError::Isolate(error)) => {
                // It broke its isolate: recorded, and the version runs all the same, in a new one.
                let failure = own_failure(error)?;
                self.record_failed(&version, configured, &failure, None).await?;
                let again = match self.load(record, configured, &version, set, None).await {
                    Ok(again) => again,
                    Err(error) => return Ok(Err(own_failure(error)?)),
                };
                match self.replay(record, &again.isolate, Offset::START, acted, &poisoned).await {
                    Ok(_) => Ok(Ok((again, poisoned))),
                    Err(Replay::Isolate(error)) => Ok(Err(own_failure(error)?)),
                    Err(Replay::Log(error)) => Err(error.into()),
                }
            }
        }
    }

    /// The state as of `mark`, from the stored one and the events behind it.
    pub(super) async fn rebuild(
        &self,
        record: &StreamRecord,
        store: &Store,
        mark: &Mark,
    ) -> Result<Loaded, IsolateError> {
        let machinery = |error: LogError| IsolateError::Machinery(error.to_string());
        let set = self.deployed.borrow().clone();
        let snapshot = store
            .read_snapshot()
            .map_err(machinery)?
            .filter(|snapshot| snapshot.version == mark.version && snapshot.reduced <= mark.acted);
        let (state, reduced) = match snapshot {
            Some(Snapshot { state, reduced, .. }) => (Some(state), reduced),
            None => (None, Offset::START),
        };
        let loaded = self.load(record, mark.configured, &mark.version, &set, state).await?;
        match self.replay(record, &loaded.isolate, reduced, mark.acted, &mark.poisoned).await {
            Ok(_) => Ok(loaded),
            Err(Replay::Isolate(error)) => Err(error),
            Err(Replay::Log(error)) => Err(machinery(error)),
        }
    }

    /// Reduces the events after `from` up to `to`; the failures of those whose `reduce` threw.
    async fn replay(
        &self,
        record: &StreamRecord,
        isolate: &Isolate,
        from: Offset,
        to: Offset,
        poisoned: &BTreeSet<Offset>,
    ) -> Result<Vec<(Offset, ScriptFailure)>, Replay> {
        let mut failures = Vec::new();
        let batch_events = self.batch_events;
        if !isolate.definition().reduces {
            return Ok(failures);
        }
        let mut page = self.read_history(record, from, to, batch_events).await?;
        while let Some(last) = page.last().map(|event| event.offset) {
            let seen: Vec<Arc<Event>> = page
                .into_iter()
                .filter(|event| !self.is_own_lifecycle(event) && !poisoned.contains(&event.offset))
                .collect();
            // The next page is read while this one is being reduced.
            let (reduced, next) =
                tokio::join!(isolate.reduce(&seen), self.read_history(record, last, to, batch_events));
            failures.extend(reduced.map_err(|error| name_culprit(error, &seen))?);
            page = next?;
        }
        Ok(failures)
    }

    async fn read_history(
        &self,
        record: &StreamRecord,
        from: Offset,
        to: Offset,
        events_max: usize,
    ) -> Result<Vec<Arc<Event>>, LogError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let (log, record) = (self.streams.log().clone(), record.clone());
        let read = move || log.read(&record, from, to.next(), events_max, READ_PAGE_BYTES);
        tokio::task::spawn_blocking(read).await.unwrap_or(Err(LogError::Closed))
    }

    /// Waits until the stream's projection has taken in what was just recorded of this configuration.
    async fn wait_for_news_of(&mut self, configured: Offset) {
        use super::super::deployments::Status;
        let slug = self.slug.clone();
        let settled = self.deployed.wait_for(|set| {
            set.processors.get(&slug).is_none_or(|deployment| {
                deployment.configured != configured || deployment.status != Status::Starting
            })
        });
        // A server that goes down ends the wait by its own sign.
        tokio::select! {
            _ = settled => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    /// The events of this stream whose reaction failed under the version before, oldest first.
    fn failed_since(&self, record: &StreamRecord, deployment: &Deployment) -> Result<Vec<Offset>, LogError> {
        use crate::event::{Kind, builtin::ProcessorFailed};
        let mut after = deployment.active.as_ref().map_or(Offset::START, |active| active.configured);
        let mut failed = BTreeSet::new();
        loop {
            let page = self.streams.log().read(
                record,
                after,
                deployment.configured,
                REDUCE_BATCH_EVENTS,
                READ_PAGE_BYTES,
            )?;
            let Some(last) = page.last() else { return Ok(failed.into_iter().collect()) };
            after = last.offset;
            for event in page.iter().filter(|event| event.kind() == Some(Kind::ProcessorFailed)) {
                if let Ok(ProcessorFailed { slug, phase: Phase::AfterAppend, cause: Some(cause), .. }) =
                    event.payload.decode()
                    && slug == self.slug
                {
                    failed.insert(Offset(cause.offset));
                }
            }
        }
    }
}

/// With one event in the call there is no doubt which one it was.
pub(super) fn name_culprit(error: IsolateError, seen: &[Arc<Event>]) -> IsolateError {
    match (error, seen) {
        (IsolateError::Script(failure), [only]) if failure.event.is_none() => {
            IsolateError::Script(ScriptFailure { event: Some(only.offset), ..failure })
        }
        (error, _) => error,
    }
}

enum Replay {
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

/// Where acting starts: at the configuration for a new deployment; where the version before has come to for
/// one that replaces it, so that what that one still owed is not passed over.
pub(super) fn first_acted(store: &Store, deployment: &Deployment) -> Result<Offset, LogError> {
    if deployment.active.is_none() {
        return Ok(deployment.configured);
    }
    let before = store.read_mark()?.map(|mark| mark.acted);
    Ok(before.unwrap_or(deployment.configured).min(deployment.configured))
}

/// The script's own failure; anything else is trouble of the machinery.
pub(super) fn own_failure(error: IsolateError) -> Result<ScriptFailure, Trouble> {
    match error {
        IsolateError::Script(failure) => Ok(failure),
        other => Err(other.into()),
    }
}

fn bounds(configuration: &ProcessorConfigured) -> Bounds {
    let asked = &configuration.limits;
    Bounds {
        memory_bytes: asked.memory_bytes.unwrap_or(limits::MEMORY_BYTES),
        cpu_per_turn: asked.cpu_ms.map_or(limits::CPU_PER_TURN, Duration::from_millis),
        hook_timeout: asked.timeout_ms.map_or(limits::HOOK_TIMEOUT, Duration::from_millis),
    }
}
