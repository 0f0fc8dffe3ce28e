//! Tells every ancestor of a new stream that it has come to be. The mark `Unannounced`, committed with the
//! stream's first event, makes sure of it over crashes; idempotency keys make sure that it is told once.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, mpsc};

use super::{Only, Origin, Streams, announcement_key};
use crate::event::{EventInput, Json, Kind, StreamKey, builtin};
use crate::limits::{ANNOUNCE_RETRY, ANNOUNCEMENTS_BATCH, ANNOUNCEMENTS_MAX};
use crate::log::{Mark, StreamRecord};

#[derive(Clone)]
pub struct Queue {
    sender: mpsc::Sender<StreamRecord>,
    /// New streams whose ancestors do not know of them yet.
    untold: Arc<Mutex<HashSet<StreamKey>>>,
    told: Arc<Notify>,
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
        let (untold, told) = (Arc::default(), Arc::default());
        (Queue { sender, untold, told, overflowed: overflowed.clone() }, Queued { receiver, overflowed })
    }

    /// Waits until the ancestors of a new stream know of it, so that whoever has created it finds it there;
    /// no longer than a moment, for the mark in the log sees to it anyway.
    pub async fn told(&self, stream: &StreamKey) {
        self.wait_while(|untold| untold.contains(stream)).await;
    }

    /// Waits until nothing at or below `stream` is still to be announced: what is on its way to an ancestor that
    /// is being destroyed would bring that one back.
    pub async fn told_below(&self, stream: &StreamKey) {
        let concerns = |key: &StreamKey| {
            key.project == stream.project && (key.path == stream.path || key.path.is_below(&stream.path))
        };
        self.wait_while(|untold| untold.iter().any(concerns)).await;
    }

    async fn wait_while(&self, is_untold: impl Fn(&HashSet<StreamKey>) -> bool) {
        let told = async {
            loop {
                let notified = self.told.notified();
                if !is_untold(&self.untold()) {
                    return;
                }
                notified.await;
            }
        };
        let _ = tokio::time::timeout(ANNOUNCE_RETRY, told).await;
    }

    fn untold(&self) -> MutexGuard<'_, HashSet<StreamKey>> {
        self.untold.lock().expect("nothing panics while it holds the untold streams")
    }

    fn settle(&self, records: &[StreamRecord]) {
        let mut untold = self.untold();
        for record in records {
            untold.remove(&record.key);
        }
        drop(untold);
        self.told.notify_waiters();
    }

    pub fn push(&self, record: StreamRecord) {
        self.untold().insert(record.key.clone());
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
                Err(error) => {
                    tracing::error!(%error, "cannot read which streams are to be announced");
                    queued.overflowed.store(true, Ordering::Release);
                    tokio::select! {
                        () = tokio::time::sleep(ANNOUNCE_RETRY) => continue,
                        () = shutdown.cancelled() => return,
                    }
                }
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
        match streams.log().is_current(&record.key, record.id) {
            Ok(true) => {}
            // One that was destroyed in the meantime must not bring its ancestors back.
            Ok(false) => continue,
            Err(error) => {
                tracing::warn!(%error, stream = %record.key.path, "cannot see whether a new stream is still there; will try again");
                return false;
            }
        }
        for ancestor in record.key.path.ancestors() {
            by_ancestor.entry(record.key.sibling(ancestor)).or_default().push(announcement(record));
        }
    }
    for (ancestor, batch) in by_ancestor {
        let origin = Origin::Server { slug: None, cause: None, only: Only::Any };
        if let Err(error) = streams.append_unannounced(&ancestor, batch, origin).await {
            tracing::warn!(%error, stream = %ancestor.path, "cannot announce a new stream; will try again");
            return false;
        }
    }
    streams.0.announcements.settle(records);
    for record in records {
        streams.log().unmark_lazily(record.id, Mark::Unannounced);
    }
    true
}

fn announcement(record: &StreamRecord) -> EventInput {
    let payload = builtin::ChildCreated { child_path: record.key.path.to_string() };
    EventInput::new(Kind::ChildCreated, Json::of(&payload)).with_key(announcement_key(&record.key.path))
}
