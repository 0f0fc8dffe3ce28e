//! Time zones for Intl: those that this program was built with, as schedules have them, so that the same events give
//! the same times on any machine.

use super::natives::bare;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use rquickjs::{Ctx, Function, Object, Result};

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("named", Function::new(ctx.clone(), named)?)?;
    native.set("names", Function::new(ctx.clone(), names)?)?;
    native.set("offset", Function::new(ctx.clone(), offset)?)?;
    native.set("abbreviation", Function::new(ctx.clone(), abbreviation)?)?;
    Ok(native)
}

/// The name as it is spelled, however it was written.
fn named(name: String) -> Option<String> {
    TimeZoneDatabase::bundled().get(&name).ok()?.iana_name().map(str::to_owned)
}

fn names() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
}

/// Seconds east of UTC at a time in milliseconds.
fn offset(name: String, millis: f64) -> Option<i32> {
    let zone = TimeZoneDatabase::bundled().get(&name).ok()?;
    Some(zone.to_offset(at(millis)).seconds())
}

fn abbreviation(name: String, millis: f64) -> Option<String> {
    let zone = TimeZoneDatabase::bundled().get(&name).ok()?;
    Some(zone.to_offset_info(at(millis)).abbreviation().to_owned())
}

/// Beyond the years that zones are known for, the last one counts.
fn at(millis: f64) -> Timestamp {
    let nearest = if millis < 0.0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(millis as i64).unwrap_or(nearest)
}
