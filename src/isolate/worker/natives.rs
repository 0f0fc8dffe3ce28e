//! What the prelude can ask of Rust. Authors' code never sees this object.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Error, Exception, Function, Module, Object, Result, Value, qjs};

use super::super::protocol::{CallId, FromWorker};
use super::host::{Host, Settled};
use super::{builtins, crypto, digest, engine, network, prelude, web, zlib, zones};
use crate::limits;

pub fn object<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let bounds = &host.bounds;
    native.set("logLinesMax", bounds.log_lines)?;
    native.set("stateBytesMax", limits::STATE_BYTES_MAX)?;
    native.set("pendingOpsMax", limits::PENDING_OPS_MAX)?;
    native.set("pendingOpBytesMax", limits::PENDING_OP_BYTES_MAX)?;
    native.set("appendsPerHookMax", bounds.appends_per_hook)?;
    native.set("eventBytesMax", bounds.event_bytes)?;
    native.set("pendingFetchesMax", bounds.pending_fetches)?;
    native.set("timersMax", bounds.timers)?;
    native.set("readTypesMax", limits::READ_TYPES_MAX)?;
    native.set("part", Function::new(ctx.clone(), part)?)?;
    let grouped = host.clone();
    let groups = move |ctx: Ctx<'js>, name: String| group(ctx, name, &grouped);
    native.set("group", Function::new(ctx.clone(), groups)?)?;
    native.set("random", Function::new(ctx.clone(), web::random)?)?;
    builtins::add(&native, ctx)?;
    add_hooks(&native, ctx, host)?;
    add_timers(&native, ctx, host)?;
    add_ops(&native, ctx, host)?;
    Ok(native)
}

/// The default export of a part of the prelude.
#[allow(unsafe_code)]
fn part<'js>(ctx: Ctx<'js>, name: String) -> Result<Value<'js>> {
    let Some(code) = prelude::part(&name) else {
        return Err(Exception::throw_message(&ctx, &format!("the prelude has no part {name}")));
    };
    // SAFETY: this process compiled it from its own text.
    let module = unsafe { Module::load(ctx.clone(), code) }?;
    let (module, _) = module.eval()?;
    module.get("default")
}

/// The natives that some parts of the prelude need, made when the first of those is loaded.
fn group<'js>(ctx: Ctx<'js>, name: String, host: &Rc<Host>) -> Result<Object<'js>> {
    match name.as_str() {
        "network" => network::group(&ctx, host),
        "text" => web::text(&ctx),
        "url" => web::url(&ctx),
        "digest" => digest::group(&ctx),
        "ciphers" => crypto::ciphers(&ctx),
        "derivations" => crypto::derivations(&ctx),
        "curves" => crypto::curves(&ctx),
        "rsa" => crypto::rsa(&ctx),
        "zlib" => zlib::group(&ctx),
        "zones" => zones::group(&ctx),
        _ => Err(Exception::throw_message(&ctx, &format!("there are no natives {name}"))),
    }
}

fn add_hooks<'js>(native: &Object<'js>, ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<()> {
    let end = host.clone();
    let settled = move |call: f64, failure: Option<String>, value: Option<String>| {
        end.settled.borrow_mut().push(Settled { call: call as CallId, failure, value });
    };
    native.set("settled", Function::new(ctx.clone(), settled)?)?;
    native.set("isOver", Function::new(ctx.clone(), is_over)?)?;
    native.set("addAccessors", Function::new(ctx.clone(), add_accessors)?)?;
    let log = host.clone();
    let logged = move |level: String, message: String, event: Option<f64>| {
        if !log.may_log() {
            return;
        }
        let event = event.map(|offset| offset as u64);
        log.shared.send(
            &FromWorker::Logged { isolate: log.id, level: shortened(level, LEVEL_BYTES_MAX), event },
            shortened(message, limits::LOG_LINE_BYTES_MAX).as_bytes(),
        );
    };
    native.set("log", Function::new(ctx.clone(), logged)?)
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

/// Adds accessors to an object: of each its name, its getter and its setter.
#[allow(unsafe_code)]
fn add_accessors<'js>(
    ctx: Ctx<'js>,
    target: Object<'js>,
    accessors: Array<'js>,
    are_enumerable: bool,
) -> Result<()> {
    let raw = ctx.as_raw().as_ptr();
    let enumerable = if are_enumerable { qjs::JS_PROP_ENUMERABLE } else { 0 };
    let flags = (qjs::JS_PROP_CONFIGURABLE | enumerable) as i32;
    for at in (0..accessors.len()).step_by(3) {
        let name: Value<'js> = accessors.get(at)?;
        let (get, set): (Function<'js>, Function<'js>) = (accessors.get(at + 1)?, accessors.get(at + 2)?);
        // SAFETY: all of these are alive values of this context; the two functions' references go to the object.
        let outcome = unsafe {
            let name = qjs::JS_ValueToAtom(raw, name.as_raw());
            let (get, set) = (qjs::JS_DupValue(raw, get.as_raw()), qjs::JS_DupValue(raw, set.as_raw()));
            let outcome = qjs::JS_DefinePropertyGetSet(raw, target.as_raw(), name, get, set, flags);
            qjs::JS_FreeAtom(raw, name);
            outcome
        };
        if outcome < 0 {
            return Err(Error::Exception);
        }
    }
    Ok(())
}

/// No level of ours is longer.
const LEVEL_BYTES_MAX: usize = 16;

fn shortened(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        let cut = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let dropped = text.len() - cut;
        text.truncate(cut);
        text.push_str(&format!("… ({dropped} more bytes)"));
    }
    text
}

fn add_timers<'js>(native: &Object<'js>, ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<()> {
    let arm = host.clone();
    let timer = move |timer: u32, millis: u32, call: Option<f64>| {
        arm.arm_timer(timer, Duration::from_millis(millis.into()), call.unwrap_or(0.0) as CallId)
    };
    native.set("timer", Function::new(ctx.clone(), timer)?)?;
    if host.recorded.is_some() {
        let clock = host.clone();
        let now = move || clock.recorded.as_ref().map_or(0.0, |time| time.now() as f64);
        native.set("recordedTime", Function::new(ctx.clone(), now)?)?;
    }
    let cancel = host.clone();
    native.set("cancelTimer", Function::new(ctx.clone(), move |timer: u32| cancel.cancel_timer(timer))?)
}

/// Each gives the number of the operation, or 0 when too many wait; of an event that is too large, its bytes below zero.
/// The prelude counts the appends of a hook; the bound stands here as well, for the prelude might be deceived.
fn add_ops<'js>(native: &Object<'js>, ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<()> {
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
                     types: Vec<String>| {
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
    native.set("simulate", Function::new(ctx.clone(), simulate)?)
}

fn sent(ctx: &Ctx<'_>, host: &Host, op: u64, was_sent: bool) -> Result<f64> {
    if was_sent {
        return Ok(op as f64);
    }
    host.settle_op(op);
    Err(Exception::throw_range(ctx, "the event is larger than a message to the host may be"))
}
