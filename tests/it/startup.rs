//! Starting and ending the program: what it refuses to start on, and how it goes (contract §6).

use std::io::Write;

use serde_json::json;

use crate::harness::Server;
use crate::harness::server::{children_of, run};

#[test]
fn a_second_server_on_the_same_folder_is_told_why_not() {
    let server = Server::start(&[]);
    let folder = server.folder().join("data").to_string_lossy().into_owned();
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--data", &folder]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&folder) && said.contains("in use"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    server.client("p").append("/a", json!({"type": "still-here"}));
}

#[test]
fn a_foreign_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("holiday.txt");
    std::fs::File::create(&note).unwrap().write_all(b"sand").unwrap();
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--data", &folder.path().to_string_lossy()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&*folder.path().to_string_lossy()) && !said.contains("panicked"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was added");
}

#[test]
fn the_store_of_a_folder_does_not_change() {
    let mut server = Server::start(&["--store", "fjall"]);
    server.client("p").append("/a", json!({"type": "x"}));
    assert!(server.terminate().success());
    let folder = server.folder().join("data").to_string_lossy().into_owned();
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--data", &folder, "--store", "sled"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("fjall"), "{said}");
    // Without the flag, the folder knows.
    let again = Server::start_on(server.data(), &[]);
    assert_eq!(again.client("p").read("/a").len(), 2);
}

#[test]
fn other_than_loopback_needs_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").to_string_lossy().into_owned();
    let output = run(&["serve", "--listen", "0.0.0.0:0", "--data", &data]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("--insecure-public"), "{said}");
}

#[test]
fn sigterm_ends_it_in_good_order() {
    for store in ["sled", "fjall"] {
        let mut server = Server::start(&["--store", store]);
        let millrace = server.client("p");
        millrace.append("/a", json!([{"type": "x"}, {"type": "y"}]));
        let mut open = millrace.follow("/a");
        open.events(3);
        let status = server.terminate();
        assert_eq!(status.code(), Some(0), "{store}: {}", server.log());
        let server = server.restart();
        assert_eq!(server.client("p").read("/a").len(), 3, "{store}");
    }
}

#[test]
fn an_end_in_the_middle_of_work_is_no_trouble() {
    let mut server = Server::start(&[]);
    let millrace = server.client("p");
    let hooks = [
        "if (event.type === 'tick') { console.log('tick'); await append({ type: 'tick' }); }",
        "if (event.type === 'tick') { await append({ type: 'begun' }); await new Promise((done) => setTimeout(done, 60_000)); }",
    ];
    let script =
        |hook: &str| format!("export default {{ async afterAppend({{ append, event }}) {{ {hook} }} }};");
    for (n, hook) in hooks.iter().cycle().take(6).enumerate() {
        let path = format!("/busy/{n}");
        millrace.deploy(&path, "s", &script(hook));
        millrace.append(&path, json!({"type": "tick"}));
        millrace.wait_for(&path, "work under way", |events| events.len() >= 5);
    }
    for worker in children_of(server.process_id()) {
        assert_eq!(group_of(worker), worker, "Ctrl-C on a terminal is the server's alone to hear");
    }
    for n in 0..8 {
        let payload = json!({"slug": "s", "script": script(hooks[0])});
        millrace.append(&format!("/late/{n}"), json!({"type": "processor/configured", "payload": payload}));
    }
    assert!(server.terminate().success());
    let log = server.log();
    // Whether workers are confined is the machine's doing.
    let troubles: Vec<&str> = log
        .lines()
        .filter(|line| (line.contains("WARN") || line.contains("ERROR")) && !line.contains("confine"))
        .collect();
    assert!(troubles.is_empty(), "{troubles:#?}");
}

/// The process group of a process, by what the kernel says.
fn group_of(process: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // `id (name) state parent group …`, where the name may have spaces and parentheses.
    stat.rsplit(')').next().unwrap().split_whitespace().nth(2).unwrap().parse().unwrap()
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for args in [
        &["frobnicate"] as &[&str],
        &["serve", "--listen", "nowhere"],
        &["serve", "--no-such-flag"],
        &["append"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["serve", "demo", "append", "tail", "deploy", "processors", "logs"] {
        assert!(help.contains(word), "{word} is not in {help}");
    }
}
