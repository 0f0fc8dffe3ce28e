//! `millrace deploy`: files into a `processor/configured` event, and what became of it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::client::{Client, Query};
use super::diagnosis::{self, CompileFailed};
use super::failure::Failure;
use super::follow::Follow;
use super::sources::{Sources, slug_of};
use super::terminal::{self, Paint, Progress, Style};
use super::wire::Received;
use crate::config::{Cursor, Deploy, Remote};
use crate::event::builtin::{Phase, ProcessorActivated, ProcessorFailed};
use crate::event::{Kind, Offset, Slug, StreamPath};

/// Identical code appends nothing when it is configured again, so now and then the server is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// The bundler's report of code that does not compile; this server's own kinds do not have it yet.
const COMPILE_FAILED: &str = "processor/compile-failed";

pub async fn deploy(remote: &Remote, options: &Deploy) -> Result<(), Failure> {
    let sources = Sources::open(&options.file)?;
    let slug = match &options.slug {
        Some(slug) => slug.clone(),
        None => slug_of(&options.file)?,
    };
    let client = Client::new(remote)?;
    let configured = append(&client, options, &slug, &sources).await?;
    if !options.wait {
        return tell_stored(remote, options, &slug, &configured);
    }
    let mut wait =
        Wait { client: &client, path: &options.stream, slug: &slug, configured: configured.offset };
    let limit = Duration::from_secs(options.timeout);
    let outcome = match tokio::time::timeout(limit, wait.outcome()).await {
        Ok(outcome) => outcome?,
        Err(_) => {
            return Err(Failure::failed(format!(
                "processor `{slug}` was configured at offset {}, but it was neither active nor failed within {} s: see `millrace processors {}`",
                configured.offset, options.timeout, options.stream
            )));
        }
    };
    tell(remote, options, &slug, &sources, outcome)
}

async fn append(
    client: &Client,
    options: &Deploy,
    slug: &Slug,
    sources: &Sources,
) -> Result<Received, Failure> {
    let body =
        json!({ "type": Kind::ProcessorConfigured.name(), "payload": payload(options, slug, sources) });
    let mut stored = client.append(&options.stream, body.to_string()).await?;
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
    let (member, code) = sources.member();
    payload.insert(member.into(), code);
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
    LoadFailed(Received, ProcessorFailed),
    CompileFailed(Received, CompileFailed),
}

struct Wait<'a> {
    client: &'a Client,
    path: &'a StreamPath,
    slug: &'a Slug,
    configured: u64,
}

impl Wait<'_> {
    async fn outcome(&mut self) -> Result<Outcome, Failure> {
        let progress = Progress::start();
        let started = Instant::now();
        let query = Query {
            after: Cursor::After(Offset(self.configured)),
            types: [Kind::ProcessorActivated.name(), Kind::ProcessorFailed.name(), COMPILE_FAILED]
                .map(String::from)
                .to_vec(),
            limit: None,
            live: true,
        };
        let mut follow = Follow::start(self.client, self.path, query).await?;
        loop {
            match tokio::time::timeout(ASK_EVERY, follow.next()).await {
                Ok(batch) => {
                    if let Some(outcome) = batch?.into_iter().find_map(|event| self.judge(event)) {
                        return Ok(outcome);
                    }
                }
                Err(_) => {
                    if let Some(version) = self.unchanged().await? {
                        return Ok(Outcome::Unchanged(version));
                    }
                    let seconds = started.elapsed().as_secs();
                    progress.update(&format!("waiting for processor `{}` to start … {seconds} s", self.slug));
                }
            }
        }
    }

    /// Whether the event decides about this configuration.
    fn judge(&self, event: Received) -> Option<Outcome> {
        if event.event_type == COMPILE_FAILED {
            let about: Slugged = event.payload_as()?;
            let failed = event.payload_as().filter(|_| about.slug == self.slug.as_str())?;
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
        decisive.then_some(Outcome::LoadFailed(event, failed))
    }

    /// The version that goes on running because it is the same as the one configured before.
    async fn unchanged(&self) -> Result<Option<String>, Failure> {
        let processors = self.client.processors(self.path).await?;
        let rows = processors.iter().filter_map(|raw| serde_json::from_str::<Row>(raw.get()).ok());
        let unchanged = rows
            .filter(|row| row.slug == self.slug.as_str() && row.status == "active")
            .find(|row| row.configured_offset < self.configured);
        Ok(unchanged.map(|row| row.version))
    }
}

#[derive(Deserialize)]
struct Slugged {
    slug: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    slug: String,
    status: String,
    version: String,
    configured_offset: u64,
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
