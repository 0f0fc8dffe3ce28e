//! When the script fails: the event is recorded and passed, and too many failures in a row suspend it.

use super::super::deployments::{Deployment, Status};
use super::super::progress::{Mark, Store};
use super::drive::{Drive, Next};
use super::{Context, Trouble};
use crate::event::Offset;
use crate::event::builtin::Phase;
use crate::isolate::ScriptFailure;
use crate::limits::{FAILURES_IN_A_ROW_MAX, REDELIVERIES_MAX};

impl Context {
    /// The event is recorded as failed, and passed; too many in a row suspend the processor.
    pub(super) async fn failed(
        &mut self,
        drive: &mut Drive<'_>,
        offset: Offset,
        failure: &ScriptFailure,
    ) -> Result<Next, Trouble> {
        let (version, configured) = (drive.mark.version.clone(), drive.mark.configured);
        self.record_failed(&version, configured, failure, Some(offset)).await?;
        drive.mark.failures_in_a_row += 1;
        if failure.phase == Phase::AfterAppend
            && let Some(heir) = &mut drive.mark.inherited
            && heir.failed.len() < REDELIVERIES_MAX
        {
            heir.failed.insert(offset);
        }
        if drive.mark.failures_in_a_row < FAILURES_IN_A_ROW_MAX {
            return Ok(Next::Go);
        }
        let reason = format!(
            "{FAILURES_IN_A_ROW_MAX} failures in a row, the last at event {offset}: {}; configure it again to go on",
            failure.error.message
        );
        drive.finish(offset);
        // What it still owes is its repaired version's to act on.
        self.suspend(drive.store, &mut drive.mark, reason).await?;
        Ok(Next::Rebuild)
    }

    pub(super) async fn suspend(
        &mut self,
        store: &Store,
        mark: &mut Mark,
        reason: String,
    ) -> Result<(), Trouble> {
        let configured = mark.configured;
        if let Some(heir) = &mut mark.inherited {
            heir.suspended = true;
        }
        store.settle(mark, None).await?;
        self.record_suspended(configured, reason).await?;
        // That the stream's own is suspended is known by its projection.
        if mark.inherited.is_none() {
            self.wait_until_suspended(configured).await;
        }
        Ok(())
    }

    /// The script has broken its isolate. A state that is rebuilt must not break it again.
    pub(super) async fn broken(
        &mut self,
        drive: &mut Drive<'_>,
        offset: Offset,
        failure: ScriptFailure,
    ) -> Result<Next, Trouble> {
        if failure.phase == Phase::Reduce {
            drive.mark.poisoned.insert(offset);
        }
        let next = self.failed(drive, offset, &failure).await?;
        drive.mark.redeliver.remove(&offset);
        if matches!(next, Next::Go) {
            drive.finish(offset);
            drive.store.settle(&drive.mark, None).await?;
        }
        Ok(Next::Rebuild)
    }

    /// What ran before cannot be brought up again.
    pub(super) async fn give_up(
        &mut self,
        drive: &mut Drive<'_>,
        failure: ScriptFailure,
    ) -> Result<Next, Trouble> {
        let configured = drive.mark.configured;
        self.record_failed(&drive.mark.version, configured, &failure, None).await?;
        let reason = format!("it ran, and can no longer be loaded: {}", failure.error.message);
        self.suspend(drive.store, &mut drive.mark, reason).await?;
        Ok(Next::Rebuild)
    }

    async fn wait_until_suspended(&mut self, configured: Offset) {
        let slug = self.slug.clone();
        let settled = self.deployed.wait_for(|set| {
            set.processors.get(&slug).is_none_or(|deployment| {
                deployment.status == Status::Suspended || deployment.configured > configured
            })
        });
        tokio::select! {
            _ = settled => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    pub(super) async fn refuse_candidate(
        &mut self,
        deployment: &Deployment,
        failure: ScriptFailure,
    ) -> Result<(), Trouble> {
        let failure = ScriptFailure { phase: Phase::Load, ..failure };
        self.record_failed(&deployment.version, deployment.configured, &failure, None).await
    }
}
