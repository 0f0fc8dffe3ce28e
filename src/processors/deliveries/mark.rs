//! How far a subscription has come: what the log keeps of it, and what it shows of itself while it runs.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::below::Served;
use super::notes::Note;
use crate::event::builtin::StartFrom;
use crate::event::{Offset, Slug, Timestamp};
use crate::log::{Log, LogError, StreamId};
use crate::processors::subscriptions::{Start, Subscribed};

/// Saved behind every event that was delivered; small, and lazily written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The number of the stream where it is configured, when that is one above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<u64>,
    pub since: Offset,
    pub configured: Offset,
    /// The start that was taken, so that it is taken once.
    pub start: Start,
    /// Events up to here were delivered, or do not match.
    pub acked: Offset,
    pub trouble: Option<Trouble>,
    /// The receiver wants no more, until it is configured again.
    pub ended: bool,
    /// What the stream was paused for, and is still to be told.
    pub notes: Vec<Note>,
}

/// From the first failure of an event to its delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    pub offset: Offset,
    /// Since it began.
    pub attempts: u32,
    /// Since the subscription was last taken up.
    pub tries: u32,
    pub error: String,
    /// Milliseconds since 1970; none when nobody tries.
    pub next_try: Option<i64>,
    /// Whether the log says that it has begun, and that nobody tries any more, as far as that is so.
    pub told: bool,
    pub told_given_up: bool,
    /// An expression has no value for the event, which is left out; the receiver is in no trouble.
    #[serde(default)]
    pub skips: bool,
}

impl Trouble {
    /// One that begins with this event.
    pub fn at(offset: Offset) -> Trouble {
        Trouble {
            offset,
            attempts: 0,
            tries: 0,
            error: String::new(),
            next_try: None,
            told: false,
            told_given_up: false,
            skips: false,
        }
    }
}

impl Mark {
    /// At the beginning. One from above begins behind `tail`, unless it says otherwise.
    pub fn begin(served: &Served, tail: Offset) -> Mark {
        let Subscribed { configured, since, start, .. } = *served.subscribed;
        let acked = match start.from {
            StartFrom::Tail if served.owner.is_some() => tail,
            _ => start.offset(),
        };
        let owner = served.owner_id();
        Mark { owner, since, configured, start, acked, trouble: None, ended: false, notes: Vec::new() }
    }

    /// Whether what was delivered counts for this configuration.
    pub fn continues(&self, served: &Served) -> bool {
        self.owner == served.owner_id() && self.since == served.subscribed.since
    }

    /// Where a subscription stands that was at `earlier`, now that it is configured like this. None of one from above
    /// that has not begun on this stream.
    pub fn of(earlier: Option<Mark>, served: &Served) -> Option<Mark> {
        let fresh = || Mark::begin(served, Offset::START);
        let Some(earlier) = earlier.filter(|earlier| earlier.continues(served)) else {
            return served.owner.is_none().then(fresh);
        };
        let Subscribed { configured, start, .. } = *served.subscribed;
        if earlier.configured == configured {
            return Some(earlier);
        }
        let is_told_to_begin =
            earlier.start != start && (served.owner.is_none() || !matches!(start.from, StartFrom::Tail));
        // Another configuration is tried anew, and what becomes of it is told.
        Some(Mark {
            acked: if is_told_to_begin { fresh().acked } else { earlier.acked },
            trouble: earlier.trouble.map(|trouble| Trouble {
                tries: 0,
                next_try: None,
                told: false,
                told_given_up: false,
                skips: false,
                ..trouble
            }),
            notes: earlier.notes,
            ..fresh()
        })
    }

    /// Whether nothing is left to deliver or to tell, up to `tail`.
    pub fn is_settled(&self, tail: Offset) -> bool {
        self.notes.is_empty() && (self.ended || self.acked >= tail)
    }

    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a mark has a JSON form")
    }

    pub fn shown(&self, is_running: bool) -> Value {
        let trouble = self.trouble.as_ref();
        let status = match trouble {
            _ if self.ended => "ended",
            None => "active",
            Some(trouble) if trouble.next_try.is_some() || trouble.skips || is_running => "failing",
            Some(_) => "resting",
        };
        let next_try = trouble.and_then(|trouble| trouble.next_try).map(Timestamp::from_millis);
        json!({
            "status": status,
            "acked": self.acked,
            "attempts": trouble.map_or(0, |trouble| trouble.attempts),
            "nextTryAt": next_try,
            "lastError": trouble.map(|trouble| json!({ "offset": trouble.offset, "error": trouble.error })),
        })
    }
}

/// Where the mark of a subscription is kept. Those of streams above have places of their own, so that none writes over
/// what another has begun.
pub fn slot(slug: &Slug, served: &Served) -> String {
    match served.owner_id() {
        Some(owner) => format!("subscription/{slug}/{owner}"),
        None => format!("subscription/{slug}"),
    }
}

pub struct Store {
    log: Log,
    id: StreamId,
    slot: String,
}

impl Store {
    pub fn new(log: Log, id: StreamId, slug: &Slug, served: &Served) -> Store {
        Store { log, id, slot: slot(slug, served) }
    }

    /// One of an unknown form is as good as none.
    pub fn read(&self) -> Result<Option<Mark>, LogError> {
        let bytes = self.log.read_slot(self.id, &self.slot)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    pub fn save(&self, mark: &Mark) {
        self.log.write_slot_lazily(self.id, &self.slot, Some(mark.encode()));
    }

    /// Before a delivery ends: the next one must find this.
    pub async fn settle(&self, mark: &Mark) -> Result<(), LogError> {
        self.log.write_slot(self.id, &self.slot, Some(mark.encode())).await
    }

    pub async fn forget(&self) -> Result<(), LogError> {
        self.log.write_slot(self.id, &self.slot, None).await
    }
}

/// What a running delivery shows of itself.
#[derive(Default)]
pub struct Progress(Mutex<Option<Mark>>);

impl Progress {
    pub fn show(&self, mark: &Mark) {
        *self.0.lock().expect("nothing panics while it holds a delivery's progress") = Some(mark.clone());
    }

    pub fn shown(&self) -> Option<Mark> {
        self.0.lock().expect("nothing panics while it holds a delivery's progress").clone()
    }
}
