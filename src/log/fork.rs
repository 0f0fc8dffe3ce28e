//! Forks: a stream that shares the beginning of another one. What is shared is stored once, under the number of the
//! stream that it was appended to; the fork's key says which that is, and up to where. So a fork is made in no time,
//! whatever the length, and what it shares stays on the disk until no stream needs it, also when the stream that it was
//! appended to is deleted.

use std::collections::HashMap;

use super::committer::Request;
use super::lookup::Lookup;
use super::{LOCK, Log, LogError, Mark, StreamId, keys, record};
use crate::event::{Offset, StreamKey, Timestamp};

/// Where a stream branches off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fork {
    /// The stream that the last of the shared events was appended to.
    pub parent: StreamId,
    /// The last of the shared events.
    pub at: Offset,
    /// Whether what the shared events have deployed runs on the fork as well.
    pub processors: bool,
}

/// A stream that is to be made.
#[derive(Debug)]
pub struct NewFork {
    pub from: StreamId,
    /// At least the first event, and no event that the stream does not have.
    pub at: Offset,
    pub processors: bool,
    pub to: StreamKey,
    pub created_at: Timestamp,
    pub marks: Vec<Mark>,
}

/// All forks there are, those that are being removed included. In memory, for every read asks.
#[derive(Default)]
pub(super) struct Forks {
    by_id: HashMap<StreamId, Fork>,
    /// How many streams branch off a stream's own events.
    branches: HashMap<StreamId, usize>,
}

impl Forks {
    pub fn load(lookup: &Lookup) -> Result<Forks, LogError> {
        let mut forks = Forks::default();
        lookup.scan(keys::FORKS, false, |key, content| {
            let id = keys::stream_id(key, 1).ok_or("is malformed")?;
            forks.insert(id, decode(content)?);
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
        Ok(forks)
    }

    pub fn insert(&mut self, id: StreamId, fork: Fork) {
        if self.by_id.insert(id, fork).is_none() {
            *self.branches.entry(fork.parent).or_default() += 1;
        }
    }

    pub fn remove(&mut self, id: StreamId) -> Option<Fork> {
        let fork = self.by_id.remove(&id)?;
        if let Some(branches) = self.branches.get_mut(&fork.parent) {
            *branches -= 1;
            if *branches == 0 {
                self.branches.remove(&fork.parent);
            }
        }
        Some(fork)
    }

    pub fn get(&self, id: StreamId) -> Option<Fork> {
        self.by_id.get(&id).copied()
    }

    /// Whether a stream's events are others' events, too.
    pub fn is_shared(&self, id: StreamId) -> bool {
        self.branches.contains_key(&id)
    }

    /// The stream that an event of `id` was appended to, and up to where `id` has that one's events.
    pub fn home(&self, id: StreamId, offset: Offset) -> (StreamId, Offset) {
        let (mut home, mut until) = (id, Offset::END);
        while let Some(fork) = self.by_id.get(&home)
            && offset <= fork.at
        {
            (home, until) = (fork.parent, until.min(fork.at));
        }
        (home, until)
    }
}

/// | bytes | |
/// | --- | --- |
/// | 8 | the stream that the last shared event was appended to |
/// | 8 | its offset |
/// | 1 | `01` with its processors, `00` without |
pub(super) fn encode(fork: &Fork, value: &mut Vec<u8>) {
    value.extend_from_slice(&fork.parent.0.to_be_bytes());
    value.extend_from_slice(&fork.at.0.to_be_bytes());
    value.push(u8::from(fork.processors));
}

/// The error is a phrase for a report.
pub(super) fn decode(content: &[u8]) -> Result<Fork, &'static str> {
    let (parent, rest) = record::split_number(content)?;
    let (at, rest) = record::split_number(rest)?;
    let processors = match rest {
        [0] => false,
        [1] => true,
        _ => return Err("is no fork"),
    };
    Ok(Fork { parent: StreamId(parent), at: Offset(at), processors })
}

impl Log {
    /// Makes a stream that shares another one's events up to an offset; its number. Returns once that is durable.
    pub async fn fork(&self, fork: NewFork) -> Result<StreamId, LogError> {
        assert!(fork.at > Offset::START, "a fork shares at least the first event");
        self.ask(|_, reply| Request::Fork { fork, reply }).await
    }

    /// Where a stream branches off, if it does.
    pub fn fork_of(&self, id: StreamId) -> Option<Fork> {
        self.shared.forks.read().expect(LOCK).get(id)
    }

    /// The streams whose events up to `at` are this one's, and up to where in each: this one, then those it shares with.
    pub fn views(&self, id: StreamId, at: Offset) -> Vec<(StreamId, Offset)> {
        let mut until = at;
        let shared = self.lineage(id).into_iter().map(|fork| {
            until = until.min(fork.at);
            (fork.parent, until)
        });
        std::iter::once((id, at)).chain(shared).collect()
    }

    /// Where a stream branches off, then where that one does, and so on: the newest first.
    pub fn lineage(&self, id: StreamId) -> Vec<Fork> {
        let forks = self.shared.forks.read().expect(LOCK);
        std::iter::successors(forks.get(id), |fork| forks.get(fork.parent)).collect()
    }
}
