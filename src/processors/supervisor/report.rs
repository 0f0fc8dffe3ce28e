//! What is told of a stream's processors: its own, and those that it has from the streams above.

use std::collections::BTreeMap;

use millrace_bundler::Step;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Supervisor;
use crate::event::{Offset, Slug, StreamKey, StreamPath};
use crate::processors::deployments::{Deployment, DeploymentSet, Status};
use crate::processors::follower;
use crate::processors::progress::Store;
use crate::processors::sources::{Source, SourceSet, SourceStatus};
use crate::processors::usage::UsageReport;
use crate::stream::AppendError;

/// What the built-in shows of a stream's deployments.
#[derive(Default, Deserialize)]
struct Shown {
    processors: BTreeMap<Slug, Deployment>,
    sources: SourceSet,
}

/// What `GET /api/processors/{path}` says of one processor.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessorReport {
    pub slug: Slug,
    pub status: &'static str,
    /// Whether it has an isolate at the moment; an idle one hibernates, and wakes with its next event.
    pub awake: bool,
    /// None as long as the first source is being built.
    pub version: Option<String>,
    pub configured_offset: Option<Offset>,
    /// The stream above where it is configured; none for the stream's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherited_from: Option<StreamPath>,
    /// It runs on the streams below, too.
    pub include_children: bool,
    /// The newest source, of a processor that the bundler makes.
    pub source: Option<Source>,
    /// What the bundler is doing for it.
    pub build: Option<Step>,
    /// The version that runs: an earlier one, when the newest could not be loaded or is still starting.
    pub active_version: Option<String>,
    pub reduced: Offset,
    pub acted: Offset,
    pub tail: Offset,
    pub lag: u64,
    pub last_error: Option<Value>,
    pub bundle: Option<Value>,
    pub limits: Value,
    /// Since the server started.
    pub usage: UsageReport,
}

impl ProcessorReport {
    /// Of a processor that has never been ready to run.
    fn of_source(slug: &Slug, source: &Source, build: Option<Step>, tail: Offset) -> ProcessorReport {
        let status = match source.status {
            SourceStatus::Building | SourceStatus::Built => "building",
            SourceStatus::Failed => "failed",
        };
        ProcessorReport {
            slug: slug.clone(),
            status,
            awake: false,
            version: None,
            configured_offset: None,
            inherited_from: None,
            include_children: false,
            source: Some(source.clone()),
            build,
            active_version: None,
            reduced: Offset::START,
            acted: Offset::START,
            tail,
            lag: 0,
            last_error: source.last_error.clone(),
            bundle: None,
            limits: Value::Object(serde_json::Map::new()),
            usage: UsageReport::default(),
        }
    }
}

impl Supervisor {
    /// Every processor of a stream, running or not.
    pub async fn report(&self, stream: &StreamKey) -> Result<Option<Vec<ProcessorReport>>, AppendError> {
        let Some(streams) = self.0.streams.get() else { return Ok(None) };
        let Some(state) = streams.state(stream).await? else { return Ok(None) };
        let shown: Shown = state
            .builtins
            .get("deployments")
            .and_then(|deployments| Shown::deserialize(deployments).ok())
            .unwrap_or_default();
        let Shown { processors, sources } = shown;
        let mut reports = Vec::with_capacity(processors.len());
        for (slug, source) in sources.iter().filter(|(slug, _)| !processors.contains_key(slug)) {
            let build = self.0.bundling.step(stream, slug);
            reports.push(ProcessorReport::of_source(slug, source, build, state.tail));
        }
        let own = DeploymentSet { processors, sources, ..DeploymentSet::default() };
        let inherited = self.inherited(stream, &own);
        let DeploymentSet { processors, sources, .. } = own;
        for (slug, deployment) in processors.into_iter().chain(inherited) {
            let shares = deployment.inherited.is_none() && deployment.shares();
            let owner = deployment.inherited.as_ref().map(|inherited| inherited.owner.clone());
            let store = Store::new(streams.log().clone(), state.record.id, &slug);
            let mark = store.read_mark()?;
            let (reduced, acted, awake) = match self.progress(stream, &slug) {
                Some(progress) => {
                    let shown = progress.shown();
                    (shown.reduced, shown.acted, shown.isolate.is_some())
                }
                None => {
                    let acted = mark.as_ref().map(|mark| mark.acted).unwrap_or_default();
                    (acted, acted, false)
                }
            };
            let suspended =
                mark.as_ref().and_then(|mark| mark.inherited.as_ref()).is_some_and(|heir| heir.suspended);
            let configured_in = owner.as_deref().unwrap_or(&state.record);
            let configured = follower::read_configuration(streams, configured_in, deployment.configured)?;
            let counted = configured_in.key.clone();
            reports.push(ProcessorReport {
                status: if suspended && owner.is_some() { "suspended" } else { status(deployment.status) },
                awake,
                version: Some(deployment.version),
                configured_offset: Some(deployment.configured),
                include_children: shares,
                inherited_from: owner.map(|owner| owner.key.path.clone()),
                source: sources.of(&slug).cloned(),
                build: self.0.bundling.step(stream, &slug),
                active_version: deployment.active.map(|active| active.version),
                reduced,
                acted,
                tail: state.tail,
                lag: state.tail.0.saturating_sub(acted.0),
                last_error: deployment.last_error,
                bundle: configured
                    .as_ref()
                    .and_then(|configured| serde_json::to_value(configured.bundle.as_ref()?).ok()),
                limits: configured
                    .and_then(|configured| serde_json::to_value(configured.limits.in_full()).ok())
                    .unwrap_or_default(),
                usage: self.0.usages.find(&counted, &slug).unwrap_or_default(),
                slug,
            });
        }
        reports.sort_by(|a, b| a.slug.cmp(&b.slug));
        Ok(Some(reports))
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Starting => "starting",
        Status::Active => "active",
        Status::Failed => "failed",
        Status::Suspended => "suspended",
    }
}
