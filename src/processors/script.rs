//! What a script may ask of the host: the bridge from its isolate to the streams. Appends made in reaction
//! to an event get a derived idempotency key, so that acting again finds what was stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::event::{
    Event, EventInput, EventType, IdempotencyKey, Json, Kind, Offset, Slug, StreamKey, builtin,
};
use crate::isolate::{AppendRequest, Bridge, OpError, ReadRequest, ScriptFailure, Sources};
use crate::limits::{EVENT_BYTES_MAX, LOG_BATCH_MAX, LOG_QUEUE_MAX, READ_PAGE_BYTES, READ_PAGE_EVENTS};
use crate::processor::Rejection;
use crate::stream::{AppendError, Origin, Streams};

/// The code of an append refused because its stream is paused.
pub const STREAM_PAUSED: &str = "stream-paused";

pub struct ScriptBridge {
    streams: Streams,
    stream: StreamKey,
    slug: Slug,
    version: String,
    configured: Offset,
    /// The events under way, which the appends made in reaction to them name as their cause.
    under_way: Mutex<HashMap<Offset, Arc<Event>>>,
    lines: mpsc::Sender<EventInput>,
    failures: mpsc::Sender<(ScriptFailure, Option<Offset>)>,
}

impl ScriptBridge {
    /// Failures that no hook waits for are sent to `failures`.
    pub fn new(
        streams: Streams,
        stream: StreamKey,
        slug: Slug,
        version: String,
        configured: Offset,
        failures: mpsc::Sender<(ScriptFailure, Option<Offset>)>,
    ) -> ScriptBridge {
        let (lines, waiting) = mpsc::channel(LOG_QUEUE_MAX);
        tokio::spawn(write_lines(streams.clone(), stream.clone(), slug.clone(), waiting));
        let under_way = Mutex::default();
        ScriptBridge { streams, stream, slug, version, configured, under_way, lines, failures }
    }

    pub fn begin(&self, event: &Arc<Event>) {
        self.events().insert(event.offset, event.clone());
    }

    pub fn end(&self, offset: Offset) {
        self.events().remove(&offset);
    }

    fn events(&self) -> std::sync::MutexGuard<'_, HashMap<Offset, Arc<Event>>> {
        self.under_way.lock().expect("nothing panics while it holds the events under way")
    }

    fn cause(&self, offset: Offset) -> Option<Arc<Event>> {
        if let Some(event) = self.events().get(&offset) {
            return Some(event.clone());
        }
        // A hook that has ended may still append, from a timer that it left behind.
        let log = self.streams.log();
        let record = log.find(&self.stream).ok()??;
        log.read(&record, offset.previous(), offset.next(), 1, EVENT_BYTES_MAX).ok()?.pop()
    }

    fn derived_key(&self, request: &AppendRequest) -> IdempotencyKey {
        let version = &self.version[..self.version.len().min(16)];
        let place = match request.event {
            Some(offset) => format!("{offset}"),
            None => format!("caught-up-{}", self.configured),
        };
        IdempotencyKey::derived(format!(
            "processor:{}:{}:{version}:{place}:{}",
            self.stream.path, self.slug, request.ordinal
        ))
    }

    /// The stream and the event that a script's request means.
    fn understand(&self, request: &AppendRequest) -> Result<(StreamKey, EventInput), OpError> {
        let invalid = |message: String| OpError { code: "invalid-event".into(), message };
        let path = match &request.path {
            Some(path) => self
                .stream
                .path
                .resolve(path)
                .map_err(|message| OpError { code: "bad-path".into(), message })?,
            None => self.stream.path.clone(),
        };
        let mut input = EventInput::parse(&request.input).map_err(|error| invalid(error.to_string()))?;
        input.idempotency_key.get_or_insert_with(|| self.derived_key(request));
        Ok((self.stream.sibling(path), input))
    }
}

impl Bridge for ScriptBridge {
    fn append(&self, request: AppendRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        let understood = self.understand(&request);
        let cause = request.event.and_then(|offset| self.cause(offset));
        let (streams, slug) = (self.streams.clone(), self.slug.clone());
        async move {
            let (stream, input) = understood?;
            let stored = streams.append_one(&stream, input, Origin::Processor { slug, cause }).await;
            stored.map(|event| wire_json(&event)).map_err(|error| op_error(&error))
        }
        .boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'static, Result<Vec<Bytes>, OpError>> {
        let page = self.read_page(&request);
        async move { page }.boxed()
    }

    fn logged(&self, level: &str, message: String, event: Option<Offset>) {
        let line = builtin::ProcessorLogged {
            level: level.to_string(),
            message,
            offset: event.map(|offset| offset.0),
        };
        // A full queue drops the line: a processor that logs faster than the disk must not hold its host.
        let _ = self.lines.try_send(EventInput::new(Kind::ProcessorLogged, Json::of(&line)));
    }

    fn failed(&self, failure: ScriptFailure, event: Option<Offset>) {
        // A full queue drops the rest: the first ones are being recorded.
        let _ = self.failures.try_send((failure, event));
    }
}

impl ScriptBridge {
    fn read_page(&self, request: &ReadRequest) -> Result<Vec<Bytes>, OpError> {
        let bad = |message: String| OpError { code: "bad-cursor".into(), message };
        let path = match &request.path {
            Some(path) => self.stream.path.resolve(path).map_err(bad)?,
            None => self.stream.path.clone(),
        };
        let log = self.streams.log();
        let unavailable =
            |error: crate::log::LogError| OpError { code: "unavailable".into(), message: error.to_string() };
        let Some(record) = log.find(&self.stream.sibling(path)).map_err(unavailable)? else {
            return Ok(Vec::new());
        };
        let tail = log.tail(record.id).map_err(unavailable)?;
        let mut after = cursor(request.after.as_deref(), Offset::START, Offset::START, tail).map_err(bad)?;
        let before = cursor(request.before.as_deref(), Offset::END, Offset(1), tail.next()).map_err(bad)?;
        let types: Vec<EventType> =
            request.types.iter().filter_map(|name| EventType::parse(name).ok()).collect();
        loop {
            let events =
                log.read(&record, after, before, READ_PAGE_EVENTS, READ_PAGE_BYTES).map_err(unavailable)?;
            let Some(last) = events.last() else { return Ok(Vec::new()) };
            after = last.offset;
            let page: Vec<Bytes> = events
                .iter()
                .filter(|event| types.is_empty() || types.contains(&event.event_type))
                .map(|event| event.wire().clone())
                .collect();
            if !page.is_empty() {
                return Ok(page);
            }
        }
    }
}

/// A cursor as readers write it: an offset, `start` or `end`.
fn cursor(text: Option<&str>, absent: Offset, start: Offset, end: Offset) -> Result<Offset, String> {
    match text {
        None => Ok(absent),
        Some("start") => Ok(start),
        Some("end") => Ok(end),
        Some(digits) => match digits.parse::<u64>() {
            Ok(offset) if offset > 0 => Ok(Offset(offset)),
            _ => Err(format!("a cursor is a positive integer, `start` or `end`, not {digits:?}")),
        },
    }
}

/// Ends when the bridge is gone and the last line is written.
async fn write_lines(
    streams: Streams,
    stream: StreamKey,
    slug: Slug,
    mut waiting: mpsc::Receiver<EventInput>,
) {
    let Ok(path) = stream.path.logs_of(&slug) else {
        tracing::warn!(stream = %stream.path, %slug, "the path of the log stream would be too long: log lines are dropped");
        return;
    };
    let logs = stream.sibling(path);
    let mut lines = Vec::new();
    while waiting.recv_many(&mut lines, LOG_BATCH_MAX).await > 0 {
        let origin = Origin::Server { slug: Some(slug.clone()), cause: None };
        if let Err(error) = streams.append(&logs, std::mem::take(&mut lines), origin).await {
            tracing::warn!(%error, stream = %logs.path, "log lines of a processor are lost");
        }
    }
}

fn wire_json(event: &Event) -> Json {
    Json::from_stored(std::str::from_utf8(event.wire()).expect("an event is rendered as UTF-8"))
}

fn op_error(error: &AppendError) -> OpError {
    let code = match error {
        AppendError::Rejected(Rejection::StreamPaused { .. }) => STREAM_PAUSED,
        AppendError::Rejected(Rejection::Full { .. }) => "limit-reached",
        AppendError::OffsetMismatch { .. } => "offset-mismatch",
        AppendError::Busy(_) => "busy",
        AppendError::ShuttingDown => "shutting-down",
        AppendError::Log(_) => "unavailable",
    };
    OpError { code: code.into(), message: error.to_string() }
}

/// The digest of a processor: its sources, and the settings under which they run.
pub fn version(sources: &Sources, settings: &Value) -> String {
    let mut digest = Sha256::new();
    let mut field = |text: &str| {
        digest.update((text.len() as u64).to_be_bytes());
        digest.update(text.as_bytes());
    };
    field(&sources.entry);
    for (name, text) in &sources.modules {
        field(name);
        field(text);
    }
    field(&settings.to_string());
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
