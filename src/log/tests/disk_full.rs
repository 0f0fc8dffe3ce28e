//! A disk that is full, for real: a process of its own may not make its files longer than a limit.

use std::process::Command;

use super::*;

const FOLDER: &str = "MILLRACE_TEST_FULL_FOLDER";
const ENGINE: &str = "MILLRACE_TEST_FULL_ENGINE";

/// Runs in the child: appends until it fails, and says how far it came.
#[tokio::test]
#[ignore = "started by the tests below, under a limit"]
async fn child() {
    let (Ok(folder), Ok(engine)) = (std::env::var(FOLDER), std::env::var(ENGINE)) else {
        return;
    };
    let log = open(Path::new(&folder), engine.parse().unwrap());
    let mut id = None;
    let mut tail = 0;
    let payload = Json::of(&serde_json::json!({ "text": "x".repeat(2_000) }));
    let input = EventInput::new(EventType::parse("x").unwrap(), payload);
    let failure = loop {
        let events = (tail + 1..=tail + 50).map(|offset| place("/a", offset, input.clone())).collect();
        match log.commit(Commit { events, ..commit("/a", id, tail, 0) }).await {
            Ok(created) => (id, tail) = (Some(created), tail + 50),
            Err(failure) => break failure,
        }
    };
    let Some(id) = id else { panic!("nothing was stored: {failure}") };
    assert!(matches!(log.commit(commit("/a", Some(id), tail, 1)).await, Err(LogError::Failed(_))));
    // sled may have to write before it can read, for which there is no room either: an error then, never a lie.
    assert!(
        matches!(log.tail(id), Ok(Offset(durable)) if durable == tail)
            || matches!(log.tail(id), Err(LogError::Unreadable { .. }))
    );
    println!("ACKNOWLEDGED {tail} FAILURE {failure}");
    std::process::exit(0);
}

on_both_engines! {
    async fn a_real_limit(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path(), engine).close().await;
        // Blocks of 512 bytes: the second segment of sled's file, and the first third of fjall's journal.
        let blocks = if engine == Engine::Sled { 50_000 } else { 40_000 };
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --ignored --exact --nocapture log::tests::disk_full::child");
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .env(FOLDER, folder.path())
            .env(ENGINE, engine.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let said = text.split_once("ACKNOWLEDGED ").unwrap_or_else(|| panic!("{text} {}", String::from_utf8_lossy(&output.stderr))).1;
        assert!(said.contains("is full") && said.contains("free some space"), "{said}");
        let acknowledged: u64 = said.split(' ').next().unwrap().parse().unwrap();
        let log = open(folder.path(), engine);
        let stored = read_all(&log, "/a", 1_000).len() as u64;
        assert!((acknowledged..=acknowledged + 50).contains(&stored), "{acknowledged} acknowledged, {stored} there");
        log.close().await;
        assert_sound(folder.path());
    }
}
