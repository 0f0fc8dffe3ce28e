//! sled 0.34 as an engine. It is safe only with five rules, of which four are kept here: its flush does not
//! sync, so we do; values stay out of its blob files, which it never syncs; everything is in one tree, one
//! batch a commit; its panics are caught. (The fifth, a checksum of ours, is in `record`.)
//!
//! sled writes a segment to its file when the segment is full, and reuses an old one only when what had been
//! moved out of it has been written two segments earlier. It takes written for synced, which is not so; but
//! checkpoints come far more often than segments fill, so that what it overwrites has another, synced place.

use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::kv::{Batch, Kv, KvError, KvStats, Visit, catch};
use crate::limits::ENGINE_LOCK_WAIT;

pub(super) struct SledKv {
    db: ::sled::Db,
    /// sled's own file, for the sync that its flush leaves out.
    file: File,
    blobs: PathBuf,
    /// Held by a write and by a flush, which exclude each other in sled anyway: but there a write that waits
    /// for a flush makes readers wait too.
    gate: Mutex<()>,
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
        Ok(SledKv { db, file, blobs: folder.join("blobs"), gate: Mutex::default() })
    }

    /// Alone with the tree. It guards no data of ours, so a panic of sled's leaves nothing half done in it.
    fn alone<T>(&self, call: impl FnOnce() -> Result<T, ::sled::Error>) -> Result<T, KvError> {
        let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        catch(|| call().map_err(convert))
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

/// sled syncs neither the files that it makes nor the folders that hold their names.
fn sync_folder(folder: &Path, db: &File) -> std::io::Result<()> {
    db.sync_all()?;
    File::open(folder.join("conf"))?.sync_all()?;
    File::open(folder.join("blobs"))?.sync_all()?;
    File::open(folder)?.sync_all()
}

impl Kv for SledKv {
    fn write(&self, batch: &Batch) -> Result<(), KvError> {
        let mut writes = ::sled::Batch::default();
        for (key, value) in batch.writes() {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        self.alone(|| self.db.apply_batch(writes))
    }

    fn sync(&self) -> Result<(), KvError> {
        self.alone(|| self.db.flush())?;
        self.file.sync_data().map_err(|error| KvError::io(&error))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        catch(|| Ok(self.db.get(key).map_err(convert)?.map(|value| value.to_vec())))
    }

    fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError> {
        if keys.start >= keys.end {
            return Ok(());
        }
        let mut entries = self.db.range(keys);
        // Only the engine is called inside `catch`: a panic of the visitor's is a bug of ours.
        let mut next = || {
            catch(|| {
                let entry = if reverse { entries.next_back() } else { entries.next() };
                entry.transpose().map_err(convert)
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
