//! A model server that speaks by a script: each line says what a request looks like and what it is answered.
//!
//! A line is used once, by the first request whose body has what `when` names. It says `body` (with a `status`, if not
//! 200), or as a `chat/completions`, streamed when the request wants that, `say` (pieces of text), `calls` (of tools), and
//! `hold`: the answer then has no end until whoever asked has gone. `path` is for lines about other servers.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::{Answering, Asked, Origin, difference};

/// The value that every secret of a scripted test has.
pub const KEY: &str = "the-key";

pub fn scripted(lines: Vec<Value>) -> Origin {
    let lines = Mutex::new(lines);
    Origin::start(move |asked, to| {
        if asked.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return to.json("401 Unauthorized", &json!({"error": {"message": "the key is another one"}}));
        }
        // Not in the match: an answer that is held would keep the lock, and every other request waiting for it.
        let line = take(&mut lines.lock().unwrap(), asked);
        match line {
            Some(line) => answer(&line, asked, to),
            None => {
                let message = format!("the script has no answer to {} {}", asked.path(), asked.json());
                to.json("400 Bad Request", &json!({"error": {"message": message}}));
            }
        }
    })
}

fn take(lines: &mut Vec<Value>, asked: &Asked) -> Option<Value> {
    let body = asked.json();
    let fits = |line: &Value| {
        line["path"].as_str().unwrap_or("/v1/chat/completions") == asked.path()
            && line.get("when").is_none_or(|when| difference(&body, when).is_none())
    };
    let at = lines.iter().position(fits)?;
    Some(lines.remove(at))
}

fn answer(line: &Value, asked: &Asked, to: &mut Answering) {
    if let Some(body) = line.get("body") {
        return to.json(line["status"].as_str().unwrap_or("200 OK"), body);
    }
    let pieces: Vec<&str> = line["say"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if asked.json()["stream"] != true {
        let mut message = json!({"role": "assistant", "content": pieces.concat()});
        if let Some(calls) = line["calls"].as_array() {
            message["tool_calls"] = calls.iter().map(call).collect();
        }
        return to.json("200 OK", &completion("message", message));
    }
    to.begin("text/event-stream", &[]);
    for piece in pieces {
        to.chunk(format!("data: {}\n\n", completion("delta", json!({"content": piece}))).as_bytes());
    }
    if line["hold"] == true {
        to.hold_until_gone();
    }
    to.chunk(b"data: [DONE]\n\n");
    to.end();
}

fn call(call: &Value) -> Value {
    json!({"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}})
}

fn completion(member: &str, message: Value) -> Value {
    json!({"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, member: message, "finish_reason": null}]})
}
