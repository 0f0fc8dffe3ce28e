//! Every folder of `examples/` is a test: its processor is deployed by an event, `input.jsonl` is appended as
//! one batch, and the lines of `expected.jsonl` must come, each a subset of an event, in their order in each
//! stream. `streamPath` in a line is relative to the example's stream.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{Client, difference, shared};

#[test]
fn each_example_does_what_its_header_says() {
    let server = shared();
    let examples = examples();
    assert!(examples.len() >= 4, "the examples are not where they should be: {examples:?}");
    for example in examples {
        run(&server, &example);
    }
}

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn run(client: &Client, example: &Path) {
    let name = example.file_name().unwrap().to_str().unwrap();
    let path = format!("/examples/{name}");
    let files = files(example);
    if let Some(entry) = files.get("processor.ts").or(files.get("processor.js")) {
        assert!(entry.starts_with("// "), "{name}: what to append and to expect is missing");
        deploy(client, &path, name, &files);
    } else {
        // Everything is in what is appended.
        let said = fs::read_to_string(example.join("README.md")).unwrap_or_default();
        assert!(said.starts_with("# "), "{name}: what to append and to expect is missing");
    }
    client.append(&path, Value::Array(lines(&example.join("input.jsonl"))));
    for (stream, expected) in by_stream(&path, lines(&example.join("expected.jsonl"))) {
        client.wait_for(&stream, &format!("the rest of {expected:#?}"), |events| holds(events, &expected));
    }
}

fn deploy(client: &Client, path: &str, name: &str, files: &BTreeMap<String, String>) {
    // As the header's own command says.
    let below = files.values().any(|text| text.contains("--include-children"));
    let mut configuration = match files.contains_key("processor.ts") {
        true => {
            json!({"type": "processor/source-configured", "payload": {"slug": name, "files": files, "typecheck": "require"}})
        }
        false => json!({"type": "processor/configured", "payload": {"slug": name, "modules": files}}),
    };
    if below {
        configuration["payload"]["includeChildren"] = json!(true);
    }
    client.append(path, configuration);
    // What comes before a processor is configured is its history, and not acted on.
    client.wait_type(path, "processor/activated");
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

fn lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
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
