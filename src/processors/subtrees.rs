//! Processors that run on every stream below the one where they are configured (`includeChildren`): which streams
//! share theirs, and what a stream has from those above it. Nearer ones win over farther ones, and what a stream
//! has configured itself wins over both.
//!
//! An instance owes its stream what comes behind the first event that was committed after the configuration. That
//! place is in the instance's mark, which goes to the disk together with that event, so no crash can lose it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use super::deployments::{Deployment, DeploymentSet, Status};
use super::progress::Mark;
use crate::event::{Offset, Project, Slug, StreamKey, StreamPath};
use crate::log::{Log, LogError, StreamRecord};

/// What makes a deployment one from a stream above.
#[derive(Clone, Debug, PartialEq)]
pub struct Inherited {
    /// Where it is configured.
    pub owner: StreamRecord,
    /// The owner's environment, and the stream's own over it.
    pub env: Arc<BTreeMap<String, String>>,
    /// Where acting starts, for an instance that has no mark yet.
    pub base: Offset,
}

#[derive(Default)]
pub struct Subtrees(RwLock<HashMap<Project, BTreeMap<StreamPath, Shared>>>);

/// The deployments of a stream that has some for the streams below it.
struct Shared {
    owner: StreamRecord,
    set: Arc<DeploymentSet>,
}

/// What a change of a stream's deployments means for those below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    None,
    /// They have other ones now.
    Other,
    /// A version has become active that asks for what has failed before.
    Redelivers,
}

impl Subtrees {
    /// Takes in what stands on a stream.
    pub fn update(
        &self,
        log: &Log,
        stream: &StreamKey,
        set: &Arc<DeploymentSet>,
    ) -> Result<Change, LogError> {
        let shares = !stream.path.is_system() && set.shares();
        match self.known(stream) {
            None if !shares => return Ok(Change::None),
            Some(known) if shares && Arc::ptr_eq(&known, set) => return Ok(Change::None),
            _ => {}
        }
        // The stream may have been destroyed since, and what it shares with it.
        let owner = if shares { log.find(stream)? } else { None };
        let mut projects = self.0.write().expect(LOCK);
        let streams = projects.entry(stream.project.clone()).or_default();
        let before = match owner {
            Some(owner) => streams.insert(stream.path.clone(), Shared { owner, set: set.clone() }),
            None => streams.remove(&stream.path),
        };
        if streams.is_empty() {
            projects.remove(&stream.project);
        }
        let before = before.map(|shared| shared.set).unwrap_or_default();
        let redelivers = set.processors.iter().any(|(slug, deployment)| {
            let active = deployment.active.as_ref().filter(|active| active.redelivers);
            let earlier = before.processors.get(slug).and_then(|earlier| earlier.active.as_ref());
            active.is_some() && active != earlier
        });
        Ok(if redelivers { Change::Redelivers } else { Change::Other })
    }

    fn known(&self, stream: &StreamKey) -> Option<Arc<DeploymentSet>> {
        let projects = self.projects();
        Some(projects.get(&stream.project)?.get(&stream.path)?.set.clone())
    }

    /// What `stream` has from those above it, as deployments of its own; `bases` where acting starts.
    pub fn inherited(
        &self,
        stream: &StreamKey,
        own: &DeploymentSet,
        bases: &BTreeMap<Slug, Offset>,
    ) -> BTreeMap<Slug, Deployment> {
        let mut inherited = BTreeMap::new();
        let projects = self.projects();
        let Some(streams) = projects.get(&stream.project).filter(|_| !stream.path.is_system()) else {
            return inherited;
        };
        for shared in stream.path.ancestors().iter().rev().filter_map(|ancestor| streams.get(ancestor)) {
            for (slug, deployment) in &shared.set.processors {
                if deployment.shares() && !own.knows(slug) && !inherited.contains_key(slug) {
                    let base = bases.get(slug).copied().unwrap_or_default();
                    inherited.insert(slug.clone(), shared.hand_down(deployment, own, base));
                }
            }
        }
        inherited
    }

    fn projects(&self) -> RwLockReadGuard<'_, HashMap<Project, BTreeMap<StreamPath, Shared>>> {
        self.0.read().expect(LOCK)
    }
}

const LOCK: &str = "nothing panics while it holds the register of subtrees";

impl Shared {
    /// Below, the version that runs is the one that is there: what comes up above is none of theirs yet.
    fn hand_down(&self, deployment: &Deployment, own: &DeploymentSet, base: Offset) -> Deployment {
        let mut env = self.set.env.clone();
        if !own.env.is_empty() {
            Arc::make_mut(&mut env).extend(own.env.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        let active = deployment.active.clone();
        let newest = (deployment.configured, deployment.version.clone());
        let (configured, version) =
            active.as_ref().map_or(newest, |active| (active.configured, active.version.clone()));
        let status = match (deployment.status, &active) {
            (Status::Suspended, _) => Status::Suspended,
            (status, None) => status,
            (_, Some(_)) => Status::Active,
        };
        Deployment {
            configured,
            version,
            status,
            active,
            takes_over: true,
            since: deployment.since,
            include_children: true,
            redelivers: deployment.redelivers,
            last_error: None,
            inherited: Some(Inherited { owner: self.owner.clone(), env, base }),
        }
    }
}

/// Whether what a stored mark says is where an instance goes on. Another line of versions, or one that was
/// suspended and whose repair does not ask for what has failed, starts with the stream's next event.
pub fn continues(mark: &Mark, deployment: &Deployment, inherited: &Inherited) -> bool {
    let Some(heir) = &mark.inherited else { return false };
    let renewed = deployment.active.as_ref().filter(|active| active.configured != mark.configured);
    let given_up = heir.suspended && renewed.is_some_and(|active| !active.redelivers);
    heir.owner == inherited.owner.id.0 && mark.configured >= deployment.since && !given_up
}
