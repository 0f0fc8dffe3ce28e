//! Simulations as a person asks for them, and what becomes of one when whoever asked has gone.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use crate::harness::http::Request;
use crate::harness::{Server, shared};
use crate::simulating::{COUNTER, history};

#[test]
fn the_command_tells_the_difference_and_its_exit_code_says_whether_it_is_worse() {
    let millrace = shared();
    let path = history(&millrace);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counter.js");
    // the file, its exit code, and what is printed
    let cases = [
        (
            COUNTER.to_string(),
            0,
            vec!["completed", "3 as the live version's, 0 changed", "state: the same"],
            vec![],
        ),
        (
            COUNTER.replace("n: state.pings", "n: -1"),
            0,
            vec![
                "0 as the live version's, 3 changed",
                "- event 4 pong on ",
                "+ event 4 pong on ",
                "{\"n\":-1}",
            ],
            vec![],
        ),
        (
            COUNTER.replace("await append(", "missing() ?? await append("),
            1,
            vec!["failed", "3 missing", "failures new: at event 4, 6, 8"],
            vec![
                "error[afterAppend]: ReferenceError: missing is not defined",
                "counter.js:5:32",
                "> 5 |",
                "fails where the live version did not",
            ],
        ),
        (
            "export default {".to_string(),
            1,
            vec!["load-failed"],
            vec!["error[load]: SyntaxError", "does not load"],
        ),
    ];
    for (text, code, printed, told) in cases {
        std::fs::write(&file, &text).unwrap();
        let file = file.to_string_lossy();
        let mut command = crate::harness::server::program(&["simulate", &file, "--stream", &path]);
        command
            .env("MILLRACE_URL", format!("http://{}", millrace.address))
            .env("MILLRACE_PROJECT", &millrace.project);
        let output = crate::harness::server::run_command(command);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{out}{err}");
        for part in printed {
            assert!(out.contains(part), "{part}: {out}{err}");
        }
        for part in told {
            assert!(err.contains(part), "{part}: {out}{err}");
        }
    }
}

#[test]
fn it_ends_when_whoever_asked_has_gone() {
    let server = Server::start(&[]);
    let millrace = server.client("public");
    millrace.append("/a", json!(vec![json!({"type": "x"}); 400]));
    // Half a second of each event: minutes for all of them.
    let script = "export default { reduce({ state }) { let n = 0; for (let i = 0; i < 3e7; i++) n += i; return { n: (state.n ?? 0) + 1 }; } };";
    let body = json!({"script": script}).to_string();
    let isolates = || {
        let metrics = millrace.send(Request::new("GET", "/metrics")).body;
        let metrics = String::from_utf8(metrics).unwrap();
        let line = metrics.lines().find(|line| line.starts_with("millrace_isolates ")).unwrap().to_string();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let until = |count: u64| {
        let started = std::time::Instant::now();
        while isolates() != count {
            assert!(
                started.elapsed() < crate::harness::DEADLINE,
                "there are {} isolates, not {count}",
                isolates()
            );
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    for accept in ["application/json", "application/x-ndjson"] {
        let mut socket = TcpStream::connect(millrace.address).unwrap();
        let host = millrace.address;
        let length = body.len();
        write!(socket, "POST /api/simulate/a HTTP/1.1\r\nhost: {host}\r\naccept: {accept}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        until(1);
        drop(socket);
        until(0);
    }
}
