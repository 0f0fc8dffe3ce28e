//! The other end of a WebSocket: one that the server has opened, or one that is opened to the server. A thread reads
//! all the time, so that pings are answered as any library does.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use serde_json::Value;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Asked, Response as Answer};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::DEADLINE;

/// Takes the sockets that the server opens.
pub struct Listener(TcpListener);

impl Listener {
    pub fn start() -> Listener {
        Listener(TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is bound")
    }

    pub fn url(&self) -> String {
        format!("ws://{}/", self.address())
    }

    fn socket(&self) -> TcpStream {
        self.0.set_nonblocking(true).expect("it is a socket");
        let started = std::time::Instant::now();
        loop {
            match self.0.accept() {
                Ok((socket, _)) => {
                    socket.set_nonblocking(false).expect("it is a socket");
                    return socket;
                }
                Err(_) => assert!(started.elapsed() < DEADLINE, "nobody connected"),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The next socket, with the header `authorization` of its handshake.
    #[allow(clippy::result_large_err, reason = "the library's own form of a refusal")]
    pub fn accept(&self) -> Peer {
        let mut authorization = None;
        let callback = |asked: &Asked, answer: Answer| {
            let value = asked.headers().get("authorization");
            authorization = value.and_then(|value| value.to_str().ok()).map(str::to_string);
            Ok(answer)
        };
        let socket = tungstenite::accept_hdr(self.socket(), callback).expect("a handshake");
        Peer { authorization, ..Peer::run(socket) }
    }

    /// Takes a connection and lets it go.
    pub fn refuse(&self) {
        drop(self.socket());
    }
}

pub struct Peer {
    pub authorization: Option<String>,
    frames: Receiver<Message>,
    orders: Sender<Order>,
}

enum Order {
    Send(Message),
    /// Reads nothing until it is woken.
    Sleep,
    Wake,
    /// Goes without a word.
    Cut,
}

impl Peer {
    pub fn connect(address: SocketAddr, target: &str, headers: &[(&'static str, &str)]) -> Peer {
        Peer::try_connect(address, target, headers).expect("the server takes the socket")
    }

    /// The status of a refusal.
    pub fn try_connect(
        address: SocketAddr,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Peer, u16> {
        let mut request: Request = format!("ws://{address}{target}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let socket = TcpStream::connect(address).expect("the server listens");
        match tungstenite::client(request, socket) {
            Ok((socket, _)) => Ok(Peer::run(socket)),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                Err(answer.status().as_u16())
            }
            Err(error) => panic!("{target}: {error}"),
        }
    }

    fn run(mut socket: WebSocket<TcpStream>) -> Peer {
        let (told, frames) = mpsc::channel();
        let (orders, taken) = mpsc::channel();
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(5))).expect("a socket has a timeout");
        std::thread::spawn(move || {
            loop {
                match taken.try_recv() {
                    Ok(Order::Send(message)) => {
                        let _ = socket.send(message);
                    }
                    Ok(Order::Sleep) => {
                        while taken.recv().is_ok_and(|order| !matches!(order, Order::Wake)) {}
                    }
                    Ok(Order::Wake) => {}
                    Ok(Order::Cut) | Err(mpsc::TryRecvError::Disconnected) => return,
                    Err(mpsc::TryRecvError::Empty) => {}
                }
                match socket.read() {
                    Ok(message) => {
                        let _ = told.send(message);
                    }
                    Err(tungstenite::Error::Io(error))
                        if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => return,
                }
            }
        });
        Peer { authorization: None, frames, orders }
    }

    fn order(&self, order: Order) {
        // One that has ended takes no more.
        let _ = self.orders.send(order);
    }

    pub fn send(&self, frame: Value) {
        self.order(Order::Send(Message::text(frame.to_string())));
    }

    pub fn send_raw(&self, message: Message) {
        self.order(Order::Send(message));
    }

    pub fn close(&self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.order(Order::Send(Message::Close(Some(frame))));
    }

    pub fn sleep(&self) {
        self.order(Order::Sleep);
    }

    pub fn wake(&self) {
        self.order(Order::Wake);
    }

    pub fn cut(&self) {
        self.order(Order::Cut);
    }

    /// The next frame.
    pub fn frame(&self) -> Value {
        loop {
            match self.frames.recv_timeout(DEADLINE).expect("a frame comes") {
                Message::Text(text) => return serde_json::from_str(text.as_str()).expect("frames are JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("no frame, but {other:?}"),
            }
        }
    }

    /// The next event.
    pub fn event(&self) -> Value {
        let frame = self.frame();
        assert_eq!(frame["type"], "event", "{frame:#}");
        frame["event"].clone()
    }

    /// The code and the reason of the close, behind what else comes.
    pub fn closed(&self) -> (u16, String) {
        loop {
            match self.frames.recv_timeout(DEADLINE).expect("a close comes") {
                Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
                Message::Close(None) => return (1005, String::new()),
                _ => {}
            }
        }
    }
}
