//! fjall 3 as an engine: a log-structured tree, for more data than sled carries well. One keyspace; a batch
//! is in fjall's own journal, which is synced when we ask for it and whenever fjall begins another one.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::time::Instant;

use ::fjall::{Database, Error, Keyspace, KeyspaceCreateOptions, LsmError, PersistMode, Readable};

use super::kv::{Batch, Kv, KvError, KvStats, Visit, catch};
use crate::limits::{ENGINE_LOCK_WAIT, FJALL_CACHE_BYTES, FJALL_JOURNAL_BYTES, FJALL_MEMTABLE_BYTES};

pub(super) struct FjallKv {
    // Before the database, so that it is dropped first.
    keyspace: Keyspace,
    database: Database,
}

impl FjallKv {
    pub fn open(folder: &Path) -> Result<FjallKv, KvError> {
        let started = Instant::now();
        let database = loop {
            match catch(|| open_database(folder).map_err(convert_open)) {
                // The caller holds the folder's lock: this one is held by a thread of ours that is about to end.
                Err(KvError::Io(why)) if why == LOCKED && started.elapsed() < ENGINE_LOCK_WAIT => {
                    std::thread::sleep(std::time::Duration::from_millis(5));
                }
                outcome => break outcome?,
            }
        };
        let keyspace = catch(|| database.keyspace("log", keyspace_options).map_err(convert))?;
        Ok(FjallKv { keyspace, database })
    }
}

fn open_database(folder: &Path) -> Result<Database, Error> {
    Database::builder(folder).cache_size(FJALL_CACHE_BYTES).max_journaling_size(FJALL_JOURNAL_BYTES).open()
}

fn keyspace_options() -> KeyspaceCreateOptions {
    KeyspaceCreateOptions::default().max_memtable_size(FJALL_MEMTABLE_BYTES)
}

impl Kv for FjallKv {
    fn write(&self, batch: &Batch) -> Result<(), KvError> {
        let mut writes = ::fjall::OwnedWriteBatch::with_capacity(self.database.clone(), batch.len());
        for (key, value) in batch.writes() {
            match value {
                Some(value) => writes.insert(&self.keyspace, key, value),
                None => writes.remove(&self.keyspace, key),
            }
        }
        catch(|| writes.commit().map_err(convert))
    }

    fn sync(&self) -> Result<(), KvError> {
        catch(|| self.database.persist(PersistMode::SyncData).map_err(convert))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        catch(|| Ok(self.keyspace.get(key).map_err(convert)?.map(|value| value.to_vec())))
    }

    fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError> {
        if keys.start >= keys.end {
            return Ok(());
        }
        // Without a snapshot, a scan would see batches in parts.
        let mut entries = self.database.snapshot().range(&self.keyspace, keys);
        let mut next = || {
            catch(|| {
                let entry = if reverse { entries.next_back() } else { entries.next() };
                entry.map(|entry| entry.into_inner()).transpose().map_err(convert)
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
        let disk_bytes = catch(|| self.database.disk_space().map_err(convert))?;
        Ok(KvStats { disk_bytes, blob_files: 0 })
    }
}

const LOCKED: &str = "fjall's lock is held";

fn convert_open(error: Error) -> KvError {
    match error {
        Error::Locked => KvError::Io(LOCKED.into()),
        error => convert(error),
    }
}

fn convert(error: Error) -> KvError {
    match error {
        Error::Io(error) | Error::Storage(LsmError::Io(error)) => KvError::io(&error),
        Error::Poisoned => KvError::Io("an earlier write has failed".into()),
        other => KvError::Corrupt(other.to_string()),
    }
}
