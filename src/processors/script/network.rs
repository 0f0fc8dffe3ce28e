//! What a script may ask of the network: its bridge's requests and sockets, performed by the server's egress on behalf
//! of this one processor, with the `egress.allow` of its configuration.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::egress::{Caller, Egress, EgressError, Message, Redirect, Request, RequestBody, WebSocketRequest};
use crate::isolate::{
    self, FetchBody, FetchRequest, FetchResponse, OpError, Socket, SocketMessage, SocketRequest, SocketSend,
};

/// The server's way out, as one processor may use it.
pub struct Outbound {
    pub egress: Egress,
    pub caller: Caller,
}

impl Outbound {
    pub fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>> {
        let (egress, caller) = (self.egress.clone(), self.caller.clone());
        let FetchRequest { method, url, headers, redirect, body, .. } = request;
        let body = match body {
            FetchBody::Empty => RequestBody::Empty,
            FetchBody::Bytes(bytes) => RequestBody::Bytes(bytes),
            FetchBody::Stream(stream) => RequestBody::Stream(stream),
        };
        let redirect = match redirect {
            isolate::Redirect::Follow => Redirect::Follow,
            isolate::Redirect::Error => Redirect::Error,
            isolate::Redirect::Manual => Redirect::Manual,
        };
        async move {
            let request = Request { method, url, headers, body, redirect };
            let response = egress.fetch(&caller, request).await.map_err(op_error)?;
            Ok(FetchResponse {
                status: response.status,
                status_text: response.status_text,
                url: response.url,
                redirected: response.redirected,
                headers: response.headers,
                body: response.body.map(|piece| piece.map_err(op_error)).boxed(),
            })
        }
        .boxed()
    }

    pub fn connect(&self, request: SocketRequest) -> BoxFuture<'static, Result<Socket, OpError>> {
        let (egress, caller) = (self.egress.clone(), self.caller.clone());
        let SocketRequest { url, protocols, headers, .. } = request;
        async move {
            let request = WebSocketRequest { url, protocols, headers };
            let socket = egress.websocket(&caller, request).await.map_err(op_error)?;
            let sender = socket.sender;
            let send: SocketSend = Box::new(move |message| {
                let sender = sender.clone();
                async move { sender.send(outgoing(message)).await.map_err(op_error) }.boxed()
            });
            Ok(Socket {
                url: socket.url,
                protocol: socket.protocol,
                extensions: socket.extensions,
                send,
                receiver: socket.receiver.map(|message| message.map(incoming).map_err(op_error)).boxed(),
            })
        }
        .boxed()
    }
}

fn outgoing(message: SocketMessage) -> Message {
    match message {
        SocketMessage::Text(text) => Message::Text(text),
        SocketMessage::Binary(bytes) => Message::Binary(bytes),
        SocketMessage::Close { code, reason } => Message::Close { code, reason },
    }
}

fn incoming(message: Message) -> SocketMessage {
    match message {
        Message::Text(text) => SocketMessage::Text(text),
        Message::Binary(bytes) => SocketMessage::Binary(bytes),
        Message::Close { code, reason } => SocketMessage::Close { code, reason },
    }
}

fn op_error(EgressError { code, message }: EgressError) -> OpError {
    OpError { code: code.into(), message }
}
