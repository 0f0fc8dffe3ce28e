//! What hooks ask of the host: appends, reads and simulations, each an operation that is settled later.

use std::rc::Rc;

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Exception, Function, Object, Result, Value};

use super::super::protocol::{CallId, FromWorker};
use super::host::Host;
use super::natives::bare;
use super::texts::Texts;
use super::{contexts, engine};
use crate::limits;

/// Each operation gives its number, or 0 when too many wait; of an event that is too large, its bytes below zero. The
/// prelude counts the appends of a hook; the bound stands here as well, for the prelude might be deceived.
pub fn group<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("pendingOpsMax", limits::PENDING_OPS_MAX)?;
    native.set("pendingOpBytesMax", limits::PENDING_OP_BYTES_MAX)?;
    native.set("appendsPerHookMax", host.bounds.appends_per_hook)?;
    native.set("eventBytesMax", host.bounds.event_bytes)?;
    native.set("readTypesMax", limits::READ_TYPES_MAX)?;
    native.set("isOver", Function::new(ctx.clone(), is_over)?)?;
    contexts::prepare(ctx)?;
    native.set("addMember", Function::new(ctx.clone(), contexts::add_member)?)?;
    native.set("context", Function::new(ctx.clone(), contexts::context)?)?;
    native.set("hookOf", Function::new(ctx.clone(), contexts::hook_of)?)?;
    let asking = host.clone();
    let append = move |ctx: Ctx<'_>,
                       call: f64,
                       event: Option<f64>,
                       ordinal: u32,
                       path: Option<String>,
                       input: String| {
        if input.len() as u64 > asking.bounds.event_bytes {
            return Ok(-(input.len() as f64));
        }
        if ordinal == 0 || u64::from(ordinal) > asking.bounds.appends_per_hook {
            return Err(Exception::throw_range(&ctx, "the append has no place among those of its hook"));
        }
        let Some(op) = asking.new_op(call as CallId, input.len()) else { return Ok(0.0) };
        let event = event.map(|offset| offset as u64);
        let message = FromWorker::Append { isolate: asking.id, op, event, ordinal, path };
        sent(&ctx, &asking, op, asking.shared.send(&message, input.as_bytes()))
    };
    native.set("append", Function::new(ctx.clone(), append)?)?;
    let asking = host.clone();
    let read = move |ctx: Ctx<'_>,
                     call: f64,
                     path: Option<String>,
                     after: Option<String>,
                     before: Option<String>,
                     Texts(types): Texts| {
        if types.len() > limits::READ_TYPES_MAX {
            return Err(Exception::throw_range(&ctx, "the read names too many types"));
        }
        let Some(op) = asking.new_op(call as CallId, 0) else { return Ok(0.0) };
        let message = FromWorker::Read { isolate: asking.id, op, path, after, before, types };
        sent(&ctx, &asking, op, asking.shared.send(&message, &[]))
    };
    native.set("read", Function::new(ctx.clone(), read)?)?;
    let asking = host.clone();
    let simulate = move |ctx: Ctx<'_>, call: f64, path: Option<String>, text: String| {
        let Some(op) = asking.new_op(call as CallId, text.len()) else { return Ok(0.0) };
        let message = FromWorker::Simulate { isolate: asking.id, op, path };
        sent(&ctx, &asking, op, asking.shared.send(&message, text.as_bytes()))
    };
    native.set("simulate", Function::new(ctx.clone(), simulate)?)?;
    Ok(native)
}

fn sent(ctx: &Ctx<'_>, host: &Host, op: u64, was_sent: bool) -> Result<f64> {
    if was_sent {
        return Ok(op as f64);
    }
    host.settle_op(op);
    Err(Exception::throw_range(ctx, "the event is larger than a message to the host may be"))
}

/// Whether what a hook gave has nothing to be waited for, and no job is left that could change anything. A promise of
/// the script's own kind may do whatever it likes when it is waited for.
fn is_over<'js>(ctx: Ctx<'js>, given: Value<'js>, promises: Object<'js>) -> bool {
    let is_settled = match given.as_promise() {
        Some(promise) => {
            promise.state() == PromiseState::Resolved && promise.get_prototype().as_ref() == Some(&promises)
        }
        None => given.is_undefined(),
    };
    is_settled && !engine::has_jobs(&ctx)
}
