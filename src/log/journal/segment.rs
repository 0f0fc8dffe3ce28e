//! A file of the journal. It has its full length from the start, and is overwritten from its beginning each
//! time that it is begun: a sync then has nothing but the new bytes to write.
//!
//! | bytes | what                                                          |
//! |-------|---------------------------------------------------------------|
//! | 4     | CRC-32C of the rest of this header                            |
//! | 4     | `mrj1`                                                        |
//! | 8     | salt: the checksums of what is written behind it begin with it |
//! |-------|---------------------------------------------------------------|
//! | …     | records (see `record`)                                        |
//! | …     | what the file held before                                     |

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::record::{self, ALIGNMENT, Found, Record, Salt};
use crate::log::kv::{Batch, KvError};

const MAGIC: &[u8; 4] = b"mrj1";
const HEADER_BYTES: usize = 16;

/// Where a segment's bytes go.
pub(in crate::log) trait Medium: Send + 'static {
    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Returns when all that was written would survive the loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A segment that is being written.
pub(super) struct Segment {
    medium: Box<dyn Medium>,
    /// None until it is begun.
    salt: Option<Salt>,
    end: u64,
    last: u64,
    bytes_max: u64,
    buffer: Vec<u8>,
}

impl Segment {
    pub fn new(medium: Box<dyn Medium>, bytes_max: u64) -> Segment {
        Segment { medium, salt: None, end: 0, last: 0, bytes_max, buffer: Vec::new() }
    }

    /// The number of its newest batch.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// From now on what it holds counts for nothing.
    pub fn begin(&mut self) -> Result<(), KvError> {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt)
            .map_err(|error| KvError::Io(format!("there are no random numbers: {error}")))?;
        self.salt = Some(Salt(u64::from_be_bytes(salt)));
        self.end = 0;
        Ok(())
    }

    /// Writes a batch and syncs it. False when there is no room for it; one that has just been begun has
    /// room for any.
    pub fn append(&mut self, number: u64, batch: &Batch) -> Result<bool, KvError> {
        let Some(salt) = self.salt else { return Ok(false) };
        self.buffer.clear();
        if self.end == 0 {
            push_header(salt, &mut self.buffer);
        }
        record::encode(salt, number, batch, &mut self.buffer);
        let bytes = self.buffer.len() as u64;
        if self.end > 0 && self.end + bytes > self.bytes_max {
            return Ok(false);
        }
        let written = self.medium.write(&self.buffer, self.end).and_then(|()| self.medium.sync());
        written.map_err(|error| KvError::io(&error))?;
        self.end += bytes;
        self.last = number;
        Ok(true)
    }
}

fn push_header(salt: Salt, to: &mut Vec<u8>) {
    let mut header = [0; HEADER_BYTES];
    header[4..8].copy_from_slice(MAGIC);
    header[8..].copy_from_slice(&salt.0.to_be_bytes());
    let checksum = crc32c::crc32c(&header[4..]);
    header[..4].copy_from_slice(&checksum.to_be_bytes());
    to.extend_from_slice(&header);
}

/// Makes the file anew, in full length: with zeros that are really there, so that no later write has to find
/// room for itself.
pub(super) fn reserve(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = File::create(path)?;
    // A page at a time: a system that is given more keeps more together in its cache, and then takes a fifth
    // longer for the sync of a small part of it.
    for _ in 0..bytes.div_ceil(PAGE.len() as u64) {
        file.write_all(&PAGE)?;
    }
    file.sync_all()?;
    Ok(file)
}

const PAGE: [u8; 4096] = [0; 4096];

/// What a segment holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// In a row, from its beginning.
    pub records: Vec<Record>,
    /// The newest batch that had been written before the last one of which there is a trace: a record that
    /// follows damage proves it for itself, the mere header of one for its predecessor.
    pub written: u64,
}

impl Contents {
    pub fn first(&self) -> Option<u64> {
        self.records.first().map(|record| record.number)
    }

    pub fn last(&self) -> Option<u64> {
        self.records.last().map(|record| record.number)
    }
}

pub(super) fn read(path: &Path) -> io::Result<Contents> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(contents(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Contents::default()),
        Err(error) => Err(error),
    }
}

fn contents(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let Some(salt) = salt_of(bytes) else { return contents };
    let mut at = HEADER_BYTES;
    while let Found::Record(record) = record::look(salt, bytes.get(at..).unwrap_or_default()) {
        if contents.last().is_some_and(|last| record.number != last + 1) {
            break;
        }
        at += record.bytes;
        contents.records.push(record);
    }
    contents.written = (at..bytes.len())
        .step_by(ALIGNMENT)
        .map(|at| match record::look(salt, &bytes[at..]) {
            Found::Record(record) => record.number,
            Found::Damaged { number } => number.saturating_sub(1),
            Found::Nothing => 0,
        })
        .max()
        .unwrap_or(0);
    contents
}

fn salt_of(bytes: &[u8]) -> Option<Salt> {
    let header: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
    let (checksum, rest) = header.split_at(4);
    let salt = rest.strip_prefix(MAGIC)?.try_into().ok()?;
    (crc32c::crc32c(rest).to_be_bytes() == *checksum).then(|| Salt(u64::from_be_bytes(salt)))
}
