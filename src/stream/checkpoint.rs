//! Where a stream's actor starts: from the built-ins' stored state and the events behind it. The state is
//! derived, so a missing or foreign one only costs a longer read.

use serde_json::{Map, Value};

use super::append::{Pipeline, Savepoint};
use super::{Streams, Trail};
use crate::event::{Offset, StreamKey};
use crate::limits::{BUILTIN_CHECKPOINT_EVENTS, READ_PAGE_BYTES, READ_PAGE_EVENTS};
use crate::log::{LogError, StreamRecord};

const SLOT: &str = "builtins";
/// Of the stored states; another one is as good as none.
const FORM: &str = "1";

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
    let left = streams.log().lineage(record.id).into_iter().filter(|fork| !fork.processors);
    let mut left: Vec<Offset> = left.map(|fork| fork.at).collect();
    loop {
        let after = pipeline.tail();
        if left.contains(&after) {
            pipeline.leave_processors();
            left.retain(|at| *at != after);
        }
        // A fork's history is read up to where it leaves something behind.
        let stop = left.iter().filter(|at| **at > after).min().map_or(before, |at| before.min(at.next()));
        if after.next() >= stop {
            return Ok(());
        }
        let page = streams.log().read(record, after, stop, READ_PAGE_EVENTS, READ_PAGE_BYTES)?;
        if page.is_empty() {
            return Ok(());
        }
        page.iter().for_each(|event| pipeline.reduce(event));
    }
}

/// From the nearest stored state of an event up to `at`, if there is one: its own, or one of a stream whose events it
/// shares.
fn restored(streams: &Streams, record: &StreamRecord, at: Offset) -> Result<Pipeline, LogError> {
    let (log, stream) = (streams.log(), &record.key);
    let mut nearest: Option<Savepoint> = None;
    for (id, until) in log.views(record.id, at) {
        let stored = log.read_slot(id, SLOT)?;
        let stored = stored.and_then(|bytes| serde_json::from_slice::<Savepoint>(&bytes).ok());
        let stored = stored.filter(|savepoint| savepoint.tail <= until);
        nearest = nearest.into_iter().chain(stored).max_by_key(|savepoint| savepoint.tail);
    }
    let open = |offset, bytes: &[u8]| {
        let savepoint = serde_json::from_slice::<Savepoint>(bytes).ok();
        savepoint.filter(|savepoint| savepoint.tail == offset)
    };
    // A newer one along the way is worth a look only when much would be read without it.
    let known = nearest.as_ref().map_or(Offset::START, |savepoint| savepoint.tail);
    if at.0 - known.0 > BUILTIN_CHECKPOINT_EVENTS {
        let along = Trail::of(log, record.id, SLOT).nearest_known(FORM, at, open);
        let along = along.map(|(_, savepoint)| savepoint);
        nearest = nearest.into_iter().chain(along).max_by_key(|savepoint| savepoint.tail);
    }
    let mut pipeline = Pipeline::new(streams, stream);
    match nearest {
        Some(savepoint) if pipeline.restore(&savepoint) => Ok(pipeline),
        Some(_) => Ok(Pipeline::new(streams, stream)),
        None => Ok(pipeline),
    }
}

/// Without a wait: a lost one only costs a longer read.
pub fn save(streams: &Streams, pipeline: &mut Pipeline) {
    let Some(id) = pipeline.record().filter(|_| pipeline.checkpoint_is_stale()).map(|record| record.id)
    else {
        return;
    };
    let bytes = serde_json::to_vec(&pipeline.checkpoint()).expect("built-in states are JSON");
    streams.log().write_slot_lazily(id, SLOT, Some(bytes.clone()));
    pipeline.set_checkpointed();
    let trail = Trail::of(streams.log(), id, SLOT);
    let mut index = pipeline.trail.take().unwrap_or_else(|| trail.index());
    trail.add(&mut index, FORM, pipeline.tail(), bytes);
    pipeline.trail = Some(index);
}
