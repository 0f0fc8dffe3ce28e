//! Headers of requests that belong to the connection, which is the server's: neither a script nor a subscription sets
//! them. With another `host` a secret would reach a neighbour of the one that it is for.

/// Their names, in lower case.
pub const OF_CONNECTION: [&str; 13] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Those that a WebSocket's handshake makes itself begin with this.
pub const HANDSHAKE: &str = "sec-websocket-";
