//! `GET /api/streams/{path}`: reading, finite or live, as server-sent events, as JSON or line by line.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use hyper::upgrade::OnUpgrade;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::accept::Accept;
use super::error::Problem;
use super::path::Addressed;
use super::query::Query;
use super::{App, socket};
use crate::event::{Cursor, Event, EventType, Kind, Offset, StreamKey};
use crate::limits::{KEEP_ALIVE, READ_PAGE_BYTES, READ_PAGE_EVENTS};
use crate::log::{Log, LogError, StreamRecord};
use crate::stream::Subscription;

/// Reads a stream: the events after and before two exclusive cursors (an offset, `start` or `end`). With
/// `live=true` the connection stays open and delivers what is appended from then on.
///
/// Upgraded to a WebSocket, the same connection follows and appends. Frames are JSON texts. From the server:
/// `{"type":"event","event":…}`, `{"type":"error","message":…,"id"?}`. From the client:
/// `{"type":"append","event":…,"path"?,"cause"?,"id"?}` (`cause`: the offset, or `{streamPath, offset}`, of the event in
/// reaction to which it comes), `{"type":"subscribe","path"?,"afterOffset"?,"types"?,"id"?}`,
/// `{"type":"unsubscribe","path"?,"id"?}`. A frame with an `id` is answered: `{"type":"appended","id":…,"event":…}`,
/// `{"type":"subscribed","path":…,"tail":…,"id":…}`, `{"type":"unsubscribed","path":…,"id":…}`. A `path` is absolute or
/// relative to the stream that the socket was opened for. Closed with 1013: the client took nothing for 10 s, and goes on
/// with `afterOffset`; 1001: the server goes down; 1009: a frame has more than 4 MiB; 1011: no pong came.
#[utoipa::path(
    get,
    path = "/api/streams/{path}",
    tag = "streams",
    params(
        ("path" = String, Path, description = "the stream's path"),
        ("afterOffset" = Option<String>, Query, description = "exclusive: a positive integer, `start` (default) or `end`"),
        ("beforeOffset" = Option<String>, Query, description = "exclusive: a positive integer, `start` or `end`"),
        ("live" = Option<bool>, Query, description = "whether to stay open after the backlog; without it, an `Accept` of text/event-stream decides, unless another type weighs more"),
        ("types" = Option<String>, Query, description = "only events of these types, separated by commas"),
        ("limit" = Option<u64>, Query, description = "at most so many events"),
        ("follow" = Option<bool>, Query, description = "of a WebSocket, which takes `afterOffset` and `types` too: false follows nothing until a frame says so"),
        ("Upgrade" = Option<String>, Header, description = "`websocket`: append and follow on one connection"),
        ("Last-Event-ID" = Option<u64>, Header, description = "resume behind this offset"),
        ("Accept" = Option<String>, Header, description = "text/event-stream (default), application/x-ndjson, or application/json (finite)"),
        ("x-millrace-project" = Option<String>, Header, description = "the project; `public` when absent"),
    ),
    responses(
        (status = 200, description = "the events", content(
            (String = "text/event-stream"),
            (Vec<super::openapi::EventSchema> = "application/json"),
            (super::openapi::EventSchema = "application/x-ndjson"),
        )),
        (status = 101, description = "a WebSocket"),
        (status = 400, description = "bad path, cursor or query", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
        (status = 404, description = "a finite read of a stream that does not exist", body = super::openapi::ProblemSchema, content_type = "application/problem+json"),
    )
)]
pub async fn read(
    State(app): State<App>,
    Addressed(stream): Addressed,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Option<Extension<OnUpgrade>>,
) -> Result<Response, Problem> {
    if socket::is_wanted(&headers) {
        return socket::open(&app, stream, &uri, &headers, upgrade.map(|Extension(upgrade)| upgrade));
    }
    let request = ReadRequest::parse(&uri, &headers)?;
    let source = if request.live {
        Source::Live(Box::new(follow(&app, &stream, &request).await?))
    } else {
        Source::Finite(find_range(app.host.log(), &stream, &request)?)
    };
    Ok(answer(request, source))
}

#[derive(Clone, Copy, PartialEq)]
enum Format {
    EventStream,
    Lines,
    Array,
}

struct ReadRequest {
    after: Cursor,
    before: Option<Cursor>,
    live: bool,
    kinds: Vec<TypeFilter>,
    limit: u64,
    format: Format,
}

impl ReadRequest {
    fn parse(uri: &Uri, headers: &HeaderMap) -> Result<ReadRequest, Problem> {
        let query = Query::parse(uri, &["afterOffset", "beforeOffset", "live", "types", "limit", "offset"])?;
        let after = match (query.text("afterOffset"), query.text("offset")) {
            (Some(_), Some(_)) => {
                return Err(Problem::bad_query(
                    "`offset` is the older name of `afterOffset`: give one of them",
                ));
            }
            (Some(text), None) => Some(cursor("afterOffset", text)?),
            (None, Some(text)) => Some(cursor("offset", text)?),
            (None, None) => None,
        };
        // A browser that reconnects repeats its first address; where it was, the header says.
        let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.trim().parse().ok());
        let accept = Accept::of(headers);
        let asked = query.flag("live")?;
        let live = asked.unwrap_or_else(|| wants_live(&accept));
        let found = match (live, asked) {
            (true, None) => Some(Format::EventStream),
            // An array has an end: whoever accepts anything else gets that.
            (true, Some(_)) => format(&accept, &FORMATS[..2]).or_else(|| format(&accept, &FORMATS)),
            (false, _) => format(&accept, &FORMATS),
        };
        let format = found.unwrap_or(Format::EventStream);
        if live && format == Format::Array {
            return Err(Problem::bad_query(
                "a live read cannot be one JSON array: accept text/event-stream or application/x-ndjson, or read with live=false",
            ));
        }
        Ok(ReadRequest {
            after: resumed.map(|offset| Cursor::At(Offset(offset))).or(after).unwrap_or(Cursor::Start),
            before: query.text("beforeOffset").map(|text| cursor("beforeOffset", text)).transpose()?,
            live,
            kinds: query.text("types").map(type_filters).unwrap_or_default(),
            limit: query.positive("limit")?.unwrap_or(u64::MAX),
            format,
        })
    }

    fn before(&self, tail: Offset) -> Offset {
        self.before.map_or(Offset::END, |cursor| cursor.before(tail))
    }

    fn admits(&self, event: &Event) -> bool {
        admits(&self.kinds, event)
    }
}

/// Whether an event is of one of these types; no types are all of them.
pub fn admits(types: &[TypeFilter], event: &Event) -> bool {
    types.is_empty() || types.iter().any(|filter| filter.admits(&event.event_type))
}

/// A built-in type is found by any of its names.
pub struct TypeFilter {
    name: String,
    kind: Option<Kind>,
}

impl TypeFilter {
    fn admits(&self, event_type: &EventType) -> bool {
        event_type.as_str() == self.name || (self.kind.is_some() && event_type.kind() == self.kind)
    }
}

pub fn type_filters(names: &str) -> Vec<TypeFilter> {
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(type_filter).collect()
}

pub fn type_filter(name: &str) -> TypeFilter {
    TypeFilter { name: name.trim().to_string(), kind: Kind::find(name.trim()) }
}

pub fn cursor(key: &str, text: &str) -> Result<Cursor, Problem> {
    Cursor::parse(text).map_err(|why| Problem::bad_query(format!("`{key}` {why}")))
}

/// In our order, where the client has none.
const FORMATS: [(&str, Format); 3] = [
    (EVENT_STREAM, Format::EventStream),
    ("application/x-ndjson", Format::Lines),
    ("application/json", Format::Array),
];
const EVENT_STREAM: &str = "text/event-stream";

/// Who accepts nothing of ours gets an event stream, as who says nothing.
fn format(accept: &Accept, formats: &[(&str, Format)]) -> Option<Format> {
    let offered: Vec<&str> = formats.iter().map(|(media, _)| *media).collect();
    let best = accept.best(&offered)?;
    formats.iter().find(|(media, _)| *media == best).map(|(_, format)| *format)
}

/// Without a word about it a read is live whose client names an event stream, and likes nothing better: many name it
/// beside others.
fn wants_live(accept: &Accept) -> bool {
    let heaviest = FORMATS.iter().filter_map(|(media, _)| accept.weight(media)).max();
    accept.named(EVENT_STREAM).is_some_and(|weight| Some(weight) == heaviest)
}

enum Source {
    Live(Box<Live>),
    Finite(Finite),
}

struct Live {
    subscription: Subscription,
    before: Offset,
    // Both last as long as the read: with many readers, to make them anew for each event would be most of the work.
    going: Pin<Box<WaitForCancellationFutureOwned>>,
    keep_alive: Pin<Box<Sleep>>,
}

struct Finite {
    log: Log,
    record: StreamRecord,
    after: Offset,
    before: Offset,
}

async fn follow(app: &App, stream: &StreamKey, request: &ReadRequest) -> Result<Live, Problem> {
    let mut subscription = app.host.streams().subscribe(stream, None).await?;
    let tail = subscription.joined_at();
    subscription.start_after(Some(request.after.after(tail)));
    Ok(Live {
        subscription,
        before: request.before(tail),
        going: Box::pin(app.going.clone().cancelled_owned()),
        keep_alive: Box::pin(tokio::time::sleep(KEEP_ALIVE)),
    })
}

fn find_range(log: &Log, stream: &StreamKey, request: &ReadRequest) -> Result<Finite, Problem> {
    let record = log.find(stream)?.ok_or_else(|| Problem::no_stream(&stream.path))?;
    let tail = log.tail(record.id)?;
    let before = request.before(tail).min(tail.next());
    Ok(Finite { log: log.clone(), record, after: request.after.after(tail), before })
}

impl Finite {
    async fn next(&mut self) -> Result<Option<Vec<Arc<Event>>>, LogError> {
        let left = self.before.0.saturating_sub(self.after.0).saturating_sub(1);
        if left == 0 {
            return Ok(None);
        }
        let (log, record, after, before) = (self.log.clone(), self.record.clone(), self.after, self.before);
        let read = move || log.read(&record, after, before, READ_PAGE_EVENTS, READ_PAGE_BYTES);
        // A long page holds a thread too long for the others on it.
        let page = if left > 32 {
            tokio::task::spawn_blocking(read).await.unwrap_or(Err(LogError::Closed))?
        } else {
            read()?
        };
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.offset;
        Ok(Some(page))
    }
}

/// What a reader comes to next.
enum News {
    Events(Vec<Arc<Event>>),
    /// Nothing for so long that the connection is to be shown alive.
    Quiet,
    End,
}

impl Source {
    async fn next(&mut self) -> Result<News, LogError> {
        let events = match self {
            Source::Finite(finite) => finite.next().await?,
            Source::Live(live) => tokio::select! {
                biased;
                () = &mut live.going => None,
                events = live.subscription.next() => events?,
                () = &mut live.keep_alive => {
                    live.keep_alive.as_mut().reset(Instant::now() + KEEP_ALIVE);
                    return Ok(News::Quiet);
                }
            },
        };
        Ok(events.map_or(News::End, News::Events))
    }

    /// Something was written: the connection needs no sign of life for a while.
    fn was_heard(&mut self) {
        if let Source::Live(live) = self {
            live.keep_alive.as_mut().reset(Instant::now() + KEEP_ALIVE);
        }
    }

    fn before(&self) -> Offset {
        match self {
            Source::Live(live) => live.before,
            Source::Finite(finite) => finite.before,
        }
    }
}

/// The body as it is being written.
struct Writer {
    request: ReadRequest,
    source: Source,
    before: Offset,
    left: u64,
    written: u64,
    state: Stage,
}

#[derive(PartialEq)]
enum Stage {
    Opening,
    Writing,
    Ended,
}

fn answer(request: ReadRequest, source: Source) -> Response {
    let content_type = match request.format {
        Format::EventStream => "text/event-stream",
        Format::Lines => "application/x-ndjson",
        Format::Array => "application/json",
    };
    let writer = Writer {
        before: source.before(),
        left: request.limit,
        request,
        source,
        written: 0,
        state: Stage::Opening,
    };
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(writer.into_stream())).into_response()
}

impl Writer {
    fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::unfold(self, |mut writer| async move {
            let written = writer.next().await?;
            Some((written, writer))
        })
    }

    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        match self.state {
            Stage::Opening => {
                self.state = if self.left == 0 { Stage::Ended } else { Stage::Writing };
                match self.request.format {
                    // Lets a client see at once that the connection stands.
                    Format::EventStream => return Some(Ok(Bytes::from_static(b": \n\n"))),
                    Format::Array => return Some(Ok(Bytes::from_static(b"["))),
                    Format::Lines => {}
                }
            }
            Stage::Writing => {}
            Stage::Ended => return None,
        }
        loop {
            if self.before <= self.cursor_end() {
                return self.end().map(Ok);
            }
            match self.source.next().await {
                Ok(News::Events(events)) => {
                    let bytes = self.write(&events);
                    if !bytes.is_empty() {
                        self.source.was_heard();
                        return Some(Ok(bytes));
                    }
                    if self.state == Stage::Ended {
                        return self.close().map(Ok);
                    }
                }
                Ok(News::Quiet) => return Some(Ok(self.sign_of_life())),
                Ok(News::End) => return self.end().map(Ok),
                Err(error) => return Some(self.fail(&error)),
            }
        }
    }

    /// A comment; line by line an empty line, which is no event either.
    fn sign_of_life(&self) -> Bytes {
        match self.request.format {
            Format::EventStream => Bytes::from_static(b": \n\n"),
            _ => Bytes::from_static(b"\n"),
        }
    }

    /// The range that is empty from the start needs no event to end it.
    fn cursor_end(&self) -> Offset {
        match &self.source {
            Source::Live(live) => live.subscription.cursor().next(),
            Source::Finite(_) => Offset::START,
        }
    }

    fn write(&mut self, events: &[Arc<Event>]) -> Bytes {
        let mut bytes = BytesMut::new();
        for event in events {
            if event.offset >= self.before {
                self.state = Stage::Ended;
                break;
            }
            if !self.request.admits(event) {
                continue;
            }
            self.write_one(&mut bytes, event);
            self.left -= 1;
            if self.left == 0 {
                self.state = Stage::Ended;
                break;
            }
        }
        if self.state == Stage::Ended
            && let Some(closing) = self.close()
        {
            bytes.extend_from_slice(&closing);
        }
        bytes.freeze()
    }

    fn write_one(&mut self, bytes: &mut BytesMut, event: &Event) {
        let wire = event.wire();
        match self.request.format {
            Format::EventStream => {
                bytes.reserve(wire.len() + 64);
                write!(bytes, "id: {}\nevent: message\ndata: ", event.offset).expect("a buffer grows");
                bytes.extend_from_slice(wire);
                bytes.extend_from_slice(b"\n\n");
            }
            Format::Lines => {
                bytes.extend_from_slice(wire);
                bytes.extend_from_slice(b"\n");
            }
            Format::Array => {
                if self.written > 0 {
                    bytes.extend_from_slice(b",");
                }
                bytes.extend_from_slice(wire);
            }
        }
        self.written += 1;
    }

    fn end(&mut self) -> Option<Bytes> {
        self.state = Stage::Ended;
        self.close()
    }

    fn close(&self) -> Option<Bytes> {
        (self.request.format == Format::Array).then(|| Bytes::from_static(b"]"))
    }

    /// The status has long been sent: an event stream can say what happened; the others are broken off, so
    /// that nobody takes a part for the whole.
    fn fail(&mut self, error: &LogError) -> io::Result<Bytes> {
        tracing::error!(%error, "a read ends early");
        self.state = Stage::Ended;
        if self.request.format == Format::EventStream {
            let data = serde_json::json!({ "code": "unavailable", "detail": error.to_string() });
            return Ok(Bytes::from(format!("event: error\ndata: {data}\n\n")));
        }
        Err(io::Error::other(error.to_string()))
    }
}
