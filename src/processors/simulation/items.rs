//! What a simulation tells, one thing at a time, each with the event that it belongs to.

use base64::Engine as _;
use serde::{Serialize, Serializer};

use crate::event::builtin::ProcessorFailed;
use crate::event::{Event, Json};
use crate::isolate::AppendRequest;

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Item {
    State(StateAt),
    Append(Append),
    Fetch(Fetch),
    /// As `processor/failed` would say it.
    Failure(Box<ProcessorFailed>),
    Log(LogLine),
}

/// The state behind an event.
#[derive(Clone, Debug, Serialize)]
pub struct StateAt {
    pub offset: u64,
    pub state: Json,
}

/// An event that would have been appended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Append {
    /// The event in reaction to which; none in `onCaughtUp`.
    pub cause_offset: Option<u64>,
    /// Which append of its hook, from 1.
    pub ordinal: u32,
    pub path: String,
    pub event: Input,
}

/// The event as the candidate gave it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    #[serde(rename = "type")]
    pub event_type: String,
    pub payload: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl Input {
    pub fn of(event: &Event) -> Input {
        let key = event.idempotency_key.as_ref().filter(|key| !key.is_reserved());
        Input {
            event_type: event.event_type.as_str().to_string(),
            payload: event.payload.clone(),
            metadata: event.metadata.clone(),
            idempotency_key: key.map(|key| key.as_str().to_string()),
        }
    }
}

impl Append {
    pub fn of(event: &Event, request: &AppendRequest) -> Append {
        Append {
            cause_offset: request.event.map(|offset| offset.0),
            ordinal: request.ordinal,
            path: event.path.to_string(),
            event: Input::of(event),
        }
    }
}

/// A request that would have been sent, or a WebSocket that would have been opened.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetch {
    pub cause_offset: Option<u64>,
    pub method: String,
    pub url: String,
    #[serde(serialize_with = "as_object")]
    pub headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<&'static str>,
    /// The beginning of it, when it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// When it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
    /// Of all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<usize>,
    /// Of the answer that was given for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// By name; what came twice is joined, as HTTP allows.
fn as_object<S: Serializer>(headers: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut joined: Vec<(&str, String)> = Vec::new();
    for (name, value) in headers {
        match joined.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = format!("{known}, {value}"),
            None => joined.push((name, value.clone())),
        }
    }
    serializer.collect_map(joined)
}

impl Fetch {
    pub fn set_body(&mut self, kept: &[u8]) {
        // What was cut in the middle of a character is text all the same.
        let (text, rest) = match std::str::from_utf8(kept) {
            Ok(text) => (text, 0),
            Err(error) => {
                let (text, rest) = kept.split_at(error.valid_up_to());
                (std::str::from_utf8(text).unwrap_or_default(), rest.len())
            }
        };
        if rest < 4 {
            self.body = Some(text.to_string());
        } else {
            self.body_base64 = Some(base64::engine::general_purpose::STANDARD.encode(kept));
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    pub cause_offset: Option<u64>,
    pub level: String,
    pub message: String,
}
