//! What went out, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::EgressError;

/// Since the start of the server; `open` is of this moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Requests and WebSockets asked for, whatever came of them.
    pub requests: u64,
    /// Those that the policy or a secret's hosts did not let out.
    pub refusals: u64,
    /// Those that failed for another reason before they had an answer.
    pub failures: u64,
    pub connections: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    /// Requests and WebSockets under way.
    pub open: u64,
}

#[derive(Default)]
pub struct Counters {
    requests: AtomicU64,
    refusals: AtomicU64,
    failures: AtomicU64,
    connections: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

impl Counters {
    pub fn ended<T>(&self, outcome: &Result<T, EgressError>) {
        add(&self.requests, 1);
        if let Err(error) = outcome {
            let refusals =
                [EgressError::REFUSED, EgressError::SECRET_NOT_ALLOWED, EgressError::SECRET_UNKNOWN];
            let refused = refusals.contains(&error.code);
            add(if refused { &self.refusals } else { &self.failures }, 1);
        }
    }

    pub fn connected(&self) {
        add(&self.connections, 1);
    }

    pub fn sent(&self, bytes: usize) {
        add(&self.sent_bytes, bytes as u64);
    }

    pub fn received(&self, bytes: usize) {
        add(&self.received_bytes, bytes as u64);
    }

    pub fn read(&self, open: usize) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.requests),
            refusals: read(&self.refusals),
            failures: read(&self.failures),
            connections: read(&self.connections),
            sent_bytes: read(&self.sent_bytes),
            received_bytes: read(&self.received_bytes),
            open: open as u64,
        }
    }
}

fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
