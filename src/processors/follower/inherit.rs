//! An instance of a processor that is configured on a stream above: the version that runs there is brought up here,
//! with this stream's history, when this stream has news. What happens to it stays here: only this instance is
//! suspended when it fails too often.

use std::collections::BTreeSet;

use super::super::deployments::{Deployment, DeploymentSet, Status};
use super::super::progress::{Heir, Mark, Store};
use super::super::subtrees::{Inherited, continues};
use super::activate::own_failure;
use super::history::History;
use super::{Context, Rest, Trouble};
use crate::event::Offset;
use crate::event::builtin::Phase;
use crate::isolate::ScriptFailure;
use crate::log::StreamRecord;

impl Context {
    pub(super) async fn inherit(
        &mut self,
        record: &StreamRecord,
        store: &Store,
        deployment: &Deployment,
        inherited: &Inherited,
        set: &DeploymentSet,
    ) -> Result<Rest, Trouble> {
        if deployment.status == Status::Suspended {
            return Ok(Rest::Idle(Offset::END));
        }
        let Some(active) = &deployment.active else {
            return match deployment.status {
                // The first version is being brought up above.
                Status::Starting => Ok(self.wait_for_change().await),
                _ => Ok(Rest::Idle(Offset::END)),
            };
        };
        let mark = store.read_mark()?.filter(|mark| continues(mark, deployment, inherited));
        let mark = mark.unwrap_or_else(|| Mark::heir(inherited.owner.id, deployment.since, inherited.base));
        let heir = mark.inherited.clone().unwrap_or_default();
        if mark.configured == active.configured && heir.suspended {
            return Ok(Rest::Idle(Offset::END));
        }
        if mark.configured == active.configured && heir.caught_up {
            return self.drive(record, store, mark, None).await;
        }
        let (configured, version) = (active.configured, active.version.clone());
        let history = History { to: mark.acted, ..History::default() };
        let brought_up = match self.load(record, configured, &version, set, None, Some(history)).await {
            Ok(loaded) => self.catch_up(record, store, loaded, mark.acted, set).await?,
            Err(error) => Err(own_failure(error)?),
        };
        let heir = Heir { caught_up: true, suspended: false, failed: BTreeSet::new(), ..heir };
        let redeliver =
            mark.inherited.filter(|_| active.redelivers).map(|heir| heir.failed).unwrap_or_default();
        let mark = Mark { version, configured, failures_in_a_row: 0, inherited: Some(heir), ..mark };
        match brought_up {
            Ok(Some((loaded, poisoned))) => {
                let redeliver = if loaded.isolate.definition().reacts { redeliver } else { BTreeSet::new() };
                let mark = Mark { redeliver, poisoned, ..mark };
                store.save_mark(&mark);
                self.drive(record, store, mark, Some(loaded)).await
            }
            // Something newer has come, or the end: it is looked at first.
            Ok(None) => Ok(Rest::Changed),
            Err(failure) => {
                let failure = ScriptFailure { phase: Phase::Load, ..failure };
                let version = mark.version.clone();
                self.record_failed(&version, configured, &failure, None).await?;
                let mut mark = mark;
                let message = format!("it runs above, and cannot be loaded here: {}", failure.error.message);
                self.suspend(store, &mut mark, message).await?;
                Ok(Rest::Idle(Offset::END))
            }
        }
    }

    async fn wait_for_change(&mut self) -> Rest {
        tokio::select! {
            changed = self.deployed.changed() => if changed.is_err() { Rest::Over } else { Rest::Changed },
            () = self.shutdown.cancelled() => Rest::Over,
        }
    }
}
