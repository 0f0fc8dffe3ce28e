//! What an embedded engine has to do: write a batch, sync, get, scan, count. All else stands once, above it.

use std::io::ErrorKind;
use std::ops::{ControlFlow, Range};

/// Sees one key and its value; `Break` ends the scan.
pub(super) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// An ordered map of bytes on a disk.
pub(super) trait Kv: Send + Sync + 'static {
    /// Key by key in the batch's order, or at once; readers see all of it or nothing. After a crash the engine has
    /// what it was given up to some point, which may lie within a batch, but not before the last sync. So what must
    /// not be true alone comes last in its batch.
    fn write(&self, batch: &Batch) -> Result<(), KvError>;

    /// Returns when all that was written before would survive the loss of power. Reads and, as far as the engine
    /// can, writes go on meanwhile.
    fn sync(&self) -> Result<(), KvError>;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError>;

    /// In the order of the keys, or against it. What is written meanwhile may or may not be seen, in part too.
    fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError>;

    fn stats(&self) -> Result<KvStats, KvError>;
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct KvStats {
    pub disk_bytes: u64,
    /// Files of values that the engine keeps apart and never syncs; there must be none.
    pub blob_files: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum KvError {
    /// The engine found bytes that it did not write.
    Corrupt(String),
    /// No room on the disk.
    Full(String),
    Io(String),
}

impl KvError {
    pub fn io(error: &std::io::Error) -> KvError {
        match error.kind() {
            _ if super::error::is_full(error) => KvError::Full(error.to_string()),
            // Damaged lengths make an engine read beyond the end, or seek before the beginning.
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
                KvError::Corrupt(error.to_string())
            }
            _ => KvError::Io(error.to_string()),
        }
    }
}

/// Runs a call into an engine that panics where it should answer with an error: the panic becomes one.
/// After a panic in a write the log does not write again; a read leaves nothing behind.
pub(super) fn catch<T>(call: impl FnOnce() -> Result<T, KvError>) -> Result<T, KvError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let text = text.unwrap_or("it did not say why").split_whitespace().collect::<Vec<_>>().join(" ");
        Err(KvError::Corrupt(format!("the engine gave up: {text}")))
    })
}

/// Writes that become true together. Keys and values lie in one buffer, so that an event costs no allocation.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    writes: Vec<(Range<usize>, Option<Range<usize>>)>,
}

impl Batch {
    /// A key may be written once in a batch: what the second write would mean differs between engines.
    /// `fill` appends the value; see [`super::record`] for the seal before it. Answers the value's length.
    pub fn put(&mut self, key: &[u8], fill: impl FnOnce(&mut Vec<u8>)) -> usize {
        let key = self.push(key);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; super::record::SEAL_BYTES]);
        fill(&mut self.bytes);
        let (before, value) = self.bytes.split_at_mut(start);
        super::record::seal(&before[key.clone()], value);
        self.writes.push((key, Some(start..self.bytes.len())));
        self.bytes.len() - start
    }

    /// Takes the last write back, and its value out.
    pub fn take_last(&mut self) -> Vec<u8> {
        let (key, value) = self.writes.pop().expect("taken back is only what was put");
        let taken = value.map_or_else(Vec::new, |value| self.bytes[value].to_vec());
        self.bytes.truncate(key.start);
        taken
    }

    /// A value that has its seal already.
    pub fn put_raw(&mut self, key: &[u8], value: &[u8]) {
        let key = self.push(key);
        let value = self.push(value);
        self.writes.push((key, Some(value)));
    }

    pub fn delete(&mut self, key: &[u8]) {
        let key = self.push(key);
        self.writes.push((key, None));
    }

    fn push(&mut self, key: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        start..self.bytes.len()
    }

    pub fn writes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.writes
            .iter()
            .map(|(key, value)| (&self.bytes[key.clone()], value.clone().map(|value| &self.bytes[value])))
    }

    pub fn len(&self) -> usize {
        self.writes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Of all keys and values.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Keeps the buffers for the next batch.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.writes.clear();
    }
}
