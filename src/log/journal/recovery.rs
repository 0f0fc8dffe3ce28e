//! What the journal knows that the engine may not: read from both segments, and written by nobody here.

use std::io;
use std::path::Path;

use super::record::Record;
use super::segment::{self, Contents};
use super::{FOLDER, SEGMENTS};

/// The newest batches, in a row.
#[derive(Debug, Default)]
pub(in crate::log) struct Recovered {
    records: Vec<Record>,
    /// The newest batch of whose writing there is a trace.
    written: u64,
}

impl Recovered {
    /// Reads the journal of a data folder; without one, there is nothing to recover.
    pub fn read(folder: &Path) -> io::Result<Recovered> {
        let folder = folder.join(FOLDER);
        let [one, other] = SEGMENTS.map(|name| segment::read(&folder.join(name)));
        Ok(Recovered::join(one?, other?))
    }

    /// A segment is begun when the other one is full: so the older one's batches precede the newer one's, or
    /// they have been overwritten, or damaged.
    fn join(one: Contents, other: Contents) -> Recovered {
        let written = one.written.max(other.written);
        let (older, newer) = if one.last() < other.last() { (one, other) } else { (other, one) };
        let follows = older.last().map(|last| last + 1) == newer.first();
        let mut records = if follows { older.records } else { Vec::new() };
        records.extend(newer.records);
        Recovered { records, written }
    }

    fn first(&self) -> Option<u64> {
        self.records.first().map(|record| record.number)
    }

    fn last(&self) -> Option<u64> {
        self.records.last().map(|record| record.number)
    }

    /// The batches behind `checkpoint`, or as many as there are, for an engine whose newest is `newest`: with
    /// them it has all that was ever acknowledged. None, too, if it has everything. The error is a sentence.
    ///
    /// To apply again what the engine has already shown does no harm: the same values come to stand at the same
    /// keys in the end. It is done because the engine may show what no disk holds, if a sync of it has failed.
    pub fn behind(&self, checkpoint: u64, newest: u64) -> Result<&[Record], String> {
        let end = self.last().unwrap_or(0).max(newest);
        if self.written > end {
            let (damaged, written) = (end + 1, self.written);
            return Err(format!("its journal is damaged at batch {damaged}, and goes on to batch {written}"));
        }
        let (Some(first), Some(last)) = (self.first(), self.last()) else { return Ok(&[]) };
        // An older version, which knows no journal, has gone on without it.
        if last < newest {
            return Ok(&[]);
        }
        if first > newest + 1 {
            return Err(format!(
                "its store ends at batch {newest}, and its journal begins at batch {first} only"
            ));
        }
        let known = self.records.partition_point(|record| record.number <= checkpoint.min(newest));
        Ok(&self.records[known..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::kv::Batch;

    fn contents(numbers: std::ops::Range<u64>, written: u64) -> Contents {
        let record = |number| Record { number, batch: Batch::default(), bytes: 0 };
        Contents { records: numbers.map(record).collect(), written }
    }

    #[test]
    fn what_is_applied_again() {
        let none = || contents(0..0, 0);
        let full = || contents(11..21, 0);
        // One segment, the other, the checkpoint, the engine's newest batch; the batches, or the complaint.
        let cases = [
            (none(), none(), 0, 0, Ok("")),
            (none(), none(), 7, 9, Ok("")),
            (contents(1..4, 0), none(), 0, 0, Ok("1 2 3")),
            (contents(1..4, 0), none(), 2, 2, Ok("3")),
            (contents(1..4, 0), none(), 3, 3, Ok("")),
            (contents(1..4, 0), none(), 1, 3, Ok("2 3")),
            (contents(1..4, 0), none(), 3, 1, Ok("2 3")),
            (contents(1..4, 0), none(), 0, 9, Ok("")),
            (full(), contents(21..23, 0), 19, 20, Ok("20 21 22")),
            (contents(21..23, 0), full(), 19, 20, Ok("20 21 22")),
            // The older one is being overwritten: nothing in it is needed any more.
            (none(), full(), 5, 10, Ok("11 12 13 14 15 16 17 18 19 20")),
            (contents(11..15, 0), contents(21..23, 0), 5, 20, Ok("21 22")),
            (contents(11..15, 0), contents(21..23, 0), 5, 15, Err("ends at batch 15")),
            (contents(1..4, 7), none(), 0, 3, Err("damaged at batch 4, and goes on to batch 7")),
            (contents(1..4, 7), none(), 0, 8, Ok("")),
            // A header whose content is not there: of the write that was cut off.
            (contents(1..4, 3), none(), 2, 2, Ok("3")),
            (full(), none(), 0, 9, Err("begins at batch 11 only")),
        ];
        for (one, other, checkpoint, newest, expected) in cases {
            let case = format!("{:?} {:?} {checkpoint} {newest}", one.first(), other.first());
            let recovered = Recovered::join(one, other);
            let batches = recovered.behind(checkpoint, newest).map(|records| {
                records.iter().map(|record| record.number.to_string()).collect::<Vec<_>>().join(" ")
            });
            match (batches, expected) {
                (Ok(batches), Ok(expected)) => assert_eq!(batches, expected, "{case}"),
                (Err(why), Err(expected)) => assert!(why.contains(expected), "{case}: {why}"),
                (found, _) => panic!("{case}: {found:?}"),
            }
        }
    }
}
