//! One source's way to its answer: built, appended, and then its types checked.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use millrace_bundler::{Bundle, BundleError, Diagnostic, Failure, Lock, Project, Severity, Stage, Step};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::super::pause::append_when_open;
use super::{Bundling, SLUG};
use crate::event::builtin::{
    BundleRecord, BundleWarning, Egress, ProcessorCompileFailed, ProcessorConfigured, ProcessorLimits,
    ProcessorSourceConfigured, ProcessorTypeErrorsFound, SCRIPT_MODULE, Typecheck,
};
use crate::event::{Event, EventInput, IdempotencyKey, Json, Kind, Offset, Slug, StreamKey, words};
use crate::isolate::Sources;
use crate::limits::{BUILD_ATTEMPTS_MAX, EVENT_BYTES_MAX, FOLLOWER_RETRY_FIRST, FOLLOWER_RETRY_MAX};
use crate::log::{LogError, StreamRecord};
use crate::stream::{AppendError, Only, Origin, Streams};

pub struct Job {
    pub bundling: Bundling,
    pub streams: Streams,
    pub stream: StreamKey,
    pub slug: Slug,
    /// Where the source stands.
    pub offset: Offset,
    pub is_built: bool,
    /// The slug's configuration before this source: its lock keeps versions as they are.
    pub previous: Option<Offset>,
    pub stop: CancellationToken,
    pub step: Arc<Mutex<Option<Step>>>,
}

/// However a job ends, also by a panic, nothing shows it as running any more.
struct Done<'a>(&'a Job);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.bundling.finished(&self.0.stream, &self.0.slug, self.0.offset);
    }
}

/// What may pass: the job is tried again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("{0}")]
    Machinery(String),
}

/// A source as it was found in the log.
struct Found {
    record: StreamRecord,
    event: Arc<Event>,
    configured: ProcessorSourceConfigured,
    project: Arc<Project>,
    /// Why there is no project to build.
    failure: Option<Failure>,
}

impl Job {
    pub async fn run(self) {
        let stop = self.stop.clone();
        let _done = Done(&self);
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.until_done() => {}
        }
    }

    async fn until_done(&self) {
        let mut delay = FOLLOWER_RETRY_FIRST;
        let mut is_built = self.is_built;
        for attempt in 1.. {
            match self.attempt(&mut is_built, attempt >= BUILD_ATTEMPTS_MAX).await {
                Ok(()) | Err(Trouble::Append(AppendError::Destroyed(_) | AppendError::ShuttingDown)) => {
                    return;
                }
                Err(trouble) => {
                    tracing::warn!(stream = %self.stream.path, slug = %self.slug, offset = %self.offset, %trouble, "a source's build is tried again");
                }
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(FOLLOWER_RETRY_MAX);
        }
    }

    /// The `last` attempt tells the author what an earlier one keeps to the operator.
    async fn attempt(&self, is_built: &mut bool, last: bool) -> Result<(), Trouble> {
        // A source in memory is what is bounded here; what computes takes its turn in the bundler.
        let _turn = self.bundling.0.permits.acquire().await.map_err(|_| AppendError::ShuttingDown)?;
        let Some(found) = self.find()? else { return Ok(()) };
        if !*is_built && !self.build(&found, last).await? {
            return Ok(());
        }
        *is_built = true;
        if found.configured.typecheck == Typecheck::Report {
            self.report_type_errors(&found, last).await?;
        }
        self.streams.log().write_slot_lazily(
            found.record.id,
            &self.mark(),
            Some(self.offset.to_string().into_bytes()),
        );
        Ok(())
    }

    fn mark(&self) -> String {
        format!("bundler/{}", self.slug)
    }

    /// None when there is nothing left to do.
    fn find(&self) -> Result<Option<Found>, Trouble> {
        let log = self.streams.log();
        let Some(record) = log.find(&self.stream)? else { return Ok(None) };
        let done = log.read_slot(record.id, &self.mark())?;
        if done.is_some_and(|done| done == self.offset.to_string().into_bytes()) {
            return Ok(None);
        }
        // The types of what another stream has built have been checked there.
        if self.is_built && log.fork_of(record.id).is_some_and(|fork| self.offset <= fork.at) {
            return Ok(None);
        }
        let Some(event) = log.read_one(&record, self.offset)? else { return Ok(None) };
        let Ok(configured) = event.payload.decode::<ProcessorSourceConfigured>() else { return Ok(None) };
        let previous = if configured.lock.is_none() { self.previous_lock(&record)? } else { None };
        let (project, failure) = match project(&configured, || previous) {
            Ok(project) => (Arc::new(project), None),
            Err(failure) => (Arc::default(), Some(failure)),
        };
        Ok(Some(Found { record, event, configured, project, failure }))
    }

    fn previous_lock(&self, record: &StreamRecord) -> Result<Option<Lock>, LogError> {
        let Some(offset) = self.previous else { return Ok(None) };
        let configured = self
            .streams
            .log()
            .read_one(record, offset)?
            .and_then(|event| event.payload.decode::<ProcessorConfigured>().ok());
        Ok(configured.and_then(|configured| lock_of(&configured.bundle?)))
    }

    /// Whether there is a bundle now.
    async fn build(&self, found: &Found, last: bool) -> Result<bool, Trouble> {
        if let Some(failure) = &found.failure {
            return self.fail(found, failure.clone()).await;
        }
        let bundle = match self.bundling.0.bundler.build(&found.project, &|step| self.show(step)).await {
            Ok(bundle) => bundle,
            Err(BundleError::Failed(failure)) => return self.fail(found, failure).await,
            Err(BundleError::Machinery(message)) if last => {
                return self.fail(found, host_trouble(found, Stage::Link, message)).await;
            }
            Err(BundleError::Machinery(message)) => return Err(Trouble::Machinery(message)),
        };
        if found.configured.typecheck == Typecheck::Require {
            let errors = match self.check(found).await {
                Ok(errors) => errors,
                Err(BundleError::Failed(failure)) => return self.fail(found, failure).await,
                Err(BundleError::Machinery(message)) if last => {
                    return self.fail(found, host_trouble(found, Stage::Typecheck, message)).await;
                }
                Err(BundleError::Machinery(message)) => return Err(Trouble::Machinery(message)),
            };
            if !errors.is_empty() {
                return self.fail(found, Failure { stage: Stage::Typecheck, diagnostics: errors }).await;
            }
        }
        self.compile_ahead(&bundle);
        let payload = configuration(&found.configured, Some(self.offset), &bundle);
        if payload.as_str().len() > EVENT_BYTES_MAX {
            return self.fail(found, too_large(&found.project, payload.as_str().len())).await;
        }
        self.append(found, Kind::ProcessorConfigured, payload, "answer").await?;
        self.bundling.0.built.fetch_add(1, Relaxed);
        Ok(true)
    }

    /// While the event is on its way to the disk, its script is compiled: who loads it then finds the bytecode, or
    /// waits for this, and hears for itself of what is wrong.
    fn compile_ahead(&self, bundle: &Bundle) {
        let (isolates, stop) = (self.bundling.0.isolates.clone(), self.stop.clone());
        let sources = Sources::script(SCRIPT_MODULE, &bundle.script);
        self.bundling.0.tasks.spawn(async move {
            let _ = stop.run_until_cancelled(isolates.compile(Arc::new(sources))).await;
        });
    }

    async fn fail(&self, found: &Found, failure: Failure) -> Result<bool, Trouble> {
        let payload = ProcessorCompileFailed {
            slug: self.slug.clone(),
            source_offset: self.offset.0,
            stage: failure.stage,
            diagnostics: failure.diagnostics,
        };
        self.append(found, Kind::ProcessorCompileFailed, Json::of(&payload), "answer").await?;
        self.bundling.0.failed.fetch_add(1, Relaxed);
        Ok(false)
    }

    async fn report_type_errors(&self, found: &Found, last: bool) -> Result<(), Trouble> {
        let diagnostics = match self.check(found).await {
            Ok(diagnostics) => diagnostics,
            Err(BundleError::Machinery(message)) if !last => return Err(Trouble::Machinery(message)),
            // The processor runs; what the checker could not do is not the author's to mend.
            Err(error) => {
                tracing::warn!(stream = %self.stream.path, slug = %self.slug, %error, "the types of a source are not checked");
                return Ok(());
            }
        };
        if diagnostics.is_empty() {
            return Ok(());
        }
        let payload =
            ProcessorTypeErrorsFound { slug: self.slug.clone(), source_offset: self.offset.0, diagnostics };
        self.append(found, Kind::ProcessorTypeErrorsFound, Json::of(&payload), "types").await
    }

    /// The errors that the type checker finds.
    async fn check(&self, found: &Found) -> Result<Vec<Diagnostic>, BundleError> {
        let found = self.bundling.0.bundler.check(&found.project, &|step| self.show(step)).await?;
        Ok(found.into_iter().filter(|diagnostic| diagnostic.severity == Severity::Error).collect())
    }

    fn show(&self, step: Step) {
        *self.step.lock().expect("nothing panics while it holds a step") = Some(step);
    }

    fn key(&self, found: &Found, what: &str) -> IdempotencyKey {
        IdempotencyKey::derived(format!("bundler:{}:{}:{}:{what}", found.record.id.0, self.slug, self.offset))
    }

    async fn append(&self, found: &Found, kind: Kind, payload: Json, what: &str) -> Result<(), Trouble> {
        let mut input = EventInput::new(kind, payload);
        input.idempotency_key = Some(self.key(found, what));
        let origin = Origin::Processor {
            slug: Slug::parse(SLUG).expect("a valid slug"),
            cause: Some(found.event.clone()),
            only: Only::This(found.record.id),
        };
        append_when_open(&self.streams, &self.stream, input, origin, &self.stop).await?;
        Ok(())
    }
}

/// What the bundler is given; `previous` is the lock where the source has none of its own.
pub fn project(
    source: &ProcessorSourceConfigured,
    previous: impl FnOnce() -> Option<Lock>,
) -> Result<Project, Failure> {
    let mut project = Project {
        files: source.files.clone(),
        entry: source.entry.clone(),
        package_json: source.package_json.as_ref().map(|json| json.get().to_string()),
        lock: None,
    };
    let Some(own) = &source.lock else {
        project.lock = previous();
        return Ok(project);
    };
    let lock: Lock = serde_json::from_str(own.get())
        .map_err(|error| not_a_lock(&project, &words::of_json(&error, None)))?;
    if let Some(complaint) = lock.complaint() {
        return Err(not_a_lock(&project, &complaint));
    }
    project.lock = Some(lock);
    Ok(project)
}

/// One that this version does not understand is as good as none: the author did not ask for it.
pub fn lock_of(bundle: &BundleRecord) -> Option<Lock> {
    let lock: Lock = serde_json::from_str(bundle.lock.as_ref()?.as_str()).ok()?;
    lock.complaint().is_none().then_some(lock)
}

/// The payload of the fat bundle event.
pub fn configuration(source: &ProcessorSourceConfigured, offset: Option<Offset>, bundle: &Bundle) -> Json {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Payload<'a> {
        slug: &'a Slug,
        script: &'a str,
        source_map: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        include_children: bool,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        redeliver_failed: bool,
        #[serde(skip_serializing_if = "is_default")]
        limits: &'a ProcessorLimits,
        #[serde(skip_serializing_if = "Option::is_none")]
        egress: Option<&'a Egress>,
        bundle: BundleRecord,
    }
    let payload = Payload {
        slug: &source.slug,
        script: &bundle.script,
        source_map: serde_json::from_str(&bundle.source_map).ok(),
        include_children: source.include_children,
        redeliver_failed: source.redeliver_failed,
        limits: &source.limits,
        egress: source.egress.as_ref(),
        bundle: BundleRecord {
            source_offset: offset.map(|offset| offset.0),
            sha256: Some(bundle.sha256.clone()),
            bytes: Some(bundle.script.len() as u64),
            dependencies: bundle.dependencies.clone(),
            lock: bundle.lock.as_ref().map(Json::of),
            warnings: bundle.warnings.iter().map(warning).collect(),
        },
    };
    Json::of(&payload)
}

fn warning(diagnostic: &Diagnostic) -> BundleWarning {
    let Diagnostic { code, message, file, line, column, hint, .. } = diagnostic.clone();
    BundleWarning { code, message, file, line, column, hint }
}

fn is_default(limits: &&ProcessorLimits) -> bool {
    **limits == ProcessorLimits::default()
}

fn not_a_lock(project: &Project, why: &str) -> Failure {
    let message = format!("`lock` is not the lock of a bundle: {why}");
    let hint = "give the `bundle.lock` of a `processor/configured` event as it is there, or leave it out";
    Failure {
        stage: Stage::Install,
        diagnostics: vec![Diagnostic::of_source(project, "bad-lock", message).with_hint(hint)],
    }
}

fn host_trouble(found: &Found, stage: Stage, message: String) -> Failure {
    let message = format!("the server could not build this source: {message}");
    let hint = "this is no fault of the source: append it again when the server's operator has seen to it";
    let diagnostic = Diagnostic::of_source(&found.project, "host-trouble", message).with_hint(hint);
    Failure { stage, diagnostics: vec![diagnostic] }
}

fn too_large(project: &Project, bytes: usize) -> Failure {
    let message =
        format!("the bundle and its source map have {bytes} bytes; an event may have {EVENT_BYTES_MAX}");
    let hint = "import less of the packages, or smaller ones";
    Failure {
        stage: Stage::Link,
        diagnostics: vec![Diagnostic::of_source(project, "bundle-too-large", message).with_hint(hint)],
    }
}
