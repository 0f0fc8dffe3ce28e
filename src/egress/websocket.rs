//! WebSockets: the handshake over a checked connection, and then messages both ways. The sending half is a task
//! behind a short queue, so that a slow server holds its sender up, and nobody else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::stream::{self, BoxStream, SplitStream, StreamExt};
use hyper::header::{HeaderName, HeaderValue};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error as ProtocolError};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;

use super::connector::Stream;
use super::error::innermost;
use super::mask::{Mask, MaskMessages};
use super::places::Place;
use super::target::Target;
use super::{Caller, EgressError, Inner, Message, WebSocket, WebSocketRequest, headers, target};
use crate::limits::{WEBSOCKET_HANDSHAKE_TIMEOUT, WEBSOCKET_MESSAGE_BYTES_MAX, WEBSOCKET_QUEUE_MAX};

/// The sending half; cheap to clone.
#[derive(Clone)]
pub struct WebSocketSender(mpsc::Sender<Queued>);

/// A message, and who waits for it to be sent.
type Queued = (tungstenite::Message, oneshot::Sender<Result<(), EgressError>>);

impl WebSocketSender {
    /// Resolves when the socket has taken the message. Nothing can be sent behind a `Close`.
    pub async fn send(&self, message: Message) -> Result<(), EgressError> {
        self.queue(encode(message)).await
    }

    /// The answer shows in the WebSocket's `pongs`: then the other side has read what was sent before.
    pub async fn ping(&self, number: u64) -> Result<(), EgressError> {
        self.queue(tungstenite::Message::Ping(number.to_be_bytes().to_vec().into())).await
    }

    async fn queue(&self, message: tungstenite::Message) -> Result<(), EgressError> {
        let closed = || EgressError::new(EgressError::PROTOCOL, "the WebSocket is closed");
        let (done, sent) = oneshot::channel();
        self.0.send((message, done)).await.map_err(|_| closed())?;
        sent.await.unwrap_or_else(|_| Err(closed()))
    }
}

pub async fn open(
    egress: &Inner,
    caller: &Caller,
    request: WebSocketRequest,
) -> Result<WebSocket, EgressError> {
    let mut url = target::parse(&request.url)?;
    url.set_fragment(None);
    let target = Target::of(&url)?;
    egress.policy.check(caller, &target)?;
    let own = headers::of_script(request.headers)?;
    let substituted = egress.secrets.substitute(&caller.project, &egress.policy, &target, &own)?;
    let mask = egress.secrets.mask(&caller.project, &substituted.sent);
    let mut handshake = hyper::Request::new(());
    *handshake.uri_mut() = uri(&url)?;
    *handshake.headers_mut() = headers::encode(&substituted.headers)?;
    let added = [
        ("host", host(&url)),
        ("connection", "Upgrade".into()),
        ("upgrade", "websocket".into()),
        ("sec-websocket-version", "13".into()),
        ("sec-websocket-key", generate_key()),
        ("sec-websocket-protocol", request.protocols.join(", ")),
    ];
    for (name, value) in added.into_iter().filter(|(_, value)| !value.is_empty()) {
        let value = HeaderValue::from_str(&value)
            .map_err(|_| invalid(format!("{value:?} cannot be sent as {name}")))?;
        handshake.headers_mut().insert(HeaderName::from_static(name), value);
    }
    handshake.headers_mut().remove("accept-encoding");
    let place = egress.places.take(caller).await?;
    let stream = egress.connector.connect(&target, true).await?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(WEBSOCKET_MESSAGE_BYTES_MAX))
        .max_frame_size(Some(WEBSOCKET_MESSAGE_BYTES_MAX))
        .max_write_buffer_size(2 * WEBSOCKET_MESSAGE_BYTES_MAX);
    let opening = client_async_with_config(handshake, stream, Some(config));
    let (socket, answer) =
        match timeout(egress.bounds.head_timeout.min(WEBSOCKET_HANDSHAKE_TIMEOUT), opening).await {
            Ok(opened) => opened.map_err(|error| refused(&target, &error, mask.as_ref()))?,
            Err(_) => {
                return Err(EgressError::new(
                    EgressError::TIMEOUT,
                    format!("{} did not answer the WebSocket's handshake", target.rule()),
                ));
            }
        };
    let chosen = |name: &str| {
        let value = answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        mask.as_ref().map_or_else(|| value.to_string(), |mask| mask.text(value))
    };
    let scheme = if target.tls { "wss" } else { "ws" };
    Ok(WebSocket {
        url: format!("{scheme}{}", &url.as_str()[url.scheme().len()..]),
        protocol: chosen("sec-websocket-protocol"),
        extensions: chosen("sec-websocket-extensions"),
        ..run(socket, target.rule(), mask, place, egress.bounds.idle_timeout)
    })
}

/// Starts the sending task, and gives both halves.
fn run(
    socket: WebSocketStream<Stream>,
    from: String,
    mask: Option<Mask>,
    place: Place,
    patience: Duration,
) -> WebSocket {
    // Held as long as either half is there.
    let place = Arc::new(place);
    let held = place.clone();
    let (mut sink, source) = socket.split();
    let (sender, mut queue) = mpsc::channel::<Queued>(WEBSOCKET_QUEUE_MAX);
    let to = from.clone();
    tokio::spawn(async move {
        while let Some((message, done)) = queue.recv().await {
            let last = matches!(message, tungstenite::Message::Close(_));
            // A server that takes nothing must not keep this for ever.
            let sent = match timeout(patience, sink.send(message)).await {
                Ok(sent) => sent.map_err(|error| broken(&to, &error)),
                Err(_) => Err(EgressError::new(
                    EgressError::TIMEOUT,
                    format!("{to} took no message for {} ms", patience.as_millis()),
                )),
            };
            let failed = sent.is_err();
            // Whoever asked may have gone.
            let _ = done.send(sent);
            if last || failed {
                break;
            }
        }
        // Nobody sends any more: the other side is told, if it is still there.
        queue.close();
        drop(held);
        let _ = timeout(WEBSOCKET_HANDSHAKE_TIMEOUT, sink.close()).await;
    });
    let (answered, pongs) = watch::channel(0);
    let mask = mask.as_ref().map(Mask::messages);
    let receiving = Receiving { source, from, mask, answered, _place: place };
    WebSocket {
        url: String::new(),
        protocol: String::new(),
        extensions: String::new(),
        sender: WebSocketSender(sender),
        pongs,
        receiver: receiving.into_stream(),
    }
}

struct Receiving {
    source: SplitStream<WebSocketStream<Stream>>,
    from: String,
    mask: Option<MaskMessages>,
    answered: watch::Sender<u64>,
    _place: Arc<Place>,
}

impl Receiving {
    fn into_stream(self) -> BoxStream<'static, Result<Message, EgressError>> {
        stream::unfold(Some(self), |receiving| async move {
            let mut receiving = receiving?;
            let received = receiving.next().await;
            let last = matches!(received, Err(_) | Ok(Message::Close { .. }));
            Some((received, (!last).then_some(receiving)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Message, EgressError> {
        loop {
            let message = match self.source.next().await {
                None | Some(Err(ProtocolError::ConnectionClosed)) => {
                    return Err(broken(&self.from, &ProtocolError::ConnectionClosed));
                }
                Some(Err(error)) => return Err(broken(&self.from, &error)),
                Some(Ok(message)) => message,
            };
            let mask = &mut self.mask;
            let mut text =
                |text: &str| mask.as_mut().map_or_else(|| text.to_string(), |mask| mask.text(text));
            match message {
                tungstenite::Message::Text(received) => return Ok(Message::Text(text(received.as_str()))),
                tungstenite::Message::Binary(bytes) => {
                    return Ok(Message::Binary(match mask {
                        Some(mask) => mask.bytes(&bytes),
                        None => bytes,
                    }));
                }
                tungstenite::Message::Close(frame) => {
                    let (code, reason) = frame.map_or((1005, String::new()), |frame| {
                        (frame.code.into(), text(frame.reason.as_str()))
                    });
                    return Ok(Message::Close { code, reason });
                }
                tungstenite::Message::Pong(number) => {
                    if let Ok(number) = <[u8; 8]>::try_from(&number[..]) {
                        self.answered.send_replace(u64::from_be_bytes(number));
                    }
                }
                // Pings are answered by the library, when the next message is read.
                _ => {}
            }
        }
    }
}

fn encode(message: Message) -> tungstenite::Message {
    match message {
        Message::Text(text) => tungstenite::Message::text(text),
        Message::Binary(bytes) => tungstenite::Message::Binary(bytes),
        Message::Close { code: 1005, .. } => tungstenite::Message::Close(None),
        Message::Close { code, reason } => tungstenite::Message::Close(Some(CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        })),
    }
}

fn uri(url: &Url) -> Result<hyper::Uri, EgressError> {
    let with_scheme = format!("ws{}", url.as_str().strip_prefix("http").unwrap_or_default());
    with_scheme.parse().map_err(|error| invalid(format!("{url} cannot be sent in a handshake: {error}")))
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"))
}

fn refused(target: &Target, error: &ProtocolError, mask: Option<&Mask>) -> EgressError {
    let why = match error {
        ProtocolError::Http(answer) => format!("it answered with status {}", answer.status().as_u16()),
        other => innermost(other),
    };
    let why = mask.map_or_else(|| why.clone(), |mask| mask.text(&why));
    EgressError::new(EgressError::HANDSHAKE, format!("{} takes no WebSocket there: {why}", target.rule()))
}

fn broken(from: &str, error: &ProtocolError) -> EgressError {
    match error {
        ProtocolError::Capacity(_) => EgressError::new(
            EgressError::BODY_TOO_LARGE,
            format!("a message of {from} is longer than {WEBSOCKET_MESSAGE_BYTES_MAX} bytes"),
        ),
        other => EgressError::new(
            EgressError::PROTOCOL,
            format!("the WebSocket of {from} broke: {}", innermost(other)),
        ),
    }
}

fn invalid(message: String) -> EgressError {
    EgressError::new(EgressError::INVALID, message)
}
