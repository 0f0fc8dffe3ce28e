//! The committer: one thread that writes. It takes all that waits, decides it in order, has one batch synced
//! by the journal, gives it to the engine, moves the watermark, and only then answers. While one sync runs the
//! next group gathers.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::checkpointer::Checkpointer;
use super::folder::{self, DataFolder, Note};
use super::fork::{Fork, Forks, NewFork};
use super::group::{Answer, Group, Reply};
use super::journal::Journal;
use super::kv::{Batch, Kv};
use super::lazy::{Lazies, Place};
use super::lookup::Lookup;
use super::watermark::Watermark;
use super::{Commit, LOCK, LogError, OpenError, Parts, Shared, StreamId, keys, record};
use crate::event::{Offset, StreamKey};
use crate::limits::{COMMIT_QUEUE_MAX, LAZY_WRITE_DELAY, PURGE_KEYS_MAX, TAIL_CACHE_MAX};

pub(super) enum Request {
    Commit { commit: Commit, reply: Answer<StreamId> },
    Slot { id: StreamId, name: String, value: Option<Vec<u8>>, reply: Answer<()> },
    Delete { id: StreamId, reply: Answer<bool> },
    Fork { fork: NewFork, reply: Answer<StreamId> },
    Close,
}

impl Request {
    fn refuse(self, error: LogError) {
        match self {
            Request::Commit { reply, .. } => drop(reply.send(Err(error))),
            Request::Slot { reply, .. } => drop(reply.send(Err(error))),
            Request::Delete { reply, .. } => drop(reply.send(Err(error))),
            Request::Fork { reply, .. } => drop(reply.send(Err(error))),
            Request::Close => {}
        }
    }
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    kv: Arc<dyn Kv>,
    requests: mpsc::Receiver<Request>,
    /// Taken from the queue, and not decided yet.
    waiting: VecDeque<Request>,
    /// The tails of streams lately written to, the batch under way included.
    tails: HashMap<StreamId, Offset>,
    next_stream: StreamId,
    /// Batches that were synced, ever.
    batches: u64,
    journal: Journal,
    checkpointer: Checkpointer,
    synced: Note,
    /// Deleted streams whose keys are to be removed.
    purges: VecDeque<StreamId>,
    /// Its buffers serve one group after the other.
    group: Group,
}

enum Wake {
    Work,
    Idle,
    End,
}

impl Committer {
    /// Starts the thread; it ends when the log is closed, or with the last handle.
    pub fn start(
        folder: DataFolder,
        kv: Arc<dyn Kv>,
        requests: mpsc::Receiver<Request>,
        parts: Parts,
    ) -> Result<Arc<Shared>, OpenError> {
        let start = |error| OpenError::io(&folder.path, "start the committer", error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(start)?;
        let Beginning { next_stream, batches, deleted, forks } = begin(&*kv, &folder.path)?;
        let purges: VecDeque<StreamId> = deleted.iter().copied().filter(|id| !forks.is_shared(*id)).collect();
        let journal = Journal::open(&folder.path, parts.segment_bytes, parts.medium)
            .map_err(|error| OpenError::io(&folder.path, "make the journal", error))?;
        let synced = folder.open_note(folder::SYNCED)?;
        let shared = Arc::new(Shared {
            folder: folder.path.clone(),
            engine: folder.manifest.engine,
            kv: RwLock::new(Some(kv.clone())),
            watermark: Watermark::new(next_stream),
            lazies: Lazies::default(),
            deleted: RwLock::new(HashSet::from_iter(deleted.iter().copied())),
            forks: RwLock::new(forks),
            failure: OnceLock::new(),
            syncs: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            events: AtomicU64::new(0),
            ended: watch::Sender::new(false),
        });
        let note = folder.open_note(folder::CHECKPOINT)?;
        let checkpointer = Checkpointer::start(shared.clone(), kv.clone(), note, batches, parts.pace)
            .map_err(|error| OpenError::io(&folder.path, "start the checkpointer", error))?;
        let committer = Committer {
            shared: shared.clone(),
            kv,
            requests,
            waiting: VecDeque::new(),
            tails: HashMap::new(),
            next_stream,
            batches,
            journal,
            checkpointer,
            synced,
            purges,
            group: Group::default(),
        };
        let path = folder.path.clone();
        let thread = std::thread::Builder::new().name("committer".into());
        let spawned = thread.spawn(move || committer.run_to_end(&runtime, folder));
        spawned.map_err(|error| OpenError::io(&path, "start the committer", error))?;
        Ok(shared)
    }

    /// The engine ends before the folder's lock goes, however the committer ends.
    fn run_to_end(self, runtime: &Runtime, folder: DataFolder) {
        let shared = self.shared.clone();
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.run(runtime))).is_err() {
            let failure = "the committer has ended because of a mistake of its own: restart the server";
            shared.failure.get_or_init(|| LogError::Failed(failure.into()));
        }
        drop(shared.kv.write().expect(LOCK).take());
        drop(folder);
        shared.ended.send_replace(true);
    }

    fn run(mut self, runtime: &Runtime) {
        loop {
            match runtime.block_on(self.wake()) {
                Wake::Work => {
                    if self.write_group().is_break() {
                        break;
                    }
                }
                Wake::Idle => {}
                Wake::End => break,
            }
            self.purge();
        }
        self.finish();
    }

    /// Waits until there is something to do.
    async fn wake(&mut self) -> Wake {
        if !self.waiting.is_empty() {
            return Wake::Work;
        }
        let batch = &mut Vec::new();
        let lazies = &self.shared.lazies;
        // What found no room in the last group has waited long enough.
        let mut deadline = (!lazies.is_empty()).then(Instant::now);
        if !self.purges.is_empty() && self.requests.is_empty() && !self.requests.is_closed() {
            return if deadline.is_some() { Wake::Work } else { Wake::Idle };
        }
        loop {
            let lazy_write = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                taken = self.requests.recv_many(batch, COMMIT_QUEUE_MAX) => {
                    self.waiting.extend(batch.drain(..));
                    return if taken == 0 { Wake::End } else { Wake::Work };
                }
                () = lazy_write => return Wake::Work,
                () = lazies.arrived.notified(), if deadline.is_none() => {
                    deadline = (!lazies.is_empty()).then(|| Instant::now() + LAZY_WRITE_DELAY);
                }
            }
        }
    }

    /// Breaks when the log is to be closed.
    fn write_group(&mut self) -> ControlFlow<()> {
        let mut group = std::mem::take(&mut self.group);
        let mut flow = ControlFlow::Continue(());
        while flow.is_continue() && !group.is_full() {
            match self.waiting.pop_front() {
                Some(Request::Close) => flow = ControlFlow::Break(()),
                Some(request) => self.decide(request, &mut group),
                None => break,
            }
        }
        self.take_lazies(&mut group);
        let outcome = self.write(&mut group);
        group.replies.drain(..).for_each(|reply| reply.send(outcome.clone()));
        group.clear();
        self.group = group;
        self.forget_tails();
        flow
    }

    // --- deciding -------------------------------------------------------------------------------

    /// What is refused is answered here, and leaves nothing in the group.
    fn decide(&mut self, request: Request, group: &mut Group) {
        if let Some(failure) = self.shared.failure.get() {
            return request.refuse(failure.clone());
        }
        match request {
            Request::Commit { commit, reply } => match self.place(&commit, group) {
                Ok(id) => group.replies.push(Reply::Committed(reply, id)),
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Fork { fork, reply } => match self.branch_off(&fork, group) {
                Ok(id) => group.replies.push(Reply::Committed(reply, id)),
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Slot { id, name, value, reply } => match self.tail(id) {
                Ok(Some(_)) => {
                    group.put_slot(id, name, value);
                    group.replies.push(Reply::Written(reply));
                }
                Ok(None) => drop(reply.send(Err(LogError::Gone { id }))),
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Delete { id, reply } => match self.lookup().record(id) {
                Ok(Some(stream)) => {
                    group.put_deletion(id, &stream.key);
                    group.replies.push(Reply::Deleted(reply));
                    self.tails.remove(&id);
                }
                Ok(None) => drop(reply.send(Ok(false))),
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Close => {}
        }
    }

    /// Puts a commit into the group if the stream is as the caller believes.
    fn place(&mut self, commit: &Commit, group: &mut Group) -> Result<StreamId, LogError> {
        let tail = match commit.id {
            Some(id) => self.tail(id)?,
            None => self.tail_at(&commit.stream, group)?,
        };
        let expected = commit.id.map(|_| commit.expected_tail);
        if tail != expected {
            let stream = commit.stream.clone();
            return Err(LogError::Conflict { stream, expected_tail: commit.expected_tail, tail });
        }
        let id = commit.id.unwrap_or(self.next_stream);
        if let (None, Some(first)) = (commit.id, commit.events.first()) {
            self.next_stream = StreamId(id.0 + 1);
            group.put_stream(id, &commit.stream, first.created_at);
        }
        group.put_commit(id, commit);
        self.tails.insert(id, Offset(commit.expected_tail.0 + commit.events.len() as u64));
        Ok(id)
    }

    /// Puts a new stream into the group that begins as another one does.
    fn branch_off(&mut self, new: &NewFork, group: &mut Group) -> Result<StreamId, LogError> {
        let NewFork { from, at, processors, to, created_at, marks } = new;
        let tail = self.tail(*from)?.filter(|tail| at <= tail).ok_or(LogError::Gone { id: *from })?;
        debug_assert!(*at <= tail);
        if let Some(tail) = self.tail_at(to, group)? {
            return Err(LogError::Conflict {
                stream: to.clone(),
                expected_tail: Offset::START,
                tail: Some(tail),
            });
        }
        // Its parent is the stream that the event was appended to, so that no other has to be kept for it.
        let mut fork = Fork { parent: *from, at: *at, processors: *processors };
        let forks = self.shared.forks.read().expect(LOCK);
        while let Some(above) = group.forked.get(&fork.parent).copied().or_else(|| forks.get(fork.parent))
            && fork.at <= above.at
        {
            fork =
                Fork { parent: above.parent, at: fork.at, processors: fork.processors && above.processors };
        }
        drop(forks);
        let id = self.next_stream;
        self.next_stream = StreamId(id.0 + 1);
        group.put_stream(id, to, *created_at);
        group.put_fork(id, fork, marks);
        self.tails.insert(id, *at);
        Ok(id)
    }

    /// None when there is no such stream. The groups before this one, and what precedes in this one, count.
    fn tail(&mut self, id: StreamId) -> Result<Option<Offset>, LogError> {
        if let Some(tail) = self.tails.get(&id) {
            return Ok(Some(*tail));
        }
        if self.lookup().record(id)?.is_none() {
            return Ok(None);
        }
        let tail = self.lookup().tail(id)?;
        self.tails.insert(id, tail);
        Ok(Some(tail))
    }

    fn tail_at(&mut self, key: &StreamKey, group: &Group) -> Result<Option<Offset>, LogError> {
        let found = match group.created.get(key) {
            Some(id) => Some(*id),
            None => self.lookup().find(key)?.map(|stream| stream.id),
        };
        found.map_or(Ok(None), |id| Ok(Some(self.tail(id)?.unwrap_or_default())))
    }

    /// Between two groups only: the store does not know yet what the one under way adds. A full cache starts
    /// anew, which is rare, and cheaper than to know which tail was used last.
    fn forget_tails(&mut self) {
        if self.tails.len() > TAIL_CACHE_MAX {
            self.tails.clear();
        }
    }

    fn lookup(&self) -> Lookup<'_> {
        Lookup { kv: &*self.kv, folder: &self.shared.folder }
    }

    // --- writing --------------------------------------------------------------------------------

    /// Lazy writes come after what has been waited for: those of the same place that were older are gone.
    fn take_lazies(&mut self, group: &mut Group) {
        for (place, value) in self.shared.lazies.take(group.room()) {
            let (Place::Slot(id, _) | Place::Mark(id, _)) = &place;
            let lives = group.deleted != Some(*id) && matches!(self.tail(*id), Ok(Some(_)));
            if lives {
                group.places.insert(place, value);
            }
        }
    }

    fn write(&mut self, group: &mut Group) -> Result<(), LogError> {
        if let Some(failure) = self.shared.failure.get() {
            return Err(failure.clone());
        }
        if group.is_empty() {
            return Ok(());
        }
        self.put_places(group);
        if !group.created.is_empty() {
            let next = self.next_stream.0.to_be_bytes();
            group.batch.put(keys::STREAMS, |value| value.extend_from_slice(&next));
        }
        self.batches += 1;
        group.batch.put(keys::SYNCED, |value| value.extend_from_slice(&self.batches.to_be_bytes()));
        self.journal
            .append(self.batches, &group.batch, &self.checkpointer)
            .map_err(|error| self.shared.fail(&error))?;
        self.synced.take(self.batches);
        self.shared.watermark.begin(std::mem::take(&mut group.tails));
        self.kv.write(&group.batch).map_err(|error| self.shared.fail(&error))?;
        self.checkpointer.applied(self.batches, group.batch.bytes());
        let mut forks = self.shared.forks.write().expect(LOCK);
        group.forked.drain().for_each(|(id, fork)| forks.insert(id, fork));
        if let Some(id) = group.deleted {
            self.shared.deleted.write().expect(LOCK).insert(id);
            // What others share stays, until the last of them is removed.
            if !forks.is_shared(id) {
                self.purges.push_back(id);
            }
        }
        drop(forks);
        group.tails = self.shared.watermark.publish(self.next_stream);
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        self.shared.commits.fetch_add(group.commits, Ordering::Relaxed);
        self.shared.events.fetch_add(group.events as u64, Ordering::Relaxed);
        Ok(())
    }

    fn put_places(&self, group: &mut Group) {
        for (place, value) in std::mem::take(&mut group.places) {
            match (place, value) {
                (Place::Mark(id, mark), Some(value)) => {
                    group.batch.put(&keys::mark(mark, id), |content| content.extend_from_slice(&value));
                }
                (Place::Mark(id, mark), None) => group.batch.delete(&keys::mark(mark, id)),
                (Place::Slot(id, name), value) => self.put_slot(&mut group.batch, id, &name, value),
            }
        }
    }

    fn put_slot(&self, batch: &mut Batch, id: StreamId, name: &str, value: Option<Vec<u8>>) {
        // One whose length cannot be read is overwritten all the same: that is how a damaged one heals.
        let old = self.lookup().slot_pieces(id, name).unwrap_or(1);
        let key = keys::slot(id, name);
        let new = match value {
            Some(value) => record::put_framed(batch, &key, |content| content.extend_from_slice(&value)),
            None if old == 0 => return,
            None => {
                batch.delete(&key);
                1
            }
        };
        (new..old).for_each(|number| batch.delete(&keys::piece(&key, number)));
    }

    // --- removing -------------------------------------------------------------------------------

    /// Removes some keys of a deleted stream, past the journal: a crash only means that it is done again. What
    /// the journal brings back of them comes with the tombstone.
    fn purge(&mut self) {
        let Some(id) = self.purges.front().copied() else {
            return;
        };
        if self.shared.failure.get().is_some() {
            self.purges.clear();
            return;
        }
        match self.purge_some(id) {
            Ok(false) => {}
            Ok(true) => {
                self.purges.pop_front();
                let mut deleted = self.shared.deleted.write().expect(LOCK);
                deleted.remove(&id);
                let mut forks = self.shared.forks.write().expect(LOCK);
                if let Some(Fork { parent, .. }) = forks.remove(id)
                    && deleted.contains(&parent)
                    && !forks.is_shared(parent)
                {
                    self.purges.push_back(parent);
                }
            }
            Err(LogError::Failed(_)) => {}
            Err(error) => {
                tracing::warn!(stream = id.0, "the remains of a deleted stream cannot be removed: {error}");
                self.purges.pop_front();
            }
        }
    }

    /// Whether that was the last of them. The tombstone goes with the last, never before.
    fn purge_some(&self, id: StreamId) -> Result<bool, LogError> {
        let mut batch = Batch::default();
        let range = keys::stream(id);
        self.lookup().scan_raw(&range.start..&range.end, false, |key, _| {
            batch.delete(key);
            if batch.len() < PURGE_KEYS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let last = batch.len() < PURGE_KEYS_MAX;
        if last {
            batch.delete(&keys::tombstone(id));
            if self.shared.forks.read().expect(LOCK).get(id).is_some() {
                batch.delete(&keys::fork(id));
            }
        }
        self.kv.write(&batch).map_err(|error| self.shared.fail(&error))?;
        Ok(last)
    }

    // --- ending ---------------------------------------------------------------------------------

    /// Nobody is answered any more, but what nobody waits for is still written, and a last checkpoint made.
    fn finish(mut self) {
        self.requests.close();
        for request in self.waiting.drain(..) {
            request.refuse(self.shared.ended());
        }
        self.shared.lazies.close();
        while !self.shared.lazies.is_empty() {
            let _ = self.write_group();
        }
        if self.shared.failure.get().is_none() {
            self.checkpointer.close();
        }
    }
}

/// What the committer goes on with.
struct Beginning {
    next_stream: StreamId,
    batches: u64,
    deleted: Vec<StreamId>,
    forks: Forks,
}

fn begin(kv: &dyn Kv, folder: &Path) -> Result<Beginning, OpenError> {
    let lookup = Lookup { kv, folder };
    let read = || {
        Ok(Beginning {
            next_stream: StreamId(lookup.number(keys::STREAMS)?),
            batches: lookup.number(keys::SYNCED)?,
            deleted: lookup.ids(keys::TOMBSTONES, 1)?,
            forks: Forks::load(&lookup)?,
        })
    };
    read().map_err(|error: LogError| OpenError::log(folder, error))
}
