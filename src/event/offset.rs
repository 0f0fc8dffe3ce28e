//! An event's place in its stream: dense, from 1.

use std::fmt;

use serde::{Deserialize, Serialize};

/// As a tail, zero is the tail of a stream that has no events yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offset(pub u64);

impl Offset {
    /// The place before the first event.
    pub const START: Offset = Offset(0);
    /// Beyond every event there can be.
    pub const END: Offset = Offset(u64::MAX);

    pub fn next(self) -> Offset {
        Offset(self.0.saturating_add(1))
    }

    pub fn previous(self) -> Offset {
        Offset(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
