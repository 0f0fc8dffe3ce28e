//! A group: what shares one batch and one sync, and who waits for it.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::fork::{self, Fork};
use super::kv::Batch;
use super::lazy::Place;
use super::record::{self};
use super::{Alarm, Commit, LogError, Mark, StreamId, keys};
use crate::event::{Event, Offset, StreamKey, Timestamp};
use crate::limits::{GROUP_COMMIT_BYTES_MAX, GROUP_COMMIT_EVENTS_MAX};

/// Each key is written at most once in a group: events and streams because they are new, slots and marks
/// because only their last value is kept until the end, and a deletion because it ends its group.
#[derive(Default)]
pub(super) struct Group {
    pub batch: Batch,
    pub replies: Vec<Reply>,
    pub created: HashMap<StreamKey, StreamId>,
    pub places: HashMap<Place, Option<Vec<u8>>>,
    pub deleted: Option<StreamId>,
    pub forked: HashMap<StreamId, Fork>,
    /// The tails before it of the streams that it writes to.
    pub tails: HashMap<StreamId, Offset>,
    pub commits: u64,
    pub events: usize,
    bytes: usize,
}

pub(super) type Answer<T> = oneshot::Sender<Result<T, LogError>>;

/// Who waits for the group. Nobody minds when the one who asked has gone.
pub(super) enum Reply {
    Committed(Answer<StreamId>, StreamId),
    Written(Answer<()>),
    Deleted(Answer<bool>),
}

impl Reply {
    pub fn send(self, outcome: Result<(), LogError>) {
        match self {
            Reply::Committed(reply, id) => drop(reply.send(outcome.map(|()| id))),
            Reply::Written(reply) => drop(reply.send(outcome)),
            Reply::Deleted(reply) => drop(reply.send(outcome.map(|()| true))),
        }
    }
}

/// What an event takes beside its texts, about.
const EVENT_OVERHEAD_BYTES: usize = 100;

impl Group {
    pub fn is_full(&self) -> bool {
        self.events >= GROUP_COMMIT_EVENTS_MAX
            || self.bytes >= GROUP_COMMIT_BYTES_MAX
            || self.deleted.is_some()
    }

    /// Bytes that lazy writes may add.
    pub fn room(&self) -> usize {
        GROUP_COMMIT_BYTES_MAX.saturating_sub(self.bytes)
    }

    pub fn put_commit(&mut self, id: StreamId, commit: &Commit) {
        self.tails.entry(id).or_insert(commit.expected_tail);
        for event in &commit.events {
            self.put_event(id, event);
        }
        for (mark, set) in &commit.marks {
            self.put_mark(id, *mark, *set);
        }
        match commit.alarm {
            Alarm::Unchanged => {}
            Alarm::At(time) => {
                let mut value = Vec::new();
                record::push_time(&mut value, time);
                self.places.insert(Place::Mark(id, Mark::Alarm), Some(value));
            }
            Alarm::Off => self.put_mark(id, Mark::Alarm, false),
        }
        for (name, value) in &commit.slots {
            self.put_slot(id, name.clone(), Some(value.clone()));
        }
        self.commits += 1;
    }

    fn put_event(&mut self, id: StreamId, event: &Event) {
        let key = keys::event(id, event.offset);
        record::put_framed(&mut self.batch, &key, |content| record::encode_event(event, content));
        if let Some(key) = &event.idempotency_key {
            self.batch.put(&keys::idempotency(id, key), |value| {
                value.extend_from_slice(&event.offset.0.to_be_bytes());
            });
        }
        self.events += 1;
        self.bytes += EVENT_OVERHEAD_BYTES + event.payload.as_str().len();
        self.bytes += event.metadata.as_ref().map_or(0, |metadata| metadata.as_str().len());
    }

    /// The keys of a new stream, but for the counter that numbered it.
    pub fn put_stream(&mut self, id: StreamId, key: &StreamKey, created_at: Timestamp) {
        let StreamKey { project, path } = key;
        self.batch.put(&keys::path(project, path), |value| {
            value.extend_from_slice(&id.0.to_be_bytes());
            record::push_time(value, created_at);
        });
        self.batch.put(&keys::listed(project, id), |value| {
            record::push_time(value, created_at);
            value.extend_from_slice(path.as_str().as_bytes());
        });
        self.batch.put(&keys::record(id), |value| {
            record::push_time(value, created_at);
            value.extend_from_slice(project.as_str().as_bytes());
            value.push(0);
            value.extend_from_slice(path.as_str().as_bytes());
        });
        self.created.insert(key.clone(), id);
    }

    /// Beside the keys of the new stream, where it branches off.
    pub fn put_fork(&mut self, id: StreamId, fork: Fork, marks: &[Mark]) {
        self.batch.put(&keys::fork(id), |value| fork::encode(&fork, value));
        self.tails.entry(id).or_insert(fork.at);
        for mark in marks {
            self.put_mark(id, *mark, true);
        }
        self.forked.insert(id, fork);
        self.commits += 1;
    }

    /// From now on the stream is gone; what lies below its number is removed later.
    pub fn put_deletion(&mut self, id: StreamId, key: &StreamKey) {
        self.batch.put(&keys::tombstone(id), |_| {});
        self.batch.delete(&keys::record(id));
        self.batch.delete(&keys::path(&key.project, &key.path));
        self.batch.delete(&keys::listed(&key.project, id));
        for mark in Mark::ALL {
            self.put_mark(id, mark, false);
        }
        self.deleted = Some(id);
    }

    pub fn put_slot(&mut self, id: StreamId, name: String, value: Option<Vec<u8>>) {
        self.bytes += value.as_ref().map_or(0, Vec::len);
        self.places.insert(Place::Slot(id, name), value);
    }

    fn put_mark(&mut self, id: StreamId, mark: Mark, set: bool) {
        self.places.insert(Place::Mark(id, mark), set.then(Vec::new));
    }

    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.places.is_empty()
    }

    /// Ready for the next group, with the buffers of this one.
    pub fn clear(&mut self) {
        self.batch.clear();
        self.replies.clear();
        self.created.clear();
        self.places.clear();
        self.tails.clear();
        self.deleted = None;
        self.forked.clear();
        (self.commits, self.events, self.bytes) = (0, 0, 0);
    }
}
