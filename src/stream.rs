//! Streams that run: each has one owner, an actor, and this is the door to all of them. The only write
//! of the system is `Streams::append`. Knows nothing of scripts, followers or HTTP.

mod actor;
mod announce;
mod append;
mod checkpoint;
mod fork;
mod subscription;
mod trail;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::event::{Event, EventInput, IdempotencyKey, Offset, Slug, StreamKey, Timestamp};
use crate::limits::STREAM_QUEUE_MAX;
use crate::log::{Log, LogError, StreamId, StreamRecord};
use crate::processor::{BuiltinProcessor, Rejection};

pub use append::Savepoint;
pub use fork::{Branch, ForkError};
pub use subscription::Subscription;
pub use trail::{Index, Trail};

/// Makes the built-in processors of one stream, in the order in which they see each event.
pub type Builtins = dyn Fn(&StreamKey) -> Vec<Box<dyn BuiltinProcessor>> + Send + Sync;

/// On whose behalf something is appended: becomes the event's `source`.
#[derive(Clone, Debug)]
pub enum Origin {
    Client,
    /// Somebody outside, in reaction to an event that was pushed there, by the subscription `slug` where that is known.
    Peer {
        slug: Option<Slug>,
        cause: Option<Arc<Event>>,
        /// The cause is in another project: only its depth is told.
        foreign: bool,
        only: Only,
    },
    /// A processor, in reaction to an event (none while it catches up).
    Processor {
        slug: Slug,
        cause: Option<Arc<Event>>,
        only: Only,
    },
    /// A transformer, of an event that it has matched.
    Transformer {
        slug: Slug,
        cause: Arc<Event>,
        only: Only,
    },
    /// The machinery itself, on behalf of a processor where there is one.
    Server {
        slug: Option<Slug>,
        cause: Option<Arc<Event>>,
        only: Only,
    },
}

/// Which stream an append is for: whichever is at the path, or none but this one. What is still under way for
/// a stream that was destroyed must not bring it back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Only {
    Any,
    This(StreamId),
}

impl Origin {
    fn only(&self) -> Only {
        match self {
            Origin::Client => Only::Any,
            Origin::Peer { only, .. }
            | Origin::Processor { only, .. }
            | Origin::Transformer { only, .. }
            | Origin::Server { only, .. } => *only,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error("the event was to land at offset {supplied}, but the next offset of stream `{stream}` is {expected}", stream = stream.path)]
    OffsetMismatch { stream: StreamKey, expected: Offset, supplied: Offset },
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("stream `{0}` has as many appends waiting as it may have; try again in a moment")]
    Busy(crate::event::StreamPath),
    #[error("stream `{0}` has been destroyed")]
    Destroyed(crate::event::StreamPath),
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error(transparent)]
    Log(#[from] Arc<LogError>),
}

impl From<LogError> for AppendError {
    fn from(error: LogError) -> AppendError {
        AppendError::Log(Arc::new(error))
    }
}

/// One input of a batch: an event, under a key of the server's own where the author gave none.
pub type Batch = Vec<EventInput>;

/// What `__state` shows of a stream, without its children and its scripted processors.
#[derive(Debug)]
pub struct StreamState {
    pub record: StreamRecord,
    pub tail: Offset,
    pub builtins: Map<String, Value>,
}

enum Message {
    /// `span` is around whoever asks.
    Append {
        batch: Batch,
        origin: Origin,
        reply: oneshot::Sender<Reply>,
        span: tracing::Span,
    },
    Subscribe {
        reply: oneshot::Sender<Result<Subscription, AppendError>>,
    },
    State {
        reply: oneshot::Sender<Option<StreamState>>,
    },
    Delete {
        reply: oneshot::Sender<Result<Option<StreamState>, AppendError>>,
    },
    Wake {
        reply: oneshot::Sender<()>,
    },
    Fire {
        now: Timestamp,
        reply: oneshot::Sender<Result<Option<Timestamp>, AppendError>>,
    },
    Checkpoint {
        reply: oneshot::Sender<Option<Savepoint>>,
    },
    Fork {
        branch: Branch,
        reply: oneshot::Sender<Result<StreamRecord, ForkError>>,
    },
}

enum Reply {
    Done(Result<Vec<Arc<Event>>, AppendError>),
    /// The actor was about to go when the message came: ask its successor.
    Retired(Batch, Origin),
}

/// The door to all streams; clones share it.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

struct Inner {
    log: Log,
    builtins: Box<Builtins>,
    running: Mutex<HashMap<StreamKey, mpsc::Sender<Message>>>,
    announcements: announce::Queue,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Streams {
    /// Needs a tokio runtime: the announcer starts at once, with what a crash has left unannounced.
    pub fn start(log: Log, builtins: Box<Builtins>) -> Streams {
        let (announcements, queued) = announce::Queue::new();
        let inner = Inner {
            log,
            builtins,
            running: Mutex::default(),
            announcements,
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let streams = Streams(Arc::new(inner));
        streams.0.tasks.spawn(announce::run(streams.clone(), queued));
        streams
    }

    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Appends `batch` to one stream, all or nothing, in order; returns after the sync with the stored events.
    /// When that has created the stream, its ancestors know of it.
    pub async fn append(
        &self,
        stream: &StreamKey,
        batch: Batch,
        origin: Origin,
    ) -> Result<Vec<Arc<Event>>, AppendError> {
        let span = tracing::debug_span!(
            "append",
            project = %stream.project,
            stream = %stream.path,
            inputs = batch.len(),
            offset = tracing::field::Empty,
            error = tracing::field::Empty
        );
        let outcome = self.append_unannounced(stream, batch, origin).instrument(span.clone()).await;
        let stored = outcome.inspect_err(|error| {
            span.record("error", tracing::field::display(error));
        })?;
        if let Some(last) = stored.last() {
            span.record("offset", last.offset.0);
            span.in_scope(|| tracing::debug!("appended"));
        }
        if stored.first().is_some_and(|first| first.offset == Offset(2)) {
            self.0.announcements.told(stream).await;
        }
        Ok(stored)
    }

    /// As `append`, without a look at the ancestors: the way of the announcements themselves.
    async fn append_unannounced(
        &self,
        stream: &StreamKey,
        batch: Batch,
        origin: Origin,
    ) -> Result<Vec<Arc<Event>>, AppendError> {
        let (mut batch, mut origin) = (batch, origin);
        loop {
            let (reply, answer) = oneshot::channel();
            let span = tracing::Span::current();
            match self.actor(stream)?.try_send(Message::Append { batch, origin, reply, span }) {
                Ok(()) => match answer.await {
                    Ok(Reply::Done(outcome)) => return outcome,
                    Ok(Reply::Retired(returned, from)) => (batch, origin) = (returned, from),
                    Err(_) => return Err(AppendError::ShuttingDown),
                },
                Err(mpsc::error::TrySendError::Full(_)) => {
                    return Err(AppendError::Busy(stream.path.clone()));
                }
                Err(mpsc::error::TrySendError::Closed(Message::Append {
                    batch: returned,
                    origin: from,
                    ..
                })) => {
                    (batch, origin) = (returned, from);
                    tokio::task::yield_now().await;
                }
                Err(mpsc::error::TrySendError::Closed(_)) => unreachable!("an append was sent"),
            }
        }
    }

    /// Appends one event.
    pub async fn append_one(
        &self,
        stream: &StreamKey,
        input: EventInput,
        origin: Origin,
    ) -> Result<Arc<Event>, AppendError> {
        let mut stored = self.append(stream, vec![input], origin).await?;
        Ok(stored.pop().expect("one input gives one event"))
    }

    /// Follows a stream from its backlog into what is appended from now on. The stream need not exist yet.
    pub async fn subscribe(
        &self,
        stream: &StreamKey,
        after: Option<Offset>,
    ) -> Result<Subscription, AppendError> {
        let mut subscription = self.ask(stream, |reply| Message::Subscribe { reply }).await??;
        subscription.start_after(after);
        Ok(subscription)
    }

    /// None when the stream does not exist.
    pub async fn state(&self, stream: &StreamKey) -> Result<Option<StreamState>, AppendError> {
        if self.0.log.find(stream)?.is_none() {
            return Ok(None);
        }
        self.ask(stream, |reply| Message::State { reply }).await
    }

    /// All that the built-ins know, also what is not for showing; none when the stream does not exist.
    pub async fn checkpoint(&self, stream: &StreamKey) -> Result<Option<Savepoint>, AppendError> {
        if self.0.log.find(stream)?.is_none() {
            return Ok(None);
        }
        self.ask(stream, |reply| Message::Checkpoint { reply }).await
    }

    /// What the built-ins showed behind an event.
    pub async fn states_at(
        &self,
        record: &StreamRecord,
        at: Offset,
    ) -> Result<Map<String, Value>, AppendError> {
        let (streams, record) = (self.clone(), record.clone());
        let looking = tokio::task::spawn_blocking(move || checkpoint::states_at(&streams, &record, at));
        Ok(looking.await.unwrap_or(Err(LogError::Closed))?)
    }

    /// Waits for a moment until what is below `stream` has been announced, so that it can be destroyed for good.
    pub async fn settle_below(&self, stream: &StreamKey) {
        self.0.announcements.told_below(stream).await;
    }

    /// Destroys a stream; its last state, or none when there was no such stream.
    pub async fn delete(&self, stream: &StreamKey) -> Result<Option<StreamState>, AppendError> {
        if self.0.log.find(stream)?.is_none() {
            return Ok(None);
        }
        self.ask(stream, |reply| Message::Delete { reply }).await?
    }

    /// Starts whatever the stream's built-in processors find to be owed.
    pub async fn wake(&self, stream: &StreamKey) -> Result<(), AppendError> {
        if self.0.log.find(stream)?.is_none() {
            return Ok(());
        }
        self.ask(stream, |reply| Message::Wake { reply }).await
    }

    /// Appends what the stream's built-in processors have due; when there will be more, if ever.
    pub async fn fire_due(
        &self,
        stream: &StreamKey,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, AppendError> {
        if self.0.log.find(stream)?.is_none() {
            return Ok(None);
        }
        self.ask(stream, |reply| Message::Fire { now, reply }).await?
    }

    pub fn running_count(&self) -> usize {
        self.running().len()
    }

    /// Ends every actor after the appends that it already has, and waits for all of them.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    async fn ask<T>(
        &self,
        stream: &StreamKey,
        message: impl Fn(oneshot::Sender<T>) -> Message,
    ) -> Result<T, AppendError> {
        // An actor that retires drops what it did not answer; its successor answers.
        loop {
            let (reply, answer) = oneshot::channel();
            if self.actor(stream)?.send(message(reply)).await.is_ok()
                && let Ok(answer) = answer.await
            {
                return Ok(answer);
            }
            tokio::task::yield_now().await;
        }
    }

    fn actor(&self, stream: &StreamKey) -> Result<mpsc::Sender<Message>, AppendError> {
        if self.0.shutdown.is_cancelled() {
            return Err(AppendError::ShuttingDown);
        }
        let mut running = self.running();
        // One whose receiver is gone is an actor that has panicked: the next one starts from the log.
        if let Some(sender) = running.get(stream).filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let (sender, inbox) = mpsc::channel(STREAM_QUEUE_MAX);
        running.insert(stream.clone(), sender.clone());
        self.0.tasks.spawn(actor::run(self.clone(), stream.clone(), inbox));
        Ok(sender)
    }

    /// Takes an actor off the register, unless it has been sent something in the meantime.
    fn retire(&self, stream: &StreamKey, inbox: &mpsc::Receiver<Message>) -> bool {
        let mut running = self.running();
        if !inbox.is_empty() {
            return false;
        }
        running.remove(stream);
        true
    }

    fn running(&self) -> MutexGuard<'_, HashMap<StreamKey, mpsc::Sender<Message>>> {
        self.0.running.lock().expect("nothing panics while it holds the register of streams")
    }
}

/// The key under which a stream's birth is told to an ancestor, once for ever.
fn announcement_key(child: &crate::event::StreamPath) -> IdempotencyKey {
    IdempotencyKey::derived(format!("child-created:{child}"))
}
