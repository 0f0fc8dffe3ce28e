//! A record of the journal: one batch, numbered, and what tells it from rubble.
//!
//! | bytes | what                                                               |
//! |-------|--------------------------------------------------------------------|
//! | 4     | CRC-32C of the segment's salt and of the rest of this header        |
//! | 4     | CRC-32C of the content                                              |
//! | 8     | number of the batch                                                 |
//! | 4     | length of the content                                               |
//! | 4     | how many writes the batch has                                       |
//! |-------|--------------------------------------------------------------------|
//! | 4 + 4 | for each write the lengths of key and value; FFFFFFFF: the key goes |
//! | …     | the keys and values, in the same order                              |
//!
//! Numbers are big-endian. A record begins at a multiple of eight, and zeros fill the room up to the next.

use super::super::kv::Batch;

pub(super) const ALIGNMENT: usize = 8;
const HEADER_BYTES: usize = 24;
const LENGTHS_BYTES: usize = 8;
const DELETED: u32 = u32::MAX;

/// Chosen anew whenever a segment is begun: what the segment held before is not taken for a record, and
/// nobody who has an event stored can make it look like one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Salt(pub u64);

impl Salt {
    pub fn checksum(self, bytes: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.0.to_be_bytes()), bytes)
    }
}

/// What stands at a place of a segment.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// The header of a record whose content is not what was written.
    Damaged {
        number: u64,
    },
    Record(Record),
}

#[derive(Debug)]
pub(in crate::log) struct Record {
    pub number: u64,
    pub batch: Batch,
    /// Up to the place of the next one.
    pub bytes: usize,
}

pub(super) fn encode(salt: Salt, number: u64, batch: &Batch, to: &mut Vec<u8>) {
    let start = to.len();
    to.extend_from_slice(&[0; HEADER_BYTES]);
    for (key, value) in batch.writes() {
        to.extend_from_slice(&length(key).to_be_bytes());
        to.extend_from_slice(&value.map_or(DELETED, length).to_be_bytes());
    }
    for (key, value) in batch.writes() {
        to.extend_from_slice(key);
        to.extend_from_slice(value.unwrap_or_default());
    }
    let (header, content) = to[start..].split_at_mut(HEADER_BYTES);
    header[4..8].copy_from_slice(&crc32c::crc32c(content).to_be_bytes());
    header[8..16].copy_from_slice(&number.to_be_bytes());
    header[16..20].copy_from_slice(&length(content).to_be_bytes());
    header[20..24].copy_from_slice(&(batch.len() as u32).to_be_bytes());
    let checksum = salt.checksum(&header[4..]);
    header[..4].copy_from_slice(&checksum.to_be_bytes());
    to.resize(start + (to.len() - start).next_multiple_of(ALIGNMENT), 0);
}

/// The bounds of events and states keep a batch far below this.
fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a batch is shorter than 4 GiB")
}

/// Looks at what `bytes` begin with.
pub(super) fn look(salt: Salt, bytes: &[u8]) -> Found {
    let Some((header, rest)) = bytes.split_at_checked(HEADER_BYTES) else { return Found::Nothing };
    if salt.checksum(&header[4..]).to_be_bytes() != header[..4] {
        return Found::Nothing;
    }
    let number = u64::from(number_at(header, 8)) << 32 | u64::from(number_at(header, 12));
    let (length, writes) = (number_at(header, 16) as usize, number_at(header, 20) as usize);
    let checksum = number_at(header, 4);
    let content = rest.get(..length).filter(|content| crc32c::crc32c(content) == checksum);
    match content.and_then(|content| decode(content, writes)) {
        Some(batch) => {
            let bytes = (HEADER_BYTES + length).next_multiple_of(ALIGNMENT);
            Found::Record(Record { number, batch, bytes })
        }
        None => Found::Damaged { number },
    }
}

fn decode(content: &[u8], writes: usize) -> Option<Batch> {
    let (lengths, mut rest) = content.split_at_checked(writes.checked_mul(LENGTHS_BYTES)?)?;
    let mut batch = Batch::default();
    for lengths in lengths.chunks_exact(LENGTHS_BYTES) {
        let (key, value) = (number_at(lengths, 0) as usize, number_at(lengths, 4));
        let (key, after) = rest.split_at_checked(key)?;
        rest = after;
        if value == DELETED {
            batch.delete(key);
            continue;
        }
        let (value, after) = rest.split_at_checked(value as usize)?;
        rest = after;
        batch.put_raw(key, value);
    }
    rest.is_empty().then_some(batch)
}

fn number_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Write = (Vec<u8>, Option<Vec<u8>>);

    fn batch(writes: &[Write]) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.put_raw(key, value),
                None => batch.delete(key),
            }
        }
        batch
    }

    fn writes(batch: &Batch) -> Vec<Write> {
        batch.writes().map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect()
    }

    proptest! {
        #[test]
        fn a_record_reads_as_it_was_written(
            expected in proptest::collection::vec((any::<Vec<u8>>(), any::<Option<Vec<u8>>>()), 0..8),
            number: u64, salt: u64, rubble: Vec<u8>,
        ) {
            let salt = Salt(salt);
            let mut bytes = Vec::new();
            encode(salt, number, &batch(&expected), &mut bytes);
            let written = bytes.len();
            bytes.extend(rubble);
            let Found::Record(record) = look(salt, &bytes) else { panic!("a record") };
            prop_assert_eq!((record.number, record.bytes), (number, written));
            prop_assert_eq!(writes(&record.batch), expected);
        }

        #[test]
        fn a_changed_byte_a_cut_and_another_salt_are_noticed(
            expected in proptest::collection::vec((any::<Vec<u8>>(), any::<Option<Vec<u8>>>()), 1..8),
            at: prop::sample::Index, change in 1u8.., cut: prop::sample::Index,
        ) {
            let salt = Salt(7);
            let mut bytes = Vec::new();
            encode(salt, 9, &batch(&expected), &mut bytes);
            let is_record = |salt, bytes: &[u8]| matches!(look(salt, bytes), Found::Record(_));
            prop_assert!(!is_record(Salt(8), &bytes));
            let lengths: usize = expected.iter().map(|(key, value)| 8 + key.len() + value.as_ref().map_or(0, Vec::len)).sum();
            let used = HEADER_BYTES + lengths;
            prop_assert!(!is_record(salt, &bytes[..cut.index(used)]));
            bytes[at.index(used)] ^= change;
            prop_assert!(!is_record(salt, &bytes));
        }
    }

    #[test]
    fn the_bytes_of_a_record() {
        let mut bytes = Vec::new();
        encode(
            Salt(1),
            2,
            &batch(&[(b"k".to_vec(), Some(b"vw".to_vec())), (b"d".to_vec(), None)]),
            &mut bytes,
        );
        let content = b"\0\0\0\x01\0\0\0\x02\0\0\0\x01\xff\xff\xff\xffkvwd";
        let mut expected = crc32c::crc32c(content).to_be_bytes().to_vec();
        expected.extend_from_slice(b"\0\0\0\0\0\0\0\x02\0\0\0\x14\0\0\0\x02");
        let checksum = crc32c::crc32c_append(crc32c::crc32c(b"\0\0\0\0\0\0\0\x01"), &expected);
        let expected = [&checksum.to_be_bytes(), &expected[..], content, &[0; 4]].concat();
        assert_eq!(bytes, expected);
    }
}
