//! Many writers, and readers right behind them.

use super::*;

on_both_engines! {
    async fn writers_and_readers_side_by_side(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let writers: Vec<_> = (0..12).map(|n| tokio::spawn(write_stream(log.clone(), format!("/s{n}")))).collect();
        let readers: Vec<_> = (0..4).map(|n| tokio::task::spawn_blocking({
            let log = log.clone();
            move || follow_stream(&log, &format!("/s{n}"))
        })).collect();
        for task in writers.into_iter().chain(readers) {
            task.await.unwrap();
        }
        let stats = log.stats();
        assert_eq!(stats.events, 12 * WRITES * 3);
        assert!(stats.syncs < stats.commits, "{} commits of {} streams share syncs: {}", stats.commits, 12, stats.syncs);
        log.close().await;
        assert_eq!(assert_sound(folder.path()).events, 12 * WRITES * 3);
    }
}

const WRITES: u64 = 150;

async fn write_stream(log: Log, path: String) {
    let mut id = None;
    for n in 0..WRITES {
        id = Some(log.commit(commit(&path, id, n * 3, 3)).await.unwrap());
    }
}

/// Reads behind the writer, and never sees a gap, half a batch, or an end that moves back.
fn follow_stream(log: &Log, path: &str) {
    let mut last = Offset::START;
    let mut tail = Offset::START;
    while last.0 < WRITES * 3 {
        let Some(stream) = log.find(&key(path)).unwrap() else {
            continue;
        };
        let now = log.tail(stream.id).unwrap();
        assert!(now >= tail && now.0.is_multiple_of(3) && now.0 > 0);
        tail = now;
        for event in log.read(&stream, last, Offset::END, 7, usize::MAX).unwrap() {
            assert_eq!(event.offset, last.next());
            last = event.offset;
        }
        assert!(last >= tail || tail.0 - last.0 > 0);
    }
}
