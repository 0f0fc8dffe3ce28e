//! `/llms.txt` teaches models to use the server, so nothing in it may be wrong: every route is one of the API's, every
//! built-in event type has its page, every event in it is taken, every piece of code runs, every command exists.

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::server::run;
use crate::harness::{Client, shared};

fn page(millrace: &Client) -> String {
    let answer = millrace.send(Request::new("GET", "/llms.txt"));
    assert_eq!(answer.head.status, 200);
    assert_eq!(answer.head.header("content-type"), Some("text/plain; charset=utf-8"));
    String::from_utf8(answer.body).unwrap()
}

/// What stands between back quotes, outside of fences.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// The fenced pieces of a language.
fn fenced<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    text.split("```").skip(1).step_by(2).filter_map(|piece| piece.strip_prefix(language)).collect()
}

#[test]
fn each_route_is_one_of_the_api() {
    let millrace = shared();
    let (text, api) = (page(&millrace), millrace.send(Request::new("GET", "/api/openapi.json")));
    let api: Value = serde_json::from_slice(&api.body).unwrap();
    let mut seen = 0;
    for words in quoted(&text) {
        let Some((method, target)) = words.split_once(' ') else { continue };
        if !["GET", "POST", "DELETE"].contains(&method) {
            continue;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if path == "/api/openapi.json" {
            // It has just been read, and does not describe itself.
            continue;
        }
        let operation = &api["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{words}: the API has no such route");
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap();
            let known = operation["parameters"].as_array().unwrap();
            assert!(
                known.iter().any(|known| known["name"] == name),
                "{words}: `{name}` is no parameter of it"
            );
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen} routes were found");
}

#[test]
fn each_built_in_event_type_has_its_page() {
    let millrace = shared();
    let text = page(&millrace);
    let prefixes = ["stream/", "processor/", "schedule/", "subscription/", "transformer/", "renderer/"];
    let mut seen = 0;
    for words in quoted(&text) {
        let name = words.split([' ', '{']).next().unwrap();
        if prefixes.contains(&name) || !prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let answer = millrace.send(Request::new("GET", &format!("/docs/events/{name}")));
        assert_eq!(answer.head.status, 200, "{words}: there is no such event type");
        seen += 1;
    }
    assert!(seen > 40, "{seen} types were found");
}

#[test]
fn each_event_is_taken_and_each_piece_of_code_runs() {
    let millrace = shared();
    let text = page(&millrace);
    let events = fenced(&text, "json");
    assert_eq!(events.len(), 2, "{events:?}");
    for event in events {
        let event: Value = serde_json::from_str(event).unwrap();
        let stored = millrace.append("/taken", event.clone());
        assert_eq!(stored["type"], event["type"], "{stored:#}");
    }
    millrace.wait_type("/taken", "processor/activated");
    millrace.append("/taken", json!({"type": "ping", "payload": {"text": "tea"}}));
    assert_eq!(millrace.wait_type("/taken", "pong")["payload"], json!({"text": "tea"}));

    let code = fenced(&text, "ts");
    assert_eq!(code.len(), 1, "{code:?}");
    let payload = json!({"slug": "p", "files": {"processor.ts": code[0]}, "typecheck": "require"});
    millrace.append("/code", json!({"type": "processor/source-configured", "payload": payload}));
    millrace.wait_type("/code", "processor/activated");
    millrace.append("/code", json!({"type": "ping"}));
    assert_eq!(millrace.wait_type("/code", "pong")["payload"], json!({"number": 1}));
    millrace.wait_type("/code/audit", "ping-seen");
}

#[test]
fn each_command_exists() {
    let millrace = shared();
    let text = page(&millrace);
    let commands: Vec<&str> =
        quoted(&text).into_iter().filter_map(|words| words.strip_prefix("millrace ")).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    for command in commands {
        let help = run(&[command.split(' ').next().unwrap(), "--help"]);
        assert!(help.status.success(), "{command}");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        for flag in command.split(' ').filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag), "{command}: no {flag}");
        }
    }
}
