//! The process and everything in it: opens the log, starts the streams, the supervisor and the isolates,
//! and takes them down in an order that loses nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millrace_bundler::{Bundler, BundlerOptions};
use serde_json::{Map, Value, json};
use tokio_util::task::AbortOnDropHandle;

use crate::egress::{Egress, EgressOptions, OpenSecretsError, Secrets, SecretsOptions};
use crate::event::{Slug, StreamKey, StreamPath};
use crate::isolate::{IsolateOptions, Isolates};
use crate::jsonata::Evaluators;
use crate::limits::HIBERNATE_AFTER;
use crate::log::{Engine, Log, LogError, LogOptions, OpenError, StreamRecord};
use crate::memory;
use crate::processor::BuiltinProcessor;
use crate::processors::causation::Causation;
use crate::processors::circuit_breaker::CircuitBreaker;
use crate::processors::deployments::Deployments;
use crate::processors::metadata::Metadata;
use crate::processors::scheduler::Scheduler;
use crate::processors::simulation::Simulations;
use crate::processors::subscriptions::{self, Subscriptions};
use crate::processors::transformers::Transformers;
use crate::processors::travel::Travel;
use crate::processors::{Alarms, Bundling, Deliveries, ProcessorReport, Supervisor, Transforming};
use crate::stream::{AppendError, StreamState, Streams};

pub struct HostOptions {
    pub data: PathBuf,
    /// None: the one that the folder records, or sled in a new one.
    pub engine: Option<Engine>,
    pub sled_cache_bytes: u64,
    /// Worker processes; none: one per core.
    pub workers: Option<usize>,
    /// None: the default of `limits`.
    pub hibernate_after: Option<Duration>,
    pub bundler: BundlerOptions,
    pub egress: EgressOptions,
    /// The key that secrets are encrypted under. None: one in the data folder.
    pub secret_key: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot find this program's own file, which the workers are started from: {0}")]
    Program(std::io::Error),
    #[error(transparent)]
    Secrets(#[from] OpenSecretsError),
    #[error("cannot take up the processors that run on the streams below their own: {0}")]
    Subtrees(AppendError),
}

#[derive(Clone)]
pub struct Host {
    log: Log,
    streams: Streams,
    supervisor: Supervisor,
    bundling: Bundling,
    alarms: Alarms,
    deliveries: Deliveries,
    isolates: Isolates,
    evaluators: Evaluators,
    transforming: Transforming,
    egress: Egress,
    travel: Travel,
    simulations: Simulations,
    /// Ends with the last handle.
    _memory: Arc<AbortOnDropHandle<()>>,
}

impl Host {
    /// Needs a tokio runtime. Opening a large store takes seconds, so it happens on a thread of its own.
    pub async fn start(options: HostOptions) -> Result<Host, StartError> {
        let program = std::env::current_exe().map_err(StartError::Program)?;
        let log_options = LogOptions { engine: options.engine, sled_cache_bytes: options.sled_cache_bytes };
        let data = options.data.clone();
        let secrets = SecretsOptions { folder: options.data.clone(), key: options.secret_key };
        let opening = move || -> Result<(Log, Secrets), StartError> {
            let log = Log::open(&data, log_options)?;
            // Only now is the folder known to be this process's own.
            Ok((log, Secrets::open(secrets)?))
        };
        let (log, secrets) = tokio::task::spawn_blocking(opening)
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let egress = Egress::new(options.egress, secrets);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let evaluators = Evaluators::new(program.clone());
        let isolates = Isolates::start(IsolateOptions { workers: options.workers.unwrap_or(cores), program });
        let bundling = Bundling::new(Bundler::new(options.bundler), isolates.clone());
        let hibernate_after = options.hibernate_after.unwrap_or(HIBERNATE_AFTER);
        let deliveries = Deliveries::new(&egress, evaluators.clone());
        let supervisor = Supervisor::new(
            isolates.clone(),
            egress.clone(),
            bundling.clone(),
            deliveries.clone(),
            hibernate_after,
        );
        let transforming = Transforming::new(evaluators.clone(), hibernate_after);
        let alarms = Alarms::default();
        let parts = Parts {
            log: log.clone(),
            supervisor: supervisor.clone(),
            bundling: bundling.clone(),
            alarms: alarms.clone(),
            transforming: transforming.clone(),
            deliveries: deliveries.clone(),
        };
        let builtins = builtins(parts);
        let streams = Streams::start(log.clone(), builtins);
        bundling.start(streams.clone());
        transforming.start(streams.clone());
        deliveries.start(streams.clone());
        supervisor.start(streams.clone());
        supervisor.take_up_subtrees().await.map_err(StartError::Subtrees)?;
        alarms.start(streams.clone());
        let travel = Travel::new(streams.clone(), isolates.clone(), supervisor.subtrees());
        let simulations =
            Simulations::new(streams.clone(), isolates.clone(), bundling.clone(), travel.clone());
        supervisor.simulate_with(simulations.clone());
        let counted = streams.clone();
        let memory = tokio::spawn(memory::give_back(move || counted.running_count()));
        let _memory = Arc::new(AbortOnDropHandle::new(memory));
        Ok(Host {
            log,
            streams,
            supervisor,
            bundling,
            alarms,
            deliveries,
            isolates,
            evaluators,
            transforming,
            egress,
            travel,
            simulations,
            _memory,
        })
    }

    pub fn travel(&self) -> &Travel {
        &self.travel
    }

    pub fn simulations(&self) -> &Simulations {
        &self.simulations
    }

    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    pub fn bundling(&self) -> &Bundling {
        &self.bundling
    }

    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    pub fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    pub fn isolates(&self) -> &Isolates {
        &self.isolates
    }

    pub fn transforming(&self) -> &Transforming {
        &self.transforming
    }

    pub fn evaluators(&self) -> &Evaluators {
        &self.evaluators
    }

    /// What `__state` shows: the built-ins' states, and those of the scripted processors.
    pub async fn state(&self, stream: &StreamKey) -> Result<Option<Value>, AppendError> {
        let Some(mut state) = self.known_state(stream).await? else { return Ok(None) };
        // A fork that has just been made may not have run any of its processors.
        let is_fork = self.log.find(stream)?.is_some_and(|record| self.log.fork_of(record.id).is_some());
        let deployed = state["processors"]["deployments"]["processors"].as_object();
        let deployed = deployed.into_iter().flat_map(|deployed| deployed.keys());
        let lacks = |name: &&String| is_fork && state["processors"].get(name.as_str()).is_none();
        let lacking: Vec<String> = deployed.filter(lacks).cloned().collect();
        for name in lacking {
            let Ok(slug) = Slug::parse(&name) else { continue };
            match self.travel.state_at(stream, &slug, None).await {
                Ok(then) => state["processors"][name.as_str()] = then.state.decode().unwrap_or_default(),
                Err(error) => tracing::debug!(%error, %slug, "a fork's processor has no state to show"),
            }
        }
        Ok(Some(state))
    }

    /// As it is known without running anything.
    async fn known_state(&self, stream: &StreamKey) -> Result<Option<Value>, AppendError> {
        let Some(state) = self.streams.state(stream).await? else { return Ok(None) };
        let mut slugs: BTreeSet<Slug> = state.builtins["deployments"]["processors"]
            .as_object()
            .map(|deployed| deployed.keys().filter_map(|slug| Slug::parse(slug).ok()).collect())
            .unwrap_or_default();
        slugs.extend(self.supervisor.inherited_slugs(stream));
        let scripted = self.supervisor.states(stream, &slugs).await?;
        Ok(Some(self.show(stream, state, scripted).await?))
    }

    async fn show(
        &self,
        stream: &StreamKey,
        state: StreamState,
        scripted: BTreeMap<Slug, Value>,
    ) -> Result<Value, LogError> {
        let mut processors: Map<String, Value> = state.builtins;
        let metadata = processors.remove("metadata").unwrap_or_default();
        let paused = processors["circuit-breaker"]["paused"].clone();
        for (slug, value) in scripted {
            processors.insert(slug.to_string(), value);
        }
        Ok(json!({
            "project": stream.project,
            "path": stream.path,
            "createdAt": state.record.created_at,
            "eventCount": state.tail,
            "childPaths": self.child_paths(stream).await?,
            "metadata": metadata,
            "paused": paused,
            "processors": processors,
        }))
    }

    /// Everything below a stream: read on a thread that may block, for the root has all.
    pub async fn descendants(&self, stream: &StreamKey) -> Result<Vec<StreamRecord>, LogError> {
        let (log, stream) = (self.log.clone(), stream.clone());
        let reading = tokio::task::spawn_blocking(move || log.descendants(&stream.project, &stream.path));
        reading.await.unwrap_or(Err(LogError::Closed))
    }

    /// The immediate children, by name.
    async fn child_paths(&self, stream: &StreamKey) -> Result<Vec<StreamPath>, LogError> {
        let descendants = self.descendants(stream).await?;
        let mut children: Vec<StreamPath> = descendants
            .iter()
            .filter(|record| !record.key.path.is_system())
            .filter_map(|record| stream.path.child_towards(&record.key.path))
            .collect();
        children.sort();
        children.dedup();
        Ok(children)
    }

    pub async fn processors(&self, stream: &StreamKey) -> Result<Option<Vec<ProcessorReport>>, AppendError> {
        self.supervisor.report(stream).await
    }

    /// Each subscription of a stream: its configuration, how far it has come, and what is wrong with it.
    pub async fn subscriptions(&self, stream: &StreamKey) -> Result<Option<Vec<Value>>, AppendError> {
        let Some(mut state) = self.streams.state(stream).await? else { return Ok(None) };
        let shown = state.builtins.remove(subscriptions::SLUG).unwrap_or_default();
        let list = shown["subscribersBySlug"].as_object().into_iter().flatten().map(|(_, subscription)| {
            let mut subscription = subscription.clone();
            let acked = subscription["acked"].as_u64().unwrap_or_default();
            subscription["tail"] = json!(state.tail);
            subscription["lag"] = json!(state.tail.0.saturating_sub(acked));
            subscription
        });
        Ok(Some(list.collect()))
    }

    /// Destroys a stream, with everything below it when asked; the last state of each.
    pub async fn destroy(
        &self,
        stream: &StreamKey,
        children: bool,
    ) -> Result<BTreeMap<StreamPath, Value>, AppendError> {
        self.streams.settle_below(stream).await;
        let mut doomed = Vec::new();
        if children {
            doomed = self.descendants(stream).await?.into_iter().map(|record| record.key).collect();
        }
        // From the top: a processor that is gone brings no child back.
        doomed.push(stream.clone());
        doomed.sort_by_key(|key| key.path.as_str().len());
        // What each has come to, as long as all of them are there.
        let mut states = BTreeMap::new();
        for key in &doomed {
            states.extend(self.known_state(key).await?.map(|state| (key.path.clone(), state)));
        }
        let mut destroyed = BTreeMap::new();
        for key in doomed {
            if self.streams.delete(&key).await?.is_some() {
                destroyed.insert(key.path.clone(), states.remove(&key.path).unwrap_or_default());
            }
        }
        Ok(destroyed)
    }

    /// Hooks under way come to an end or are left to be acted on again; then streams, then the log.
    pub async fn shutdown(&self) {
        self.alarms.shutdown().await;
        self.supervisor.shutdown().await;
        self.bundling.shutdown().await;
        self.deliveries.shutdown().await;
        self.transforming.shutdown().await;
        self.evaluators.shutdown().await;
        self.isolates.shutdown().await;
        self.streams.shutdown().await;
        self.log.close().await;
    }
}

/// What the built-in processors of streams are made of.
struct Parts {
    log: Log,
    supervisor: Supervisor,
    bundling: Bundling,
    alarms: Alarms,
    transforming: Transforming,
    deliveries: Deliveries,
}

/// The built-in processors of a stream, in the order in which they see each event.
fn builtins(parts: Parts) -> Box<crate::stream::Builtins> {
    Box::new(move |stream| {
        let Parts { log, supervisor, bundling, alarms, transforming, deliveries } = &parts;
        let builtins: Vec<Box<dyn BuiltinProcessor>> = vec![
            Box::new(CircuitBreaker::new(stream.path.clone())),
            Box::new(Causation::new(log.clone(), stream.clone())),
            Box::new(Metadata::default()),
            Box::new(Scheduler::new(alarms.clone(), stream.clone())),
            Box::new(Deployments::new(supervisor.clone(), bundling.clone(), stream.clone())),
            Box::new(Transformers::new(transforming.clone(), stream.clone())),
            Box::new(Subscriptions::new(deliveries.clone(), stream.clone())),
        ];
        builtins
    })
}
