//! The owner of one running stream: takes what waits in its inbox, lets the append pipeline decide, commits
//! once, then answers and publishes. It waits for the log and for nobody else.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::Instant;

use super::append::{Pipeline, Verdict};
use super::{AppendError, Branch, ForkError, Message, Reply, StreamState, Streams, Subscription, checkpoint};
use crate::event::{Event, StreamKey, Timestamp};
use crate::limits::{PUBLISH_BUFFER_MAX, STREAM_COMMIT_EVENTS_MAX, STREAM_IDLE};
use crate::log::{LogError, StreamRecord};

/// Events that were committed together.
pub type Published = Arc<[Arc<Event>]>;

struct Actor {
    streams: Streams,
    stream: StreamKey,
    pipeline: Pipeline,
    publisher: broadcast::Sender<Published>,
    /// Those of the appends that wait for the next commit.
    spans: Vec<tracing::Span>,
}

pub async fn run(streams: Streams, stream: StreamKey, mut inbox: mpsc::Receiver<Message>) {
    let pipeline = match rebuild(&streams, &stream).await {
        Ok(pipeline) => pipeline,
        Err(error) => return refuse_all(&streams, &stream, inbox, Arc::new(error)).await,
    };
    let (publisher, _) = broadcast::channel(PUBLISH_BUFFER_MAX);
    let mut actor =
        Actor { streams: streams.clone(), stream: stream.clone(), pipeline, publisher, spans: Vec::new() };
    actor.pipeline.committed();
    let mut waiting = Vec::new();
    // Both last as long as the actor: to make them anew for each batch would cost more than the batch.
    let shutdown = streams.0.shutdown.clone().cancelled_owned();
    let idle = tokio::time::sleep(STREAM_IDLE);
    tokio::pin!(shutdown, idle);
    let mut was_used = false;
    loop {
        tokio::select! {
            biased;
            taken = inbox.recv_many(&mut waiting, STREAM_COMMIT_EVENTS_MAX) => {
                if taken == 0 {
                    break;
                }
                was_used = true;
                if let Err(error) = actor.handle(&mut waiting).await {
                    return refuse_all(&streams, &stream, inbox, error).await;
                }
            }
            () = &mut shutdown => break,
            () = &mut idle => {
                if !was_used && actor.is_unused() && streams.retire(&stream, &inbox) {
                    break;
                }
                was_used = false;
                idle.as_mut().reset(Instant::now() + STREAM_IDLE);
            }
        }
    }
    checkpoint::save(&streams, &mut actor.pipeline);
    actor.pipeline.rest();
    drop(actor);
    return_all(inbox).await;
}

/// A stream that exists is read on a thread that may block: it may be long.
async fn rebuild(streams: &Streams, stream: &StreamKey) -> Result<Pipeline, LogError> {
    if streams.log().find(stream)?.is_none() {
        return Ok(Pipeline::new(streams, stream));
    }
    let (streams, stream) = (streams.clone(), stream.clone());
    let rebuilding = tokio::task::spawn_blocking(move || checkpoint::rebuild(&streams, &stream));
    rebuilding.await.unwrap_or(Err(LogError::Closed))
}

/// A failed commit retires the actor: what is in memory may be ahead of the log. The next append rebuilds it.
async fn refuse_all(
    streams: &Streams,
    stream: &StreamKey,
    mut inbox: mpsc::Receiver<Message>,
    error: Arc<LogError>,
) {
    streams.running().remove(stream);
    inbox.close();
    while let Some(message) = inbox.recv().await {
        match message {
            Message::Append { reply, .. } => answer(reply, Reply::Done(Err(AppendError::Log(error.clone())))),
            Message::Subscribe { reply } => answer(reply, Err(AppendError::Log(error.clone()))),
            Message::Delete { reply } => answer(reply, Err(AppendError::Log(error.clone()))),
            Message::Fire { reply, .. } => answer(reply, Err(AppendError::Log(error.clone()))),
            Message::Fork { reply, .. } => {
                answer(reply, Err(ForkError::Append(AppendError::Log(error.clone()))));
            }
            Message::State { reply } => answer(reply, None),
            Message::Checkpoint { reply } => answer(reply, None),
            Message::Wake { reply } => answer(reply, ()),
        }
    }
}

/// What came in while the actor was going is the successor's to answer.
async fn return_all(mut inbox: mpsc::Receiver<Message>) {
    inbox.close();
    while let Some(message) = inbox.recv().await {
        if let Message::Append { batch, origin, reply, .. } = message {
            answer(reply, Reply::Retired(batch, origin));
        }
    }
}

impl Actor {
    fn is_unused(&self) -> bool {
        self.publisher.receiver_count() == 0
    }

    async fn handle(&mut self, waiting: &mut Vec<Message>) -> Result<(), Arc<LogError>> {
        let mut appends = Vec::new();
        for message in waiting.drain(..) {
            match message {
                Message::Append { batch, origin, reply, span } => {
                    let verdict = self.pipeline.append(batch, origin);
                    if !span.is_disabled() {
                        self.spans.push(span);
                    }
                    appends.push((reply, verdict));
                    if self.pipeline.is_full() {
                        self.commit(&mut appends).await?;
                    }
                }
                other => {
                    self.commit(&mut appends).await?;
                    self.attend(other).await?;
                }
            }
        }
        self.commit(&mut appends).await
    }

    /// Makes durable what the pipeline has placed, then answers each append and publishes the events.
    async fn commit(
        &mut self,
        appends: &mut Vec<(oneshot::Sender<Reply>, Result<Verdict, AppendError>)>,
    ) -> Result<(), Arc<LogError>> {
        let spans = std::mem::take(&mut self.spans);
        let events: Published = match self.pipeline.commit(&self.streams, &spans).await {
            Ok(events) => events.into(),
            Err(error) => {
                let error = Arc::new(error);
                for (reply, _) in appends.drain(..) {
                    answer(reply, Reply::Done(Err(AppendError::Log(error.clone()))));
                }
                return Err(error);
            }
        };
        if !events.is_empty() {
            // First: whoever hears of a configuration event must find the projection that includes it.
            self.pipeline.committed();
        }
        for (reply, verdict) in appends.drain(..) {
            let outcome = verdict.and_then(|verdict| Ok(self.pipeline.resolve(verdict)?));
            answer(reply, Reply::Done(outcome));
        }
        if !events.is_empty() {
            // An error says that nobody listens.
            let _ = self.publisher.send(events);
            if self.pipeline.checkpoint_is_due() {
                checkpoint::save(&self.streams, &mut self.pipeline);
            }
        }
        Ok(())
    }

    async fn attend(&mut self, message: Message) -> Result<(), Arc<LogError>> {
        match message {
            Message::Subscribe { reply } => {
                let subscription = Subscription::new(
                    self.streams.log().clone(),
                    self.stream.clone(),
                    self.pipeline.tail(),
                    self.publisher.subscribe(),
                );
                answer(reply, Ok(subscription));
            }
            Message::State { reply } => answer(reply, self.state()),
            Message::Wake { reply } => {
                self.pipeline.committed();
                answer(reply, ());
            }
            Message::Checkpoint { reply } => {
                answer(reply, self.pipeline.record().map(|_| self.pipeline.checkpoint()));
            }
            Message::Delete { reply } => self.delete(reply).await?,
            Message::Fire { now, reply } => self.fire(now, reply).await?,
            Message::Fork { branch, reply } => self.fork(branch, reply).await?,
            Message::Append { .. } => unreachable!("appends go through the pipeline"),
        }
        Ok(())
    }

    fn state(&self) -> Option<StreamState> {
        let record = self.pipeline.record()?.clone();
        Some(StreamState { record, tail: self.pipeline.tail(), builtins: self.pipeline.states() })
    }

    async fn fire(
        &mut self,
        now: Timestamp,
        reply: oneshot::Sender<Result<Option<Timestamp>, AppendError>>,
    ) -> Result<(), Arc<LogError>> {
        loop {
            let more = match self.pipeline.fire_due(now.max(Timestamp::now())) {
                Ok(more) => more,
                Err(error) => {
                    let error = Arc::new(error);
                    answer(reply, Err(AppendError::Log(error.clone())));
                    return Err(error);
                }
            };
            if let Err(error) = self.commit(&mut Vec::new()).await {
                answer(reply, Err(AppendError::Log(error.clone())));
                return Err(error);
            }
            if !more {
                answer(reply, Ok(self.pipeline.wakes_at()));
                return Ok(());
            }
        }
    }

    /// The stream is there once the log has it; what it shares is looked at behind the answer.
    async fn fork(
        &mut self,
        branch: Branch,
        reply: oneshot::Sender<Result<StreamRecord, ForkError>>,
    ) -> Result<(), Arc<LogError>> {
        if self.pipeline.record().is_some() {
            answer(reply, Err(ForkError::Exists(self.stream.path.clone())));
            return Ok(());
        }
        let announces = self.pipeline.announces();
        let from = branch.from.key.path.clone();
        let made = self.streams.log().fork(branch.new_stream(&self.stream, announces)).await;
        let record = match (made, self.streams.log().find(&self.stream)) {
            (Ok(_), Ok(Some(record))) => record,
            // It was destroyed meanwhile.
            (Err(LogError::Gone { .. }), _) => {
                answer(reply, Err(ForkError::NoStream(from)));
                return Ok(());
            }
            (Ok(_), Ok(None)) => unreachable!("nobody else destroys this stream"),
            (Err(error), _) | (_, Err(error)) => {
                let error = Arc::new(error);
                answer(reply, Err(ForkError::Append(AppendError::Log(error.clone()))));
                return Err(error);
            }
        };
        if announces {
            self.streams.0.announcements.push(record.clone());
        }
        answer(reply, Ok(record.clone()));
        self.pipeline = rebuild(&self.streams, &self.stream).await?;
        self.pipeline.committed();
        // Who follows the path since before it had a stream finds the rest in the log.
        let newest = self.streams.log().read_one(&record, branch.at)?;
        let _ = self.publisher.send(newest.into_iter().collect());
        Ok(())
    }

    async fn delete(
        &mut self,
        reply: oneshot::Sender<Result<Option<StreamState>, AppendError>>,
    ) -> Result<(), Arc<LogError>> {
        let Some(state) = self.state() else {
            answer(reply, Ok(None));
            return Ok(());
        };
        if let Err(error) = self.streams.log().delete(state.record.id).await {
            let error = Arc::new(error);
            answer(reply, Err(AppendError::Log(error.clone())));
            return Err(error);
        }
        // Readers of the destroyed stream come to their end; the path may be used again.
        (self.publisher, _) = broadcast::channel(PUBLISH_BUFFER_MAX);
        self.pipeline = Pipeline::new(&self.streams, &self.stream);
        self.pipeline.committed();
        answer(reply, Ok(Some(state)));
        Ok(())
    }
}

/// An error says that the one who asked has gone, which changes nothing here.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    let _ = reply.send(value);
}
