//! Random operations, reopenings and kills, checked against maps in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

use super::super::kv::{KvStats, Visit};
use super::*;

#[derive(Default)]
struct ModelStream {
    id: u64,
    events: Vec<Arc<Event>>,
    keys: BTreeMap<String, u64>,
    slots: BTreeMap<String, Vec<u8>>,
    marks: BTreeSet<u8>,
    alarm: Option<Timestamp>,
    /// Events that were appended to another stream.
    shared: usize,
}

impl ModelStream {
    /// As another stream has the events up to an offset.
    fn forked(&self, path: &str, at: usize) -> ModelStream {
        let keys = self.keys.iter().filter(|(_, offset)| **offset <= at as u64);
        ModelStream {
            events: self.events[..at].iter().map(|event| moved(event, path)).collect(),
            keys: keys.map(|(key, offset)| (key.clone(), *offset)).collect(),
            shared: at,
            ..ModelStream::default()
        }
    }
}

/// The same event in another stream.
fn moved(event: &Event, path: &str) -> Arc<Event> {
    let mut input = EventInput::new(event.event_type.clone(), event.payload.clone());
    input.idempotency_key = event.idempotency_key.clone();
    let path = StreamPath::parse(path).unwrap();
    Arc::new(Event::place(input, path, event.offset, event.created_at, event.source.clone()))
}

/// What the log should hold.
#[derive(Default)]
struct Model {
    streams: BTreeMap<String, ModelStream>,
    last_id: u64,
}

struct Run {
    folder: tempfile::TempDir,
    engine: Engine,
    log: Log,
    /// Held while the folder is copied, so that no checkpoint is being written.
    quiet: Arc<Mutex<()>>,
    model: Model,
    random: fastrand::Rng,
}

/// Stands between the log and its engine.
struct QuietKv {
    inner: Arc<dyn Kv>,
    quiet: Arc<Mutex<()>>,
}

impl Kv for QuietKv {
    fn write(&self, batch: &Batch) -> Result<(), KvError> {
        self.inner.write(batch)
    }

    fn sync(&self) -> Result<(), KvError> {
        let _quiet = self.quiet.lock().unwrap();
        self.inner.sync()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.inner.get(key)
    }

    fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError> {
        self.inner.scan(keys, reverse, visit)
    }

    fn stats(&self) -> Result<KvStats, KvError> {
        self.inner.stats()
    }
}

fn open_quietly(folder: &Path, engine: Engine, quiet: &Arc<Mutex<()>>) -> Log {
    let quiet = quiet.clone();
    let between = move |inner| Arc::new(QuietKv { inner, quiet: quiet.clone() }) as Arc<dyn Kv>;
    Log::open_with(folder, options(engine), Parts { engine: Box::new(between), ..small() }).unwrap()
}

const PATHS: [&str; 8] = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/a/_logs/x", "/b", "/b/c"];
const SLOTS: [&str; 3] = ["s", "s2", "state"];

on_both_engines! {
    async fn random_operations_reopenings_and_kills(engine: Engine) {
        let seed = std::env::var("MILLRACE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
        println!("MILLRACE_SEED={seed} repeats this run");
        let folder = tempfile::tempdir().unwrap();
        let quiet = Arc::default();
        let log = open_quietly(folder.path(), engine, &quiet);
        let random = fastrand::Rng::with_seed(seed);
        let mut run = Run { folder, engine, log, quiet, model: Model::default(), random };
        let started = Instant::now();
        for step in 0..600 {
            run.step().await;
            if step % 20 == 0 {
                run.check().await;
            }
            if started.elapsed() > Duration::from_secs(8) {
                break;
            }
        }
        run.reopen().await;
        run.check().await;
        run.log.close().await;
        let events: usize = run.model.streams.values().map(|stream| stream.events.len() - stream.shared).sum();
        let report = assert_sound(run.folder.path());
        assert_eq!((report.streams, report.events), (run.model.streams.len() as u64, events as u64));
    }
}

impl Run {
    async fn step(&mut self) {
        let path = PATHS[self.random.usize(..PATHS.len())];
        match self.random.u32(..100) {
            0..50 => self.append(path).await,
            50..56 => self.fork(path).await,
            56..65 => self.append_wrongly(path).await,
            65..80 => self.write_slot(path).await,
            80..90 => self.change_mark(path).await,
            90..95 => self.delete(path).await,
            95..98 => self.kill().await,
            _ => self.reopen().await,
        }
    }

    async fn append(&mut self, path: &str) {
        let most = if self.random.u32(..10) == 0 { 200 } else { 5 };
        let count = 1 + self.random.u64(..most);
        let mut stream = self.model.streams.remove(path).unwrap_or_default();
        let tail = stream.events.len() as u64;
        let events: Vec<_> = (tail + 1..=tail + count).map(|offset| self.event(path, offset)).collect();
        for event in &events {
            event.idempotency_key.iter().for_each(|key| {
                stream.keys.insert(key.as_str().into(), event.offset.0);
            });
        }
        stream.events.extend(events.iter().cloned());
        let id = (tail > 0).then_some(StreamId(stream.id));
        let alarm = match self.random.u32(..4) {
            0 => Alarm::At(Timestamp::from_millis(self.random.i64(..1_000_000))),
            1 => Alarm::Off,
            _ => Alarm::Unchanged,
        };
        match alarm {
            Alarm::At(time) => stream.alarm = Some(time),
            Alarm::Off => stream.alarm = None,
            Alarm::Unchanged => {}
        }
        let marks = Vec::new();
        let slots = Vec::new();
        let commit =
            Commit { stream: key(path), id, expected_tail: Offset(tail), events, marks, alarm, slots };
        let id = self.log.commit(commit).await.unwrap();
        if tail == 0 {
            assert!(id.0 > self.model.last_id, "numbers ascend");
            (stream.id, self.model.last_id) = (id.0, id.0);
        }
        assert_eq!(id.0, stream.id);
        self.model.streams.insert(path.into(), stream);
    }

    async fn fork(&mut self, path: &str) {
        let to = PATHS[self.random.usize(..PATHS.len())];
        let Some(stream) = self.model.streams.get(path) else { return };
        let at = 1 + self.random.usize(..stream.events.len());
        let marks = if self.random.bool() { vec![Mark::Processors] } else { Vec::new() };
        let made = self.log.fork(NewFork {
            from: StreamId(stream.id),
            at: Offset(at as u64),
            processors: self.random.bool(),
            to: key(to),
            created_at: Timestamp::from_millis(1_700_000_000_000),
            marks: marks.clone(),
        });
        match made.await {
            Err(LogError::Conflict { .. }) => assert!(self.model.streams.contains_key(to)),
            Err(error) => panic!("{error}"),
            Ok(id) => {
                assert!(!self.model.streams.contains_key(to) && id.0 > self.model.last_id);
                let mut fork = stream.forked(to, at);
                fork.marks.extend(marks.iter().map(|mark| mark.code()));
                (fork.id, self.model.last_id) = (id.0, id.0);
                self.model.streams.insert(to.into(), fork);
            }
        }
    }

    fn event(&mut self, path: &str, offset: u64) -> Arc<Event> {
        if self.random.u32(..50) == 0 {
            let text = "x".repeat(self.random.usize(..300_000));
            let payload = Json::of(&serde_json::json!({ "text": text }));
            return place(path, offset, EventInput::new(EventType::parse("large").unwrap(), payload));
        }
        let unique =
            if self.random.bool() { format!("{offset}-{}", self.random.u64(..)) } else { String::new() };
        event(path, offset, self.random.u64(..1_000), &unique)
    }

    async fn append_wrongly(&mut self, path: &str) {
        let stream = self.model.streams.get(path);
        let tail = stream.map_or(0, |stream| stream.events.len() as u64);
        let wrong = match stream {
            Some(stream) if self.random.bool() => commit(path, Some(StreamId(stream.id)), tail + 1, 1),
            Some(_) => commit(path, None, 0, 1),
            None => commit(path, Some(StreamId(self.model.last_id + 1)), 3, 1),
        };
        let outcome = self.log.commit(wrong).await;
        assert!(matches!(outcome, Err(LogError::Conflict { .. })), "{outcome:?}");
    }

    async fn write_slot(&mut self, path: &str) {
        let Some(stream) = self.model.streams.get_mut(path) else {
            return;
        };
        let name = SLOTS[self.random.usize(..SLOTS.len())];
        let bytes =
            if self.random.u32(..5) == 0 { self.random.usize(..250_000) } else { self.random.usize(..50) };
        let value = self.random.bool().then(|| vec![self.random.u8(..); bytes]);
        match &value {
            Some(value) => drop(stream.slots.insert(name.into(), value.clone())),
            None => drop(stream.slots.remove(name)),
        }
        let id = StreamId(stream.id);
        if self.random.bool() {
            self.log.write_slot_lazily(id, name, value);
        } else {
            self.log.write_slot(id, name, value).await.unwrap();
        }
    }

    async fn change_mark(&mut self, path: &str) {
        let Some(stream) = self.model.streams.get_mut(path) else {
            return;
        };
        let mark = Mark::ALL[self.random.usize(..2)];
        let set = self.random.bool();
        if set {
            stream.marks.insert(mark.code())
        } else {
            stream.marks.remove(&mark.code())
        };
        if !set && self.random.bool() {
            return self.log.unmark_lazily(StreamId(stream.id), mark);
        }
        let tail = stream.events.len() as u64;
        let commit = Commit { marks: vec![(mark, set)], ..commit(path, Some(StreamId(stream.id)), tail, 0) };
        self.log.commit(commit).await.unwrap();
    }

    async fn delete(&mut self, path: &str) {
        if let Some(stream) = self.model.streams.remove(path) {
            assert_eq!(self.log.delete(StreamId(stream.id)).await, Ok(true));
            assert_eq!(self.log.tail(StreamId(stream.id)), Ok(Offset::START));
        }
    }

    async fn reopen(&mut self) {
        self.log.close().await;
        self.log = open_quietly(self.folder.path(), self.engine, &self.quiet);
    }

    /// Goes on with what the log would have left behind if it had been killed.
    async fn kill(&mut self) {
        self.write_what_waits().await;
        let copy = {
            let _quiet = self.quiet.lock().unwrap();
            copy_of(self.folder.path())
        };
        self.log.close().await;
        self.folder = copy;
        let events: usize =
            self.model.streams.values().map(|stream| stream.events.len() - stream.shared).sum();
        assert_eq!(assert_sound(self.folder.path()).events, events as u64);
        self.log = open_quietly(self.folder.path(), self.engine, &self.quiet);
    }

    /// A write that is waited for takes the lazy ones along.
    async fn write_what_waits(&mut self) {
        if let Some(stream) = self.model.streams.values().next() {
            self.log.write_slot(StreamId(stream.id), "check", None).await.unwrap();
        }
    }

    async fn check(&mut self) {
        self.write_what_waits().await;
        for path in PATHS {
            match self.model.streams.get(path) {
                Some(stream) => self.check_stream(path, stream),
                None => assert_eq!(self.log.find(&key(path)), Ok(None)),
            }
        }
        let listed = self.log.streams(&Project::default(), None, None, 100, true).unwrap();
        let mut expected: Vec<_> =
            self.model.streams.iter().map(|(path, stream)| (stream.id, path.as_str())).collect();
        expected.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        assert_eq!(paths(&listed), expected.iter().map(|(_, path)| *path).collect::<Vec<_>>());
        let alarms: BTreeMap<u64, Timestamp> =
            self.log.alarms().unwrap().iter().map(|(stream, time)| (stream.id.0, *time)).collect();
        let with_alarm = self.model.streams.values().filter_map(|stream| Some((stream.id, stream.alarm?)));
        assert_eq!(alarms, with_alarm.collect());
        for mark in [Mark::Processors, Mark::Unannounced] {
            let marked: BTreeSet<u64> =
                self.log.marked(mark).unwrap().iter().map(|stream| stream.id.0).collect();
            let with_mark = self.model.streams.values().filter(|stream| stream.marks.contains(&mark.code()));
            assert_eq!(marked, with_mark.map(|stream| stream.id).collect());
        }
    }

    fn check_stream(&self, path: &str, stream: &ModelStream) {
        let id = StreamId(stream.id);
        assert_eq!(self.log.find(&key(path)).unwrap().unwrap().id, id);
        assert_eq!(self.log.tail(id).unwrap(), Offset(stream.events.len() as u64));
        assert_eq!(read_all(&self.log, path, 1 + stream.events.len() / 3), stream.events);
        for (text, offset) in &stream.keys {
            let key = IdempotencyKey::parse(text).unwrap();
            assert_eq!(self.log.find_key(id, &key).unwrap(), Some(Offset(*offset)));
        }
        for name in SLOTS {
            assert_eq!(
                self.log.read_slot(id, name).unwrap().as_ref(),
                stream.slots.get(name),
                "slot {name} of {path}"
            );
        }
    }
}
