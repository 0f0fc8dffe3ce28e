//! Drives one scripted processor over one stream: activates what was configured, then has each event
//! reduced and acted on, and keeps the marks that say how far that has come. All that it knows is in the
//! log: whatever goes wrong, it starts again from there.

pub(super) mod activate;
mod candidate;
mod drive;
mod failing;
pub(super) mod history;
mod inherit;
mod record;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use activate::Loaded;

use super::deployments::{DeploymentSet, Status};
use super::fan_out::FanOut;
use super::positions::Positions;
use super::progress::{Progress, Store};
use super::simulation::Simulations;
use super::supervisor::Supervisor;
use super::usage::Usage;
use crate::egress::Egress;
use crate::event::builtin::ProcessorConfigured;
use crate::event::{Event, Kind, Offset, Slug, StreamKey};
use crate::isolate::{IsolateError, Isolates};
use crate::limits::{FOLLOWER_RETRY_FIRST, FOLLOWER_RETRY_MAX};
use crate::log::{LogError, StreamRecord};
use crate::stream::{AppendError, Only, Streams};

pub struct Context {
    pub supervisor: Supervisor,
    pub streams: Streams,
    pub isolates: Isolates,
    pub egress: Egress,
    pub fan_out: Arc<FanOut>,
    pub simulations: Arc<OnceLock<Simulations>>,
    pub stream: StreamKey,
    pub slug: Slug,
    pub deployed: watch::Receiver<Arc<DeploymentSet>>,
    pub progress: Arc<Progress>,
    pub usage: Arc<Usage>,
    pub hibernate_after: Duration,
    pub shutdown: CancellationToken,
    /// Where log writers are started, so that a shutdown waits for their last line.
    pub tasks: TaskTracker,
    /// The stream as this follower has found it: what it has to say is not for a later one at the same path.
    pub home: Only,
    /// The stream where the processor is configured, when that is one above.
    pub owner: Option<Arc<StreamRecord>>,
    /// A newer version, loaded while the earlier one still ran.
    pub prepared: Option<Loaded>,
    /// Of the configuration that has failed last, for the next failure.
    pub positions: Mutex<Option<(Offset, Arc<Positions>)>>,
    /// Events in one call to `reduce`: one alone, once some event has brought down a whole worker.
    pub batch_events: usize,
}

/// Why a follower has nothing more to do for now.
enum Rest {
    /// Nothing is owed up to here.
    Idle(Offset),
    /// What is deployed has changed: look again.
    Changed,
    /// The stream is gone, or the processor is, or the server is going.
    Over,
}

/// Trouble of the machinery, not of the script: it passes, or the next attempt reports it again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("{0}")]
    Isolate(String),
}

impl From<IsolateError> for Trouble {
    fn from(error: IsolateError) -> Trouble {
        Trouble::Isolate(error.to_string())
    }
}

pub(super) async fn run(mut context: Context) {
    let mut delay = FOLLOWER_RETRY_FIRST;
    loop {
        let outcome = context.step().await;
        // Whatever comes next, this isolate is done with: what it left running must not go on beside the next.
        context.progress.update(|shown| shown.isolate = None);
        let seen = match outcome {
            Ok(Rest::Changed) => {
                delay = FOLLOWER_RETRY_FIRST;
                continue;
            }
            Ok(Rest::Idle(seen)) => seen,
            Ok(Rest::Over) | Err(Trouble::Append(AppendError::Destroyed(_))) => Offset::END,
            // What ends around it is no news.
            Err(trouble) if context.shutdown.is_cancelled() => {
                tracing::debug!(stream = %context.stream.path, slug = %context.slug, %trouble, "a processor's follower ends");
                Offset::END
            }
            Err(trouble) => {
                tracing::warn!(stream = %context.stream.path, slug = %context.slug, %trouble, "a processor's follower starts again");
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = context.shutdown.cancelled() => {}
                }
                delay = (delay * 2).min(FOLLOWER_RETRY_MAX);
                continue;
            }
        };
        if context.supervisor.finish(&context.stream, &context.slug, seen, &context.deployed) {
            return;
        }
    }
}

impl Context {
    /// One life of what is deployed now: activated if it is new, then driven until something changes.
    async fn step(&mut self) -> Result<Rest, Trouble> {
        if self.shutdown.is_cancelled() {
            return Ok(Rest::Over);
        }
        let set = self.deployed.borrow_and_update().clone();
        let Some(record) = self.streams.log().find(&self.stream)? else { return Ok(Rest::Over) };
        self.home = Only::This(record.id);
        let store = Store::new(self.streams.log().clone(), record.id, &self.slug);
        let Some(deployment) = set.processors.get(&self.slug) else {
            // What was taken from above may be given again, with the next event.
            if self.owner.is_none() {
                store.forget().await?;
            }
            return Ok(Rest::Over);
        };
        let owner = deployment.inherited.as_ref().map(|inherited| inherited.owner.clone());
        if owner != self.owner {
            // The same offset names another configuration there.
            self.positions = Mutex::default();
            self.owner = owner;
        }
        if let Some(inherited) = &deployment.inherited {
            return self.inherit(&record, &store, deployment, inherited, &set).await;
        }
        match deployment.status {
            Status::Starting => self.activate(&record, &store, deployment, &set).await,
            Status::Suspended => Ok(Rest::Idle(Offset::END)),
            Status::Active | Status::Failed => self.resume(&record, &store, deployment, &set).await,
        }
    }

    /// Whether the processor is not to see this event: it would loop on the news of itself.
    fn is_own_lifecycle(&self, event: &Event) -> bool {
        is_lifecycle_of(&self.slug, event)
    }
}

/// Whether an event tells of what becomes of this processor.
pub(super) fn is_lifecycle_of(slug: &Slug, event: &Event) -> bool {
    #[derive(serde::Deserialize)]
    struct Named {
        slug: Option<String>,
    }
    (event.event_type.as_str().starts_with("processor/") || event.kind() == Some(Kind::ProcessorConfigured))
        && event.payload.decode::<Named>().is_ok_and(|named| named.slug.as_deref() == Some(slug.as_str()))
}

/// What was configured at `offset`; none when that event is not there, or is of another kind.
pub(super) fn read_configuration(
    streams: &Streams,
    record: &StreamRecord,
    offset: Offset,
) -> Result<Option<ProcessorConfigured>, LogError> {
    let event = streams.log().read_one(record, offset)?;
    Ok(event.and_then(|event| event.payload.decode().ok()))
}
