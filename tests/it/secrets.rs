//! Secrets over HTTP and by the command line: set, listed, removed, kept over a restart, and shown to nobody.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::server::{program, run_command};
use crate::harness::{Server, get, post, request, shared};

const VALUE: &str = "sk-live-0123456789";

#[test]
fn secrets_are_set_listed_and_removed() {
    let millrace = shared();
    millrace.run([
        get("/api/secrets").answers(200, json!([])),
        post("/api/secrets", json!({"name": "B", "value": VALUE})).answers(
            200,
            json!({"name": "B", "hosts": [], "createdAt": "<any>", "updatedAt": "<any>"}),
        ),
        post(
            "/api/secrets",
            json!({"name": "A", "value": VALUE, "hosts": ["api.example", "*.b.example:443"], "description": "d"}),
        )
        .answers(200, json!({"name": "A", "hosts": ["api.example", "*.b.example:443"], "description": "d"})),
        get("/api/secrets").answers(200, json!([{"name": "A"}, {"name": "B"}])),
        // The same name again replaces it.
        post("/api/secrets", json!({"name": "A", "value": "another-value"})).answers(200, json!({"hosts": []})),
        request("DELETE", "/api/secrets/A").answers(200, json!({"name": "A", "removed": true})),
        request("DELETE", "/api/secrets/A").refused(404, "secret-not-found", "A"),
        get("/api/secrets").answers(200, json!([{"name": "B"}])),
    ]);
    let listed = millrace.run([get("/api/secrets")]).to_string();
    assert!(!listed.contains(VALUE) && !listed.contains("value"), "{listed}");
    let other = millrace.project("another-project");
    other.run([get("/api/secrets").answers(200, json!([]))]);
    assert_eq!(other.run([get("/api/secrets")]), json!([]));
}

#[test]
fn what_is_no_secret_is_refused_without_a_word_of_it() {
    let millrace = shared();
    let bodies = [
        json!({"name": "", "value": VALUE}).to_string(),
        json!({"name": "a b", "value": VALUE}).to_string(),
        json!({"name": "K"}).to_string(),
        json!({"name": "K", "value": ""}).to_string(),
        json!({"name": "K", "value": format!("{VALUE}\nx: y")}).to_string(),
        json!({"name": "K", "value": "v".repeat(70_000)}).to_string(),
        json!({"name": "K", "value": VALUE, "hosts": ["https://a.example"]}).to_string(),
        json!({"name": "K", "value": VALUE, "host": "a.example"}).to_string(),
        json!({"name": {"value": VALUE}, "value": VALUE}).to_string(),
        json!({"name": VALUE, "value": 1}).to_string(),
        format!("\"{VALUE}\""),
        format!("{{\"value\": \"{VALUE}\", "),
    ];
    for body in bodies {
        let refused = millrace.run([post("/api/secrets", &body).refused(400, "bad-secret", "")]);
        assert!(!refused.to_string().contains(VALUE), "{refused}");
    }
    millrace.run([
        get("/api/secrets?x=1").refused(400, "bad-query", "x"),
        get("/api/secrets").answers(200, json!([])),
    ]);
}

#[test]
fn secrets_survive_a_restart_and_are_not_readable_on_the_disk() {
    let mut server = Server::start(&[]);
    server.client("p").run([post("/api/secrets", json!({"name": "K", "value": VALUE}))]);
    server.kill();
    let folder = server.folder().join("data");
    for name in ["secrets", "secrets.key"] {
        let file = folder.join(name);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        let stored = std::fs::read(file).unwrap();
        assert!(!stored.windows(VALUE.len()).any(|bytes| bytes == VALUE.as_bytes()), "{name}");
    }
    let mut server = server.restart();
    server.client("p").run([get("/api/secrets").answers(200, json!([{"name": "K"}]))]);
    assert!(server.terminate().success());
    let stored = std::fs::read(folder.join("secrets")).unwrap();
    // Another key opens nothing, and harms nothing.
    let data = folder.to_string_lossy().into_owned();
    let mut wrong = program(&["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    wrong.env("MILLRACE_SECRET_KEY", "another key");
    let output = run_command(wrong);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("MILLRACE_SECRET_KEY") && said.contains("nothing was changed"), "{said}");
    assert_eq!(std::fs::read(folder.join("secrets")).unwrap(), stored);
    let server = server.restart();
    server.client("p").run([get("/api/secrets").answers(200, json!([{"name": "K"}]))]);
}

fn secrets(server: &Server, args: &[&str], input: Option<&str>) -> Output {
    let mut command = program(&[&["secrets"], args].concat());
    command.env("MILLRACE_URL", format!("http://{}", server.address)).env("MILLRACE_PROJECT", "p");
    if let Some(input) = input {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(input.as_bytes()).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        command.stdin(Stdio::from(file));
    }
    run_command(command)
}

#[test]
fn the_command_line_reads_the_value_from_stdin() {
    let server = Server::start(&[]);
    let said = |output: &Output| {
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let set = secrets(
        &server,
        &["set", "KEY", "--host", "api.example", "--host", "*.b.example", "--description", "for tests"],
        Some(&format!("{VALUE}\n")),
    );
    assert_eq!(set.status.code(), Some(0), "{}", said(&set));
    assert!(!said(&set).contains(VALUE) && said(&set).contains("getSecret"), "{}", said(&set));
    let json = secrets(&server, &["list", "--json"], None);
    let listed: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(listed["hosts"], json!(["api.example", "*.b.example"]), "{listed}");
    let list = said(&secrets(&server, &["list"], None));
    assert!(list.contains("KEY") && list.contains("*.b.example") && list.contains("for tests"), "{list}");
    // Nothing on stdin, a value among the arguments, a host that is none.
    for (args, input) in [
        (&["set", "KEY"][..], None),
        (&["set", "KEY", VALUE], None),
        (&["set", "KEY", "--host", "https://a.example"], Some("v")),
    ] {
        let output = secrets(&server, args, input);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
    }
    let refused = secrets(&server, &["set", "a b"], Some("v"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("bad-secret"), "{}", said(&refused));
    assert_eq!(secrets(&server, &["remove", "KEY"], None).status.code(), Some(0));
    assert_eq!(secrets(&server, &["remove", "KEY"], None).status.code(), Some(1));
    let fsck = run_fsck(server);
    assert_eq!(fsck.status.code(), Some(0), "{}", said(&fsck));
}

/// A folder with secrets is as whole as one without.
fn run_fsck(mut server: Server) -> Output {
    assert!(server.terminate().success());
    run_command(program(&["fsck", &server.folder().join("data").to_string_lossy()]))
}

#[test]
fn egress_is_in_the_metrics_and_its_rules_are_checked() {
    let server =
        Server::start(&["--egress-allow", "127.0.0.1:11434", "--egress-allow", "*.internal.example"]);
    let metrics = server.client("p").send(crate::harness::http::Request::new("GET", "/metrics"));
    let text = String::from_utf8(metrics.body).unwrap();
    for name in ["requests", "refusals", "failures", "connections", "sent_bytes", "received_bytes"] {
        assert!(text.contains(&format!("millrace_egress_{name}_total 0")), "{text}");
    }
    let millrace = server.client("p");
    millrace.append(
        "/a",
        json!({"type": "processor/configured", "payload": {
            "slug": "p", "script": "export default {}", "egress": {"allow": ["https://a.example"]}}}),
    );
    millrace.holds(
        "/a",
        json!([{}, {"type": "stream/invalid-event-appended", "payload": {"error": "~host rule"}}]),
    );
    let wrong = run_command(program(&["serve", "--egress-allow", "http://a.example"]));
    assert_eq!(wrong.status.code(), Some(2));
}
