//! When something is to be done: once, at a steady interval, or by the calendar. Plain arithmetic on given times;
//! nothing here looks at the clock or waits.

mod cron;

use serde::Deserialize;

use super::Timestamp;
use crate::limits::{SCHEDULE_AHEAD_MAX, SCHEDULE_INTERVAL_MIN, SCHEDULE_YEAR_MAX};
use cron::Cron;

#[derive(Clone, Debug)]
pub enum Schedule {
    OnceAt(Timestamp),
    /// After so many milliseconds.
    OnceIn(i64),
    Every(i64),
    Cron(Cron),
}

/// A schedule as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleForm {
    kind: Kind,
    at: Option<String>,
    delay_seconds: Option<f64>,
    interval_seconds: Option<f64>,
    cron: Option<String>,
    timezone: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    OnceAt,
    OnceIn,
    Every,
    Cron,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::OnceAt => "once-at",
            Kind::OnceIn => "once-in",
            Kind::Every => "every",
            Kind::Cron => "cron",
        }
    }
}

impl Schedule {
    /// The error names the field and says what would be right.
    pub fn of(form: &ScheduleForm) -> Result<Schedule, String> {
        form.check_fields()?;
        match form.kind {
            Kind::OnceAt => at(required(&form.at, form, "at")?).map(Schedule::OnceAt),
            Kind::OnceIn => {
                let seconds = *required(&form.delay_seconds, form, "delaySeconds")?;
                millis("delaySeconds", seconds, 1).map(Schedule::OnceIn)
            }
            Kind::Every => {
                let seconds = *required(&form.interval_seconds, form, "intervalSeconds")?;
                let least = SCHEDULE_INTERVAL_MIN.as_millis() as i64;
                millis("intervalSeconds", seconds, least).map(Schedule::Every)
            }
            Kind::Cron => {
                let expression = required(&form.cron, form, "cron")?;
                Cron::parse(expression, form.timezone.as_deref()).map(Schedule::Cron)
            }
        }
    }

    /// The first run of what was configured at a time; none when there is none within the years that count.
    pub fn first_run(&self, configured_at: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::OnceAt(at) => Some(*at),
            Schedule::OnceIn(millis) | Schedule::Every(millis) => Some(configured_at.plus_millis(*millis)),
            Schedule::Cron(cron) => cron.next(configured_at),
        }
    }

    /// The run behind the one that was due at `run` and happens `now`. What was missed meanwhile is not made up for.
    pub fn next_run(&self, run: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::OnceAt(_) | Schedule::OnceIn(_) => None,
            Schedule::Every(millis) => {
                // A run that was a little late does not move the next; one that was missed starts the count anew.
                let next = run.plus_millis(*millis);
                Some(if next > now { next } else { now.plus_millis(*millis) })
            }
            Schedule::Cron(cron) => cron.next(now.max(run)),
        }
    }
}

impl ScheduleForm {
    /// Each kind has its own fields, and no other.
    fn check_fields(&self) -> Result<(), String> {
        let fields = [
            ("at", self.at.is_some(), Kind::OnceAt),
            ("delaySeconds", self.delay_seconds.is_some(), Kind::OnceIn),
            ("intervalSeconds", self.interval_seconds.is_some(), Kind::Every),
            ("cron", self.cron.is_some(), Kind::Cron),
            ("timezone", self.timezone.is_some(), Kind::Cron),
        ];
        match fields.iter().find(|(_, given, kind)| *given && *kind != self.kind) {
            Some((name, _, kind)) => Err(format!(
                "`schedule.{name}` belongs to the kind `{}`, and this schedule is `{}`",
                kind.name(),
                self.kind.name()
            )),
            None => Ok(()),
        }
    }
}

fn required<'a, T>(field: &'a Option<T>, form: &ScheduleForm, name: &str) -> Result<&'a T, String> {
    let example = match form.kind {
        Kind::OnceAt => r#"{"kind":"once-at","at":"2026-01-31T09:00:00Z"}"#,
        Kind::OnceIn => r#"{"kind":"once-in","delaySeconds":90}"#,
        Kind::Every => r#"{"kind":"every","intervalSeconds":60}"#,
        Kind::Cron => r#"{"kind":"cron","cron":"30 9 * * MON-FRI","timezone":"Europe/Berlin"}"#,
    };
    field.as_ref().ok_or_else(|| format!("`schedule.{name}` is missing, as in {example}"))
}

fn at(text: &String) -> Result<Timestamp, String> {
    let at = Timestamp::parse(text).map_err(|why| format!("`schedule.at` {why}"))?;
    if at >= end_of_time() {
        return Err(format!(
            "`schedule.at` is {text:?}: the year {SCHEDULE_YEAR_MAX} is the last that may be scheduled"
        ));
    }
    Ok(at)
}

fn end_of_time() -> Timestamp {
    let end = format!("{}-01-01T00:00:00Z", SCHEDULE_YEAR_MAX + 1);
    Timestamp::parse(&end).expect("a year of four digits has a beginning")
}

/// To the nearest millisecond.
fn millis(name: &str, seconds: f64, least: i64) -> Result<i64, String> {
    let most = SCHEDULE_AHEAD_MAX.as_millis() as i64;
    let millis = (seconds * 1_000.0).round();
    if (least as f64..=most as f64).contains(&millis) {
        return Ok(millis as i64);
    }
    Err(format!(
        "`schedule.{name}` is {seconds}: must be a number of seconds from {} to {}",
        least as f64 / 1_000.0,
        most / 1_000
    ))
}

#[cfg(test)]
mod tests;
