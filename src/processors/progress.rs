//! How far a processor has come: the two marks and the state that the log keeps for it, and what it shows
//! of itself while it runs.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::event::{Json, Offset, Slug};
use crate::isolate::Isolate;
use crate::log::{Log, LogError, StreamId};

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
    mark_slot: String,
    snapshot_slot: String,
}

impl Store {
    pub fn new(log: Log, id: StreamId, slug: &Slug) -> Store {
        Store { log, id, mark_slot: mark_slot(slug), snapshot_slot: format!("state/{slug}") }
    }

    pub fn read_mark(&self) -> Result<Option<Mark>, LogError> {
        self.read(&self.mark_slot)
    }

    pub fn read_snapshot(&self) -> Result<Option<Snapshot>, LogError> {
        self.read(&self.snapshot_slot)
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
        self.log.write_slot(self.id, &self.mark_slot, None).await?;
        self.log.write_slot(self.id, &self.snapshot_slot, None).await
    }

    /// A slot of an unknown form is as good as none: everything in it can be derived again.
    fn read<T: for<'a> Deserialize<'a>>(&self, slot: &str) -> Result<Option<T>, LogError> {
        let bytes = self.log.read_slot(self.id, slot)?;
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
