//! The payloads of schedules: what is to be appended when, that it no longer is, and how each run has ended.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::strict;
use crate::event::schedule::ScheduleForm;
use crate::event::{EventInput, EventType, Json, Schedule, Slug, Timestamp};

/// An event that is to be appended by itself, understood from either spelling.
pub struct Scheduled {
    pub slug: Slug,
    /// As it was written.
    pub append: Json,
    pub event: EventInput,
    /// As it was written.
    pub form: Json,
    pub schedule: Schedule,
    /// Given in place of what the schedule says.
    first_run: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScheduleConfigured {
    slug: Slug,
    append: Json,
    schedule: Box<RawValue>,
}

/// How the original's own server wrote down what a client had scheduled.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OriginalConfigured {
    slug: Slug,
    callback: String,
    payload_json: Option<String>,
    schedule: Box<RawValue>,
    /// In seconds since 1970.
    next_run_at: u32,
}

const ORIGINAL_CONFIGURED: &str = "https://events.iterate.com/events/stream/schedule/configured";

impl Scheduled {
    /// The error names the field, without the type of the event.
    pub fn of(event_type: &EventType, payload: &Json) -> Result<Scheduled, String> {
        if event_type.as_str() == ORIGINAL_CONFIGURED {
            return Scheduled::of_original(strict(payload)?);
        }
        let ScheduleConfigured { slug, append, schedule } = strict(payload)?;
        let event = EventInput::parse(append.as_str()).map_err(|error| format!("`append`: {error}"))?;
        let (form, schedule) = parse(&schedule)?;
        Ok(Scheduled { slug, append, event, form, schedule, first_run: None })
    }

    fn of_original(configured: OriginalConfigured) -> Result<Scheduled, String> {
        let OriginalConfigured { slug, callback, payload_json, schedule, next_run_at } = configured;
        if callback != "append" {
            return Err(format!("`callback` is {callback:?}: only `append` can be scheduled"));
        }
        let text = payload_json.ok_or("`payloadJson` is missing: the event to append, as JSON text")?;
        let event = EventInput::parse(&text).map_err(|error| format!("`payloadJson`: {error}"))?;
        let append = Json::parse(&text).ok_or("`payloadJson` is nested too deeply")?;
        let (form, schedule) = parse(&schedule)?;
        let first_run = Some(Timestamp::from_millis(i64::from(next_run_at) * 1_000));
        Ok(Scheduled { slug, append, event, form, schedule, first_run })
    }

    pub fn first_run(&self, configured_at: Timestamp) -> Option<Timestamp> {
        self.first_run.or_else(|| self.schedule.first_run(configured_at))
    }
}

fn parse(written: &RawValue) -> Result<(Json, Schedule), String> {
    let form = Json::compact(written).ok_or("`schedule` is nested too deeply")?;
    Ok((form, read_schedule(written)?))
}

/// A schedule as it was written.
pub fn read_schedule(written: &RawValue) -> Result<Schedule, String> {
    let form: ScheduleForm = super::strict_at(written.get(), "schedule")?;
    Schedule::of(&form)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleCancelled {
    pub slug: Slug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleOutcome {
    Succeeded,
    Failed,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleFired {
    pub slug: Slug,
    pub outcome: ScheduleOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// None when that was the last one; said in any case.
    #[serde(deserialize_with = "Option::deserialize")]
    pub next_run_at: Option<Timestamp>,
}
