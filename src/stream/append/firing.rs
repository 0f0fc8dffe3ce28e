//! What is due: each event that a built-in has waited with is appended together with the record of it, in one commit,
//! so that no crash comes between them. Nothing can come between the look at what is due and its place either: what
//! was cancelled or replaced before is not due, and what comes later has its place behind.

use std::collections::VecDeque;

use super::{Effects, Pipeline};
use crate::event::builtin::{ScheduleFired, ScheduleOutcome};
use crate::event::{Cause, EventInput, IdempotencyKey, Json, Kind, Source, SourceKind, Timestamp};
use crate::log::LogError;
use crate::processor::Firing;
use crate::stream::AppendError;

impl Pipeline {
    /// Places what is due, as far as it fits one commit; whether there is more.
    pub fn fire_due(&mut self, now: Timestamp) -> Result<bool, LogError> {
        while let Some(firing) = self.builtins.iter().find_map(|builtin| builtin.due(now)) {
            self.fire(firing)?;
            if self.is_full() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn fire(&mut self, firing: Firing) -> Result<(), LogError> {
        let Firing { ref slug, run, configured, configured_at, depth, ref append, next_run } = firing;
        // The number of the stream too: one that was destroyed and created again is another.
        let stream = self.record.as_ref().map_or(0, |record| record.id.0);
        let key = |what: &str| {
            IdempotencyKey::derived(format!(
                "schedule:{stream}:{slug}:{configured}:{}:{what}",
                run.as_millis()
            ))
        };
        let by_schedule = Source {
            kind: SourceKind::Schedule,
            slug: Some(slug.clone()),
            principal: None,
            cause: Some(Cause { stream_path: self.stream.path.to_string(), offset: configured.0 }),
            depth: self.depth_after(configured_at, depth),
        };
        let by_server = Source { kind: SourceKind::Server, ..by_schedule.clone() };
        let mut effects = VecDeque::new();
        let error = match append {
            Ok(input) => {
                let mut input = input.clone();
                // An author's own key is kept: then the event that is stored under it is the one.
                input.idempotency_key.get_or_insert_with(|| key("append"));
                self.append_due(input, by_schedule, &mut effects)?.err()
            }
            Err(why) => Some(why.clone()),
        };
        let stands = self.builtins.iter().any(|builtin| builtin.stands(&firing));
        let outcome = if error.is_none() { ScheduleOutcome::Succeeded } else { ScheduleOutcome::Failed };
        let fired =
            ScheduleFired { slug: slug.clone(), outcome, error, next_run_at: next_run.filter(|_| stands) };
        let record = EventInput::new(Kind::ScheduleFired, Json::of(&fired)).with_key(key("fired"));
        // Whatever the event has done, a pause say, the record stands behind it.
        self.place(record, by_server, &mut effects);
        self.perform(effects);
        Ok(())
    }

    /// The inner error is why the stream does not take it.
    fn append_due(
        &mut self,
        input: EventInput,
        source: Source,
        effects: &mut Effects,
    ) -> Result<Result<(), String>, LogError> {
        match self.admit(&input, false) {
            Ok(None) => drop(self.place(input, source, effects)),
            Ok(Some(_known)) => {}
            Err(AppendError::Log(error)) => return Err(LogError::clone(&error)),
            Err(refused) => return Ok(Err(refused.to_string())),
        }
        Ok(Ok(()))
    }
}
