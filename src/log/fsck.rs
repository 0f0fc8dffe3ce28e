//! The check of a data folder: every promise that the layout makes, looked at key by key. It writes nothing
//! of its own, and looks at the engine as it will be with the journal applied; the engine may finish its own
//! recovery when it is opened.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::folder::DataFolder;
use super::fork::{self, Fork};
use super::journal::Recovered;
use super::kv::Kv;
use super::lookup::{Lookup, decode_record};
use super::overlay::Overlay;
use super::record::{self, Assembly, Frame};
use super::{
    Engine, LogError, Mark, OpenError, StreamId, StreamRecord, check_format, check_synced, keys,
    newest_batch, start_engine,
};
use crate::event::{Event, IdempotencyKey, Offset, StreamKey};
use crate::limits::{FJALL_CACHE_BYTES, FSCK_PROBLEMS_MAX};

/// What a check has found.
#[derive(Debug)]
pub struct FsckReport {
    pub engine: Engine,
    pub streams: u64,
    pub events: u64,
    /// The first of them, in words.
    pub problems: Vec<String>,
    pub problem_count: u64,
}

impl FsckReport {
    pub fn is_clean(&self) -> bool {
        self.problem_count == 0
    }

    fn add(&mut self, problem: String) {
        self.problem_count += 1;
        if self.problems.len() < FSCK_PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// Checks a data folder that no server uses.
pub fn fsck(folder: &Path) -> Result<FsckReport, OpenError> {
    check(folder).map_err(OpenError::by_the_check)
}

fn check(folder: &Path) -> Result<FsckReport, OpenError> {
    let folder = DataFolder::open_existing(folder)?;
    let engine = folder.manifest.engine;
    let mut report = FsckReport { engine, streams: 0, events: 0, problems: Vec::new(), problem_count: 0 };
    if !folder.manifest.initialized {
        // Its making was interrupted, so nothing has ever been stored.
        return Ok(report);
    }
    let engine = start_engine(&folder, FJALL_CACHE_BYTES)?;
    check_format(&folder, &*engine)?;
    let journal = Recovered::read(&folder.path)
        .map_err(|error| OpenError::io(&folder.path, "read the journal", error))?;
    let newest = newest_batch(&folder, &*engine)?;
    let batches = journal.behind(newest, newest).unwrap_or_else(|why| {
        report.add(why);
        &[]
    });
    let kv: Arc<dyn Kv> = Arc::new(Overlay::new(engine, batches.iter().map(|record| &record.batch)));
    if let Err(shortened @ OpenError::Shortened { .. }) = check_synced(&folder, &*kv) {
        report.add(shortened.to_string());
    }
    let lookup = Lookup { kv: &*kv, folder: &folder.path };
    Ok(Check::new(lookup, report).run())
}

/// One pass in the order of the keys: lists, marks, paths, then each stream with all its own.
struct Check<'a> {
    lookup: Lookup<'a>,
    report: FsckReport,
    deleted: HashSet<StreamId>,
    listed: HashMap<StreamId, StreamRecord>,
    by_path: HashMap<StreamId, StreamRecord>,
    marked: HashSet<StreamId>,
    /// Where streams branch off, those left out that are being removed; deleted ones whose events they share.
    forks: HashMap<StreamId, Fork>,
    kept: HashSet<StreamId>,
    /// The tails of streams that others branch off.
    tails: HashMap<StreamId, Offset>,
    next_stream: StreamId,
    stream: Option<Stream>,
}

/// What is known of the stream that the pass is in.
struct Stream {
    id: StreamId,
    record: Option<StreamRecord>,
    tail: Offset,
    keyed: HashMap<String, Offset>,
    pieces: Option<Pieces>,
}

/// A value whose further pieces must follow.
struct Pieces {
    key: Vec<u8>,
    offset: Option<Offset>,
    next: u16,
    assembly: Assembly,
}

type Checked = Result<(), String>;

impl<'a> Check<'a> {
    fn new(lookup: Lookup<'a>, report: FsckReport) -> Check<'a> {
        Check {
            lookup,
            report,
            deleted: HashSet::new(),
            listed: HashMap::new(),
            by_path: HashMap::new(),
            marked: HashSet::new(),
            forks: HashMap::new(),
            kept: HashSet::new(),
            tails: HashMap::new(),
            next_stream: StreamId(0),
            stream: None,
        }
    }

    fn run(mut self) -> FsckReport {
        if let Err(error) = self.pass() {
            self.report.add(OpenError::log(self.lookup.folder, error).by_the_check().to_string());
        }
        self.end_stream();
        self.check_leftovers();
        self.check_blobs();
        self.report
    }

    fn pass(&mut self) -> Result<(), LogError> {
        self.deleted = self.lookup.ids(keys::TOMBSTONES, 1)?.into_iter().collect();
        self.read_forks()?;
        let kv: &dyn Kv = self.lookup.kv;
        let folder = self.lookup.folder;
        Lookup { kv, folder }.scan_raw(keys::ALL, false, |key, value| {
            let checked = record::unseal(key, value)
                .map_err(str::to_owned)
                .and_then(|content| self.check(key, content));
            if let Err(why) = checked {
                self.report.add(format!("the value at key {} {why}", key.escape_ascii()));
            }
            ControlFlow::Continue(())
        })
    }

    /// Ahead of the pass, which tells of those that are malformed.
    fn read_forks(&mut self) -> Result<(), LogError> {
        self.lookup.scan_raw(keys::FORKS, false, |key, value| {
            let fork = record::unseal(key, value).and_then(fork::decode);
            if let (Some(id), Ok(fork)) = (keys::stream_id(key, 1), fork) {
                self.forks.insert(id, fork);
            }
            ControlFlow::Continue(())
        })?;
        for start in self.forks.keys().filter(|id| !self.deleted.contains(id)) {
            let lineage = std::iter::successors(self.forks.get(start), |fork| self.forks.get(&fork.parent));
            let shared = lineage.map(|fork| fork.parent).filter(|parent| self.deleted.contains(parent));
            self.kept.extend(shared);
        }
        self.forks.retain(|id, _| !self.deleted.contains(id) || self.kept.contains(id));
        Ok(())
    }

    fn check(&mut self, key: &[u8], content: &[u8]) -> Checked {
        match key.first() {
            Some(b'F') => self.check_fork(key, content),
            Some(b'K') => self.check_mark(key, content),
            Some(b'L') => self.check_listed(key, content),
            Some(b'M') => self.check_meta(key, content),
            Some(b'P') => self.check_path(key, content),
            Some(b'S') => self.check_stream_key(key, content),
            Some(b'T') => Ok(()),
            _ => Err("belongs to nothing".into()),
        }
    }

    fn check_fork(&mut self, key: &[u8], content: &[u8]) -> Checked {
        let id = keys::stream_id(key, 1).filter(|_| key.len() == 9).ok_or("is malformed")?;
        let fork = fork::decode(content)?;
        if fork.parent >= id || fork.at == Offset::START {
            return Err("branches off nothing".into());
        }
        Ok(())
    }

    fn check_mark(&mut self, key: &[u8], content: &[u8]) -> Checked {
        let known = key.len() == 10 && Mark::ALL.iter().any(|mark| mark.code() == key[1]);
        let id = keys::stream_id(key, 2).filter(|_| known).ok_or("is no mark")?;
        if key[1] == Mark::Alarm.code() {
            record::decode_time(content)?;
        }
        self.marked.insert(id);
        Ok(())
    }

    fn check_listed(&mut self, key: &[u8], content: &[u8]) -> Checked {
        let (project, number) = keys::split_project(key, 1).ok_or("is malformed")?;
        let id = keys::stream_id(number, 0).ok_or("is malformed")?;
        let (created_at, path) = record::split_time(content)?;
        let key = StreamKey::new(project, record::decode_path(path)?);
        self.listed.insert(id, StreamRecord { id, key, created_at });
        Ok(())
    }

    fn check_meta(&mut self, key: &[u8], content: &[u8]) -> Checked {
        match key {
            keys::FORMAT => Ok(()),
            keys::SYNCED => record::decode_number(content).map(drop).map_err(Into::into),
            keys::STREAMS => {
                self.next_stream = StreamId(record::decode_number(content)?);
                Ok(())
            }
            _ => Err("belongs to nothing".into()),
        }
    }

    fn check_path(&mut self, key: &[u8], content: &[u8]) -> Checked {
        let (project, path) = keys::split_project(key, 1).ok_or("is malformed")?;
        let (id, time) = record::split_number(content)?;
        let key = StreamKey::new(project, record::decode_path(path)?);
        let stream = StreamRecord { id: StreamId(id), key, created_at: record::decode_time(time)? };
        match self.by_path.insert(StreamId(id), stream) {
            Some(other) => Err(format!("has the number of stream `{}`", other.key.path)),
            None => Ok(()),
        }
    }

    // --- one stream -----------------------------------------------------------------------------

    fn check_stream_key(&mut self, key: &[u8], content: &[u8]) -> Checked {
        let id = keys::stream_id(key, 1).ok_or("is malformed")?;
        if self.deleted.contains(&id) && !self.kept.contains(&id) {
            // It is being removed, and may be in any state.
            return Ok(());
        }
        if self.stream.as_ref().is_none_or(|stream| stream.id != id) {
            self.end_stream();
            let tail = self.forks.get(&id).map_or(Offset::START, |fork| fork.at);
            self.stream = Some(Stream { id, record: None, tail, keyed: HashMap::new(), pieces: None });
        }
        let stream = self.stream.as_mut().ok_or("is in no stream")?;
        match key.get(9) {
            Some(b'A') => stream.check_record(content),
            Some(b'E') => stream.check_event(key, content),
            Some(b'I') => stream.check_idempotency(key, content),
            Some(b'Z') => stream.check_slot(key, content),
            _ => Err("belongs to nothing".into()),
        }
    }

    fn end_stream(&mut self) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        let id = stream.id;
        let mut problems = stream.open_ends();
        problems.extend(self.check_branch(id, stream.tail));
        if !self.kept.contains(&id) {
            let shared = self.forks.get(&id).map_or(Offset::START, |fork| fork.at);
            self.report.events += stream.tail.0 - shared.0;
            problems.extend(self.check_indexes(id, stream.record.as_ref()));
        }
        for problem in problems {
            self.report.add(format!("stream number {} {problem}", id.0));
        }
    }

    /// A parent has a lower number, so that its tail is known by now.
    fn check_branch(&mut self, id: StreamId, tail: Offset) -> Option<String> {
        self.tails.insert(id, tail);
        let Fork { parent, at, .. } = *self.forks.get(&id)?;
        let found = self.tails.get(&parent).copied().unwrap_or_default();
        (found < at).then(|| {
            format!(
                "shares the events of stream number {} up to {at}, which has them up to {found}",
                parent.0
            )
        })
    }

    fn check_indexes(&mut self, id: StreamId, stream: Option<&StreamRecord>) -> Vec<String> {
        let Some(stream) = stream else {
            return vec!["has no record of its own, but other keys".into()];
        };
        self.report.streams += 1;
        let mut problems = Vec::new();
        if self.by_path.remove(&id).as_ref() != Some(stream) {
            problems.push(format!("is not found by its path `{}`", stream.key.path));
        }
        if self.listed.remove(&id).as_ref() != Some(stream) {
            problems.push(format!("with path `{}` is not listed", stream.key.path));
        }
        if id >= self.next_stream {
            problems.push("has a number that is still to be given".into());
        }
        self.marked.remove(&id);
        problems
    }

    // --- the whole ------------------------------------------------------------------------------

    /// What no stream has claimed.
    fn check_leftovers(&mut self) {
        let by_path = std::mem::take(&mut self.by_path).into_values();
        for stream in by_path.filter(|stream| !self.deleted.contains(&stream.id)).collect::<Vec<_>>() {
            self.report.add(format!("path `{}` leads to a stream that does not exist", stream.key.path));
        }
        for stream in std::mem::take(&mut self.listed).into_values() {
            self.report.add(format!("`{}` is listed as a stream that does not exist", stream.key.path));
        }
        let branched: Vec<StreamId> = self.forks.keys().copied().collect();
        for id in branched.into_iter().filter(|id| !self.tails.contains_key(id)) {
            // One that is deleted and kept may have no events of its own.
            if !self.deleted.contains(&id) {
                self.report
                    .add(format!("stream number {} branches off another one but does not exist", id.0));
            }
        }
        for id in std::mem::take(&mut self.marked) {
            self.report.add(format!("stream number {} has a mark but does not exist", id.0));
        }
    }

    fn check_blobs(&mut self) {
        match self.lookup.kv.stats() {
            Ok(stats) if stats.blob_files > 0 => self.report.add(format!(
                "sled keeps {} values in files of its own, which it does not sync",
                stats.blob_files
            )),
            Ok(_) => {}
            Err(error) => self.report.add(format!("the store cannot be measured: {error:?}")),
        }
    }
}

impl Stream {
    fn check_record(&mut self, content: &[u8]) -> Checked {
        self.record = Some(decode_record(self.id, content)?);
        Ok(())
    }

    fn check_event(&mut self, key: &[u8], content: &[u8]) -> Checked {
        let (offset, piece) = keys::event_place(key).ok_or("is malformed")?;
        if piece > 0 {
            return self.check_piece(&key[..key.len() - 2], piece, content);
        }
        self.expect_no_piece()?;
        let expected = self.tail.next();
        self.tail = offset;
        if offset != expected {
            return Err(format!("follows a gap: event {expected} was to come"));
        }
        self.check_frame(key, content, Some(offset))
    }

    fn check_slot(&mut self, key: &[u8], content: &[u8]) -> Checked {
        let name = key[10..].iter().position(|byte| *byte == 0).ok_or("is malformed")?;
        match &key[10 + name + 1..] {
            [] => {
                self.expect_no_piece()?;
                self.check_frame(key, content, None)
            }
            [high, low] => {
                self.check_piece(&key[..key.len() - 2], u16::from_be_bytes([*high, *low]), content)
            }
            _ => Err("is malformed".into()),
        }
    }

    fn check_frame(&mut self, key: &[u8], content: &[u8], offset: Option<Offset>) -> Checked {
        match Frame::decode(content)? {
            Frame::Whole(content) => self.check_content(content, offset),
            Frame::First { pieces, checksum, content } => {
                let assembly = Assembly::begin(pieces, checksum, content);
                self.pieces = Some(Pieces { key: key.to_vec(), offset, next: 1, assembly });
                Ok(())
            }
        }
    }

    fn check_piece(&mut self, key: &[u8], number: u16, content: &[u8]) -> Checked {
        let Some(mut pieces) = self.pieces.take().filter(|pieces| pieces.key == key && pieces.next == number)
        else {
            return Err("is a piece of nothing".into());
        };
        pieces.assembly.add(number, content)?;
        pieces.next += 1;
        if pieces.assembly.is_complete() {
            let content = pieces.assembly.finish()?;
            return self.check_content(&content, pieces.offset);
        }
        self.pieces = Some(pieces);
        Ok(())
    }

    /// Any bytes make a slot; an event must be one.
    fn check_content(&mut self, content: &[u8], offset: Option<Offset>) -> Checked {
        let Some(offset) = offset else {
            return Ok(());
        };
        let event = record::decode_event(content, crate::event::StreamPath::root(), offset)?;
        self.note_key(&event)
    }

    fn note_key(&mut self, event: &Event) -> Checked {
        let Some(key) = event.idempotency_key.as_ref().map(IdempotencyKey::as_str) else {
            return Ok(());
        };
        match self.keyed.insert(key.to_owned(), event.offset) {
            Some(other) => Err(format!("repeats the idempotency key of event {other}")),
            None => Ok(()),
        }
    }

    /// The events precede their keys.
    fn check_idempotency(&mut self, key: &[u8], content: &[u8]) -> Checked {
        self.expect_no_piece()?;
        let text = std::str::from_utf8(&key[10..]).map_err(|_| "is no text")?;
        let offset = Offset(record::decode_number(content)?);
        match self.keyed.remove(text) {
            Some(stored) if stored == offset => Ok(()),
            Some(stored) => Err(format!("leads to event {offset}, but the key is that of event {stored}")),
            None => Err(format!("leads to event {offset}, which has no such key")),
        }
    }

    fn expect_no_piece(&mut self) -> Checked {
        match self.pieces.take() {
            Some(pieces) => Err(format!("comes where a piece of {} is missing", pieces.key.escape_ascii())),
            None => Ok(()),
        }
    }

    /// What the end of the stream leaves unanswered.
    fn open_ends(&mut self) -> Vec<String> {
        let mut problems: Vec<String> = self.expect_no_piece().err().into_iter().collect();
        let missing = self.keyed.iter();
        problems
            .extend(missing.map(|(key, offset)| format!("has key {key:?} of event {offset} not indexed")));
        if self.record.is_some() && self.tail == Offset::START {
            problems.push("has no events".into());
        }
        problems
    }
}
