//! What a follower has the log say of its processor. While the stream is paused, the news waits.

use std::sync::Arc;

use serde::Serialize;

use super::super::pause::{self, append_when_open};
use super::super::positions::Positions;
use super::{Context, Trouble, read_configuration};
use crate::event::builtin::{ProcessorActivated, ProcessorFailed, ProcessorSuspended};
use crate::event::{Cause, Event, EventInput, IdempotencyKey, Json, Kind, Offset};
use crate::isolate::ScriptFailure;
use crate::stream::{AppendError, Origin};

impl Context {
    pub(super) async fn record_activated(&self, version: &str, configured: Offset) -> Result<(), Trouble> {
        let activated = ProcessorActivated {
            slug: self.slug.clone(),
            version: version.to_string(),
            configured_offset: configured.0,
        };
        let key = format!("activated:{}:{configured}", self.slug);
        self.record(Kind::ProcessorActivated, &activated, Some(key), None).await
    }

    /// A failure of what was configured at `configured`, in reaction to `event` where there was one.
    pub(super) async fn record_failed(
        &self,
        version: &str,
        configured: Offset,
        failure: &ScriptFailure,
        event: Option<Offset>,
    ) -> Result<(), Trouble> {
        self.usage.failed();
        let phase = failure.phase;
        let told = self.positions(configured)?.tell(failure.clone());
        // A failure to load was caused by the configuration itself.
        let at = event.or((phase == crate::event::builtin::Phase::Load).then_some(configured));
        let failed = ProcessorFailed {
            slug: self.slug.clone(),
            version: version.to_string(),
            phase,
            reason: failure.reason,
            error: told.error,
            cause: at.map(|offset| Cause { stream_path: self.cause_path(event), offset: offset.0 }),
            configured_on: self.configured_on(configured),
        };
        let key = (phase != crate::event::builtin::Phase::UnhandledRejection).then(|| {
            let at = at.map_or("-".to_string(), |offset| offset.to_string());
            let phase = Json::of(&phase);
            let configured = self.name_of(configured);
            format!("failed:{}:{configured}:{}:{at}", self.slug, phase.as_str().trim_matches('"'))
        });
        let cause = match at.filter(|_| event.is_some() || self.owner.is_none()) {
            Some(offset) => self.find_event(offset)?,
            None => None,
        };
        self.record(Kind::ProcessorFailed, &failed, key, cause).await
    }

    pub(super) async fn record_suspended(&self, configured: Offset, reason: String) -> Result<(), Trouble> {
        let configured_on = self.configured_on(configured);
        let suspended = ProcessorSuspended { slug: self.slug.clone(), reason, configured_on };
        let key = format!("suspended:{}:{}", self.slug, self.name_of(configured));
        self.record(Kind::ProcessorSuspended, &suspended, Some(key), None).await
    }

    /// A configuration's name in the keys of what is said about it, once for ever.
    fn name_of(&self, configured: Offset) -> String {
        match &self.owner {
            Some(owner) => format!("{}/{configured}", owner.id.0),
            None => configured.to_string(),
        }
    }

    /// Told where it is not on the stream that the event is on.
    fn configured_on(&self, configured: Offset) -> Option<Cause> {
        let owner = self.owner.as_ref()?;
        Some(Cause { stream_path: owner.key.path.to_string(), offset: configured.0 })
    }

    /// Where the cause of a failure stands: an event here, or the configuration where that is.
    fn cause_path(&self, event: Option<Offset>) -> String {
        let configured_in = self.owner.as_ref().map_or(&self.stream, |owner| &owner.key);
        let stream = if event.is_some() { &self.stream } else { configured_in };
        stream.path.to_string()
    }

    async fn record(
        &self,
        kind: Kind,
        payload: &impl Serialize,
        key: Option<String>,
        cause: Option<Arc<Event>>,
    ) -> Result<(), Trouble> {
        let mut input = EventInput::new(kind, Json::of(payload));
        input.idempotency_key = key.map(IdempotencyKey::derived);
        let origin = Origin::Server { slug: Some(self.slug.clone()), cause, only: self.home };
        let stored = append_when_open(&self.streams, &self.stream, input, origin, &self.shutdown).await;
        Ok(stored.map(drop)?)
    }

    /// Returns at once when the stream is not paused.
    pub(super) async fn wait_until_resumed(&self) -> Result<(), Trouble> {
        Ok(pause::wait_until_resumed(&self.streams, &self.stream, &self.shutdown).await?)
    }

    pub(super) async fn is_paused(&self) -> Result<bool, Trouble> {
        Ok(pause::is_paused(&self.streams, &self.stream).await?)
    }

    /// Where the places of what was configured there come from; kept, because failures come in rows.
    fn positions(&self, configured: Offset) -> Result<Arc<Positions>, Trouble> {
        let known = self.positions.lock().expect("nothing panics while it holds the positions").clone();
        if let Some((_, positions)) = known.filter(|(of, _)| *of == configured) {
            return Ok(positions);
        }
        let found = match &self.owner {
            Some(owner) => Some(owner.as_ref().clone()),
            None => self.streams.log().find(&self.stream)?,
        };
        let Some(record) = found else {
            return Err(AppendError::Destroyed(self.stream.path.clone()).into());
        };
        let Some(configuration) = read_configuration(&self.streams, &record, configured)? else {
            return Err(Trouble::Isolate(format!(
                "no configuration of `{}` at offset {configured}",
                self.slug
            )));
        };
        let positions = Arc::new(Positions::of(configuration));
        *self.positions.lock().expect("nothing panics while it holds the positions") =
            Some((configured, positions.clone()));
        Ok(positions)
    }

    pub(super) fn find_event(&self, offset: Offset) -> Result<Option<Arc<Event>>, Trouble> {
        let log = self.streams.log();
        let Some(record) = log.find(&self.stream)? else { return Ok(None) };
        Ok(log.read_one(&record, offset)?)
    }
}
