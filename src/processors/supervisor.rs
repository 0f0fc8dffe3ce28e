//! Keeps one follower running for each deployed processor of each stream that has news, and none for the
//! others. It is told by the streams after each commit, under a lock that nobody holds for long.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bundling::Bundling;
use super::deliveries::Deliveries;
use super::deployments::{Deployment, DeploymentSet, Heirs, Status};
use super::fan_out::FanOut;
use super::follower;
use super::progress::{self, Progress, Store};
use super::simulation::Simulations;
use super::subtrees::{Change, Subtrees, continues};
use super::usage::{UsageReport, Usages};
use crate::egress::Egress;
use crate::event::{Offset, Slug, StreamKey};
use crate::isolate::Isolates;
use crate::log::{LogError, Mark};
use crate::stream::{AppendError, Only, Streams};

mod report;

pub use report::ProcessorReport;

#[derive(Clone)]
pub struct Supervisor(Arc<Inner>);

struct Inner {
    isolates: Isolates,
    egress: Egress,
    bundling: Bundling,
    /// What else the streams below have from above.
    deliveries: Deliveries,
    hibernate_after: Duration,
    /// Set right after the streams have started, which need the supervisor for their built-ins.
    streams: OnceLock<Streams>,
    running: Mutex<HashMap<StreamKey, Running>>,
    subtrees: Arc<Subtrees>,
    fan_out: Arc<FanOut>,
    simulations: Arc<OnceLock<Simulations>>,
    usages: Usages,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

struct Running {
    /// What is deployed on the stream itself, and where acting starts for what it has from above.
    own: Arc<DeploymentSet>,
    bases: BTreeMap<Slug, Offset>,
    /// Both together.
    deployed: watch::Sender<Arc<DeploymentSet>>,
    tail: Offset,
    followers: BTreeMap<Slug, Arc<Progress>>,
}

impl Supervisor {
    pub fn new(
        isolates: Isolates,
        egress: Egress,
        bundling: Bundling,
        deliveries: Deliveries,
        hibernate_after: Duration,
    ) -> Supervisor {
        Supervisor(Arc::new(Inner {
            isolates,
            egress,
            bundling,
            deliveries,
            hibernate_after,
            streams: OnceLock::new(),
            running: Mutex::default(),
            subtrees: Arc::default(),
            fan_out: Arc::default(),
            simulations: Arc::default(),
            usages: Usages::default(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// What scripts ask when they want to know what a change would do.
    pub fn simulate_with(&self, simulations: Simulations) {
        assert!(self.0.simulations.set(simulations).is_ok(), "simulations are made once");
    }

    /// What streams share with those below them, for who looks at their past.
    pub fn subtrees(&self) -> Arc<Subtrees> {
        self.0.subtrees.clone()
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
        self.wake_heirs(streams, |_| true).await
    }

    /// Before anything is appended: which processors run on the streams below their own.
    pub async fn take_up_subtrees(&self) -> Result<(), AppendError> {
        let Some(streams) = self.0.streams.get() else { return Ok(()) };
        for record in streams.log().marked(Mark::Subtrees)? {
            streams.wake(&record.key).await?;
        }
        Ok(())
    }

    /// Starts the streams that a processor of a stream above may owe something.
    async fn wake_heirs(
        &self,
        streams: &Streams,
        concerned: impl Fn(&StreamKey) -> bool,
    ) -> Result<(), LogError> {
        for record in streams.log().marked(Mark::Inherited)? {
            if self.0.shutdown.is_cancelled() {
                return Ok(());
            }
            if !concerned(&record.key) {
                continue;
            }
            if !self.has_some_above(&record.key) && !self.0.deliveries.has_some_above(&record.key) {
                streams.log().unmark_lazily(record.id, Mark::Inherited);
            } else if let Err(error) = streams.wake(&record.key).await {
                tracing::warn!(%error, stream = %record.key.path, "cannot resume what a stream has from above");
            }
        }
        Ok(())
    }

    /// A stream has new events, or has just started: see that its processors follow, its own and those that it
    /// has from the streams above.
    pub fn committed(&self, stream: &StreamKey, tail: Offset, own: &Arc<DeploymentSet>, heirs: &Heirs) {
        self.share(stream, own);
        let mut running = self.running();
        let set = self.effective(stream, own, &heirs.bases);
        if set.processors.is_empty() && !running.contains_key(stream) {
            return;
        }
        let entry = running.entry(stream.clone()).or_insert_with(|| Running {
            own: own.clone(),
            bases: BTreeMap::new(),
            deployed: watch::Sender::new(set.clone()),
            tail,
            followers: BTreeMap::new(),
        });
        entry.tail = tail;
        entry.own = own.clone();
        entry.bases.clone_from(&heirs.bases);
        tell(&entry.deployed, &set);
        for (slug, deployment) in &set.processors {
            let runs = match deployment.status {
                Status::Starting => true,
                Status::Active | Status::Failed => deployment.active.is_some(),
                Status::Suspended => false,
            };
            let wanted = || {
                deployment.inherited.is_none() || heirs.news || self.is_owed(stream, slug, deployment, tail)
            };
            if runs && !entry.followers.contains_key(slug) && wanted() {
                self.spawn(stream, slug, &set, entry);
            }
        }
        if entry.followers.is_empty() {
            running.remove(stream);
        }
    }

    /// Whether an instance that has run before has something to do, although there is no new event.
    fn is_owed(&self, stream: &StreamKey, slug: &Slug, deployment: &Deployment, tail: Offset) -> bool {
        let Some(inherited) = &deployment.inherited else { return false };
        self.stored_mark(stream, slug)
            .filter(|mark| continues(mark, deployment, inherited))
            .is_some_and(|mark| !mark.is_settled(tail))
    }

    /// What a stream's deployments mean for the streams below it.
    fn share(&self, stream: &StreamKey, own: &Arc<DeploymentSet>) {
        let Some(streams) = self.0.streams.get() else { return };
        let change = match self.0.subtrees.update(streams.log(), stream, own) {
            Ok(change) => change,
            Err(error) => {
                tracing::error!(%error, stream = %stream.path, "cannot tell the streams below of a processor");
                return;
            }
        };
        if change == Change::None {
            return;
        }
        for (below, entry) in &*self.running() {
            if below.project == stream.project && below.path.is_below(&stream.path) {
                tell(&entry.deployed, &self.effective(below, &entry.own, &entry.bases));
            }
        }
        if change == Change::Redelivers {
            let (supervisor, streams, above) = (self.clone(), streams.clone(), stream.clone());
            self.0.tasks.spawn(async move {
                let below = |key: &StreamKey| key.project == above.project && key.path.is_below(&above.path);
                if let Err(error) = supervisor.wake_heirs(&streams, below).await {
                    tracing::warn!(%error, stream = %above.path, "cannot redeliver what has failed below a stream");
                }
            });
        }
    }

    /// A stream's own deployments and those that it has from above.
    fn effective(
        &self,
        stream: &StreamKey,
        own: &Arc<DeploymentSet>,
        bases: &BTreeMap<Slug, Offset>,
    ) -> Arc<DeploymentSet> {
        let inherited = self.0.subtrees.inherited(stream, own, bases);
        if inherited.is_empty() {
            return own.clone();
        }
        let mut set = own.as_ref().clone();
        set.processors.extend(inherited);
        Arc::new(set)
    }

    /// What a stream has from those above it.
    pub fn inherited(&self, stream: &StreamKey, own: &DeploymentSet) -> BTreeMap<Slug, Deployment> {
        self.0.subtrees.inherited(stream, own, &BTreeMap::new())
    }

    pub fn inherited_slugs(&self, stream: &StreamKey) -> Vec<Slug> {
        self.inherited(stream, &DeploymentSet::default()).into_keys().collect()
    }

    /// Whether there is anything that the stream might have from above.
    pub fn has_some_above(&self, stream: &StreamKey) -> bool {
        self.0.subtrees.has_some_above(stream)
    }

    /// What the log keeps for a processor of a stream.
    pub fn stored_mark(&self, stream: &StreamKey, slug: &Slug) -> Option<progress::Mark> {
        let log = self.0.streams.get()?.log();
        let record = log.find(stream).ok()??;
        Store::new(log.clone(), record.id, slug).read_mark().ok()?
    }

    fn spawn(&self, stream: &StreamKey, slug: &Slug, set: &DeploymentSet, entry: &mut Running) {
        let Some(streams) = self.0.streams.get() else { return };
        if self.0.shutdown.is_cancelled() {
            return;
        }
        // However many streams it runs on, a processor is counted where it is configured.
        let inherited = set.processors.get(slug).and_then(|deployment| deployment.inherited.as_ref());
        let counted = inherited.map_or(stream, |inherited| &inherited.owner.key);
        let progress = Arc::new(Progress::default());
        entry.followers.insert(slug.clone(), progress.clone());
        let context = follower::Context {
            supervisor: self.clone(),
            streams: streams.clone(),
            isolates: self.0.isolates.clone(),
            egress: self.0.egress.clone(),
            fan_out: self.0.fan_out.clone(),
            simulations: self.0.simulations.clone(),
            stream: stream.clone(),
            slug: slug.clone(),
            deployed: entry.deployed.subscribe(),
            progress,
            usage: self.0.usages.of(counted, slug),
            hibernate_after: self.0.hibernate_after,
            shutdown: self.0.shutdown.clone(),
            tasks: self.0.tasks.clone(),
            home: Only::Any,
            owner: None,
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

    /// The states of a stream's scripted processors.
    pub async fn states(
        &self,
        stream: &StreamKey,
        slugs: &BTreeSet<Slug>,
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

/// A set that was put together anew is often the same as before.
fn tell(deployed: &watch::Sender<Arc<DeploymentSet>>, set: &Arc<DeploymentSet>) {
    deployed.send_if_modified(|known| {
        let changed = !Arc::ptr_eq(known, set) && **known != **set;
        *known = set.clone();
        changed
    });
}
