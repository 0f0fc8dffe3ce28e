//! A client's WebSocket, from its first frame to its close: appends in their order, a bounded number under way, and
//! the streams that it follows.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_util::sync::CancellationToken;

use super::super::App;
use super::super::read::type_filter;
use super::Wanted;
use super::follow::Follow;
use super::writer::{self, Outgoing};
use crate::event::frame::{self, Frame, FrameCause};
use crate::event::{Cursor, Event, EventInput, StreamKey, StreamPath};
use crate::limits::{
    PING_INTERVAL, PONG_WAIT, READ_TYPES_MAX, SOCKET_APPENDS_MAX, SOCKET_QUEUE_MAX, SOCKET_STREAMS_MAX,
};
use crate::processors::deliveries::CauseHeader;
use crate::stream::{Only, Origin};

struct Session {
    app: App,
    /// Where the socket was opened.
    stream: StreamKey,
    follows: HashMap<StreamPath, Follow>,
    appends: FuturesOrdered<BoxFuture<'static, Option<String>>>,
    queue: mpsc::Sender<Outgoing>,
}

/// How a session ends: the code and the reason of its close.
type Close = (u16, &'static str);

pub async fn run(
    app: App,
    stream: StreamKey,
    wanted: Option<Wanted>,
    socket: WebSocketStream<TokioIo<Upgraded>>,
) {
    let (sink, source) = socket.split();
    let (queue, queued) = mpsc::channel(SOCKET_QUEUE_MAX);
    let written = CancellationToken::new();
    let ended = written.clone();
    let writer_app = app.clone();
    let writing = tokio::spawn(async move {
        let _ended = ended.drop_guard();
        writer::run(writer_app, sink, queued).await;
    });
    let mut session = Session {
        app,
        stream: stream.clone(),
        follows: HashMap::new(),
        appends: FuturesOrdered::new(),
        queue,
    };
    let close = tokio::select! {
        close = session.serve(wanted, source) => close,
        // It has said why itself.
        () = written.cancelled() => return,
    };
    session.follows.clear();
    let Session { queue, .. } = session;
    // A full queue says that nobody listens; the writer comes to its own end then.
    let _ = queue.send(Outgoing::Close(close.0, close.1)).await;
    drop(queue);
    let _ = writing.await;
}

impl Session {
    async fn serve(
        &mut self,
        wanted: Option<Wanted>,
        mut source: impl futures_util::Stream<Item = Result<Message, Error>> + Unpin,
    ) -> Close {
        let going = self.app.going.clone();
        if let Some(wanted) = wanted
            && let Err(why) = self.follow(self.stream.path.clone(), wanted, None).await
        {
            self.say(frame::error(None, &why)).await;
        }
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        let mut heard = Instant::now();
        loop {
            let may_read = self.appends.len() < SOCKET_APPENDS_MAX;
            tokio::select! {
                biased;
                () = going.cancelled() => return (1001, "the server is going down"),
                Some(answer) = self.appends.next() => if let Some(answer) = answer {
                    self.say(answer).await;
                },
                received = source.next(), if may_read => {
                    heard = Instant::now();
                    match received {
                        Some(Ok(Message::Text(text))) => self.hear(text.as_str()).await,
                        Some(Ok(Message::Binary(_))) => {
                            self.say(frame::error(None, "frames are JSON texts, and this was none")).await;
                        }
                        // A close is answered by the library, when the next frame is asked for, and that is the end.
                        Some(Ok(_)) => {}
                        None => return (1000, ""),
                        Some(Err(Error::Capacity(_))) => return (1009, "a frame is too large: append over HTTP"),
                        Some(Err(_)) => return (1002, "the frames cannot be read"),
                    }
                }
                _ = pings.tick() => {
                    if may_read && heard.elapsed() > PING_INTERVAL + PONG_WAIT {
                        return (1011, "no sign of life");
                    }
                    // A full queue is a sign of life, or will be the end of this.
                    let _ = self.queue.try_send(Outgoing::Ping);
                }
            }
        }
    }

    async fn hear(&mut self, text: &str) {
        let frame = match Frame::parse(text) {
            Ok(Some(frame)) => frame,
            Ok(None) => {
                let why = "a frame is an object with a `type`: append, subscribe or unsubscribe";
                return self.say(frame::error(None, why)).await;
            }
            Err(why) => return self.say(frame::error(None, &why)).await,
        };
        let outcome = match &*frame.kind {
            Frame::APPEND => self.append(&frame),
            Frame::SUBSCRIBE => self.subscribe(&frame).await,
            Frame::UNSUBSCRIBE => self.unsubscribe(&frame).await,
            // A complaint, and nobody to hear it.
            Frame::ERROR => Ok(()),
            other => Err(format!("there is no frame {other:?}: append, subscribe and unsubscribe are")),
        };
        if let Err(why) = outcome {
            self.say(frame::error(frame.id, &why)).await;
        }
    }

    /// Takes its place among the appends at once; the answer comes when it is stored.
    fn append(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        let event = frame.event.ok_or("`event` is missing: it is what is appended")?;
        let input = EventInput::parse(event.get()).map_err(|invalid| invalid.to_string())?;
        let stream = self.stream.sibling(self.path(frame)?);
        let origin = self.origin(frame.cause.as_ref(), &stream)?;
        let id: Option<Box<RawValue>> = frame.id.map(ToOwned::to_owned);
        let streams = self.app.host.streams().clone();
        self.appends.push_back(Box::pin(async move {
            let appended: Result<Arc<Event>, _> = streams.append_one(&stream, input, origin).await;
            match (appended, id) {
                (Ok(event), Some(id)) => Some(frame::appended(&id, &event)),
                (Ok(_), None) => None,
                (Err(error), id) => Some(frame::error(id.as_deref(), &error.to_string())),
            }
        }));
        Ok(())
    }

    fn origin(&self, cause: Option<&FrameCause>, stream: &StreamKey) -> Result<Origin, String> {
        let Some(cause) = cause else { return Ok(Origin::Client) };
        let named = CauseHeader::of_frame(cause, stream)?;
        let found = named.find(self.app.host.log()).map_err(|error| error.to_string())?;
        Ok(match found {
            Some(cause) => Origin::Peer { slug: None, cause: Some(cause), foreign: false, only: Only::Any },
            None => Origin::Client,
        })
    }

    /// Also begins anew what is followed already, from another offset or with other types.
    async fn subscribe(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        let path = self.path(frame)?;
        if !self.follows.contains_key(&path) && self.follows.len() >= SOCKET_STREAMS_MAX {
            return Err(format!("a socket follows {SOCKET_STREAMS_MAX} streams at most: open another one"));
        }
        let names = frame.types.as_deref().unwrap_or_default();
        if names.len() > READ_TYPES_MAX {
            return Err(format!("`types` may have {READ_TYPES_MAX} entries"));
        }
        let types = names.iter().map(|name| type_filter(name)).collect();
        let after = frame.cursor()?.unwrap_or(Cursor::Start);
        // Behind the confirmation nothing of the old one comes.
        self.follows.remove(&path);
        self.follow(path, Wanted { after, types }, frame.id.map(ToOwned::to_owned)).await
    }

    async fn follow(
        &mut self,
        path: StreamPath,
        wanted: Wanted,
        asked: Option<Box<RawValue>>,
    ) -> Result<(), String> {
        let stream = self.stream.sibling(path.clone());
        let follow = Follow::start(&self.app, &stream, wanted, self.queue.clone(), asked).await;
        self.follows.insert(path, follow.map_err(|error| error.to_string())?);
        Ok(())
    }

    async fn unsubscribe(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        let path = self.path(frame)?;
        if self.follows.remove(&path).is_none() {
            return Err(format!("stream `{path}` is not followed on this socket"));
        }
        if let Some(id) = frame.id {
            self.say(frame::unsubscribed(id, path.as_str())).await;
        }
        Ok(())
    }

    /// Absolute, or relative to where the socket was opened.
    fn path(&self, frame: &Frame<'_>) -> Result<StreamPath, String> {
        match &frame.path {
            Some(path) => self.stream.path.resolve(path),
            None => Ok(self.stream.path.clone()),
        }
    }

    async fn say(&mut self, text: String) {
        // The writer's end is seen where the session is run.
        let _ = self.queue.send(Outgoing::Frame(text)).await;
    }
}
