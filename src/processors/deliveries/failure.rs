//! Why an attempt did not come to an acknowledgement, and what follows from it.

use std::time::Duration;

use crate::egress::EgressError;

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub message: String,
    /// The least pause that the receiver asks for.
    pub retry_after: Option<Duration>,
    pub then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Then {
    Retry,
    /// The same would come of it: what is configured, or how the server was started, must change.
    Rest,
    /// The receiver wants no more.
    End,
}

impl Failure {
    pub fn passing(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), retry_after: None, then: Then::Retry }
    }
}

impl From<EgressError> for Failure {
    fn from(error: EgressError) -> Failure {
        let lasting = [EgressError::REFUSED, EgressError::INVALID, EgressError::SECRET_NOT_ALLOWED];
        let then = if lasting.contains(&error.code) { Then::Rest } else { Then::Retry };
        Failure { message: error.message, retry_after: None, then }
    }
}
