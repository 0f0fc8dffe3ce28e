//! What waits for an isolate's next turns.

use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::super::protocol::{CallId, LoadSpec, OpId};
use super::super::{OpError, ScriptFailure};
use super::isolate::Rehearsing;
use super::loader::Code;

pub enum Work {
    Load {
        call: CallId,
        spec: Box<LoadSpec>,
        code: Rc<Code>,
        state: Option<Vec<u8>>,
    },
    Reduce(Box<Batch>),
    React {
        call: CallId,
        event: Vec<u8>,
        reduce: bool,
    },
    Rehearse(Box<Rehearsing>),
    /// What a rehearsal waited for is there.
    GoOnRehearsing,
    CaughtUp {
        call: CallId,
    },
    State {
        call: CallId,
    },
    Pending {
        call: CallId,
    },
    Abort {
        reason: String,
    },
    Settle {
        op: OpId,
        error: Option<OpError>,
        result: Vec<u8>,
    },
    Timer {
        timer: u32,
    },
    HookDue {
        call: CallId,
    },
    /// What came of an operation on the network.
    Received {
        op: OpId,
        what: Box<RawValue>,
        bytes: Vec<u8>,
    },
    /// An exchange has taken as long as it may.
    ExchangeDue {
        exchange: OpId,
    },
}

impl Work {
    pub fn reduce(call: CallId, body: Vec<u8>) -> Work {
        let events = lines(&body);
        Work::Reduce(Box::new(Batch { call, body, events, ..Batch::default() }))
    }
}

/// Where each line is; the last may lack its end.
pub fn lines(body: &[u8]) -> Vec<Range<usize>> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, byte) in body.iter().enumerate() {
        if *byte == b'\n' {
            lines.push(start..at);
            start = at + 1;
        }
    }
    if start < body.len() {
        lines.push(start..body.len());
    }
    lines
}

/// A part of the history on its way through `reduce`, over several turns if need be.
#[derive(Default)]
pub struct Batch {
    pub call: CallId,
    body: Vec<u8>,
    events: Vec<Range<usize>>,
    /// Whether its first turn has begun.
    pub begun: bool,
    /// The next event to reduce for the first time.
    pub next: usize,
    /// The event that was reduced last.
    pub current: Option<usize>,
    /// Events that were reduced since the state was last taken as good.
    pub since_commit: Vec<usize>,
    /// Events to be reduced once more, from the last good state on, before any other.
    pub again: VecDeque<usize>,
    /// Whether the state is taken as good behind each of these, to find the one at fault.
    pub alone: bool,
    /// The state was taken as good behind the last event.
    pub committed: bool,
    pub failures: Vec<(u64, ScriptFailure)>,
}

impl Batch {
    pub fn is_done(&self) -> bool {
        self.committed && self.again.is_empty() && !self.has_next()
    }

    /// Whether an event is left that was never reduced.
    pub fn has_next(&self) -> bool {
        self.next < self.events.len()
    }

    pub fn event(&self, index: usize) -> &[u8] {
        self.events.get(index).and_then(|range| self.body.get(range.clone())).unwrap_or_default()
    }
}
