//! Data folders that cannot be used, or only by somebody else: clear sentences, and nothing is harmed.

use std::os::unix::fs::FileExt;

use super::*;

fn refusal(folder: &Path, options: LogOptions) -> String {
    match Log::open(folder, options) {
        Ok(_) => panic!("the folder must be refused"),
        Err(error) => error.to_string(),
    }
}

/// A folder whose journal has long begun anew: what the engine loses is lost.
async fn filled(engine: Engine) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = open_small(folder.path(), engine);
    let mut id = None;
    for tail in 0..100 {
        id = Some(log.commit(commit("/a", id, tail * 10, 10)).await.unwrap());
    }
    log.close().await;
    folder
}

/// Opens a damaged folder and reads all of it. Whatever happens is an answer or a clear error.
async fn try_to_use(folder: &Path, engine: Engine) -> Result<u64, String> {
    let log = Log::open(folder, options(engine)).map_err(|error| error.to_string())?;
    let outcome = (|| {
        let Some(stream) = log.find(&key("/a"))? else { return Ok(0) };
        Ok(log.read(&stream, Offset::START, Offset::END, usize::MAX, usize::MAX)?.len() as u64)
    })();
    log.close().await;
    outcome.map_err(|error: LogError| error.to_string())
}

on_both_engines! {
    async fn a_folder_in_use_names_its_user(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let message = refusal(folder.path(), options(engine));
        assert!(message.contains(&format!("in use by process {}", std::process::id())), "{message}");
        assert!(matches!(fsck(folder.path()), Err(OpenError::InUse { .. })));
        log.close().await;
        open(folder.path(), engine).close().await;
    }

    async fn dropping_the_last_handle_frees_the_folder(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path(), engine);
        let id = log.commit(commit("/a", None, 0, 1)).await.unwrap();
        log.write_slot_lazily(id, "s", Some(vec![1]));
        let mut ended = log.shared.ended.subscribe();
        drop(log);
        ended.wait_for(|ended| *ended).await.unwrap();
        let log = open(folder.path(), engine);
        assert_eq!(log.read_slot(id, "s").unwrap(), Some(vec![1]));
        log.close().await;
    }

    async fn the_engine_is_recorded(engine: Engine) {
        let folder = filled(engine).await;
        let other = if engine == Engine::Sled { Engine::Fjall } else { Engine::Sled };
        let message = refusal(folder.path(), options(other));
        assert!(message.contains(&format!("made with {engine}, not with {other}")), "{message}");
        let log = Log::open(folder.path(), LogOptions { engine: None, ..options(engine) }).unwrap();
        assert_eq!(log.engine(), engine);
        log.close().await;
    }

    async fn a_missing_store_is_not_made_anew(engine: Engine) {
        let folder = filled(engine).await;
        fs::remove_dir_all(folder.path().join(engine.to_string())).unwrap();
        let message = refusal(folder.path(), options(engine));
        assert!(message.contains("damaged") && message.contains("missing"), "{message}");
        assert!(message.contains("run `millrace fsck`"), "{message}");
        let said = fsck(folder.path()).unwrap_err().to_string();
        assert!(said.contains("missing") && said.contains("backup") && !said.contains("millrace fsck"), "{said}");
        fs::create_dir(folder.path().join(engine.to_string())).unwrap();
        let message = refusal(folder.path(), options(engine));
        assert!(message.contains("damaged") && message.contains("empty"), "{message}");
    }

    async fn an_interrupted_making_is_begun_again(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), engine).close().await;
        let manifest = folder.path().join("millrace.json");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("true", "false")).unwrap();
        files(&folder.path().join(engine.to_string())).iter().for_each(|file| fs::write(file, "rubble").unwrap());
        assert!(fsck(folder.path()).unwrap().is_clean());
        let log = open(folder.path(), engine);
        log.commit(commit("/a", None, 0, 1)).await.unwrap();
        log.close().await;
        assert_eq!(assert_sound(folder.path()).events, 1);
    }

    async fn a_store_that_forgot_may_be_used_without_what_it_lost(engine: Engine) {
        let folder = filled(engine).await;
        let noted = DataFolder::open(folder.path(), None).unwrap().noted(folder::SYNCED).unwrap();
        assert_eq!(noted, 100);
        let synced = DataFolder::open(folder.path(), None).unwrap().open_note(folder::SYNCED).unwrap();
        synced.take(noted + 2);
        let message = refusal(folder.path(), options(engine));
        assert!(message.contains("lost the newest 2 batches") && message.contains("remove the file `synced`"), "{message}");
        assert!(fsck(folder.path()).unwrap().problems[0].contains("lost the newest 2 batches"));
        for bytes in [&b""[..], b"rubble", b"rubble rubble"] {
            fs::write(folder.path().join("synced"), bytes).unwrap();
            open(folder.path(), engine).close().await;
        }
        fs::remove_file(folder.path().join("synced")).unwrap();
        let log = open(folder.path(), engine);
        log.commit(commit("/b", None, 0, 1)).await.unwrap();
        log.close().await;
        assert_eq!(DataFolder::open(folder.path(), None).unwrap().noted(folder::SYNCED).unwrap(), 101);
        assert_sound(folder.path());
    }

    async fn a_folder_of_an_older_format_is_read_and_raised(engine: Engine) {
        let folder = filled(engine).await;
        let manifest = folder.path().join("millrace.json");
        let text = fs::read_to_string(&manifest).unwrap();
        let old = text.replace("\"format\": 3", "\"format\": 1");
        assert_ne!(old, text);
        fs::write(&manifest, &old).unwrap();
        // The store's own key is as the older version made it.
        {
            let mut folder = DataFolder::open(folder.path(), None).unwrap();
            folder.manifest.format = 1;
            let kv = start_engine(&folder, 1 << 24).unwrap();
            let mut batch = Batch::default();
            batch.put(keys::FORMAT, |value| value.extend_from_slice(&1u32.to_be_bytes()));
            kv.write(&batch).unwrap();
            kv.sync().unwrap();
        }
        assert_sound(folder.path());
        assert_eq!(fs::read_to_string(&manifest).unwrap(), old, "who only looks changes nothing");
        let log = open(folder.path(), engine);
        assert_eq!(fs::read_to_string(&manifest).unwrap(), text, "an older version refuses it from here on");
        assert_eq!(read_all(&log, "/a", 1_000).len(), 1_000);
        log.close().await;
        open(folder.path(), engine).close().await;
        assert_sound(folder.path());
    }

    async fn manifests_that_are_unreadable_or_too_new(engine: Engine) {
        let folder = filled(engine).await;
        let manifest = folder.path().join("millrace.json");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replace("\"format\": 3", "\"format\": 4")).unwrap();
        let message = refusal(folder.path(), options(engine));
        assert!(message.contains("format 4") && message.contains("newer millrace"), "{message}");
        fs::write(&manifest, &text[..20]).unwrap();
        let message = refusal(folder.path(), options(engine));
        assert!(message.contains("damaged") && message.contains("millrace.json"), "{message}");
    }

    async fn truncated_files_lose_nothing_silently(engine: Engine) {
        let folder = filled(engine).await;
        for file in files(&folder.path().join(engine.to_string())) {
            for quarters in [0, 3] {
                let bytes = used_bytes(&file) * quarters / 4;
                let copy = copy_of(folder.path());
                let file = fs::File::options().write(true).open(copied(&copy, folder.path(), &file)).unwrap();
                file.set_len(bytes).unwrap();
                check_damaged(copy.path(), engine).await;
            }
        }
    }

    async fn flipped_bits_lose_nothing_silently(engine: Engine) {
        let folder = filled(engine).await;
        let below = files(&folder.path().join(engine.to_string()));
        let largest = below.iter().max_by_key(|file| used_bytes(file)).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        let mut refused = 0;
        for _ in 0..16 {
            let copy = copy_of(folder.path());
            let file = copied(&copy, folder.path(), largest);
            let file = fs::File::options().read(true).write(true).open(file).unwrap();
            let at = random.u64(..used_bytes(largest));
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ (1 << random.u32(..8))], at).unwrap();
            refused += u32::from(check_damaged(copy.path(), engine).await);
        }
        assert!(refused > 0, "some of the bits matter");
    }
}

/// Either all is there, or the damage is named; whether it was.
async fn check_damaged(folder: &Path, engine: Engine) -> bool {
    match try_to_use(folder, engine).await {
        Ok(events) => {
            assert_eq!(events, 1_000);
            false
        }
        Err(message) => {
            assert!(message.contains("data folder") && message.contains("is damaged"), "{message}");
            true
        }
    }
}

#[test]
fn a_foreign_folder_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "x").unwrap();
    let message = refusal(folder.path(), LogOptions::default());
    assert!(message.contains("not a data folder") && message.contains("thesis.txt"), "{message}");
    assert_eq!(files(folder.path()).len(), 1);
    let message = refusal(&folder.path().join("thesis.txt"), LogOptions::default());
    assert!(message.contains("not a data folder"), "{message}");
    let missing = folder.path().join("none");
    assert!(matches!(fsck(&missing), Err(OpenError::Missing { .. })));
    assert!(!missing.exists());
}

#[test]
fn engines_by_name() {
    assert_eq!("sled".parse(), Ok(Engine::Sled));
    assert_eq!(Engine::Fjall.to_string().parse(), Ok(Engine::Fjall));
    assert!("rocks".parse::<Engine>().unwrap_err().contains("sled"));
}

#[tokio::test]
async fn the_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let log =
        Log::open(&folder.path().join("new/data"), LogOptions { engine: None, sled_cache_bytes: 1 << 24 })
            .unwrap();
    assert_eq!(log.engine(), Engine::Sled);
    log.close().await;
    let text = fs::read_to_string(folder.path().join("new/data/millrace.json")).unwrap();
    let expected = "{\n  \"format\": 3,\n  \"engine\": \"sled\",\n  \"sledSegmentBytes\": 16777216,\n  \"initialized\": true\n}\n";
    assert_eq!(text, expected);
}
