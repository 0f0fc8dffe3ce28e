//! Where a stream's actor starts: from the built-ins' stored state and the events behind it. The state is
//! derived, so a missing or foreign one only costs a longer read.

use super::Streams;
use super::append::{Pipeline, Savepoint};
use crate::event::{Offset, StreamKey};
use crate::limits::{READ_PAGE_BYTES, READ_PAGE_EVENTS};
use crate::log::{LogError, StreamRecord};

const SLOT: &str = "builtins";

pub fn rebuild(streams: &Streams, stream: &StreamKey) -> Result<Pipeline, LogError> {
    let Some(record) = streams.log().find(stream)? else {
        return Ok(Pipeline::new(streams, stream));
    };
    let mut pipeline = restored(streams, stream, &record)?;
    loop {
        let page =
            streams.log().read(&record, pipeline.tail(), Offset::END, READ_PAGE_EVENTS, READ_PAGE_BYTES)?;
        if page.is_empty() {
            pipeline.start(record);
            return Ok(pipeline);
        }
        for event in &page {
            pipeline.reduce(event);
        }
    }
}

fn restored(streams: &Streams, stream: &StreamKey, record: &StreamRecord) -> Result<Pipeline, LogError> {
    let stored = streams.log().read_slot(record.id, SLOT)?;
    if let Some(savepoint) = stored.and_then(|bytes| serde_json::from_slice::<Savepoint>(&bytes).ok())
        && savepoint.tail <= streams.log().tail(record.id)?
    {
        let mut pipeline = Pipeline::new(streams, stream);
        if pipeline.restore(&savepoint) {
            return Ok(pipeline);
        }
    }
    Ok(Pipeline::new(streams, stream))
}

/// Without a wait: a lost one only costs a longer read.
pub fn save(streams: &Streams, pipeline: &mut Pipeline) {
    let Some(record) = pipeline.record().filter(|_| pipeline.checkpoint_is_stale()) else { return };
    let bytes = serde_json::to_vec(&pipeline.checkpoint()).expect("built-in states are JSON");
    streams.log().write_slot_lazily(record.id, SLOT, Some(bytes));
    pipeline.set_checkpointed();
}
