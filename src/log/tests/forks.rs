//! Streams that share the beginning of another one: what they read, what stays when either goes, and what the check
//! says of them.

use super::super::fork;
use super::*;

fn new_fork(from: StreamId, at: u64, to: &str) -> NewFork {
    NewFork {
        from,
        at: Offset(at),
        processors: true,
        to: key(to),
        created_at: Timestamp::from_millis(1_800_000_000_000),
        marks: vec![Mark::Processors],
    }
}

/// What `path` should read of events that were appended elsewhere.
fn as_of(path: &str, offsets: std::ops::RangeInclusive<u64>) -> Vec<Arc<Event>> {
    offsets.map(|offset| event(path, offset, offset, "")).collect()
}

/// The keys that the store holds of streams, forks and deletions.
async fn keys_left(folder: &Path, log: Log) -> usize {
    log.close().await;
    let folder = DataFolder::open(folder, None).unwrap();
    let kv = start_engine(&folder, 1 << 24).unwrap();
    let mut left = 0;
    for range in [keys::FORKS, keys::TOMBSTONES, b"S".as_slice()..b"T".as_slice()] {
        kv.scan(range, false, &mut |_, _| {
            left += 1;
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    }
    left
}

/// The committer removes between its groups: ask until it has.
async fn purged(log: &Log) {
    for _ in 0..10_000 {
        if log.shared.deleted.read().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("what was deleted is not removed");
}

#[test]
fn the_bytes_of_a_fork() {
    let fork = Fork { parent: StreamId(0x0102), at: Offset(3), processors: true };
    let mut bytes = Vec::new();
    fork::encode(&fork, &mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "0000000000000102000000000000000301");
    assert_eq!(fork::decode(&bytes), Ok(fork));
    assert!(fork::decode(&bytes[..16]).is_err() && fork::decode(&[&bytes[..16], &[2]].concat()).is_err());
}

on_both_engines! {
    async fn a_fork_reads_what_it_shares_as_its_own(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let mut events = commit("/a", None, 0, 5).events;
        events[1] = event("/a", 2, 2, "k2");
        events[4] = event("/a", 5, 5, "k5");
        let a = log.commit(Commit { events, ..commit("/a", None, 0, 5) }).await.unwrap();
        let b = log.fork(new_fork(a, 3, "/b")).await.unwrap();
        let found = log.find(&key("/b")).unwrap().unwrap();
        assert_eq!((found.id, found.created_at.as_millis()), (b, 1_800_000_000_000));
        assert_eq!(log.tail(b).unwrap(), Offset(3));
        assert_eq!(log.marked(Mark::Processors).unwrap().len(), 1);
        let keyed = |id, text: &str| log.find_key(id, &IdempotencyKey::parse(text).unwrap()).unwrap();
        assert_eq!((keyed(b, "k2"), keyed(b, "k5"), keyed(a, "k5")), (Some(Offset(2)), None, Some(Offset(5))));
        // Each goes on for itself.
        log.commit(commit("/b", Some(b), 3, 2)).await.unwrap();
        log.commit(commit("/a", Some(a), 5, 1)).await.unwrap();
        let c = log.fork(new_fork(b, 5, "/c")).await.unwrap();
        let d = log.fork(new_fork(b, 2, "/d")).await.unwrap();
        assert_eq!(log.fork_of(c).map(|fork| (fork.parent, fork.at)), Some((b, Offset(5))));
        assert_eq!(log.fork_of(d).map(|fork| fork.parent), Some(a), "whose event it is");
        log.commit(commit("/c", Some(c), 5, 1)).await.unwrap();
        let log = { log.close().await; open(folder.path(), engine) };
        for page in [1, 2, 100] {
            for (path, tail) in [("/a", 6), ("/b", 5), ("/c", 6), ("/d", 2)] {
                let expected = as_of(path, 1..=tail).iter().map(|event| event.offset).collect::<Vec<_>>();
                let events = read_all(&log, path, page);
                assert_eq!(events.iter().map(|event| event.offset).collect::<Vec<_>>(), expected, "{path}");
                assert!(events.iter().all(|event| event.path.as_str() == path));
            }
        }
        let b = log.find(&key("/b")).unwrap().unwrap();
        assert_eq!(log.read(&b, Offset(3), Offset::END, 10, usize::MAX).unwrap(), as_of("/b", 4..=5));
        assert_eq!(log.read(&b, Offset(2), Offset(4), 10, usize::MAX).unwrap(), as_of("/b", 3..=3));
        assert_eq!(log.read_one(&b, Offset(1)).unwrap().unwrap().path.as_str(), "/b");
        assert_eq!(log.read_one(&b, Offset(6)).unwrap(), None);
        log.close().await;
        let report = assert_sound(folder.path());
        assert_eq!((report.streams, report.events), (4, 9), "each event is stored once");
    }

    async fn what_is_shared_stays_until_nobody_needs_it(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open_small(folder.path(), engine);
        let a = log.commit(commit("/a", None, 0, 2_500)).await.unwrap();
        let b = log.fork(new_fork(a, 2_000, "/b")).await.unwrap();
        log.commit(commit("/b", Some(b), 2_000, 500)).await.unwrap();
        let c = log.fork(new_fork(b, 2_400, "/c")).await.unwrap();
        log.delete(a).await.unwrap();
        log.delete(b).await.unwrap();
        assert_eq!((log.find(&key("/a")), log.tail(a), log.tail(b)), (Ok(None), Ok(Offset(0)), Ok(Offset(0))));
        // The path is free again, for another stream.
        log.commit(commit("/a", None, 0, 1)).await.unwrap();
        assert_eq!(read_all(&log, "/c", 700).len(), 2_400);
        let log = { log.close().await; open_small(folder.path(), engine) };
        assert_eq!(read_all(&log, "/c", 700), as_of("/c", 1..=2_400));
        log.close().await;
        let report = assert_sound(folder.path());
        assert_eq!((report.streams, report.events), (2, 1));
        let log = open_small(folder.path(), engine);
        log.delete(c).await.unwrap();
        let again = log.find(&key("/a")).unwrap().unwrap();
        log.delete(again.id).await.unwrap();
        purged(&log).await;
        assert_eq!(keys_left(folder.path(), log).await, 0, "nothing is left of any of them");
        assert_sound(folder.path());
    }

    async fn forks_that_cannot_be(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let a = log.commit(commit("/a", None, 0, 2)).await.unwrap();
        log.commit(commit("/b", None, 0, 1)).await.unwrap();
        let exists = log.fork(new_fork(a, 1, "/b")).await;
        assert!(matches!(exists, Err(LogError::Conflict { tail: Some(Offset(1)), .. })), "{exists:?}");
        assert_eq!(log.fork(new_fork(a, 3, "/c")).await, Err(LogError::Gone { id: a }));
        assert_eq!(log.fork(new_fork(StreamId(99), 1, "/c")).await, Err(LogError::Gone { id: StreamId(99) }));
        // Of two at once, one.
        let (one, two) = tokio::join!(log.fork(new_fork(a, 1, "/d")), log.fork(new_fork(a, 2, "/d")));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        // One of a stream that is being made, in the same group or not.
        let (created, _) = tokio::join!(log.commit(commit("/e", None, 0, 2)), log.fork(new_fork(a, 2, "/f")));
        let (f, g) = tokio::join!(log.fork(new_fork(created.unwrap(), 2, "/g")), log.fork(new_fork(a, 2, "/h")));
        assert!(f.is_ok() && g.is_ok());
        log.close().await;
        assert_sound(folder.path());
    }

    async fn the_check_misses_what_is_shared(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let a = log.commit(commit("/a", None, 0, 5)).await.unwrap();
        log.fork(new_fork(a, 5, "/b")).await.unwrap();
        log.close().await;
        {
            let folder = DataFolder::open(folder.path(), None).unwrap();
            let kv = start_engine(&folder, 1 << 24).unwrap();
            let mut batch = Batch::default();
            batch.delete(&keys::event(a, Offset(5)));
            kv.write(&batch).unwrap();
            kv.sync().unwrap();
        }
        let report = fsck(folder.path()).unwrap();
        assert!(report.problems.iter().any(|problem| problem.contains("shares the events of stream number 1 up to 5, which has them up to 4")), "{:#?}", report.problems);
    }
}
