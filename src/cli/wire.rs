//! Events as a server sends them, and how they look on a terminal.

use super::terminal::{Paint, Style, harmless};
pub use crate::client::Received;

impl Received {
    /// Offset, time, type and payload, cut to the terminal's width where there is one.
    pub(super) fn describe(&self, paint: Paint, width: Option<usize>) -> String {
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
}
