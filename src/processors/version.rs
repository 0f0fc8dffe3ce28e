//! A version of a processor apart from any follower: what is needed to run it in an isolate of its own, over whatever
//! part of the history somebody asks about.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deployments::{Deployment, DeploymentSet};
use super::follower::activate::{bounds, too_large};
use super::follower::read_configuration;
use super::subtrees::{Inherited, Subtrees};
use crate::event::builtin::ProcessorConfigured;
use crate::event::{Json, Offset, Slug, StreamKey, StreamPath};
use crate::isolate::{Bridge, Isolate, IsolateError, Isolates, Sources, Spec};
use crate::log::{Log, LogError, StreamRecord};
use crate::stream::{AppendError, Streams};

#[derive(Clone)]
pub struct Version {
    pub slug: Slug,
    pub version: String,
    /// Where it was configured; the start for one that was not.
    pub configured: Offset,
    /// The stream above where that is; none for one of the stream's own.
    pub inherited_from: Option<StreamPath>,
    /// Up to here, no event of the stream was its to act on.
    pub since: Offset,
    pub configuration: Arc<ProcessorConfigured>,
    pub env: Arc<BTreeMap<String, String>>,
}

impl Version {
    /// One that is not deployed.
    pub fn candidate(configuration: ProcessorConfigured, env: Arc<BTreeMap<String, String>>) -> Version {
        Version {
            slug: configuration.slug.clone(),
            version: super::deployments::version(&configuration),
            configured: Offset::START,
            inherited_from: None,
            since: Offset::START,
            configuration: Arc::new(configuration),
            env,
        }
    }

    /// The one that runs under a slug, or would if it were not suspended; else the newest, which may never have run.
    pub fn deployed(
        streams: &Streams,
        record: &StreamRecord,
        set: &DeploymentSet,
        slug: &Slug,
    ) -> Result<Option<Version>, LogError> {
        let Some(deployment) = set.processors.get(slug) else { return Ok(None) };
        let Deployment { configured, version, active, .. } = deployment;
        let (configured, version) = match active {
            Some(active) => (active.configured, active.version.clone()),
            None => (*configured, version.clone()),
        };
        let (owner, since) = match &deployment.inherited {
            Some(inherited) => {
                let since = begun_below(streams.log(), record, inherited, deployment.since)?;
                (Some(inherited.owner.as_ref()), since)
            }
            None => (None, configured),
        };
        let configuration = read_configuration(streams, owner.unwrap_or(record), configured)?;
        Ok(configuration.map(|configuration| Version {
            slug: slug.clone(),
            version,
            configured,
            inherited_from: owner.map(|owner| owner.key.path.clone()),
            since,
            configuration: Arc::new(configuration),
            env: set.env_of(slug).clone(),
        }))
    }

    /// In an isolate that reaches nothing but `bridge`. With a recorded time it is for a rehearsal.
    pub async fn load(
        &self,
        isolates: &Isolates,
        stream: &StreamKey,
        bridge: Arc<dyn Bridge>,
        state: Option<Json>,
        recorded_time: Option<i64>,
    ) -> Result<Isolate, IsolateError> {
        let sources = Sources {
            entry: self.configuration.entry().unwrap_or_default().to_string(),
            modules: self.configuration.sources(),
        };
        let mut bounds = bounds(&self.configuration);
        let module_bytes: u64 = sources.modules.values().map(|text| text.len() as u64).sum();
        if module_bytes > bounds.module_bytes {
            return Err(IsolateError::Script(too_large(module_bytes, &bounds)));
        }
        bounds.recorded_time = recorded_time;
        let code = isolates.compile(Arc::new(sources)).await?;
        let spec = Spec {
            project: stream.project.to_string(),
            path: stream.path.to_string(),
            slug: self.slug.to_string(),
            configured_offset: self.configured.0,
            code,
            env: self.env.as_ref().clone(),
            bounds,
            state,
        };
        isolates.load(spec, bridge).await
    }
}

/// The newest event of a stream that was there when something was configured above it; found by its time, for offsets
/// of two streams say nothing of each other.
fn begun_below(
    log: &Log,
    record: &StreamRecord,
    inherited: &Inherited,
    configured: Offset,
) -> Result<Offset, LogError> {
    let Some(configuration) = log.read_one(&inherited.owner, configured)? else { return Ok(Offset::START) };
    let (mut before, mut behind) = (Offset::START, log.tail(record.id)?.next());
    while before.next() < behind {
        let middle = Offset(before.0 + (behind.0 - before.0) / 2);
        let event = log.read_one(record, middle)?;
        match event.is_some_and(|event| event.created_at <= configuration.created_at) {
            true => before = middle,
            false => behind = middle,
        }
    }
    Ok(before)
}

/// What runs on a stream, its own and what it has from the streams above, with the values of their environments.
pub async fn deployments(
    streams: &Streams,
    subtrees: &Subtrees,
    stream: &StreamKey,
) -> Result<DeploymentSet, AppendError> {
    let savepoint = streams.checkpoint(stream).await?;
    let stored = savepoint.as_ref().and_then(|savepoint| savepoint.of("deployments"));
    let own = stored.and_then(|stored| <DeploymentSet as serde::Deserialize>::deserialize(stored).ok());
    let mut set = own.unwrap_or_default();
    let inherited = subtrees.inherited(stream, &set, &BTreeMap::new());
    set.processors.extend(inherited);
    Ok(set)
}
