//! What the prelude can ask of Rust. Authors' code never sees this object. What each isolate begins with is paid for by
//! thousands of them: all else is in groups, which are made when a part of the prelude first needs them.

use std::rc::Rc;

use rquickjs::{Ctx, Exception, Function, Object, Result, Value};

use super::super::protocol::{CallId, FromWorker};
use super::host::{Host, Settled};
use super::{
    builtins, crypto, digest, globals, intrinsics, network, operations, prelude, time, web, zlib, zones,
};
use crate::limits;

/// An object that inherits nothing: a script may have given `Object.prototype` setters, which would be handed what is set.
pub fn bare<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    native.set_prototype(None)?;
    Ok(native)
}

pub fn object<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("logLinesMax", host.bounds.log_lines)?;
    native.set("stateBytesMax", limits::STATE_BYTES_MAX)?;
    native.set("part", Function::new(ctx.clone(), part)?)?;
    let grouped = host.clone();
    let groups = move |ctx: Ctx<'js>, name: String| group(ctx, name, &grouped);
    native.set("group", Function::new(ctx.clone(), groups)?)?;
    native.set("setBuiltins", Function::new(ctx.clone(), builtins::set_maker)?)?;
    native.set("addPlaceholders", Function::new(ctx.clone(), globals::add_placeholders)?)?;
    let end = host.clone();
    let settled = move |call: f64, failure: Option<String>, value: Option<String>| {
        end.settled.borrow_mut().push(Settled { call: call as CallId, failure, value });
    };
    native.set("settled", Function::new(ctx.clone(), settled)?)?;
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
    native.set("log", Function::new(ctx.clone(), logged)?)?;
    Ok(native)
}

/// The default export of a part of the prelude.
fn part<'js>(ctx: Ctx<'js>, name: String) -> Result<Value<'js>> {
    prelude::exported(&ctx, &name)
}

/// The natives that some parts of the prelude need, made when the first of those is loaded.
fn group<'js>(ctx: Ctx<'js>, name: String, host: &Rc<Host>) -> Result<Object<'js>> {
    match name.as_str() {
        "hooks" => operations::group(&ctx, host),
        "timers" => time::timers(&ctx, host),
        "engine" => intrinsics::group(&ctx),
        "clock" => time::clock(&ctx, host),
        "modules" => builtins::group(&ctx),
        "random" => web::randomness(&ctx),
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
