//! WebSockets against a real server.

use futures_util::SinkExt;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Handshake, Response as Accepted};

use super::*;

const VALUE: &str = "sk-live-0123456789";

/// Says what it was sent, first the authorization of the handshake, whole and then in two messages.
async fn echo(socket: tokio::net::TcpStream) {
    let mut authorization = String::new();
    let accept = |request: &Handshake, mut answer: Accepted| {
        let value = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        authorization = value.unwrap_or("nothing").to_string();
        if request.headers().contains_key("sec-websocket-protocol") {
            answer.headers_mut().insert("sec-websocket-protocol", "two".parse().unwrap());
        }
        Ok(answer)
    };
    let Ok(mut socket) = accept_hdr_async(socket, accept).await else { return };
    let (first, second) = authorization.split_at(authorization.len() - 4);
    for message in [&authorization, first, second] {
        let _ = socket.send(message.into()).await;
    }
    while let Some(Ok(message)) = socket.next().await {
        // A close is answered by the library, when the next message is asked for.
        if !message.is_ping() && !message.is_close() && socket.send(message).await.is_err() {
            return;
        }
    }
}

fn request(server: &Server, headers: &[(&str, &str)]) -> WebSocketRequest {
    WebSocketRequest {
        url: format!("ws://{}/chat?x#y", server.address),
        protocols: vec!["one".into(), "two".into()],
        headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
    }
}

#[tokio::test]
async fn messages_go_both_ways_and_secrets_one_way() {
    let server = Server::raw(echo).await;
    let world = World::new(&[server.rule()]);
    world.secret("KEY", VALUE, &[]).await;
    let headers = [("authorization", "Bearer getSecret({secretKey: 'KEY'})")];
    let mut socket = soon(world.egress.websocket(&world.caller, request(&server, &headers))).await.unwrap();
    assert_eq!(socket.protocol, "two");
    assert_eq!(socket.url, format!("ws://{}/chat?x", server.address));
    for masked in ["Bearer [secret KEY]", "Bearer [secret KEY]", ""] {
        assert_eq!(soon(socket.receiver.next()).await, Some(Ok(Message::Text(masked.into()))));
    }
    let close = Message::Close { code: 4000, reason: "done".into() };
    for message in [Message::Text("grüße".into()), Message::Binary(vec![0, 255].into()), close] {
        soon(socket.sender.send(message.clone())).await.unwrap();
        assert_eq!(soon(socket.receiver.next()).await, Some(Ok(message)));
    }
    assert_eq!(soon(socket.receiver.next()).await, None);
    assert!(soon(socket.sender.send(Message::Text("late".into()))).await.is_err());
    drop(socket);
    assert_eq!(world.egress.stats().open, 0);
}

#[tokio::test]
async fn a_server_that_takes_no_websocket() {
    let server = Server::start(|_| super::server::Reply::text("no")).await;
    let world = World::new(&[server.rule()]);
    let (code, message) = code(soon(world.egress.websocket(&world.caller, request(&server, &[]))).await);
    assert!(code == EgressError::HANDSHAKE && message.contains("200"), "{code} {message}");
}
