//! sled 0.34 as an engine. It is safe only with five rules, of which four are kept here: its flush does not
//! sync, so we do; values stay out of its blob files, which it never syncs; everything is in one tree, one
//! batch a commit; its panics are caught. (The fifth, a checksum of ours, is in `record`.)

use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::kv::{Batch, Kv, KvError, KvStats, Visit, catch};
use crate::limits::ENGINE_LOCK_WAIT;

pub(super) struct SledKv {
    db: ::sled::Db,
    /// sled's own file, for the sync that its flush leaves out.
    file: File,
    blobs: PathBuf,
    syncs: AtomicU64,
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
        Ok(SledKv { db, file, blobs: folder.join("blobs"), syncs: AtomicU64::new(0) })
    }

    /// Any error here is final for the caller: what a failed sync has left on the disk is unknown.
    fn sync(&self) -> Result<(), KvError> {
        self.db.flush().map_err(convert)?;
        self.file.sync_data().map_err(|error| KvError::io(&error))?;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
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
    fn write(&self, batch: &Batch, sync: bool) -> Result<(), KvError> {
        let mut writes = ::sled::Batch::default();
        for (key, value) in batch.writes() {
            match value {
                Some(value) => writes.insert(key, value),
                None => writes.remove(key),
            }
        }
        catch(|| {
            self.db.apply_batch(writes).map_err(convert)?;
            if sync { self.sync() } else { Ok(()) }
        })
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
        Ok(KvStats { disk_bytes, syncs: self.syncs.load(Ordering::Relaxed), blob_files })
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
