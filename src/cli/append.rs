//! `millrace append`: events from an argument or from stdin.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::client;
use super::failure::Failure;
use super::terminal::{self, Paint, Progress, Style};
use super::wire::Received;
use crate::config::{Append, Remote};
use crate::event::{EventType, IdempotencyKey, Json, Kind};
use crate::limits::{BATCH_EVENTS_MAX, BODY_BYTES_MAX};

pub async fn append(remote: &Remote, options: &Append) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    let bodies = bodies(options)?;
    let progress = Progress::start();
    let mut invalid = false;
    let mut sent = 0;
    let several = bodies.len() > 1;
    for body in bodies {
        let stored =
            client.append_text(&options.path, body).await.map_err(|error| after(error.into(), sent))?;
        sent += stored.len();
        if several {
            progress.update(&format!("{sent} events appended"));
        }
        invalid |= show(remote, &stored)?;
    }
    if invalid { Err(Failure::Reported) } else { Ok(()) }
}

/// A failure in the middle tells how far it had come.
fn after(failure: Failure, sent: usize) -> Failure {
    match failure {
        Failure::Failed(sentence) if sent > 0 => {
            Failure::Failed(format!("{sentence}; the first {sent} events are stored"))
        }
        failure => failure,
    }
}

/// Prints what was stored; true when some of it was no valid event.
fn show(remote: &Remote, stored: &[Received]) -> Result<bool, Failure> {
    let (paint, width) = (Paint::stdout(), terminal::width());
    let lines: Vec<String> = stored
        .iter()
        .map(|event| if remote.json { event.line.clone() } else { event.describe(paint, width) })
        .collect();
    terminal::print(&lines.join("\n"))?;
    let mut invalid = false;
    for event in stored.iter().filter(|event| event.event_type == Kind::InvalidEventAppended.name()) {
        invalid = true;
        let why = event.payload_as::<Invalid>().map_or_else(String::new, |invalid| invalid.error);
        let label = Paint::stderr().paint(Style::Bad, "invalid");
        terminal::remark(&format!(
            "{label}: stored as event {}, but it is no valid event: {why}",
            event.offset
        ));
    }
    Ok(invalid)
}

#[derive(Deserialize)]
struct Invalid {
    error: String,
}

/// The bodies of the requests to make; more than one only for what exceeds a batch.
fn bodies(options: &Append) -> Result<Vec<String>, Failure> {
    let text = match options.json_text.as_deref() {
        Some("-") => from_stdin()?,
        Some(text) => text.to_string(),
        None if options.event_type.is_some() => "{}".to_string(),
        None => {
            return Err(Failure::usage("give the event as JSON, `-` to read it from stdin, or --type TYPE"));
        }
    };
    let shape = |value: &str| shaped(value, options.event_type.as_ref(), options.key.as_ref());
    match values(&text) {
        Values::One(value) if options.event_type.is_none() && options.key.is_none() => Ok(vec![value]),
        Values::One(value) => Ok(vec![shape(&value)?]),
        Values::Lines(_) if options.key.is_some() => {
            Err(Failure::usage("--key is for one event; give each event of a batch its own `idempotencyKey`"))
        }
        Values::Lines(lines) if options.event_type.is_some() => {
            Ok(batches(lines.iter().map(|line| shape(line)).collect::<Result<_, _>>()?))
        }
        Values::Lines(lines) => Ok(batches(lines)),
        Values::Broken { line } => Err(Failure::failed(format!(
            "line {line} of the input is not JSON, so nothing was appended: give one JSON value, or one on each line"
        ))),
        Values::Empty => Err(Failure::usage("there is nothing to append: the input is empty")),
    }
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::failed(format!("cannot read stdin: {error}")))?;
    Ok(text)
}

#[derive(Debug, PartialEq)]
enum Values {
    Empty,
    /// Also what is no JSON at all, on its one line: the server keeps that as an invalid event.
    One(String),
    Lines(Vec<String>),
    /// Several lines, of which this is the first that is not JSON.
    Broken {
        line: usize,
    },
}

fn values(text: &str) -> Values {
    let lines: Vec<(usize, &str)> = (1..)
        .zip(text.lines())
        .map(|(number, line)| (number, line.trim()))
        .filter(|(_, line)| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => Values::Empty,
        [(_, line)] => Values::One(line.to_string()),
        _ if is_json(text) => Values::One(text.trim().to_string()),
        _ => match lines.iter().find(|(_, line)| !is_json(line)) {
            Some((line, _)) => Values::Broken { line: *line },
            None => Values::Lines(lines.into_iter().map(|(_, line)| line.to_string()).collect()),
        },
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

/// An event made of `value`: the payload of a given type, or an event itself; with the key in either case.
fn shaped(
    value: &str,
    event_type: Option<&EventType>,
    key: Option<&IdempotencyKey>,
) -> Result<String, Failure> {
    let no_object =
        || Failure::usage("--type and --key need a JSON object: check the quotes around what you gave");
    let mut event: BTreeMap<String, Box<RawValue>> = match event_type {
        None => serde_json::from_str(value).map_err(|_| no_object())?,
        Some(event_type) => {
            let payload = serde_json::from_str::<Box<RawValue>>(value).ok();
            let payload = payload.filter(|payload| payload.get().starts_with('{')).ok_or_else(no_object)?;
            BTreeMap::from([("type".to_string(), raw(event_type.as_str())), ("payload".to_string(), payload)])
        }
    };
    if let Some(key) = key {
        event.insert("idempotencyKey".to_string(), raw(key.as_str()));
    }
    Ok(Json::of(&event).as_str().to_string())
}

fn raw(text: &str) -> Box<RawValue> {
    serde_json::value::to_raw_value(text).expect("a string has a JSON form")
}

/// Arrays of at most a batch's events and a body's bytes.
fn batches(lines: Vec<String>) -> Vec<String> {
    let mut batches = Vec::new();
    let mut batch = String::new();
    let mut events = 0;
    for line in lines {
        let full = events == BATCH_EVENTS_MAX || batch.len() + line.len() + 2 > BODY_BYTES_MAX;
        if full && events > 0 {
            batches.push(format!("{batch}]"));
            (batch, events) = (String::new(), 0);
        }
        batch.push(if events == 0 { '[' } else { ',' });
        batch.push_str(&line);
        events += 1;
    }
    if events > 0 {
        batches.push(format!("{batch}]"));
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_one_value_or_one_a_line() {
        let lines = |lines: &[&str]| Values::Lines(lines.iter().map(|line| line.to_string()).collect());
        let cases = [
            ("", Values::Empty),
            (" \n", Values::Empty),
            (" {\"a\":1}\n", Values::One("{\"a\":1}".into())),
            ("{\n\"a\": 1\n}\n", Values::One("{\n\"a\": 1\n}".into())),
            ("[{},\n{}]", Values::One("[{},\n{}]".into())),
            ("{}\n\n{\"a\":1}\n", lines(&["{}", "{\"a\":1}"])),
            ("hogwash", Values::One("hogwash".into())),
            ("{}\n\nhogwash\n", Values::Broken { line: 3 }),
        ];
        for (text, expected) in cases {
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn type_and_key_are_put_around_an_object() {
        let event_type = EventType::parse("greeted").unwrap();
        let key = IdempotencyKey::parse("k").unwrap();
        let big = r#"{"n":12345678901234567890123}"#;
        assert_eq!(
            shaped(big, Some(&event_type), Some(&key)).unwrap(),
            r#"{"idempotencyKey":"k","payload":{"n":12345678901234567890123},"type":"greeted"}"#
        );
        assert_eq!(
            shaped(r#"{"type":"x"}"#, None, Some(&key)).unwrap(),
            r#"{"idempotencyKey":"k","type":"x"}"#
        );
        assert!(matches!(shaped("[1]", Some(&event_type), None), Err(Failure::Usage(_))));
    }

    #[test]
    fn more_than_a_batch_is_several() {
        let lines = vec!["{}".to_string(); BATCH_EVENTS_MAX + 1];
        let batches = batches(lines);
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[1], "[{}]");
    }
}
