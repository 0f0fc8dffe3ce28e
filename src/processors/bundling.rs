//! The bundler as a stream processor: it reacts to a source with a bundle, or with what is wrong with it. What it
//! still owes is in the log (a source without an answer) and in one mark (a bundle whose types were not checked yet),
//! so a crash costs only time; an answer's idempotency key says of which source it is, so none stands twice.

mod job;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use millrace_bundler::{Bundle, BundleError, Bundler, Diagnostic, Severity, Step};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::deployments::DeploymentSet;
use super::sources::SourceStatus;
use crate::event::builtin::{BundleRecord, ProcessorSourceConfigured};
use crate::event::{Event, Offset, Slug, SourceKind, StreamKey};
use crate::isolate::Isolates;
use crate::limits::BUILDS_MAX;
use crate::stream::Streams;

pub use job::configuration;

/// The bundler's name as the author of events.
pub use crate::event::BUNDLER as SLUG;

#[derive(Clone)]
pub struct Bundling(Arc<Inner>);

struct Inner {
    bundler: Bundler,
    isolates: Isolates,
    /// Set right after the streams have started, which need this for their built-ins.
    streams: OnceLock<Streams>,
    jobs: Mutex<HashMap<(StreamKey, Slug), Running>>,
    /// Builds that run at once; the others wait in line.
    permits: Semaphore,
    built: AtomicU64,
    failed: AtomicU64,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// Figures since the start, but for what runs now.
pub struct BuildStats {
    pub running: u64,
    pub built: u64,
    pub failed: u64,
}

/// What is being done for one source.
struct Running {
    offset: Offset,
    stop: CancellationToken,
    step: Arc<Mutex<Option<Step>>>,
}

impl Bundling {
    pub fn new(bundler: Bundler, isolates: Isolates) -> Bundling {
        Bundling(Arc::new(Inner {
            bundler,
            isolates,
            streams: OnceLock::new(),
            jobs: Mutex::default(),
            permits: Semaphore::new(BUILDS_MAX),
            built: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    pub fn start(&self, streams: Streams) {
        assert!(self.0.streams.set(streams).is_ok(), "the bundler is started once");
    }

    /// A stream has new events, or (`fresh`) has just started: sources without an answer are built, and what is
    /// being built for another than the newest is given up.
    pub fn committed(&self, stream: &StreamKey, set: &DeploymentSet, fresh: bool) {
        let mut jobs = self.jobs();
        if set.sources.is_empty() && jobs.is_empty() {
            return;
        }
        jobs.retain(|(of, slug), job| {
            let newest = set.sources.of(slug).is_some_and(|source| source.offset == job.offset);
            if of == stream && !newest {
                job.stop.cancel();
            }
            of != stream || newest
        });
        for (slug, source) in set.sources.iter() {
            let owed = match source.status {
                SourceStatus::Building => true,
                // Its types may not have been checked when the server went down.
                SourceStatus::Built => fresh,
                SourceStatus::Failed => false,
            };
            let place = (stream.clone(), slug.clone());
            if owed && !jobs.contains_key(&place) {
                let previous = set.processors.get(slug).map(|deployment| deployment.configured);
                if let Some(running) = self.spawn(&place, source.offset, source.status, previous) {
                    jobs.insert(place, running);
                }
            }
        }
    }

    fn spawn(
        &self,
        (stream, slug): &(StreamKey, Slug),
        offset: Offset,
        status: SourceStatus,
        previous: Option<Offset>,
    ) -> Option<Running> {
        let streams = self.0.streams.get()?.clone();
        let stop = self.0.shutdown.child_token();
        if stop.is_cancelled() {
            return None;
        }
        let step = Arc::<Mutex<Option<Step>>>::default();
        let job = job::Job {
            bundling: self.clone(),
            streams,
            stream: stream.clone(),
            slug: slug.clone(),
            offset,
            is_built: status == SourceStatus::Built,
            previous,
            stop: stop.clone(),
            step: step.clone(),
        };
        self.0.tasks.spawn(job.run());
        Some(Running { offset, stop, step })
    }

    /// Builds what is not deployed, with the versions of a bundle before it where it has no lock of its own; and, when
    /// asked, what the type checker finds.
    pub async fn build(
        &self,
        source: &ProcessorSourceConfigured,
        previous: Option<&BundleRecord>,
        checks: bool,
    ) -> Result<(Arc<Bundle>, Vec<Diagnostic>), BundleError> {
        let ended = || BundleError::Machinery("the server is shutting down".into());
        let _turn = self.0.permits.acquire().await.map_err(|_| ended())?;
        let project =
            Arc::new(job::project(source, || previous.and_then(job::lock_of)).map_err(BundleError::Failed)?);
        let bundle = self.0.bundler.build(&project, &|_| {}).await?;
        let found = if checks { self.0.bundler.check(&project, &|_| {}).await? } else { Vec::new() };
        Ok((bundle, found.into_iter().filter(|found| found.severity == Severity::Error).collect()))
    }

    /// What is being done for the newest source of a processor.
    pub fn step(&self, stream: &StreamKey, slug: &Slug) -> Option<Step> {
        let step = self.jobs().get(&(stream.clone(), slug.clone()))?.step.clone();
        let step = step.lock().expect("nothing panics while it holds a step");
        step.clone()
    }

    pub fn stats(&self) -> BuildStats {
        BuildStats {
            running: self.jobs().len() as u64,
            built: self.0.built.load(Relaxed),
            failed: self.0.failed.load(Relaxed),
        }
    }

    fn finished(&self, stream: &StreamKey, slug: &Slug, offset: Offset) {
        let mut jobs = self.jobs();
        let place = (stream.clone(), slug.clone());
        if jobs.get(&place).is_some_and(|job| job.offset == offset) {
            jobs.remove(&place);
        }
    }

    /// What is not answered by now is built again at the next start.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.bundler.shutdown().await;
    }

    fn jobs(&self) -> MutexGuard<'_, HashMap<(StreamKey, Slug), Running>> {
        self.0.jobs.lock().expect("nothing panics while it holds the register of builds")
    }
}

/// Whether the bundler has said this.
pub fn is_bundlers(event: &Event) -> bool {
    event.source.as_ref().is_some_and(|source| {
        source.kind == SourceKind::Processor && source.slug.as_ref().is_some_and(|slug| slug.as_str() == SLUG)
    })
}

/// The source that a configuration answers, when it is the bundler's.
pub fn answered_source(event: &Event, bundle: Option<&BundleRecord>) -> Option<Offset> {
    bundle.and_then(|bundle| bundle.source_offset).filter(|_| is_bundlers(event)).map(Offset)
}
