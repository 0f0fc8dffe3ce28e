//! What a simulation is asked for: the code, under the names that its configuring event would have, and beside it
//! which part of the history to run it over and what to answer its requests.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::SimulateError;
use crate::event::builtin::{ProcessorConfigured, ProcessorSourceConfigured, Typecheck};
use crate::event::{Cursor, EventType, Json, Kind, Slug, builtin};
use crate::limits::SIMULATED_ANSWERS_MAX;

/// The name of a candidate that has none.
const CANDIDATE: &str = "candidate";

pub struct SimulateRequest {
    pub slug: Slug,
    /// Whether a slug was given: what runs under it now is what the candidate is compared with.
    pub is_named: bool,
    pub code: Code,
    pub after: Cursor,
    pub before: Cursor,
    pub answers: Vec<GivenAnswer>,
    pub states: States,
}

/// What is to be run.
pub enum Code {
    /// The version that is deployed now.
    Deployed,
    Ready(Box<ProcessorConfigured>),
    /// For the bundler; its types are checked on request.
    Source(Box<ProcessorSourceConfigured>, Typecheck),
}

/// Which states are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum States {
    /// Behind each event that changes it.
    #[default]
    Changes,
    /// Behind every event of the range.
    All,
    /// The one at the end.
    Last,
}

/// What the first request that it fits, and that no earlier one has taken, is answered with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GivenAnswer {
    /// Any, when there is none.
    pub method: Option<String>,
    /// Whole, or its beginning with a `*` behind it.
    pub url: String,
    pub status: Option<u16>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A text as it is; anything else as JSON.
    pub body: Option<Value>,
    /// For any number of requests.
    #[serde(default)]
    pub repeat: bool,
}

impl SimulateRequest {
    /// The error is a sentence for the caller.
    pub fn parse(body: &[u8]) -> Result<SimulateRequest, SimulateError> {
        let mut members: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| bad(format!("the body must be a JSON object: {error}")))?;
        let after = cursor(&mut members, "afterOffset")?.unwrap_or(Cursor::Start);
        let before = cursor(&mut members, "beforeOffset")?.unwrap_or(Cursor::End);
        let answers: Vec<GivenAnswer> = take(&mut members, "fetches")?.unwrap_or_default();
        if answers.len() > SIMULATED_ANSWERS_MAX {
            return Err(bad(format!("`fetches` may have {SIMULATED_ANSWERS_MAX} answers")));
        }
        if let Some(wrong) = answers.iter().filter_map(|answer| answer.status).find(|it| !is_status(*it)) {
            return Err(bad(format!("`fetches` has the status {wrong}; an answer's is from 200 to 599")));
        }
        let states = take(&mut members, "states")?.unwrap_or_default();
        let slug: Option<Slug> = take(&mut members, "slug")?;
        let is_named = slug.is_some();
        let slug = slug.unwrap_or_else(|| Slug::parse(CANDIDATE).expect("a valid slug"));
        members.insert("slug".into(), slug.as_str().into());
        let code = code(members, is_named)?;
        Ok(SimulateRequest { slug, is_named, code, after, before, answers, states })
    }
}

/// What is left are the members of the event that would configure it.
fn code(mut members: Map<String, Value>, is_named: bool) -> Result<Code, SimulateError> {
    let has = |name: &str| members.contains_key(name);
    match (has("script") || has("modules"), has("files")) {
        (true, true) => Err(bad("give either `files`, or `script` or `modules`, not both".into())),
        (true, false) => Ok(Code::Ready(Box::new(configured(Kind::ProcessorConfigured, members)?))),
        (false, true) => {
            // Whoever deploys hears of type errors unless they say otherwise; a simulation runs what there is.
            let typecheck = take(&mut members, "typecheck")?.unwrap_or(Typecheck::Off);
            let source = configured(Kind::ProcessorSourceConfigured, members)?;
            Ok(Code::Source(Box::new(source), typecheck))
        }
        (false, false) if is_named => match members.keys().find(|key| *key != "slug") {
            None => Ok(Code::Deployed),
            Some(key) => Err(bad(format!(
                "`{key}` is about code, and there is none: give `script`, `modules` or `files` beside it"
            ))),
        },
        (false, false) => Err(bad(
            "give the code to run, as `script`, `modules` or `files`, or the `slug` of a processor that is deployed".into(),
        )),
    }
}

/// As strict as the event would be.
fn configured<T: DeserializeOwned>(kind: Kind, members: Map<String, Value>) -> Result<T, SimulateError> {
    let payload = Json::of(&members);
    let payload = Json::parse(payload.as_str()).ok_or_else(|| bad("the body is nested too deeply".into()))?;
    let event_type = EventType::from(kind);
    builtin::check(&event_type, &payload).map_err(bad)?;
    payload.decode().map_err(|error| bad(error.to_string()))
}

fn is_status(status: u16) -> bool {
    (200..=599).contains(&status)
}

fn take<T: DeserializeOwned>(
    members: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, SimulateError> {
    let Some(value) = members.remove(name) else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|error| bad(format!("`{name}`: {error}")))
}

fn cursor(members: &mut Map<String, Value>, name: &str) -> Result<Option<Cursor>, SimulateError> {
    let text = match members.remove(name) {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    Cursor::parse(&text).map(Some).map_err(|why| bad(format!("`{name}` {why}")))
}

fn bad(why: String) -> SimulateError {
    SimulateError::Bad(why)
}
