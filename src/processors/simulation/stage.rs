//! The sealed bridge of a simulation: whatever the candidate asks for is noted, and nothing leaves. An append is
//! answered with the event that it would have become, a read with what is recorded up to the end of the range, a
//! request with an answer that was given for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::super::script::{read_page, resolve};
use super::answers::Answers;
use super::items::{Append, Fetch, Item, LogLine};
use super::report::size_of_item;
use crate::event::{
    Cause, Event, EventInput, IdempotencyKey, Json, Offset, Slug, Source, SourceKind, StreamKey, StreamPath,
    Timestamp,
};
use crate::isolate::{
    AppendRequest, Bridge, FetchRequest, FetchResponse, OpError, ReadRequest, ScriptFailure, Socket,
    SocketRequest,
};
use crate::limits::{SIMULATED_NOTES_BYTES_MAX, SIMULATED_NOTES_MAX};
use crate::stream::Streams;

/// Clones share what is noted.
#[derive(Clone)]
pub struct Stage(Arc<Inner>);

struct Inner {
    streams: Streams,
    stream: StreamKey,
    slug: Slug,
    /// Events of the stream from here on are not there for the candidate.
    end: Offset,
    answers: Answers,
    played: Mutex<Played>,
    cpu_micros: AtomicU64,
}

/// What has been played since it was last taken, and what later answers depend on.
#[derive(Default)]
struct Played {
    notes: Vec<(Option<Offset>, Note)>,
    note_bytes: usize,
    /// Notes that found no place.
    dropped: u64,
    /// The events under way.
    events: HashMap<Offset, Arc<Event>>,
    /// Where the next append to a stream would land.
    next: HashMap<StreamPath, Offset>,
    keyed: HashMap<(StreamPath, IdempotencyKey), Json>,
    keyed_bytes: usize,
}

/// Something that the candidate did.
pub enum Note {
    Item(Item),
    /// What no hook waited for.
    Failure(ScriptFailure),
}

impl Stage {
    pub fn new(streams: Streams, stream: StreamKey, slug: Slug, end: Offset, answers: Answers) -> Stage {
        let (played, cpu_micros) = (Mutex::default(), AtomicU64::new(0));
        Stage(Arc::new(Inner { streams, stream, slug, end, answers, played, cpu_micros }))
    }

    /// The events that are about to be acted on.
    pub fn begin(&self, events: &[Arc<Event>]) {
        let mut played = self.played();
        played.events = events.iter().map(|event| (event.offset, event.clone())).collect();
    }

    pub fn take_notes(&self) -> Vec<(Option<Offset>, Note)> {
        let mut played = self.played();
        played.note_bytes = 0;
        std::mem::take(&mut played.notes)
    }

    /// How much the hooks of one batch did beyond what is kept.
    pub fn dropped(&self) -> u64 {
        self.played().dropped
    }

    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.0.cpu_micros.load(Relaxed))
    }

    fn played(&self) -> MutexGuard<'_, Played> {
        self.0.played.lock().expect("nothing panics while it holds what was played")
    }

    fn note(&self, event: Option<Offset>, note: Note) {
        let mut played = self.played();
        played.note_bytes += match &note {
            Note::Item(item) => size_of_item(item),
            Note::Failure(failure) => failure.error.stack.len(),
        };
        if played.notes.len() < SIMULATED_NOTES_MAX && played.note_bytes <= SIMULATED_NOTES_BYTES_MAX {
            played.notes.push((event, note));
        } else {
            played.dropped += 1;
        }
    }

    fn pretend(&self, request: &AppendRequest) -> Result<Json, OpError> {
        let own = &self.0.stream;
        let path = resolve(own, request.path.as_deref())?;
        let input = EventInput::parse(&request.input)
            .map_err(|error| OpError { code: "invalid-event".into(), message: error.to_string() })?;
        let key = input.idempotency_key.clone().map(|key| (path.clone(), key));
        let mut played = self.played();
        if let Some(stored) = key.as_ref().and_then(|key| played.keyed.get(key)) {
            return Ok(stored.clone());
        }
        let next = match played.next.get(&path) {
            Some(next) => *next,
            None => self.first_free(&path)?,
        };
        if let Some(supplied) = input.offset.filter(|supplied| *supplied != next) {
            let message = format!(
                "the event was to land at offset {supplied}, but the next offset of stream `{path}` is {next}"
            );
            return Err(OpError { code: "offset-mismatch".into(), message });
        }
        played.next.insert(path.clone(), next.next());
        let cause = request.event.and_then(|offset| played.events.get(&offset)).cloned();
        let event = self.event(&path, next, input, cause.as_deref());
        let stored = Json::from_stored(std::str::from_utf8(event.wire()).expect("events render as UTF-8"));
        played.keyed_bytes += key.as_ref().map_or(0, |_| stored.as_str().len());
        if let Some(key) = key.filter(|_| played.keyed_bytes <= SIMULATED_NOTES_BYTES_MAX) {
            played.keyed.insert(key, stored.clone());
        }
        drop(played);
        self.note(request.event, Note::Item(Item::Append(Append::of(&event, request))));
        Ok(stored)
    }

    /// On its own stream the end of the range, elsewhere that of the stream as it is.
    fn first_free(&self, path: &StreamPath) -> Result<Offset, OpError> {
        if *path == self.0.stream.path {
            return Ok(self.0.end);
        }
        let log = self.0.streams.log();
        let unavailable =
            |error: crate::log::LogError| OpError { code: "unavailable".into(), message: error.to_string() };
        let record = log.find(&self.0.stream.sibling(path.clone())).map_err(unavailable)?;
        let tail = record.map(|record| log.tail(record.id)).transpose().map_err(unavailable)?;
        // The first event of a stream is its creation.
        Ok(tail.unwrap_or(Offset(1)).next())
    }

    fn event(&self, path: &StreamPath, offset: Offset, input: EventInput, cause: Option<&Event>) -> Event {
        let source = Source {
            kind: SourceKind::Processor,
            slug: Some(self.0.slug.clone()),
            principal: None,
            cause: cause.map(|cause| Cause { stream_path: cause.path.to_string(), offset: cause.offset.0 }),
            depth: cause.map_or(0, |cause| cause.depth().saturating_add(1)),
        };
        let at = cause.map_or_else(Timestamp::now, |cause| cause.created_at);
        Event::place(input, path.clone(), offset, at, Some(source))
    }
}

impl Bridge for Stage {
    fn append(&self, request: AppendRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        let outcome = self.pretend(&request);
        async { outcome }.boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'static, Result<Vec<Bytes>, OpError>> {
        let stage = self.clone();
        async move {
            let reading = tokio::task::spawn_blocking(move || {
                read_page(&stage.0.streams, &stage.0.stream, stage.0.end, &request)
            });
            let stopped = || OpError { code: "unavailable".into(), message: "the read was stopped".into() };
            reading.await.unwrap_or_else(|_| Err(stopped()))
        }
        .boxed()
    }

    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>> {
        let stage = self.clone();
        async move {
            let event = request.event;
            let (noted, outcome) = stage.0.answers.answer(&stage.0.slug, request).await;
            stage.note(
                event,
                Note::Item(Item::Fetch(Fetch { cause_offset: event.map(|offset| offset.0), ..noted })),
            );
            outcome
        }
        .boxed()
    }

    fn connect(&self, request: SocketRequest) -> BoxFuture<'static, Result<Socket, OpError>> {
        let message = format!("this is a simulation, in which no WebSocket opens: not to {}", request.url);
        let error = OpError { code: super::answers::REFUSED.into(), message };
        let fetch = Fetch {
            cause_offset: request.event.map(|offset| offset.0),
            method: "GET".into(),
            url: request.url,
            headers: request.headers,
            upgrade: Some("websocket"),
            error: Some(error.message.clone()),
            ..Fetch::default()
        };
        self.note(request.event, Note::Item(Item::Fetch(fetch)));
        async { Err(error) }.boxed()
    }

    fn logged(&self, level: &str, message: String, event: Option<Offset>) {
        let line = LogLine { cause_offset: event.map(|offset| offset.0), level: level.to_string(), message };
        self.note(event, Note::Item(Item::Log(line)));
    }

    fn failed(&self, failure: ScriptFailure, event: Option<Offset>) {
        self.note(event, Note::Failure(failure));
    }

    fn used(&self, cpu: Duration, _memory_bytes: u64) {
        self.0.cpu_micros.fetch_add(cpu.as_micros() as u64, Relaxed);
    }
}
