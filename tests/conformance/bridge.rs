//! What the shim asks of its host: files of the checkout, for itself and as the answers to the tests' requests, and to
//! keep what came of each test.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};
use millrace::event::{Event, EventInput, EventType, Json, Offset, StreamPath, Timestamp};
use millrace::isolate::{
    AppendRequest, Bridge, FetchRequest, FetchResponse, OpError, ReactError, ReadRequest, ScriptFailure,
    Socket, SocketRequest,
};
use serde::Deserialize;

/// Where the tests believe that they came from.
const ORIGIN: &str = "https://web-platform.test/";

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

    fn file(&self, path: &str) -> Result<Bytes, OpError> {
        let inside = !path.split('/').any(|part| part == "..");
        let read =
            if inside { std::fs::read(self.root.join(path.trim_start_matches('/'))) } else { Ok(Vec::new()) };
        read.map(Bytes::from)
            .map_err(|error| OpError { code: "not-found".into(), message: format!("{path}: {error}") })
    }

    /// As the server of the tests gives its files; what its own programs would answer is not to be had.
    fn answer(&self, url: &str) -> Result<FetchResponse, OpError> {
        let path =
            url.strip_prefix(ORIGIN).ok_or_else(no_network)?.split(['?', '#']).next().unwrap_or_default();
        let (status, status_text, body) = match self.file(path) {
            Ok(bytes) => (200, "OK", bytes),
            Err(_) => (404, "Not Found", Bytes::new()),
        };
        let kind = match path.rsplit('.').next() {
            Some("json") => Some("application/json"),
            Some("txt") => Some("text/plain"),
            Some("js") => Some("text/javascript"),
            Some("html") => Some("text/html"),
            _ => None,
        };
        Ok(FetchResponse {
            status,
            status_text: status_text.into(),
            url: url.into(),
            redirected: false,
            headers: kind.into_iter().map(|kind| ("content-type".to_string(), kind.to_string())).collect(),
            body: futures_util::stream::iter([Ok(body)]).boxed(),
        })
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
        let text = |bytes: Bytes| {
            let payload = serde_json::json!({ "text": String::from_utf8_lossy(&bytes) }).to_string();
            vec![event(1, &payload).wire().clone()]
        };
        let page = match request.after {
            None => self.file(&request.path.unwrap_or_default()).map(text),
            Some(_) => Ok(Vec::new()),
        };
        async { page }.boxed()
    }

    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>> {
        let answer = self.answer(&request.url);
        async { answer }.boxed()
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
