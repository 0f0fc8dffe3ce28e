//! Keeps one follower running for each deployed processor of each stream that has news, and none for the
//! others. It is told by the streams after each commit, under a lock that nobody holds for long.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use millrace_bundler::Step;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bundling::Bundling;
use super::deployments::{Deployment, DeploymentSet, Status};
use super::follower;
use super::progress::{Progress, Store};
use super::sources::{Source, SourceSet, SourceStatus};
use super::usage::{UsageReport, Usages};
use crate::egress::Egress;
use crate::event::{Offset, Slug, StreamKey};
use crate::isolate::Isolates;
use crate::log::{LogError, Mark};
use crate::stream::{AppendError, Only, Streams};

#[derive(Clone)]
pub struct Supervisor(Arc<Inner>);

struct Inner {
    isolates: Isolates,
    egress: Egress,
    bundling: Bundling,
    hibernate_after: Duration,
    /// Set right after the streams have started, which need the supervisor for their built-ins.
    streams: OnceLock<Streams>,
    running: Mutex<HashMap<StreamKey, Running>>,
    usages: Usages,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

struct Running {
    deployed: watch::Sender<Arc<DeploymentSet>>,
    tail: Offset,
    followers: BTreeMap<Slug, Arc<Progress>>,
}

/// What the built-in shows of a stream's deployments.
#[derive(Default, Deserialize)]
struct Shown {
    processors: BTreeMap<Slug, Deployment>,
    sources: SourceSet,
}

/// What `GET /api/processors/{path}` says of one processor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorReport {
    pub slug: Slug,
    pub status: &'static str,
    /// Whether it has an isolate at the moment; an idle one hibernates, and wakes with its next event.
    pub awake: bool,
    /// None as long as the first source is being built.
    pub version: Option<String>,
    pub configured_offset: Option<Offset>,
    /// The newest source, of a processor that the bundler makes.
    pub source: Option<Source>,
    /// What the bundler is doing for it.
    pub build: Option<Step>,
    /// The version that runs: an earlier one, when the newest could not be loaded or is still starting.
    pub active_version: Option<String>,
    pub reduced: Offset,
    pub acted: Offset,
    pub tail: Offset,
    pub lag: u64,
    pub last_error: Option<Value>,
    pub bundle: Option<Value>,
    pub limits: Value,
    /// Since the server started.
    pub usage: UsageReport,
}

impl ProcessorReport {
    /// Of a processor that has never been ready to run.
    fn of_source(slug: &Slug, source: &Source, build: Option<Step>, tail: Offset) -> ProcessorReport {
        let status = match source.status {
            SourceStatus::Building | SourceStatus::Built => "building",
            SourceStatus::Failed => "failed",
        };
        ProcessorReport {
            slug: slug.clone(),
            status,
            awake: false,
            version: None,
            configured_offset: None,
            source: Some(source.clone()),
            build,
            active_version: None,
            reduced: Offset::START,
            acted: Offset::START,
            tail,
            lag: 0,
            last_error: source.last_error.clone(),
            bundle: None,
            limits: Value::Object(serde_json::Map::new()),
            usage: UsageReport::default(),
        }
    }
}

impl Supervisor {
    pub fn new(
        isolates: Isolates,
        egress: Egress,
        bundling: Bundling,
        hibernate_after: Duration,
    ) -> Supervisor {
        Supervisor(Arc::new(Inner {
            isolates,
            egress,
            bundling,
            hibernate_after,
            streams: OnceLock::new(),
            running: Mutex::default(),
            usages: Usages::default(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Takes up the streams, and in the background every processor that still owes a reaction.
    pub fn start(&self, streams: Streams) {
        assert!(self.0.streams.set(streams.clone()).is_ok(), "the supervisor is started once");
        let supervisor = self.clone();
        self.0.tasks.spawn(async move {
            if let Err(error) = supervisor.resume(&streams).await {
                tracing::error!(%error, "cannot resume all processors; each resumes with the next event of its stream");
            }
        });
    }

    async fn resume(&self, streams: &Streams) -> Result<(), LogError> {
        for record in streams.log().marked(Mark::Processors)? {
            if self.0.shutdown.is_cancelled() {
                return Ok(());
            }
            if let Err(error) = streams.wake(&record.key).await {
                tracing::warn!(%error, stream = %record.key.path, "cannot resume a stream's processors");
            }
        }
        Ok(())
    }

    /// A stream has new events, or has just started: see that its processors follow.
    pub fn committed(&self, stream: &StreamKey, tail: Offset, set: &Arc<DeploymentSet>) {
        let mut running = self.running();
        if set.processors.is_empty() && !running.contains_key(stream) {
            return;
        }
        let entry = running.entry(stream.clone()).or_insert_with(|| Running {
            deployed: watch::Sender::new(set.clone()),
            tail,
            followers: BTreeMap::new(),
        });
        entry.tail = tail;
        entry.deployed.send_if_modified(|known| {
            let changed = !Arc::ptr_eq(known, set);
            *known = set.clone();
            changed
        });
        for (slug, deployment) in &set.processors {
            let runs = match deployment.status {
                Status::Starting => true,
                Status::Active | Status::Failed => deployment.active.is_some(),
                Status::Suspended => false,
            };
            if runs && !entry.followers.contains_key(slug) {
                self.spawn(stream, slug, entry);
            }
        }
        if entry.followers.is_empty() {
            running.remove(stream);
        }
    }

    fn spawn(&self, stream: &StreamKey, slug: &Slug, entry: &mut Running) {
        let Some(streams) = self.0.streams.get() else { return };
        if self.0.shutdown.is_cancelled() {
            return;
        }
        let progress = Arc::new(Progress::default());
        entry.followers.insert(slug.clone(), progress.clone());
        let context = follower::Context {
            supervisor: self.clone(),
            streams: streams.clone(),
            isolates: self.0.isolates.clone(),
            egress: self.0.egress.clone(),
            stream: stream.clone(),
            slug: slug.clone(),
            deployed: entry.deployed.subscribe(),
            progress,
            usage: self.0.usages.of(stream, slug),
            hibernate_after: self.0.hibernate_after,
            shutdown: self.0.shutdown.clone(),
            tasks: self.0.tasks.clone(),
            home: Only::Any,
            prepared: None,
            positions: Mutex::default(),
            batch_events: crate::limits::REDUCE_BATCH_EVENTS,
        };
        self.0.tasks.spawn(follower::run(context));
    }

    /// Takes a follower off the register, unless there is news that it has not seen. It has seen the events
    /// up to `tail`, and `deployed` as it is.
    pub(super) fn finish(
        &self,
        stream: &StreamKey,
        slug: &Slug,
        tail: Offset,
        deployed: &watch::Receiver<Arc<DeploymentSet>>,
    ) -> bool {
        let mut running = self.running();
        let Some(entry) = running.get_mut(stream) else { return true };
        if !self.0.shutdown.is_cancelled() && (entry.tail > tail || deployed.has_changed().unwrap_or(false)) {
            return false;
        }
        entry.followers.remove(slug);
        if entry.followers.is_empty() {
            running.remove(stream);
        }
        true
    }

    /// Every processor of a stream, running or not.
    pub async fn report(&self, stream: &StreamKey) -> Result<Option<Vec<ProcessorReport>>, AppendError> {
        let Some(streams) = self.0.streams.get() else { return Ok(None) };
        let Some(state) = streams.state(stream).await? else { return Ok(None) };
        let shown: Shown = state
            .builtins
            .get("deployments")
            .and_then(|deployments| Shown::deserialize(deployments).ok())
            .unwrap_or_default();
        let Shown { processors, sources } = shown;
        let mut reports = Vec::with_capacity(processors.len());
        for (slug, source) in sources.iter().filter(|(slug, _)| !processors.contains_key(slug)) {
            let build = self.0.bundling.step(stream, slug);
            reports.push(ProcessorReport::of_source(slug, source, build, state.tail));
        }
        for (slug, deployment) in processors {
            let store = Store::new(streams.log().clone(), state.record.id, &slug);
            let (reduced, acted, awake) = match self.progress(stream, &slug) {
                Some(progress) => {
                    let shown = progress.shown();
                    (shown.reduced, shown.acted, shown.isolate.is_some())
                }
                None => {
                    let acted = store.read_mark()?.map(|mark| mark.acted).unwrap_or_default();
                    (acted, acted, false)
                }
            };
            let configured = follower::read_configuration(streams, &state.record, deployment.configured)?;
            reports.push(ProcessorReport {
                status: status(deployment.status),
                awake,
                version: Some(deployment.version),
                configured_offset: Some(deployment.configured),
                source: sources.of(&slug).cloned(),
                build: self.0.bundling.step(stream, &slug),
                active_version: deployment.active.map(|active| active.version),
                reduced,
                acted,
                tail: state.tail,
                lag: state.tail.0.saturating_sub(acted.0),
                last_error: deployment.last_error,
                bundle: configured
                    .as_ref()
                    .and_then(|configured| serde_json::to_value(configured.bundle.as_ref()?).ok()),
                limits: configured
                    .and_then(|configured| serde_json::to_value(configured.limits.in_full()).ok())
                    .unwrap_or_default(),
                usage: self.0.usages.find(stream, &slug).unwrap_or_default(),
                slug,
            });
        }
        reports.sort_by(|a, b| a.slug.cmp(&b.slug));
        Ok(Some(reports))
    }

    /// The states of a stream's scripted processors.
    pub async fn states(
        &self,
        stream: &StreamKey,
        slugs: &[Slug],
    ) -> Result<BTreeMap<Slug, Value>, AppendError> {
        let mut states = BTreeMap::new();
        let Some(streams) = self.0.streams.get() else { return Ok(states) };
        let Some(record) = streams.log().find(stream)? else { return Ok(states) };
        for slug in slugs {
            let isolate = self.progress(stream, slug).and_then(|progress| progress.shown().isolate);
            let running = match isolate {
                Some(isolate) => isolate.state().await.ok(),
                None => None,
            };
            let stored = || Store::new(streams.log().clone(), record.id, slug).read_snapshot();
            let state = match running {
                Some(state) => Some(state),
                None => stored()?.map(|snapshot| snapshot.state),
            };
            if let Some(value) = state.and_then(|state| state.decode().ok()) {
                states.insert(slug.clone(), value);
            }
        }
        Ok(states)
    }

    fn progress(&self, stream: &StreamKey, slug: &Slug) -> Option<Arc<Progress>> {
        self.running().get(stream)?.followers.get(slug).cloned()
    }

    /// Followers at work, for the metrics.
    pub fn followers_count(&self) -> usize {
        self.running().values().map(|entry| entry.followers.len()).sum()
    }

    /// What all processors have used together.
    pub fn usage(&self) -> UsageReport {
        self.0.usages.all()
    }

    /// Ends every follower behind its current event, with its progress stored.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn running(&self) -> MutexGuard<'_, HashMap<StreamKey, Running>> {
        self.0.running.lock().expect("nothing panics while it holds the register of followers")
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Starting => "starting",
        Status::Active => "active",
        Status::Failed => "failed",
        Status::Suspended => "suspended",
    }
}
