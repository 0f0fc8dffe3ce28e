//! A WebSocket to a receiver: events out, appends in. What was written counts as delivered when a ping behind it is
//! answered, for then the other side has read it; with one that answers no pings, once the socket has taken it.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::cause::CauseHeader;
use super::failure::Failure;
use super::parcel::Parcel;
use crate::egress::{Caller, Egress, EgressError, Message, WebSocketRequest, WebSocketSender};
use crate::event::builtin::SubscriptionConfigured;
use crate::event::frame::{self, Frame};
use crate::event::{Event, EventInput, Slug, SourceKind};
use crate::limits::{DELIVERY_TIMEOUT, PING_INTERVAL, PONG_FIRST_WAIT, PONG_WAIT, REACTION_WINDOW};
use crate::log::StreamRecord;
use crate::stream::{Only, Origin, Streams};

pub struct Socket {
    sender: WebSocketSender,
    pongs: watch::Receiver<u64>,
    pings: u64,
    answers_pings: bool,
    newest: Newest,
    slug: Slug,
    closed: CancellationToken,
    _reading: AbortOnDropHandle<()>,
}

/// The newest event that the other side was told of and has not appended itself, and when. What it appends soon after
/// is taken to be in reaction to that: so a loop through it has a length.
type Newest = Arc<Mutex<Option<(Arc<Event>, Instant)>>>;

impl Socket {
    pub async fn connect(
        egress: &Egress,
        caller: &Caller,
        config: &SubscriptionConfigured,
        streams: &Streams,
        record: &StreamRecord,
    ) -> Result<Socket, Failure> {
        let headers = config.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
        let request = WebSocketRequest {
            url: config.callback_url.clone(),
            protocols: Vec::new(),
            headers: headers.collect(),
        };
        let opened = timeout(DELIVERY_TIMEOUT, egress.websocket(caller, request)).await;
        let opened = opened.map_err(|_| {
            let message =
                format!("the receiver took no WebSocket within {} ms", DELIVERY_TIMEOUT.as_millis());
            Failure::passing(message)
        })??;
        let newest = Newest::default();
        let closed = CancellationToken::new();
        let peer = Peer {
            streams: streams.clone(),
            record: record.clone(),
            slug: caller.slug.clone(),
            sender: opened.sender.clone(),
            newest: newest.clone(),
        };
        let (mut receiver, ended) = (opened.receiver, closed.clone());
        let reading = tokio::spawn(async move {
            let _ended = ended.drop_guard();
            while let Some(Ok(message)) = receiver.next().await {
                if matches!(message, Message::Close { .. }) || peer.hear(message).await.is_err() {
                    return;
                }
            }
        });
        let mut socket = Socket {
            sender: opened.sender,
            pongs: opened.pongs,
            pings: 0,
            answers_pings: false,
            newest,
            slug: caller.slug.clone(),
            closed,
            _reading: AbortOnDropHandle::new(reading),
        };
        socket.ping().await?;
        socket.answers_pings = timeout(PONG_FIRST_WAIT, socket.pong()).await.is_ok_and(|pong| pong.is_ok());
        if socket.is_closed() { Err(broken()) } else { Ok(socket) }
    }

    fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Returns when the other side has all of them, as far as can be known.
    pub async fn deliver(&mut self, parcels: &[Parcel]) -> Result<(), Failure> {
        for parcel in parcels {
            self.push(parcel).await?;
        }
        self.confirm().await
    }

    async fn push(&self, parcel: &Parcel) -> Result<(), Failure> {
        let event = &parcel.event;
        if !is_by(event, &self.slug) {
            let told = Some((event.clone(), Instant::now()));
            *self.newest.lock().expect("nothing panics while it holds the newest event") = told;
        }
        Ok(self.sender.send(Message::Text(frame::delivered(&parcel.body))).await?)
    }

    async fn confirm(&mut self) -> Result<(), Failure> {
        if !self.answers_pings {
            return if self.is_closed() { Err(broken()) } else { Ok(()) };
        }
        self.ping().await?;
        timeout(PONG_WAIT, self.pong()).await.unwrap_or_else(|_| {
            let millis = PONG_WAIT.as_millis();
            Err(Failure::passing(format!("the receiver's WebSocket gave no sign of life for {millis} ms")))
        })
    }

    /// Resolves when the socket is no more.
    pub async fn ended(&mut self) {
        loop {
            let closed = self.closed.clone();
            tokio::select! {
                () = closed.cancelled() => return,
                () = tokio::time::sleep(PING_INTERVAL) => if self.confirm().await.is_err() {
                    return;
                },
            }
        }
    }

    /// Says why, without a wait for who may not listen.
    pub fn close(self, code: u16, reason: &'static str) {
        tokio::spawn(async move {
            let Socket { sender, _reading, .. } = self;
            let close = Message::Close { code, reason: reason.to_string() };
            let _ = timeout(DELIVERY_TIMEOUT, sender.send(close)).await;
        });
    }

    async fn ping(&mut self) -> Result<(), Failure> {
        self.pings += 1;
        Ok(self.sender.ping(self.pings).await?)
    }

    async fn pong(&mut self) -> Result<(), Failure> {
        let asked = self.pings;
        tokio::select! {
            biased;
            answered = self.pongs.wait_for(|answered| *answered >= asked) => {
                answered.map(drop).map_err(|_| broken())
            }
            () = self.closed.cancelled() => Err(broken()),
        }
    }
}

/// Whether a subscription's other side has appended this.
fn is_by(event: &Event, slug: &Slug) -> bool {
    let source = event.source.as_ref();
    source.is_some_and(|source| source.kind == SourceKind::Client && source.slug.as_ref() == Some(slug))
}

fn broken() -> Failure {
    Failure::passing("the receiver has closed the WebSocket")
}

/// What the other side says.
struct Peer {
    streams: Streams,
    record: StreamRecord,
    slug: Slug,
    sender: WebSocketSender,
    newest: Newest,
}

impl Peer {
    async fn hear(&self, message: Message) -> Result<(), EgressError> {
        let Message::Text(text) = message else {
            return self.complain("frames are JSON texts, and this was none").await;
        };
        let frame = match Frame::parse(&text) {
            Ok(Some(frame)) => frame,
            // Another protocol's.
            Ok(None) => return Ok(()),
            Err(why) => return self.complain(&why).await,
        };
        match &*frame.kind {
            Frame::APPEND => match self.append(&frame).await {
                Ok(event) => match frame.id {
                    Some(id) => self.sender.send(Message::Text(frame::appended(id, &event))).await,
                    None => Ok(()),
                },
                Err(why) => self.sender.send(Message::Text(frame::error(frame.id, &why))).await,
            },
            Frame::ERROR => {
                tracing::debug!(stream = %self.record.key.path, slug = %self.slug, frame = %text, "a receiver has complained");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn append(&self, frame: &Frame<'_>) -> Result<Arc<Event>, String> {
        let event = frame.event.ok_or("`event` is missing: it is what is appended")?;
        let input = EventInput::parse(event.get()).map_err(|invalid| invalid.to_string())?;
        let cause = match &frame.cause {
            Some(named) => CauseHeader::of_frame(named, &self.record.key)?
                .find(self.streams.log())
                .map_err(|error| error.to_string())?,
            None => self.reaction(),
        };
        let origin = Origin::Peer {
            slug: Some(self.slug.clone()),
            cause,
            foreign: false,
            only: Only::This(self.record.id),
        };
        let appended = self.streams.append_one(&self.record.key, input, origin).await;
        appended.map_err(|error| error.to_string())
    }

    fn reaction(&self) -> Option<Arc<Event>> {
        let newest = self.newest.lock().expect("nothing panics while it holds the newest event");
        newest.as_ref().filter(|(_, at)| at.elapsed() < REACTION_WINDOW).map(|(event, _)| event.clone())
    }

    async fn complain(&self, why: &str) -> Result<(), EgressError> {
        self.sender.send(Message::Text(frame::error(None, why))).await
    }
}
