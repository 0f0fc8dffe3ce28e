//! How far a processor has come: the two marks and the state that the log keeps for it, and what it shows
//! of itself while it runs.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::event::{Json, Offset, Slug};
use crate::isolate::Isolate;
use crate::limits::STATE_CHECKPOINT_EVENTS;
use crate::log::{Log, LogError, StreamId};
use crate::stream::{Index, Trail};

/// Saved behind every event that was acted on; small, and lazily written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub version: String,
    pub configured: Offset,
    /// Events up to here have been acted on, or are recorded as failed.
    pub acted: Offset,
    pub failures_in_a_row: u32,
    /// Events that failed under an earlier version, and are to be acted on again.
    #[serde(default)]
    pub redeliver: BTreeSet<Offset>,
    /// Events whose `reduce` broke the isolate: a rebuilt state leaves them out.
    pub poisoned: BTreeSet<Offset>,
    /// Of an instance whose processor is configured on a stream above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Heir>,
}

/// What an instance remembers that a stream's own processor has in events of the stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heir {
    /// The number of the stream where it is configured.
    pub owner: u64,
    /// The version has been brought up here.
    pub caught_up: bool,
    pub suspended: bool,
    /// Events whose reaction has failed under this version.
    pub failed: BTreeSet<Offset>,
}

impl Mark {
    /// Of an instance that has not run yet, and acts on what comes after `base`.
    pub fn heir(owner: StreamId, since: Offset, base: Offset) -> Mark {
        let inherited = Some(Heir { owner: owner.0, ..Heir::default() });
        Mark { configured: since, acted: base, inherited, ..Mark::default() }
    }

    /// Whether nothing is left to do behind `tail`, nor for a repair to do again.
    pub fn is_settled(&self, tail: Offset) -> bool {
        let clean = |heir: &Heir| heir.caught_up && heir.failed.is_empty() && !heir.suspended;
        self.acted >= tail && self.redeliver.is_empty() && self.inherited.as_ref().is_none_or(clean)
    }

    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

/// The slot of a processor's mark.
pub fn mark_slot(slug: &Slug) -> String {
    format!("mark/{slug}")
}

/// Saved now and then: from here on a state is rebuilt by reducing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub version: String,
    pub reduced: Offset,
    pub state: Json,
}

pub struct Store {
    log: Log,
    id: StreamId,
    slug: Slug,
    mark_slot: String,
    snapshot_slot: String,
    /// Of the states along the way, once it was needed.
    trail: Mutex<Option<Index>>,
}

impl Store {
    pub fn new(log: Log, id: StreamId, slug: &Slug) -> Store {
        let (mark_slot, snapshot_slot) = (mark_slot(slug), format!("state/{slug}"));
        Store { log, id, slug: slug.clone(), mark_slot, snapshot_slot, trail: Mutex::default() }
    }

    /// Up to here the events are shared with another stream, which has acted on them: they are history.
    pub fn shared(&self) -> Offset {
        self.log.fork_of(self.id).map_or(Offset::START, |fork| fork.at)
    }

    /// A fork begins with what the stream that it branches off knows of the shared events.
    pub fn read_mark(&self) -> Result<Option<Mark>, LogError> {
        for (id, until) in self.log.views(self.id, Offset::END) {
            let Some(mark) = self.read::<Mark>(id, &self.mark_slot)? else { continue };
            if id == self.id {
                return Ok(Some(mark));
            }
            if mark.configured <= until {
                let (version, configured, acted) = (mark.version, mark.configured, self.shared());
                let poisoned = mark.poisoned.into_iter().filter(|event| *event <= until).collect();
                return Ok(Some(Mark { version, configured, acted, poisoned, ..Mark::default() }));
            }
        }
        Ok(None)
    }

    pub fn read_snapshot(&self) -> Result<Option<Snapshot>, LogError> {
        self.read(self.id, &self.snapshot_slot)
    }

    pub fn save_mark(&self, mark: &Mark) {
        self.log.write_slot_lazily(self.id, &self.mark_slot, Some(encode(mark)));
    }

    pub fn save_snapshot(&self, snapshot: &Snapshot) {
        self.log.write_slot_lazily(self.id, &self.snapshot_slot, Some(encode(snapshot)));
    }

    /// Before an isolate is given back: what wakes it again must find this.
    pub async fn settle(&self, mark: &Mark, snapshot: Option<&Snapshot>) -> Result<(), LogError> {
        match snapshot {
            // What was written lazily before goes into the same commit.
            Some(snapshot) => {
                self.save_mark(mark);
                self.log.write_slot(self.id, &self.snapshot_slot, Some(encode(snapshot))).await
            }
            None => self.log.write_slot(self.id, &self.mark_slot, Some(encode(mark))).await,
        }
    }

    pub async fn forget(&self) -> Result<(), LogError> {
        self.with_trail(|trail, index| trail.forget(index));
        self.log.write_slot(self.id, &self.mark_slot, None).await?;
        self.log.write_slot(self.id, &self.snapshot_slot, None).await
    }

    /// The nearest state of a version up to an offset.
    pub fn nearest(&self, version: &str, at: Offset) -> Result<Option<Snapshot>, LogError> {
        let mut nearest = None;
        for (id, until) in self.log.views(self.id, at) {
            let newest = self.read::<Snapshot>(id, &self.snapshot_slot)?;
            let newest = newest.filter(|found| found.version == version && found.reduced <= until);
            nearest = nearest.into_iter().chain(newest).max_by_key(|snapshot: &Snapshot| snapshot.reduced);
        }
        let known = nearest.as_ref().map_or(Offset::START, |snapshot| snapshot.reduced);
        if at.0 - known.0 < STATE_CHECKPOINT_EVENTS {
            return Ok(nearest);
        }
        let open = |offset, bytes: &[u8]| {
            let snapshot = serde_json::from_slice::<Snapshot>(bytes).ok();
            snapshot.filter(|snapshot| snapshot.version == version && snapshot.reduced == offset)
        };
        let along = Trail::of(&self.log, self.id, self.slug.as_str()).nearest_known(version, at, open);
        let along = along.map(|(_, snapshot)| snapshot);
        Ok(nearest.into_iter().chain(along).max_by_key(|snapshot| snapshot.reduced))
    }

    /// Whether a state as of `at` is worth being kept for who looks back later.
    pub fn wants(&self, version: &str, at: Offset) -> bool {
        self.with_trail(|_, index| index.has_room(version, at))
    }

    pub fn retain(&self, snapshot: &Snapshot) {
        let Snapshot { version, reduced, .. } = snapshot;
        self.with_trail(|trail, index| trail.add(index, version, *reduced, encode(snapshot)));
    }

    fn with_trail<T>(&self, work: impl FnOnce(Trail, &mut Index) -> T) -> T {
        let trail = Trail::of(&self.log, self.id, self.slug.as_str());
        let mut index = self.trail.lock().expect("nothing panics while it holds the index of a trail");
        work(trail, index.get_or_insert_with(|| trail.index()))
    }

    /// A slot of an unknown form is as good as none: everything in it can be derived again.
    fn read<T: for<'a> Deserialize<'a>>(&self, id: StreamId, slot: &str) -> Result<Option<T>, LogError> {
        let bytes = self.log.read_slot(id, slot)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("progress has a JSON form")
}

/// What a running processor shows of itself.
#[derive(Default)]
pub struct Progress(Mutex<Shown>);

#[derive(Clone, Default)]
pub struct Shown {
    pub reduced: Offset,
    pub acted: Offset,
    pub isolate: Option<Isolate>,
}

impl Progress {
    pub fn update(&self, change: impl FnOnce(&mut Shown)) {
        change(&mut self.0.lock().expect("nothing panics while it holds a processor's progress"));
    }

    pub fn shown(&self) -> Shown {
        self.0.lock().expect("nothing panics while it holds a processor's progress").clone()
    }
}
