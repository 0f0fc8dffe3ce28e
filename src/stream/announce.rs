//! Tells every ancestor of a new stream that it has come to be. The mark `Unannounced`, committed with the
//! stream's first event, makes sure of it over crashes; idempotency keys make sure that it is told once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use super::{Origin, Streams, announcement_key};
use crate::event::{EventInput, Json, Kind, StreamKey, builtin};
use crate::limits::{ANNOUNCE_RETRY, ANNOUNCEMENTS_BATCH, ANNOUNCEMENTS_MAX};
use crate::log::{Mark, StreamRecord};

#[derive(Clone)]
pub struct Queue {
    sender: mpsc::Sender<StreamRecord>,
    /// Set when the queue was full: what did not fit is found again by its mark.
    overflowed: Arc<AtomicBool>,
}

pub struct Queued {
    receiver: mpsc::Receiver<StreamRecord>,
    overflowed: Arc<AtomicBool>,
}

impl Queue {
    pub fn new() -> (Queue, Queued) {
        let (sender, receiver) = mpsc::channel(ANNOUNCEMENTS_MAX);
        // A crash may have left some unannounced.
        let overflowed = Arc::new(AtomicBool::new(true));
        (Queue { sender, overflowed: overflowed.clone() }, Queued { receiver, overflowed })
    }

    pub fn push(&self, record: StreamRecord) {
        if self.sender.try_send(record).is_err() {
            self.overflowed.store(true, Ordering::Release);
        }
    }
}

pub async fn run(streams: Streams, mut queued: Queued) {
    let shutdown = streams.0.shutdown.clone();
    loop {
        let mut records = Vec::new();
        if queued.overflowed.swap(false, Ordering::AcqRel) {
            match streams.log().marked(Mark::Unannounced) {
                Ok(marked) => records = marked,
                Err(error) => tracing::error!(%error, "cannot read which streams are to be announced"),
            }
        }
        if records.is_empty() {
            tokio::select! {
                taken = queued.receiver.recv_many(&mut records, ANNOUNCEMENTS_BATCH) => if taken == 0 { return },
                () = shutdown.cancelled() => return,
            }
        }
        for some in records.chunks(ANNOUNCEMENTS_BATCH) {
            if !announce(&streams, some).await {
                queued.overflowed.store(true, Ordering::Release);
                tokio::select! {
                    () = tokio::time::sleep(ANNOUNCE_RETRY) => break,
                    () = shutdown.cancelled() => return,
                }
            }
        }
    }
}

/// One append to each ancestor, however many children it has got at once.
async fn announce(streams: &Streams, records: &[StreamRecord]) -> bool {
    let mut by_ancestor: BTreeMap<StreamKey, Vec<EventInput>> = BTreeMap::new();
    for record in records {
        for ancestor in record.key.path.ancestors() {
            by_ancestor.entry(record.key.sibling(ancestor)).or_default().push(announcement(record));
        }
    }
    for (ancestor, batch) in by_ancestor {
        let origin = Origin::Server { slug: None, cause: None };
        if let Err(error) = streams.append(&ancestor, batch, origin).await {
            tracing::warn!(%error, stream = %ancestor.path, "cannot announce a new stream; will try again");
            return false;
        }
    }
    for record in records {
        streams.log().unmark_lazily(record.id, Mark::Unannounced);
    }
    true
}

fn announcement(record: &StreamRecord) -> EventInput {
    let payload = builtin::ChildCreated { child_path: record.key.path.to_string() };
    EventInput::new(Kind::ChildCreated, Json::of(&payload)).with_key(announcement_key(&record.key.path))
}
