//! Which processors a stream is to run: the projection of its configuration events. It starts nothing
//! itself; it tells the supervisor what stands, after each commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bundling::Bundling;
use super::progress::{Mark, mark_slot};
use super::sources::SourceSet;
use super::subtrees::{Inherited, continues};
use super::supervisor::Supervisor;
use crate::event::builtin::{self, Phase};
use crate::event::{Event, EventInput, Json, Kind, Offset, Slug, SourceKind, StreamKey};
use crate::isolate::Sources;
use crate::limits::{ENV_VARS_MAX, PROCESSORS_PER_STREAM_MAX};
use crate::log::StreamId;
use crate::processor::{BuiltinProcessor, Kept, Rejection};

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
    /// Where the line of versions begins that each took over from the one before.
    #[serde(default)]
    pub since: Offset,
    /// The newest version runs on the streams below, too.
    #[serde(default)]
    pub include_children: bool,
    /// The newest version asks for what has failed before.
    #[serde(default)]
    pub redelivers: bool,
    pub last_error: Option<Value>,
    /// Not of this stream itself.
    #[serde(skip)]
    pub inherited: Option<Inherited>,
}

impl Deployment {
    /// Whether the streams below have it, too: what runs decides, and the first version before it runs.
    pub fn shares(&self) -> bool {
        self.active.as_ref().map_or(self.include_children, |active| active.include_children)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activation {
    pub configured: Offset,
    pub version: String,
    #[serde(default)]
    pub include_children: bool,
    #[serde(default)]
    pub redelivers: bool,
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

    pub fn shares(&self) -> bool {
        self.processors.values().any(Deployment::shares)
    }

    /// What a processor finds in its environment.
    pub fn env_of(&self, slug: &Slug) -> &Arc<BTreeMap<String, String>> {
        let inherited = self.processors.get(slug).and_then(|deployment| deployment.inherited.as_ref());
        inherited.map_or(&self.env, |inherited| &inherited.env)
    }

    pub fn knows(&self, slug: &Slug) -> bool {
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
    heirs: Heirs,
    /// What the stream has come to when the supervisor was told last.
    seen: Offset,
}

/// What a stream has from those above it, as far as this actor has taken note of it.
#[derive(Default)]
pub struct Heirs {
    /// Where acting starts for those that have come since the stream started to run.
    pub bases: BTreeMap<Slug, Offset>,
    /// For each the owner, the line of versions and the version for which its mark was looked at.
    noted: BTreeMap<Slug, (StreamId, Offset, Option<Offset>)>,
    /// There are events that they have not seen: not only a reader who has woken the stream.
    pub news: bool,
}

impl Deployments {
    pub fn new(supervisor: Supervisor, bundling: Bundling, stream: StreamKey) -> Deployments {
        Deployments {
            supervisor,
            bundling,
            stream,
            set: Arc::default(),
            told: false,
            fresh: true,
            heirs: Heirs::default(),
            seen: Offset::START,
        }
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
                since: earlier.map_or(event.offset, |earlier| earlier.since),
                include_children: configured.include_children,
                redelivers: configured.redeliver_failed,
                last_error: None,
                inherited: None,
            };
            self.change().processors.insert(configured.slug, restored);
            return;
        }
        // What came while it was suspended is history, unless its repair asks for what has failed.
        let suspended = earlier.is_some_and(|earlier| earlier.status == Status::Suspended);
        let takes_over = if suspended {
            configured.redeliver_failed
        } else {
            earlier.is_some_and(|earlier| earlier.active.is_some())
        };
        let deployment = Deployment {
            configured: event.offset,
            version,
            status: Status::Starting,
            // One that was suspended does not go on when its repair cannot be loaded.
            active: earlier.filter(|_| !suspended).and_then(|earlier| earlier.active.clone()),
            takes_over,
            since: earlier.filter(|_| takes_over).map_or(event.offset, |earlier| earlier.since),
            include_children: configured.include_children,
            redelivers: configured.redeliver_failed,
            last_error: None,
            inherited: None,
        };
        self.change().processors.insert(configured.slug, deployment);
    }

    fn activate(&mut self, event: &Event) {
        let Ok(activated) = event.payload.decode::<builtin::ProcessorActivated>() else { return };
        let configured = Offset(activated.configured_offset);
        let Some(deployment) = self.change().processors.get_mut(&activated.slug) else { return };
        let newest = deployment.configured == configured;
        deployment.active = Some(Activation {
            configured,
            version: activated.version,
            include_children: newest && deployment.include_children,
            redelivers: newest && deployment.redelivers,
        });
        if newest {
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

    fn keep(&mut self, tail: Offset) -> Kept {
        let inherited = self.supervisor.inherited(&self.stream, &self.set);
        self.heirs.bases.retain(|slug, _| inherited.contains_key(slug));
        self.heirs.noted.retain(|slug, _| inherited.contains_key(slug));
        let mut kept = Kept { owes: !inherited.is_empty(), ..Kept::default() };
        for (slug, deployment) in inherited {
            let Some(inherited) = &deployment.inherited else { continue };
            let active = deployment.active.as_ref().map(|active| active.configured);
            let line = (inherited.owner.id, deployment.since, active);
            if self.heirs.noted.get(&slug) == Some(&line) {
                continue;
            }
            let stored = self.supervisor.stored_mark(&self.stream, &slug);
            if !stored.is_some_and(|mark| continues(&mark, &deployment, inherited)) {
                let mark = Mark::heir(inherited.owner.id, deployment.since, tail);
                kept.slots.push((mark_slot(&slug), mark.encode()));
                self.heirs.bases.insert(slug.clone(), tail);
            }
            self.heirs.noted.insert(slug, line);
        }
        kept
    }

    fn owes_nothing(&self) -> Option<bool> {
        let inherited = self.supervisor.inherited(&self.stream, &self.set);
        let settled = |slug: &Slug| {
            self.supervisor.stored_mark(&self.stream, slug).is_none_or(|mark| mark.is_settled(self.seen))
        };
        (!inherited.is_empty()).then(|| inherited.keys().all(settled))
    }

    fn shares(&self) -> bool {
        self.set.shares()
    }

    fn leave_processors(&mut self) {
        let set = self.change();
        set.processors.clear();
        set.sources = SourceSet::default();
    }

    fn committed(&mut self, tail: Offset) {
        self.heirs.news = tail > self.seen && !self.heirs.noted.is_empty();
        self.seen = tail;
        let has_heirs = self.heirs.news || self.supervisor.has_some_above(&self.stream);
        if self.told || !self.set.is_empty() || tail == Offset::START || has_heirs {
            self.told = !self.set.is_empty();
            self.supervisor.committed(&self.stream, tail, &self.set, &self.heirs);
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
