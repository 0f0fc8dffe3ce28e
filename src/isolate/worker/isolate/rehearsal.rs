//! A rehearsal: recorded events go through `reduce` and the hooks one after the other, without a question to the host
//! between them, and what each came to is told for all of them at once.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use rquickjs::{Ctx, Function, Value};

use super::super::super::ScriptFailure;
use super::super::super::protocol::{CallId, FromWorker, Rehearsal};
use super::super::engine::{Engine, Prelude, has_jobs};
use super::super::host::Host;
use super::super::inbox::{Work, lines};
use super::super::recorded::RecordedTime;
use super::super::replay;
use super::{Isolate, Step, never_loaded, too_large};
use crate::event::Offset;
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
    /// What the event that was taken last is at, and its offset.
    phase: Phase,
    offset: u64,
    /// It was reduced, and something came of that which has to be done before its hook begins.
    reduced: Option<Event>,
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
            phase: Phase::Reduce,
            offset: 0,
            reduced: None,
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

    fn has_next(&self) -> bool {
        self.reduced.is_some() || !self.is_full() && !self.events.is_empty()
    }

    /// The next event, and whether it has been reduced.
    fn take_next(&mut self) -> Option<(Event, bool)> {
        if let Some(event) = self.reduced.take() {
            return Some((event, true));
        }
        let event = self.events.pop_front()?;
        self.timers = 0;
        self.done += 1;
        self.offset = event.offset;
        Some((event, false))
    }

    fn has_timer_due(&self, host: &Host) -> bool {
        host.recorded.as_ref().is_some_and(|time| self.timer_due(time).is_some())
    }

    /// A timer that is due before the next event; none stands between reducing an event and acting on it.
    fn timer_due(&self, time: &RecordedTime) -> Option<u32> {
        let (at, timer) = time.next()?;
        let horizon = self.horizon(time.now()).filter(|_| self.reduced.is_none())?;
        (at <= horizon).then_some(timer)
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

/// What events play on.
struct Stage<'a, 'js> {
    engine: &'a Engine,
    host: &'a Host,
    prelude: &'a Prelude<'js>,
    take: Function<'js>,
    react: Function<'js>,
    reduces: bool,
    reacts: bool,
}

impl<'js> Stage<'_, 'js> {
    /// Reduces the next event and acts on it. Whether the one behind it may follow at once.
    fn play_one(&self, rehearsing: &mut Rehearsing, ctx: &Ctx<'js>) -> rquickjs::Result<bool> {
        let Some((event, is_reduced)) = rehearsing.take_next() else { return Ok(false) };
        let names = &self.engine.names;
        let text = rehearsing.body.get(event.text.clone()).unwrap_or_default();
        // What the hook is given, if the event has been read for it.
        let mut given = None;
        if !is_reduced {
            if let Some(time) = &self.host.recorded {
                time.reach(event.at);
            }
            if self.reduces {
                let (reduced, acted_on) = names.values(ctx, text, self.reacts)?;
                given = acted_on;
                if !self.reduce(rehearsing, ctx, reduced)? {
                    return Ok(self.is_quiet(ctx));
                }
            }
            if !self.is_quiet(ctx) {
                rehearsing.reduced = self.reacts.then_some(event);
                return Ok(false);
            }
        }
        if !self.reacts {
            return Ok(true);
        }
        self.host.renew_turn(rehearsing.call, Phase::AfterAppend);
        rehearsing.phase = Phase::AfterAppend;
        rehearsing.acting = Some(event.offset);
        let given = match given {
            Some(given) => given,
            None => names.value(ctx, rehearsing.body.get(event.text).unwrap_or_default())?,
        };
        let is_over: bool = self.react.call((rehearsing.call as f64, event.offset as f64, given))?;
        self.engine.check_alive()?;
        if is_over {
            rehearsing.acting = None;
        }
        Ok(is_over && self.is_quiet(ctx) && !self.host.has_ops())
    }

    /// Whether it went well.
    fn reduce(
        &self,
        rehearsing: &mut Rehearsing,
        ctx: &Ctx<'js>,
        event: Value<'js>,
    ) -> rquickjs::Result<bool> {
        self.host.renew_turn(rehearsing.call, Phase::Reduce);
        rehearsing.phase = Phase::Reduce;
        let failed = replay::one(self.engine, ctx, self.prelude, &self.take, event)?;
        self.engine.check_alive()?;
        let offset = rehearsing.offset;
        if rehearsing.wants_states {
            rehearsing.has_state(offset, self.prelude.function("state")?.call(())?);
        }
        let went_well = failed.is_none();
        if let Some(failure) = failed {
            rehearsing.of(offset).failure = Some(Box::new(failure));
        }
        Ok(went_well)
    }

    /// Whether the turn has nothing else to do before it goes on.
    fn is_quiet(&self, ctx: &Ctx<'_>) -> bool {
        !has_jobs(ctx) && self.host.rejections.borrow().is_empty()
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
            match &self.rehearsing {
                Some(rehearsing) if rehearsing.has_next() => self.play(started)?,
                _ => self.tell_rehearsed()?,
            }
            if self.rehearsing.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Whether nothing is under way that belongs to the event that was taken last.
    fn can_go_on(&self) -> bool {
        let acts = self.rehearsing.as_ref().is_none_or(|rehearsing| rehearsing.acting.is_some());
        !acts && !self.host.has_ops()
    }

    /// One turn: as many events as leave nothing to be done between them, be it by jobs, by timers or by the host.
    fn play(&mut self, started: Instant) -> Step {
        let Some(mut rehearsing) = self.rehearsing.take() else { return Ok(()) };
        let call = rehearsing.call;
        let Some(engine) = &self.engine else { return Err(never_loaded(call, Phase::Reduce)) };
        let host = &*self.host;
        let turned = engine.turn(call, Phase::Reduce, |ctx, prelude| {
            let (take, react) = (prelude.function("take")?, prelude.function("react")?);
            let (reduces, reacts) = (self.reduces, self.reacts);
            let stage = Stage { engine, host, prelude, take, react, reduces, reacts };
            while stage.play_one(&mut rehearsing, ctx)?
                && rehearsing.has_next()
                && !rehearsing.has_timer_due(host)
                && started.elapsed() < SLICE
            {}
            Ok(())
        });
        let (phase, offset, acting) = (rehearsing.phase, rehearsing.offset, rehearsing.acting);
        self.rehearsing = Some(rehearsing);
        let acts = phase == Phase::AfterAppend;
        let uncaught = turned.map_err(|stopped| {
            let gone = stopped.gone(call, phase);
            if acts { gone } else { gone.at(Some(Offset(offset))) }
        })?;
        if acts {
            self.unhandled = 0;
        }
        if acting.is_some() {
            let timeout = self.bounds.hook_timeout.min(limits::REHEARSED_HOOK_TIMEOUT);
            self.start_hook(call, phase, acting, timeout);
        }
        self.turned(uncaught, acts.then_some(offset))
    }

    /// Whether there was a timer that is due before the next event.
    fn pass_a_timer(&mut self) -> Step<bool> {
        let (Some(time), Some(rehearsing)) = (&self.host.recorded, &mut self.rehearsing) else {
            return Ok(false);
        };
        let Some(timer) = rehearsing.timer_due(time) else { return Ok(false) };
        rehearsing.timers += 1;
        self.timer(timer)?;
        Ok(true)
    }

    fn tell_rehearsed(&mut self) -> Step {
        let Some(rehearsing) = self.rehearsing.take() else { return Ok(()) };
        let Rehearsing { call, done, told, mut states, .. } = *rehearsing;
        let state = self.text_of_state(call)?;
        states.extend_from_slice(state.as_bytes());
        if self.host.shared.send(&FromWorker::Rehearsed { call, done, told }, &states) {
            return Ok(());
        }
        Err(too_large(call, &state))
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
