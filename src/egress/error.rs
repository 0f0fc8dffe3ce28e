//! Why a request did not come to an answer: a stable code for the script, a sentence for its author.

/// What a script sees as the cause of its failed fetch. It never has a secret's value in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EgressError {
    /// Stable: one of the constants of this type.
    pub code: &'static str,
    pub message: String,
}

impl EgressError {
    /// The policy does not let it out; the message says what would.
    pub const REFUSED: &'static str = "egress-refused";
    /// What was asked for is no request: a URL, method or header that cannot be sent.
    pub const INVALID: &'static str = "invalid-request";
    pub const DNS: &'static str = "dns-failed";
    pub const CONNECT: &'static str = "connect-failed";
    pub const TLS: &'static str = "tls-failed";
    /// The connection was there, and what came over it was cut off or is no HTTP.
    pub const PROTOCOL: &'static str = "connection-broken";
    pub const TIMEOUT: &'static str = "timeout";
    pub const TOO_MANY_REDIRECTS: &'static str = "too-many-redirects";
    /// A redirect that cannot or must not be followed.
    pub const REDIRECT: &'static str = "redirect-refused";
    pub const BODY_TOO_LARGE: &'static str = "body-too-large";
    /// A compressed body that does not unpack.
    pub const DECODING: &'static str = "decoding-failed";
    /// The script's own request body failed.
    pub const REQUEST_BODY: &'static str = "request-body-failed";
    pub const TOO_MANY: &'static str = "too-many-fetches";
    pub const SECRET_UNKNOWN: &'static str = "secret-unknown";
    pub const SECRET_NOT_ALLOWED: &'static str = "secret-not-allowed";
    /// The other side does not take the WebSocket.
    pub const HANDSHAKE: &'static str = "websocket-refused";

    pub fn new(code: &'static str, message: impl Into<String>) -> EgressError {
        EgressError { code, message: message.into() }
    }

    /// The one of ours that a library has wrapped, wherever it is in the chain of causes.
    pub(super) fn within(error: &(dyn std::error::Error + 'static)) -> Option<EgressError> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(own) = error.downcast_ref::<EgressError>() {
                return Some(own.clone());
            }
            let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            if let Some(own) = wrapped.and_then(|own| own.downcast_ref::<EgressError>()) {
                return Some(own.clone());
            }
            next = error.source();
        }
        None
    }
}

/// The innermost cause, which is the one that names the trouble.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
