//! The one place that knows the API of isolates.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use millrace::event::{Event, EventInput, Json, Offset, StreamPath, Timestamp};
use millrace::isolate::{
    AppendRequest, Bounds, Bridge, FetchRequest, FetchResponse, Isolate, IsolateError, IsolateOptions,
    Isolates, OpError, ReactError, ReadRequest, ScriptFailure, Socket, SocketRequest, Sources, Spec,
};

/// A script, what happens to it, and what is to come of it.
#[derive(Clone)]
pub struct Case {
    pub script: &'static str,
    /// More modules beside `processor.js`.
    pub modules: &'static [(&'static str, &'static str)],
    /// Payloads of the events that are only reduced; they have the offsets from 2 on.
    pub history: &'static [&'static str],
    /// Payloads of the events after them, reacted to one after the other.
    pub events: &'static [&'static str],
    pub state: Option<&'static str>,
    pub bounds: Bounds,
    pub expect: Expect,
}

impl Default for Case {
    fn default() -> Case {
        Case {
            script: "",
            modules: &[],
            history: &[],
            events: &[],
            state: None,
            bounds: Bounds { hook_timeout: Duration::from_secs(5), ..Bounds::default() },
            expect: Expect::default(),
        }
    }
}

impl Case {
    pub fn with_state(self, state: &'static str) -> Case {
        Case { expect: Expect { state: Some(state), ..self.expect }, ..self }
    }

    pub fn with_logs(self, logs: &'static [&'static str]) -> Case {
        Case { expect: Expect { logs, ..self.expect }, ..self }
    }

    pub fn with_appends(self, appends: &'static [&'static str]) -> Case {
        Case { expect: Expect { appends, ..self.expect }, ..self }
    }

    pub fn anything_appended(self) -> Case {
        Case { expect: Expect { any_appends: true, ..self.expect }, ..self }
    }
}

#[derive(Clone, Default)]
pub struct Expect {
    pub state: Option<&'static str>,
    /// `offset.ordinal path input`
    pub appends: &'static [&'static str],
    pub any_appends: bool,
    /// `level message`
    pub logs: &'static [&'static str],
    /// `phase reason name: message @ file:line:column`; each must begin so, in order. Behind `!` when the isolate is gone.
    pub failures: &'static [&'static str],
}

pub fn isolates() -> Isolates {
    // One pool for each test: the runtime that its tasks run in ends with the test.
    Isolates::start(IsolateOptions { workers: 1, program: PathBuf::from(env!("CARGO_BIN_EXE_millrace")) })
}

pub fn event(offset: u64, payload: &str) -> Arc<Event> {
    let input = EventInput::new("e".parse_type(), Json::parse(payload).expect("a payload is JSON"));
    let path = StreamPath::parse("/a/b").expect("a path");
    let at = Timestamp::from_millis(1_700_000_000_000 + offset as i64);
    Arc::new(Event::place(input, path, Offset(offset), at, None))
}

trait ParseType {
    fn parse_type(self) -> millrace::event::EventType;
}

impl ParseType for &str {
    fn parse_type(self) -> millrace::event::EventType {
        millrace::event::EventType::parse(self).expect("a type")
    }
}

/// Notes everything, and stores every event at offset 1000 and up.
#[derive(Default)]
pub struct Notes {
    pub appends: Mutex<Vec<String>>,
    pub logs: Mutex<Vec<String>>,
    pub failures: Mutex<Vec<String>>,
    pub used: Mutex<Vec<(Duration, u64)>>,
}

impl Bridge for Notes {
    fn append(&self, request: AppendRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        let event = request.event.map_or("-".to_string(), |offset| offset.to_string());
        let path = request.path.map_or(String::new(), |path| format!("{path} "));
        let mut appends = self.appends.lock().unwrap();
        appends.push(format!("{event}.{} {path}{}", request.ordinal, request.input));
        let offset = 999 + appends.len();
        if request.input.contains("refuse me") {
            let error = OpError { code: "stream-paused".into(), message: "stream `/a/b` is paused".into() };
            return async { Err(error) }.boxed();
        }
        if request.input.contains("never") {
            return futures_util::future::pending().boxed();
        }
        let stored = Json::parse(&format!(r#"{{"offset":{offset},"input":{}}}"#, request.input)).unwrap();
        async { Ok(stored) }.boxed()
    }

    /// Five events, two a page.
    fn read(&self, request: ReadRequest) -> BoxFuture<'static, Result<Vec<Bytes>, OpError>> {
        let after: u64 = request.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
        let page = (after + 1..=5).take(2).map(|offset| event(offset, "{}").wire().clone()).collect();
        async { Ok(page) }.boxed()
    }

    fn fetch(&self, _: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>> {
        async { Err(no_network()) }.boxed()
    }

    fn connect(&self, _: SocketRequest) -> BoxFuture<'static, Result<Socket, OpError>> {
        async { Err(no_network()) }.boxed()
    }

    fn logged(&self, level: &str, message: String, _: Option<Offset>) {
        self.logs.lock().unwrap().push(format!("{level} {message}"));
    }

    fn failed(&self, failure: ScriptFailure, _: Option<Offset>) {
        self.failures.lock().unwrap().push(shown(&failure));
    }

    fn used(&self, cpu: Duration, memory_bytes: u64) {
        self.used.lock().unwrap().push((cpu, memory_bytes));
    }
}

fn no_network() -> OpError {
    OpError { code: "egress-refused".into(), message: "the cases have no network".into() }
}

pub fn shown(failure: &ScriptFailure) -> String {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_string();
    let phase = word(serde_json::to_value(failure.phase).unwrap());
    let reason = word(serde_json::to_value(failure.reason).unwrap());
    let code = failure.cause_code.as_ref().map_or(String::new(), |code| format!(" [{code}]"));
    let place = failure.error.frames.first().map_or(String::new(), |frame| {
        let function = frame.function.as_ref().map_or(String::new(), |name| format!(" {name}"));
        format!(" @ {}:{}:{}{function}", frame.file, frame.line, frame.column)
    });
    format!("{phase} {reason} {}: {}{code}{place}", failure.error.name, failure.error.message)
}

fn note(notes: &Notes, error: &IsolateError) {
    let text = match error {
        IsolateError::Script(failure) => format!("!{}", shown(failure)),
        other => format!("!{other}"),
    };
    notes.failures.lock().unwrap().push(text);
}

pub fn sources(case: &Case) -> Sources {
    let mut sources = Sources::script("processor.js", case.script);
    for (name, text) in case.modules {
        sources.modules.insert(name.to_string(), text.to_string());
    }
    sources
}

pub async fn load(isolates: &Isolates, case: &Case, notes: &Arc<Notes>) -> Result<Isolate, IsolateError> {
    let code = isolates.compile(Arc::new(sources(case))).await?;
    let spec = Spec {
        project: "public".into(),
        path: "/a/b".into(),
        slug: "s".into(),
        configured_offset: 1,
        code,
        env: BTreeMap::from([("KEY".to_string(), "value".to_string())]),
        bounds: case.bounds.clone(),
        state: case.state.and_then(Json::parse),
    };
    isolates.load(spec, notes.clone()).await
}

/// All in one worker, one after the other.
pub async fn check_all(cases: Vec<Case>) {
    let isolates = isolates();
    let mut wrong = Vec::new();
    for case in cases {
        wrong.extend(problem(&isolates, case).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

pub async fn check_in(isolates: &Isolates, case: Case) {
    if let Some(problem) = problem(isolates, case).await {
        panic!("{problem}");
    }
}

/// The state of `script` after these events of history.
pub async fn state_after(script: &'static str, history: &'static [&'static str]) -> String {
    let case = Case { script, history, ..Case::default() };
    run(&isolates(), &case, &Arc::default()).await.expect("a state")
}

/// Lines of `expression ==> what console.log shows, or what was thrown`.
pub async fn check_expressions(text: &str) {
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.rsplit_once(" ==> ").expect("each line is an expression and its value"))
        .collect();
    let isolates = isolates();
    let mut wrong = Vec::new();
    for (expression, expected) in lines {
        let script = format!(
            "export default {{ async afterAppend() {{ try {{ console.log(await (async () => ({expression}))()) }} catch (e) {{ console.log(`${{e.name}}: ${{e.message}}`) }} }} }}"
        );
        let notes = Arc::new(Notes::default());
        let case = Case { script: Box::leak(script.into_boxed_str()), events: &["{}"], ..Case::default() };
        run(&isolates, &case, &notes).await;
        let logs = notes.logs.lock().unwrap().join("\n");
        let failures = notes.failures.lock().unwrap().join("\n");
        if logs != format!("info {expected}") || !failures.is_empty() {
            wrong.push(format!("{expression}\n  is  {logs} {failures}\n  not info {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A file of scripts: each begins with a line `//# what it shows`, and has the lines that it logs behind `//> `.
/// Its imports are those of a module; the rest runs in `afterAppend`.
pub async fn check_scripts(file: &str, text: &'static str) {
    let isolates = isolates();
    let mut wrong = Vec::new();
    for case in text.split("//# ").skip(1) {
        let (title, script) = case.split_once('\n').expect("a script stands below its title");
        let expected: Vec<&str> =
            script.lines().filter_map(|line| line.trim().strip_prefix("//> ")).collect();
        let (imports, body): (Vec<&str>, Vec<&str>) =
            script.lines().partition(|line| line.starts_with("import "));
        let module = format!(
            "{}\nexport default {{ async afterAppend() {{\n{}\n}} }}",
            imports.join("\n"),
            body.join("\n")
        );
        let notes = Arc::new(Notes::default());
        let case = Case {
            script: Box::leak(module.into_boxed_str()),
            events: &["{}"],
            // Some compute for seconds, and the machine may be busy.
            bounds: Bounds { hook_timeout: Duration::from_secs(60), ..Bounds::default() },
            ..Case::default()
        };
        run(&isolates, &case, &notes).await;
        let logs = notes.logs.lock().unwrap();
        let logs: Vec<&str> =
            logs.iter().flat_map(|log| log.strip_prefix("info ").unwrap_or(log).lines()).collect();
        let failures = notes.failures.lock().unwrap();
        if logs != expected || !failures.is_empty() {
            wrong.push(format!("{file}: {title}\n  logs {logs:#?}\n  not  {expected:#?}\n  {failures:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

async fn problem(isolates: &Isolates, case: Case) -> Option<String> {
    let notes = Arc::new(Notes::default());
    let state = match tokio::time::timeout(Duration::from_secs(20), run(isolates, &case, &notes)).await {
        Ok(state) => state,
        Err(_) => return Some(format!("{}\ndid not come to an end", case.script)),
    };
    let Expect { state: expected, appends, any_appends, logs, failures } = case.expect;
    let noted = notes.failures.lock().unwrap().clone();
    let as_expected = noted.len() == failures.len()
        && noted.iter().zip(failures).all(|(failure, expected)| matches(failure, expected));
    let mut wrong = Vec::new();
    if !as_expected {
        wrong.push(format!("failures {noted:#?}\n  not {failures:#?}"));
    }
    if expected.is_some() && state.as_deref() != expected {
        wrong.push(format!("state {state:?} not {expected:?}"));
    }
    let noted = notes.appends.lock().unwrap();
    if !any_appends && *noted != appends {
        wrong.push(format!("appends {noted:#?}\n  not {appends:#?}"));
    }
    let noted = notes.logs.lock().unwrap();
    if *noted != logs {
        wrong.push(format!("logs {noted:#?}\n  not {logs:#?}"));
    }
    (!wrong.is_empty()).then(|| format!("{}\n  {}", case.script, wrong.join("\n  ")))
}

/// `…` stands for anything.
fn matches(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || pattern.ends_with('…')
}

async fn run(isolates: &Isolates, case: &Case, notes: &Arc<Notes>) -> Option<String> {
    let isolate = match load(isolates, case, notes).await {
        Ok(isolate) => isolate,
        Err(error) => {
            note(notes, &error);
            return None;
        }
    };
    let place = |(at, payload): (usize, &&str)| event(at as u64 + 2, payload);
    let history: Vec<_> = case.history.iter().enumerate().map(place).collect();
    match isolate.reduce(&history).await {
        Ok(failures) => {
            let shown = failures.iter().map(|(offset, failure)| format!("{offset} {}", shown(failure)));
            notes.failures.lock().unwrap().extend(shown);
        }
        Err(error) => note(notes, &error),
    }
    for (at, payload) in case.events.iter().enumerate() {
        match isolate.react(&event((at + case.history.len()) as u64 + 2, payload)).await {
            Ok(()) => {}
            Err(ReactError::Script(failure)) => notes.failures.lock().unwrap().push(shown(&failure)),
            Err(ReactError::Isolate(error)) => note(notes, &error),
        }
    }
    isolate.state().await.ok().map(|state| state.as_str().to_string())
}
