//! What a run tells as it goes: of each event the state behind it, what was done in reaction to it, and whether that
//! failed.

use std::sync::Arc;

use super::super::SimulateError;
use super::super::items::{Item, LogLine, StateAt};
use super::super::report::Sink;
use super::super::request::States;
use super::super::stage::Note;
use super::{Played, Run};
use crate::event::builtin::ProcessorFailed;
use crate::event::{Cause, Event, Json, Offset};
use crate::isolate::{RehearsedEvent, ScriptFailure};
use crate::limits::FAILURES_IN_A_ROW_MAX;
use crate::processors::positions::Positions;

impl Run {
    /// Tells of a page that has been played.
    pub(super) async fn tell(
        &mut self,
        played: Option<Played>,
        sink: &mut Sink,
    ) -> Result<(), SimulateError> {
        let Some(Played { page, seen, rehearsed, notes, is_history }) = played else { return Ok(()) };
        for event in &page {
            self.comparison.recorded(event);
        }
        if !is_history {
            self.tell_events(&page, &seen, rehearsed.events, notes, sink).await?;
        }
        self.state = Some(rehearsed.state);
        Ok(())
    }

    async fn tell_events(
        &mut self,
        page: &[Arc<Event>],
        seen: &[Arc<Event>],
        told: Vec<RehearsedEvent>,
        notes: Vec<(Option<Offset>, Note)>,
        sink: &mut Sink,
    ) -> Result<(), SimulateError> {
        let (mut notes, mut told) = (notes.into_iter().peekable(), told.into_iter().peekable());
        for event in page {
            let at = event.offset;
            let RehearsedEvent { failure, state, .. } = match told.next_if(|told| told.offset == at) {
                Some(told) => told,
                None => RehearsedEvent { offset: at, failure: None, state: None },
            };
            self.tell_state(at, state, sink).await?;
            while let Some((of, note)) = notes.next_if(|(of, _)| of.is_none_or(|of| of <= at)) {
                self.tell_note(of, note, sink).await?;
            }
            if seen.binary_search_by_key(&at, |event| event.offset).is_ok() {
                self.passed(Some(at), failure.is_some());
            }
            if let Some(failure) = failure {
                self.tell_failure(failure, Some(at), sink).await?;
            }
            self.events += 1;
            self.last = at;
            if self.in_a_row >= FAILURES_IN_A_ROW_MAX {
                return Ok(());
            }
        }
        for (of, note) in notes {
            self.tell_note(of, note, sink).await?;
        }
        Ok(())
    }

    pub(super) fn passed(&mut self, event: Option<Offset>, has_failed: bool) {
        self.in_a_row = if has_failed { self.in_a_row + 1 } else { 0 };
        if let Some(event) = event.filter(|_| has_failed) {
            self.comparison.candidate_failed(event.0);
            self.last = self.last.max(event);
        }
    }

    pub(super) async fn tell_state(
        &mut self,
        at: Offset,
        changed: Option<Json>,
        sink: &mut Sink,
    ) -> Result<(), SimulateError> {
        let wanted = self.scene.request.states;
        if let Some(state) = &changed
            && self.state.as_ref() == Some(state)
            && wanted == States::Changes
        {
            // Each batch tells its first state anew.
            return Ok(());
        }
        let is_told = changed.is_some() || wanted == States::All;
        self.state = changed.or(self.state.take());
        if let Some(state) = self.state.clone().filter(|_| is_told) {
            self.counts.states += 1;
            sink.put(Item::State(StateAt { offset: at.0, state })).await?;
        }
        Ok(())
    }

    pub(super) async fn tell_notes(&mut self, sink: &mut Sink) -> Result<(), SimulateError> {
        for (of, note) in self.stage.take_notes() {
            self.tell_note(of, note, sink).await?;
        }
        Ok(())
    }

    pub(super) async fn tell_note(
        &mut self,
        of: Option<Offset>,
        note: Note,
        sink: &mut Sink,
    ) -> Result<(), SimulateError> {
        let item = match note {
            Note::Failure(failure) => return self.tell_failure(failure, of, sink).await,
            Note::Item(item) => item,
        };
        let item = match item {
            Item::Append(append) => {
                self.counts.appends += 1;
                self.comparison.candidate_appended(&append);
                Item::Append(append)
            }
            Item::Fetch(fetch) => {
                self.counts.fetches += 1;
                Item::Fetch(fetch)
            }
            Item::Log(line) => {
                self.counts.logs += 1;
                let message = self.positions().tell_text(&line.message);
                Item::Log(LogLine { message, ..line })
            }
            other => other,
        };
        Ok(sink.put(item).await?)
    }

    pub(super) async fn tell_failure(
        &mut self,
        failure: ScriptFailure,
        event: Option<Offset>,
        sink: &mut Sink,
    ) -> Result<(), SimulateError> {
        self.counts.failures += 1;
        let told = self.positions().tell(failure);
        let path = &self.scene.record.key.path;
        let failed = ProcessorFailed {
            slug: self.version.slug.clone(),
            version: self.version.version.clone(),
            phase: told.phase,
            reason: told.reason,
            error: told.error,
            cause: event.map(|offset| Cause { stream_path: path.to_string(), offset: offset.0 }),
            configured_on: None,
        };
        Ok(sink.put(Item::Failure(Box::new(failed))).await?)
    }

    fn positions(&mut self) -> &Positions {
        let configuration = &self.version.configuration;
        self.positions.get_or_insert_with(|| Positions::of(configuration.as_ref().clone()))
    }
}
