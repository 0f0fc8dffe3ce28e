//! Which processors a stream is to run: the projection of its configuration events. It starts nothing
//! itself; it tells the supervisor what stands, after each commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bundling::Bundling;
use super::sources::SourceSet;
use super::supervisor::Supervisor;
use crate::event::builtin::{self, Phase};
use crate::event::{Event, EventInput, Json, Kind, Offset, Slug, SourceKind, StreamKey};
use crate::isolate::Sources;
use crate::limits::{ENV_VARS_MAX, PROCESSORS_PER_STREAM_MAX};
use crate::processor::{BuiltinProcessor, Rejection};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Configured, and not yet loaded.
    Starting,
    Active,
    /// The newest version could not be loaded; the last good one runs, if there is one.
    Failed,
    Suspended,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// Where the newest version was configured.
    pub configured: Offset,
    pub version: String,
    pub status: Status,
    /// The newest version that loaded: it runs until another does.
    pub active: Option<Activation>,
    /// Whether what the version before has not acted on is this one's to act on.
    #[serde(default)]
    pub takes_over: bool,
    pub last_error: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Activation {
    pub configured: Offset,
    pub version: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeploymentSet {
    pub processors: BTreeMap<Slug, Deployment>,
    pub env: Arc<BTreeMap<String, String>>,
    /// The sources from which the bundler makes, or has made, what is deployed.
    #[serde(default)]
    pub sources: SourceSet,
}

impl DeploymentSet {
    fn is_empty(&self) -> bool {
        self.processors.is_empty() && self.sources.is_empty()
    }

    fn knows(&self, slug: &Slug) -> bool {
        self.processors.contains_key(slug) || self.sources.of(slug).is_some()
    }

    /// How many slugs this stream has something for.
    fn count(&self) -> usize {
        self.processors.len()
            + self.sources.slugs().filter(|slug| !self.processors.contains_key(slug)).count()
    }
}

pub struct Deployments {
    supervisor: Supervisor,
    bundling: Bundling,
    stream: StreamKey,
    set: Arc<DeploymentSet>,
    /// Whether the supervisor and the bundler have been told of something on this stream.
    told: bool,
    /// The bundler has not been told since the stream has started.
    fresh: bool,
}

impl Deployments {
    pub fn new(supervisor: Supervisor, bundling: Bundling, stream: StreamKey) -> Deployments {
        Deployments { supervisor, bundling, stream, set: Arc::default(), told: false, fresh: true }
    }

    fn change(&mut self) -> &mut DeploymentSet {
        Arc::make_mut(&mut self.set)
    }

    fn configure(&mut self, event: &Event) {
        let Ok(configured) = event.payload.decode::<builtin::ProcessorConfigured>() else { return };
        let counts = match super::bundling::answered_source(event, configured.bundle.as_ref()) {
            Some(source) => self.change().sources.bundled(&configured.slug, source),
            // Whoever configures by hand has not waited for what is being built.
            None => {
                self.change().sources.forget(&configured.slug);
                true
            }
        };
        if !counts {
            return;
        }
        let version = version(&configured);
        let earlier = self.set.processors.get(&configured.slug);
        // Identical code configured again changes nothing, unless the earlier one does not run.
        if let Some(earlier) = earlier
            && earlier.version == version
            && matches!(earlier.status, Status::Starting | Status::Active)
        {
            // What came between them and did not compile is repaired by this.
            if let Some(deployment) = self.change().processors.get_mut(&configured.slug) {
                deployment.last_error = None;
            }
            return;
        }
        // So does the code that still runs because a newer version could not be loaded: that one is given up.
        if let Some(Deployment { status: Status::Failed, active: Some(active), .. }) = earlier
            && active.version == version
        {
            let active = active.clone();
            let restored = Deployment {
                configured: active.configured,
                version,
                status: Status::Active,
                active: Some(active),
                takes_over: true,
                last_error: None,
            };
            self.change().processors.insert(configured.slug, restored);
            return;
        }
        // What came while it was suspended is history, unless its repair asks for what has failed.
        let suspended = earlier.is_some_and(|earlier| earlier.status == Status::Suspended);
        let deployment = Deployment {
            configured: event.offset,
            version,
            status: Status::Starting,
            // One that was suspended does not go on when its repair cannot be loaded.
            active: earlier.filter(|_| !suspended).and_then(|earlier| earlier.active.clone()),
            takes_over: if suspended {
                configured.redeliver_failed
            } else {
                earlier.is_some_and(|earlier| earlier.active.is_some())
            },
            last_error: None,
        };
        self.change().processors.insert(configured.slug, deployment);
    }

    fn activate(&mut self, event: &Event) {
        let Ok(activated) = event.payload.decode::<builtin::ProcessorActivated>() else { return };
        let configured = Offset(activated.configured_offset);
        let Some(deployment) = self.change().processors.get_mut(&activated.slug) else { return };
        deployment.active = Some(Activation { configured, version: activated.version });
        if deployment.configured == configured {
            deployment.status = Status::Active;
            deployment.last_error = None;
        }
    }

    fn fail(&mut self, event: &Event) {
        let Ok(failed) = event.payload.decode::<builtin::ProcessorFailed>() else { return };
        let Some(deployment) = self.change().processors.get_mut(&failed.slug) else { return };
        deployment.last_error = Some(json!({
            "offset": event.offset,
            "phase": failed.phase,
            "reason": failed.reason,
            "message": failed.error.message,
        }));
        let of_newest = failed.cause.is_some_and(|cause| cause.offset == deployment.configured.0);
        if failed.phase == Phase::Load && of_newest && deployment.status == Status::Starting {
            deployment.status = Status::Failed;
        }
    }

    fn fail_to_compile(&mut self, event: &Event) {
        let Ok(failed) = event.payload.decode::<builtin::ProcessorCompileFailed>() else { return };
        let error = super::sources::compile_error(event.offset, &failed);
        if self.change().sources.failed(&failed.slug, Offset(failed.source_offset), error.clone())
            && let Some(deployment) = self.change().processors.get_mut(&failed.slug)
        {
            deployment.last_error = Some(error);
        }
    }

    fn suspend(&mut self, event: &Event) {
        let Ok(suspended) = event.payload.decode::<builtin::ProcessorSuspended>() else { return };
        // A newer version that is just starting is not the one that has failed too often.
        if let Some(deployment) = self.change().processors.get_mut(&suspended.slug)
            && deployment.status != Status::Starting
        {
            deployment.status = Status::Suspended;
        }
    }

    fn remove(&mut self, event: &Event) {
        if let Ok(removed) = event.payload.decode::<builtin::ProcessorRemoved>() {
            self.change().processors.remove(&removed.slug);
            self.change().sources.forget(&removed.slug);
        }
    }

    fn set_env(&mut self, event: &Event) {
        if let Ok(set) = event.payload.decode::<builtin::EnvVarSet>() {
            Arc::make_mut(&mut self.change().env).insert(set.key.trim().to_string(), set.value);
        }
    }
}

/// Of everything that decides how a processor runs: the same version is the same processor.
pub(super) fn version(configured: &builtin::ProcessorConfigured) -> String {
    let entry = configured.entry().unwrap_or_default().to_string();
    let sources = Sources { entry, modules: configured.sources() };
    let egress = configured.egress.as_ref().map(|egress| &egress.allow);
    // The map decides where failures are told to be, so a moved line is another version.
    let map = configured.source_map.as_ref().map(Json::as_str);
    super::script::version(&sources, &json!([configured.limits, configured.include_children, egress, map]))
}

#[derive(Deserialize)]
struct Slugged {
    slug: Slug,
}

impl BuiltinProcessor for Deployments {
    fn slug(&self) -> Slug {
        Slug::parse("deployments").expect("a valid slug")
    }

    fn before_append(&self, input: &EventInput) -> Result<(), Rejection> {
        let refuse = |what: &'static str, max: usize| {
            Err(Rejection::Full { path: self.stream.path.clone(), what, max })
        };
        match input.event_type.kind() {
            Some(Kind::ProcessorConfigured | Kind::ProcessorSourceConfigured)
                if self.set.count() >= PROCESSORS_PER_STREAM_MAX =>
            {
                let known = input
                    .payload
                    .decode::<Slugged>()
                    .is_ok_and(|configured| self.set.knows(&configured.slug));
                if known { Ok(()) } else { refuse("processors", PROCESSORS_PER_STREAM_MAX) }
            }
            Some(Kind::EnvVarSet) if self.set.env.len() >= ENV_VARS_MAX => {
                let known = input
                    .payload
                    .decode::<builtin::EnvVarSet>()
                    .is_ok_and(|set| self.set.env.contains_key(set.key.trim()));
                if known { Ok(()) } else { refuse("environment variables", ENV_VARS_MAX) }
            }
            _ => Ok(()),
        }
    }

    fn reduce(&mut self, event: &Event) {
        // What the server says of a processor counts only when the server has said it.
        let by_server = event.source.as_ref().is_some_and(|source| source.kind == SourceKind::Server);
        match event.kind() {
            Some(Kind::ProcessorSourceConfigured) => {
                if let Ok(source) = event.payload.decode::<Slugged>() {
                    self.change().sources.configured(source.slug, event.offset);
                }
            }
            Some(Kind::ProcessorConfigured) => self.configure(event),
            Some(Kind::ProcessorCompileFailed) if super::bundling::is_bundlers(event) => {
                self.fail_to_compile(event);
            }
            Some(Kind::ProcessorRemoved) => self.remove(event),
            Some(Kind::EnvVarSet) => self.set_env(event),
            Some(Kind::ProcessorActivated) if by_server => self.activate(event),
            Some(Kind::ProcessorFailed) if by_server => self.fail(event),
            Some(Kind::ProcessorSuspended) if by_server => self.suspend(event),
            _ => {}
        }
    }

    fn leave_processors(&mut self) {
        let set = self.change();
        set.processors.clear();
        set.sources = SourceSet::default();
    }

    fn committed(&mut self, tail: Offset) {
        if self.told || !self.set.is_empty() || tail == Offset::START {
            self.told = !self.set.is_empty();
            self.supervisor.committed(&self.stream, tail, &self.set);
            self.bundling.committed(&self.stream, &self.set, std::mem::take(&mut self.fresh));
        }
    }

    fn wakes_at_start(&self) -> bool {
        !self.set.is_empty()
    }

    fn state(&self) -> Value {
        json!({
            "processors": self.set.processors,
            "sources": self.set.sources,
            // Their names only: a value may well be what should not be shown.
            "env": self.set.env.keys().collect::<Vec<_>>(),
        })
    }

    fn checkpoint(&self) -> Value {
        serde_json::to_value(&*self.set).expect("a set of deployments has a JSON form")
    }

    fn restore(&mut self, checkpoint: &Value) -> bool {
        let Ok(set) = DeploymentSet::deserialize(checkpoint) else { return false };
        self.set = Arc::new(set);
        true
    }
}
