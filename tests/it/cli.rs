//! The command line (contract §6), as a person or a script uses it: output, exit codes, what an error says.

use std::io::{BufRead, BufReader, Write};
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::harness::programs::NODE;
use crate::harness::server::{address_in, program, run, run_command, signal, wait};
use crate::harness::{Client, DEADLINE, Server};
use crate::processors::PONG;

struct Cli {
    url: String,
}

impl Cli {
    fn of(server: &Server) -> Cli {
        Cli { url: format!("http://{}", server.address) }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = program(args);
        command.env("MILLRACE_URL", &self.url);
        run_command(command)
    }

    /// Runs to success, and gives what stands on stdout.
    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {out}{err}");
        assert!(!out.contains('\u{1b}'), "no colours where there is no terminal: {out:?}");
        out
    }

    /// Runs to failure with exit code 1, and gives what stands on stderr.
    fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {out}{err}");
        assert!(!err.contains("panicked"), "{err}");
        format!("{out}{err}")
    }
}

fn texts(output: &Output) -> (String, String) {
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter(|line| line.starts_with(['{', '[']))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn append_and_tail() {
    let server = Server::start(&[]);
    let (cli, public) = (Cli::of(&server), server.client("public"));
    cli.done(&["append", "/a", r#"{"type":"one","payload":{"n":1}}"#]);
    let stored = cli.done(&["append", "/a", r#"{"type":"two"}"#, "--json"]);
    assert_eq!(json_lines(&stored)[0].to_string().matches("\"two\"").count(), 1, "{stored}");
    let mut piped = program(&["append", "/a", "-"]);
    let mut child =
        piped.env("MILLRACE_URL", &cli.url).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"type":"three"}"#).unwrap();
    assert!(wait(&mut child, DEADLINE).unwrap().success());
    public.holds("/a", json!([{}, {"type": "one", "payload": {"n": 1}}, {"type": "two"}, {"type": "three"}]));
    let tail = cli.done(&["tail", "/a"]);
    for word in ["stream/created", "one", "two", "three"] {
        assert!(tail.contains(word), "{tail}");
    }
    let tail: Vec<Value> = json_lines(&cli.done(&["tail", "/a", "--json"]));
    assert_eq!(tail, public.read("/a"));
    // The flag does what the environment variable does.
    let url = cli.url.as_str();
    assert_eq!(run(&["append", "/a", r#"{"type":"four"}"#, "--server", url]).status.code(), Some(0));
}

#[test]
fn tail_follows() {
    let server = Server::start(&[]);
    let cli = Cli::of(&server);
    cli.done(&["append", "/a", r#"{"type":"one"}"#]);
    let mut command = program(&["tail", "/a", "--follow", "--json"]);
    let mut child = command.env("MILLRACE_URL", &cli.url).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["type"].clone();
    assert_eq!([next(), next()], [json!("stream/created"), json!("one")]);
    cli.done(&["append", "/a", r#"{"type":"two"}"#]);
    assert_eq!(next(), json!("two"));
    signal(child.id(), "INT");
    assert!(wait(&mut child, DEADLINE).is_some());
}

#[test]
fn deploy_processors_and_logs() {
    let server = Server::start(&[]);
    let (cli, public): (Cli, Client) = (Cli::of(&server), server.client("public"));
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let good = file("ponger.js", &PONG.replace("if (event", "console.log('saw ' + event.type); if (event"));
    cli.done(&["deploy", &good, "--stream", "/a", "--wait"]);
    let activated = public.read("/a").into_iter().find(|event| event["type"] == "processor/activated");
    assert_eq!(activated.unwrap()["payload"]["slug"], "ponger", "the file's name is the slug");
    public.append("/a", json!({"type": "ping"}));
    public.wait_type("/a", "pong");
    cli.done(&["deploy", &good, "--stream", "/a", "--slug", "other", "--wait"]);
    let listed = cli.done(&["processors", "/a"]);
    assert!(listed.contains("ponger") && listed.contains("other"), "{listed}");
    public.wait_for("/a/_logs/ponger", "a line", |events| events.len() >= 2);
    let logs = cli.done(&["logs", "/a", "ponger"]);
    assert!(logs.contains("saw ping"), "{logs}");
    let bad = file("bad.js", "export default {\n  reduce( {\n};\n");
    let said = cli.fails(&["deploy", &bad, "--stream", "/b", "--wait"]);
    assert!(said.contains("bad.js") || said.contains("processor.js"), "{said}");
    assert!(said.contains("SyntaxError"), "{said}");
}

#[test]
fn what_is_named_and_not_there_is_wrong_usage() {
    let cases: [&[&str]; 4] = [
        &["deploy", "/no/such/thing", "--stream", "/b"],
        &["bundle", "/no/such/thing"],
        &["fsck", "/no/such/thing"],
        &["serve", "--egress-roots", "/no/such/thing", "--listen", "127.0.0.1:0"],
    ];
    for args in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(texts(&output).1.contains("/no/such/thing"), "{args:?}: {output:?}");
    }
}

#[test]
fn errors_say_what_to_do_next() {
    let server = Server::start(&[]);
    let cli = Cli::of(&server);
    assert!(cli.fails(&["tail", "/absent"]).contains("/absent"));
    let usage = cli.run(&["append", "/Bad", r#"{"type":"x"}"#]);
    assert_eq!(usage.status.code(), Some(2), "a path that cannot be is wrong usage");
    assert!(texts(&usage).1.contains("/Bad"), "{usage:?}");
    assert!(cli.fails(&["processors", "/absent"]).contains("/absent"));
    let nobody = Cli { url: "http://127.0.0.1:9".into() };
    let said = nobody.fails(&["append", "/a", r#"{"type":"x"}"#]);
    assert!(said.contains("127.0.0.1:9") && said.contains("millrace serve"), "{said}");
}

#[test]
fn the_demo_shows_a_pong_and_a_failure_and_stays_up() {
    let mut command = program(&["demo"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    let mut address = None;
    for line in lines.map_while(Result::ok) {
        address = address.or(address_in(&line));
        said += &(line + "\n");
        if address.is_some() && said.contains("pong") && said.contains("processor/failed") {
            break;
        }
    }
    let address = address.unwrap_or_else(|| panic!("no URL in {said}"));
    assert!(child.try_wait().unwrap().is_none(), "it stays up");
    let client = Client { address, project: "public".into() };
    client.append("/me/hello", json!({"type": "hello-world"}));
    signal(child.id(), "TERM");
    assert!(wait(&mut child, DEADLINE).expect("it ends").success());
}

#[test]
fn fsck_finds_a_folder_well_or_says_what_is_wrong() {
    for store in ["sled", "fjall"] {
        let mut server = Server::start(&["--store", store]);
        server.client("p").append("/a/b", json!([{"type": "x", "idempotencyKey": "k"}, {"type": "y"}]));
        assert!(server.terminate().success());
        let folder = server.folder().join("data").to_string_lossy().into_owned();
        let fsck = run(&["fsck", &folder]);
        assert_eq!(fsck.status.code(), Some(0), "{store}: {:?}", texts(&fsck));
    }
    let empty = tempfile::tempdir().unwrap();
    let fsck = run(&["fsck", &empty.path().to_string_lossy()]);
    assert_eq!(fsck.status.code(), Some(1), "{:?}", texts(&fsck));
}

#[test]
fn a_new_project_deploys_as_it_is_and_nothing_is_overwritten() {
    let server = Server::start(&[]);
    let (cli, public) = (Cli::of(&server), server.client("public"));
    let work = tempfile::tempdir().unwrap();
    let folder = |name: &str| work.path().join(name).to_string_lossy().into_owned();
    let ada = folder("ada");
    for (name, template) in [(folder("greeter"), "ping"), (ada.clone(), "agent")] {
        let said = cli.done(&["new", &name, "--template", template]);
        let stream = format!("/{}", name.rsplit('/').next().unwrap());
        let next = format!("millrace deploy . --stream {stream} --wait");
        assert!(said.contains(&next) && said.contains("processor.ts"), "{said}");
        let bundled = cli.done(&["bundle", &name, "--typecheck", "require"]);
        assert!(bundled.contains("export"), "{bundled}");
        cli.done(&["deploy", &name, "--stream", &stream, "--wait", "--typecheck", "require"]);
    }
    let configured = public.wait_type("/ada", "processor/source-configured");
    let files: Vec<&String> = configured["payload"]["files"].as_object().unwrap().keys().collect();
    let nothing_hidden_and_no_test =
        ["input.jsonl", "model.ts", "package.json", "processor.ts", "tsconfig.json"];
    assert_eq!(files, nothing_hidden_and_no_test);
    public.append("/greeter", json!({"type": "ping", "payload": {"text": "hello"}}));
    assert_eq!(public.wait_type("/greeter", "pong")["payload"], json!({"number": 1, "text": "hello"}));

    let before = std::fs::read_to_string(work.path().join("ada/processor.ts")).unwrap();
    assert!(before.starts_with("// ada: ") && before.contains("deploy . --stream /ada --wait"), "{before}");
    let refused = cli.fails(&["new", &ada]);
    assert!(refused.contains("ada") && refused.contains("nothing was written"), "{refused}");
    assert_eq!(std::fs::read_to_string(work.path().join("ada/processor.ts")).unwrap(), before);
    let wrong = cli.run(&["new", &folder("Not A Slug")]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(!work.path().join("Not A Slug").exists());
}

#[test]
fn a_new_projects_own_test_passes_and_can_fail() {
    // The product needs no Node: only who runs the scaffold's test does.
    let program = NODE.find();
    let work = tempfile::tempdir().unwrap();
    let test = |name: &str| {
        let mut node = std::process::Command::new(&program);
        node.arg("--test")
            .current_dir(work.path().join(name))
            .env("MILLRACE_BIN", env!("CARGO_BIN_EXE_millrace"));
        node.env("MILLRACE_PACKAGES", crate::harness::server::package_store()).stdin(Stdio::null());
        run_command(node)
    };
    for template in ["ping", "agent"] {
        let folder = work.path().join(template);
        let made = run(&["new", &folder.to_string_lossy(), "--template", template]);
        assert_eq!(made.status.code(), Some(0), "{made:?}");
        let passed = test(template);
        assert!(passed.status.success(), "{template}: {:?}", texts(&passed));
        assert!(texts(&passed).0.contains("pass 1"), "{template}: {:?}", texts(&passed));
    }
    let processor = work.path().join("ping/processor.ts");
    let text = std::fs::read_to_string(&processor).unwrap();
    std::fs::write(&processor, text.replace("event.payload.text ?? \"\"", "\"wrong\"")).unwrap();
    assert!(!test("ping").status.success(), "a wrong processor passes its test");
}
