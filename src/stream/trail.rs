//! The states that something has left along its way through a stream, so that a look at the past replays little: at
//! first one every so many events, and the more there are the farther apart. A trail is lossy and mends itself: each
//! state says what it is of, and one that is not what the index says is as good as none.

use serde::{Deserialize, Serialize};

use crate::event::Offset;
use crate::limits::{TRAIL_BYTES_MAX, TRAIL_STATE_BYTES_MAX, TRAIL_STATES_MAX, TRAIL_STRIDE};
use crate::log::{Log, StreamId};

/// The places of the states of one trail.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    version: String,
    /// Events between two states, at least.
    stride: u64,
    /// In the order of their offsets.
    states: Vec<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Place {
    offset: Offset,
    bytes: usize,
    /// The number of the slot that holds it.
    slot: usize,
}

impl Index {
    fn of(version: &str) -> Index {
        Index { version: version.to_string(), stride: TRAIL_STRIDE, states: Vec::new() }
    }

    /// Whether a state as of `at` would fill a gap.
    pub fn has_room(&self, version: &str, at: Offset) -> bool {
        if self.version != version {
            return at.0 >= TRAIL_STRIDE;
        }
        let is_near = |place: &Place| place.offset.0.abs_diff(at.0) < self.stride;
        at.0 >= self.stride && !self.states.iter().any(is_near)
    }

    /// Takes in a state; its slot, and those that are free again.
    fn add(&mut self, version: &str, offset: Offset, bytes: usize) -> (usize, Vec<usize>) {
        let mut freed: Vec<usize> = Vec::new();
        if self.version != version {
            freed.extend(self.states.iter().map(|place| place.slot));
            *self = Index::of(version);
        }
        let is_free = |slot: &usize| self.states.iter().all(|place| place.slot != *slot);
        let slot = (0..).find(is_free).expect("there are more numbers than states");
        let at = self.states.partition_point(|place| place.offset < offset);
        self.states.insert(at, Place { offset, bytes, slot });
        while self.states.len() > TRAIL_STATES_MAX || self.bytes() > TRAIL_BYTES_MAX {
            freed.extend(self.thin());
        }
        freed.retain(|other| self.states.iter().all(|place| place.slot != *other));
        (slot, freed)
    }

    /// Every other state goes; the slots of those that went.
    fn thin(&mut self) -> Vec<usize> {
        self.stride *= 2;
        let mut number = 0;
        let (kept, gone) = self.states.drain(..).partition(|_| {
            number += 1;
            number % 2 == 0
        });
        self.states = kept;
        let gone: Vec<Place> = gone;
        gone.into_iter().map(|place| place.slot).collect()
    }

    fn bytes(&self) -> usize {
        self.states.iter().map(|place| place.bytes).sum()
    }

    fn holds(&self, slot: usize) -> bool {
        self.states.iter().any(|place| place.slot == slot)
    }

    /// The slots of the states up to an offset, the nearest first.
    fn up_to(&self, version: &str, at: Offset) -> impl Iterator<Item = (Offset, usize)> {
        let states = if self.version == version { &self.states[..] } else { &[] };
        states.iter().rev().filter(move |place| place.offset <= at).map(|place| (place.offset, place.slot))
    }
}

/// One of a stream's, by its name.
#[derive(Clone, Copy)]
pub struct Trail<'a> {
    log: &'a Log,
    id: StreamId,
    name: &'a str,
}

impl<'a> Trail<'a> {
    pub fn of(log: &'a Log, id: StreamId, name: &'a str) -> Trail<'a> {
        Trail { log, id, name }
    }

    /// One that cannot be read is as good as none: all of it can be derived again.
    pub fn index(&self) -> Index {
        let bytes = self.log.read_slot(self.id, &self.index_slot()).unwrap_or_else(|error| {
            tracing::warn!(%error, trail = self.name, "the index of a trail cannot be read");
            None
        });
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Written lazily: what a crash takes back is only a longer way.
    pub fn add(&self, index: &mut Index, version: &str, at: Offset, state: Vec<u8>) {
        if state.len() > TRAIL_STATE_BYTES_MAX || !index.has_room(version, at) {
            return;
        }
        let (slot, freed) = index.add(version, at, state.len());
        for slot in freed {
            self.log.write_slot_lazily(self.id, &self.slot(slot), None);
        }
        // With the last state that came all may have become too much, and that one have gone.
        if index.holds(slot) {
            self.log.write_slot_lazily(self.id, &self.slot(slot), Some(state));
        }
        let index = serde_json::to_vec(index).expect("an index has a JSON form");
        self.log.write_slot_lazily(self.id, &self.index_slot(), Some(index));
    }

    /// The nearest state of a version up to an offset. `open` reads one, if it is that of the offset.
    fn nearest<T>(
        &self,
        version: &str,
        at: Offset,
        open: &impl Fn(Offset, &[u8]) -> Option<T>,
    ) -> Option<(Offset, T)> {
        let index = self.index();
        let mut places = index.up_to(version, at);
        places.find_map(|(offset, slot)| {
            let bytes = self.log.read_slot(self.id, &self.slot(slot)).ok()??;
            open(offset, &bytes).map(|state| (offset, state))
        })
    }

    /// The same, also among the states of streams whose events this one shares.
    pub fn nearest_known<T>(
        &self,
        version: &str,
        at: Offset,
        open: impl Fn(Offset, &[u8]) -> Option<T>,
    ) -> Option<(Offset, T)> {
        let views = self.log.views(self.id, at).into_iter();
        let found = views.filter_map(|(id, until)| Trail { id, ..*self }.nearest(version, until, &open));
        found.max_by_key(|(offset, _)| *offset)
    }

    /// All of it goes.
    pub fn forget(&self, index: &Index) {
        for place in &index.states {
            self.log.write_slot_lazily(self.id, &self.slot(place.slot), None);
        }
        self.log.write_slot_lazily(self.id, &self.index_slot(), None);
    }

    fn index_slot(&self) -> String {
        format!("trail/{}", self.name)
    }

    fn slot(&self, number: usize) -> String {
        format!("trail/{}/{number}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(version: &str, offsets: impl Iterator<Item = u64>, bytes: usize) -> Index {
        let mut index = Index::of(version);
        for offset in offsets.map(Offset) {
            if index.has_room(version, offset) {
                let (slot, freed) = index.add(version, offset, bytes);
                assert!(slot <= TRAIL_STATES_MAX);
                assert!(freed.iter().all(|slot| !index.holds(*slot)));
            }
        }
        index
    }

    #[test]
    fn a_long_way_has_few_states_evenly_spread() {
        for events in [1_000u64, 100_000, 1_000_000, 20_000_000] {
            let index = grown("v", (1_000..=events).step_by(1_000), 100);
            assert!(index.states.len() <= TRAIL_STATES_MAX);
            let apart = index.states.windows(2).map(|two| two[1].offset.0 - two[0].offset.0).max();
            // A state is never farther away than a hundredth of the way.
            assert!(apart.unwrap_or(0) <= (events / 100).max(1_000), "{events}: {apart:?}");
        }
    }

    #[test]
    fn large_states_are_fewer() {
        let index = grown("v", (1_000..=200_000).step_by(1_000), TRAIL_BYTES_MAX / 20);
        assert!(index.bytes() <= TRAIL_BYTES_MAX && index.states.len() > 5, "{}", index.states.len());
    }

    #[test]
    fn another_version_begins_anew_and_gaps_are_filled() {
        let mut index = grown("v", (1_000..=5_000).step_by(1_000), 1);
        assert_eq!(index.up_to("v", Offset(3_500)).next().map(|(at, _)| at), Some(Offset(3_000)));
        assert!(!index.has_room("v", Offset(3_500)) && index.has_room("v", Offset(6_000)));
        assert_eq!(index.up_to("w", Offset(3_500)).count(), 0);
        let (slot, freed) = index.add("w", Offset(9_000), 1);
        assert_eq!((slot, freed.len(), index.states.len()), (0, 4, 1));
        assert!(index.has_room("w", Offset(4_000)));
    }
}
