//! `GET /api/streams/{path}`, upgraded: a WebSocket on which a client appends and follows, this stream and others of
//! its project. The frames are those that the server itself speaks with a subscription's receiver.

mod follow;
mod session;
mod writer;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::App;
use super::error::Problem;
use super::query::Query;
use super::read::{TypeFilter, cursor, type_filters};
use crate::event::{Cursor, StreamKey};
use crate::limits::SOCKET_MESSAGE_BYTES_MAX;

/// What a client follows.
pub struct Wanted {
    pub after: Cursor,
    pub types: Vec<TypeFilter>,
}

/// Whether a request asks for a WebSocket.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let names = |name, wanted: &str| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.is_some_and(|value| value.split(',').any(|word| word.trim().eq_ignore_ascii_case(wanted)))
    };
    names(header::CONNECTION, "upgrade") && names(header::UPGRADE, "websocket")
}

pub fn open(
    app: &App,
    stream: StreamKey,
    uri: &Uri,
    headers: &HeaderMap,
    upgrade: Option<OnUpgrade>,
) -> Result<Response, Problem> {
    let wanted = wanted(uri)?;
    let accept = accept_key(headers)?;
    let Some(upgrade) = upgrade else {
        return Err(Problem::bad_header("this connection cannot become a WebSocket: ask over HTTP/1.1"));
    };
    let place = app.sockets.clone().try_acquire_owned().map_err(|_| Problem::overloaded())?;
    let session_app = app.clone();
    app.sessions.spawn(async move {
        // An error is the client's way to leave.
        let Ok(upgraded) = upgrade.await else { return };
        let config = WebSocketConfig::default()
            .max_message_size(Some(SOCKET_MESSAGE_BYTES_MAX))
            .max_frame_size(Some(SOCKET_MESSAGE_BYTES_MAX));
        let io = TokioIo::new(upgraded);
        let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        session::run(session_app, stream, wanted, socket).await;
        drop(place);
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response())
}

/// As a live read, which begins at the first event; with `follow=false` nothing is followed until a frame says so.
fn wanted(uri: &Uri) -> Result<Option<Wanted>, Problem> {
    let query = Query::parse(uri, &["afterOffset", "types", "follow", "live"])?;
    let after = query.text("afterOffset").map(|text| cursor("afterOffset", text)).transpose()?;
    let types = query.text("types").map(type_filters).unwrap_or_default();
    if query.flag("live")? == Some(false) {
        return Err(Problem::bad_query(
            "a WebSocket is live: leave `live` out, and say `follow=false` to follow nothing at first",
        ));
    }
    let follows = query.flag("follow")?.unwrap_or(true);
    Ok(follows.then(|| Wanted { after: after.unwrap_or(Cursor::Start), types }))
}

fn accept_key(headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Problem::bad_header("`sec-websocket-version` must be 13"));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let key = key.ok_or_else(|| Problem::bad_header("`sec-websocket-key` is missing"))?;
    let accept = derive_accept_key(key.as_bytes());
    HeaderValue::from_str(&accept).map_err(|_| Problem::bad_header("`sec-websocket-key` is no key"))
}
