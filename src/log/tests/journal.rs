//! Folders of killed processes: what the engine had not synced comes back from the journal, or its loss is named.

use std::os::unix::fs::FileExt;

use super::*;

/// A journal that nobody makes checkpoints of: all stands in it, and little or nothing in the engine's files.
fn never() -> Parts {
    let pace = Pace { bytes: u64::MAX, after: Duration::from_secs(3_600) };
    Parts { pace, ..Parts::default() }
}

/// What is left of a log that was killed after 40 batches of 5 events.
async fn killed(engine: Engine) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open_with(folder.path(), options(engine), never()).unwrap();
    let mut id = None;
    for n in 0..40 {
        id = Some(log.commit(commit("/a", id, n * 5, 5)).await.unwrap());
    }
    let copy = copy_of(folder.path());
    log.close().await;
    copy
}

fn segment(folder: &Path, name: &str) -> PathBuf {
    folder.join("journal").join(name)
}

/// The one that has been written to.
fn used_segment(folder: &Path) -> PathBuf {
    let used = ["0", "1"].map(|name| segment(folder, name)).into_iter().find(|file| used_bytes(file) > 0);
    used.unwrap()
}

/// Where the records of a segment begin: each key of an event is in one, and the offsets ascend.
fn place_of(file: &Path, offset: u64) -> u64 {
    let key = keys::event(StreamId(1), Offset(offset));
    let bytes = fs::read(file).unwrap();
    bytes.windows(key.len()).position(|window| window == key).unwrap() as u64
}

fn change_byte(file: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

/// The events that are there, or why the folder is refused.
async fn events_in(folder: &Path, engine: Engine) -> Result<u64, String> {
    let log = Log::open(folder, options(engine)).map_err(|error| error.to_string())?;
    let events = read_all(&log, "/a", 1_000).len() as u64;
    log.close().await;
    Ok(events)
}

on_both_engines! {
    async fn what_only_the_journal_has_is_not_lost(engine: Engine) {
        let folder = killed(engine).await;
        let report = assert_sound(folder.path());
        assert_eq!((report.streams, report.events), (1, 200));
        assert_eq!(assert_sound(folder.path()).events, 200, "the check has changed nothing");
        assert_eq!(events_in(folder.path(), engine).await, Ok(200));
        assert_eq!(assert_sound(folder.path()).events, 200);
        fs::remove_dir_all(folder.path().join("journal")).unwrap();
        assert_eq!(events_in(folder.path(), engine).await, Ok(200), "it was in the engine by then");
    }

    async fn a_record_that_was_cut_off_ends_the_journal(engine: Engine) {
        let folder = killed(engine).await;
        let file = used_segment(folder.path());
        change_byte(&file, place_of(&file, 196));
        let message = events_in(folder.path(), engine).await.unwrap_err();
        assert!(message.contains("is damaged") && message.contains("lost the newest 1 batches"), "{message}");
        let report = fsck(folder.path()).unwrap();
        assert!(report.problems.iter().any(|problem| problem.contains("lost the newest 1 batches")), "{report:?}");
        // As after a loss of power, when the note may not have reached the disk.
        fs::remove_file(folder.path().join("synced")).unwrap();
        assert_eq!(assert_sound(folder.path()).events, 195);
        assert_eq!(events_in(folder.path(), engine).await, Ok(195));
        let log = open(folder.path(), engine);
        let a = log.find(&key("/a")).unwrap().unwrap().id;
        log.commit(commit("/a", Some(a), 195, 5)).await.unwrap();
        log.close().await;
        assert_eq!(assert_sound(folder.path()).events, 200);
    }

    async fn damage_in_front_of_later_records_is_named(engine: Engine) {
        let folder = killed(engine).await;
        fs::remove_file(folder.path().join("synced")).unwrap();
        let file = used_segment(folder.path());
        // In the content of a record, in its header, and in that of the file.
        for at in [place_of(&file, 151), place_of(&file, 196) - 140, 9] {
            let copy = copy_of(folder.path());
            change_byte(&copied(&copy, folder.path(), &file), at);
            let found = events_in(copy.path(), engine).await;
            if at == 9 {
                // Nothing in it can be read: that is as if there were no journal, which `synced` notices.
                assert!(found.is_ok_and(|events| events < 200));
                continue;
            }
            let message = found.unwrap_err();
            assert!(message.contains("its journal is damaged at batch"), "{at}: {message}");
            assert!(message.contains("goes on to batch 40"), "{at}: {message}");
            let report = fsck(copy.path()).unwrap();
            assert!(report.problems[0].contains("journal is damaged"), "{report:?}");
        }
    }

    async fn a_journal_that_is_gone_or_cut_is_noticed(engine: Engine) {
        let folder = killed(engine).await;
        let file = used_segment(folder.path());
        for bytes in [0, used_bytes(&file) / 2] {
            let copy = copy_of(folder.path());
            let file = fs::File::options().write(true).open(copied(&copy, folder.path(), &file)).unwrap();
            file.set_len(bytes).unwrap();
            let message = events_in(copy.path(), engine).await.unwrap_err();
            assert!(message.contains("lost the newest"), "{message}");
        }
        fs::remove_dir_all(folder.path().join("journal")).unwrap();
        let message = events_in(folder.path(), engine).await.unwrap_err();
        assert!(message.contains("lost the newest"), "{message}");
    }

    async fn a_folder_without_a_journal_is_taken_as_it_is(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let a = log.commit(commit("/a", None, 0, 7)).await.unwrap();
        log.close().await;
        fs::remove_dir_all(folder.path().join("journal")).unwrap();
        fs::remove_file(folder.path().join("checkpoint")).unwrap();
        assert_eq!(assert_sound(folder.path()).events, 7);
        let log = open(folder.path(), engine);
        log.commit(commit("/a", Some(a), 7, 1)).await.unwrap();
        let copy = copy_of(folder.path());
        log.close().await;
        assert_eq!(events_in(copy.path(), engine).await, Ok(8));
    }

    async fn batches_larger_than_a_segment(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open_small(folder.path(), engine);
        let text = Json::of(&serde_json::json!({ "text": "x".repeat(100_000) }));
        let mut id = None;
        for offset in 1..=8 {
            let input = EventInput::new(EventType::parse("large").unwrap(), text.clone());
            let events = vec![place("/a", offset, input)];
            id = Some(log.commit(Commit { events, ..commit("/a", id, offset - 1, 0) }).await.unwrap());
        }
        let copy = copy_of(folder.path());
        log.close().await;
        assert_eq!(events_in(copy.path(), engine).await, Ok(8));
        assert_eq!(fs::metadata(segment(copy.path(), "0")).unwrap().len(), JOURNAL_SEGMENT_BYTES);
    }

    async fn a_stream_that_was_destroyed_stays_so(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open_with(folder.path(), options(engine), never()).unwrap();
        let a = log.commit(commit("/a", None, 0, 2_000)).await.unwrap();
        assert_eq!(log.delete(a).await, Ok(true));
        while !log.shared.deleted.read().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        log.commit(commit("/a", None, 0, 3)).await.unwrap();
        let copy = copy_of(folder.path());
        log.close().await;
        assert_eq!(events_in(copy.path(), engine).await, Ok(3));
        assert_eq!(assert_sound(copy.path()).events, 3);
    }
}
