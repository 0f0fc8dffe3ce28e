//! `millrace fixer`: the processor of `examples/fixer`, with which this program was built, on a stream; and its story.

mod bench;
mod cases;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{self, Query};
use super::deploy::deploy_sources;
use super::failure::Failure;
use super::sources::Sources;
use super::terminal::{self, Paint, Style, harmless};
use super::wire::Received;
use crate::config::{Deploy, EnableFixer, FixWith, Fixer, FixerAction, FixerMode, ModelApi, Remote};
use crate::event::{Cursor, Kind, Slug, StreamPath};

const SLUG: &str = "fixer";

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../examples/fixer/", $name)))),*]
    };
}

const SOURCES: &[(&str, &str)] = sources![
    "answer.ts",
    "api.ts",
    "check.ts",
    "diff.ts",
    "evidence.ts",
    "failure.ts",
    "lineage.ts",
    "model.ts",
    "processor.ts",
    "prompt.ts",
    "repair.ts",
    "settings.ts",
    "simulate.ts",
    "source.ts",
    "watch.ts",
];

/// What it appends, and what tells it what to do.
const STORY: [&str; 11] = [
    "fixer/configured",
    "fixer/asked",
    "fixer/answered",
    "fixer/attempted",
    "fixer/proposed",
    "fixer/approved",
    "fixer/approval-ignored",
    "fixer/rolled-back",
    "fixer/gave-up",
    "fixer/cooled-down",
    "fixer/failure-noticed",
];

pub async fn fixer(remote: &Remote, options: &Fixer) -> Result<(), Failure> {
    match &options.action {
        FixerAction::Enable(options) => enable(remote, options).await,
        FixerAction::Bench(options) => bench::bench(remote, options).await,
        FixerAction::Status { path } => status(remote, path).await,
    }
}

async fn enable(remote: &Remote, options: &EnableFixer) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    client.append(&options.path, &settings(&options.model)).await?;
    let deploy = Deploy {
        file: SLUG.into(),
        stream: options.path.clone(),
        slug: None,
        include_children: options.include_children,
        redeliver_failed: false,
        typecheck: None,
        wait: true,
        timeout: options.timeout,
    };
    let slug = Slug::parse(SLUG).expect("a valid slug");
    deploy_sources(remote, &deploy, &slug, &Sources::of_texts(SOURCES)).await
}

/// The events that say which model to ask and how to act. They come before the processor, which finds them there.
fn settings(options: &FixWith) -> Vec<Value> {
    let api = match options.api {
        ModelApi::Openai => "openai",
        ModelApi::Anthropic => "anthropic",
    };
    let variables = [
        ("FIXER_BASE_URL", options.base_url.as_str()),
        ("FIXER_MODEL", &options.model),
        ("FIXER_API", api),
        ("FIXER_SECRET", options.secret.as_deref().unwrap_or_default()),
    ];
    let set = |(key, value): (&str, &str)| json!({"type": Kind::EnvVarSet.name(), "payload": {"key": key, "value": value}});
    let mut events: Vec<Value> = variables.into_iter().map(set).collect();
    let mode = match options.mode {
        FixerMode::Apply => "apply",
        FixerMode::Propose => "propose",
    };
    let mut payload = Map::from_iter([("mode".to_string(), mode.into())]);
    let bounds = [
        ("maxAttempts", options.max_attempts),
        ("maxTokens", options.max_tokens),
        ("cooldownSeconds", options.cooldown_seconds),
    ];
    for (name, bound) in bounds {
        payload.extend(bound.map(|bound| (name.to_string(), bound.into())));
    }
    if !options.slugs.is_empty() {
        payload.insert("slugs".into(), json!(options.slugs));
    }
    events.push(json!({"type": "fixer/configured", "payload": payload}));
    events
}

/// A line for each step.
async fn status(remote: &Remote, path: &StreamPath) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    let types = STORY.map(str::to_string).to_vec();
    let mut events =
        client.read(path, &Query { after: Cursor::Start, types, limit: None, live: false }).await?;
    let paint = Paint::stdout();
    let mut told = false;
    while let Some(batch) = events.next().await? {
        for event in &batch {
            terminal::print(&if remote.json { event.line.clone() } else { describe(event, paint) })?;
        }
        told |= !batch.is_empty();
    }
    if !told && !remote.json {
        terminal::remark(&format!(
            "no fixer has done anything on {path}: `millrace fixer enable {path}` makes one"
        ));
    }
    Ok(())
}

/// The members that a person wants to see first.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    slug: Option<String>,
    attempt: Option<u64>,
    outcome: Option<String>,
    reason: Option<String>,
    diff: Option<String>,
}

fn describe(event: &Received, paint: Paint) -> String {
    let told: Told = event.payload_as().unwrap_or_default();
    let style = match event.event_type.as_str() {
        "fixer/gave-up" | "fixer/rolled-back" => Style::Bad,
        _ => Style::Name,
    };
    let mut words = vec![
        paint.paint(Style::Strong, &format!("{:>6}", event.offset)),
        paint.paint(style, &harmless(&event.event_type)),
    ];
    words.extend(told.slug.map(|slug| format!("`{}`", harmless(&slug))));
    words.extend(told.attempt.map(|attempt| format!("attempt {attempt}")));
    words.extend(told.outcome.map(|outcome| harmless(&outcome)));
    let mut line = words.join("  ");
    if let Some(reason) = told.reason.filter(|reason| !reason.is_empty()) {
        line.push_str(&format!("\n        {}", harmless(reason.lines().next().unwrap_or_default())));
    }
    for changed in told.diff.iter().flat_map(|diff| diff.lines()) {
        let style = match changed.as_bytes().first() {
            Some(b'+') => Style::Good,
            Some(b'-') => Style::Bad,
            _ => Style::Faint,
        };
        line.push_str(&format!("\n        {}", paint.paint(style, &harmless(changed))));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_example_is_built_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fixer");
        let names =
            std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".ts")).collect();
        names.sort();
        let built_in: Vec<&str> = SOURCES.iter().map(|(name, _)| *name).collect();
        assert_eq!(built_in, names);
    }
}
