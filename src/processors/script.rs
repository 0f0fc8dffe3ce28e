//! What a script may ask of the host: the bridge from its isolate to the streams. Appends made in reaction
//! to an event get a derived idempotency key, so that acting again finds what was stored.

mod lines;
mod network;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use self::lines::Lines;
use super::causation::find_cause;
use super::fan_out::{FanOut, Reached};
use super::simulation::{SimulateError, SimulateRequest, Simulations};
use super::usage::Usage;
use crate::event::{
    Cause, Cursor, Event, EventInput, EventType, IdempotencyKey, Json, Offset, Slug, StreamKey, StreamPath,
    builtin,
};
use crate::isolate::{
    AppendRequest, Bridge, FetchRequest, FetchResponse, OpError, ReadRequest, ScriptFailure,
    SimulationRequest, Socket, SocketRequest, Sources,
};
use crate::limits::{READ_PAGE_BYTES, READ_PAGE_EVENTS, READS_AT_ONCE_MAX};
use crate::log::{StreamId, StreamRecord};
use crate::processor::Rejection;
use crate::stream::{AppendError, Only, Origin, Streams};

pub use network::Outbound;

/// The code of an append refused because its stream is paused.
pub const STREAM_PAUSED: &str = "stream-paused";

pub struct ScriptBridge {
    streams: Streams,
    stream: StreamKey,
    /// A stream that was destroyed and created again at the same path is another one.
    id: StreamId,
    slug: Slug,
    version: String,
    configured: Offset,
    under_way: Mutex<HashMap<Offset, UnderWay>>,
    lines: Lines,
    reads: Arc<Semaphore>,
    outbound: Outbound,
    usage: Arc<Usage>,
    fan_out: Arc<FanOut>,
    simulations: Arc<OnceLock<Simulations>>,
    failures: mpsc::Sender<(ScriptFailure, Option<Offset>)>,
}

/// An event that is being acted on.
struct UnderWay {
    /// What the appends made in reaction name as their cause.
    event: Arc<Event>,
    /// The script has asked its host for something since.
    asked: bool,
    /// The streams that it has appended to.
    reached: Reached,
    span: tracing::Span,
}

impl ScriptBridge {
    /// Failures that no hook waits for are sent to `failures`.
    pub fn new(
        streams: Streams,
        outbound: Outbound,
        record: &StreamRecord,
        configured: (StreamRecord, Offset),
        version: String,
        failures: mpsc::Sender<(ScriptFailure, Option<Offset>)>,
        tasks: &TaskTracker,
    ) -> ScriptBridge {
        let slug = outbound.caller.slug.clone();
        let StreamRecord { id, key: stream, .. } = record.clone();
        let lines = Lines::of(streams.clone(), record, slug.clone(), configured.clone(), tasks);
        let reads = Arc::new(Semaphore::new(READS_AT_ONCE_MAX));
        let under_way = Mutex::default();
        ScriptBridge {
            streams,
            stream,
            id,
            slug,
            version,
            configured: configured.1,
            under_way,
            lines,
            reads,
            outbound,
            usage: Arc::default(),
            fan_out: Arc::default(),
            simulations: Arc::default(),
            failures,
        }
    }

    /// What the script uses, and what it sets off, is counted there.
    #[must_use]
    pub fn counted_in(self, usage: Arc<Usage>, fan_out: Arc<FanOut>) -> ScriptBridge {
        ScriptBridge { usage, fan_out, ..self }
    }

    #[must_use]
    pub fn simulating_with(self, simulations: Arc<OnceLock<Simulations>>) -> ScriptBridge {
        ScriptBridge { simulations, ..self }
    }

    /// Around the reaction to an event: its `reduce` and its hooks.
    fn span(&self, event: &Event) -> tracing::Span {
        tracing::debug_span!(
            "react",
            project = %self.stream.project,
            stream = %self.stream.path,
            slug = %self.slug,
            offset = %event.offset,
            r#type = event.event_type.as_str(),
            error = tracing::field::Empty
        )
    }

    /// Gives the span of the reaction, which is around all that the script asks for.
    pub fn begin(&self, event: &Arc<Event>) -> tracing::Span {
        let span = self.span(event);
        let reaction =
            UnderWay { event: event.clone(), asked: false, reached: Reached::new(), span: span.clone() };
        self.events().insert(event.offset, reaction);
        span
    }

    /// Whether the script did anything in reaction that can be seen from outside.
    pub fn end(&self, offset: Offset) -> bool {
        self.events().remove(&offset).is_some_and(|reaction| reaction.asked)
    }

    fn asked(&self, event: Option<Offset>) {
        if let Some(offset) = event
            && let Some(reaction) = self.events().get_mut(&offset)
        {
            reaction.asked = true;
        }
    }

    fn events(&self) -> std::sync::MutexGuard<'_, HashMap<Offset, UnderWay>> {
        self.under_way.lock().expect("nothing panics while it holds the events under way")
    }

    fn span_of(&self, offset: Offset) -> Option<tracing::Span> {
        self.events().get(&offset).map(|reaction| reaction.span.clone())
    }

    fn cause(&self, offset: Offset) -> Option<Arc<Event>> {
        if let Some(reaction) = self.events().get(&offset) {
            return Some(reaction.event.clone());
        }
        // A hook that has ended may still append, from a timer that it left behind; or its `append` was kept, and is
        // used in reaction to what came later, which must not shorten the chain.
        let log = self.streams.log();
        let record = log.find(&self.stream).ok()??;
        let named = log.read_one(&record, offset).ok()??;
        let deepest =
            self.events().values().map(|reaction| reaction.event.clone()).max_by_key(|event| event.depth());
        Some(deepest.filter(|event| event.depth() > named.depth()).unwrap_or(named))
    }

    /// Whether the reaction to `cause` may append to this stream, too.
    fn reach(&self, stream: &StreamKey, cause: &Event) -> Result<(), OpError> {
        if *stream == self.stream {
            return Ok(());
        }
        let log = self.streams.log();
        let found = log.find(stream).map_err(|error| op_error(&error.into()))?;
        let find = |cause: &Cause| find_cause(log, stream, cause);
        let mut events = self.events();
        let mut passing = Reached::new();
        let reached = events.get_mut(&cause.offset).map_or(&mut passing, |reaction| &mut reaction.reached);
        let reached =
            self.fan_out.reach(&stream.project, cause, find, reached, &stream.path, found.is_none());
        reached.map_err(|message| OpError { code: "limit-reached".into(), message })
    }

    fn derived_key(&self, request: &AppendRequest) -> IdempotencyKey {
        let version = &self.version[..self.version.len().min(16)];
        let place = match request.event {
            Some(offset) => format!("{offset}"),
            None => format!("caught-up-{}", self.configured),
        };
        IdempotencyKey::derived(format!(
            "processor:{}:{}:{version}:{place}:{}",
            self.id.0, self.slug, request.ordinal
        ))
    }

    /// The stream and the event that a script's request means.
    fn understand(&self, request: &AppendRequest) -> Result<(StreamKey, EventInput), OpError> {
        let invalid = |message: String| OpError { code: "invalid-event".into(), message };
        let path = resolve(&self.stream, request.path.as_deref())?;
        let mut input = EventInput::parse(&request.input).map_err(|error| invalid(error.to_string()))?;
        input.idempotency_key.get_or_insert_with(|| self.derived_key(request));
        Ok((self.stream.sibling(path), input))
    }
}

impl Bridge for ScriptBridge {
    fn append(&self, request: AppendRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        self.asked(request.event);
        self.usage.appended();
        let cause = request.event.and_then(|offset| self.cause(offset));
        let understood = self.understand(&request).and_then(|(stream, input)| {
            cause.as_ref().map_or(Ok(()), |cause| self.reach(&stream, cause))?;
            Ok((stream, input))
        });
        let span = request.event.and_then(|offset| self.span_of(offset)).unwrap_or_else(tracing::Span::none);
        let (streams, slug, fan_out) = (self.streams.clone(), self.slug.clone(), self.fan_out.clone());
        let (own, id) = (self.stream.clone(), self.id);
        async move {
            let (stream, input) = understood?;
            let failed = |error: AppendError| op_error(&error);
            if !streams.log().is_current(&own, id).map_err(|error| failed(error.into()))? {
                return Err(failed(AppendError::Destroyed(own.path)));
            }
            let only = if stream == own { Only::This(id) } else { Only::Any };
            let origin = Origin::Processor { slug, cause: cause.clone(), only };
            let stored = streams.append_one(&stream, input, origin).await.map_err(failed)?;
            if let Some(cause) = cause {
                let find = |cause: &Cause| find_cause(streams.log(), &stream, cause);
                fan_out.grew(&stream.project, &cause, find, &stored);
            }
            Ok(wire_json(&stored))
        }
        .instrument(span)
        .boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'static, Result<Vec<Bytes>, OpError>> {
        let (streams, stream, reads) = (self.streams.clone(), self.stream.clone(), self.reads.clone());
        async move {
            let stopped = || OpError { code: "unavailable".into(), message: "the read was stopped".into() };
            let _turn = reads.acquire().await.map_err(|_| stopped())?;
            // A filter may have to pass over a whole history: not on a thread that others wait for.
            let reading =
                tokio::task::spawn_blocking(move || read_page(&streams, &stream, Offset::END, &request));
            reading.await.unwrap_or_else(|_| Err(stopped()))
        }
        .boxed()
    }

    fn simulate(&self, request: SimulationRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        let (simulations, stream) = (self.simulations.clone(), self.stream.clone());
        async move {
            let unavailable =
                || OpError { code: "unavailable".into(), message: "the server is starting".into() };
            let simulations = simulations.get().ok_or_else(unavailable)?;
            let path = resolve(&stream, request.path.as_deref())?;
            let failed =
                |error: SimulateError| OpError { code: error.code().into(), message: error.to_string() };
            let asked = SimulateRequest::parse(request.text.as_bytes()).map_err(failed)?;
            let answer = simulations.run(&stream.sibling(path), asked).await.map_err(failed)?;
            Ok(Json::of(&answer))
        }
        .boxed()
    }

    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>> {
        self.asked(request.event);
        self.usage.fetched();
        let around = request.event.and_then(|offset| self.span_of(offset)).and_then(|span| span.id());
        let span = tracing::debug_span!(
            parent: around,
            "fetch",
            method = request.method,
            host = host_of(&request.url),
            status = tracing::field::Empty,
            error = tracing::field::Empty
        );
        let fetching = self.outbound.fetch(request);
        let told = span.clone();
        async move {
            let outcome = fetching.await;
            match &outcome {
                Ok(response) => told.record("status", response.status),
                Err(error) => told.record("error", &error.message),
            };
            outcome
        }
        .instrument(span)
        .boxed()
    }

    fn connect(&self, request: SocketRequest) -> BoxFuture<'static, Result<Socket, OpError>> {
        self.asked(request.event);
        self.usage.fetched();
        self.outbound.connect(request)
    }

    fn logged(&self, level: &str, message: String, event: Option<Offset>) {
        self.asked(event);
        let line = builtin::ProcessorLogged {
            level: level.to_string(),
            message,
            offset: event.map(|offset| offset.0),
        };
        if !self.lines.add(line) {
            self.usage.dropped_line();
        }
    }

    fn failed(&self, failure: ScriptFailure, event: Option<Offset>) {
        // A full queue drops the rest: the first ones are being recorded.
        let _ = self.failures.try_send((failure, event));
    }

    fn used(&self, cpu: Duration, memory_bytes: u64) {
        self.usage.computed(cpu, memory_bytes);
    }
}

/// All of a URL that a trace may show: the rest can hold what is nobody else's business.
fn host_of(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(String::from)).unwrap_or_default()
}

/// A path as a script on `own` writes it; its own when it names none.
pub fn resolve(own: &StreamKey, path: Option<&str>) -> Result<StreamPath, OpError> {
    let Some(path) = path else { return Ok(own.path.clone()) };
    own.path.resolve(path).map_err(|message| OpError { code: "bad-path".into(), message })
}

/// A page as a script on `own` asks for it, of whose events those from `end` on are not there for it.
pub fn read_page(
    streams: &Streams,
    own: &StreamKey,
    end: Offset,
    request: &ReadRequest,
) -> Result<Vec<Bytes>, OpError> {
    let after = cursor("afterOffset", request.after.as_deref())?;
    let before = cursor("beforeOffset", request.before.as_deref())?;
    let path = resolve(own, request.path.as_deref())?;
    let log = streams.log();
    let unavailable =
        |error: crate::log::LogError| OpError { code: "unavailable".into(), message: error.to_string() };
    let end = if path == own.path { end } else { Offset::END };
    let Some(record) = log.find(&own.sibling(path)).map_err(unavailable)? else {
        return Ok(Vec::new());
    };
    let tail = log.tail(record.id).map_err(unavailable)?;
    let mut after = after.map_or(Offset::START, |cursor| cursor.after(tail));
    let before = before.map_or(Offset::END, |cursor| cursor.before(tail)).min(end);
    let types: Vec<EventType> = request.types.iter().filter_map(|name| EventType::parse(name).ok()).collect();
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

fn cursor(key: &str, text: Option<&str>) -> Result<Option<Cursor>, OpError> {
    let parsed = text.map(Cursor::parse).transpose();
    parsed.map_err(|why| OpError { code: "bad-cursor".into(), message: format!("`{key}` {why}") })
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
        AppendError::Destroyed(_) => "stream-destroyed",
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
