//! The time of a rehearsal: that of the recorded events, and behind each of them what its timers add. No timer is
//! waited for: when nothing else is under way, the next one is due.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use super::super::protocol::CallId;

pub struct RecordedTime {
    /// Milliseconds since 1970.
    now: Cell<i64>,
    /// By when they are due; the number keeps the order of equal times.
    timers: RefCell<BTreeMap<(i64, u64), (u32, CallId)>>,
    sequence: Cell<u64>,
}

impl RecordedTime {
    pub fn from(start: i64) -> RecordedTime {
        RecordedTime { now: Cell::new(start), timers: RefCell::default(), sequence: Cell::new(0) }
    }

    pub fn now(&self) -> i64 {
        self.now.get()
    }

    /// Time does not go back, whatever the record says.
    pub fn reach(&self, at: i64) {
        self.now.set(self.now.get().max(at));
    }

    pub fn arm(&self, timer: u32, delay: Duration, call: CallId) {
        let sequence = self.sequence.get() + 1;
        self.sequence.set(sequence);
        let at = self.now.get().saturating_add(delay.as_millis() as i64);
        self.timers.borrow_mut().insert((at, sequence), (timer, call));
    }

    pub fn cancel(&self, timer: u32) {
        self.timers.borrow_mut().retain(|_, (other, _)| *other != timer);
    }

    pub fn armed(&self) -> usize {
        self.timers.borrow().len()
    }

    /// The timer that is due next, and when.
    pub fn next(&self) -> Option<(i64, u32)> {
        self.timers.borrow().first_key_value().map(|((at, _), (timer, _))| (*at, *timer))
    }

    /// The call that set a timer, which is due now: so late is it.
    pub fn take(&self, timer: u32) -> Option<CallId> {
        let mut timers = self.timers.borrow_mut();
        let key = *timers.iter().find(|(_, (other, _))| *other == timer)?.0;
        self.reach(key.0);
        timers.remove(&key).map(|(_, call)| call)
    }

    pub fn clear(&self) {
        self.timers.borrow_mut().clear();
    }
}
