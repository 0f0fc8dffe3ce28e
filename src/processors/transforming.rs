//! Transformers at work, behind the commit: one follower for each that has news, and none for the others. It is told
//! by the streams after each commit, under a lock that nobody holds for long.

mod deed;
mod follower;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::transformers::TransformerSet;
use crate::event::{Offset, Slug, StreamKey};
use crate::jsonata::Evaluators;
use crate::stream::Streams;

#[derive(Clone)]
pub struct Transforming(Arc<Inner>);

struct Inner {
    evaluators: Evaluators,
    hibernate_after: Duration,
    /// Set right after the streams have started, which need this for their built-ins.
    streams: OnceLock<Streams>,
    running: Mutex<HashMap<StreamKey, Running>>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

struct Running {
    configured: watch::Sender<Arc<TransformerSet>>,
    tail: Offset,
    followers: BTreeSet<Slug>,
}

impl Transforming {
    pub fn new(evaluators: Evaluators, hibernate_after: Duration) -> Transforming {
        Transforming(Arc::new(Inner {
            evaluators,
            hibernate_after,
            streams: OnceLock::new(),
            running: Mutex::default(),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Which streams have transformers, a restarted server finds by the mark that the supervisor resumes: each tells
    /// this when it wakes.
    pub fn start(&self, streams: Streams) {
        assert!(self.0.streams.set(streams).is_ok(), "the transformers are started once");
    }

    /// A stream has new events, or has just started: see that its transformers follow.
    pub fn committed(&self, stream: &StreamKey, tail: Offset, set: &Arc<TransformerSet>) {
        let mut running = self.running();
        if set.is_empty() && !running.contains_key(stream) {
            return;
        }
        let entry = running.entry(stream.clone()).or_insert_with(|| Running {
            configured: watch::Sender::new(set.clone()),
            tail,
            followers: BTreeSet::new(),
        });
        entry.tail = tail;
        entry.configured.send_if_modified(|known| {
            let changed = !Arc::ptr_eq(known, set);
            *known = set.clone();
            changed
        });
        for slug in set.keys() {
            if !entry.followers.contains(slug) {
                self.spawn(stream, slug, entry);
            }
        }
        if entry.followers.is_empty() {
            running.remove(stream);
        }
    }

    fn spawn(&self, stream: &StreamKey, slug: &Slug, entry: &mut Running) {
        let Some(streams) = self.0.streams.get() else { return };
        if self.0.shutdown.is_cancelled() {
            return;
        }
        entry.followers.insert(slug.clone());
        let follower = follower::Follower::new(
            self.clone(),
            streams.clone(),
            stream.clone(),
            slug.clone(),
            entry.configured.subscribe(),
        );
        self.0.tasks.spawn(follower.run());
    }

    /// Takes a follower off the register, unless there is news that it has not seen.
    fn finish(
        &self,
        stream: &StreamKey,
        slug: &Slug,
        tail: Offset,
        configured: &watch::Receiver<Arc<TransformerSet>>,
    ) -> bool {
        let mut running = self.running();
        let Some(entry) = running.get_mut(stream) else { return true };
        if !self.0.shutdown.is_cancelled() && (entry.tail > tail || configured.has_changed().unwrap_or(false))
        {
            return false;
        }
        entry.followers.remove(slug);
        if entry.followers.is_empty() {
            running.remove(stream);
        }
        true
    }

    /// Followers at work, for the metrics.
    pub fn followers_count(&self) -> usize {
        self.running().values().map(|entry| entry.followers.len()).sum()
    }

    /// Ends every follower behind the event that it is at.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn running(&self) -> MutexGuard<'_, HashMap<StreamKey, Running>> {
        self.0.running.lock().expect("nothing panics while it holds the register of transformers")
    }
}
