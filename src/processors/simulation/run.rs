//! One pass of a candidate over the history: reduced only up to the range, rehearsed in it, and told as it goes.

mod telling;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::super::follower::history::name_culprit;
use super::super::follower::is_lifecycle_of;
use super::super::patch::diff;
use super::super::positions::Positions;
use super::super::progress::{Snapshot, Store};
use super::super::version::Version;
use super::answers::Answers;
use super::comparison::{Comparison, Difference};
use super::report::{Build, Counts, Outcome, Sink, Summary};
use super::request::States;
use super::stage::{Note, Stage};
use super::{Scene, SimulateError};
use crate::event::builtin::Phase;
use crate::event::{Event, Json, Offset, StreamPath};
use crate::isolate::{Isolate, IsolateError, ReactError, Rehearsed, ScriptFailure};
use crate::limits::{
    COMPARED_EVENTS_MAX, COMPARED_STREAMS_MAX, FAILURES_IN_A_ROW_MAX, READ_PAGE_BYTES, REDUCE_BATCH_EVENTS,
    REPLAY_FAILURES_MAX, SIMULATION_TIME_MAX,
};
use crate::log::{LogError, StreamRecord};

pub(super) struct Run {
    scene: Scene,
    version: Version,
    stage: Stage,
    comparison: Comparison,
    /// Read for the first failure.
    positions: Option<Positions>,
    counts: Counts,
    state: Option<Json>,
    events: u64,
    last: Offset,
    in_a_row: u32,
    /// Events whose reduce broke the isolate.
    poisoned: BTreeSet<Offset>,
    /// How often the isolate was lost, through nobody's fault or by taking its worker down.
    lost: u32,
    cut: Option<String>,
}

/// How a batch went.
enum Batch {
    Done(Rehearsed),
    /// The candidate has broken its isolate, at the only event of the batch.
    Broken(ScriptFailure),
    /// It has broken it somewhere in the batch.
    LookAlone,
}

/// Where in the recorded events a page lies.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    /// In front of the range: what it logs is nobody's news, and where it fails it fails as it did then.
    History,
    Range,
    /// The last of the range, behind which what timers are left run out.
    End,
}

/// A page, or as much of it as came to its end, and what there is to be told of it.
struct Played {
    page: Vec<Arc<Event>>,
    seen: Vec<Arc<Event>>,
    rehearsed: Rehearsed,
    notes: Vec<(Option<Offset>, Note)>,
    is_history: bool,
}

impl Played {
    fn new(
        mut page: Vec<Arc<Event>>,
        seen: Vec<Arc<Event>>,
        rehearsed: Rehearsed,
        notes: Vec<(Option<Offset>, Note)>,
        part: Part,
    ) -> Played {
        // Where the answer was large enough, the rest comes with the next one.
        if let Some(next) = seen.get(rehearsed.done) {
            page.truncate(page.partition_point(|event| event.offset < next.offset));
        }
        Played { page, seen, rehearsed, notes, is_history: part == Part::History }
    }
}

impl Run {
    pub fn new(mut scene: Scene, version: Version) -> Run {
        let allow = version.configuration.egress.as_ref().map(|egress| egress.allow.clone());
        let answers = Answers::new(std::mem::take(&mut scene.request.answers), allow);
        let key = scene.record.key.clone();
        let streams = scene.simulations.streams.clone();
        let stage = Stage::new(streams, key.clone(), version.slug.clone(), scene.last.next(), answers);
        let comparison = Comparison::new(version.slug.clone(), key.path, scene.after, scene.last);
        Run {
            last: scene.after,
            scene,
            version,
            stage,
            comparison,
            positions: None,
            counts: Counts::default(),
            state: None,
            events: 0,
            in_a_row: 0,
            poisoned: BTreeSet::new(),
            lost: 0,
            cut: None,
        }
    }

    pub async fn run(mut self, sink: &mut Sink, build: Build) -> Result<Summary, SimulateError> {
        let from = self.start()?;
        let outcome = match self.load(self.state.clone()).await? {
            Ok(isolate) => self.pass(isolate, from, sink).await?,
            Err(failure) => {
                self.tell_failure(ScriptFailure { phase: Phase::Load, ..failure }, None, sink).await?;
                Outcome::LoadFailed
            }
        };
        let mut summary = self.scene.summary(outcome, Some(self.version.version.clone()), build);
        if outcome != Outcome::LoadFailed {
            summary.live = self.scene.live_now(self.last).await?;
            let states = summary.live.as_ref().map(|live| (live.state.clone(), self.state.clone()));
            summary.difference = match states {
                Some(states) => Some(self.compare(states).await?),
                None => None,
            };
        }
        summary.range.last_offset = self.last;
        summary.range.events = self.events;
        summary.state = self.state;
        summary.counts = self.counts;
        let dropped = self.stage.dropped();
        let too_much = || {
            format!(
                "{dropped} appends, requests and log lines are not told: they came faster than they can be kept"
            )
        };
        summary.cut = self.cut.or_else(|| (dropped > 0).then(too_much));
        summary.took_ms = self.scene.began.elapsed().as_millis() as u64;
        summary.cpu_ms = self.stage.cpu().as_millis() as u64;
        Ok(summary)
    }

    /// The code that is live has left states along its way: what is only reduced begins at the nearest.
    fn start(&mut self) -> Result<Offset, SimulateError> {
        let Scene { live, record, after, simulations, .. } = &self.scene;
        let is_live = live.as_ref().is_some_and(|live| live.version == self.version.version);
        if !is_live || *after == Offset::START {
            return Ok(Offset::START);
        }
        let store = Store::new(simulations.streams.log().clone(), record.id, &self.version.slug);
        let Some(Snapshot { state, reduced, .. }) = store.nearest(&self.version.version, *after)? else {
            return Ok(Offset::START);
        };
        self.state = Some(state);
        Ok(reduced)
    }

    async fn load(&self, state: Option<Json>) -> Result<Result<Isolate, ScriptFailure>, SimulateError> {
        let log = self.scene.simulations.streams.log();
        let first = log.read_one(&self.scene.record, self.scene.after.next().min(self.scene.tail))?;
        let starts = first.map_or(0, |event| event.created_at.as_millis());
        let (isolates, key) = (&self.scene.simulations.isolates, &self.scene.record.key);
        let bridge = Arc::new(self.stage.clone());
        let mut again = true;
        loop {
            match self.version.load(isolates, key, bridge.clone(), state.clone(), Some(starts)).await {
                Ok(isolate) => return Ok(Ok(isolate)),
                Err(IsolateError::Script(failure)) => return Ok(Err(failure)),
                // Its worker went down with somebody else.
                Err(IsolateError::Lost(_)) if std::mem::take(&mut again) => {}
                Err(error) => return Err(SimulateError::Machinery(error.to_string())),
            }
        }
    }

    /// Goes through the history page by page: while one is being played, the one before is told, and the next is read.
    async fn pass(
        &mut self,
        isolate: Isolate,
        from: Offset,
        sink: &mut Sink,
    ) -> Result<Outcome, SimulateError> {
        let mut isolate = Some(isolate);
        let mut at = from;
        let mut alone_until = Offset::START;
        // The state behind `at`.
        let mut reached = self.state.clone();
        let mut played: Option<Played> = None;
        let mut page = self.page(at, REDUCE_BATCH_EVENTS).await?;
        while let Some(newest) = page.last().map(|event| event.offset) {
            if self.scene.began.elapsed() >= SIMULATION_TIME_MAX {
                self.tell(played.take(), sink).await?;
                self.cut_short();
                break;
            }
            let playing = match isolate.take() {
                Some(playing) => playing,
                None => match self.load(reached.clone()).await? {
                    Ok(playing) => playing,
                    Err(failure) => {
                        self.tell_failure(failure, None, sink).await?;
                        return Ok(Outcome::Suspended);
                    }
                },
            };
            let seen = self.seen(&page);
            let part = self.part_of(newest);
            if part != Part::History {
                self.stage.begin(&seen);
            }
            let (log, record) = (self.scene.simulations.streams.log().clone(), self.scene.record.clone());
            let next = read(&log, &record, newest, self.end_behind(newest), REDUCE_BATCH_EVENTS);
            let states = self.scene.request.states != States::Last;
            let telling = async {
                // Who writes to the worker may wait for this very thread.
                tokio::task::yield_now().await;
                self.tell(played.take(), sink).await
            };
            let (outcome, next, told) = tokio::join!(play(&playing, &seen, part, states), next, telling);
            told?;
            if self.in_a_row >= FAILURES_IN_A_ROW_MAX {
                return Ok(Outcome::Suspended);
            }
            let batch = match outcome {
                Ok(rehearsed) => Batch::Done(rehearsed),
                Err(error) => self.broken(name_culprit(error, &seen), &page)?,
            };
            let done = match batch {
                Batch::Done(rehearsed) => {
                    let notes = self.stage.take_notes();
                    reached = Some(rehearsed.state.clone());
                    let behind = Played::new(std::mem::take(&mut page), seen, rehearsed, notes, part);
                    isolate = Some(playing);
                    at = behind.page.last().map_or(at, |event| event.offset);
                    played = Some(behind);
                    at == newest
                }
                Batch::LookAlone => {
                    // What was noted of this batch comes again.
                    self.stage.take_notes();
                    alone_until = newest;
                    false
                }
                Batch::Broken(failure) => {
                    let event = page.first().map(|event| event.offset);
                    self.tell_notes(sink).await?;
                    if failure.phase == Phase::Reduce {
                        self.poisoned.extend(event);
                    }
                    page.iter().for_each(|event| self.comparison.recorded(event));
                    self.passed(event, true);
                    self.events += u64::from(event.is_some_and(|event| event > self.scene.after));
                    let was_reduced = failure.phase != Phase::Reduce;
                    self.tell_failure(failure, event, sink).await?;
                    self.state = reached.clone();
                    if was_reduced {
                        isolate = self.reduced_anew(&page, sink).await?;
                        reached = self.state.clone();
                    }
                    at = event.unwrap_or(at);
                    at == newest
                }
            };
            if self.in_a_row >= FAILURES_IN_A_ROW_MAX || self.poisoned.len() >= REPLAY_FAILURES_MAX {
                return Ok(Outcome::Suspended);
            }
            page = match done && at >= alone_until {
                true => next?,
                false => {
                    let most = if at < alone_until { 1 } else { REDUCE_BATCH_EVENTS };
                    self.page(at, most).await?
                }
            };
        }
        self.tell(played, sink).await?;
        if self.in_a_row >= FAILURES_IN_A_ROW_MAX {
            return Ok(Outcome::Suspended);
        }
        if self.cut.is_none()
            && let Some(isolate) = isolate
        {
            self.catch_up(&isolate, sink).await?;
        }
        if self.state.is_none() {
            self.state = Some(Json::empty_object());
        }
        Ok(if self.counts.failures > 0 { Outcome::Failed } else { Outcome::Completed })
    }

    fn cut_short(&mut self) {
        let seconds = SIMULATION_TIME_MAX.as_secs();
        self.cut = Some(format!(
            "a simulation may take {seconds} s, which was enough up to event {}: go on with `afterOffset`",
            self.last
        ));
    }

    fn part_of(&self, newest: Offset) -> Part {
        let Scene { after, last, .. } = &self.scene;
        match newest {
            newest if newest <= *after => Part::History,
            newest if newest == *last => Part::End,
            _ => Part::Range,
        }
    }

    /// The next events up to the end of the range.
    async fn page(&self, after: Offset, events_max: usize) -> Result<Vec<Arc<Event>>, LogError> {
        let Scene { record, simulations, .. } = &self.scene;
        read(simulations.streams.log(), record, after, self.end_behind(after), events_max).await
    }

    /// Where the page behind an event ends at the latest: none reaches over the beginning of the range.
    fn end_behind(&self, after: Offset) -> Offset {
        let Scene { after: begin, last, .. } = &self.scene;
        if after < *begin { begin.next() } else { last.next() }
    }

    /// An isolate with the state behind an event whose hook has broken the one before: its reduce has not.
    async fn reduced_anew(
        &mut self,
        page: &[Arc<Event>],
        sink: &mut Sink,
    ) -> Result<Option<Isolate>, SimulateError> {
        let (Ok(isolate), Some(event)) = (self.load(self.state.clone()).await?, page.first()) else {
            return Ok(None);
        };
        isolate.reduce(&self.seen(page)).await.map_err(machinery)?;
        self.stage.take_notes();
        let state = isolate.state().await.map_err(machinery)?;
        self.tell_state(event.offset, Some(state), sink).await?;
        Ok(Some(isolate))
    }

    fn seen(&self, page: &[Arc<Event>]) -> Vec<Arc<Event>> {
        let is_seen = |event: &&Arc<Event>| {
            !is_lifecycle_of(&self.version.slug, event) && !self.poisoned.contains(&event.offset)
        };
        page.iter().filter(is_seen).cloned().collect()
    }

    // --- a batch ----------------------------------------------------------------------------------------

    /// The candidate's own doing, or trouble of the machinery.
    fn broken(&mut self, error: IsolateError, page: &[Arc<Event>]) -> Result<Batch, SimulateError> {
        match error {
            IsolateError::Script(failure) if page.len() == 1 => Ok(Batch::Broken(failure)),
            IsolateError::Script(_) => Ok(Batch::LookAlone),
            IsolateError::Lost(_) if self.lost < REPLAY_FAILURES_MAX as u32 => {
                self.lost += 1;
                Ok(Batch::LookAlone)
            }
            error => Err(machinery(error)),
        }
    }

    /// As at its activation, which would come now.
    async fn catch_up(&mut self, isolate: &Isolate, sink: &mut Sink) -> Result<(), SimulateError> {
        let outcome = isolate.caught_up().await;
        self.tell_notes(sink).await?;
        match outcome {
            Ok(()) => Ok(()),
            Err(ReactError::Script(failure)) => self.tell_failure(failure, None, sink).await,
            Err(ReactError::Isolate(IsolateError::Script(failure))) => {
                self.tell_failure(failure, None, sink).await
            }
            Err(ReactError::Isolate(error)) => Err(machinery(error)),
        }
    }

    // --- beside the live version ------------------------------------------------------------------------

    async fn compare(
        &mut self,
        (live, candidate): (Option<Json>, Option<Json>),
    ) -> Result<Difference, SimulateError> {
        self.comparison.ends_at(self.last);
        self.look_through(self.scene.record.clone(), self.last).await?;
        let others: Vec<String> = self.comparison.others.iter().take(COMPARED_STREAMS_MAX).cloned().collect();
        let log = self.scene.simulations.streams.log().clone();
        for path in &others {
            let Ok(path) = StreamPath::parse(path) else { continue };
            if let Some(record) = log.find(&self.scene.record.key.sibling(path))? {
                let tail = log.tail(record.id)?;
                let from = Offset(tail.0.saturating_sub(COMPARED_EVENTS_MAX));
                self.look_through(record, from).await?;
            }
        }
        self.comparison.others = others.into_iter().collect();
        let value = |state: Json| state.decode::<Value>().ok();
        let states = live.and_then(value).zip(candidate.and_then(value));
        let changes = states.map(|(live, candidate)| diff(&live, &candidate));
        let since = self.scene.live.as_ref().map(|live| live.since).unwrap_or_default();
        let blank =
            Comparison::new(self.version.slug.clone(), StreamPath::root(), Offset::START, Offset::START);
        Ok(std::mem::replace(&mut self.comparison, blank).finish(since, changes))
    }

    /// Behind the range are the answers to its last events.
    async fn look_through(&mut self, record: StreamRecord, from: Offset) -> Result<(), SimulateError> {
        let log = self.scene.simulations.streams.log().clone();
        let (mut after, started) = (from, Instant::now());
        let until = Offset(from.0.saturating_add(COMPARED_EVENTS_MAX));
        while after < until && started.elapsed() < SIMULATION_TIME_MAX {
            let page = read(&log, &record, after, until.next(), REDUCE_BATCH_EVENTS).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.offset;
            page.iter().for_each(|event| self.comparison.recorded(event));
        }
        Ok(())
    }
}

async fn play(
    isolate: &Isolate,
    seen: &[Arc<Event>],
    part: Part,
    states: bool,
) -> Result<Rehearsed, IsolateError> {
    if part != Part::History {
        return isolate.rehearse(seen, states, part == Part::End).await;
    }
    isolate.reduce(seen).await?;
    Ok(Rehearsed { done: seen.len(), events: Vec::new(), state: isolate.state().await? })
}

async fn read(
    log: &crate::log::Log,
    record: &StreamRecord,
    after: Offset,
    before: Offset,
    events_max: usize,
) -> Result<Vec<Arc<Event>>, LogError> {
    if after.next() >= before {
        return Ok(Vec::new());
    }
    let (log, record) = (log.clone(), record.clone());
    let read = move || log.read(&record, after, before, events_max, READ_PAGE_BYTES);
    tokio::task::spawn_blocking(read).await.unwrap_or(Err(LogError::Closed))
}

fn machinery(error: IsolateError) -> SimulateError {
    SimulateError::Machinery(error.to_string())
}
