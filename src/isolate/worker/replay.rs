//! Reducing events: one that just came, or a part of the history. A failing `reduce` leaves the state as it
//! was. On the way through a history that costs nothing: the state is taken as good once, at the end of a batch,
//! and only when an event fails is it built again from there.

use std::time::{Duration, Instant};

use rquickjs::{Ctx, Function, Result};

use super::super::ScriptFailure;
use super::engine::{Engine, Prelude, Thrown};
use super::inbox::Batch;
use crate::event::Offset;
use crate::event::builtin::Phase;

/// How long one part of a replay may hold the worker.
const SLICE: Duration = Duration::from_millis(10);

/// Reduces an event that just came, and takes the state as good.
pub fn one<'js>(
    engine: &Engine,
    ctx: &Ctx<'js>,
    prelude: &Prelude<'js>,
    event: &[u8],
) -> Result<Option<ScriptFailure>> {
    let reduce = prelude.function("reduce")?;
    let outcome = apply(ctx, &reduce, event).and_then(|()| prelude.call("commit"));
    let Err(error) = outcome else { return Ok(None) };
    let thrown = engine.thrown(ctx, error);
    prelude.call("rollBack")?;
    Ok(Some(engine.failure(Phase::Reduce, thrown)))
}

/// Reduces as much of the batch as fits into one turn.
pub fn slice<'js>(engine: &Engine, ctx: &Ctx<'js>, prelude: &Prelude<'js>, batch: &mut Batch) -> Result<()> {
    let reduce = prelude.function("reduce")?;
    let started = Instant::now();
    if batch.next == 0 {
        prelude.replaying(false)?;
    }
    while !batch.is_done() {
        let at = batch.next;
        batch.next += 1;
        match apply(ctx, &reduce, batch.event(at)) {
            Ok(()) => batch.since_commit.push(at),
            Err(error) => {
                let thrown = engine.thrown(ctx, error);
                engine.check_alive()?;
                batch.failed(engine, at, thrown);
                rebuild(engine, ctx, prelude, batch)?;
            }
        }
        if started.elapsed() >= SLICE {
            break;
        }
    }
    if batch.is_done() && prelude.call("commit").is_err() {
        ctx.catch();
        engine.check_alive()?;
        rebuild(engine, ctx, prelude, batch)?;
    }
    Ok(())
}

/// The state as the events since the last good one make it. When that is not JSON, one of them is at fault:
/// then each is taken as good alone.
fn rebuild<'js>(engine: &Engine, ctx: &Ctx<'js>, prelude: &Prelude<'js>, batch: &mut Batch) -> Result<()> {
    let again = std::mem::take(&mut batch.since_commit);
    let reduce = prelude.function("reduce")?;
    prelude.call("rollBack")?;
    prelude.replaying(true)?;
    for at in &again {
        engine.renew(batch.call, Phase::Reduce);
        apply(ctx, &reduce, batch.event(*at))?;
    }
    if prelude.call("commit").is_err() {
        ctx.catch();
        prelude.call("rollBack")?;
        for at in again {
            engine.renew(batch.call, Phase::Reduce);
            if let Err(error) = apply(ctx, &reduce, batch.event(at)).and_then(|()| prelude.call("commit")) {
                let thrown = engine.thrown(ctx, error);
                prelude.call("rollBack")?;
                batch.failed(engine, at, thrown);
            }
        }
    }
    prelude.replaying(false)
}

fn apply<'js>(ctx: &Ctx<'js>, reduce: &Function<'js>, event: &[u8]) -> Result<()> {
    reduce.call((ctx.json_parse(event)?,))
}

impl Batch {
    /// The event that was reduced last.
    pub fn current(&self) -> Option<Offset> {
        self.next.checked_sub(1).map(|at| Offset(offset_of(self.event(at))))
    }

    fn failed(&mut self, engine: &Engine, at: usize, thrown: Thrown) {
        let offset = offset_of(self.event(at));
        self.failures.push((offset, engine.failure(Phase::Reduce, thrown)));
        self.failures.sort_by_key(|(offset, _)| *offset);
    }
}

#[derive(serde::Deserialize)]
struct Place {
    offset: u64,
}

/// The offset in an event's wire text.
pub fn offset_of(event: &[u8]) -> u64 {
    serde_json::from_slice::<Place>(event).map_or(0, |place| place.offset)
}
