//! How far a subscription has come: what the log keeps of it, and what it shows of itself while it runs.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::below::Served;
use super::failure::{Blame, Failure, Then};
use super::notes::Note;
use crate::event::builtin::StartFrom;
use crate::event::{Offset, Slug, Timestamp};
use crate::limits::DELIVERY_GIVEN_UP_IN_A_ROW_MAX;
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
    /// None where nothing was ever given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
}

/// Events that were left out because the receiver refuses them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GivenUp {
    pub count: u64,
    /// Since something was delivered.
    pub in_a_row: u32,
    /// The newest.
    pub offset: Offset,
    pub error: String,
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
    /// Answers to this event that refuse it, and that leave open whether they do, under this configuration.
    #[serde(default)]
    pub refusals: u32,
    #[serde(default)]
    pub doubts: u32,
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
            refusals: 0,
            doubts: 0,
            error: String::new(),
            next_try: None,
            told: false,
            told_given_up: false,
            skips: false,
        }
    }

    /// One more attempt that has failed; whether the event has come to nothing often enough.
    pub fn failed(&mut self, failure: &Failure) -> bool {
        if std::mem::take(&mut self.skips) {
            (self.refusals, self.doubts) = (0, 0);
        }
        self.attempts = self.attempts.saturating_add(1);
        self.tries += 1;
        self.error.clone_from(&failure.message);
        let Then::GiveUp(blame) = failure.then else { return false };
        let answers = match blame {
            Blame::Event => &mut self.refusals,
            Blame::Unknown => &mut self.doubts,
        };
        *answers = answers.saturating_add(1);
        *answers >= blame.answers_max()
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
        let (trouble, notes, given_up) = (None, Vec::new(), None);
        Mark { owner, since, configured, start, acked, trouble, ended: false, notes, given_up }
    }

    /// What a fork shares was delivered where it happened, unless it is asked for on the fork itself.
    pub fn on_fork(self, served: &Served, shared: Offset) -> Mark {
        let asked_for_here = served.subscribed.configured > shared;
        if asked_for_here { self } else { Mark { acked: self.acked.max(shared), ..self } }
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
                refusals: 0,
                doubts: 0,
                next_try: None,
                told: false,
                told_given_up: false,
                skips: false,
                ..trouble
            }),
            notes: earlier.notes,
            given_up: earlier.given_up.map(|given_up| GivenUp { in_a_row: 0, ..given_up }),
            ..fresh()
        })
    }

    /// Leaves out an event that the receiver refuses, unless it has refused so many before it that it seems to refuse
    /// everything: then the rest is kept for it.
    pub fn gives_up(&mut self, event: Offset, error: &str) -> bool {
        let before = self.given_up.as_ref();
        let in_a_row = before.map_or(0, |before| before.in_a_row);
        if in_a_row >= DELIVERY_GIVEN_UP_IN_A_ROW_MAX {
            return false;
        }
        let count = before.map_or(0, |before| before.count) + 1;
        let given_up = GivenUp { count, in_a_row: in_a_row + 1, offset: event, error: error.to_string() };
        self.given_up = Some(given_up);
        self.trouble = None;
        true
    }

    /// The receiver has taken something.
    pub fn delivered(&mut self) {
        if let Some(given_up) = &mut self.given_up {
            given_up.in_a_row = 0;
        }
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
            "givenUp": {
                "count": self.given_up.as_ref().map_or(0, |given_up| given_up.count),
                "last": self.given_up.as_ref().map(|last| json!({ "offset": last.offset, "error": last.error })),
            },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{DELIVERY_DOUBTS_MAX, DELIVERY_REFUSALS_MAX};

    fn failure(status: u16) -> Failure {
        Failure { message: status.to_string(), retry_after: None, then: Then::of_status(status) }
    }

    #[test]
    fn an_event_is_given_up_for_answers_that_are_about_it() {
        let after = |statuses: &[u16]| {
            let mut trouble = Trouble::at(Offset(7));
            (1..=10_000).find(|n| trouble.failed(&failure(statuses[n % statuses.len()])))
        };
        let (refused, doubted) = (DELIVERY_REFUSALS_MAX as usize, DELIVERY_DOUBTS_MAX as usize);
        assert_eq!(after(&[422]), Some(refused));
        assert_eq!(after(&[500]), Some(doubted));
        assert_eq!(after(&[503]), None, "that is the receiver's own trouble, however long it lasts");
        assert_eq!(after(&[503, 422]), Some(2 * refused - 1));
        assert_eq!(after(&[500, 422]), Some(2 * refused - 1), "each kind is counted by itself");
        let mut skipping = Trouble { skips: true, refusals: DELIVERY_REFUSALS_MAX, ..Trouble::at(Offset(7)) };
        assert!(!skipping.failed(&failure(422)), "what was left out before was another event");
    }

    #[test]
    fn a_receiver_that_refuses_everything_is_not_skipped_over() {
        let start = Start { said: Offset(2), from: StartFrom::Tail };
        let config =
            serde_json::from_value(json!({"slug": "s", "type": "webhook", "callbackUrl": "http://a/"}));
        let (configured, since) = (Offset(2), Offset(2));
        let subscribed = Subscribed { configured, since, start, config: config.unwrap() };
        let served = Served { subscribed: subscribed.into(), owner: None };
        let mut mark = Mark::begin(&served, Offset::START);
        let given_up = |mark: &mut Mark| (3..100).take_while(|n| mark.gives_up(Offset(*n), "no")).count();
        let in_a_row = DELIVERY_GIVEN_UP_IN_A_ROW_MAX as usize;
        assert_eq!(given_up(&mut mark), in_a_row);
        let stored: Mark = serde_json::from_slice(&mark.encode()).unwrap();
        assert_eq!(stored, mark);
        assert!(!mark.gives_up(Offset(50), "no"));
        mark.delivered();
        assert_eq!(given_up(&mut mark), in_a_row);
        let last = json!({"offset": 2 + in_a_row, "error": "no"});
        assert_eq!(mark.shown(true)["givenUp"], json!({"count": 2 * in_a_row, "last": last}));
    }
}
