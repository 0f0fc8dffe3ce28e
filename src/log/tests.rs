//! The suite of the log: each test of it runs on both engines. What every file of it shares is here.

#![allow(clippy::print_stdout, reason = "a run says how it can be repeated, a measurement what it found")]

mod basics;
mod disk_full;
mod faults;
mod folders;
mod forks;
mod journal;
mod model;
mod side_by_side;
mod throughput;
mod torn;
mod values;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::event::{EventInput, EventType, IdempotencyKey, Json, Project, StreamPath};

/// `async fn name(engine: Engine) { … }`, each a test for sled and one for fjall.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident: Engine) $body:block)*) => {
        mod on_sled {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Engine::Sled).await })*
        }
        mod on_fjall {
            $($(#[$meta])* #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() { super::$name(super::Engine::Fjall).await })*
        }
        $(async fn $name($engine: Engine) $body)*
    };
}
pub(super) use on_both_engines;

/// Small, so that many tests can run side by side.
pub(super) fn options(engine: Engine) -> LogOptions {
    LogOptions { engine: Some(engine), sled_cache_bytes: 64 * 1024 * 1024 }
}

pub(super) fn open(folder: &Path, engine: Engine) -> Log {
    Log::open(folder, options(engine)).unwrap()
}

/// With a journal that begins anew every few batches, and checkpoints all the time.
pub(super) fn open_small(folder: &Path, engine: Engine) -> Log {
    Log::open_with(folder, options(engine), small()).unwrap()
}

pub(super) fn small() -> Parts {
    let pace = Pace { bytes: 4 * 1024, after: Duration::from_millis(5) };
    Parts { segment_bytes: 16 * 1024, pace, ..Parts::default() }
}

pub(super) fn key(path: &str) -> StreamKey {
    StreamKey::new(Project::default(), StreamPath::parse(path).unwrap())
}

/// An event of type `x` whose payload says `n`, and whose idempotency key is `idempotency_key` unless empty.
pub(super) fn event(path: &str, offset: u64, n: u64, idempotency_key: &str) -> Arc<Event> {
    let mut input = EventInput::new(EventType::parse("x").unwrap(), Json::of(&serde_json::json!({ "n": n })));
    input.idempotency_key = IdempotencyKey::parse(idempotency_key);
    place(path, offset, input)
}

pub(super) fn place(path: &str, offset: u64, input: EventInput) -> Arc<Event> {
    let at = Timestamp::from_millis(1_700_000_000_000 + offset as i64);
    Arc::new(Event::place(input, StreamPath::parse(path).unwrap(), Offset(offset), at, None))
}

/// `count` events without keys behind `tail`; the id None creates the stream.
pub(super) fn commit(path: &str, id: Option<StreamId>, tail: u64, count: u64) -> Commit {
    let events = (tail + 1..=tail + count).map(|offset| event(path, offset, offset, "")).collect();
    Commit {
        stream: key(path),
        id,
        expected_tail: Offset(tail),
        events,
        marks: Vec::new(),
        alarm: Alarm::Unchanged,
        slots: Vec::new(),
    }
}

/// All events of a stream, read in pages of the given size.
pub(super) fn read_all(log: &Log, path: &str, page: usize) -> Vec<Arc<Event>> {
    let Some(stream) = log.find(&key(path)).unwrap() else {
        return Vec::new();
    };
    let mut events: Vec<Arc<Event>> = Vec::new();
    loop {
        let after = events.last().map_or(Offset::START, |event| event.offset);
        let more = log.read(&stream, after, Offset::END, page, usize::MAX).unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

pub(super) fn offsets(events: &[Arc<Event>]) -> Vec<u64> {
    events.iter().map(|event| event.offset.0).collect()
}

pub(super) fn paths(streams: &[StreamRecord]) -> Vec<&str> {
    streams.iter().map(|stream| stream.key.path.as_str()).collect()
}

/// The files of a folder and what is below it.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// What a process that is killed now would leave behind. An engine writes behind the commits as well, so that the folder
/// is read until it holds still: twice in a row the same.
pub(super) fn copy_of(folder: &Path) -> tempfile::TempDir {
    let mut contents = contents_of(folder);
    loop {
        let again = contents_of(folder);
        if again == contents {
            break;
        }
        contents = again;
    }
    let copy = tempfile::tempdir().unwrap();
    for (file, length, used) in contents {
        let to = copied(&copy, folder, &file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(&to, used).unwrap();
        fs::File::options().write(true).open(&to).unwrap().set_len(length).unwrap();
    }
    fs::create_dir_all(copy.path().join("sled").join("blobs")).unwrap();
    copy
}

/// Each file, its length, and its bytes up to the zeros that are reserved at its end. One that has just gone is left out.
fn contents_of(folder: &Path) -> Vec<(PathBuf, u64, Vec<u8>)> {
    let read = |file: PathBuf| {
        let mut bytes = fs::read(&file).ok()?;
        let length = bytes.len();
        bytes.truncate(used_of(&bytes));
        Some((file, length as u64, bytes))
    };
    files(folder).into_iter().filter_map(read).collect()
}

pub(super) fn copied(copy: &tempfile::TempDir, folder: &Path, file: &Path) -> PathBuf {
    copy.path().join(file.strip_prefix(folder).unwrap())
}

/// Up to the zeros that are reserved at its end.
pub(super) fn used_bytes(file: &Path) -> u64 {
    used_of(&fs::read(file).unwrap()) as u64
}

fn used_of(bytes: &[u8]) -> usize {
    let blocks = bytes.chunks(4_096).rposition(|block| block != &[0; 4_096][..block.len()]);
    blocks.map_or(0, |last| (last + 1) * 4_096).min(bytes.len())
}

/// The folder holds nothing but what it should.
pub(super) fn assert_sound(folder: &Path) -> FsckReport {
    let report = fsck(folder).unwrap();
    assert!(report.is_clean(), "{:#?}", report.problems);
    report
}
