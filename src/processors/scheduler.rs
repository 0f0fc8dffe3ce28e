//! The schedules of a stream: the projection of its `schedule/*` events into what is due when. It waits for nothing
//! itself; it tells the alarms when the stream is to be woken, and then the stream asks it what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::alarms::Alarms;
use crate::event::builtin::{ScheduleCancelled, ScheduleFired, Scheduled, read_schedule};
use crate::event::{Event, EventInput, Json, Kind, Offset, Slug, SourceKind, StreamKey, Timestamp};
use crate::limits::{SCHEDULED_BYTES_PER_STREAM_MAX, SCHEDULES_PER_STREAM_MAX};
use crate::processor::{BuiltinProcessor, Firing, Rejection};

pub struct Scheduler {
    alarms: Alarms,
    stream: StreamKey,
    schedules: BTreeMap<Slug, Entry>,
    /// In the order in which they are due: by time, then by configuration.
    queue: BTreeSet<(i64, Offset, Slug)>,
    /// Of all events that are still to be appended.
    bytes: usize,
    paused: bool,
    /// What the alarms were told last; nothing since the stream has started.
    told: Option<Option<Timestamp>>,
}

/// What is looked at often stands beside the text that is stored: a checkpoint, also the one that each batch takes
/// to be able to go back, only puts these texts one behind the other.
struct Entry {
    next_run: i64,
    configured: Offset,
    append_bytes: usize,
    /// Its event is `stream/resumed`, which a paused stream takes.
    resumes: bool,
    /// A `Stored`, on one line.
    text: Arc<str>,
}

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    slug: Slug,
    /// Both as they were written, to the digit.
    #[serde(borrow)]
    schedule: &'a RawValue,
    #[serde(borrow)]
    append: &'a RawValue,
    next_run: i64,
    executions: u64,
    configured: Offset,
    configured_at: i64,
    depth: u32,
    resumes: bool,
}

/// The first line of what is stored; a schedule each are the others.
const OPEN: &str = "open";
const PAUSED: &str = "paused";

impl Entry {
    fn of(stored: &Stored) -> Entry {
        let text = serde_json::to_string(stored).expect("a schedule has a JSON form");
        Entry {
            next_run: stored.next_run,
            configured: stored.configured,
            append_bytes: stored.append.get().len(),
            resumes: stored.resumes,
            text: text.into(),
        }
    }

    fn stored(&self) -> Stored<'_> {
        serde_json::from_str(&self.text).expect("the text was made of a schedule, or read as one")
    }
}

impl Scheduler {
    pub fn new(alarms: Alarms, stream: StreamKey) -> Scheduler {
        Scheduler {
            alarms,
            stream,
            schedules: BTreeMap::new(),
            queue: BTreeSet::new(),
            bytes: 0,
            paused: false,
            told: None,
        }
    }

    fn insert(&mut self, slug: Slug, entry: Entry) {
        self.bytes += entry.append_bytes;
        self.queue.insert((entry.next_run, entry.configured, slug.clone()));
        self.schedules.insert(slug, entry);
    }

    fn remove(&mut self, slug: &Slug) -> Option<Entry> {
        let entry = self.schedules.remove(slug)?;
        self.bytes -= entry.append_bytes;
        self.queue.remove(&(entry.next_run, entry.configured, slug.clone()));
        Some(entry)
    }

    fn configure(&mut self, event: &Event) {
        let Ok(scheduled) = Scheduled::of(&event.event_type, &event.payload) else { return };
        self.remove(&scheduled.slug);
        let Some(next_run) = scheduled.first_run(event.created_at) else { return };
        let raw = |json: &Json| -> Box<RawValue> {
            serde_json::from_str(json.as_str()).expect("a JSON text is one")
        };
        let entry = Entry::of(&Stored {
            slug: scheduled.slug.clone(),
            schedule: &raw(&scheduled.form),
            append: &raw(&scheduled.append),
            next_run: next_run.as_millis(),
            executions: 0,
            configured: event.offset,
            configured_at: event.created_at.as_millis(),
            depth: event.depth(),
            resumes: scheduled.event.event_type.kind() == Some(Kind::Resumed),
        });
        self.insert(scheduled.slug, entry);
    }

    /// A run counts for the configuration that it was of: its event may itself have replaced or cancelled that one.
    fn fired(&mut self, event: &Event) {
        let Ok(fired) = event.payload.decode::<ScheduleFired>() else { return };
        let of = event.source.as_ref().and_then(|source| source.cause.as_ref()).map(|cause| cause.offset);
        let current = self.schedules.get(&fired.slug).map(|entry| entry.configured.0);
        if current.is_none() || of != current {
            return;
        }
        let Some(entry) = self.remove(&fired.slug) else { return };
        if let Some(next_run) = fired.next_run_at {
            let stored = entry.stored();
            let next = Stored { next_run: next_run.as_millis(), executions: stored.executions + 1, ..stored };
            self.insert(fired.slug, Entry::of(&next));
        }
    }

    /// The first in line that need not wait for the stream to be resumed.
    fn first(&self) -> Option<(&Slug, &Entry)> {
        let in_line = self.queue.iter().filter_map(|(_, _, slug)| Some((slug, self.schedules.get(slug)?)));
        in_line.into_iter().find(|(_, entry)| !self.paused || entry.resumes)
    }
}

impl BuiltinProcessor for Scheduler {
    fn slug(&self) -> Slug {
        Slug::parse("scheduler").expect("a valid slug")
    }

    fn before_append(&self, input: &EventInput) -> Result<(), Rejection> {
        if input.event_type.kind() != Some(Kind::ScheduleConfigured) {
            return Ok(());
        }
        let Ok(scheduled) = Scheduled::of(&input.event_type, &input.payload) else { return Ok(()) };
        let replaced = self.schedules.get(&scheduled.slug);
        let refuse = |what: &'static str, max: usize| {
            Err(Rejection::Full { path: self.stream.path.clone(), what, max })
        };
        if replaced.is_none() && self.schedules.len() >= SCHEDULES_PER_STREAM_MAX {
            return refuse("schedules", SCHEDULES_PER_STREAM_MAX);
        }
        let kept = self.bytes - replaced.map_or(0, |entry| entry.append_bytes);
        if kept + scheduled.append.as_str().len() > SCHEDULED_BYTES_PER_STREAM_MAX {
            return refuse("bytes of scheduled events", SCHEDULED_BYTES_PER_STREAM_MAX);
        }
        Ok(())
    }

    fn reduce(&mut self, event: &Event) {
        // That something has fired counts only when the server has said so.
        let by_server = event.source.as_ref().is_some_and(|source| source.kind == SourceKind::Server);
        match event.kind() {
            Some(Kind::ScheduleConfigured) => self.configure(event),
            Some(Kind::ScheduleCancelled) => {
                if let Ok(cancelled) = event.payload.decode::<ScheduleCancelled>() {
                    self.remove(&cancelled.slug);
                }
            }
            Some(Kind::ScheduleFired) if by_server => self.fired(event),
            Some(Kind::Paused) => self.paused = true,
            Some(Kind::Resumed) => self.paused = false,
            _ => {}
        }
    }

    fn leave_processors(&mut self) {
        self.schedules.clear();
        self.queue.clear();
        self.bytes = 0;
    }

    fn committed(&mut self, _tail: Offset) {
        let next = self.wakes_at();
        if self.told != Some(next) {
            self.alarms.set(&self.stream, next);
            self.told = Some(next);
        }
    }

    fn wakes_at(&self) -> Option<Timestamp> {
        self.first().map(|(_, entry)| Timestamp::from_millis(entry.next_run))
    }

    fn due(&self, now: Timestamp) -> Option<Firing> {
        let (slug, entry) = self.first()?;
        let run = Timestamp::from_millis(entry.next_run);
        if run > now {
            return None;
        }
        let stored = entry.stored();
        // Both were checked when they were configured; what an earlier version took and this one does not is told.
        let schedule = read_schedule(stored.schedule);
        let append = EventInput::parse(stored.append.get()).map_err(|error| error.to_string());
        Some(Firing {
            slug: slug.clone(),
            run,
            configured: entry.configured,
            configured_at: Timestamp::from_millis(stored.configured_at),
            depth: stored.depth,
            next_run: schedule.as_ref().ok().and_then(|schedule| schedule.next_run(run, now)),
            append: schedule.and(append),
        })
    }

    fn stands(&self, firing: &Firing) -> bool {
        self.schedules.get(&firing.slug).is_some_and(|entry| entry.configured == firing.configured)
    }

    fn state(&self) -> Value {
        let shown = self.schedules.values().map(|entry| {
            let stored = entry.stored();
            let shown = json!({
                "schedule": stored.schedule,
                "append": stored.append,
                "nextRunAt": Timestamp::from_millis(stored.next_run),
                "executionCount": stored.executions,
                "createdAt": Timestamp::from_millis(stored.configured_at),
                "configuredOffset": stored.configured,
            });
            (stored.slug.to_string(), shown)
        });
        Value::Object(shown.collect())
    }

    fn checkpoint(&self) -> Value {
        let mut text = String::from(if self.paused { PAUSED } else { OPEN });
        for entry in self.schedules.values() {
            text.push('\n');
            text.push_str(&entry.text);
        }
        Value::String(text)
    }

    fn restore(&mut self, checkpoint: &Value) -> bool {
        let mut lines = checkpoint.as_str().unwrap_or_default().lines();
        let paused = match lines.next() {
            Some(OPEN) => false,
            Some(PAUSED) => true,
            _ => return false,
        };
        (self.schedules, self.bytes, self.paused) = (BTreeMap::new(), 0, paused);
        self.queue.clear();
        for line in lines {
            let Ok(stored) = serde_json::from_str::<Stored>(line) else { return false };
            self.insert(stored.slug.clone(), Entry::of(&stored));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Cause, Source, StreamPath};

    fn event(offset: u64, source: Source, text: &str) -> Event {
        let input = EventInput::parse(text).unwrap();
        let at = Timestamp::from_millis(1_000 * offset as i64);
        Event::place(input, StreamPath::root(), Offset(offset), at, Some(source))
    }

    fn every(offset: u64, slug: &str, seconds: f64) -> Event {
        let text = format!(
            r#"{{"type":"schedule/configured","payload":{{"slug":"{slug}","append":{{"type":"due","payload":{{"n":12345678901234567890123.50}}}},"schedule":{{"kind":"every","intervalSeconds":{seconds}}}}}}}"#
        );
        event(offset, Source::client(), &text)
    }

    fn fired(offset: u64, slug: &str, of: u64, next: &str) -> Event {
        let cause = Some(Cause { stream_path: "/".into(), offset: of });
        let text = format!(
            r#"{{"type":"schedule/fired","payload":{{"slug":"{slug}","outcome":"succeeded","nextRunAt":{next}}}}}"#
        );
        event(offset, Source { cause, ..Source::server() }, &text)
    }

    fn scheduler() -> Scheduler {
        Scheduler::new(Alarms::default(), StreamKey::new(Default::default(), StreamPath::root()))
    }

    /// Each with what is due first, as slug and second.
    fn check(steps: &[(Event, Option<(&str, i64)>)]) {
        let mut scheduler = scheduler();
        for (event, expected) in steps {
            scheduler.reduce(event);
            let checkpoint = scheduler.checkpoint();
            let mut restored = self::scheduler();
            assert!(restored.restore(&checkpoint));
            assert_eq!(restored.checkpoint(), checkpoint);
            scheduler = restored;
            let due = scheduler.due(Timestamp::from_millis(i64::MAX));
            let due = due.as_ref().map(|firing| (firing.slug.as_str(), firing.run.as_millis() / 1_000));
            assert_eq!(due, *expected, "behind offset {}", event.offset);
            assert_eq!(scheduler.wakes_at().map(|at| at.as_millis() / 1_000), expected.map(|(_, at)| at));
            let bytes: usize =
                scheduler.schedules.values().map(|entry| entry.stored().append.get().len()).sum();
            assert_eq!(scheduler.bytes, bytes);
        }
    }

    #[test]
    fn what_is_due_first() {
        let client = |offset, text: &str| event(offset, Source::client(), text);
        let next = "\"1970-01-01T00:01:40Z\"";
        check(&[
            (every(2, "a", 10.0), Some(("a", 12))),
            (every(3, "b", 9.0), Some(("a", 12))),
            (every(4, "c", 5.0), Some(("c", 9))),
            (client(5, r#"{"type":"schedule/cancelled","payload":{"slug":"c"}}"#), Some(("a", 12))),
            (fired(6, "a", 2, next), Some(("b", 12))),
            // Neither of an earlier configuration nor from anyone else.
            (every(7, "b", 20.0), Some(("b", 27))),
            (fired(8, "b", 3, next), Some(("b", 27))),
            (
                client(
                    9,
                    r#"{"type":"schedule/fired","payload":{"slug":"b","outcome":"failed","nextRunAt":null}}"#,
                ),
                Some(("b", 27)),
            ),
            (client(10, r#"{"type":"stream/paused"}"#), None),
            (client(11, r#"{"type":"stream/resumed"}"#), Some(("b", 27))),
            (fired(12, "b", 7, "null"), Some(("a", 100))),
        ]);
    }

    #[test]
    fn what_is_appended_is_what_was_written() {
        let mut scheduler = scheduler();
        scheduler.reduce(&every(2, "a", 1.0));
        let checkpoint: Value = serde_json::from_str(&scheduler.checkpoint().to_string()).unwrap();
        assert!(scheduler.restore(&checkpoint));
        let firing = scheduler.due(Timestamp::from_millis(i64::MAX)).unwrap();
        assert_eq!(firing.append.unwrap().payload.as_str(), r#"{"n":12345678901234567890123.50}"#);
    }

    #[test]
    fn a_stream_has_so_many_schedules() {
        let mut scheduler = scheduler();
        for n in 0..SCHEDULES_PER_STREAM_MAX {
            scheduler.reduce(&every(2 + n as u64, &format!("s{n}"), 60.0));
        }
        let input = |slug: &str, bytes: usize| {
            let append = json!({"type": "x", "payload": {"text": "x".repeat(bytes)}});
            let schedule = json!({"kind": "once-in", "delaySeconds": 1});
            let payload = json!({"slug": slug, "append": append, "schedule": schedule});
            EventInput::new(Kind::ScheduleConfigured, Json::of(&payload))
        };
        assert!(scheduler.before_append(&input("another", 1)).is_err());
        assert_eq!(scheduler.before_append(&input("s7", 1)), Ok(()));
        assert!(scheduler.before_append(&input("s7", SCHEDULED_BYTES_PER_STREAM_MAX - 1_000)).is_err());
    }
}
