//! Engines and disks that fail, and engines that are slow: what was acknowledged stays, nothing else is shown.

use std::io;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::super::kv::{KvError, KvStats, Visit};
use super::*;

/// What goes wrong from now on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The journal's disk is full.
    JournalFull,
    /// What was written to the journal cannot be synced.
    JournalSync,
    /// The engine does not take a batch.
    Engine,
    /// The engine cannot sync.
    Checkpoint,
}

type Faults = Arc<Mutex<Option<Fault>>>;

/// Stands between the log and its engine.
struct FaultyKv {
    inner: Arc<dyn Kv>,
    fault: Faults,
    /// While set, a write is applied, and then waits before it is done.
    slow: AtomicBool,
}

impl Kv for FaultyKv {
    fn write(&self, batch: &Batch) -> Result<(), KvError> {
        let keys: HashSet<&[u8]> = batch.writes().map(|(key, _)| key).collect();
        assert_eq!(keys.len(), batch.len(), "a key is written once in a batch");
        if *self.fault.lock().unwrap() == Some(Fault::Engine) {
            return Err(KvError::Io("engine failed".into()));
        }
        self.inner.write(batch)?;
        while self.slow.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), KvError> {
        if *self.fault.lock().unwrap() == Some(Fault::Checkpoint) {
            return Err(KvError::Io("checkpoint failed".into()));
        }
        self.inner.sync()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.inner.get(key)
    }

    fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError> {
        self.inner.scan(keys, reverse, visit)
    }

    fn stats(&self) -> Result<KvStats, KvError> {
        self.inner.stats()
    }
}

/// A file of the journal.
struct FaultyMedium(File, Faults);

impl Medium for FaultyMedium {
    fn write(&mut self, bytes: &[u8], at: u64) -> io::Result<()> {
        match *self.1.lock().unwrap() {
            Some(Fault::JournalFull) => Err(io::ErrorKind::StorageFull.into()),
            _ => self.0.write(bytes, at),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match *self.1.lock().unwrap() {
            Some(Fault::JournalSync) => Err(io::Error::other("sync failed")),
            _ => self.0.sync(),
        }
    }
}

fn open_faulty(folder: &Path, engine: Engine) -> (Log, Arc<FaultyKv>) {
    let (fault, made) = (Faults::default(), Arc::new(OnceLock::new()));
    let parts = Parts {
        engine: Box::new({
            let (fault, made) = (fault.clone(), made.clone());
            move |inner| {
                let kv = FaultyKv { inner, fault: fault.clone(), slow: AtomicBool::new(false) };
                made.get_or_init(|| Arc::new(kv)).clone()
            }
        }),
        medium: Box::new(move |file| Box::new(FaultyMedium(file, fault.clone()))),
        ..Parts::default()
    };
    let log = Log::open_with(folder, options(engine), parts).unwrap();
    (log, made.get().unwrap().clone())
}

/// After a failed write: everything later fails, reads go on with what was durable, and so does a reopening.
async fn check_failure(engine: Engine, fault: Fault, words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (log, kv) = open_faulty(folder.path(), engine);
    let a = log.commit(commit("/a", None, 0, 3)).await.unwrap();
    *kv.fault.lock().unwrap() = Some(fault);
    let (x, y, z) = tokio::join!(
        log.commit(commit("/a", Some(a), 3, 2)),
        log.commit(commit("/b", None, 0, 1)),
        log.write_slot(a, "s", Some(vec![1])),
    );
    for outcome in [x.map(drop), y.map(drop), z] {
        let Err(LogError::Failed(message)) = outcome else { panic!("{outcome:?}") };
        assert!(message.contains(words) && message.contains("data folder"), "{message}");
    }
    *kv.fault.lock().unwrap() = None;
    assert!(
        matches!(log.commit(commit("/a", Some(a), 3, 1)).await, Err(LogError::Failed(_))),
        "no second try"
    );
    assert!(matches!(log.delete(a).await, Err(LogError::Failed(_))));
    log.write_slot_lazily(a, "s", Some(vec![2]));
    assert!(log.failure().is_some());
    assert_eq!(log.tail(a), Ok(Offset(3)));
    assert_eq!(offsets(&read_all(&log, "/a", 10)), [1, 2, 3]);
    assert_eq!(log.find(&key("/b")), Ok(None));
    log.close().await;
    drop(kv);
    let log = open(folder.path(), engine);
    let tail = log.tail(a).unwrap().0;
    // What had reached the file without a sync, or the journal but not the engine, may well have happened.
    let expected = if fault == Fault::JournalFull { 3 } else { 5 };
    assert_eq!(tail, expected);
    log.commit(commit("/a", Some(a), tail, 1)).await.unwrap();
    log.close().await;
    assert_sound(folder.path());
}

on_both_engines! {
    async fn a_full_disk_ends_writing(engine: Engine) {
        check_failure(engine, Fault::JournalFull, "is full").await;
    }

    async fn a_failed_sync_ends_writing(engine: Engine) {
        check_failure(engine, Fault::JournalSync, "sync failed").await;
    }

    async fn an_engine_that_fails_ends_writing(engine: Engine) {
        check_failure(engine, Fault::Engine, "engine failed").await;
    }

    async fn a_failed_checkpoint_ends_writing(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let (log, kv) = open_faulty(folder.path(), engine);
        *kv.fault.lock().unwrap() = Some(Fault::Checkpoint);
        let (mut id, mut tail) = (None, 0);
        // The journal takes what it has room for; then it would have to begin anew over what is not safe yet.
        let failure = loop {
            match log.commit(commit("/a", id, tail, 1_000)).await {
                Ok(created) => (id, tail) = (Some(created), tail + 1_000),
                Err(failure) => break failure.to_string(),
            }
        };
        assert!(failure.contains("checkpoint failed"), "{failure}");
        *kv.fault.lock().unwrap() = None;
        assert_eq!(log.tail(id.unwrap()), Ok(Offset(tail)));
        let message = log.write_slot(id.unwrap(), "s", Some(vec![1])).await.unwrap_err().to_string();
        assert_eq!(message, failure, "no second try");
        log.close().await;
        drop(kv);
        assert_eq!(assert_sound(folder.path()).events, tail);
        let log = open(folder.path(), engine);
        assert_eq!(read_all(&log, "/a", 1_000).len() as u64, tail);
        log.close().await;
    }

    async fn nothing_is_shown_before_its_sync(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let (log, kv) = open_faulty(folder.path(), engine);
        let a = log.commit(commit("/a", None, 0, 3)).await.unwrap();
        kv.slow.store(true, Ordering::SeqCst);
        let more = Commit { events: vec![event("/a", 4, 4, "k")], ..commit("/a", Some(a), 3, 1) };
        let marks = vec![(Mark::Processors, true)];
        let writing = tokio::spawn({
            let log = log.clone();
            async move { tokio::join!(log.commit(more), log.commit(Commit { marks, ..commit("/b", None, 0, 1) })) }
        });
        let applied = keys::event(a, Offset(4));
        while kv.inner.get(&applied).unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let unique = IdempotencyKey::parse("k").unwrap();
        assert_eq!(log.tail(a), Ok(Offset(3)));
        assert_eq!(log.find_key(a, &unique), Ok(None));
        assert_eq!(offsets(&read_all(&log, "/a", 10)), [1, 2, 3]);
        assert_eq!(log.find(&key("/b")), Ok(None));
        assert!(log.marked(Mark::Processors).unwrap().is_empty());
        assert_eq!(paths(&log.streams(&Project::default(), None, None, 9, true).unwrap()), ["/a"]);
        assert_eq!(paths(&log.descendants(&Project::default(), &StreamPath::root()).unwrap()), ["/a"]);
        kv.slow.store(false, Ordering::SeqCst);
        let (more, created) = writing.await.unwrap();
        assert_eq!((more, created.is_ok()), (Ok(a), true));
        assert_eq!((log.tail(a), log.find_key(a, &unique)), (Ok(Offset(4)), Ok(Some(Offset(4)))));
        assert_eq!(paths(&log.marked(Mark::Processors).unwrap()), ["/b"]);
        log.close().await;
    }

    async fn a_damaged_value_is_named_and_nothing_panics(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let (log, kv) = open_faulty(folder.path(), engine);
        let a = log.commit(commit("/a", None, 0, 5)).await.unwrap();
        let stream = log.find(&key("/a")).unwrap().unwrap();
        let put = |key: &[u8], change: &dyn Fn(&mut Vec<u8>)| {
            let mut value = kv.inner.get(key).unwrap().unwrap();
            change(&mut value);
            let mut batch = Batch::default();
            batch.put_raw(key, &value);
            kv.inner.write(&batch).unwrap();
        };
        let third = keys::event(a, Offset(3));
        put(&third, &|value| value[20] ^= 1);
        assert_eq!(offsets(&log.read(&stream, Offset(0), Offset(3), 9, 1 << 20).unwrap()), [1, 2]);
        let Err(LogError::Corrupt { why, .. }) = log.read(&stream, Offset(0), Offset::END, 9, 1 << 20) else {
            panic!("damage is noticed")
        };
        assert!(why.contains("wrong checksum"), "{why}");
        put(&keys::path(&Project::default(), &stream.key.path), &|value| value.truncate(2));
        assert!(matches!(log.find(&key("/a")), Err(LogError::Corrupt { .. })));
        let refused = log.commit(commit("/a", None, 0, 1)).await;
        assert!(matches!(refused, Err(LogError::Corrupt { .. })), "{refused:?}");
        log.commit(commit("/b", None, 0, 1)).await.unwrap();
        log.close().await;
        drop(kv);
        let report = fsck(folder.path()).unwrap();
        assert!(report.problem_count >= 2 && !report.is_clean(), "{report:?}");
    }

    async fn each_broken_promise_is_found(engine: Engine) {
        let none = |_: &mut Batch, _: StreamId| {};
        check_fsck(engine, none, None).await;
        check_fsck(engine, |batch, a| batch.delete(&keys::event(a, Offset(2))), Some("follows a gap")).await;
        check_fsck(engine, |batch, a| batch.delete(&keys::piece(&keys::event(a, Offset(3)), 1)), Some("piece")).await;
        let k = IdempotencyKey::parse("k").unwrap();
        let l = IdempotencyKey::parse("l").unwrap();
        check_fsck(engine, |batch, a| batch.delete(&keys::idempotency(a, &k)), Some("not indexed")).await;
        check_fsck(engine, |batch, a| {
            batch.put(&keys::idempotency(a, &l), |value| value.extend_from_slice(&1u64.to_be_bytes()));
        }, Some("no such key")).await;
        let a_key = key("/a");
        check_fsck(engine, |batch, _| batch.delete(&keys::path(&a_key.project, &a_key.path)), Some("not found by its path")).await;
        check_fsck(engine, |batch, a| batch.delete(&keys::listed(&a_key.project, a)), Some("not listed")).await;
        check_fsck(engine, |batch, a| batch.delete(&keys::record(a)), Some("no record")).await;
        check_fsck(engine, |batch, _| { batch.put(&keys::mark(Mark::Processors, StreamId(77)), |_| {}); }, Some("has a mark")).await;
        check_fsck(engine, |batch, _| { batch.put(&keys::slot(StreamId(77), "s"), |value| value.push(0)); }, Some("no record")).await;
    }
}

/// Breaks a sound store, and expects the check to say so in these words.
async fn check_fsck(engine: Engine, damage: impl FnOnce(&mut Batch, StreamId), words: Option<&str>) {
    let folder = tempfile::tempdir().unwrap();
    let (log, kv) = open_faulty(folder.path(), engine);
    let large = Json::of(&serde_json::json!({ "text": "x".repeat(200_000) }));
    let large = place("/a", 3, EventInput::new(EventType::parse("large").unwrap(), large));
    let events = vec![event("/a", 1, 1, "k"), event("/a", 2, 2, ""), large];
    let a = log.commit(Commit { events, ..commit("/a", None, 0, 1) }).await.unwrap();
    log.write_slot(a, "s", Some(vec![1; 100_000])).await.unwrap();
    let mut batch = Batch::default();
    damage(&mut batch, a);
    kv.inner.write(&batch).unwrap();
    log.close().await;
    drop(kv);
    let report = fsck(folder.path()).unwrap();
    match words {
        None => assert!(report.is_clean(), "{report:?}"),
        Some(words) => {
            assert!(report.problems.iter().any(|problem| problem.contains(words)), "{words}: {report:?}")
        }
    }
}

#[test]
fn a_panic_of_an_engine_becomes_an_error() {
    let outcome = super::super::kv::catch(|| -> Result<(), KvError> { panic!("page {} is gone", 7) });
    assert_eq!(outcome, Err(KvError::Corrupt("the engine gave up: page 7 is gone".into())));
}
