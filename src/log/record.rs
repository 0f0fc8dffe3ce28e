//! The values of the store.
//!
//! Every value begins with a **seal**, the CRC-32C of its key and of what follows, so that a damaged value,
//! or one under a wrong key, is noticed whatever the engine notices.
//!
//! Events and slots can be longer than a value may be. They stand in a **frame**:
//!
//! | bytes | first value         | further pieces |
//! |-------|---------------------|----------------|
//! | 1     | `00`: all of it     |                |
//! | …     | the content         |                |
//! |-------|---------------------|----------------|
//! | 1     | `01`: in pieces     |                |
//! | 2     | their number        |                |
//! | 4     | CRC-32C of it all   |                |
//! | …     | the first           | the next       |
//!
//! The content of an event is its fields, each as tag u8, length u32 and bytes. What its key and the
//! stream's record say (path and offset) is left out.
//!
//! | tag | field           | bytes                                    |
//! |-----|-----------------|------------------------------------------|
//! | 1   | createdAt       | milliseconds i64                         |
//! | 2   | type            | text                                     |
//! | 3   | payload         | JSON text                                |
//! | 4   | metadata        | JSON text, left out when there is none   |
//! | 5   | idempotencyKey  | text, left out when there is none        |
//! | 6   | source          | JSON text, left out when there is none; no bytes for a client without a name |

use crate::event::{
    Event, EventInput, EventType, IdempotencyKey, Json, Offset, Source, StreamPath, Timestamp,
};
use crate::limits::VALUE_BYTES_MAX;

use super::keys;
use super::kv::Batch;

pub(super) const SEAL_BYTES: usize = 4;

const WHOLE: u8 = 0;
const PIECES: u8 = 1;
const PIECES_HEADER_BYTES: usize = 1 + 2 + 4;

const CREATED_AT: u8 = 1;
const TYPE: u8 = 2;
const PAYLOAD: u8 = 3;
const METADATA: u8 = 4;
const IDEMPOTENCY_KEY: u8 = 5;
const SOURCE: u8 = 6;

/// `value` has room for its seal at the front.
pub(super) fn seal(key: &[u8], value: &mut [u8]) {
    let (seal, content) = value.split_at_mut(SEAL_BYTES);
    seal.copy_from_slice(&checksum(key, content).to_be_bytes());
}

/// What stands behind the seal, if that is right. The error is a phrase for a report.
pub(super) fn unseal<'a>(key: &[u8], value: &'a [u8]) -> Result<&'a [u8], &'static str> {
    let (seal, content) = value.split_at_checked(SEAL_BYTES).ok_or("is too short")?;
    if seal != checksum(key, content).to_be_bytes() {
        return Err("has a wrong checksum");
    }
    Ok(content)
}

fn checksum(key: &[u8], content: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), content)
}

// --- frames -----------------------------------------------------------------------------------------

/// A frame's first value: all of its content, or the beginning and what is to come.
#[derive(Debug, PartialEq)]
pub(super) enum Frame<'a> {
    Whole(&'a [u8]),
    First { pieces: u16, checksum: u32, content: &'a [u8] },
}

impl<'a> Frame<'a> {
    pub fn decode(value: &'a [u8]) -> Result<Frame<'a>, &'static str> {
        match *value {
            [WHOLE, ref content @ ..] => Ok(Frame::Whole(content)),
            [PIECES, p0, p1, c0, c1, c2, c3, ref content @ ..] => Ok(Frame::First {
                pieces: u16::from_be_bytes([p0, p1]),
                checksum: u32::from_be_bytes([c0, c1, c2, c3]),
                content,
            }),
            _ => Err("has an unknown frame"),
        }
    }

    /// How many values it takes.
    pub fn pieces(&self) -> u16 {
        match self {
            Frame::Whole(_) => 1,
            Frame::First { pieces, .. } => *pieces,
        }
    }
}

/// Puts together what was framed in pieces.
pub(super) struct Assembly {
    content: Vec<u8>,
    checksum: u32,
    next: u16,
    pieces: u16,
}

impl Assembly {
    pub fn begin(pieces: u16, checksum: u32, first: &[u8]) -> Assembly {
        Assembly { content: first.to_vec(), checksum, next: 1, pieces }
    }

    pub fn add(&mut self, number: u16, content: &[u8]) -> Result<(), &'static str> {
        if number != self.next || number >= self.pieces {
            return Err("has its pieces out of order");
        }
        self.next += 1;
        self.content.extend_from_slice(content);
        Ok(())
    }

    pub fn is_complete(&self) -> bool {
        self.next == self.pieces
    }

    pub fn finish(self) -> Result<Vec<u8>, &'static str> {
        if !self.is_complete() {
            return Err("lacks a piece");
        }
        if crc32c::crc32c(&self.content) != self.checksum {
            return Err("has pieces that do not belong together");
        }
        Ok(self.content)
    }
}

/// Writes what `fill` appends under `key`, in as many pieces as it takes; answers their number.
pub(super) fn put_framed(batch: &mut Batch, key: &[u8], fill: impl FnOnce(&mut Vec<u8>)) -> u16 {
    let value_bytes = batch.put(key, |value| {
        value.push(WHOLE);
        fill(value);
    });
    if value_bytes <= VALUE_BYTES_MAX {
        return 1;
    }
    let value = batch.take_last();
    put_pieces(batch, key, &value[SEAL_BYTES + 1..])
}

fn put_pieces(batch: &mut Batch, key: &[u8], content: &[u8]) -> u16 {
    const ROOM: usize = VALUE_BYTES_MAX - SEAL_BYTES - PIECES_HEADER_BYTES;
    let mut parts = content.chunks(ROOM);
    let pieces = u16::try_from(parts.len()).expect("the bounds of events and states make few pieces");
    let first = parts.next().expect("what is cut into pieces is not empty");
    batch.put(key, |value| {
        value.push(PIECES);
        value.extend_from_slice(&pieces.to_be_bytes());
        value.extend_from_slice(&crc32c::crc32c(content).to_be_bytes());
        value.extend_from_slice(first);
    });
    for (number, part) in (1..).zip(parts) {
        batch.put(&keys::piece(key, number), |value| value.extend_from_slice(part));
    }
    pieces
}

// --- events -----------------------------------------------------------------------------------------

pub(super) fn encode_event(event: &Event, content: &mut Vec<u8>) {
    push_field(content, CREATED_AT, &event.created_at.as_millis().to_be_bytes());
    push_field(content, TYPE, event.event_type.as_str().as_bytes());
    push_field(content, PAYLOAD, event.payload.as_str().as_bytes());
    if let Some(metadata) = &event.metadata {
        push_field(content, METADATA, metadata.as_str().as_bytes());
    }
    if let Some(key) = &event.idempotency_key {
        push_field(content, IDEMPOTENCY_KEY, key.as_str().as_bytes());
    }
    if let Some(source) = &event.source {
        push_field(content, SOURCE, encode_source(source).as_str().as_bytes());
    }
}

fn push_field(content: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    content.push(tag);
    content.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    content.extend_from_slice(bytes);
}

/// The most common source takes no bytes, and no parsing when a history is read.
fn encode_source(source: &Source) -> Json {
    if *source == Source::client() { Json::from_stored("") } else { Json::of(source) }
}

/// The error is a phrase for a report.
pub(super) fn decode_event(content: &[u8], path: StreamPath, offset: Offset) -> Result<Event, &'static str> {
    let mut created_at = None;
    let mut event_type = None;
    let mut payload = None;
    let mut metadata = None;
    let mut idempotency_key = None;
    let mut source = None;
    let mut rest = content;
    while !rest.is_empty() {
        let (tag, bytes, after) = split_field(rest).ok_or("has a field that is cut off")?;
        match tag {
            CREATED_AT => created_at = Some(decode_time(bytes)?),
            TYPE => event_type = Some(EventType::parse(text(bytes)?).map_err(|_| "has no type")?),
            PAYLOAD => payload = Some(Json::from_stored(text(bytes)?)),
            METADATA => metadata = Some(Json::from_stored(text(bytes)?)),
            IDEMPOTENCY_KEY => {
                idempotency_key = Some(IdempotencyKey::parse(text(bytes)?).ok_or("has an empty key")?);
            }
            SOURCE => source = Some(decode_source(bytes)?),
            _ => return Err("has a field that this version does not know"),
        }
        rest = after;
    }
    let event_type = event_type.ok_or("has no type")?;
    let payload = payload.ok_or("has no payload")?;
    let created_at = created_at.ok_or("has no time")?;
    let input = EventInput { event_type, payload, metadata, idempotency_key, offset: None };
    Ok(Event::place(input, path, offset, created_at, source))
}

fn split_field(content: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = content.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((*tag, bytes, rest))
}

fn decode_source(bytes: &[u8]) -> Result<Source, &'static str> {
    if bytes.is_empty() {
        return Ok(Source::client());
    }
    serde_json::from_slice(bytes).map_err(|_| "has an unreadable source")
}

fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "has a text that is not UTF-8")
}

// --- small values -----------------------------------------------------------------------------------

pub(super) fn push_time(value: &mut Vec<u8>, time: Timestamp) {
    value.extend_from_slice(&time.as_millis().to_be_bytes());
}

pub(super) fn decode_time(bytes: &[u8]) -> Result<Timestamp, &'static str> {
    let millis = bytes.try_into().map_err(|_| "has no time")?;
    Ok(Timestamp::from_millis(i64::from_be_bytes(millis)))
}

pub(super) fn decode_number(bytes: &[u8]) -> Result<u64, &'static str> {
    Ok(u64::from_be_bytes(bytes.try_into().map_err(|_| "is no number")?))
}

/// A time and what stands behind it.
pub(super) fn split_time(bytes: &[u8]) -> Result<(Timestamp, &[u8]), &'static str> {
    let (time, rest) = bytes.split_at_checked(8).ok_or("has no time")?;
    Ok((decode_time(time)?, rest))
}

/// A number and what stands behind it.
pub(super) fn split_number(bytes: &[u8]) -> Result<(u64, &[u8]), &'static str> {
    let (number, rest) = bytes.split_at_checked(8).ok_or("is no number")?;
    Ok((decode_number(number)?, rest))
}

pub(super) fn decode_path(bytes: &[u8]) -> Result<StreamPath, &'static str> {
    StreamPath::parse(text(bytes)?).map_err(|_| "has a path that is none")
}
