//! The keys of the store. One ordered map holds everything; what belongs to a stream lies together.
//!
//! | key                                           | value (behind its seal, see `record`)                     |
//! |-----------------------------------------------|-----------------------------------------------------------|
//! | `M` `format`                                  | version it was made with u32: the store is complete       |
//! | `M` `streams`                                 | the number of the next stream u64                         |
//! | `M` `synced`                                  | how many batches were synced, this one included u64       |
//! | `F` stream u64                                | where the stream branches off another one, see `fork`     |
//! | `P` project `00` path                         | stream u64, created_at i64: find by path, list descendants |
//! | `L` project `00` stream u64                   | created_at i64, path: list by age                         |
//! | `K` mark u8, stream u64                       | the stream has the mark; of an alarm: time i64            |
//! | `T` stream u64                                | nothing: deleted, and its keys are being removed          |
//! | `S` stream u64 `A`                            | created_at i64, project `00` path: the stream exists      |
//! | `S` stream u64 `E` offset u64                 | an event, or its first piece                              |
//! | `S` stream u64 `E` offset u64, piece u16      | its further pieces, from 1                                |
//! | `S` stream u64 `I` idempotency key            | offset u64                                                |
//! | `S` stream u64 `Z` name `00`                  | a slot, or its first piece                                |
//! | `S` stream u64 `Z` name `00` piece u16        | its further pieces, from 1                                |
//!
//! Numbers are big-endian, so that the keys sort as they do. Neither projects, paths nor names of slots
//! contain a zero byte. The tail of a stream is its last `E` key and is stored nowhere else; that of a fork without any
//! is where it branches off.

use std::ops::Range;

use super::{Mark, StreamId};
use crate::event::{IdempotencyKey, Offset, Project, StreamPath};

pub(super) const FORMAT: &[u8] = b"Mformat";
pub(super) const STREAMS: &[u8] = b"Mstreams";
pub(super) const SYNCED: &[u8] = b"Msynced";

/// Everything that a scan for problems reads.
pub(super) const ALL: Range<&[u8]> = b"".as_slice()..b"\xff".as_slice();

const EVENT: u8 = b'E';
const EVENT_KEY_BYTES: usize = 18;

pub(super) fn path(project: &Project, path: &StreamPath) -> Vec<u8> {
    join(b'P', project, path.as_str().as_bytes())
}

/// The path keys strictly below `path`.
pub(super) fn paths_below(project: &Project, path: &StreamPath) -> Range<Vec<u8>> {
    let mut prefix = path.as_str().as_bytes().to_vec();
    if !path.is_root() {
        prefix.push(b'/');
    }
    let mut start = join(b'P', project, &prefix);
    let end = successor(&start);
    if path.is_root() {
        // The root's own key is the prefix itself.
        start.push(0);
    }
    start..end
}

pub(super) fn listed(project: &Project, id: StreamId) -> Vec<u8> {
    join(b'L', project, &id.0.to_be_bytes())
}

/// The list of a project up to `before`, exclusive.
pub(super) fn list(project: &Project, before: Option<StreamId>) -> Range<Vec<u8>> {
    let start = join(b'L', project, &[]);
    let end = before.map_or_else(|| successor(&start), |id| listed(project, id));
    start..end
}

pub(super) fn mark(mark: Mark, id: StreamId) -> [u8; 10] {
    let mut key = [b'K', mark.code(), 0, 0, 0, 0, 0, 0, 0, 0];
    key[2..].copy_from_slice(&id.0.to_be_bytes());
    key
}

pub(super) fn marks(mark: Mark) -> Range<[u8; 2]> {
    [b'K', mark.code()]..[b'K', mark.code() + 1]
}

pub(super) fn tombstone(id: StreamId) -> [u8; 9] {
    stream_prefix(b'T', id)
}

pub(super) const TOMBSTONES: Range<&[u8]> = b"T".as_slice()..b"U".as_slice();

pub(super) fn fork(id: StreamId) -> [u8; 9] {
    stream_prefix(b'F', id)
}

pub(super) const FORKS: Range<&[u8]> = b"F".as_slice()..b"G".as_slice();

pub(super) fn record(id: StreamId) -> [u8; 10] {
    stream_part(id, b'A')
}

/// All that belongs to one stream alone.
pub(super) fn stream(id: StreamId) -> Range<Vec<u8>> {
    let start = stream_prefix(b'S', id).to_vec();
    let end = successor(&start);
    start..end
}

pub(super) fn event(id: StreamId, offset: Offset) -> [u8; EVENT_KEY_BYTES] {
    let mut key = [0; EVENT_KEY_BYTES];
    key[..10].copy_from_slice(&stream_part(id, EVENT));
    key[10..].copy_from_slice(&offset.0.to_be_bytes());
    key
}

/// The events between two offsets, both exclusive, with all their pieces.
pub(super) fn events(id: StreamId, after: Offset, before: Offset) -> Range<[u8; EVENT_KEY_BYTES]> {
    event(id, after.next())..event(id, before)
}

/// The offset in an event's key, and the number of the piece: 0 for the event itself.
pub(super) fn event_place(key: &[u8]) -> Option<(Offset, u16)> {
    let place = key.get(10..)?;
    let (offset, piece) = place.split_at_checked(8)?;
    let offset = Offset(u64::from_be_bytes(offset.try_into().ok()?));
    match piece {
        [] => Some((offset, 0)),
        piece => Some((offset, u16::from_be_bytes(piece.try_into().ok()?))),
    }
}

pub(super) fn idempotency(id: StreamId, key: &IdempotencyKey) -> Vec<u8> {
    [&stream_part(id, b'I'), key.as_str().as_bytes()].concat()
}

pub(super) fn slot(id: StreamId, name: &str) -> Vec<u8> {
    assert!(!name.contains('\0'), "a slot's name has no zero byte");
    [&stream_part(id, b'Z'), name.as_bytes(), &[0]].concat()
}

/// A further piece of the value at `key`.
pub(super) fn piece(key: &[u8], number: u16) -> Vec<u8> {
    [key, &number.to_be_bytes()].concat()
}

/// The stream number behind the first byte (of a tombstone's or a stream's key) or at another place.
pub(super) fn stream_id(key: &[u8], at: usize) -> Option<StreamId> {
    let number = key.get(at..at + 8)?;
    Some(StreamId(u64::from_be_bytes(number.try_into().ok()?)))
}

/// Project and what stands behind its zero byte, of a key or value that holds both from `at` on.
pub(super) fn split_project(bytes: &[u8], at: usize) -> Option<(Project, &[u8])> {
    let bytes = bytes.get(at..)?;
    let zero = bytes.iter().position(|byte| *byte == 0)?;
    let project = Project::parse(std::str::from_utf8(&bytes[..zero]).ok()?).ok()?;
    Some((project, &bytes[zero + 1..]))
}

fn join(space: u8, project: &Project, rest: &[u8]) -> Vec<u8> {
    [&[space], project.as_str().as_bytes(), &[0], rest].concat()
}

fn stream_prefix(space: u8, id: StreamId) -> [u8; 9] {
    let mut key = [space, 0, 0, 0, 0, 0, 0, 0, 0];
    key[1..].copy_from_slice(&id.0.to_be_bytes());
    key
}

fn stream_part(id: StreamId, part: u8) -> [u8; 10] {
    let mut key = [part; 10];
    key[..9].copy_from_slice(&stream_prefix(b'S', id));
    key
}

/// The first key behind all that begin with `prefix`.
fn successor(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    unreachable!("every prefix begins with the letter of its space")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_of_every_key() {
        let project = Project::parse("pr").unwrap();
        let root = StreamPath::root();
        let a = StreamPath::parse("/a").unwrap();
        let id = StreamId(0x0102);
        let cases = [
            (hex(FORMAT), "4d666f726d6174"),
            (hex(STREAMS), "4d73747265616d73"),
            (hex(SYNCED), "4d73796e636564"),
            (hex(&path(&project, &a)), "507072002f61"),
            (hex(&listed(&project, id)), "4c7072000000000000000102"),
            (hex(&mark(Mark::Processors, id)), "4b010000000000000102"),
            (hex(&mark(Mark::Unannounced, id)), "4b020000000000000102"),
            (hex(&mark(Mark::Alarm, id)), "4b100000000000000102"),
            (hex(&tombstone(id)), "540000000000000102"),
            (hex(&fork(id)), "460000000000000102"),
            (hex(&record(id)), "53000000000000010241"),
            (hex(&event(id, Offset(3))), "530000000000000102450000000000000003"),
            (hex(&piece(&event(id, Offset(3)), 1)), "5300000000000001024500000000000000030001"),
            (hex(&idempotency(id, &IdempotencyKey::parse("k").unwrap())), "530000000000000102496b"),
            (hex(&slot(id, "s")), "5300000000000001025a7300"),
            (hex(&stream(id).end), "530000000000000103"),
            (hex(&stream(StreamId(0xff)).end), "5300000000000001"),
            (hex(&paths_below(&project, &a).start), "507072002f612f"),
            (hex(&paths_below(&project, &a).end), "507072002f6130"),
            (hex(&paths_below(&project, &root).start), "507072002f00"),
            (hex(&paths_below(&project, &root).end), "5070720030"),
            (hex(&list(&project, None).start), "4c707200"),
            (hex(&list(&project, None).end), "4c707201"),
        ];
        for (at, (bytes, expected)) in cases.iter().enumerate() {
            assert_eq!(bytes, expected, "case {at}");
        }
    }

    #[test]
    fn pieces_stand_between_their_event_and_the_next() {
        let id = StreamId(7);
        let range = events(id, Offset(4), Offset(6));
        assert!(piece(&event(id, Offset(4)), u16::MAX).as_slice() < range.start.as_slice());
        assert!(range.contains(&event(id, Offset(5))));
        assert!(piece(&event(id, Offset(5)), u16::MAX).as_slice() < range.end.as_slice());
        assert_eq!(event_place(&piece(&event(id, Offset(5)), 9)), Some((Offset(5), 9)));
        assert_eq!(event_place(&event(id, Offset::END)), Some((Offset::END, 0)));
        assert_eq!(event_place(b"S"), None);
    }

    #[test]
    fn below_a_path_is_neither_the_path_nor_one_that_only_begins_alike() {
        let project = Project::default();
        let below = |of: &str, candidate: &str| {
            let range = paths_below(&project, &StreamPath::parse(of).unwrap());
            range.contains(&path(&project, &StreamPath::parse(candidate).unwrap()))
        };
        assert!(below("/a", "/a/b") && below("/a", "/a/b/c") && below("/", "/a"));
        assert!(!below("/a", "/a") && !below("/a", "/ab") && !below("/a", "/a-b") && !below("/", "/"));
    }
}
