//! Why a request came to nothing.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot make an HTTP client: {0}")]
    Setup(String),
    #[error("no server at {server} ({cause})")]
    NoServer { server: String, cause: String },
    #[error("{server} did not answer: {cause}")]
    NoAnswer { server: String, cause: String },
    #[error("the connection to {server} broke: {cause}")]
    Broken { server: String, cause: String },
    /// The server's own words; `code` is stable (RFC 9457).
    #[error("{sentence}")]
    Refused { status: u16, code: String, sentence: String },
    #[error("{server} answered, but not as a millrace server does")]
    Foreign { server: String },
    #[error("the server sent something that is no event: {0}")]
    NoEvent(String),
    /// What was appended is stored, as `stream/invalid-event-appended`.
    #[error("the server takes this for no valid event: {0}")]
    Invalid(String),
}

impl Error {
    /// Whether there is no such stream.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Refused { status: 404, .. })
    }
}
