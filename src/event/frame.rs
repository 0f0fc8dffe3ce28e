//! The frames of a WebSocket, in both directions: JSON texts with a `type`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::push_string;
use super::{Cause, Cursor, Event, Offset};

/// What the other side has sent. Keys that are not known are not looked at: other protocols may share the socket.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
    /// Of `append`: an event input.
    #[serde(borrow, default)]
    pub event: Option<&'a RawValue>,
    /// The stream that is meant; left out, the one that the socket was opened for.
    #[serde(borrow, default)]
    pub path: Option<Cow<'a, str>>,
    /// Comes back in the answer.
    #[serde(borrow, default)]
    pub id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub after_offset: Option<&'a RawValue>,
    #[serde(default)]
    pub types: Option<Vec<String>>,
    /// Of `append`: the event in reaction to which it comes.
    #[serde(default)]
    pub cause: Option<FrameCause>,
}

/// An event of the stream that is appended to, or of any.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum FrameCause {
    Here(Offset),
    At(Cause),
}

impl<'a> Frame<'a> {
    pub const APPEND: &'static str = "append";
    pub const SUBSCRIBE: &'static str = "subscribe";
    pub const UNSUBSCRIBE: &'static str = "unsubscribe";
    pub const ERROR: &'static str = "error";

    /// None of what is JSON and no frame.
    pub fn parse(text: &'a str) -> Result<Option<Frame<'a>>, String> {
        match serde_json::from_str::<Frame>(text) {
            Ok(frame) => Ok(Some(frame)),
            Err(error) if error.is_data() => Ok(None),
            Err(error) => Err(format!("a frame must be JSON: {error}")),
        }
    }

    /// An offset as a number or as a text, `start` or `end`.
    pub fn cursor(&self) -> Result<Option<Cursor>, String> {
        let Some(raw) = self.after_offset else { return Ok(None) };
        let text = serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_string());
        Cursor::parse(&text).map(Some).map_err(|why| format!("`afterOffset` {why}"))
    }
}

pub fn event(event: &Event) -> String {
    wrap("event", None, event.wire())
}

/// An event as a subscription delivers it: as it is, or as its transform makes it.
pub fn delivered(body: &[u8]) -> String {
    wrap("event", None, body)
}

/// An append of this socket's has been stored.
pub fn appended(id: &RawValue, event: &Event) -> String {
    wrap("appended", Some(id), event.wire())
}

fn wrap(kind: &str, id: Option<&RawValue>, json: &[u8]) -> String {
    let wire = std::str::from_utf8(json).expect("JSON is rendered as text");
    let mut text = String::with_capacity(wire.len() + 64);
    text.push_str("{\"type\":\"");
    text.push_str(kind);
    text.push('"');
    push_id(&mut text, id);
    text.push_str(",\"event\":");
    text.push_str(wire);
    text.push('}');
    text
}

/// From `tail` on what is delivered of this stream is live.
pub fn subscribed(id: &RawValue, path: &str, tail: Offset) -> String {
    let mut text = format!("{{\"type\":\"subscribed\",\"path\":\"{path}\",\"tail\":{tail}");
    push_id(&mut text, Some(id));
    text.push('}');
    text
}

pub fn unsubscribed(id: &RawValue, path: &str) -> String {
    let mut text = format!("{{\"type\":\"unsubscribed\",\"path\":\"{path}\"");
    push_id(&mut text, Some(id));
    text.push('}');
    text
}

pub fn error(id: Option<&RawValue>, message: &str) -> String {
    let mut text = String::from("{\"type\":\"error\",\"message\":");
    push_string(&mut text, message);
    push_id(&mut text, id);
    text.push('}');
    text
}

fn push_id(text: &mut String, id: Option<&RawValue>) {
    if let Some(id) = id {
        text.push_str(",\"id\":");
        text.push_str(id.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_come_in() {
        let frame =
            Frame::parse(r#"{"type":"append","event":{"type":"x"},"id":7,"more":1}"#).ok().flatten().unwrap();
        assert_eq!((&*frame.kind, frame.event.map(RawValue::get)), ("append", Some(r#"{"type":"x"}"#)));
        assert_eq!(error(frame.id, "no \"x\""), r#"{"type":"error","message":"no \"x\"","id":7}"#);
        let cursors = [
            ("5", true),
            ("\"5\"", true),
            ("\"start\"", true),
            ("\"end\"", true),
            ("0", false),
            ("null", true),
        ];
        for (after, expected) in cursors {
            let text = format!(r#"{{"type":"subscribe","path":"/a","afterOffset":{after}}}"#);
            let frame = Frame::parse(&text).ok().flatten().unwrap();
            assert_eq!(frame.cursor().is_ok(), expected, "{after}");
        }
        for other in ["{}", "[]", "7", r#"{"type":7}"#] {
            assert!(matches!(Frame::parse(other), Ok(None)), "{other}");
        }
        assert!(Frame::parse("{").is_err());
    }
}
