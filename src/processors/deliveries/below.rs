//! Subscriptions that also serve every stream below the one where they are configured (`includeChildren`): which
//! streams share theirs, and what a stream has from those above it. Nearer ones win over farther ones, and what a
//! stream has configured itself wins over both.
//!
//! One from above begins with the first event that is committed after it was configured. That place is in its mark on
//! that stream, which goes to the disk together with the event.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{Slug, StreamKey};
use crate::log::{Log, LogError, StreamRecord};
use crate::processors::shared::Sharers;
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
pub struct Below(Sharers<SubscriptionSet>);

impl Below {
    pub fn version(&self) -> u64 {
        self.0.version()
    }

    /// Takes in what stands on a stream; whether that changes anything below it.
    pub fn update(
        &self,
        log: &Log,
        stream: &StreamKey,
        set: &Arc<SubscriptionSet>,
    ) -> Result<bool, LogError> {
        Ok(self.0.update(log, stream, set, set.shares())?.is_some())
    }

    pub fn has_some_above(&self, stream: &StreamKey) -> bool {
        !self.0.above(stream).is_empty()
    }

    pub fn serve(&self, stream: &StreamKey, own: &SubscriptionSet) -> ServedSet {
        let mut served: ServedSet = own
            .0
            .iter()
            .map(|(slug, subscribed)| (slug.clone(), Served { subscribed: subscribed.clone(), owner: None }))
            .collect();
        for shared in self.0.above(stream) {
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
