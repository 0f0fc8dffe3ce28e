//! What a processor has used since the server started: counted where it happens, shown beside its progress, and summed
//! up for all processors together.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;

use crate::event::{Slug, StreamKey};
use crate::limits::USAGES_MAX;

/// Of one processor, or of all.
#[derive(Default)]
pub struct Usage {
    events: AtomicU64,
    failures: AtomicU64,
    appends: AtomicU64,
    fetches: AtomicU64,
    dropped_lines: AtomicU64,
    cpu_micros: AtomicU64,
    wall_micros: AtomicU64,
    /// Of the isolate, as of its last report; of all together it means nothing.
    memory_bytes: AtomicU64,
    all: Option<Arc<Usage>>,
}

impl Usage {
    fn count(&self, which: impl Fn(&Usage) -> &AtomicU64, more: u64) {
        for usage in std::iter::once(self).chain(self.all.as_deref()) {
            which(usage).fetch_add(more, Relaxed);
        }
    }

    /// Events that were reduced and acted on, or passed as failed; acting on them took so long.
    pub fn acted(&self, events: usize, took: Duration) {
        self.count(|usage| &usage.events, events as u64);
        self.count(|usage| &usage.wall_micros, micros(took));
    }

    pub fn failed(&self) {
        self.count(|usage| &usage.failures, 1);
    }

    pub fn appended(&self) {
        self.count(|usage| &usage.appends, 1);
    }

    /// A request or a socket was begun.
    pub fn fetched(&self) {
        self.count(|usage| &usage.fetches, 1);
    }

    pub fn dropped_line(&self) {
        self.count(|usage| &usage.dropped_lines, 1);
    }

    pub fn computed(&self, cpu: Duration, memory_bytes: u64) {
        self.count(|usage| &usage.cpu_micros, micros(cpu));
        self.memory_bytes.store(memory_bytes, Relaxed);
    }

    pub fn shown(&self) -> UsageReport {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        UsageReport {
            events: read(&self.events),
            failures: read(&self.failures),
            appends: read(&self.appends),
            fetches: read(&self.fetches),
            dropped_lines: read(&self.dropped_lines),
            cpu_ms: read(&self.cpu_micros) as f64 / 1_000.0,
            wall_ms: read(&self.wall_micros) as f64 / 1_000.0,
            memory_bytes: read(&self.memory_bytes),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// As `GET /api/processors/{path}` shows it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageReport {
    pub events: u64,
    pub failures: u64,
    pub appends: u64,
    pub fetches: u64,
    pub dropped_lines: u64,
    pub cpu_ms: f64,
    pub wall_ms: f64,
    pub memory_bytes: u64,
}

/// The usages of all processors that have run lately.
#[derive(Default)]
pub struct Usages {
    all: Arc<Usage>,
    each: Mutex<HashMap<StreamKey, BTreeMap<Slug, Arc<Usage>>>>,
}

impl Usages {
    /// The one of this processor, from here on.
    pub fn of(&self, stream: &StreamKey, slug: &Slug) -> Arc<Usage> {
        let mut each = self.each.lock().expect("nothing panics while it holds the usages");
        // Those of processors that run are held elsewhere too; the others are the ones to be forgotten.
        if each.len() >= USAGES_MAX && !each.contains_key(stream) {
            each.retain(|_, usages| usages.values().any(|usage| Arc::strong_count(usage) > 1));
        }
        let fresh = || Arc::new(Usage { all: Some(self.all.clone()), ..Usage::default() });
        each.entry(stream.clone()).or_default().entry(slug.clone()).or_insert_with(fresh).clone()
    }

    pub fn find(&self, stream: &StreamKey, slug: &Slug) -> Option<UsageReport> {
        let each = self.each.lock().expect("nothing panics while it holds the usages");
        each.get(stream)?.get(slug).map(|usage| usage.shown())
    }

    pub fn all(&self) -> UsageReport {
        self.all.shown()
    }
}
