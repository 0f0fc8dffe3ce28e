//! Processors that run on every stream below the one where they are configured (`includeChildren`): which streams
//! share theirs, and what a stream has from those above it. Nearer ones win over farther ones, and what a stream
//! has configured itself wins over both.
//!
//! An instance owes its stream what comes behind the first event that was committed after the configuration. That
//! place is in the instance's mark, which goes to the disk together with that event, so no crash can lose it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::deployments::{Deployment, DeploymentSet, Status};
use super::progress::Mark;
use super::shared::{Shared, Sharers};
use crate::event::{Offset, Slug, StreamKey};
use crate::log::{Log, LogError, StreamRecord};

/// What makes a deployment one from a stream above.
#[derive(Clone, Debug, PartialEq)]
pub struct Inherited {
    /// Where it is configured.
    pub owner: Arc<StreamRecord>,
    /// The owner's environment, and the stream's own over it.
    pub env: Arc<BTreeMap<String, String>>,
    /// Where acting starts, for an instance that has no mark yet.
    pub base: Offset,
}

#[derive(Default)]
pub struct Subtrees(Sharers<DeploymentSet>);

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
        let Some(changed) = self.0.update(log, stream, set, set.shares())? else { return Ok(Change::None) };
        let before = changed.before.unwrap_or_default();
        let redelivers = set.processors.iter().any(|(slug, deployment)| {
            let active = deployment.active.as_ref().filter(|active| active.redelivers);
            let earlier = before.processors.get(slug).and_then(|earlier| earlier.active.as_ref());
            active.is_some() && active != earlier
        });
        Ok(if redelivers { Change::Redelivers } else { Change::Other })
    }

    /// What `stream` has from those above it, as deployments of its own; `bases` where acting starts.
    pub fn inherited(
        &self,
        stream: &StreamKey,
        own: &DeploymentSet,
        bases: &BTreeMap<Slug, Offset>,
    ) -> BTreeMap<Slug, Deployment> {
        let mut inherited = BTreeMap::new();
        for shared in self.0.above(stream) {
            for (slug, deployment) in &shared.set.processors {
                if deployment.shares() && !own.knows(slug) && !inherited.contains_key(slug) {
                    let base = bases.get(slug).copied().unwrap_or_default();
                    inherited.insert(slug.clone(), hand_down(&shared, deployment, own, base));
                }
            }
        }
        inherited
    }

    /// Whether a stream has something from those above it, unless it has configured that itself.
    pub fn has_some_above(&self, stream: &StreamKey) -> bool {
        !self.0.above(stream).is_empty()
    }
}

/// Below, the version that runs is the one that is there: what comes up above is none of theirs yet.
fn hand_down(
    shared: &Shared<DeploymentSet>,
    deployment: &Deployment,
    own: &DeploymentSet,
    base: Offset,
) -> Deployment {
    let mut env = shared.set.env.clone();
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
        inherited: Some(Inherited { owner: shared.owner.clone(), env, base }),
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
