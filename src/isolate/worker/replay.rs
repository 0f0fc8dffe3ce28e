//! Reducing events: one that just came, or a part of the history. A failing `reduce` leaves the state as it
//! was. On the way through a history that costs nothing: the state is taken as good once, at the end of a batch,
//! and only when an event fails is it built again from there.

use std::time::{Duration, Instant};

use rquickjs::{Ctx, Function, Result, Value};

use super::super::ScriptFailure;
use super::engine::{Engine, Prelude, Thrown};
use super::inbox::Batch;
use crate::event::Offset;
use crate::event::builtin::Phase;

/// How long one part of a replay may hold the worker.
const SLICE: Duration = Duration::from_millis(10);

/// Reduces an event that just came, and takes the state as good: by the prelude's `take`.
pub fn one<'js>(
    engine: &Engine,
    ctx: &Ctx<'js>,
    prelude: &Prelude<'js>,
    take: &Function<'js>,
    event: Value<'js>,
) -> Result<Option<ScriptFailure>> {
    let Err(error) = take.call::<_, ()>((event,)) else { return Ok(None) };
    if engine.check().is_err() {
        // What stopped it knows where it was.
        return Err(error);
    }
    let thrown = engine.thrown(ctx, error);
    prelude.call("rollBack")?;
    Ok(Some(engine.failure(Phase::Reduce, thrown)))
}

/// Reduces as much of the batch as fits into one turn. So does what a failure makes necessary: a script that is slow and
/// fails late would hold its worker for the whole history otherwise.
pub fn slice<'js>(engine: &Engine, ctx: &Ctx<'js>, prelude: &Prelude<'js>, batch: &mut Batch) -> Result<()> {
    let reduce = prelude.function("reduce")?;
    let started = Instant::now();
    if !batch.begun {
        batch.begun = true;
        prelude.replaying(false)?;
    }
    while !batch.is_done() {
        match batch.again.pop_front() {
            Some(at) => once_more(engine, ctx, prelude, &reduce, batch, at)?,
            None if batch.has_next() => {
                let at = batch.next;
                batch.next += 1;
                reduce_one(engine, ctx, prelude, &reduce, batch, at)?;
            }
            None if prelude.call("commit").is_ok() => batch.committed = true,
            None => {
                ctx.catch();
                engine.check_alive()?;
                // Without an event that may be at fault, the last good state is all that there is.
                batch.committed = batch.since_commit.is_empty();
                go_back(prelude, batch)?;
            }
        }
        if started.elapsed() >= SLICE {
            break;
        }
    }
    Ok(())
}

fn reduce_one<'js>(
    engine: &Engine,
    ctx: &Ctx<'js>,
    prelude: &Prelude<'js>,
    reduce: &Function<'js>,
    batch: &mut Batch,
    at: usize,
) -> Result<()> {
    batch.current = Some(at);
    let Err(error) = apply(engine, ctx, reduce, batch.event(at)) else {
        batch.since_commit.push(at);
        return Ok(());
    };
    if engine.check().is_err() {
        return Err(error);
    }
    let thrown = engine.thrown(ctx, error);
    batch.failed(engine, at, thrown);
    go_back(prelude, batch)
}

/// Back to the last good state: the events behind it are reduced again, but for those that have failed.
fn go_back(prelude: &Prelude<'_>, batch: &mut Batch) -> Result<()> {
    let reduced = std::mem::take(&mut batch.since_commit);
    for at in reduced.into_iter().rev() {
        batch.again.push_front(at);
    }
    prelude.call("rollBack")?;
    if batch.again.is_empty() { Ok(()) } else { prelude.replaying(true) }
}

/// The state as the events since the last good one make it. When that is not JSON, one of them is at fault: then each
/// is taken as good alone.
fn once_more<'js>(
    engine: &Engine,
    ctx: &Ctx<'js>,
    prelude: &Prelude<'js>,
    reduce: &Function<'js>,
    batch: &mut Batch,
    at: usize,
) -> Result<()> {
    if batch.alone {
        batch.current = Some(at);
        if let Err(error) = apply(engine, ctx, reduce, batch.event(at)).and_then(|()| prelude.call("commit"))
        {
            if engine.check().is_err() {
                return Err(error);
            }
            let thrown = engine.thrown(ctx, error);
            prelude.call("rollBack")?;
            batch.failed(engine, at, thrown);
        }
    } else {
        reduce_one(engine, ctx, prelude, reduce, batch, at)?;
    }
    if !batch.again.is_empty() {
        return Ok(());
    }
    if !batch.alone && prelude.call("commit").is_err() {
        ctx.catch();
        engine.check_alive()?;
        batch.alone = true;
        return go_back(prelude, batch);
    }
    batch.alone = false;
    batch.since_commit.clear();
    batch.committed = !batch.has_next();
    prelude.replaying(false)
}

fn apply<'js>(engine: &Engine, ctx: &Ctx<'js>, reduce: &Function<'js>, event: &[u8]) -> Result<()> {
    reduce.call((engine.names.value(ctx, event)?,))
}

impl Batch {
    /// Where the event that was reduced last stands in its stream.
    pub fn current(&self) -> Option<Offset> {
        self.current.map(|at| Offset(offset_of(self.event(at))))
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
