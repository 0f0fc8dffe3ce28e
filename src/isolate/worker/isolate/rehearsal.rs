//! A rehearsal: recorded events go through `reduce` and the hooks one after the other, without a question to the host
//! between them, and what each came to is told for all of them at once.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::super::super::ScriptFailure;
use super::super::super::protocol::{CallId, FromWorker, Rehearsal};
use super::super::inbox::{Work, lines};
use super::super::replay;
use super::{Isolate, Step};
use crate::event::builtin::Phase;
use crate::limits;

/// How long one part of a rehearsal may hold the worker.
const SLICE: Duration = Duration::from_millis(10);

pub struct Rehearsing {
    pub call: CallId,
    body: Vec<u8>,
    events: VecDeque<Event>,
    done: usize,
    wants_states: bool,
    /// Behind the last event timers that are left run out.
    ends: bool,
    /// The hook of the event that was taken last is under way.
    acting: Option<u64>,
    /// Timers that have run out since the last event was taken.
    timers: usize,
    state: Option<String>,
    told: Vec<Rehearsal>,
    states: Vec<u8>,
}

struct Event {
    text: Range<usize>,
    offset: u64,
    at: i64,
}

impl Rehearsing {
    pub fn new(
        call: CallId,
        body: Vec<u8>,
        places: Vec<(u64, i64)>,
        wants_states: bool,
        ends: bool,
    ) -> Box<Rehearsing> {
        let texts = lines(&body).into_iter().zip(places);
        let events = texts.map(|(text, (offset, at))| Event { text, offset, at }).collect();
        Box::new(Rehearsing {
            call,
            body,
            events,
            done: 0,
            wants_states,
            ends,
            acting: None,
            timers: 0,
            state: None,
            told: Vec::new(),
            states: Vec::new(),
        })
    }

    /// The hook that was under way has come to its end.
    pub fn acted(&mut self, failure: Option<ScriptFailure>) {
        if let (Some(offset), Some(failure)) = (self.acting.take(), failure) {
            self.of(offset).failure = Some(Box::new(failure));
        }
    }

    /// What is told of an event.
    fn of(&mut self, offset: u64) -> &mut Rehearsal {
        if self.told.last().is_none_or(|last| last.offset != offset) {
            self.told.push(Rehearsal { offset, ..Rehearsal::default() });
        }
        self.told.last_mut().expect("it was pushed just above")
    }

    fn has_state(&mut self, offset: u64, state: String) {
        if self.state.as_ref() != Some(&state) {
            self.of(offset).state_bytes = Some(state.len());
            self.states.extend_from_slice(state.as_bytes());
            self.state = Some(state);
        }
    }

    /// Whether the answer has become so large that the rest goes into another one.
    fn is_full(&self) -> bool {
        self.states.len() >= limits::REHEARSED_STATES_BYTES
    }

    /// Until when timers run out before the next event, or at the end.
    fn horizon(&self, now: i64) -> Option<i64> {
        let aftermath = limits::REHEARSAL_AFTERMATH.as_millis() as i64;
        match self.events.front() {
            _ if self.timers >= limits::REHEARSED_TIMERS_MAX => None,
            Some(event) => Some(event.at),
            None => self.ends.then_some(now.saturating_add(aftermath)),
        }
    }
}

impl Isolate {
    /// Goes on until something must be waited for, or the slice is over.
    pub(super) fn rehearse(&mut self) -> Step<Option<Work>> {
        let started = Instant::now();
        while self.can_go_on() {
            if started.elapsed() >= SLICE {
                return Ok(Some(Work::GoOnRehearsing));
            }
            if self.pass_a_timer()? {
                continue;
            }
            let Some(rehearsing) = &mut self.rehearsing else { return Ok(None) };
            let next = if rehearsing.is_full() { None } else { rehearsing.events.pop_front() };
            match next {
                Some(event) => {
                    rehearsing.timers = 0;
                    rehearsing.done += 1;
                    self.rehearse_one(&event)?;
                }
                None => self.tell_rehearsed(),
            }
        }
        Ok(None)
    }

    /// Whether nothing is under way that belongs to the event that was taken last.
    fn can_go_on(&self) -> bool {
        let acts = self.rehearsing.as_ref().is_none_or(|rehearsing| rehearsing.acting.is_some());
        !acts && !self.host.has_ops()
    }

    fn rehearse_one(&mut self, event: &Event) -> Step {
        let Some(rehearsing) = &mut self.rehearsing else { return Ok(()) };
        let (call, wants_state) = (rehearsing.call, rehearsing.wants_states);
        let text = rehearsing.body.get(event.text.clone()).unwrap_or_default().to_vec();
        if let Some(time) = &self.host.recorded {
            time.reach(event.at);
        }
        let mut failed = None;
        if self.reduces {
            let mut state = None;
            self.turn(call, Phase::Reduce, |engine, ctx, prelude| {
                failed = replay::one(engine, ctx, prelude, &text)?;
                if wants_state {
                    state = Some(prelude.function("state")?.call::<_, String>(())?);
                }
                Ok(())
            })
            .map_err(|gone| gone.at(Some(crate::event::Offset(event.offset))))?;
            if let (Some(rehearsing), Some(state)) = (&mut self.rehearsing, state) {
                rehearsing.has_state(event.offset, state);
            }
        }
        if let Some(rehearsing) = &mut self.rehearsing {
            rehearsing.acting = Some(event.offset);
            if failed.is_some() || !self.reacts {
                rehearsing.acted(failed);
                return Ok(());
            }
        }
        let timeout = self.bounds.hook_timeout.min(limits::REHEARSED_HOOK_TIMEOUT);
        self.start_hook(call, Phase::AfterAppend, Some(event.offset), timeout);
        let text = String::from_utf8_lossy(&text);
        let offset = event.offset as f64;
        self.turn(call, Phase::AfterAppend, |_, _, prelude| {
            prelude.function("react")?.call((call as f64, offset, &*text))
        })
    }

    /// Whether there was a timer that is due before the next event.
    fn pass_a_timer(&mut self) -> Step<bool> {
        let (Some(time), Some(rehearsing)) = (&self.host.recorded, &mut self.rehearsing) else {
            return Ok(false);
        };
        let Some(horizon) = rehearsing.horizon(time.now()) else { return Ok(false) };
        let Some((_, timer)) = time.next().filter(|(at, _)| *at <= horizon) else { return Ok(false) };
        rehearsing.timers += 1;
        self.timer(timer)?;
        Ok(true)
    }

    fn tell_rehearsed(&mut self) {
        let Some(rehearsing) = self.rehearsing.take() else { return };
        let Rehearsing { call, done, told, states, .. } = *rehearsing;
        self.send(FromWorker::Rehearsed { call, done, told }, &states);
    }

    /// Behind each step of a rehearsal: when a hook waits and nothing but timers can end that, the next one is due;
    /// when nothing is under way any more, the next event is.
    pub(super) fn pass_recorded_time(&mut self) {
        let Some(time) = &self.host.recorded else { return };
        if self.host.has_ops() || !self.inbox.is_empty() {
            return;
        }
        if !self.running.is_empty() {
            if let Some((at, timer)) = time.next() {
                let late = self.running.iter().find(|(_, running)| running.is_late_at(at));
                let work = match late {
                    Some((call, _)) => Work::HookDue { call: *call },
                    None => Work::Timer { timer },
                };
                self.inbox.push_back(work);
            }
        } else if self.can_go_on() {
            self.inbox.push_back(Work::GoOnRehearsing);
        }
    }
}
