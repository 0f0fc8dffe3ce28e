//! Time for scripts: timers, and the clock, which in a rehearsal is that of the recorded events.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Function, Object, Result};

use super::super::protocol::CallId;
use super::host::Host;
use super::natives::bare;
use crate::event::Timestamp;

pub fn timers<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("timersMax", host.bounds.timers)?;
    let arm = host.clone();
    let timer = move |timer: u32, millis: u32, call: Option<f64>| {
        arm.arm_timer(timer, Duration::from_millis(millis.into()), call.unwrap_or(0.0) as CallId)
    };
    native.set("timer", Function::new(ctx.clone(), timer)?)?;
    let cancel = host.clone();
    native.set("cancelTimer", Function::new(ctx.clone(), move |timer: u32| cancel.cancel_timer(timer))?)?;
    Ok(native)
}

pub fn clock<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("isRecorded", host.recorded.is_some())?;
    native.set("began", host.began_at.as_millis() as f64)?;
    let clock = host.clone();
    let now = move || match &clock.recorded {
        Some(time) => time.now() as f64,
        None => Timestamp::now().as_millis() as f64,
    };
    native.set("now", Function::new(ctx.clone(), now)?)?;
    let clock = host.clone();
    let elapsed = move || match &clock.recorded {
        Some(time) => (time.now() - clock.began_at.as_millis()) as f64,
        None => clock.age().as_secs_f64() * 1e3,
    };
    native.set("elapsed", Function::new(ctx.clone(), elapsed)?)?;
    let parse = |text: String| Timestamp::parse(&text).map_or(f64::NAN, |at| at.as_millis() as f64);
    native.set("parse", Function::new(ctx.clone(), parse)?)?;
    Ok(native)
}
