//! Every folder of `examples/` is a test. What its header says is deployed is deployed, in that order, on the example's
//! stream; `input.jsonl` is appended as one batch, and the lines of `expected.jsonl` must come, each a subset of an event,
//! in their order in each stream (`streamPath` in a line is relative to the example's stream). `input-2.jsonl` and
//! `expected-2.jsonl` are the next step, and so on.
//!
//! Other input: `input.form`, a form on each line, as browsers post them, and `input.lines`, for the example's `bridge.sh`.
//! `model.jsonl` is what a scripted model says (see `harness::script`); it takes the place of the server on this machine
//! that `input.jsonl` names.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::harness::script::{KEY, scripted};
use crate::harness::{Client, Origin, Server, difference, post};

/// As many at once as there are likely to be cores: nearly all of them wait for a compiler.
const AT_ONCE: usize = 2;
/// Addresses in the inputs that a person has and a test has not: a model, and somebody else's API.
const LOCAL_SERVERS: [&str; 2] = ["http://localhost:11434", "http://localhost:8080"];

#[test]
fn each_example_does_what_its_header_says() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let client = server.client("examples");
    for name in ["OPENAI_API_KEY", "SLACK_BOT_TOKEN"] {
        client.run([post("/api/secrets", json!({"name": name, "value": KEY})).answers(200, json!("<any>"))]);
    }
    let examples = folders(&examples());
    assert!(examples.len() >= 22, "the examples are not where they should be: {examples:?}");
    let waiting = Mutex::new(VecDeque::from(examples));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(example) = waiting.lock().unwrap().pop_front() else { return };
                    run(&client, &example);
                }
            });
        }
    });
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The examples that are processors or events; what is for other languages has a test of its own.
fn folders(examples: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.file_name().is_some_and(|name| name != "polyglot"));
    found.sort();
    found
}

fn run(client: &Client, example: &Path) {
    let name = example.file_name().unwrap().to_str().unwrap();
    let path = format!("/examples/{name}");
    let origin = lines(&example.join("model.jsonl")).map(scripted);
    for command in commands(name, &header(name, example)) {
        deploy(client, &path, &command);
    }
    let mut expected: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for step in ["", "-2", "-3"] {
        append(client, &path, example, step, origin.as_ref());
        let Some(lines) = lines(&example.join(format!("expected{step}.jsonl"))) else { break };
        for (stream, more) in by_stream(&path, lines) {
            let all = expected.entry(stream.clone()).or_default();
            all.extend(more);
            client.wait_for(&stream, &format!("the rest of {all:#?}"), |events| holds(events, all));
        }
    }
}

/// What the example says of itself: the comment that opens its processor, or a page when all is in what is appended.
fn header(name: &str, example: &Path) -> String {
    let entry = ["processor.ts", "processor.js"].map(|entry| example.join(entry));
    if let Some(entry) = entry.iter().find(|entry| entry.is_file()) {
        let text = fs::read_to_string(entry).unwrap();
        let header: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//")).collect();
        assert!(header[0].starts_with(&format!(" {name}: ")), "{name}: the header does not say what it is");
        assert!(header.len() > 5, "{name}: what to append and to expect is missing");
        return header.join("\n");
    }
    let said = fs::read_to_string(example.join("README.md")).unwrap_or_default();
    assert!(said.starts_with("# "), "{name}: what to append and to expect is missing");
    said
}

struct Deploy {
    example: String,
    include_children: bool,
}

/// The header's own commands.
fn commands(name: &str, header: &str) -> Vec<Deploy> {
    let stream = format!("--stream /examples/{name} ");
    let commands: Vec<Deploy> = header
        .lines()
        .filter_map(|line| line.trim().strip_prefix("millrace deploy examples/"))
        .map(|line| {
            assert!(format!("{line} ").contains(&stream), "{name}: deployed elsewhere: {line}");
            let example = line.split(' ').next().unwrap().to_string();
            Deploy { example, include_children: line.contains("--include-children") }
        })
        .collect();
    let is_itself = commands.iter().any(|command| command.example == name);
    assert!(is_itself || header.starts_with("# "), "{name}: the command that deploys it is missing");
    commands
}

fn deploy(client: &Client, path: &str, command: &Deploy) {
    let slug = &command.example;
    let files = files(&examples().join(slug));
    let is_project = files.contains_key("processor.ts") || files.contains_key("package.json");
    let mut configuration = match is_project {
        true => {
            json!({"type": "processor/source-configured", "payload": {"slug": slug, "files": files, "typecheck": "require"}})
        }
        false => json!({"type": "processor/configured", "payload": {"slug": slug, "modules": files}}),
    };
    if command.include_children {
        configuration["payload"]["includeChildren"] = json!(true);
    }
    client.append(path, configuration);
    // What comes before a processor is configured is its history, and not acted on.
    let ended = ["processor/activated", "processor/compile-failed", "processor/failed"];
    let of_it = |event: &Value| {
        event["payload"]["slug"] == slug.as_str() && ended.iter().any(|it| event["type"] == *it)
    };
    let events = client.wait_for(path, slug, |events| events.iter().any(of_it));
    let event = events.iter().find(|event| of_it(event)).unwrap();
    assert_eq!(event["type"], ended[0], "{path}: {:#}", event["payload"]);
}

/// The processor's own files, by their names in the example's folder.
fn files(example: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![example.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "js" || it == "ts" || it == "json") {
                let name = path.strip_prefix(example).unwrap().to_str().unwrap().to_string();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn append(client: &Client, path: &str, example: &Path, step: &str, origin: Option<&Origin>) {
    if let Some(mut text) = text(&example.join(format!("input{step}.jsonl"))) {
        for server in
            origin.map(|origin| LOCAL_SERVERS.map(|local| (local, origin.url("")))).into_iter().flatten()
        {
            text = text.replace(server.0, &server.1);
        }
        client.append(path, parsed(&text));
    }
    for form in text(&example.join(format!("input{step}.form"))).unwrap_or_default().lines() {
        let request = post(&format!("/api/streams{path}"), form)
            .header("content-type", "application/x-www-form-urlencoded");
        client.run([request.answers(200, json!({"event": "<any>"}))]);
    }
    let lines = example.join(format!("input{step}.lines"));
    if lines.is_file() {
        bridge(client, path, &example.join("bridge.sh"), &lines);
    }
}

/// The script needs nothing but a shell and the program itself.
fn bridge(client: &Client, path: &str, script: &Path, lines: &Path) {
    let mut shell = Command::new("sh");
    shell.arg(script).args([path, "session"]).stdin(File::open(lines).unwrap());
    shell.env("MILLRACE", env!("CARGO_BIN_EXE_millrace"));
    shell.env("MILLRACE_URL", format!("http://{}", client.address)).env("MILLRACE_PROJECT", &client.project);
    let output = shell.output().expect("there is a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, fs::read(lines).unwrap(), "it hands on what it reads");
}

fn text(file: &Path) -> Option<String> {
    file.is_file().then(|| fs::read_to_string(file).unwrap())
}

fn lines(file: &Path) -> Option<Vec<Value>> {
    let Value::Array(lines) = parsed(&text(file)?) else { unreachable!() };
    Some(lines)
}

fn parsed(text: &str) -> Value {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

fn by_stream(base: &str, expected: Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut streams: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for mut line in expected {
        let below = line.as_object_mut().unwrap().remove("streamPath");
        let below = below.as_ref().and_then(Value::as_str).and_then(|path| path.strip_prefix('.'));
        streams.entry(format!("{base}{}", below.unwrap_or_default())).or_default().push(line);
    }
    streams
}

/// Whether the lines are found among the events, in their order.
fn holds(events: &[Value], expected: &[Value]) -> bool {
    let mut waiting = expected.iter().peekable();
    for event in events {
        waiting.next_if(|line| difference(event, line).is_none());
    }
    waiting.peek().is_none()
}
