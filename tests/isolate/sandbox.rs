//! What a worker process could still do if a script took it over: a worker that tries, and what the kernel says of one
//! that runs a processor.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use millrace::isolate::Layer;

use super::harness::{Case, event, isolates, load};

/// The name of each attempt, and how it ended.
fn attempts(how: &str) -> Vec<(String, String)> {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(["__worker", "probe", how])
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut report = String::new();
    ours.read_to_string(&mut report).unwrap();
    assert!(child.wait().unwrap().success(), "{report}");
    let lines = report.lines().map(|line| line.split_once(": ").unwrap());
    lines.map(|(name, outcome)| (name.to_string(), outcome.to_string())).collect()
}

fn outcome<'a>(attempts: &'a [(String, String)], name: &str) -> &'a str {
    let found = attempts.iter().find(|(attempt, _)| attempt == name);
    &found.unwrap_or_else(|| panic!("no attempt {name:?}")).1
}

#[test]
fn nothing_is_allowed_that_a_worker_does_not_need() {
    let confined = attempts("confined");
    assert!(confined.len() >= 20, "{confined:?}");
    for (name, outcome) in &confined {
        assert_eq!(outcome, "EPERM", "{name}");
    }
    // Otherwise it would have been impossible all the time.
    let bare = attempts("bare");
    for name in [
        "open a file",
        "open the root",
        "open /proc",
        "make a socket",
        "make a local socket",
        "signal the host",
    ] {
        assert_eq!(outcome(&bare, name), "done", "{name}");
    }
    for name in ["make code", "make a file of memory"] {
        assert_eq!(outcome(&bare, name), "done", "{name}");
    }
    assert_eq!(outcome(&bare, "run a program"), "ENOENT");
}

/// The layers below the filter hold without it.
#[test]
fn no_file_is_there_even_without_the_filter() {
    let unfiltered = attempts("unfiltered");
    for name in ["open a file", "open /proc"] {
        let outcome = outcome(&unfiltered, name);
        assert!(matches!(outcome, "ENOENT" | "EACCES"), "{name}: {outcome}");
    }
    if rustix::process::geteuid().is_root() {
        assert_eq!(outcome(&unfiltered, "become root"), "EPERM");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_at_work_is_confined() {
    let isolates = isolates();
    let script = "export default { async afterAppend() { await null } }";
    let isolate = load(&isolates, &Case { script, ..Case::default() }, &Arc::default()).await.unwrap();
    isolate.react(&event(2, "{}")).await.unwrap();
    let worker = isolates.stats().workers[0].clone();
    assert!(worker.confinement.holds(), "{:?}", worker.confinement.names());
    assert!(worker.confinement.has(Layer::Root) || worker.confinement.has(Layer::Files));
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.pid)).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    assert_eq!(field("Seccomp:"), ["2"]);
    assert_eq!(field("CapEff:"), ["0000000000000000"]);
    // The three standard ones, and two copies of the socket.
    let open = std::fs::read_dir(format!("/proc/{}/fd", worker.pid)).unwrap().count();
    assert!(open <= 5, "{open} files are open");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", worker.pid)).unwrap();
    for name in ["Max core file size", "Max processes"] {
        let limit = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert!(limit.trim().starts_with("0 "), "{name}: {limit}");
    }
    let environment = std::fs::read_to_string(format!("/proc/{}/environ", worker.pid)).unwrap();
    assert_eq!(environment.trim_end_matches('\0'), "TZ=UTC");
    if rustix::process::geteuid().is_root() {
        assert_eq!(field("Uid:"), ["65534"; 4]);
        assert_eq!(field("Gid:"), ["65534"; 4]);
        assert!(field("Groups:").is_empty());
        let root = std::fs::read_link(format!("/proc/{}/root", worker.pid)).unwrap();
        assert!(root.to_string_lossy().ends_with(" (deleted)"), "{}", root.display());
    }
}
