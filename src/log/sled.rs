//! sled 0.34 as an engine. It is safe only with five rules, of which four are kept here: its flush does not
//! sync, so we do; values stay out of its blob files, which it never syncs; everything is in one tree; its
//! panics are caught. (The fifth, a checksum of ours, is in `record`.)
//!
//! A batch is not one of sled's own, which would be whole after a crash too, but key by key in its order. Two
//! things make that right:
//! - After a crash sled shows what it was given up to some point: its log is read up to the first gap, in the
//!   order of writing. So who writes the number of a batch as its last key knows from it that the batch is whole;
//!   and a part of the batch behind it does no harm, because the journal has had all of that one from before its
//!   first key was given to sled, and brings it again.
//! - Readers see a batch whole, because they wait while it is applied, as with one of sled's own.
//!
//! One of sled's own costs more than all the rest of a small commit: it begins another buffer twice, hands both
//! to a pool of seven threads, and wakes all of them each time.
//!
//! sled writes a segment to its file when the segment is full, and reuses an old one only when what had been
//! moved out of it has been written two segments earlier. It takes written for synced, which is not so; but
//! it is given an eighth of a segment at most without a sync here, in the middle of a batch if need be. Beside what
//! it is given it writes leaves anew, which makes about three times as much of events, and not sixteen times.

use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use super::kv::{Batch, Kv, KvError, KvStats, Visit, catch};
use crate::limits::{ENGINE_LOCK_WAIT, SLED_SYNCS_PER_SEGMENT};

pub(super) struct SledKv {
    db: ::sled::Db,
    /// sled's own file, for the sync that its flush leaves out.
    file: File,
    blobs: PathBuf,
    /// Taken for writing while a batch is applied, and by readers for each look.
    batches: RwLock<()>,
    /// Bytes that sled was given since it was opened, and how many of them have been synced.
    written: AtomicU64,
    synced: AtomicU64,
    unsynced_max: u64,
}

impl SledKv {
    /// Opens the store in `folder`, or makes it. `segment_bytes` is fixed when it is made.
    pub fn open(folder: &Path, segment_bytes: usize, cache_bytes: u64) -> Result<SledKv, KvError> {
        let config = ::sled::Config::new()
            .path(folder)
            .segment_size(segment_bytes)
            .cache_capacity(cache_bytes)
            // Its own flush every half second syncs nothing that we rely on, and only logs its errors.
            .flush_every_ms(None);
        let db = open_unlocked(&config)?;
        let file = File::open(folder.join("db")).map_err(|error| KvError::io(&error))?;
        sync_folder(folder, &file).map_err(|error| KvError::io(&error))?;
        Ok(SledKv {
            db,
            file,
            blobs: folder.join("blobs"),
            batches: RwLock::default(),
            written: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            unsynced_max: (segment_bytes / SLED_SYNCS_PER_SEGMENT) as u64,
        })
    }

    /// Looks into the tree between two batches. The lock guards no data of ours, so a panic of sled's leaves
    /// nothing half done behind it.
    fn look<T>(&self, call: impl FnOnce() -> Result<T, ::sled::Error>) -> Result<T, KvError> {
        let _whole = self.batches.read().unwrap_or_else(PoisonError::into_inner);
        catch(|| call().map_err(convert))
    }

    /// Who writes waits here only if the checkpoints cannot keep up.
    fn sync_if_due(&self) -> Result<(), KvError> {
        if self.unsynced() >= self.unsynced_max { self.sync() } else { Ok(()) }
    }

    pub(super) fn unsynced(&self) -> u64 {
        // This one first: it never overtakes the other.
        let synced = self.synced.load(Ordering::Acquire);
        self.written.load(Ordering::Acquire) - synced
    }
}

/// The caller holds the folder's lock, so whoever holds sled's own is a thread of ours that is about to end.
fn open_unlocked(config: &::sled::Config) -> Result<::sled::Db, KvError> {
    let started = Instant::now();
    loop {
        match catch(|| config.open().map_err(convert)) {
            Err(KvError::Io(why)) if why.contains("acquire lock") && started.elapsed() < ENGINE_LOCK_WAIT => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

/// sled leaves what it has replaced to the epochs, which free it once the thread that replaced it has replaced much
/// more. The thread that flushes never does; and one flush's is a buffer of a whole segment.
fn free_replaced() {
    for _ in 0..EPOCHS_UNTIL_FREE {
        crossbeam_epoch::pin().flush();
    }
}

/// What is given up in one epoch is free two later.
const EPOCHS_UNTIL_FREE: usize = 3;

/// sled syncs neither the files that it makes nor the folders that hold their names.
fn sync_folder(folder: &Path, db: &File) -> std::io::Result<()> {
    db.sync_all()?;
    File::open(folder.join("conf"))?.sync_all()?;
    File::open(folder.join("blobs"))?.sync_all()?;
    File::open(folder)?.sync_all()
}

impl Kv for SledKv {
    fn write(&self, batch: &Batch) -> Result<(), KvError> {
        self.sync_if_due()?;
        let _whole = self.batches.write().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in batch.writes() {
            // Not due here but in a batch that is larger than what may be unsynced; then readers wait for the disk.
            self.sync_if_due()?;
            catch(|| {
                let old = match value {
                    Some(value) => self.db.insert(key, value),
                    None => self.db.remove(key),
                };
                old.map(drop).map_err(convert)
            })?;
            let bytes = (key.len() + value.map_or(0, <[u8]>::len)) as u64;
            self.written.fetch_add(bytes, Ordering::Release);
        }
        Ok(())
    }

    /// Writes go on meanwhile: it is about those that were done when it began.
    fn sync(&self) -> Result<(), KvError> {
        let written = self.written.load(Ordering::Acquire);
        catch(|| self.db.flush().map_err(convert))?;
        free_replaced();
        self.file.sync_data().map_err(|error| KvError::io(&error))?;
        self.synced.fetch_max(written, Ordering::Release);
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.look(|| self.db.get(key))?.map(|value| value.to_vec()))
    }

    fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError> {
        if keys.start >= keys.end {
            return Ok(());
        }
        let mut entries = self.db.range(keys);
        // Only the engine is called inside: a panic of the visitor's is a bug of ours, and it may look itself.
        let mut next = || {
            self.look(|| {
                let entry = if reverse { entries.next_back() } else { entries.next() };
                entry.transpose()
            })
        };
        while let Some((key, value)) = next()? {
            if let ControlFlow::Break(()) = visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn stats(&self) -> Result<KvStats, KvError> {
        let disk_bytes = catch(|| self.db.size_on_disk().map_err(convert))?;
        let blob_files = std::fs::read_dir(&self.blobs).map_err(|error| KvError::io(&error))?.count() as u64;
        Ok(KvStats { disk_bytes, blob_files })
    }
}

fn convert(error: ::sled::Error) -> KvError {
    match error {
        ::sled::Error::Io(error) => KvError::io(&error),
        ::sled::Error::Corruption { at, .. } => KvError::Corrupt(at.map_or_else(
            || "sled found damaged bytes".into(),
            |at| format!("sled found damaged bytes at {at:?}"),
        )),
        other => KvError::Corrupt(other.to_string()),
    }
}
