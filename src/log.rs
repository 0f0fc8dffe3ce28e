//! The log: what has been committed. It alone knows the store.
//!
//! A commit goes to one committer thread, which lets all that wait share one batch and one sync: that of the
//! [`journal`]. Then the engine gets the batch, and readers see it; the engine syncs later, in a checkpoint.
//! Reads go straight to the engine, and end at what is durable. Engines ([`kv`]) only keep bytes in order; the
//! layout ([`keys`], [`record`]), the journal, the committer, the watermark and the checks stand once, above them.
//!
//! Reading is synchronous and quick as long as a page is asked for at a time; whoever reads a whole history
//! does so on a thread that may block.

mod checkpointer;
mod committer;
mod error;
mod fjall;
mod folder;
mod fork;
mod fsck;
mod group;
mod journal;
mod keys;
mod kv;
mod lazy;
mod lookup;
mod overlay;
mod read;
mod record;
mod sled;
#[cfg(test)]
mod tests;
mod watermark;

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use crate::event::{Event, Offset, StreamKey, Timestamp};
use crate::limits::{
    CHECKPOINT_AFTER, CHECKPOINT_BYTES, COMMIT_QUEUE_MAX, JOURNAL_SEGMENT_BYTES, SLED_CACHE_BYTES,
};
use checkpointer::Pace;
use committer::{Committer, Request};
use folder::DataFolder;
use fork::Forks;
use journal::{Medium, Recovered};
use kv::{Batch, Kv, KvError};
use lazy::{Lazies, Place};
use lookup::Lookup;
use watermark::Watermark;

pub use error::{LogError, OpenError};
pub use fork::{Fork, NewFork};
pub use fsck::{FsckReport, fsck};

/// Numbers in the order of creation. A stream that is created again after its deletion gets another one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct StreamId(pub u64);

/// A stream that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamRecord {
    pub id: StreamId,
    pub key: StreamKey,
    pub created_at: Timestamp,
}

/// The embedded stores to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Sled,
    Fjall,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Sled => "sled",
            Engine::Fjall => "fjall",
        })
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Engine, String> {
        match text {
            "sled" => Ok(Engine::Sled),
            "fjall" => Ok(Engine::Fjall),
            _ => Err(format!("there is no engine {text:?}; choose `sled` or `fjall`")),
        }
    }
}

#[derive(Clone, Debug)]
pub struct LogOptions {
    /// None: the one that the folder records, or sled for a new folder. Another than recorded is an error.
    pub engine: Option<Engine>,
    pub sled_cache_bytes: u64,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { engine: None, sled_cache_bytes: SLED_CACHE_BYTES }
    }
}

/// What start-up needs to know about streams without looking at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// The stream has processors.
    Processors,
    /// The stream's ancestors do not all know of it yet.
    Unannounced,
    /// The stream is to be woken at a time, which is the mark's value.
    Alarm,
    /// Processors of the stream run on those below it, too.
    Subtrees,
    /// A processor of a stream above may owe this one a reaction.
    Inherited,
}

impl Mark {
    const ALL: [Mark; 5] =
        [Mark::Processors, Mark::Unannounced, Mark::Alarm, Mark::Subtrees, Mark::Inherited];

    fn code(self) -> u8 {
        match self {
            Mark::Processors => 1,
            Mark::Unannounced => 2,
            Mark::Alarm => 16,
            Mark::Subtrees => 19,
            Mark::Inherited => 21,
        }
    }
}

/// What becomes of the time at which a stream is to be woken: as durable as the events that it follows from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Alarm {
    #[default]
    Unchanged,
    At(Timestamp),
    Off,
}

/// Events that become durable together, or not at all, in the offsets behind `expected_tail`.
#[derive(Debug)]
pub struct Commit {
    pub stream: StreamKey,
    /// None creates the stream: there must be none at its path, and the tail before is 0.
    pub id: Option<StreamId>,
    pub expected_tail: Offset,
    pub events: Vec<Arc<Event>>,
    pub marks: Vec<(Mark, bool)>,
    pub alarm: Alarm,
    /// Slots of the stream that are written with them.
    pub slots: Vec<(String, Vec<u8>)>,
}

impl Commit {
    /// What would be a mistake of the caller's own.
    fn check(&self) {
        assert!(
            self.id.is_some() || (self.expected_tail == Offset::START && !self.events.is_empty()),
            "a stream is created by its first event"
        );
        let mut offset = self.expected_tail;
        let mut seen = HashSet::new();
        for event in &self.events {
            offset = offset.next();
            assert_eq!(event.offset, offset, "the events of a commit have the offsets behind its tail");
            let unique = event.idempotency_key.as_ref().is_none_or(|key| seen.insert(key));
            assert!(unique, "an idempotency key stands in a commit once");
        }
    }
}

/// Figures since the log was opened, but for what is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogStats {
    pub disk_bytes: u64,
    /// Syncs of the journal: one for each group of commits.
    pub syncs: u64,
    pub commits: u64,
    pub events: u64,
    /// Files that sled does not sync: if this is not 0, a crash may lose data.
    pub blob_files: u64,
}

/// The handle; clones share one log.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

/// What the committer and the readers both use.
struct Shared {
    folder: PathBuf,
    engine: Engine,
    /// None once the log is closed. A reader holds the lock while it looks, so that closing waits for it.
    kv: RwLock<Option<Arc<dyn Kv>>>,
    watermark: Watermark,
    lazies: Lazies,
    /// Deleted streams whose keys are not all removed yet.
    deleted: RwLock<HashSet<StreamId>>,
    forks: RwLock<Forks>,
    /// Set once, by the first write that fails.
    failure: OnceLock<LogError>,
    syncs: AtomicU64,
    commits: AtomicU64,
    events: AtomicU64,
    /// True once the engine and the folder are free again.
    ended: watch::Sender<bool>,
}

impl Log {
    /// What a reader of the log has found to be impossible.
    pub fn corrupt(&self, why: String) -> LogError {
        LogError::Corrupt { folder: self.shared.folder.clone(), why }
    }

    /// Opens a data folder, or makes one. Blocks: a store of a million events takes seconds.
    pub fn open(folder: &Path, options: LogOptions) -> Result<Log, OpenError> {
        Log::open_with(folder, options, Parts::default())
    }

    fn open_with(folder: &Path, options: LogOptions, parts: Parts) -> Result<Log, OpenError> {
        let mut folder = DataFolder::open(folder, options.engine)?;
        let kv = (parts.engine)(open_engine(&mut folder, options.sled_cache_bytes)?);
        folder.raise_format()?;
        recover(&folder, &*kv)?;
        let (requests, receiver) = mpsc::channel(COMMIT_QUEUE_MAX);
        let shared = Committer::start(folder, kv, receiver, parts)?;
        Ok(Log { shared, requests })
    }

    pub fn engine(&self) -> Engine {
        self.shared.engine
    }

    /// Returns once the events are durable. It may be dropped before that, and the commit still happens.
    pub async fn commit(&self, commit: Commit) -> Result<StreamId, LogError> {
        commit.check();
        self.ask(|log, reply| {
            for (mark, _) in &commit.marks {
                commit.id.inspect(|id| log.lazies.supersede(&Place::Mark(*id, *mark)));
            }
            for (name, _) in &commit.slots {
                commit.id.inspect(|id| log.lazies.supersede(&Place::Slot(*id, name.clone())));
            }
            Request::Commit { commit, reply }
        })
        .await
    }

    /// Returns once the slot is durable.
    pub async fn write_slot(&self, id: StreamId, name: &str, value: Option<Vec<u8>>) -> Result<(), LogError> {
        self.ask(|log, reply| {
            log.lazies.supersede(&Place::Slot(id, name.to_owned()));
            Request::Slot { id, name: name.to_owned(), value, reply }
        })
        .await
    }

    /// Joins the next group commit, or has one of its own after `LAZY_WRITE_DELAY`. A later write of the
    /// same slot, lazy or not, replaces one that still waits.
    pub fn write_slot_lazily(&self, id: StreamId, name: &str, value: Option<Vec<u8>>) {
        self.shared.lazies.put(Place::Slot(id, name.to_owned()), value);
    }

    /// As `write_slot_lazily`, for a mark that is no longer true.
    pub fn unmark_lazily(&self, id: StreamId, mark: Mark) {
        self.shared.lazies.put(Place::Mark(id, mark), None);
    }

    /// Whether there was such a stream. Once it returns the stream is gone for good; what it occupied is
    /// freed in the background.
    pub async fn delete(&self, id: StreamId) -> Result<bool, LogError> {
        self.ask(|_, reply| Request::Delete { id, reply }).await
    }

    /// Why nothing can be written any more, if so.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure.get().map(LogError::to_string)
    }

    pub fn stats(&self) -> LogStats {
        let kv = self.shared.kv.read().expect(LOCK);
        let kv = kv.as_ref().and_then(|kv| kv.stats().ok()).unwrap_or_default();
        LogStats {
            disk_bytes: kv.disk_bytes + journal::disk_bytes(&self.shared.folder),
            syncs: self.shared.syncs.load(Ordering::Relaxed),
            commits: self.shared.commits.load(Ordering::Relaxed),
            events: self.shared.events.load(Ordering::Relaxed),
            blob_files: kv.blob_files,
        }
    }

    /// Writes what waits, and lets go of the folder. Afterwards everything answers `Closed`.
    pub async fn close(&self) {
        // An error here says that another caller is closing it.
        let _ = self.requests.send(Request::Close).await;
        // And this cannot fail: the sender lives in what we share.
        let _ = self.shared.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// One request to the committer and its answer. `request` runs when there is room in the queue.
    async fn ask<T>(
        &self,
        request: impl FnOnce(&Shared, oneshot::Sender<Result<T, LogError>>) -> Request,
    ) -> Result<T, LogError> {
        if let Some(failure) = self.shared.failure.get() {
            return Err(failure.clone());
        }
        let Ok(room) = self.requests.reserve().await else {
            return Err(self.shared.ended());
        };
        let (reply, answer) = oneshot::channel();
        room.send(request(&self.shared, reply));
        answer.await.unwrap_or_else(|_| Err(self.shared.ended()))
    }
}

/// What tests make smaller, slower or worse.
struct Parts {
    /// Stands between the log and its engine.
    engine: Box<AroundEngine>,
    /// Stands between the journal and its files.
    medium: Box<AroundFile>,
    segment_bytes: u64,
    pace: Pace,
}

type AroundEngine = dyn Fn(Arc<dyn Kv>) -> Arc<dyn Kv>;
type AroundFile = dyn Fn(File) -> Box<dyn Medium>;

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            engine: Box::new(|kv| kv),
            medium: Box::new(|file| Box::new(file)),
            segment_bytes: JOURNAL_SEGMENT_BYTES,
            pace: Pace { bytes: CHECKPOINT_BYTES, after: CHECKPOINT_AFTER },
        }
    }
}

const LOCK: &str = "nothing panics while it holds this lock";

impl Shared {
    /// Why nobody answers any more.
    fn ended(&self) -> LogError {
        self.failure.get().cloned().unwrap_or(LogError::Closed)
    }

    /// From now on nothing is written: what the disk holds of the last batches is unknown.
    fn fail(&self, error: &KvError) -> LogError {
        let failure = self.failure.get_or_init(|| LogError::failed(&self.folder, error));
        tracing::error!(folder = %self.folder.display(), "{failure}");
        failure.clone()
    }

    fn is_deleted(&self, id: StreamId) -> bool {
        self.deleted.read().expect(LOCK).contains(&id)
    }
}

/// The engine of a folder, with the keys that say that it is complete.
fn open_engine(folder: &mut DataFolder, sled_cache_bytes: u64) -> Result<Arc<dyn Kv>, OpenError> {
    if !folder.manifest.initialized {
        folder.discard_unfinished()?;
    }
    let kv = start_engine(folder, sled_cache_bytes)?;
    if !folder.manifest.initialized {
        let mut batch = Batch::default();
        batch.put(keys::FORMAT, |value| value.extend_from_slice(&folder::FORMAT.to_be_bytes()));
        batch.put(keys::STREAMS, |value| value.extend_from_slice(&1u64.to_be_bytes()));
        let written = kv.write(&batch).and_then(|()| kv.sync());
        written.map_err(|error| OpenError::kv(&folder.path, error))?;
        folder.set_initialized()?;
    }
    check_format(folder, &*kv)?;
    Ok(kv)
}

/// Gives the engine what only the journal has, and has it synced: then the journal can begin anew.
fn recover(folder: &DataFolder, kv: &dyn Kv) -> Result<(), OpenError> {
    let journal = Recovered::read(&folder.path)
        .map_err(|error| OpenError::io(&folder.path, "read the journal", error))?;
    let batches = journal
        .behind(folder.noted(folder::CHECKPOINT)?, newest_batch(folder, kv)?)
        .map_err(|why| OpenError::Corrupt { folder: folder.path.clone(), why })?;
    if let Some(last) = batches.last() {
        let applied = batches.iter().try_for_each(|record| kv.write(&record.batch)).and_then(|()| kv.sync());
        applied.map_err(|error| OpenError::kv(&folder.path, error))?;
        folder.open_note(folder::CHECKPOINT)?.take(last.number);
    }
    check_synced(folder, kv)
}

/// The number of the newest batch that the engine has.
fn newest_batch(folder: &DataFolder, kv: &dyn Kv) -> Result<u64, OpenError> {
    let lookup = Lookup { kv, folder: &folder.path };
    lookup.number(keys::SYNCED).map_err(|error| OpenError::log(&folder.path, error))
}

fn start_engine(folder: &DataFolder, sled_cache_bytes: u64) -> Result<Arc<dyn Kv>, OpenError> {
    let engine = folder.manifest.engine;
    let path = folder.engine_folder();
    if folder.manifest.initialized && !path.exists() {
        let why = format!("its folder `{engine}` is missing");
        return Err(OpenError::Corrupt { folder: folder.path.clone(), why });
    }
    let kv: Result<Arc<dyn Kv>, _> = match engine {
        Engine::Sled => sled::SledKv::open(&path, folder.manifest.sled_segment_bytes, sled_cache_bytes)
            .map(|kv| Arc::new(kv) as _),
        Engine::Fjall => fjall::FjallKv::open(&path).map(|kv| Arc::new(kv) as _),
    };
    kv.map_err(|error| OpenError::kv(&folder.path, error))
}

/// A store that was complete once has this key, unless the engine has lost it with all the rest.
fn check_format(folder: &DataFolder, kv: &dyn Kv) -> Result<(), OpenError> {
    let corrupt = |why: String| OpenError::Corrupt { folder: folder.path.clone(), why };
    let value = kv.get(keys::FORMAT).map_err(|error| OpenError::kv(&folder.path, error))?;
    let value = value.ok_or_else(|| corrupt("its store is empty, though it was not once".into()))?;
    let format = record::unseal(keys::FORMAT, &value).map_err(|why| corrupt(format!("its format {why}")))?;
    // The format that the store was made with; its keys and values are the same in all of them so far.
    let known = (1..=folder.manifest.format).any(|known| format == known.to_be_bytes());
    if !known {
        return Err(corrupt("its store has another format than its manifest".into()));
    }
    Ok(())
}

/// What was synced is still there.
fn check_synced(folder: &DataFolder, kv: &dyn Kv) -> Result<(), OpenError> {
    let found = newest_batch(folder, kv)?;
    let noted = folder.noted(folder::SYNCED)?;
    if found < noted {
        return Err(OpenError::Shortened { folder: folder.path.clone(), found, noted });
    }
    Ok(())
}
