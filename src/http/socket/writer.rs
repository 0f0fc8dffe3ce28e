//! The sending half of a client's WebSocket: a task behind a short queue. Who takes nothing for a while is sent away,
//! and reads on later from where it was: nothing piles up here.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::super::App;
use crate::event::{Event, frame};
use crate::limits::{SOCKET_CLOSE_TIMEOUT, SOCKET_SLOW_AFTER};

pub type Sink = SplitSink<WebSocketStream<TokioIo<Upgraded>>, Message>;

pub enum Outgoing {
    Event(Arc<Event>),
    Frame(String),
    Ping,
    /// The last.
    Close(u16, &'static str),
}

/// Of who does not read.
const TOO_SLOW: (u16, &str) = (1013, "too slow: open it again with afterOffset");

pub async fn run(app: App, mut sink: Sink, mut queue: mpsc::Receiver<Outgoing>) {
    let mut close = (1000, "");
    while let Some(outgoing) = queue.recv().await {
        let message = match outgoing {
            Outgoing::Event(event) => Message::text(frame::event(&event)),
            Outgoing::Frame(text) => Message::text(text),
            Outgoing::Ping => Message::Ping(Vec::new().into()),
            Outgoing::Close(code, reason) => {
                close = (code, reason);
                break;
            }
        };
        match timeout(SOCKET_SLOW_AFTER, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                app.slow_sockets.fetch_add(1, Relaxed);
                close = TOO_SLOW;
                break;
            }
        }
    }
    queue.close();
    let (code, reason) = close;
    let last = Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }));
    // Nothing more can be done for who does not listen.
    let _ = timeout(SOCKET_CLOSE_TIMEOUT, sink.send(last)).await;
}
