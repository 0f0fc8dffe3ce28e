//! Events as a server sends them, and how they look on a terminal.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::terminal::{Paint, Style, harmless};

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
    /// The error is a sentence: whatever sent this is no millrace.
    pub fn parse(line: &str) -> Result<Received, String> {
        let fields: Fields = serde_json::from_str(line)
            .map_err(|error| format!("the server sent something that is no event: {error}"))?;
        Ok(Received {
            line: line.trim().to_string(),
            offset: fields.offset,
            event_type: fields.event_type,
            created_at: fields.created_at,
            payload: fields.payload,
        })
    }

    /// The payload as a type of ours; None when it is of another form.
    pub fn payload_as<'a, T: Deserialize<'a>>(&'a self) -> Option<T> {
        serde_json::from_str(self.payload.get()).ok()
    }

    /// Offset, time, type and payload, cut to the terminal's width where there is one.
    pub fn describe(&self, paint: Paint, width: Option<usize>) -> String {
        let style = match self.event_type.as_str() {
            name if is_trouble(name) => Style::Bad,
            _ => Style::Name,
        };
        let offset = format!("{:>6}", self.offset);
        let event_type = harmless(&self.event_type);
        let taken = offset.len() + self.created_at.len() + event_type.chars().count() + 6;
        format!(
            "{}  {}  {}  {}",
            paint.paint(Style::Strong, &offset),
            paint.paint(Style::Faint, &harmless(&self.created_at)),
            paint.paint(style, &event_type),
            cut(&harmless(self.payload.get()), width.map(|width| width.saturating_sub(taken)))
        )
    }
}

/// Event types that tell of something gone wrong, by our spelling or the original's.
fn is_trouble(event_type: &str) -> bool {
    const TROUBLES: [&str; 6] = [
        "processor/failed",
        "processor/suspended",
        "processor/compile-failed",
        "stream/invalid-event-appended",
        "stream/error-occurred",
        "stream/paused",
    ];
    TROUBLES.iter().any(|name| event_type.ends_with(name))
}

/// The beginning of `text`, with a sign that there is more.
fn cut(text: &str, room: Option<usize>) -> String {
    /// Less would show nothing of use.
    const ROOM_MIN: usize = 20;
    match room.map(|room| room.max(ROOM_MIN)) {
        Some(room) if text.chars().count() > room => text.chars().take(room - 1).chain(['…']).collect(),
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"streamPath":"/a","type":"greeted","payload":{"name":"Ada Lovelace"},"offset":2,"createdAt":"2023-11-14T22:13:20.123Z"}"#;

    #[test]
    fn an_event_on_one_line() {
        let event = Received::parse(LINE).unwrap();
        assert_eq!(
            event.describe(Paint::plain(), None),
            r#"     2  2023-11-14T22:13:20.123Z  greeted  {"name":"Ada Lovelace"}"#
        );
        assert!(event.describe(Paint::plain(), Some(64)).ends_with(r#"{"name":"Ada Lovelac…"#));
    }

    #[test]
    fn what_is_no_event_is_told() {
        assert!(Received::parse("{}").unwrap_err().contains("no event"));
    }
}
