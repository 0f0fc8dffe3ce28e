//! Simulations: a candidate runs over the recorded history in a sealed isolate, with no effect. What it comes to, what it
//! would have appended and sent, where it fails, and what of that is otherwise than with the version that is live.

mod answers;
mod comparison;
mod items;
mod report;
mod request;
mod run;
mod stage;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use millrace_bundler::{BundleError, Failure, Stage as BuildStage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::task::AbortOnDropHandle;

use self::report::{Build, Counts, End, Lists, Live, Outcome, Range, Sink, Summary, line};
use self::request::Code;
use super::bundling::Bundling;
use super::travel::{Travel, TravelError};
use super::version::Version;
use crate::event::builtin::{ProcessorConfigured, ProcessorSourceConfigured, Typecheck};
use crate::event::{Offset, Slug, StreamKey, StreamPath};
use crate::isolate::Isolates;
use crate::limits::{SIMULATION_LINES_MAX, SIMULATION_WAIT, SIMULATIONS_MAX};
use crate::log::{LogError, StreamRecord};
use crate::stream::{AppendError, Streams};

pub use report::Answer;
pub use request::SimulateRequest;

/// Clones share the places.
#[derive(Clone)]
pub struct Simulations {
    streams: Streams,
    isolates: Isolates,
    bundling: Bundling,
    travel: Travel,
    places: Arc<Semaphore>,
}

#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    #[error("{0}")]
    Bad(String),
    #[error("there is no stream `{0}`: a simulation needs a history")]
    NoStream(StreamPath),
    #[error("stream `{0}` has no processor `{1}` to simulate: give code beside the slug")]
    NoProcessor(StreamPath, Slug),
    #[error("as many simulations run as may; try again in a moment")]
    Busy,
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("{0}")]
    Machinery(String),
    #[error("whoever asked has gone")]
    Gone,
}

impl SimulateError {
    /// What a script finds as the `code` of its error.
    pub fn code(&self) -> &'static str {
        match self {
            SimulateError::Bad(_) => "bad-body",
            SimulateError::NoStream(_) => "no-stream",
            SimulateError::NoProcessor(..) => "no-processor",
            SimulateError::Busy => "too-many-simulations",
            SimulateError::Append(_) | SimulateError::Machinery(_) | SimulateError::Gone => "unavailable",
        }
    }
}

impl From<LogError> for SimulateError {
    fn from(error: LogError) -> SimulateError {
        SimulateError::Append(error.into())
    }
}

impl From<report::Gone> for SimulateError {
    fn from(_: report::Gone) -> SimulateError {
        SimulateError::Gone
    }
}

/// A simulation that may begin.
struct Scene {
    simulations: Simulations,
    record: StreamRecord,
    request: SimulateRequest,
    after: Offset,
    /// Its last event.
    last: Offset,
    tail: Offset,
    live: Option<Version>,
    env: Arc<std::collections::BTreeMap<String, String>>,
    began: Instant,
    _place: OwnedSemaphorePermit,
}

impl Simulations {
    pub fn new(streams: Streams, isolates: Isolates, bundling: Bundling, travel: Travel) -> Simulations {
        let places = Arc::new(Semaphore::new(SIMULATIONS_MAX));
        Simulations { streams, isolates, bundling, travel, places }
    }

    /// Runs to the end, or until this future is dropped.
    pub async fn run(&self, stream: &StreamKey, request: SimulateRequest) -> Result<Answer, SimulateError> {
        let scene = self.prepare(stream, request).await?;
        let mut sink = Sink::Lists(Box::default());
        let summary = scene.play(&mut sink).await?;
        let lists = match sink {
            Sink::Lists(lists) => *lists,
            Sink::Lines(_) => Lists::default(),
        };
        Ok(Answer { summary, lists })
    }

    /// The same in lines, each as it comes; it ends when the lines are dropped.
    pub async fn lines(&self, stream: &StreamKey, request: SimulateRequest) -> Result<Lines, SimulateError> {
        let scene = self.prepare(stream, request).await?;
        let (sender, receiver) = mpsc::channel(SIMULATION_LINES_MAX);
        let playing = async move {
            let mut sink = Sink::Lines(sender.clone());
            let end = match scene.play(&mut sink).await {
                Ok(summary) => line(&End::Summary(&summary)),
                Err(error) => line(&End::Error { message: error.to_string() }),
            };
            let _ = sender.send(end).await;
        };
        Ok(Lines { receiver, _playing: AbortOnDropHandle::new(tokio::spawn(playing)) })
    }

    async fn prepare(&self, stream: &StreamKey, request: SimulateRequest) -> Result<Scene, SimulateError> {
        let log = self.streams.log();
        let no_stream = || SimulateError::NoStream(stream.path.clone());
        let record = log.find(stream)?.ok_or_else(no_stream)?;
        let tail = log.tail(record.id)?;
        let after = request.after.after(tail);
        let last = request.before.before(tail).previous().min(tail);
        if after > tail {
            return Err(SimulateError::Bad(format!(
                "`afterOffset` is {after}, and the newest event of stream `{}` is {tail}",
                stream.path
            )));
        }
        let place = self.places.clone().acquire_owned().map_err(|_| SimulateError::Busy);
        let place = tokio::time::timeout(SIMULATION_WAIT, place).await.unwrap_or(Err(SimulateError::Busy))?;
        let set = self.travel.deployments(stream).await?;
        let live = match request.is_named {
            true => Version::deployed(&self.streams, &record, &set, &request.slug)?,
            false => None,
        };
        if live.is_none() && matches!(request.code, Code::Deployed) {
            return Err(SimulateError::NoProcessor(stream.path.clone(), request.slug));
        }
        let env = set.env_of(&request.slug).clone();
        Ok(Scene {
            simulations: self.clone(),
            record,
            request,
            after,
            last: last.max(after),
            tail,
            live,
            env,
            began: Instant::now(),
            _place: place,
        })
    }
}

/// An answer in lines, as they come.
pub struct Lines {
    receiver: mpsc::Receiver<Bytes>,
    _playing: AbortOnDropHandle<()>,
}

impl Lines {
    pub async fn next(&mut self) -> Option<Bytes> {
        self.receiver.recv().await
    }
}

impl Scene {
    async fn play(mut self, sink: &mut Sink) -> Result<Summary, SimulateError> {
        let (version, build) = match self.version().await? {
            Ok(ready) => ready,
            Err(failure) => {
                let build = Build {
                    stage: Some(failure.stage),
                    diagnostics: failure.diagnostics,
                    ..Build::default()
                };
                return Ok(self.summary(Outcome::CompileFailed, None, build));
            }
        };
        run::Run::new(self, version).run(sink, build).await
    }

    /// What is to be run, or what keeps it from being built.
    async fn version(&mut self) -> Result<Result<(Version, Build), Failure>, SimulateError> {
        let code = std::mem::replace(&mut self.request.code, Code::Deployed);
        let (configuration, build) = match code {
            Code::Deployed => {
                let live = self.live.clone().expect("a simulation without code is of what is deployed");
                return Ok(Ok((live, Build::default())));
            }
            Code::Ready(configuration) => (*configuration, Build::default()),
            Code::Source(source, typecheck) => match self.build(&source, typecheck).await? {
                Ok(built) => built,
                Err(failure) => return Ok(Err(failure)),
            },
        };
        Ok(Ok((Version::candidate(configuration, self.env.clone()), build)))
    }

    async fn build(
        &self,
        source: &ProcessorSourceConfigured,
        typecheck: Typecheck,
    ) -> Result<Result<(ProcessorConfigured, Build), Failure>, SimulateError> {
        let of_live = self.live.as_ref().and_then(|live| live.configuration.bundle.as_ref());
        let built = self.simulations.bundling.build(source, of_live, typecheck != Typecheck::Off).await;
        let (bundle, type_errors) = match built {
            Ok(built) => built,
            Err(BundleError::Failed(failure)) => return Ok(Err(failure)),
            Err(BundleError::Machinery(message)) => return Err(SimulateError::Machinery(message)),
        };
        if typecheck == Typecheck::Require && !type_errors.is_empty() {
            return Ok(Err(Failure { stage: BuildStage::Typecheck, diagnostics: type_errors }));
        }
        let payload = super::bundling::configuration(source, None, &bundle);
        let configuration: ProcessorConfigured = payload
            .decode()
            .map_err(|error| SimulateError::Machinery(format!("the bundle cannot be configured: {error}")))?;
        let warnings = configuration.bundle.as_ref().map(|bundle| bundle.warnings.clone());
        let build = Build {
            stage: None,
            diagnostics: type_errors,
            warnings: warnings.unwrap_or_default(),
            dependencies: bundle.dependencies.clone(),
        };
        Ok(Ok((configuration, build)))
    }

    /// Of one in which nothing has run.
    fn summary(&self, outcome: Outcome, version: Option<String>, build: Build) -> Summary {
        Summary {
            outcome,
            stream_path: self.record.key.path.clone(),
            slug: self.request.slug.clone(),
            version,
            range: Range { after_offset: self.after, last_offset: self.after, events: 0 },
            state: None,
            counts: Counts::default(),
            cut: None,
            live: self.live.as_ref().map(|live| Live {
                version: live.version.clone(),
                configured_offset: live.configured,
                inherited_from: live.inherited_from.clone(),
                state: None,
                error: None,
            }),
            difference: None,
            build,
            took_ms: self.began.elapsed().as_millis() as u64,
            cpu_ms: 0,
        }
    }

    /// What the live version has behind an event.
    async fn live_now(&self, at: Offset) -> Result<Option<Live>, SimulateError> {
        let Some(live) = &self.live else { return Ok(None) };
        let (version, configured_offset) = (live.version.clone(), live.configured);
        let inherited_from = live.inherited_from.clone();
        let (state, error) = match self.simulations.travel.state_of(&self.record, live, at).await {
            Ok(state) => (Some(state), None),
            Err(error @ TravelError::Script(..)) => (None, Some(error.to_string())),
            Err(TravelError::Append(error)) => return Err(error.into()),
            Err(error) => return Err(SimulateError::Machinery(error.to_string())),
        };
        Ok(Some(Live { version, configured_offset, inherited_from, state, error }))
    }
}
