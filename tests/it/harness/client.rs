//! A client of one project: requests as lines of a table, and waits for events.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Answer, Connection, Request};
use super::{DEADLINE, Sse, assert_subset};

#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    pub project: String,
}

/// A request and what must come of it.
#[derive(Clone)]
pub struct Step {
    request: Request,
    status: u16,
    answer: Option<Value>,
    content_type: Option<String>,
}

pub fn request(method: &str, target: &str) -> Step {
    let request = Request::new(method, target);
    Step { request, status: 200, answer: None, content_type: None }
}

pub fn get(target: &str) -> Step {
    request("GET", target)
}

/// A POST of JSON, unless a header says otherwise.
pub fn post(target: &str, body: impl fmt::Display) -> Step {
    request("POST", target).header("content-type", "application/json").body(body.to_string())
}

impl Step {
    pub fn header(mut self, name: &str, value: &str) -> Step {
        self.request = self.request.header(name, value);
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Step {
        self.request = self.request.body(body);
        self
    }

    /// As it is sent, for whoever does not look at the answer.
    pub fn request(&self) -> Request {
        self.request.clone()
    }

    /// The status, and a subset of the JSON.
    pub fn answers(mut self, status: u16, answer: Value) -> Step {
        self.status = status;
        self.answer = Some(answer);
        self
    }

    /// A problem document with this status and code, whose detail has `words`.
    pub fn refused(mut self, status: u16, code: &str, words: &str) -> Step {
        self.content_type = Some("application/problem+json".into());
        let detail = format!("~{words}");
        self.answers(
            status,
            json!({"status": status, "code": code, "detail": detail, "title": "<any>", "type": "<any>"}),
        )
    }
}

impl Client {
    pub fn send(&self, request: Request) -> Answer {
        let request = if request.headers.iter().any(|(name, _)| name.ends_with("-project")) {
            request
        } else {
            request.header("x-millrace-project", &self.project)
        };
        let answer = Connection::open(self.address, DEADLINE)
            .and_then(|mut connection| connection.send(&request))
            .unwrap_or_else(|error| panic!("{} {}: {error}", request.method, request.target));
        assert!(
            answer.head.status != 500,
            "{} {} was answered with 500: {}",
            request.method,
            request.target,
            String::from_utf8_lossy(&answer.body)
        );
        answer
    }

    /// Runs the lines of a table, in order; the JSON of the last answer.
    pub fn run(&self, steps: impl IntoIterator<Item = Step>) -> Value {
        steps.into_iter().map(|step| self.run_one(step)).last().unwrap_or_default()
    }

    fn run_one(&self, step: Step) -> Value {
        let Step { request, status, answer: expected, content_type } = step;
        let body = String::from_utf8_lossy(&request.body[..request.body.len().min(300)]).into_owned();
        let what = format!("{} {} {body}", request.method, request.target);
        let answer = self.send(request);
        let text = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.head.status, status, "{what}: {}", &text[..text.len().min(2_000)]);
        if let Some(content_type) = content_type {
            assert_eq!(answer.head.header("content-type"), Some(content_type.as_str()), "{what}");
        }
        let json = serde_json::from_slice(&answer.body).unwrap_or_default();
        if let Some(expected) = expected {
            assert_subset(&what, &json, &expected);
        }
        json
    }

    /// Appends one event, or an array of them; the stored event or events.
    pub fn append(&self, path: &str, events: Value) -> Value {
        let target = format!("/api/streams{path}");
        let answer = self.run([post(&target, events).answers(200, json!({}))]);
        answer.get("event").or(answer.get("events")).unwrap_or(&answer).clone()
    }

    /// All events of a stream.
    pub fn read(&self, path: &str) -> Vec<Value> {
        self.read_with(path, "")
    }

    /// The events that a query, as in `afterOffset=2`, selects.
    pub fn read_with(&self, path: &str, query: &str) -> Vec<Value> {
        let target = format!("/api/streams{path}?{query}");
        let answer = self.run([get(&target).header("accept", "application/json")]);
        answer.as_array().unwrap_or_else(|| panic!("{target}: no array: {answer}")).clone()
    }

    /// The stream's events are these, each given as a subset.
    pub fn holds(&self, path: &str, events: Value) {
        assert_subset(path, &Value::Array(self.read(path)), &events);
    }

    pub fn sse(&self, target: &str, headers: &[(&str, &str)]) -> Sse {
        let mut request = Request::new("GET", target).header("x-millrace-project", &self.project);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let connection = Connection::open(self.address, DEADLINE).expect("the server listens");
        let (head, body) = connection.stream(&request).unwrap_or_else(|error| panic!("{target}: {error}"));
        assert_eq!(head.status, 200, "{target}");
        Sse::new(body)
    }

    /// Follows a stream from its first event.
    pub fn follow(&self, path: &str) -> Sse {
        self.sse(&format!("/api/streams{path}?live=true"), &[])
    }

    /// Follows the stream until its events fulfil the predicate, and returns them.
    pub fn wait_for(&self, path: &str, what: &str, mut done: impl FnMut(&[Value]) -> bool) -> Vec<Value> {
        let mut sse = self.follow(path);
        let started = Instant::now();
        let mut events: Vec<Value> = Vec::new();
        while !done(&events) {
            // A keep-alive every five seconds lets this look at the clock while nothing happens.
            let frame = sse.frame().unwrap_or_else(|error| panic!("{path}: {what}: {error}"));
            let frame = frame.unwrap_or_else(|| panic!("{path}: ended before {what}: {events:#?}"));
            events.extend(frame.field("data").map(|data| serde_json::from_str::<Value>(data).unwrap()));
            assert!(
                started.elapsed() < DEADLINE,
                "{path}: {what} did not come in {DEADLINE:?}; the stream holds {:#}",
                Value::Array(events)
            );
        }
        events
    }

    /// Waits for the first event of a type.
    pub fn wait_type(&self, path: &str, event_type: &str) -> Value {
        let events = self.wait_for(path, event_type, |events| events.iter().any(|e| e["type"] == event_type));
        events.into_iter().find(|event| event["type"] == event_type).expect("it has just been seen")
    }

    /// Waits until every processor of the stream has acted on every event of it.
    pub fn settle(&self, path: &str) -> Value {
        let started = Instant::now();
        loop {
            let processors = self.run([get(&format!("/api/processors{path}")).answers(200, json!("<any>"))]);
            let list = processors.as_array().cloned().unwrap_or_default();
            let idle =
                |p: &Value| p["status"] == "suspended" || p["status"] == "failed" || p["acted"] == p["tail"];
            if list.iter().all(idle) {
                return processors;
            }
            assert!(started.elapsed() < DEADLINE, "{path} did not settle: {processors:#}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
