//! What each method promises, one by one.

use std::time::Duration;

use super::*;
use crate::event::Source;
use crate::limits::{PURGE_KEYS_MAX, VALUE_BYTES_MAX};

on_both_engines! {
    async fn a_commit_is_read_back_also_after_reopening(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        assert_eq!(log.engine(), engine);
        assert_eq!(log.find(&key("/a")).unwrap(), None);
        let id = log.commit(commit("/a", None, 0, 3)).await.unwrap();
        assert_eq!(log.commit(commit("/a", Some(id), 3, 2)).await.unwrap(), id);
        for log in [log.clone(), { log.close().await; open(folder.path(), engine) }] {
            if log.find(&key("/a")) == Err(LogError::Closed) {
                continue;
            }
            let stream = log.find(&key("/a")).unwrap().unwrap();
            assert_eq!((stream.id, &stream.key), (id, &key("/a")));
            assert_eq!(stream.created_at, Timestamp::from_millis(1_700_000_000_001));
            assert_eq!(log.tail(id).unwrap(), Offset(5));
            let events = read_all(&log, "/a", 2);
            assert_eq!(events, commit("/a", None, 0, 5).events);
            log.close().await;
        }
        assert_eq!(log.commit(commit("/a", Some(id), 5, 1)).await, Err(LogError::Closed));
        assert_eq!(log.tail(id), Err(LogError::Closed));
        assert_eq!(assert_sound(folder.path()).events, 5);
    }

    async fn all_fields_of_an_event_are_kept(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let text = r#"{"type":"é/\u0000","payload":{"a":[1,2.50,"\ud83d\ude00"]},"metadata":{"m":null},"idempotencyKey":"k"}"#;
        let input = EventInput::parse(text).unwrap();
        let path = StreamPath::parse("/a").unwrap();
        let at = Timestamp::from_millis(-5);
        let source = Source { principal: Some("p".into()), ..Source::server() };
        let events = vec![
            Arc::new(Event::place(input, path.clone(), Offset(1), at, Some(source))),
            Arc::new(Event::place(
                EventInput::parse(r#"{"type":"y"}"#).unwrap(), path, Offset(2), at, Some(Source::client()),
            )),
        ];
        let create = Commit { events: events.clone(), ..commit("/a", None, 0, 1) };
        log.commit(create).await.unwrap();
        assert_eq!(read_all(&log, "/a", 10), events);
        log.close().await;
    }

    async fn a_refused_commit_does_not_fail_its_neighbours(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let a = log.commit(commit("/a", None, 0, 1)).await.unwrap();
        // One poll of all of them puts all into the queue, so that they mostly share a group.
        let (fits, repeats, ahead, exists, created, twice) = tokio::join!(
            log.commit(commit("/a", Some(a), 1, 2)),
            log.commit(commit("/a", Some(a), 1, 2)),
            log.commit(commit("/a", Some(a), 9, 1)),
            log.commit(commit("/a", None, 0, 1)),
            log.commit(commit("/b", None, 0, 1)),
            log.commit(commit("/b", None, 0, 1)),
        );
        assert_eq!(fits, Ok(a));
        let conflict = |path, expected_tail, tail| {
            Err(LogError::Conflict { stream: key(path), expected_tail: Offset(expected_tail), tail: Some(Offset(tail)) })
        };
        assert_eq!(repeats, conflict("/a", 1, 3));
        assert_eq!(ahead, conflict("/a", 9, 3));
        assert_eq!(exists, conflict("/a", 0, 3));
        assert_eq!(twice, conflict("/b", 0, 1));
        assert!(created.unwrap() > a);
        let gone = log.commit(commit("/c", Some(StreamId(99)), 1, 1)).await;
        assert!(matches!(gone, Err(LogError::Conflict { tail: None, .. })), "{gone:?}");
        log.close().await;
        assert_eq!(assert_sound(folder.path()).events, 4);
    }

    async fn idempotency_keys_lead_to_their_events_for_ever(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let long = "k".repeat(crate::limits::IDEMPOTENCY_KEY_BYTES_MAX);
        let events = vec![event("/a", 1, 1, "one"), event("/a", 2, 2, ""), event("/a", 3, 3, &long)];
        let id = log.commit(Commit { events, ..commit("/a", None, 0, 1) }).await.unwrap();
        log.close().await;
        let log = open(folder.path(), engine);
        let find = |text: &str| log.find_key(id, &IdempotencyKey::parse(text).unwrap()).unwrap();
        assert_eq!((find("one"), find(&long), find("two")), (Some(Offset(1)), Some(Offset(3)), None));
        log.close().await;
        assert_sound(folder.path());
    }

    async fn pages_end_at_their_bounds_but_hold_one_event(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        log.commit(commit("/a", None, 0, 10)).await.unwrap();
        let stream = log.find(&key("/a")).unwrap().unwrap();
        let page = |after, before, events_max, bytes_max| {
            offsets(&log.read(&stream, Offset(after), Offset(before), events_max, bytes_max).unwrap())
        };
        assert_eq!(page(0, 4, 100, usize::MAX), [1, 2, 3]);
        assert_eq!(page(8, u64::MAX, 100, usize::MAX), [9, 10]);
        assert_eq!(page(2, 100, 3, usize::MAX), [3, 4, 5]);
        assert_eq!(page(2, 100, 0, 0), [3]);
        assert_eq!(page(2, 3, 100, usize::MAX), [0; 0]);
        assert_eq!(page(10, 100, 100, usize::MAX), [0; 0]);
        assert_eq!(page(u64::MAX, u64::MAX, 100, usize::MAX), [0; 0]);
        let one = page(0, 100, 100, 1).len();
        assert_eq!(one, 1);
        assert!((2..10).contains(&page(0, 100, 100, 100).len()));
        log.close().await;
    }

    async fn large_events_come_in_pieces_and_never_in_files_of_their_own(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let sizes = [VALUE_BYTES_MAX - 100, VALUE_BYTES_MAX, 3 * VALUE_BYTES_MAX, 5_000_000, 10, 200_000];
        let events: Vec<_> = (1..).zip(sizes).map(|(offset, bytes)| large_event("/a", offset, bytes)).collect();
        let id = log.commit(Commit { events: events.clone(), ..commit("/a", None, 0, 1) }).await.unwrap();
        for tail in 6..60 {
            let large = vec![large_event("/a", tail + 1, 300_000)];
            log.commit(Commit { events: large, ..commit("/a", Some(id), tail, 1) }).await.unwrap();
        }
        let slot = vec![7; 1_000_000];
        log.write_slot(id, "state", Some(slot.clone())).await.unwrap();
        assert_eq!(log.stats().blob_files, 0);
        log.close().await;
        let log = open(folder.path(), engine);
        assert_eq!(read_all(&log, "/a", 4)[..6], events);
        assert_eq!(log.tail(id).unwrap(), Offset(60));
        let stream = log.find(&key("/a")).unwrap().unwrap();
        let page = log.read(&stream, Offset(6), Offset::END, 100, 1_000_000).unwrap();
        assert!((2..4).contains(&page.len()), "{}", page.len());
        assert_eq!(log.read_slot(id, "state").unwrap(), Some(slot));
        log.write_slot(id, "state", Some(vec![1])).await.unwrap();
        assert_eq!(log.read_slot(id, "state").unwrap(), Some(vec![1]));
        assert_eq!(log.stats().blob_files, 0);
        log.close().await;
        assert_sound(folder.path());
    }

    async fn each_acknowledged_write_had_its_sync(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let mut syncs = log.stats().syncs;
        let mut rises = || {
            let before = std::mem::replace(&mut syncs, log.stats().syncs);
            syncs > before
        };
        let id = log.commit(commit("/a", None, 0, 1)).await.unwrap();
        assert!(rises());
        for tail in 1..20 {
            log.commit(commit("/a", Some(id), tail, 1)).await.unwrap();
            assert!(rises());
        }
        log.write_slot(id, "s", Some(vec![])).await.unwrap();
        assert!(rises());
        log.delete(id).await.unwrap();
        assert!(rises());
        assert_eq!((log.stats().commits, log.stats().events), (20, 20));
        log.close().await;
    }

    async fn slots_and_marks(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let marks = vec![(Mark::Processors, true), (Mark::Unannounced, true)];
        let a = log.commit(Commit { marks, ..commit("/a", None, 0, 1) }).await.unwrap();
        let b = log.commit(commit("/b", None, 0, 1)).await.unwrap();
        let marks = vec![(Mark::Processors, true)];
        log.commit(Commit { marks, events: vec![], ..commit("/b", Some(b), 1, 0) }).await.unwrap();
        assert_eq!(log.read_slot(a, "s").unwrap(), None);
        log.write_slot(a, "s", Some(b"1".to_vec())).await.unwrap();
        log.write_slot(a, "s2", Some(b"".to_vec())).await.unwrap();
        log.write_slot(a, "s2", None).await.unwrap();
        log.write_slot(a, "none", None).await.unwrap();
        log.commit(Commit { marks: vec![(Mark::Unannounced, false)], ..commit("/a", Some(a), 1, 1) }).await.unwrap();
        log.close().await;
        let log = open(folder.path(), engine);
        assert_eq!(paths(&log.marked(Mark::Processors).unwrap()), ["/a", "/b"]);
        assert_eq!(paths(&log.marked(Mark::Unannounced).unwrap()), [] as [&str; 0]);
        assert_eq!(log.read_slot(a, "s").unwrap(), Some(b"1".to_vec()));
        assert_eq!(log.read_slot(a, "s2").unwrap(), None);
        assert_eq!(log.read_slot(b, "s").unwrap(), None);
        let gone = log.write_slot(StreamId(99), "s", Some(vec![])).await;
        assert_eq!(gone, Err(LogError::Gone { id: StreamId(99) }));
        log.close().await;
        assert_sound(folder.path());
    }

    async fn alarms_are_as_durable_as_their_events(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let at = |millis| Alarm::At(Timestamp::from_millis(millis));
        let a = log.commit(Commit { alarm: at(5), ..commit("/a", None, 0, 1) }).await.unwrap();
        let b = log.commit(Commit { alarm: at(-7), ..commit("/b", None, 0, 1) }).await.unwrap();
        let c = log.commit(Commit { alarm: at(9), ..commit("/c", None, 0, 1) }).await.unwrap();
        log.commit(Commit { alarm: at(6), ..commit("/a", Some(a), 1, 1) }).await.unwrap();
        log.commit(commit("/a", Some(a), 2, 1)).await.unwrap();
        log.commit(Commit { alarm: Alarm::Off, ..commit("/b", Some(b), 1, 1) }).await.unwrap();
        log.delete(c).await.unwrap();
        log.close().await;
        let log = open(folder.path(), engine);
        let alarms = log.alarms().unwrap();
        let alarms: Vec<_> = alarms.iter().map(|(stream, time)| (stream.key.path.as_str(), time.as_millis())).collect();
        assert_eq!(alarms, [("/a", 6)]);
        log.close().await;
        assert_sound(folder.path());
    }

    async fn lazy_writes_come_by_themselves_the_latest_wins_and_later_ones_stay_later(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let a = log.commit(Commit { marks: vec![(Mark::Processors, true)], ..commit("/a", None, 0, 1) }).await.unwrap();
        let before = log.stats().syncs;
        for n in 0..100u8 {
            log.write_slot_lazily(a, "s", Some(vec![n]));
        }
        log.unmark_lazily(a, Mark::Processors);
        while log.read_slot(a, "s").unwrap() != Some(vec![99]) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(log.stats().syncs - before <= 5, "a hundred lazy writes share few syncs");
        log.write_slot_lazily(a, "s", Some(vec![1]));
        log.write_slot(a, "s", Some(vec![2])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert_eq!(log.read_slot(a, "s").unwrap(), Some(vec![2]));
        log.unmark_lazily(a, Mark::Processors);
        let again = Commit { marks: vec![(Mark::Processors, true)], ..commit("/a", Some(a), 1, 1) };
        log.commit(again).await.unwrap();
        log.write_slot_lazily(a, "s", Some(vec![3]));
        log.write_slot_lazily(StreamId(99), "s", Some(vec![3]));
        log.close().await;
        let log = open(folder.path(), engine);
        assert_eq!(log.read_slot(a, "s").unwrap(), Some(vec![3]), "closing writes what waits");
        assert_eq!(paths(&log.marked(Mark::Processors).unwrap()), ["/a"]);
        log.close().await;
        assert_sound(folder.path());
    }

    async fn a_deleted_stream_is_gone_at_once_and_begins_anew(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let count = 3 * PURGE_KEYS_MAX as u64;
        let old = log.commit(Commit { marks: vec![(Mark::Processors, true)], ..commit("/a", None, 0, count) }).await.unwrap();
        log.write_slot(old, "s", Some(vec![1])).await.unwrap();
        let stream = log.find(&key("/a")).unwrap().unwrap();
        assert_eq!(log.delete(old).await, Ok(true));
        assert_eq!(log.delete(old).await, Ok(false));
        assert_eq!(log.find(&key("/a")).unwrap(), None);
        assert_eq!(log.read(&stream, Offset::START, Offset::END, 10, usize::MAX).unwrap(), []);
        assert_eq!((log.tail(old).unwrap(), log.read_slot(old, "s").unwrap()), (Offset(0), None));
        assert!(log.marked(Mark::Processors).unwrap().is_empty());
        assert!(log.descendants(&Project::default(), &StreamPath::root()).unwrap().is_empty());
        let stale = log.commit(commit("/a", Some(old), count, 1)).await;
        assert!(matches!(stale, Err(LogError::Conflict { tail: None, .. })));
        log.write_slot_lazily(old, "s", Some(vec![1]));
        let new = log.commit(commit("/a", None, 0, 2)).await.unwrap();
        assert!(new > old);
        assert_eq!(offsets(&read_all(&log, "/a", 10)), [1, 2]);
        log.close().await;
        let log = open(folder.path(), engine);
        while !log.shared.deleted.read().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        log.delete(new).await.unwrap();
        log.close().await;
        let log = open(folder.path(), engine);
        let newest = log.commit(commit("/a", None, 0, 1)).await.unwrap();
        assert!(newest > new, "numbers are never given twice");
        while !log.shared.deleted.read().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        log.close().await;
        assert_eq!(assert_sound(folder.path()).events, 1);
        assert_eq!(keys_below(folder.path(), engine, old), 0);
    }

    async fn streams_by_age_and_by_path(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        for path in ["/", "/a", "/a/b", "/ab", "/a/_logs/x", "/a-b", "/a/b/c", "/z"] {
            log.commit(commit(path, None, 0, 1)).await.unwrap();
        }
        let other = Project::parse("other").unwrap();
        let elsewhere = StreamKey::new(other.clone(), StreamPath::parse("/a/b").unwrap());
        log.commit(Commit { stream: elsewhere, ..commit("/a/b", None, 0, 1) }).await.unwrap();
        let list = |prefix: Option<&str>, before, limit, system| {
            let prefix = prefix.map(|prefix| StreamPath::parse(prefix).unwrap());
            let streams = log.streams(&Project::default(), prefix.as_ref(), before, limit, system).unwrap();
            paths(&streams).join(" ")
        };
        assert_eq!(list(None, None, 100, false), "/z /a/b/c /a-b /ab /a/b /a /");
        assert_eq!(list(Some("/"), None, 100, true), "/z /a/b/c /a-b /a/_logs/x /ab /a/b /a /");
        assert_eq!(list(Some("/a"), None, 100, false), "/a/b/c /a/b /a");
        assert_eq!(list(Some("/a"), None, 2, true), "/a/b/c /a/_logs/x");
        assert_eq!(list(Some("/a/_logs"), None, 2, true), "/a/_logs/x");
        assert_eq!(list(None, None, 2, false), "/z /a/b/c");
        assert_eq!(list(None, None, 0, false), "");
        let before = log.find(&key("/a-b")).unwrap().map(|stream| stream.id);
        assert_eq!(list(None, before, 2, false), "/ab /a/b");
        assert_eq!(list(Some("/a"), before, 9, false), "/a/b /a");
        let below = |path: &str| {
            let path = StreamPath::parse(path).unwrap();
            paths(&log.descendants(&Project::default(), &path).unwrap()).join(" ")
        };
        assert_eq!(below("/a"), "/a/_logs/x /a/b /a/b/c");
        assert_eq!(below("/"), "/a /a-b /a/_logs/x /a/b /a/b/c /ab /z");
        assert_eq!(below("/z"), "");
        assert_eq!(log.streams(&other, None, None, 9, true).unwrap().len(), 1);
        log.close().await;
        assert_eq!(assert_sound(folder.path()).streams, 9);
    }
}

fn large_event(path: &str, offset: u64, bytes: usize) -> Arc<Event> {
    let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(bytes).collect();
    let payload = Json::of(&serde_json::json!({ "text": text }));
    place(path, offset, EventInput::new(EventType::parse("large").unwrap(), payload))
}

/// How many keys of a stream the store still has.
fn keys_below(folder: &Path, engine: Engine, id: StreamId) -> usize {
    let mut folder = DataFolder::open(folder, Some(engine)).unwrap();
    let kv = open_engine(&mut folder, 1 << 20).unwrap();
    let range = keys::stream(id);
    let mut count = 0;
    kv.scan(&range.start..&range.end, false, &mut |_, _| {
        count += 1;
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    count
}
