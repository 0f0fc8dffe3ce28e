//! Cron expressions in a time zone. The library knows the calendar; what it does with clocks that are changed is
//! pinned by the tests beside this file. Time zones are those that this program was built with, so that the same
//! events give the same times on any machine.

use croner::parser::CronParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::event::Timestamp;
use crate::limits::{CRON_EXPRESSION_CHARS_MAX, CRON_TIMES_OF_DAY_MAX, SCHEDULE_YEAR_MAX};

/// What an expression means: the earliest of these is next.
#[derive(Clone, Debug)]
pub struct Cron {
    runs: Vec<croner::Cron>,
    zone: TimeZone,
}

const FIELDS: [&str; 6] = ["second", "minute", "hour", "day of the month", "month", "day of the week"];
const FORM: &str = "a cron expression has 5 fields (minute, hour, day of the month, month, day of the week), or 6 with the second in front, such as \"30 9 * * MON-FRI\"";

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Cron {
    pub fn parse(expression: &str, zone: Option<&str>) -> Result<Cron, String> {
        let refused = |why: String| format!("`schedule.cron` is {expression:?}: {why}");
        if expression.chars().count() > CRON_EXPRESSION_CHARS_MAX {
            return Err(format!("`schedule.cron` may have {CRON_EXPRESSION_CHARS_MAX} characters"));
        }
        let fields = fields(expression).ok_or_else(|| refused(FORM.into()))?;
        let whole = parse(&fields).map_err(|why| refused(name_culprit(&fields).unwrap_or(why)))?;
        let zone = time_zone(zone)?;
        let times = times_of_day(&fields, &whole);
        let whole = Cron { runs: vec![whole], zone };
        if whole.next(Timestamp::from_millis(0)).is_none() {
            return Err(refused(format!("no day up to the year {SCHEDULE_YEAR_MAX} is meant by it")));
        }
        Ok(match times {
            Some(runs) => Cron { runs, ..whole },
            None => whole,
        })
    }

    /// The first run after a time.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.in_zone(&self.zone);
        // What cannot be found lies beyond the years of the expression.
        let next = self.runs.iter().filter_map(|run| run.find_next_occurrence(&after, false).ok());
        next.map(|zoned| Timestamp::from(&zoned)).min()
    }
}

fn time_zone(name: Option<&str>) -> Result<TimeZone, String> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    TimeZoneDatabase::bundled().get(name).map_err(|_| {
        format!(
            "`schedule.timezone` is {name:?}: must be the name of an IANA time zone, such as Europe/Berlin or America/New_York"
        )
    })
}

/// Second, minute, hour, day, month, day of the week.
fn fields(expression: &str) -> Option<Vec<String>> {
    let trimmed = expression.trim().to_ascii_lowercase();
    let plain = NICKNAMES.iter().find(|(name, _)| *name == trimmed).map(|(_, meaning)| *meaning);
    let mut fields: Vec<String> =
        plain.unwrap_or(expression).split_whitespace().map(str::to_string).collect();
    if fields.len() == 5 {
        fields.insert(0, "0".into());
    }
    (fields.len() == FIELDS.len() && fields.iter().all(|field| field.is_ascii())).then_some(fields)
}

/// With an end to the years, so that the search for a day that never comes has one.
fn parse(fields: &[String]) -> Result<croner::Cron, String> {
    let expression = format!("{} 1970-{SCHEDULE_YEAR_MAX}", fields.join(" "));
    CronParser::new().parse(&expression).map_err(|error| error.to_string())
}

/// The field that is wrong also when the others are not.
fn name_culprit(fields: &[String]) -> Option<String> {
    let any: Vec<String> = vec!["*".into(); FIELDS.len()];
    FIELDS.iter().enumerate().find_map(|(at, name)| {
        let mut alone = any.clone();
        alone[at] = fields[at].clone();
        let why = parse(&alone).err()?;
        Some(format!("the {name} {:?} is wrong ({})", fields[at], why.trim_end_matches('.')))
    })
}

/// An expression that names its times of the day, without a `*` or a step, as one for each of them: when the clock
/// skips such a time it is made up for, and when the clock repeats it, it is done once. The library does so where
/// there is one time; several it takes for an interval, and those follow the clock as it goes.
fn times_of_day(fields: &[String], whole: &croner::Cron) -> Option<Vec<croner::Cron>> {
    if fields[..3].iter().any(|field| field.contains(['*', '/', '?'])) {
        return None;
    }
    let pattern = &whole.pattern;
    let (seconds, minutes, hours) =
        (pattern.seconds.values(), pattern.minutes.values(), pattern.hours.values());
    if seconds.len() * minutes.len() * hours.len() > CRON_TIMES_OF_DAY_MAX {
        return None;
    }
    let mut runs = Vec::new();
    for hour in &hours {
        for minute in &minutes {
            for second in &seconds {
                let mut one = fields.to_vec();
                one[..3].clone_from_slice(&[second.to_string(), minute.to_string(), hour.to_string()]);
                runs.push(parse(&one).ok()?);
            }
        }
    }
    Some(runs)
}
