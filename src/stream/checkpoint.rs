//! Where a stream's actor starts: from the built-ins' stored state and the events behind it. The state is
//! derived, so a missing or foreign one only costs a longer read.

use serde_json::{Map, Value};

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
    let tail = streams.log().tail(record.id)?;
    let mut pipeline = restored(streams, &record, tail)?;
    reduce(streams, &record, &mut pipeline, Offset::END)?;
    pipeline.start(record);
    Ok(pipeline)
}

/// What the built-ins showed behind the event at `at`.
pub fn states_at(
    streams: &Streams,
    record: &StreamRecord,
    at: Offset,
) -> Result<Map<String, Value>, LogError> {
    let mut pipeline = restored(streams, record, at)?;
    reduce(streams, record, &mut pipeline, at.next())?;
    Ok(pipeline.states())
}

fn reduce(
    streams: &Streams,
    record: &StreamRecord,
    pipeline: &mut Pipeline,
    before: Offset,
) -> Result<(), LogError> {
    loop {
        let after = pipeline.tail();
        if after.next() >= before {
            return Ok(());
        }
        let page = streams.log().read(record, after, before, READ_PAGE_EVENTS, READ_PAGE_BYTES)?;
        if page.is_empty() {
            return Ok(());
        }
        page.iter().for_each(|event| pipeline.reduce(event));
    }
}

/// From a stored state of an event up to `at`, if there is one.
fn restored(streams: &Streams, record: &StreamRecord, at: Offset) -> Result<Pipeline, LogError> {
    let stream = &record.key;
    let stored = streams.log().read_slot(record.id, SLOT)?;
    if let Some(savepoint) = stored.and_then(|bytes| serde_json::from_slice::<Savepoint>(&bytes).ok())
        && savepoint.tail <= at
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
