//! Writes that nobody waits for: checkpoints, mostly. They join the next group commit; the latest value for
//! a place is the only one that is kept, so a busy processor costs one write per sync.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;

use super::{Mark, StreamId};

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Slot(StreamId, String),
    Mark(StreamId, Mark),
}

/// For a slot its value, None to remove it; for a mark always None.
pub(super) type Value = Option<Vec<u8>>;

#[derive(Default)]
pub(super) struct Lazies {
    waiting: Mutex<HashMap<Place, Value>>,
    closed: AtomicBool,
    /// Wakes the committer when there is something to write after there was nothing.
    pub arrived: Notify,
}

impl Lazies {
    pub fn put(&self, place: Place, value: Value) {
        let mut waiting = self.waiting();
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        waiting.insert(place, value);
        let first = waiting.len() == 1;
        drop(waiting);
        if first {
            self.arrived.notify_one();
        }
    }

    /// A later write for the same place, which somebody waits for, takes its turn.
    pub fn supersede(&self, place: &Place) {
        self.waiting().remove(place);
    }

    /// Some of them, of about that many bytes and at least one; the rest stays for the next group.
    pub fn take(&self, bytes_max: usize) -> Vec<(Place, Value)> {
        let mut waiting = self.waiting();
        let bytes: usize = waiting.values().map(value_bytes).sum();
        if bytes <= bytes_max {
            return waiting.drain().collect();
        }
        let mut room = bytes_max;
        let mut taken: Vec<Place> = Vec::new();
        for (place, value) in waiting.iter() {
            if value_bytes(value) <= room || taken.is_empty() {
                room = room.saturating_sub(value_bytes(value));
                taken.push(place.clone());
            }
        }
        taken.into_iter().filter_map(|place| waiting.remove_entry(&place)).collect()
    }

    /// What waits is still to be taken; nothing is added any more.
    pub fn close(&self) {
        let _waiting = self.waiting();
        self.closed.store(true, Ordering::Relaxed);
    }

    pub fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Place, Value>> {
        self.waiting.lock().expect("nothing panics while it holds the lazy writes")
    }
}

fn value_bytes(value: &Value) -> usize {
    value.as_ref().map_or(0, Vec::len)
}
