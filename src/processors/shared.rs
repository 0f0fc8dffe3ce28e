//! What streams share with all those below them (`includeChildren`): processors, and subscriptions. Filled before a
//! server serves, so that no stream misses what it has from above.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use crate::event::{Project, StreamKey, StreamPath};
use crate::log::{Log, LogError, StreamRecord};

/// The sets of the streams that share some of theirs.
pub struct Sharers<S> {
    streams: RwLock<ByPath<S>>,
    /// Raised by each change, so that a stream need not look at what has not changed.
    version: AtomicU64,
}

type ByPath<S> = HashMap<Project, BTreeMap<StreamPath, Shared<S>>>;

/// What one stream has configured, some of it for the streams below.
pub struct Shared<S> {
    pub owner: Arc<StreamRecord>,
    pub set: Arc<S>,
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Shared<S> {
        Shared { owner: self.owner.clone(), set: self.set.clone() }
    }
}

/// That something is different now, and what was shared before.
pub struct Changed<S> {
    pub before: Option<Arc<S>>,
}

impl<S> Default for Sharers<S> {
    fn default() -> Sharers<S> {
        Sharers { streams: RwLock::default(), version: AtomicU64::new(0) }
    }
}

const LOCK: &str = "nothing panics while it holds the register of what is shared";

impl<S> Sharers<S> {
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes in what stands on a stream, and whether it `shares` some of that; none when nothing changes below it.
    pub fn update(
        &self,
        log: &Log,
        stream: &StreamKey,
        set: &Arc<S>,
        shares: bool,
    ) -> Result<Option<Changed<S>>, LogError> {
        let shares = shares && !stream.path.is_system();
        match self.known(stream) {
            None if !shares => return Ok(None),
            Some(known) if shares && Arc::ptr_eq(&known, set) => return Ok(None),
            _ => {}
        }
        // The stream may have been destroyed since, and what it shares with it.
        let owner = if shares { log.find(stream)? } else { None };
        let mut projects = self.streams.write().expect(LOCK);
        let streams = projects.entry(stream.project.clone()).or_default();
        let before = match owner {
            Some(owner) => {
                let shared = Shared { owner: Arc::new(owner), set: set.clone() };
                streams.insert(stream.path.clone(), shared)
            }
            None => streams.remove(&stream.path),
        };
        if streams.is_empty() {
            projects.remove(&stream.project);
        }
        self.version.fetch_add(1, Ordering::Release);
        Ok(Some(Changed { before: before.map(|shared| shared.set) }))
    }

    fn known(&self, stream: &StreamKey) -> Option<Arc<S>> {
        let projects = self.streams();
        Some(projects.get(&stream.project)?.get(&stream.path)?.set.clone())
    }

    /// What the streams above share, the nearest first.
    pub fn above(&self, stream: &StreamKey) -> Vec<Shared<S>> {
        let projects = self.streams();
        let Some(streams) = projects.get(&stream.project).filter(|_| !stream.path.is_system()) else {
            return Vec::new();
        };
        let ancestors = stream.path.ancestors();
        ancestors.iter().rev().filter_map(|ancestor| streams.get(ancestor).cloned()).collect()
    }

    fn streams(&self) -> RwLockReadGuard<'_, ByPath<S>> {
        self.streams.read().expect(LOCK)
    }
}
