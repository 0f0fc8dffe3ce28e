//! Reading: pages of events, streams by path, age and mark. Nothing that a crash could undo is shown.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::lookup::Lookup;
use super::record::{self, Assembly, Frame};
use super::{LOCK, Log, LogError, Mark, StreamId, StreamRecord, keys};
use crate::event::{Event, IdempotencyKey, Offset, Project, StreamKey, StreamPath, Timestamp};
use crate::limits::VALUE_BYTES_MAX;

/// A scan that runs while a batch is applied may see later events of it and miss earlier ones. What has begun
/// to appear is complete for a scan that begins afterwards, so a second look settles whether a gap is real.
const LOOKS: usize = 3;

impl Log {
    pub fn find(&self, key: &StreamKey) -> Result<Option<StreamRecord>, LogError> {
        let found = self.look(|store| store.find(key))?;
        Ok(found.filter(|stream| self.shared.watermark.knows(stream.id)))
    }

    /// Whether the stream at `key` is the one with this number: not destroyed, and not created again.
    pub fn is_current(&self, key: &StreamKey, id: StreamId) -> Result<bool, LogError> {
        Ok(self.find(key)?.is_some_and(|stream| stream.id == id))
    }

    /// The durable tail; 0 when there are no events, or no such stream.
    pub fn tail(&self, id: StreamId) -> Result<Offset, LogError> {
        if self.shared.is_deleted(id) {
            return Ok(Offset::START);
        }
        let tail = self.look(|store| store.tail(id))?;
        Ok(self.shared.watermark.clamp(id, tail))
    }

    /// The event that was stored with a key.
    pub fn find_key(&self, id: StreamId, key: &IdempotencyKey) -> Result<Option<Offset>, LogError> {
        if self.shared.is_deleted(id) {
            return Ok(None);
        }
        let found = self.look(|store| store.find_key(id, key))?;
        let found = found.filter(|offset| self.shared.watermark.clamp(id, *offset) == *offset);
        if found.is_some() {
            return Ok(found);
        }
        // Up to where a stream shares another one's events, it shares their keys.
        let mut until = Offset::END;
        for fork in self.lineage(id) {
            until = until.min(fork.at);
            let found = self.look(|store| store.find_key(fork.parent, key))?;
            if found.is_some_and(|offset| offset <= until) {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Events between two offsets, both exclusive, as many as the bounds allow but at least one, if there is
    /// one. An event counts with the bytes that it has on the disk. A page ends where the events end that a fork
    /// shares with one other stream.
    pub fn read(
        &self,
        stream: &StreamRecord,
        after: Offset,
        before: Offset,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Arc<Event>>, LogError> {
        let page = || Page::new(stream, after, events_max.max(1), bytes_max);
        let (home, until) = self.shared.forks.read().expect(LOCK).home(stream.id, after.next());
        let keys = keys::events(home, after, before.min(until.next()));
        for _ in 0..LOOKS {
            if self.shared.is_deleted(stream.id) {
                return Ok(Vec::new());
            }
            let mut page = page();
            self.look(|store| {
                store.scan(&keys.start..&keys.end, false, |key, content| page.add(key, content))
            })?;
            if let Some(events) = page.finish() {
                // What is shared was durable before it was.
                return Ok(if home == stream.id { self.clamp(home, events) } else { events });
            }
        }
        if self.shared.is_deleted(stream.id) {
            return Ok(Vec::new());
        }
        let why = format!("stream `{}` lacks its event at offset {}", stream.key.path, after.next());
        Err(LogError::Corrupt { folder: self.shared.folder.clone(), why })
    }

    /// The event at an offset, if there is one.
    pub fn read_one(&self, stream: &StreamRecord, offset: Offset) -> Result<Option<Arc<Event>>, LogError> {
        // The first event of a page comes whatever its size.
        let page = self.read(stream, offset.previous(), offset.next(), 1, 0)?;
        Ok(page.into_iter().next())
    }

    fn clamp(&self, id: StreamId, mut events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
        if let Some(last) = events.last() {
            let durable = self.shared.watermark.clamp(id, last.offset);
            events.truncate(events.len() - (last.offset.0 - durable.0).min(events.len() as u64) as usize);
        }
        events
    }

    pub fn read_slot(&self, id: StreamId, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        let mut outcome = Ok(None);
        for _ in 0..LOOKS {
            if self.shared.is_deleted(id) {
                return Ok(None);
            }
            outcome = self.look(|store| store.slot(id, name));
            if !matches!(outcome, Err(LogError::Corrupt { .. })) {
                break;
            }
        }
        outcome
    }

    /// The streams that have a mark.
    pub fn marked(&self, mark: Mark) -> Result<Vec<StreamRecord>, LogError> {
        let range = keys::marks(mark);
        let ids = self.look(|store| store.ids(&range.start..&range.end, 2))?;
        self.records(ids)
    }

    /// The streams that are to be woken, and when.
    pub fn alarms(&self) -> Result<Vec<(StreamRecord, Timestamp)>, LogError> {
        let range = keys::marks(Mark::Alarm);
        let mut times = HashMap::new();
        self.look(|store| {
            store.scan(&range.start..&range.end, false, |key, content| {
                let id = keys::stream_id(key, 2).ok_or("is malformed")?;
                times.insert(id, record::decode_time(content)?);
                Ok(ControlFlow::Continue(()))
            })
        })?;
        let records = self.records(times.keys().copied().collect())?;
        Ok(records
            .into_iter()
            .map(|record| {
                let at = times[&record.id];
                (record, at)
            })
            .collect())
    }

    /// The newest first, from those created before `before`. With a `prefix`, that path and all below it;
    /// system streams only on request.
    pub fn streams(
        &self,
        project: &Project,
        prefix: Option<&StreamPath>,
        before: Option<StreamId>,
        limit: usize,
        system: bool,
    ) -> Result<Vec<StreamRecord>, LogError> {
        let wanted = |stream: &StreamRecord| {
            (system || !stream.key.path.is_system()) && self.shared.watermark.knows(stream.id)
        };
        match prefix {
            Some(prefix) if !prefix.is_root() => self.newest_under(project, prefix, before, limit, wanted),
            _ => self.newest(project, before, limit, wanted),
        }
    }

    fn newest(
        &self,
        project: &Project,
        before: Option<StreamId>,
        limit: usize,
        wanted: impl Fn(&StreamRecord) -> bool,
    ) -> Result<Vec<StreamRecord>, LogError> {
        let range = keys::list(project, before);
        let mut found = Vec::new();
        self.look(|store| {
            store.scan(&range.start..&range.end, true, |key, content| {
                if found.len() == limit {
                    return Ok(ControlFlow::Break(()));
                }
                let stream = listed(project, range.start.len(), key, content)?;
                if wanted(&stream) {
                    found.push(stream);
                }
                Ok(ControlFlow::Continue(()))
            })
        })?;
        Ok(found)
    }

    /// By path, and then the newest of them: few streams are below a path, however many there are in all.
    fn newest_under(
        &self,
        project: &Project,
        prefix: &StreamPath,
        before: Option<StreamId>,
        limit: usize,
        wanted: impl Fn(&StreamRecord) -> bool,
    ) -> Result<Vec<StreamRecord>, LogError> {
        let mut newest = BinaryHeap::new();
        let mut offer = |stream: StreamRecord| {
            if before.is_none_or(|before| stream.id < before) && wanted(&stream) {
                newest.push(Reverse(ByAge(stream)));
                if newest.len() > limit {
                    newest.pop();
                }
            }
        };
        self.find(&StreamKey::new(project.clone(), prefix.clone()))?.map(&mut offer);
        self.scan_paths(project, prefix, offer)?;
        Ok(newest.into_sorted_vec().into_iter().map(|Reverse(ByAge(stream))| stream).collect())
    }

    /// All streams strictly below a path, system streams too, in the order of their paths.
    pub fn descendants(&self, project: &Project, path: &StreamPath) -> Result<Vec<StreamRecord>, LogError> {
        let mut found = Vec::new();
        self.scan_paths(project, path, |stream| found.push(stream))?;
        found.retain(|stream| self.shared.watermark.knows(stream.id));
        Ok(found)
    }

    fn scan_paths(
        &self,
        project: &Project,
        path: &StreamPath,
        mut visit: impl FnMut(StreamRecord),
    ) -> Result<(), LogError> {
        let Range { start, end } = keys::paths_below(project, path);
        self.look(|store| {
            store.scan(&start..&end, false, |key, content| {
                let (project, path) = keys::split_project(key, 1).ok_or("is malformed")?;
                let (id, time) = record::split_number(content)?;
                visit(StreamRecord {
                    id: StreamId(id),
                    key: StreamKey::new(project, record::decode_path(path)?),
                    created_at: record::decode_time(time)?,
                });
                Ok(ControlFlow::Continue(()))
            })
        })
    }

    fn records(&self, ids: Vec<StreamId>) -> Result<Vec<StreamRecord>, LogError> {
        let mut records = Vec::with_capacity(ids.len());
        for id in ids.into_iter().filter(|id| self.shared.watermark.knows(*id)) {
            records.extend(self.look(|store| store.record(id))?);
        }
        Ok(records)
    }

    /// Closing waits for what runs in here, so nothing in here may look again.
    fn look<T>(&self, question: impl FnOnce(Lookup) -> Result<T, LogError>) -> Result<T, LogError> {
        let kv = self.shared.kv.read().expect(LOCK);
        let kv = kv.as_deref().ok_or(LogError::Closed)?;
        question(Lookup { kv, folder: &self.shared.folder })
    }
}

fn listed(
    project: &Project,
    prefix_bytes: usize,
    key: &[u8],
    content: &[u8],
) -> Result<StreamRecord, &'static str> {
    let id = keys::stream_id(key, prefix_bytes).ok_or("is malformed")?;
    let (created_at, path) = record::split_time(content)?;
    Ok(StreamRecord { id, key: StreamKey::new(project.clone(), record::decode_path(path)?), created_at })
}

struct ByAge(StreamRecord);

impl PartialEq for ByAge {
    fn eq(&self, other: &ByAge) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ByAge {}

impl PartialOrd for ByAge {
    fn partial_cmp(&self, other: &ByAge) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByAge {
    fn cmp(&self, other: &ByAge) -> std::cmp::Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

/// Events of one stream, gathered while they follow each other without a gap.
struct Page<'a> {
    stream: &'a StreamRecord,
    events: Vec<Arc<Event>>,
    next: Offset,
    /// An event whose pieces are still coming.
    partial: Option<Assembly>,
    gap: bool,
    events_max: usize,
    bytes_max: usize,
    bytes: usize,
}

impl<'a> Page<'a> {
    fn new(stream: &'a StreamRecord, after: Offset, events_max: usize, bytes_max: usize) -> Page<'a> {
        Page {
            stream,
            events: Vec::new(),
            next: after.next(),
            partial: None,
            gap: false,
            events_max,
            bytes_max,
            bytes: 0,
        }
    }

    fn add(&mut self, key: &[u8], content: &[u8]) -> Result<ControlFlow<()>, &'static str> {
        let (offset, piece) = keys::event_place(key).ok_or("is malformed")?;
        if self.partial.is_some() {
            return self.add_piece(offset, piece, content);
        }
        if (offset, piece) != (self.next, 0) {
            self.gap = true;
            return Ok(ControlFlow::Break(()));
        }
        let frame = Frame::decode(content)?;
        if !self.has_room(content.len().max((frame.pieces() as usize - 1) * VALUE_BYTES_MAX)) {
            return Ok(ControlFlow::Break(()));
        }
        match frame {
            Frame::Whole(content) => self.complete(content)?,
            Frame::First { pieces, checksum, content } => {
                self.partial = Some(Assembly::begin(pieces, checksum, content));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn add_piece(
        &mut self,
        offset: Offset,
        piece: u16,
        content: &[u8],
    ) -> Result<ControlFlow<()>, &'static str> {
        let Some(assembly) = self.partial.as_mut().filter(|_| offset == self.next) else {
            self.gap = true;
            return Ok(ControlFlow::Break(()));
        };
        assembly.add(piece, content)?;
        if let Some(assembly) = self.partial.take_if(|assembly| assembly.is_complete()) {
            self.complete(&assembly.finish()?)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.events.is_empty() || (self.events.len() < self.events_max && self.bytes <= self.bytes_max)
    }

    fn complete(&mut self, content: &[u8]) -> Result<(), &'static str> {
        let event = record::decode_event(content, self.stream.key.path.clone(), self.next)?;
        self.events.push(Arc::new(event));
        self.next = self.next.next();
        Ok(())
    }

    /// None when a gap is all there is.
    fn finish(self) -> Option<Vec<Arc<Event>>> {
        let interrupted = self.gap || self.partial.is_some();
        (!self.events.is_empty() || !interrupted).then_some(self.events)
    }
}
