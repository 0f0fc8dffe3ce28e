//! What makes a commit durable: two files in front of the engine, to which every batch is written and synced
//! before the engine gets it. The engine itself syncs behind, in checkpoints (see `checkpointer`), when nobody
//! waits for it: to append to a file that is there already is the quickest thing that a disk can promise.
//!
//! - The engine never has a batch that the journal has not synced. So after any crash the engine holds the
//!   batches up to some number, the journal those from before that number on to the last acknowledged, and
//!   what the journal has is applied again, in order, when the log is opened.
//! - A segment is begun anew only once a checkpoint has made all of its batches durable in the engine.
//! - One write is under way at a time, and a failed one is the last. So only the newest record can be
//!   incomplete; one that is damaged where later ones were written is a loss, and is reported.
//!
//! Batches are numbered without gaps. The number stands in the batch itself too (`M synced`, see `keys`), so
//! that the engine says how far it has come.

mod record;
mod recovery;
mod segment;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::checkpointer::Checkpointer;
use super::kv::{Batch, KvError};
use segment::Segment;

pub(super) use recovery::Recovered;
pub(super) use segment::Medium;

const FOLDER: &str = "journal";
const SEGMENTS: [&str; 2] = ["0", "1"];

pub(super) struct Journal {
    active: Segment,
    other: Segment,
}

impl Journal {
    /// Makes the files anew; what they held must be durable in the engine.
    pub fn open(
        folder: &Path,
        segment_bytes: u64,
        medium: impl Fn(File) -> Box<dyn Medium>,
    ) -> io::Result<Journal> {
        let below = folder.join(FOLDER);
        fs::create_dir_all(&below)?;
        let [one, other] = SEGMENTS.map(|name| {
            let file = segment::reserve(&below.join(name), segment_bytes)?;
            Ok::<Segment, io::Error>(Segment::new(medium(file), segment_bytes))
        });
        File::open(&below)?.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Journal { active: one?, other: other? })
    }

    /// Returns when the batch would survive the loss of power. Waits for a checkpoint when both segments are full.
    pub fn append(&mut self, number: u64, batch: &Batch, checkpoints: &Checkpointer) -> Result<(), KvError> {
        if self.active.append(number, batch)? {
            return Ok(());
        }
        checkpoints.wait_for(self.other.last())?;
        std::mem::swap(&mut self.active, &mut self.other);
        self.active.begin()?;
        let appended = self.active.append(number, batch)?;
        assert!(appended, "a segment that has just been begun has room for any batch");
        Ok(())
    }
}

/// What the journal takes up on the disk.
pub(super) fn disk_bytes(folder: &Path) -> u64 {
    let below = folder.join(FOLDER);
    let lengths = SEGMENTS.iter().filter_map(|name| Some(fs::metadata(below.join(name)).ok()?.len()));
    lengths.sum()
}
