//! Why an attempt did not come to an acknowledgement, and what follows from it.

use std::time::Duration;

use crate::egress::EgressError;
use crate::limits::{DELIVERY_DOUBTS_MAX, DELIVERY_REFUSALS_MAX};

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
    /// It may lie in the event: one that has come to nothing so often is given up.
    GiveUp(Blame),
    /// The same would come of it: what is configured, or how the server was started, must change.
    Rest,
    /// The receiver wants no more.
    End,
}

/// What a receiver that answers, and does not acknowledge, seems to have something against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blame {
    /// This event.
    Event,
    /// This event, or any.
    Unknown,
}

impl Blame {
    /// Such answers to one event, before it is given up.
    pub fn answers_max(self) -> u32 {
        match self {
            Blame::Event => DELIVERY_REFUSALS_MAX,
            Blame::Unknown => DELIVERY_DOUBTS_MAX,
        }
    }
}

impl Then {
    /// What follows from an answer that is no acknowledgement.
    pub fn of_status(status: u16) -> Then {
        match status {
            410 => Then::End,
            // Too early, too much, too late: not what was sent.
            408 | 421 | 425 | 429 => Then::Retry,
            // A wrong address or credentials refuse everything, and a handler may answer so for one thing it does not know.
            401 | 403 | 404 | 405 | 407 | 500 => Then::GiveUp(Blame::Unknown),
            400..500 => Then::GiveUp(Blame::Event),
            _ => Then::Retry,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_answers_are_about_the_event() {
        let cases: [(&[u16], Then); 4] = [
            (&[400, 402, 409, 413, 415, 422, 451], Then::GiveUp(Blame::Event)),
            (&[401, 403, 404, 405, 407, 500], Then::GiveUp(Blame::Unknown)),
            (&[302, 408, 421, 425, 429, 501, 502, 503, 504, 529, 599], Then::Retry),
            (&[410], Then::End),
        ];
        for (statuses, expected) in cases {
            for status in statuses {
                assert_eq!(Then::of_status(*status), expected, "{status}");
            }
        }
    }
}
