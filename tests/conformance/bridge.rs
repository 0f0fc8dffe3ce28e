//! What the shim asks of its host: files of the checkout, and to keep what came of each test.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use millrace::event::{Event, EventInput, EventType, Json, Offset, StreamPath, Timestamp};
use millrace::isolate::{
    AppendRequest, Bridge, FetchRequest, FetchResponse, OpError, ReactError, ReadRequest, ScriptFailure,
    Socket, SocketRequest,
};
use serde::Deserialize;

/// Files of a checkout, and the results of one file of tests.
pub struct Checkout {
    root: PathBuf,
    results: Mutex<Results>,
}

#[derive(Default)]
struct Results {
    tests: Vec<Test>,
    ended: bool,
    trouble: Option<String>,
}

#[derive(Clone, Deserialize)]
pub struct Test {
    pub name: String,
    pub failure: Option<String>,
}

/// What the shim appends.
#[derive(Deserialize)]
struct Report {
    payload: Reported,
}

#[derive(Deserialize)]
struct Reported {
    tests: Vec<Test>,
    ended: bool,
    trouble: Option<String>,
}

pub struct Outcome {
    pub tests: Vec<Test>,
    /// Why the file did not come to its end.
    pub trouble: Option<String>,
}

impl Checkout {
    pub fn new(root: &Path) -> Checkout {
        Checkout { root: root.into(), results: Mutex::default() }
    }

    pub fn outcome(&self, failure: Option<String>) -> Outcome {
        let results = self.results.lock().unwrap();
        let unfinished = (!results.ended).then(|| "the file did not come to its end".to_string());
        Outcome { tests: results.tests.clone(), trouble: results.trouble.clone().or(failure).or(unfinished) }
    }

    /// Text as it is, and other files as base64, in an event.
    fn file(&self, path: &str) -> Result<Bytes, OpError> {
        let inside = !path.split('/').any(|part| part == "..");
        let read =
            if inside { std::fs::read(self.root.join(path.trim_start_matches('/'))) } else { Ok(Vec::new()) };
        let bytes =
            read.map_err(|error| OpError { code: "not-found".into(), message: format!("{path}: {error}") })?;
        let payload = match std::str::from_utf8(&bytes) {
            Ok(text) => serde_json::json!({ "text": text }),
            Err(_) => {
                let pairs: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                serde_json::json!({ "hex": pairs })
            }
        };
        Ok(event(1, &payload.to_string()).wire().clone())
    }
}

impl Bridge for Checkout {
    fn append(&self, request: AppendRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        if let Ok(Report { payload }) = serde_json::from_str::<Report>(&request.input) {
            let mut results = self.results.lock().unwrap();
            results.tests.extend(payload.tests);
            results.ended |= payload.ended;
            results.trouble = results.trouble.take().or(payload.trouble);
        }
        async { Ok(Json::parse("{}").expect("JSON")) }.boxed()
    }

    fn read(&self, request: ReadRequest) -> BoxFuture<'static, Result<Vec<Bytes>, OpError>> {
        let first = request.after.is_none();
        let page = if first {
            self.file(&request.path.unwrap_or_default()).map(|file| vec![file])
        } else {
            Ok(Vec::new())
        };
        async { page }.boxed()
    }

    fn fetch(&self, _: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>> {
        async { Err(no_network()) }.boxed()
    }

    fn connect(&self, _: SocketRequest) -> BoxFuture<'static, Result<Socket, OpError>> {
        async { Err(no_network()) }.boxed()
    }

    fn logged(&self, _: &str, _: String, _: Option<Offset>) {}

    fn failed(&self, failure: ScriptFailure, _: Option<Offset>) {
        let mut results = self.results.lock().unwrap();
        if !results.ended {
            results.trouble.get_or_insert(format!("{}: {}", failure.error.name, failure.error.message));
        }
    }

    fn used(&self, _: Duration, _: u64) {}
}

fn no_network() -> OpError {
    OpError { code: "egress-refused".into(), message: "the tests have no network".into() }
}

pub fn told(error: &ReactError) -> String {
    match error {
        ReactError::Script(failure) => format!("{}: {}", failure.error.name, failure.error.message),
        ReactError::Isolate(error) => error.to_string(),
    }
}

pub fn event(offset: u64, payload: &str) -> Arc<Event> {
    let input =
        EventInput::new(EventType::parse("file").expect("a type"), Json::parse(payload).expect("JSON"));
    let path = StreamPath::parse("/conformance").expect("a path");
    Arc::new(Event::place(input, path, Offset(offset), Timestamp::from_millis(1_700_000_000_000), None))
}
