//! `millrace fixer bench`: broken processors on a server, each on a stream of its own with a fixer beside it, and what
//! became of them. The verdict is that of events which whoever repairs has not seen.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::cases::{self, Case};
use super::{SLUG, SOURCES, settings};
use crate::cli::client::{self, Client, Follow, Query};
use crate::cli::failure::Failure;
use crate::cli::terminal::{self, Paint, Style};
use crate::client::Received;
use crate::config::{BenchFixer, Remote};
use crate::event::{Cursor, Kind, StreamPath};

/// The server is asked this often whether a processor has done its work.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// What a processor does with a handful of events takes no longer.
const SETTLE: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// All that was expected came, also of the hidden events.
    Repaired,
    /// A repair was applied that does not do what it should.
    Wrong,
    GaveUp,
    /// Patience ended first.
    Unfinished,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    class: String,
    case: String,
    stream: String,
    verdict: Verdict,
    attempts: usize,
    tokens: u64,
    took_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

pub async fn bench(remote: &Remote, options: &BenchFixer) -> Result<(), Failure> {
    let mut cases = cases::open(&options.folder)?;
    cases.retain(|case| {
        options.cases.is_empty() || options.cases.iter().any(|it| *it == case.class || *it == case.name)
    });
    if cases.is_empty() {
        return Err(Failure::failed(format!("{} has no such cases", options.folder.display())));
    }
    let client = client::connect(remote)?;
    if client.event_count(&options.stream).await? > 0 {
        return Err(Failure::failed(format!("{} is in use: name another --stream", options.stream)));
    }
    let script = build(&client, &options.stream).await?;
    let bench = &Bench { client: &client, options, script };
    let mut running = futures_util::stream::iter(cases.into_iter().map(|case| bench.run(case)))
        .buffer_unordered(options.at_once);
    let mut reports = Vec::new();
    while let Some(report) = running.next().await {
        let report = report?;
        if remote.json {
            terminal::print(&json!(report).to_string())?;
        } else {
            tell(&report)?;
        }
        reports.push(report);
    }
    if remote.json {
        return Ok(());
    }
    Ok(terminal::print(&table(&reports, Paint::stdout()))?)
}

/// The fixer in one piece: each stream is given what is built once.
async fn build(client: &Client, path: &StreamPath) -> Result<Value, Failure> {
    let files: BTreeMap<_, _> = SOURCES.iter().copied().collect();
    let source = json!({"type": Kind::ProcessorSourceConfigured.name(), "payload": {"slug": SLUG, "files": files, "typecheck": "off"}});
    client.append(path, &source).await?;
    let types = [Kind::ProcessorConfigured, Kind::ProcessorCompileFailed].map(|kind| kind.name().to_string());
    let query = Query { after: Cursor::Start, types: types.to_vec(), limit: None, live: true };
    let mut follow = client::follow(client, path, query).await?;
    let event = first(&mut follow, SETTLE).await?;
    let mut payload: Value = event.as_ref().and_then(|event| event.payload_as()).unwrap_or_default();
    let built = payload.as_object_mut().filter(|payload| payload.contains_key("bundle"));
    let built = built.ok_or_else(|| Failure::failed("the server cannot build the fixer"))?;
    built.remove("bundle");
    Ok(payload)
}

async fn first(follow: &mut Follow, patience: Duration) -> Result<Option<Received>, Failure> {
    match tokio::time::timeout(patience, follow.next()).await {
        Ok(batch) => Ok(batch?.into_iter().next()),
        Err(_) => Ok(None),
    }
}

struct Bench<'a> {
    client: &'a Client,
    options: &'a BenchFixer,
    /// The payload that configures the fixer.
    script: Value,
}

impl Bench<'_> {
    async fn run(&self, case: Case) -> Result<Report, Failure> {
        let path = StreamPath::parse(&format!("{}/{}", self.options.stream, case.name))
            .map_err(|error| Failure::failed(format!("case {}: {error}", case.name)))?;
        let began = Instant::now();
        let (verdict, why, events) = self.play(&case, &path).await?;
        let of_type = |name: &'static str| events.iter().filter(move |event| event["type"] == name);
        let spent = of_type("fixer/answered")
            .chain(of_type("fixer/attempted").filter(|event| event["payload"]["outcome"] == "unanswered"));
        Ok(Report {
            stream: path.to_string(),
            verdict,
            why,
            attempts: of_type("fixer/asked").count(),
            tokens: spent.filter_map(|event| event["payload"]["tokens"].as_u64()).sum(),
            took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            class: case.class,
            case: case.name,
        })
    }

    async fn play(
        &self,
        case: &Case,
        path: &StreamPath,
    ) -> Result<(Verdict, Option<String>, Vec<Value>), Failure> {
        let mut watch = Watch::start(self, case, path).await?;
        self.append(path, self.fixer()).await?;
        let patience = Duration::from_secs(self.options.patience);
        if !watch.until(SETTLE, |events| is_active(events, SLUG)).await? {
            return Ok((Verdict::Unfinished, Some("the fixer did not start".into()), watch.events));
        }
        self.append(path, vec![configuration(case)]).await?;
        // What fails at once is repaired meanwhile; the history is there for either.
        let has_begun = |events: &[Value]| is_active(events, &case.name) || has_failed(events, &case.name);
        watch.until(SETTLE, has_begun).await?;
        if !case.history.is_empty() {
            self.append(path, case.history.clone()).await?;
        }
        let is_over =
            |events: &[Value]| gave_up(events).is_some() || repaired_at(events, &case.name).is_some();
        if !watch.until(patience, is_over).await? {
            return Ok((Verdict::Unfinished, None, watch.events));
        }
        if let Some(why) = gave_up(&watch.events) {
            return Ok((Verdict::GaveUp, Some(why), watch.events));
        }
        self.settle(path).await?;
        if !case.hidden.is_empty() {
            self.append(path, case.hidden.clone()).await?;
            self.settle(path).await?;
        }
        let holds = |events: &[Value]| missing(events, &case.expected).is_none();
        if watch.until(Duration::from_secs(self.options.oracle_patience), holds).await? {
            return Ok((Verdict::Repaired, None, watch.events));
        }
        if let Some(why) = gave_up(&watch.events) {
            return Ok((Verdict::GaveUp, Some(why), watch.events));
        }
        let missing = missing(&watch.events, &case.expected).map(|line| format!("there is no {line}"));
        Ok((Verdict::Wrong, missing, watch.events))
    }

    fn fixer(&self) -> Vec<Value> {
        let mut events = settings(&self.options.model);
        events.push(json!({"type": Kind::ProcessorConfigured.name(), "payload": self.script}));
        events
    }

    async fn append(&self, path: &StreamPath, events: Vec<Value>) -> Result<(), Failure> {
        self.client.append(path, &events).await?;
        Ok(())
    }

    /// Until every processor of the stream has acted on all of it.
    async fn settle(&self, path: &StreamPath) -> Result<(), Failure> {
        let began = Instant::now();
        while began.elapsed() < SETTLE {
            let rows = self.client.processors(path).await?;
            let rows: Vec<Value> =
                rows.iter().filter_map(|row| serde_json::from_str(row.get()).ok()).collect();
            if rows.iter().all(|row| row["status"] == "suspended" || row["acted"] == row["tail"]) {
                return Ok(());
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }
}

/// A stream's events, as they come.
struct Watch {
    follow: Follow,
    events: Vec<Value>,
}

impl Watch {
    async fn start(bench: &Bench<'_>, case: &Case, path: &StreamPath) -> Result<Watch, Failure> {
        if bench.client.event_count(path).await? > 0 {
            return Err(Failure::failed(format!("case {} would run on {path}, which is in use", case.name)));
        }
        let query = Query { after: Cursor::Start, types: Vec::new(), limit: None, live: true };
        Ok(Watch { follow: client::follow(bench.client, path, query).await?, events: Vec::new() })
    }

    /// Whether it came to that in time.
    async fn until(&mut self, patience: Duration, done: impl Fn(&[Value]) -> bool) -> Result<bool, Failure> {
        let end = Instant::now() + patience;
        while !done(&self.events) {
            match tokio::time::timeout_at(end, self.follow.next()).await {
                Ok(batch) => {
                    let batch = batch?;
                    self.events
                        .extend(batch.iter().filter_map(|event| serde_json::from_str(&event.line).ok()));
                }
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

fn configuration(case: &Case) -> Value {
    let mut payload = case.configuration.clone();
    payload.insert("slug".into(), case.name.as_str().into());
    let script = case.files.get("processor.js").filter(|_| case.files.len() == 1 && is_plain(&payload));
    let kind = match script {
        Some(script) => {
            payload.insert("script".into(), script.as_str().into());
            Kind::ProcessorConfigured
        }
        None => {
            payload.insert("files".into(), json!(case.files));
            payload.entry("typecheck").or_insert_with(|| "off".into());
            Kind::ProcessorSourceConfigured
        }
    };
    json!({"type": kind.name(), "payload": payload})
}

/// Whether only an isolate has to understand the configuration, and no bundler.
fn is_plain(payload: &Map<String, Value>) -> bool {
    payload.keys().all(|key| key == "slug" || key == "limits" || key == "egress")
}

fn is_of(event: &Value, kind: Kind, slug: &str) -> bool {
    event["type"] == kind.name() && event["payload"]["slug"] == slug
}

fn is_active(events: &[Value], slug: &str) -> bool {
    events.iter().any(|event| is_of(event, Kind::ProcessorActivated, slug))
}

fn has_failed(events: &[Value], slug: &str) -> bool {
    let kinds = [Kind::ProcessorFailed, Kind::ProcessorCompileFailed];
    events.iter().any(|event| kinds.into_iter().any(|kind| is_of(event, kind, slug)))
}

fn gave_up(events: &[Value]) -> Option<String> {
    let event = events.iter().find(|event| event["type"] == "fixer/gave-up")?;
    Some(event["payload"]["reason"].as_str().unwrap_or_default().to_string())
}

/// Where the newest repair has become active.
fn repaired_at(events: &[Value], slug: &str) -> Option<u64> {
    let repair = events.iter().rfind(|event| event["metadata"]["fixes"].is_u64())?;
    let active = events.iter().rfind(|event| is_of(event, Kind::ProcessorActivated, slug))?;
    let (repair, active) = (repair["offset"].as_u64()?, active["offset"].as_u64()?);
    (active > repair).then_some(active)
}

/// The first expected line that does not come in its turn.
fn missing<'a>(events: &[Value], expected: &'a [Value]) -> Option<&'a Value> {
    let mut waiting = expected.iter().peekable();
    for event in events {
        waiting.next_if(|line| is_subset(line, event));
    }
    waiting.next()
}

fn is_subset(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|other| is_subset(value, other)))
        }
        _ => part == whole,
    }
}

fn tell(report: &Report) -> Result<(), Failure> {
    let paint = Paint::stdout();
    let style = if report.verdict == Verdict::Repaired { Style::Good } else { Style::Bad };
    let verdict = json!(report.verdict);
    let why = report
        .why
        .as_ref()
        .map_or(String::new(), |why| format!("  {}", why.lines().next().unwrap_or_default()));
    let line = format!("{}  {}{why}", paint.paint(style, verdict.as_str().unwrap_or_default()), report.case);
    Ok(terminal::print(&line)?)
}

/// A line for each class, and one for all.
fn table(reports: &[Report], paint: Paint) -> String {
    let mut classes: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    for report in reports {
        classes.entry(&report.class).or_default().push(report);
    }
    let mut rows: Vec<_> = classes.iter().map(|(class, reports)| row(class, reports)).collect();
    rows.push(row("all", &reports.iter().collect::<Vec<_>>()));
    terminal::table(
        &["CLASS", "REPAIRED", "WRONG", "GAVE UP", "UNFINISHED", "ATTEMPTS", "TOKENS", "SECONDS"],
        &rows,
        paint,
    )
}

fn row(class: &str, reports: &[&Report]) -> (Style, Vec<String>) {
    let count = |verdict| reports.iter().filter(|report| report.verdict == verdict).count().to_string();
    let repaired = count(Verdict::Repaired);
    let style = if repaired == reports.len().to_string() { Style::Good } else { Style::Warning };
    let seconds = reports.iter().map(|report| report.took_ms).sum::<u64>() as f64 / 1000.0;
    let cells = vec![
        class.to_string(),
        format!("{repaired}/{}", reports.len()),
        count(Verdict::Wrong),
        count(Verdict::GaveUp),
        count(Verdict::Unfinished),
        reports.iter().map(|report| report.attempts).sum::<usize>().to_string(),
        reports.iter().map(|report| report.tokens).sum::<u64>().to_string(),
        format!("{seconds:.1}"),
    ];
    (style, cells)
}
