//! `millrace deploy`: files into an event, `processor/configured` or `processor/source-configured`, and what
//! became of it.

use std::time::Duration;

use millrace_bundler::{Diagnostic, Step};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::client::{self, Client, Query};
use super::diagnosis::{self, CompileFailed};
use super::failure::Failure;
use super::sources::Sources;
use super::steps::Steps;
use super::terminal::{self, Paint, Style};
use super::wire::Received;
use crate::config::{Deploy, Remote};
use crate::event::builtin::{
    BundleRecord, BundleWarning, Phase, ProcessorActivated, ProcessorFailed, Typecheck,
};
use crate::event::{Cursor, Kind, Offset, Slug, StreamPath};

/// What is not told by an event (a build's progress, code that runs already) is asked for now and then.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// The types of what runs already are checked behind it: so long it is worth waiting to hear of them.
const TYPES_PATIENCE: Duration = Duration::from_secs(20);

pub async fn deploy(remote: &Remote, options: &Deploy) -> Result<(), Failure> {
    let sources = Sources::open(&options.file)?;
    let slug = match &options.slug {
        Some(slug) => slug.clone(),
        None => sources.slug(&options.file)?,
    };
    deploy_sources(remote, options, &slug, &sources).await
}

/// What is deployed need not be files of this machine.
pub async fn deploy_sources(
    remote: &Remote,
    options: &Deploy,
    slug: &Slug,
    sources: &Sources,
) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    let configured = append(&client, options, slug, sources).await?;
    if !options.wait {
        return tell_stored(remote, options, slug, &configured);
    }
    let mut wait = Wait {
        client: &client,
        path: &options.stream,
        slug,
        configured: configured.offset,
        steps: Steps::start(format!("processor `{slug}`")),
    };
    let limit = Duration::from_secs(options.timeout);
    let mut tell_types = |event: Received| match event.payload_as::<Configured>() {
        Some(configured) => tell_warnings(sources, configured.bundle),
        None => tell_type_errors(remote, sources, &event),
    };
    let outcome = match tokio::time::timeout(limit, wait.outcome(&mut tell_types)).await {
        Ok(outcome) => outcome?,
        Err(_) => {
            return Err(Failure::failed(format!(
                "processor `{slug}` was configured at offset {}, but it was neither active nor failed within {} s: see `millrace processors {}`",
                configured.offset, options.timeout, options.stream
            )));
        }
    };
    drop(wait);
    tell(remote, options, slug, sources, outcome)
}

/// What the bundler remarked on a source that it has built.
fn tell_warnings(sources: &Sources, bundle: BundleRecord) {
    for BundleWarning { code, message, file, line, column, hint } in bundle.warnings {
        let diagnostic = Diagnostic::error(&code, message, &file, "", (line, column)).as_warning();
        let shown = Diagnostic { hint, ..diagnostic };
        terminal::remark(&diagnosis::of_diagnostic(&shown, sources, Paint::stderr()));
    }
}

/// The processor runs all the same, so they are remarks.
fn tell_type_errors(remote: &Remote, sources: &Sources, event: &Received) {
    let Some(found) = event.payload_as::<CompileFailed>() else { return };
    if remote.json {
        let _ = terminal::print(&event.line);
    }
    for diagnostic in &found.diagnostics {
        terminal::remark(&diagnosis::of_diagnostic(diagnostic, sources, Paint::stderr()));
    }
}

async fn append(
    client: &Client,
    options: &Deploy,
    slug: &Slug,
    sources: &Sources,
) -> Result<Received, Failure> {
    let kind = if sources.is_project() { Kind::ProcessorSourceConfigured } else { Kind::ProcessorConfigured };
    let body = json!({ "type": kind.name(), "payload": payload(options, slug, sources) });
    let mut stored = client.append(&options.stream, &body).await?;
    let event = stored.pop().ok_or_else(|| Failure::failed("the server stored nothing"))?;
    if event.event_type == Kind::InvalidEventAppended.name() {
        let why = event.payload_as::<Invalid>().map_or_else(String::new, |invalid| invalid.error);
        return Err(Failure::failed(format!("the server takes this for no valid configuration: {why}")));
    }
    Ok(event)
}

#[derive(Deserialize)]
struct Invalid {
    error: String,
}

fn payload(options: &Deploy, slug: &Slug, sources: &Sources) -> Map<String, Value> {
    let mut payload = Map::new();
    payload.insert("slug".into(), slug.as_str().into());
    for (member, code) in sources.members() {
        payload.insert(member.into(), code);
    }
    if let Some(typecheck) = options.typecheck.filter(|_| sources.is_project()) {
        payload.insert("typecheck".into(), json!(Typecheck::from(typecheck)));
    }
    if options.include_children {
        payload.insert("includeChildren".into(), true.into());
    }
    if options.redeliver_failed {
        payload.insert("redeliverFailed".into(), true.into());
    }
    payload
}

fn tell_stored(remote: &Remote, options: &Deploy, slug: &Slug, configured: &Received) -> Result<(), Failure> {
    if remote.json {
        return Ok(terminal::print(&configured.line)?);
    }
    terminal::print(&format!(
        "processor `{slug}` is configured on {} at offset {}",
        options.stream, configured.offset
    ))?;
    terminal::remark(&format!(
        "it starts by itself: --wait would wait for it, and `millrace processors {}` shows it",
        options.stream
    ));
    Ok(())
}

/// What became of a configuration.
enum Outcome {
    Activated(Received),
    Unchanged(String),
    LoadFailed(Received, Box<ProcessorFailed>),
    CompileFailed(Received, CompileFailed),
    /// Somebody has configured the slug again before this came to anything.
    Superseded(u64),
    /// Somebody does not want it any more.
    Removed,
}

struct Wait<'a> {
    client: &'a Client,
    path: &'a StreamPath,
    slug: &'a Slug,
    configured: u64,
    steps: Steps,
}

impl Wait<'_> {
    /// Follows what becomes of it; type errors that are found meanwhile are told as they come.
    async fn outcome(&mut self, told: &mut dyn FnMut(Received)) -> Result<Outcome, Failure> {
        let query = Query {
            after: Cursor::At(Offset(self.configured)),
            types: [
                Kind::ProcessorConfigured,
                Kind::ProcessorActivated,
                Kind::ProcessorFailed,
                Kind::ProcessorCompileFailed,
                Kind::ProcessorTypeErrorsFound,
            ]
            .map(|kind| kind.name().to_string())
            .to_vec(),
            limit: None,
            live: true,
        };
        let mut follow = client::follow(self.client, self.path, query).await?;
        let mut active: Option<(Outcome, Instant)> = None;
        loop {
            if let Ok(batch) = tokio::time::timeout(ASK_EVERY, follow.next()).await {
                for event in batch? {
                    if event.event_type == Kind::ProcessorConfigured.name() {
                        let configured = event.payload_as::<Configured>();
                        let source = configured.and_then(|configured| configured.bundle.source_offset);
                        if source == Some(self.configured) {
                            told(event);
                        }
                    } else if event.event_type == Kind::ProcessorTypeErrorsFound.name() {
                        if self.is_of_this_source(&event) {
                            told(event);
                            active = active.map(|(outcome, _)| (outcome, Instant::now()));
                        }
                    } else if let Some(outcome) = self.judge(event) {
                        active = Some((outcome, Instant::now() + TYPES_PATIENCE));
                    }
                }
            }
            let row = self.row().await?;
            self.steps.show(row.as_ref().and_then(|row| row.build.as_ref()));
            let is_checking = row.as_ref().is_some_and(|row| row.build.is_some());
            if let Some((failed @ (Outcome::LoadFailed(..) | Outcome::CompileFailed(..)), _)) = active {
                return Ok(failed);
            }
            let Some(row) = row else { return Ok(Outcome::Removed) };
            if let Some(by) = row.superseded(self.configured) {
                return Ok(Outcome::Superseded(by));
            }
            match active.take() {
                Some((outcome, until)) if is_checking && Instant::now() < until => {
                    active = Some((outcome, until));
                }
                Some((outcome, _)) => return Ok(outcome),
                None => {
                    if let Some(outcome) = self.judge_row(row) {
                        return Ok(outcome);
                    }
                }
            }
        }
    }

    fn is_of_this_source(&self, event: &Received) -> bool {
        event
            .payload_as::<OfSource>()
            .is_some_and(|of| of.slug == self.slug.as_str() && of.source_offset == self.configured)
    }

    /// Whether the event decides about this configuration.
    fn judge(&self, event: Received) -> Option<Outcome> {
        if event.event_type == Kind::ProcessorCompileFailed.name() {
            let failed = event.payload_as().filter(|_| self.is_of_this_source(&event))?;
            return Some(Outcome::CompileFailed(event, failed));
        }
        if event.event_type == Kind::ProcessorActivated.name() {
            let activated: ProcessorActivated = event.payload_as()?;
            let ours = activated.slug == *self.slug && activated.configured_offset >= self.configured;
            return ours.then_some(Outcome::Activated(event));
        }
        let failed: ProcessorFailed = event.payload_as()?;
        let of_this = failed.cause.as_ref().is_none_or(|cause| cause.offset >= self.configured);
        let decisive = failed.slug == *self.slug && failed.phase == Phase::Load && of_this;
        decisive.then_some(Outcome::LoadFailed(event, Box::new(failed)))
    }

    /// What no event tells: the code runs already, or something newer has taken its place.
    fn judge_row(&self, row: Row) -> Option<Outcome> {
        let is_answered = row.source.is_none_or(|source| source.status == "built");
        let is_older = row.configured_offset.is_some_and(|configured| configured < self.configured);
        (row.status == "active" && is_answered && is_older)
            .then(|| Outcome::Unchanged(row.version.unwrap_or_default()))
    }

    async fn row(&self) -> Result<Option<Row>, Failure> {
        let processors = self.client.processors(self.path).await?;
        let mut rows = processors.iter().filter_map(|raw| serde_json::from_str::<Row>(raw.get()).ok());
        Ok(rows.find(|row| row.slug == self.slug.as_str()))
    }
}

/// A source that was built; what is written by hand has no such record, or an incomplete one.
#[derive(Deserialize)]
struct Configured {
    bundle: BundleRecord,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfSource {
    slug: String,
    source_offset: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    slug: String,
    status: String,
    version: Option<String>,
    configured_offset: Option<u64>,
    source: Option<SourceRow>,
    build: Option<Step>,
}

impl Row {
    /// Where something newer than what was configured at an offset stands.
    fn superseded(&self, configured: u64) -> Option<u64> {
        let newest = self.source.as_ref().map(|source| source.offset).or(self.configured_offset);
        newest.filter(|newest| *newest > configured)
    }
}

#[derive(Deserialize)]
struct SourceRow {
    offset: u64,
    status: String,
}

fn tell(
    remote: &Remote,
    options: &Deploy,
    slug: &Slug,
    sources: &Sources,
    outcome: Outcome,
) -> Result<(), Failure> {
    let (event, reports) = match outcome {
        Outcome::Activated(event) => {
            let version = event.payload_as::<ProcessorActivated>().map(|activated| activated.version);
            return tell_active(remote, options, slug, version.unwrap_or_default(), Some(&event));
        }
        Outcome::Unchanged(version) => return tell_active(remote, options, slug, version, None),
        Outcome::Removed => {
            return Err(Failure::failed(format!(
                "processor `{slug}` was removed from {} before it was ready",
                options.stream
            )));
        }
        Outcome::Superseded(offset) => {
            return Err(Failure::failed(format!(
                "processor `{slug}` was configured again on {}, at offset {offset}, before this source was ready: that one runs",
                options.stream
            )));
        }
        Outcome::LoadFailed(event, failed) => {
            (event, vec![diagnosis::of_failure(&failed, sources, Paint::stderr())])
        }
        Outcome::CompileFailed(event, failed) => {
            let shown = |diagnostic| diagnosis::of_diagnostic(diagnostic, sources, Paint::stderr());
            (event, failed.diagnostics.iter().map(shown).collect())
        }
    };
    if remote.json {
        terminal::print(&event.line)?;
    }
    reports.iter().for_each(|report| terminal::remark(report));
    Err(Failure::failed(format!(
        "processor `{slug}` did not start on {} (event {}); if a version of it worked before, that one keeps running",
        options.stream, event.offset
    )))
}

fn tell_active(
    remote: &Remote,
    options: &Deploy,
    slug: &Slug,
    version: String,
    activated: Option<&Received>,
) -> Result<(), Failure> {
    if remote.json {
        let line = match activated {
            Some(event) => event.line.clone(),
            None => json!({ "slug": slug, "version": version, "unchanged": true }).to_string(),
        };
        return Ok(terminal::print(&line)?);
    }
    let paint = Paint::stdout();
    let what = if activated.is_some() { "is active" } else { "ran this code already: nothing changed" };
    let version: String = version.chars().take(12).collect();
    Ok(terminal::print(&format!(
        "{} processor `{slug}` {what} on {} (version {version})",
        paint.paint(Style::Good, "ok"),
        options.stream
    ))?)
}
