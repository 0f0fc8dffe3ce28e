//! An event as a server has sent it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Error;

/// A stored event, with the text in which it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// One line of JSON, as the server sent it.
    pub line: String,
    pub offset: u64,
    pub event_type: String,
    pub created_at: String,
    pub payload: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    offset: u64,
    #[serde(rename = "type")]
    event_type: String,
    created_at: String,
    payload: Box<RawValue>,
}

impl Received {
    /// From the JSON of one event. What is none was sent by no millrace.
    pub fn parse(line: &str) -> Result<Received, Error> {
        let fields: Fields = serde_json::from_str(line).map_err(|error| Error::NoEvent(error.to_string()))?;
        Ok(Received {
            line: line.trim().to_string(),
            offset: fields.offset,
            event_type: fields.event_type,
            created_at: fields.created_at,
            payload: fields.payload,
        })
    }

    /// The payload as a type of the caller's; None when it is of another form.
    pub fn payload_as<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.payload.get()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_event_is_told() {
        assert!(Received::parse("{}").unwrap_err().to_string().contains("no event"));
    }
}
