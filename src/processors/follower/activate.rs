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
use super::super::script::{Outbound, STREAM_PAUSED, ScriptBridge};
use super::history::{History, Page, Replay, read_history, seen_of};
use super::{Context, Rest, Trouble, read_configuration};
use crate::egress::Caller;
use crate::event::builtin::{FailureReason, Phase, ProcessorConfigured, ProcessorFailed};
use crate::event::{Event, Json, Kind, Offset, Slug, SourceKind};
use crate::isolate::{Bounds, Isolate, IsolateError, ReactError, ScriptFailure, Sources, Spec};
use crate::limits::{
    self, ABORT_GRACE, AHEAD_BYTES_MAX, AHEAD_EVENTS_MAX, READ_PAGE_BYTES, REDUCE_BATCH_EVENTS,
    REPLAY_FAILURES_MAX,
};
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
    /// The beginning of its history, which came with it.
    pub(super) ahead: Option<Page>,
}

impl Context {
    /// Loads what was configured at `configured`, with its state where one is known, and begins with its history
    /// where that is told already. Does not borrow the follower, which goes on with the earlier version meanwhile.
    pub(super) fn load(
        &self,
        record: &StreamRecord,
        configured: Offset,
        version: &str,
        set: &DeploymentSet,
        state: Option<Json>,
        ahead: Option<History>,
    ) -> BoxFuture<'static, Result<Loaded, IsolateError>> {
        let (log, batch_events) = (self.streams.log().clone(), self.batch_events);
        let (streams, isolates, egress) = (self.streams.clone(), self.isolates.clone(), self.egress.clone());
        let (stream, slug, tasks) = (self.stream.clone(), self.slug.clone(), self.tasks.clone());
        let (usage, fan_out, simulations) =
            (self.usage.clone(), self.fan_out.clone(), self.simulations.clone());
        let (record, version, env) = (record.clone(), version.to_string(), set.env_of(&self.slug).clone());
        let configured_in = self.owner.as_deref().unwrap_or(&record).clone();
        async move {
            let machinery = |error: LogError| IsolateError::Machinery(error.to_string());
            let configuration = read_configuration(&streams, &configured_in, configured)
                .map_err(machinery)?
                .ok_or_else(|| {
                    IsolateError::Machinery(format!("no configuration of `{slug}` at offset {configured}"))
                })?;
            let sources = Sources {
                entry: configuration.entry().unwrap_or_default().to_string(),
                modules: configuration.sources(),
            };
            let bounds = bounds(&configuration);
            let module_bytes: u64 = sources.modules.values().map(|text| text.len() as u64).sum();
            if module_bytes > bounds.module_bytes {
                return Err(IsolateError::Script(too_large(module_bytes, &bounds)));
            }
            let code = isolates.compile(Arc::new(sources)).await?;
            let (failed, failures) = mpsc::channel(limits::FAILURES_IN_A_ROW_MAX as usize);
            let caller = Caller {
                project: stream.project.clone(),
                stream: stream.path.clone(),
                slug: slug.clone(),
                allow: configuration.egress.as_ref().map(|egress| egress.allow.clone()),
            };
            let bridge = ScriptBridge::new(
                streams,
                Outbound { egress, caller },
                &record,
                (configured_in, configured),
                version.clone(),
                failed,
                &tasks,
            );
            let bridge = Arc::new(bridge.counted_in(usage, fan_out).simulating_with(simulations));
            let spec = Spec {
                project: stream.project.to_string(),
                path: stream.path.to_string(),
                slug: slug.to_string(),
                configured_offset: configured.0,
                code,
                env: env.as_ref().clone(),
                bounds,
                state,
            };
            let ahead = ahead.unwrap_or_default();
            let size = (batch_events.min(AHEAD_EVENTS_MAX), AHEAD_BYTES_MAX);
            let page = read_history(&log, &record, ahead.from, ahead.to, size).await.map_err(machinery)?;
            let last = page.last().map(|event| event.offset);
            let seen = seen_of(page, &slug, &ahead.skip);
            let (isolate, reduced) = isolates.load_and_reduce(spec, bridge.clone(), &seen).await?;
            let ahead = last.map(|last| Page { seen, last, reduced });
            let redeliver_failed = configuration.redeliver_failed;
            Ok(Loaded { isolate, bridge, version, configured, failures, env, redeliver_failed, ahead })
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
        let acted = first_acted(store, deployment)?;
        let loaded = match self.prepared.take().filter(|loaded| loaded.configured == configured) {
            Some(loaded) => Ok(loaded),
            None => {
                let history = History { to: acted, ..History::default() };
                self.load(record, configured, &deployment.version, set, None, Some(history)).await
            }
        };
        let brought_up = match loaded {
            Ok(loaded) => self.catch_up(record, store, loaded, acted, set).await?,
            Err(error) => Err(own_failure(error)?),
        };
        let (loaded, poisoned) = match brought_up {
            Ok(Some(brought_up)) => brought_up,
            // Something newer has come, or the end: it is looked at first.
            Ok(None) => return Ok(Rest::Changed),
            Err(failure) => {
                let failure = ScriptFailure { phase: Phase::Load, ..failure };
                self.record_failed(&deployment.version, configured, &failure, None).await?;
                self.wait_for_news_of(configured).await;
                return Ok(Rest::Changed);
            }
        };
        if self.is_superseded(configured) {
            return Ok(Rest::Changed);
        }
        let redeliver = if loaded.redeliver_failed && loaded.isolate.definition().reacts {
            self.failed_before(record, configured).await?
        } else {
            BTreeSet::new()
        };
        let version = loaded.version.clone();
        let mark = Mark { version, configured, acted, redeliver, poisoned, ..Mark::default() };
        // Lazily: it joins the commit of the very event that says so.
        store.save_mark(&mark);
        self.record_activated(&loaded.version, configured).await?;
        self.wait_for_news_of(configured).await;
        self.drive(record, store, mark, Some(loaded)).await
    }

    /// Reduces the history and lets the script know; a failure is one that keeps the version from running.
    pub(super) async fn catch_up(
        &mut self,
        record: &StreamRecord,
        store: &Store,
        loaded: Loaded,
        acted: Offset,
        set: &DeploymentSet,
    ) -> Result<Result<Option<(Loaded, BTreeSet<Offset>)>, ScriptFailure>, Trouble> {
        let (configured, version) = (loaded.configured, loaded.version.clone());
        let mut loaded = loaded;
        let mut poisoned = BTreeSet::new();
        let failures = loop {
            let kept = (store, version.as_str());
            let replayed = self.replay(record, &mut loaded, Offset::START, acted, &poisoned, kept).await;
            let failure = match replayed {
                Ok(failures) => break failures,
                Err(Replay::Isolate(error)) => own_failure(error)?,
                Err(Replay::Log(error)) => return Err(error.into()),
            };
            // An event whose reduce breaks the isolate is left out of the state, as one that throws is.
            match failure.event {
                Some(event) if poisoned.len() < REPLAY_FAILURES_MAX && poisoned.insert(event) => {
                    self.record_failed(&version, configured, &failure, Some(event)).await?;
                    match self.load(record, configured, &version, set, None, None).await {
                        Ok(again) => loaded = again,
                        Err(error) => return Ok(Err(own_failure(error)?)),
                    }
                }
                // It took the worker down with it, which could not say at which event: look at each alone.
                None if self.batch_events > 1 && failure.phase == Phase::Reduce => {
                    self.batch_events = 1;
                    match self.load(record, configured, &version, set, None, None).await {
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
        let Some(outcome) = self.tell_caught_up(&loaded.isolate, configured).await? else {
            return Ok(Ok(None));
        };
        match outcome {
            Ok(()) => Ok(Ok(Some((loaded, poisoned)))),
            Err(ReactError::Script(failure)) => {
                self.record_failed(&version, configured, &failure, None).await?;
                Ok(Ok(Some((loaded, poisoned))))
            }
            Err(ReactError::Isolate(error)) => {
                // It broke its isolate: recorded, and the version runs all the same, in a new one.
                let failure = own_failure(error)?;
                self.record_failed(&version, configured, &failure, None).await?;
                let mut again = match self.load(record, configured, &version, set, None, None).await {
                    Ok(again) => again,
                    Err(error) => return Ok(Err(own_failure(error)?)),
                };
                let kept = (store, version.as_str());
                match self.replay(record, &mut again, Offset::START, acted, &poisoned, kept).await {
                    Ok(_) => Ok(Ok(Some((again, poisoned)))),
                    Err(Replay::Isolate(error)) => Ok(Err(own_failure(error)?)),
                    Err(Replay::Log(error)) => Err(error.into()),
                }
            }
        }
    }

    /// Whether a newer version, or the end of the processor, has come while this one was being brought up.
    fn is_superseded(&self, configured: Offset) -> bool {
        supersedes(&self.deployed.borrow(), &self.slug, configured)
    }

    /// Runs `onCaughtUp`; none when the version has been replaced or removed meanwhile, or the server stops.
    async fn tell_caught_up(
        &mut self,
        isolate: &Isolate,
        configured: Offset,
    ) -> Result<Option<Result<(), ReactError>>, Trouble> {
        loop {
            let hook = isolate.caught_up();
            tokio::pin!(hook);
            let slug = &self.slug;
            let superseded = |set: &Arc<DeploymentSet>| supersedes(set, slug, configured);
            let ended = tokio::select! {
                outcome = &mut hook => Ok(outcome),
                () = self.shutdown.cancelled() => Err("the server is shutting down"),
                _ = self.deployed.wait_for(superseded) => Err("the processor has been replaced or removed"),
            };
            let outcome = match ended {
                Ok(outcome) => outcome,
                Err(reason) => {
                    isolate.abort(reason);
                    let _ = tokio::time::timeout(ABORT_GRACE, &mut hook).await;
                    return Ok(None);
                }
            };
            match &outcome {
                Err(ReactError::Script(failure))
                    if failure.cause_code.as_deref() == Some(STREAM_PAUSED) && self.is_paused().await? =>
                {
                    self.wait_until_resumed().await?;
                }
                _ => return Ok(Some(outcome)),
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
        let snapshot = store.nearest(&mark.version, mark.acted).map_err(machinery)?;
        let (state, reduced) = match snapshot {
            Some(Snapshot { state, reduced, .. }) => (Some(state), reduced),
            None => (None, Offset::START),
        };
        let ahead = History { from: reduced, to: mark.acted, skip: mark.poisoned.clone() };
        let mut loaded = self.load(record, mark.configured, &mark.version, &set, state, Some(ahead)).await?;
        let kept = (store, mark.version.as_str());
        match self.replay(record, &mut loaded, reduced, mark.acted, &mark.poisoned, kept).await {
            Ok(_) => Ok(loaded),
            Err(Replay::Isolate(error)) => Err(error),
            Err(Replay::Log(error)) => Err(machinery(error)),
        }
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

    /// The events whose reaction has failed since the activation before `configured`, as the server has recorded.
    async fn failed_before(
        &self,
        record: &StreamRecord,
        configured: Offset,
    ) -> Result<BTreeSet<Offset>, LogError> {
        let mut failed = BTreeSet::new();
        let mut after = Offset::START;
        loop {
            let size = (REDUCE_BATCH_EVENTS, READ_PAGE_BYTES);
            let page = read_history(self.streams.log(), record, after, configured, size).await?;
            let Some(last) = page.last() else { return Ok(failed) };
            after = last.offset;
            for event in page.iter().filter(|event| is_by_server(event)) {
                match event.kind() {
                    Some(Kind::ProcessorActivated) if self.is_own_lifecycle(event) => failed.clear(),
                    Some(Kind::ProcessorFailed) if self.is_own_lifecycle(event) => {
                        failed.extend(failed_reaction(event));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn supersedes(set: &DeploymentSet, slug: &Slug, configured: Offset) -> bool {
    set.processors.get(slug).is_none_or(|deployment| deployment.configured != configured)
}

fn is_by_server(event: &Event) -> bool {
    event.source.as_ref().is_some_and(|source| source.kind == SourceKind::Server)
}

/// The event that a recorded failure of `afterAppend` was about.
fn failed_reaction(event: &Event) -> Option<Offset> {
    let failed: ProcessorFailed = event.payload.decode().ok()?;
    failed.cause.filter(|_| failed.phase == Phase::AfterAppend).map(|cause| Offset(cause.offset))
}

/// Where acting starts: at the configuration for a new deployment; where the version before has come to for
/// one that takes over from it, so that what that one still owed is not passed over.
pub(super) fn first_acted(store: &Store, deployment: &Deployment) -> Result<Offset, LogError> {
    if !deployment.takes_over {
        return Ok(deployment.configured.max(store.shared()));
    }
    let before = store.read_mark()?.map(|mark| mark.acted);
    Ok(before.unwrap_or(deployment.configured).min(deployment.configured).max(store.shared()))
}

/// The script's own failure; anything else is trouble of the machinery.
pub(super) fn own_failure(error: IsolateError) -> Result<ScriptFailure, Trouble> {
    match error {
        IsolateError::Script(failure) => Ok(failure),
        other => Err(other.into()),
    }
}

pub(in crate::processors) fn too_large(module_bytes: u64, bounds: &Bounds) -> ScriptFailure {
    let message = format!(
        "the processor's modules have {module_bytes} bytes; they may have {} (`limits.moduleBytes`)",
        bounds.module_bytes
    );
    ScriptFailure::new(Phase::Load, FailureReason::Limit, "RangeError", message)
}

pub(in crate::processors) fn bounds(configuration: &ProcessorConfigured) -> Bounds {
    let asked = &configuration.limits;
    Bounds {
        memory_bytes: asked.memory_bytes.unwrap_or(limits::MEMORY_BYTES),
        cpu_per_turn: asked.cpu_ms.map_or(limits::CPU_PER_TURN, Duration::from_millis),
        hook_timeout: asked.timeout_ms.map_or(limits::HOOK_TIMEOUT, Duration::from_millis),
        stack_bytes: asked.stack_bytes.unwrap_or(limits::STACK_BYTES),
        timers: asked.timers.unwrap_or(limits::TIMERS),
        pending_fetches: asked.pending_fetches.unwrap_or(limits::PENDING_FETCHES),
        appends_per_hook: asked.appends_per_hook.unwrap_or(limits::APPENDS_PER_HOOK),
        event_bytes: asked.event_bytes.unwrap_or(limits::EVENT_BYTES_MAX as u64),
        log_lines: asked.log_lines.unwrap_or(limits::LOG_LINES_PER_HOOK),
        module_bytes: asked.module_bytes.unwrap_or(limits::MODULE_BYTES),
        generates_code: asked.code_generation.unwrap_or(false),
        recorded_time: None,
    }
}
