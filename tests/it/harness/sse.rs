//! A server-sent event stream, frame by frame, as the bytes say.

use std::io::{self, BufRead};
use std::time::Instant;

use serde_json::Value;

use super::DEADLINE;
use super::http::Body;

/// What stands between two blank lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame(pub String);

impl Frame {
    pub fn is_comment(&self) -> bool {
        self.0.starts_with(':')
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let value = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.strip_prefix(' ').unwrap_or(value))
    }
}

pub struct Sse {
    body: Body,
}

impl Sse {
    pub fn new(body: Body) -> Sse {
        Sse { body }
    }

    /// The next frame, comments included; none when the stream ends.
    pub fn frame(&mut self) -> io::Result<Option<Frame>> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.body.read_line(&mut line)? == 0 {
                assert!(text.is_empty(), "the stream ended inside a frame: {text:?}");
                return Ok(None);
            }
            if line == "\n" {
                return Ok(Some(Frame(text)));
            }
            text.push_str(&line);
        }
    }

    /// The next event's JSON; none when the stream ends.
    pub fn event(&mut self) -> Option<Value> {
        let started = Instant::now();
        loop {
            let frame = self.frame().unwrap_or_else(|error| panic!("no event came: {error}"))?;
            if let Some(data) = frame.field("data") {
                let event: Value = serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {data:?}"));
                assert_eq!(frame.field("id"), Some(event["offset"].to_string().as_str()), "{frame:?}");
                return Some(event);
            }
            assert!(started.elapsed() < DEADLINE, "only comments came for {DEADLINE:?}");
        }
    }

    /// The next `count` events.
    pub fn events(&mut self, count: usize) -> Vec<Value> {
        (0..count)
            .map(|n| self.event().unwrap_or_else(|| panic!("ended after {n} of {count} events")))
            .collect()
    }
}
