//! Subscriptions that also serve every stream below the one where they are configured (`includeChildren`): which
//! streams share theirs, and what a stream has from those above it. Nearer ones win over farther ones, and what a
//! stream has configured itself wins over both.
//!
//! One from above begins with the first event that is committed after it was configured. That place is in its mark on
//! that stream, which goes to the disk together with the event.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use crate::event::{Project, Slug, StreamKey, StreamPath};
use crate::log::{Log, LogError, StreamRecord};
use crate::processors::subscriptions::{Subscribed, SubscriptionSet};

/// A subscription as it stands on one stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    pub subscribed: Arc<Subscribed>,
    /// Where it is configured, when that is a stream above.
    pub owner: Option<Arc<StreamRecord>>,
}

impl Served {
    pub fn owner_id(&self) -> Option<u64> {
        self.owner.as_ref().map(|owner| owner.id.0)
    }

    /// Whether both are one configuration on one stream.
    pub fn is_same(&self, other: &Served) -> bool {
        self.subscribed.configured == other.subscribed.configured && self.owner_id() == other.owner_id()
    }
}

/// All that a stream has, its own and what it has from above.
pub type ServedSet = BTreeMap<Slug, Served>;

#[derive(Default)]
pub struct Below {
    shared: RwLock<HashMap<Project, BTreeMap<StreamPath, Shared>>>,
    /// Raised by each change, so that a stream need not look at what has not changed.
    version: AtomicU64,
}

struct Shared {
    owner: Arc<StreamRecord>,
    set: Arc<SubscriptionSet>,
}

const LOCK: &str = "nothing panics while it holds the register of shared subscriptions";

impl Below {
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes in what stands on a stream; whether that changes anything below it.
    pub fn update(
        &self,
        log: &Log,
        stream: &StreamKey,
        set: &Arc<SubscriptionSet>,
    ) -> Result<bool, LogError> {
        let shares = !stream.path.is_system() && set.shares();
        let known = {
            let projects = self.shared.read().expect(LOCK);
            let shared = projects.get(&stream.project).and_then(|streams| streams.get(&stream.path));
            shared.map(|shared| shared.set.clone())
        };
        match known {
            None if !shares => return Ok(false),
            Some(known) if shares && Arc::ptr_eq(&known, set) => return Ok(false),
            _ => {}
        }
        // The stream may have been destroyed since, and what it shares with it.
        let owner = if shares { log.find(stream)? } else { None };
        let mut projects = self.shared.write().expect(LOCK);
        let streams = projects.entry(stream.project.clone()).or_default();
        match owner {
            Some(owner) => {
                streams.insert(stream.path.clone(), Shared { owner: Arc::new(owner), set: set.clone() });
            }
            None => drop(streams.remove(&stream.path)),
        }
        if streams.is_empty() {
            projects.remove(&stream.project);
        }
        self.version.fetch_add(1, Ordering::Release);
        Ok(true)
    }

    pub fn serve(&self, stream: &StreamKey, own: &SubscriptionSet) -> ServedSet {
        let mut served: ServedSet = own
            .0
            .iter()
            .map(|(slug, subscribed)| (slug.clone(), Served { subscribed: subscribed.clone(), owner: None }))
            .collect();
        let projects = self.shared.read().expect(LOCK);
        let Some(streams) = projects.get(&stream.project).filter(|_| !stream.path.is_system()) else {
            return served;
        };
        for shared in stream.path.ancestors().iter().rev().filter_map(|ancestor| streams.get(ancestor)) {
            for (slug, subscribed) in &shared.set.0 {
                if subscribed.config.include_children && !served.contains_key(slug) {
                    let owner = Some(shared.owner.clone());
                    served.insert(slug.clone(), Served { subscribed: subscribed.clone(), owner });
                }
            }
        }
        served
    }
}
