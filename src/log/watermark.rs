//! What is durable. Engines show a batch to readers before it is synced; a processor that acted on such an
//! event would have acted on nothing if the power failed. So reads end where the batch under way begins.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StreamId;
use crate::event::Offset;

const POISON: &str = "nothing panics while it holds the watermark";

/// A reader asks *after* it has looked into the engine: what it saw was written either before the answer's
/// batch began, and is durable, or in it, and is beyond the answer.
#[derive(Default)]
pub(super) struct Watermark {
    /// The durable tails of the streams that the batch under way writes to; all other streams are durable.
    under_way: RwLock<HashMap<StreamId, Offset>>,
    /// Streams from this number on are not durable yet.
    streams: AtomicU64,
}

impl Watermark {
    pub fn new(next_stream: StreamId) -> Watermark {
        Watermark { under_way: RwLock::default(), streams: AtomicU64::new(next_stream.0) }
    }

    /// Before a batch is written. After a failed one this is never taken back: what it left behind is
    /// unknown, so nobody gets to see it.
    pub fn begin(&self, tails: HashMap<StreamId, Offset>) {
        *self.under_way.write().expect(POISON) = tails;
    }

    /// After its sync. Answers the map for the next batch.
    pub fn publish(&self, next_stream: StreamId) -> HashMap<StreamId, Offset> {
        self.streams.store(next_stream.0, Ordering::Release);
        let mut tails = std::mem::take(&mut *self.under_way.write().expect(POISON));
        tails.clear();
        tails
    }

    pub fn clamp(&self, id: StreamId, offset: Offset) -> Offset {
        self.under_way.read().expect(POISON).get(&id).map_or(offset, |durable| offset.min(*durable))
    }

    pub fn knows(&self, id: StreamId) -> bool {
        id.0 < self.streams.load(Ordering::Acquire)
    }
}
