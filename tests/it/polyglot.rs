//! The processors of `examples/polyglot`, which know the HTTP API only: killed in the middle, begun again from their cursor, and
//! sent back to the beginning, they append each answer once.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{Client, shared};

struct Processor {
    program: Vec<PathBuf>,
    millrace: Client,
    path: String,
    cursor: PathBuf,
    running: Option<Child>,
}

impl Processor {
    fn start(&mut self) {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).arg(&self.path).arg(&self.cursor);
        command.env("MILLRACE_URL", format!("http://{}", self.millrace.address)).stdin(Stdio::null());
        self.running = Some(command.spawn().expect("it starts"));
    }

    /// SIGKILL: nothing can be put in order.
    fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill().unwrap();
            running.wait().unwrap();
        }
    }

    fn say(&self, text: &str) {
        self.millrace.append(&self.path, json!({"type": "text-added", "payload": {"text": text}}));
    }

    fn counted(&self, count: usize) -> Vec<Value> {
        let is_count = |event: &&Value| event["type"] == "words-counted";
        let events = self
            .millrace
            .wait_for(&self.path, "the counts", |events| events.iter().filter(is_count).count() >= count);
        events.iter().filter(is_count).map(|event| event["payload"]["words"].clone()).collect()
    }

    /// Waits until the cursor stands behind an offset.
    fn wait_cursor(&self, offset: u64) {
        let started = std::time::Instant::now();
        while std::fs::read_to_string(&self.cursor).ok().and_then(|text| text.parse().ok()) != Some(offset) {
            assert!(started.elapsed() < crate::harness::DEADLINE, "the cursor did not come to {offset}");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Processor {
    fn drop(&mut self) {
        self.kill();
    }
}

/// It follows the stream as anybody would; all of them are in the project that needs no header.
fn check(name: &str, program: Vec<PathBuf>) {
    let shared = shared();
    let folder = tempfile::tempdir().unwrap();
    let path = format!("/polyglot/{name}");
    let cursor = folder.path().join("cursor");
    let mut processor =
        Processor { program, millrace: shared.project("public"), path, cursor, running: None };
    processor.say("the tea is there");
    processor.start();
    processor.say("and the \"cups\"?");
    assert_eq!(processor.counted(2), [4, 3]);
    let offsets: Vec<u64> = processor
        .millrace
        .read(&processor.path)
        .iter()
        .map(|event| event["offset"].as_u64().unwrap())
        .collect();
    assert!(offsets.len() == 5, "created, two texts, two counts: {offsets:?}");

    processor.kill();
    processor.say("one");
    processor.start();
    assert_eq!(processor.counted(3), [4, 3, 1]);
    let last = processor.millrace.read(&processor.path).last().unwrap().clone();
    assert_eq!(last["type"], "words-counted");
    let of = last["payload"]["of"].as_u64().unwrap();
    assert_eq!(last["source"]["cause"], json!({"streamPath": processor.path, "offset": of}), "{last:#}");
    processor.wait_cursor(of);

    processor.kill();
    std::fs::write(&processor.cursor, "0").unwrap();
    processor.start();
    processor.wait_cursor(of);
    processor.say("two words");
    assert_eq!(processor.counted(4), [4, 3, 1, 2], "what was acted on again is there once");
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/polyglot")
}

#[test]
fn in_python() {
    let python = Command::new("python3").arg("--version").stdout(Stdio::null()).status();
    if python.is_err() {
        // Nothing else here needs Python; a machine without it must not pass unnoticed.
        let said_so = std::env::var_os("MILLRACE_TEST_WITHOUT_PYTHON").is_some();
        assert!(
            said_so,
            "no python3 here: install it, or set MILLRACE_TEST_WITHOUT_PYTHON=1 to leave this out"
        );
        return;
    }
    check("python", vec!["python3".into(), examples().join("processor.py")]);
}

#[test]
fn in_rust() {
    // As its page says; when all targets were built for the tests, it is there already.
    let program = Path::new(env!("CARGO_BIN_EXE_millrace"));
    let profile =
        if program.parent().is_some_and(|folder| folder.ends_with("release")) { "release" } else { "dev" };
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", "polyglot", "--profile", profile]).stdin(Stdio::null());
    let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    check("rust", vec![program.with_file_name("examples").join("polyglot")]);
}
