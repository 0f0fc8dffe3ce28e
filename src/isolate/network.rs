//! What a script has under way on the network, on the host's side: requests and sockets, each in a task of its own.
//! Nothing is read ahead of the script: it asks for each piece of an answer, and is told when each piece of its own
//! was taken. With the isolate all of it ends.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::OpError;
use super::protocol::{OpId, Pushed, Received, RequestBody};
use crate::event::Offset;
use crate::limits::{NETWORK_PIECE_BYTES_MAX, NETWORK_PUSHES_MAX, SOCKET_CLOSE_TIMEOUT};

pub struct FetchRequest {
    /// The event being reacted to, where there is one.
    pub event: Option<Offset>,
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub redirect: Redirect,
    pub body: FetchBody,
}

/// What happens at a redirect; as the Fetch standard names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Redirect {
    Follow,
    Error,
    Manual,
}

pub enum FetchBody {
    Empty,
    Bytes(Bytes),
    /// An error is the script's own: its stream has failed.
    Stream(BoxStream<'static, Result<Bytes, String>>),
}

impl FetchBody {
    /// One that came with its request; a stream comes by itself.
    pub(super) fn of(kind: RequestBody, bytes: Vec<u8>) -> FetchBody {
        match kind {
            RequestBody::Bytes => FetchBody::Bytes(bytes.into()),
            RequestBody::Empty | RequestBody::Stream => FetchBody::Empty,
        }
    }
}

/// An answer whose head is there; dropping it ends the request.
pub struct FetchResponse {
    pub status: u16,
    pub status_text: String,
    pub url: String,
    pub redirected: bool,
    pub headers: Vec<(String, String)>,
    pub body: BoxStream<'static, Result<Bytes, OpError>>,
}

pub struct SocketRequest {
    pub event: Option<Offset>,
    pub url: String,
    pub protocols: Vec<String>,
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketMessage {
    Text(String),
    Binary(Bytes),
    /// The last in either direction; 1005 stands for one without a code.
    Close {
        code: u16,
        reason: String,
    },
}

/// An open socket; it ends when it is dropped.
pub struct Socket {
    pub url: String,
    pub protocol: String,
    pub extensions: String,
    pub send: SocketSend,
    pub receiver: BoxStream<'static, Result<SocketMessage, OpError>>,
}

/// Resolves when the message is on its way.
pub type SocketSend =
    Box<dyn FnMut(SocketMessage) -> BoxFuture<'static, Result<(), OpError>> + Send + 'static>;

/// Tells the isolate what came of an operation; with the bytes of it, if there are any.
pub type Tell = Arc<dyn Fn(OpId, &Received, &[u8]) + Send + Sync>;

/// All that one isolate has under way, by the operation that began it.
#[derive(Default)]
pub struct Exchanges(Mutex<HashMap<OpId, Exchange>>);

struct Exchange {
    pulls: mpsc::Sender<OpId>,
    pushes: Option<mpsc::Sender<Push>>,
    _task: AbortOnDropHandle<()>,
}

struct Push {
    op: OpId,
    what: Pushed,
    bytes: Bytes,
}

impl Exchanges {
    pub fn fetch(
        self: &Arc<Exchanges>,
        op: OpId,
        tell: Tell,
        streams: bool,
        begin: impl FnOnce(Option<FetchBody>) -> BoxFuture<'static, Result<FetchResponse, OpError>>,
    ) {
        let (pushes, uploads) = match streams {
            true => {
                let (pushes, queue) = mpsc::channel(NETWORK_PUSHES_MAX);
                let uploads = Uploads { queue, tell: tell.clone(), ended: false };
                (Some(pushes), Some(FetchBody::Stream(uploads.boxed())))
            }
            false => (None, None),
        };
        let response = begin(uploads);
        self.begin(op, pushes, |pulls| receive_response(op, tell, response, pulls));
    }

    pub fn connect(
        self: &Arc<Exchanges>,
        op: OpId,
        tell: Tell,
        connecting: BoxFuture<'static, Result<Socket, OpError>>,
    ) {
        let (pushes, queue) = mpsc::channel(NETWORK_PUSHES_MAX);
        self.begin(op, Some(pushes), |pulls| run_socket(op, tell, connecting, pulls, queue));
    }

    fn begin<F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Exchanges>,
        op: OpId,
        pushes: Option<mpsc::Sender<Push>>,
        run: impl FnOnce(mpsc::Receiver<OpId>) -> F,
    ) {
        // A script asks for one piece at a time.
        let (pulls, queue) = mpsc::channel(1);
        let work = run(queue);
        let exchanges = Arc::downgrade(self);
        // Held until it is on the list, so that it cannot be taken off before.
        let mut under_way = self.lock();
        let task = tokio::spawn(async move {
            work.await;
            if let Some(exchanges) = exchanges.upgrade() {
                exchanges.end(op);
            }
        });
        under_way.insert(op, Exchange { pulls, pushes, _task: AbortOnDropHandle::new(task) });
    }

    pub fn pull(&self, exchange: OpId, op: OpId, tell: &Tell) {
        let asked = self.lock().get(&exchange).map(|exchange| exchange.pulls.try_send(op));
        if !matches!(asked, Some(Ok(()))) {
            tell(op, &over(), &[]);
        }
    }

    pub fn push(&self, exchange: OpId, op: OpId, what: Pushed, bytes: Bytes, tell: &Tell) {
        let pushes = self.lock().get(&exchange).and_then(|exchange| exchange.pushes.clone());
        let pushed = pushes.map(|pushes| pushes.try_send(Push { op, what, bytes }));
        if !matches!(pushed, Some(Ok(()))) {
            tell(op, &over(), &[]);
        }
    }

    pub fn end(&self, exchange: OpId) {
        let ended = self.lock().remove(&exchange);
        drop(ended);
    }

    pub fn end_all(&self) {
        let ended = std::mem::take(&mut *self.lock());
        drop(ended);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<OpId, Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over() -> Received {
    Received::Failed { code: "closed".into(), message: "the connection is closed already".into() }
}

fn failed(error: OpError) -> Received {
    Received::Failed { code: error.code, message: error.message }
}

// --- requests ---------------------------------------------------------------------------------------------

async fn receive_response(
    op: OpId,
    tell: Tell,
    response: BoxFuture<'static, Result<FetchResponse, OpError>>,
    mut pulls: mpsc::Receiver<OpId>,
) {
    let FetchResponse { status, status_text, url, redirected, headers, body } = match response.await {
        Ok(response) => response,
        Err(error) => return tell(op, &failed(error), &[]),
    };
    let mut body = Pieces { body, rest: Bytes::new(), failed: None, ended: false };
    // What is there already goes along: a short answer takes no further questions.
    let first = body.next_now();
    let last = body.is_over();
    tell(op, &Received::Head { status, status_text, url, redirected, headers, last }, &first);
    if last {
        return;
    }
    while let Some(op) = pulls.recv().await {
        match body.next().await {
            Ok(piece) => {
                let last = body.is_over();
                tell(op, &Received::Piece { last }, &piece);
                if last {
                    return;
                }
            }
            Err(error) => return tell(op, &failed(error), &[]),
        }
    }
}

/// A body in pieces of a bounded size, which knows when it is over as soon as that can be known.
struct Pieces {
    body: BoxStream<'static, Result<Bytes, OpError>>,
    rest: Bytes,
    failed: Option<OpError>,
    ended: bool,
}

impl Pieces {
    /// An empty piece is the end.
    async fn next(&mut self) -> Result<Bytes, OpError> {
        while self.rest.is_empty() && !self.ended {
            if let Some(error) = self.failed.take() {
                self.ended = true;
                return Err(error);
            }
            match self.body.next().await {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => self.failed = Some(error),
                None => self.ended = true,
            }
        }
        Ok(self.rest.split_to(self.rest.len().min(NETWORK_PIECE_BYTES_MAX)))
    }

    /// What can be had without waiting, perhaps nothing.
    fn next_now(&mut self) -> Bytes {
        self.look();
        self.rest.split_to(self.rest.len().min(NETWORK_PIECE_BYTES_MAX))
    }

    fn is_over(&mut self) -> bool {
        self.look();
        self.ended && self.rest.is_empty()
    }

    fn look(&mut self) {
        while self.rest.is_empty() && !self.ended && self.failed.is_none() {
            match self.body.next().now_or_never() {
                Some(Some(Ok(bytes))) => self.rest = bytes,
                Some(Some(Err(error))) => self.failed = Some(error),
                Some(None) => self.ended = true,
                None => return,
            }
        }
    }
}

/// A request's body as the script sends it. A piece is told as taken when it is asked for; what nobody asks for any
/// more is told, too, so that the script does not wait for it.
struct Uploads {
    queue: mpsc::Receiver<Push>,
    tell: Tell,
    ended: bool,
}

impl Stream for Uploads {
    type Item = Result<Bytes, String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            let Poll::Ready(pushed) = self.queue.poll_recv(cx) else { return Poll::Pending };
            let Some(Push { op, what, bytes }) = pushed else {
                self.ended = true;
                return Poll::Ready(Some(Err("the script has ended".into())));
            };
            (self.tell)(op, &Received::Taken, &[]);
            match what {
                Pushed::Bytes if bytes.is_empty() => continue,
                Pushed::Bytes => return Poll::Ready(Some(Ok(bytes))),
                Pushed::End => self.ended = true,
                // Those are for sockets.
                Pushed::Text | Pushed::Binary | Pushed::Close { .. } => continue,
            }
        }
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        refuse_all(&mut self.queue, &self.tell);
    }
}

fn refuse_all(queue: &mut mpsc::Receiver<Push>, tell: &Tell) {
    queue.close();
    while let Ok(push) = queue.try_recv() {
        tell(push.op, &over(), &[]);
    }
}

// --- sockets ----------------------------------------------------------------------------------------------

async fn run_socket(
    op: OpId,
    tell: Tell,
    connecting: BoxFuture<'static, Result<Socket, OpError>>,
    pulls: mpsc::Receiver<OpId>,
    mut pushes: mpsc::Receiver<Push>,
) {
    let Socket { url, protocol, extensions, send, receiver } = match connecting.await {
        Ok(socket) => socket,
        Err(error) => return tell(op, &failed(error), &[]),
    };
    tell(op, &Received::Opened { url, protocol, extensions }, &[]);
    // Side by side: neither waits for the other, or two that send a lot would wait for each other.
    tokio::select! {
        () = receive_messages(&tell, receiver, pulls) => {}
        () = send_messages(&tell, send, &mut pushes) => {}
    }
    refuse_all(&mut pushes, &tell);
}

async fn receive_messages(
    tell: &Tell,
    mut receiver: BoxStream<'static, Result<SocketMessage, OpError>>,
    mut pulls: mpsc::Receiver<OpId>,
) {
    while let Some(op) = pulls.recv().await {
        match receiver.next().await {
            Some(Ok(SocketMessage::Text(text))) => tell(op, &Received::Text, text.as_bytes()),
            Some(Ok(SocketMessage::Binary(bytes))) => tell(op, &Received::Binary, &bytes),
            Some(Ok(SocketMessage::Close { code, reason })) => {
                return tell(op, &Received::Closed { code, reason, clean: true }, &[]);
            }
            Some(Err(error)) => return tell(op, &failed(error), &[]),
            None => {
                return tell(op, &Received::Closed { code: 1006, reason: String::new(), clean: false }, &[]);
            }
        }
    }
}

/// Ends when the other side has had its time to answer a close, or cannot be reached any more.
async fn send_messages(tell: &Tell, mut send: SocketSend, pushes: &mut mpsc::Receiver<Push>) {
    while let Some(Push { op, what, bytes }) = pushes.recv().await {
        let message = match what {
            Pushed::Text => SocketMessage::Text(String::from_utf8_lossy(&bytes).into_owned()),
            Pushed::Binary => SocketMessage::Binary(bytes),
            Pushed::Close { code, reason } => SocketMessage::Close { code, reason },
            // Those are for requests.
            Pushed::Bytes | Pushed::End => continue,
        };
        let closes = matches!(message, SocketMessage::Close { .. });
        match send(message).await {
            Ok(()) => tell(op, &Received::Taken, &[]),
            // The receiving side finds the same, and says it.
            Err(error) => tell(op, &failed(error), &[]),
        }
        if closes {
            tokio::time::sleep(SOCKET_CLOSE_TIMEOUT).await;
            return;
        }
    }
    std::future::pending().await
}
