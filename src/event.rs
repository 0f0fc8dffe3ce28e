//! Plain data: what an event is and where it stands. Each type enforces its own rule; nothing here
//! knows the log, the network or a task.

pub mod builtin;
pub mod clock;
pub mod cursor;
pub mod expression;
pub mod frame;
pub mod header;
pub mod host_rule;
pub mod input;
pub mod json;
pub mod key;
pub mod kind;
pub mod offset;
pub mod path;
pub mod schedule;
pub mod source;
pub mod words;

use std::sync::OnceLock;

use bytes::Bytes;

pub use clock::Timestamp;
pub use cursor::Cursor;
pub use expression::{Expression, SyntaxError};
pub use host_rule::HostRule;
pub use input::{EventInput, InvalidInput};
pub use json::Json;
pub use key::{BUNDLER, IdempotencyKey, Slug};
pub use kind::{EventType, Kind};
pub use offset::Offset;
pub use path::{Project, StreamKey, StreamPath};
pub use schedule::Schedule;
pub use source::{Cause, Source, SourceKind};

/// An immutable fact at one place in one stream.
#[derive(Debug)]
pub struct Event {
    pub path: StreamPath,
    pub offset: Offset,
    pub event_type: EventType,
    /// Always a JSON object, on one line.
    pub payload: Json,
    pub metadata: Option<Json>,
    pub idempotency_key: Option<IdempotencyKey>,
    pub created_at: Timestamp,
    pub source: Option<Source>,
    wire: OnceLock<Bytes>,
}

impl Event {
    /// The event that `input` becomes at its place.
    pub fn place(
        input: EventInput,
        path: StreamPath,
        offset: Offset,
        created_at: Timestamp,
        source: Option<Source>,
    ) -> Event {
        Event {
            path,
            offset,
            event_type: input.event_type,
            payload: input.payload,
            metadata: input.metadata,
            idempotency_key: input.idempotency_key,
            created_at,
            source,
            wire: OnceLock::new(),
        }
    }

    /// The event as it goes over the wire: one line of JSON, rendered once and then shared by all readers.
    pub fn wire(&self) -> &Bytes {
        self.wire.get_or_init(|| Bytes::from(self.render()))
    }

    fn render(&self) -> String {
        let mut text = String::with_capacity(self.payload.as_str().len() + 256);
        text.push_str("{\"streamPath\":\"");
        text.push_str(self.path.as_str());
        text.push_str("\",\"type\":");
        json::push_string(&mut text, self.event_type.as_str());
        text.push_str(",\"payload\":");
        text.push_str(self.payload.as_str());
        if let Some(metadata) = &self.metadata {
            text.push_str(",\"metadata\":");
            text.push_str(metadata.as_str());
        }
        if let Some(key) = &self.idempotency_key {
            text.push_str(",\"idempotencyKey\":");
            json::push_string(&mut text, key.as_str());
        }
        text.push_str(",\"offset\":");
        text.push_str(&self.offset.to_string());
        text.push_str(",\"createdAt\":\"");
        text.push_str(&self.created_at.to_string());
        text.push('"');
        if let Some(source) = &self.source {
            text.push_str(",\"source\":");
            text.push_str(Json::of(source).as_str());
        }
        text.push('}');
        text
    }

    pub fn kind(&self) -> Option<Kind> {
        self.event_type.kind()
    }

    /// How many reactions led to this event; 0 for a client's own.
    pub fn depth(&self) -> u32 {
        self.source.as_ref().map_or(0, |source| source.depth)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.wire() == other.wire()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_renders_as_one_line_with_its_absent_fields_left_out() {
        let input = EventInput::parse(r#"{"type": "a\"b", "payload": {"x": [1,  2.50]}}"#).unwrap();
        let event = Event::place(
            input,
            StreamPath::parse("/a").unwrap(),
            Offset(2),
            Timestamp::from_millis(1_700_000_000_123),
            Some(Source::client()),
        );
        assert_eq!(
            std::str::from_utf8(event.wire()).unwrap(),
            r#"{"streamPath":"/a","type":"a\"b","payload":{"x":[1,2.50]},"offset":2,"createdAt":"2023-11-14T22:13:20.123Z","source":{"kind":"client","depth":0}}"#
        );
    }
}
