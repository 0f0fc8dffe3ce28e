//! What goes out and what comes back, as the bridge of a script hands it over.

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::sync::watch;

use super::EgressError;
use crate::event::{HostRule, Project, Slug, StreamPath};

/// On whose behalf a request goes out.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Its secrets are the ones that are substituted.
    pub project: Project,
    pub stream: StreamPath,
    pub slug: Slug,
    /// The processor's `egress.allow`: it narrows what the server lets out and opens nothing. None: as the server.
    pub allow: Option<Vec<HostRule>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    #[default]
    Follow,
    /// A redirect is a failure.
    Error,
    /// A redirect is the answer, with its `location`.
    Manual,
}

pub struct Request {
    /// As the script wrote it; the usual ones count in any case.
    pub method: String,
    /// Absolute. A fragment is allowed and not sent, credentials are refused.
    pub url: String,
    /// Values may hold references to secrets. Headers that belong to the connection (`host`, `content-length`,
    /// `connection`, `accept-encoding` and their like) are the host's own and left out.
    pub headers: Vec<(String, String)>,
    pub body: RequestBody,
    pub redirect: Redirect,
}

/// Bytes can be sent again to where a redirect leads, a stream cannot.
pub enum RequestBody {
    Empty,
    Bytes(Bytes),
    Stream(BoxStream<'static, Result<Bytes, String>>),
}

/// An answer whose head is there. Dropping it, or its body, ends the request.
pub struct Response {
    pub status: u16,
    /// Empty over HTTP/2, which has none.
    pub status_text: String,
    /// Where the answer came from, behind all redirects; without a fragment.
    pub url: String,
    pub redirected: bool,
    /// Names in lower case, repeated ones in their order; bytes beyond ASCII as Latin-1. `content-encoding` and
    /// `content-length` are those of the wire, as browsers show them.
    pub headers: Vec<(String, String)>,
    /// Unpacked, with the values of secrets masked. It ends behind an error.
    pub body: BoxStream<'static, Result<Bytes, EgressError>>,
}

pub struct WebSocketRequest {
    /// `ws:`, `wss:`, `http:` or `https:`.
    pub url: String,
    pub protocols: Vec<String>,
    /// Beside those of the handshake; values may hold references to secrets.
    pub headers: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Text(String),
    Binary(Bytes),
    /// The last message in either direction; 1005 stands for a close without a code.
    Close {
        code: u16,
        reason: String,
    },
}

/// An open connection. It ends when both halves are dropped.
pub struct WebSocket {
    /// With `ws:` or `wss:`, without a fragment.
    pub url: String,
    /// The one that the server chose of those asked for, or empty.
    pub protocol: String,
    pub extensions: String,
    pub sender: super::WebSocketSender,
    /// The number of the newest ping of ours that was answered.
    pub pongs: watch::Receiver<u64>,
    /// Ends behind a `Close` or an error. Pings are answered on the way.
    pub receiver: BoxStream<'static, Result<Message, EgressError>>,
}
