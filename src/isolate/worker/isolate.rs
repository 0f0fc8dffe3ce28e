//! One isolate in its worker: takes its work one step at a time, and answers the calls.

mod rehearsal;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rquickjs::{Ctx, TypedArray, Value};

use super::super::protocol::{CallId, FromWorker, IsolateId, LoadSpec};
use super::super::{Bounds, Definition, OpError, ScriptFailure};
use super::engine::{Engine, Prelude, Stopped, Thrown, Uncaught};
use super::host::{Due, DueAt, Host, Settled, Shared};
use super::inbox::{Batch, Work};
use super::loader::Code;
use super::replay;
use crate::event::Offset;
use crate::event::builtin::{FailureReason, Phase};
use crate::limits;

pub use self::rehearsal::Rehearsing;

pub struct Isolate {
    pub inbox: VecDeque<Work>,
    engine: Option<Engine>,
    host: Rc<Host>,
    bounds: Bounds,
    reacts: bool,
    reduces: bool,
    catches_up: bool,
    parallel: bool,
    /// Failures since the last hook began that no call waits for.
    unhandled: u32,
    /// Hooks that have not come to their end.
    running: BTreeMap<CallId, Running>,
    rehearsing: Option<Box<Rehearsing>>,
}

struct Running {
    phase: Phase,
    event: Option<u64>,
    due: DueAt,
    began: Instant,
    /// In recorded time, where that counts: how long the hook may take by it.
    ends_by: Option<i64>,
    timeout: Duration,
    /// Its time was over: its signal is aborted, and this is the last that it gets.
    overdue: bool,
}

/// The isolate is to be dropped.
pub struct Gone {
    /// The call at fault; zero when none was under way.
    pub call: CallId,
    pub failure: ScriptFailure,
}

impl Gone {
    fn at(mut self, event: Option<Offset>) -> Gone {
        self.failure.event = event;
        self
    }
}

type Step<T = ()> = Result<T, Gone>;

impl Isolate {
    pub fn new(id: IsolateId, shared: Rc<Shared>, bounds: Bounds) -> Isolate {
        Isolate {
            inbox: VecDeque::new(),
            engine: None,
            host: Rc::new(Host::new(id, shared, &bounds)),
            bounds,
            reacts: false,
            reduces: false,
            catches_up: false,
            parallel: false,
            unhandled: 0,
            running: BTreeMap::new(),
            rehearsing: None,
        }
    }

    /// Does one piece of work, or a part of it: what is left is given back.
    pub fn step(&mut self, work: Work) -> Step<Option<Work>> {
        let rest = self.work(work)?;
        if rest.is_none() {
            self.pass_recorded_time();
        }
        Ok(rest)
    }

    fn work(&mut self, work: Work) -> Step<Option<Work>> {
        match work {
            Work::Load { call, spec, code, state } => self.load(call, &spec, &code, state)?,
            Work::Reduce(batch) => return self.reduce(batch),
            Work::React { call, event, reduce } => self.react(call, &event, reduce)?,
            Work::Rehearse(rehearsing) => {
                self.rehearsing = Some(rehearsing);
                return self.rehearse();
            }
            Work::GoOnRehearsing => return self.rehearse(),
            Work::CaughtUp { call } => self.caught_up(call)?,
            Work::State { call } => self.state(call)?,
            Work::Pending { call } => {
                let pending = self.host.pending() + self.running.len();
                self.send(FromWorker::Pending { call, pending }, &[]);
            }
            Work::Abort { reason } => self.abort(None, "AbortError", &reason)?,
            Work::Settle { op, error, result } => self.settle(op, error, result)?,
            Work::Timer { timer } => self.timer(timer)?,
            Work::HookDue { call } => self.hook_due(call)?,
            Work::Received { op, what, bytes } => self.receive(op, what.get(), &bytes)?,
            Work::ExchangeDue { exchange } => self.exchange_due(exchange)?,
        }
        Ok(None)
    }

    // --- loading --------------------------------------------------------------------------------------

    fn load(&mut self, call: CallId, spec: &LoadSpec, code: &Rc<Code>, state: Option<Vec<u8>>) -> Step {
        self.host.begin_turn(call, Phase::Load);
        super::memory::make_room();
        let engine = Engine::new(&self.host, code);
        self.host.end_turn();
        self.start_hook(call, Phase::Load, None, self.bounds.hook_timeout.min(limits::LOAD_TIMEOUT));
        match engine {
            Ok(engine) => self.engine = Some(engine),
            Err(error) => return Err(self.without_engine(call, &error)),
        }
        let stream = serde_json::json!({"path": spec.path, "project": spec.project, "slug": spec.slug});
        let state = state.map(|text| String::from_utf8_lossy(&text).into_owned());
        self.turn(call, Phase::Load, |engine, ctx, prelude| {
            let () = prelude.function("prepare")?.call((stream.to_string(), spec.env.as_str()))?;
            let importing = engine.import(ctx)?;
            prelude.function("load")?.call((call as f64, importing, state))
        })
    }

    fn without_engine(&self, call: CallId, error: &str) -> Gone {
        let (reason, message) = if self.host.meter.was_refused() {
            let bytes = self.host.meter.bound();
            (
                FailureReason::OutOfMemory,
                format!(
                    "{bytes} bytes of memory are too few to start the processor: {}",
                    self.host.meter.breach()
                ),
            )
        } else {
            (FailureReason::Exception, format!("the isolate could not start: {error}"))
        };
        Gone { call, failure: ScriptFailure::new(Phase::Load, reason, "Error", message) }
    }

    fn loaded(&mut self, call: CallId, text: &str) -> Step {
        // The prelude made it, with whatever the script has made of the built-in prototypes.
        let Ok(definition) = serde_json::from_str::<Definition>(text) else {
            let message =
                "the module has changed the language's built-in objects so that it cannot be loaded";
            let failure = ScriptFailure::new(Phase::Load, FailureReason::Exception, "TypeError", message);
            return Err(Gone { call, failure });
        };
        self.parallel = definition.parallel;
        self.reduces = definition.reduces;
        self.reacts = definition.reacts;
        self.catches_up = definition.catches_up;
        self.send(FromWorker::Loaded { call }, text.as_bytes());
        Ok(())
    }

    // --- reduce ---------------------------------------------------------------------------------------

    fn reduce(&mut self, mut batch: Box<Batch>) -> Step<Option<Work>> {
        let call = batch.call;
        if self.reduces {
            self.turn(call, Phase::Reduce, |engine, ctx, prelude| {
                replay::slice(engine, ctx, prelude, &mut batch)
            })
            .map_err(|gone| gone.at(batch.current()))?;
            if !batch.is_done() {
                return Ok(Some(Work::Reduce(batch)));
            }
        }
        let failures = std::mem::take(&mut batch.failures);
        self.send(FromWorker::Reduced { call, failures }, &[]);
        Ok(None)
    }

    // --- hooks ----------------------------------------------------------------------------------------

    fn react(&mut self, call: CallId, event: &[u8], reduce: bool) -> Step {
        let offset = replay::offset_of(event);
        if reduce && self.reduces {
            let mut failed = None;
            self.turn(call, Phase::Reduce, |engine, ctx, prelude| {
                let event = engine.names.value(ctx, event)?;
                failed = replay::one(engine, ctx, prelude, &prelude.function("take")?, event)?;
                Ok(())
            })?;
            if let Some(failure) = failed {
                self.send(FromWorker::Reacted { call, failure: Some(Box::new(failure)) }, &[]);
                return Ok(());
            }
        }
        if !self.reacts {
            self.send(FromWorker::Reacted { call, failure: None }, &[]);
            return Ok(());
        }
        self.start_hook(call, Phase::AfterAppend, Some(offset), self.bounds.hook_timeout);
        let host = self.host.clone();
        self.turn(call, Phase::AfterAppend, |engine, ctx, prelude| {
            let (react, event) = (prelude.function("react")?, engine.names.value(ctx, event)?);
            host.told_over(call, react.call((call as f64, offset as f64, event))?);
            Ok(())
        })
    }

    fn caught_up(&mut self, call: CallId) -> Step {
        if !self.catches_up {
            self.send(FromWorker::Reacted { call, failure: None }, &[]);
            return Ok(());
        }
        self.start_hook(call, Phase::OnCaughtUp, None, self.bounds.hook_timeout);
        let host = self.host.clone();
        self.turn(call, Phase::OnCaughtUp, |_, _, prelude| {
            let state: Value<'_> = prelude.function("state")?.call(())?;
            host.told_over(call, prelude.hooks()?.function("caughtUp")?.call((call as f64, state))?);
            Ok(())
        })
    }

    fn start_hook(&mut self, call: CallId, phase: Phase, event: Option<u64>, timeout: Duration) {
        let began = Instant::now();
        let due = self.host.shared.arm(began + timeout, Due::Hook { isolate: self.host.id, call });
        self.unhandled = 0;
        let allowed = self.bounds.hook_timeout.as_millis() as i64;
        let ends_by = self.host.recorded.as_ref().map(|time| time.now().saturating_add(allowed));
        self.running.insert(call, Running { phase, event, due, began, ends_by, timeout, overdue: false });
    }

    /// A hook's time is over: its signal is aborted, and it gets a little longer to end by itself.
    fn hook_due(&mut self, call: CallId) -> Step {
        let Some(running) = self.running.get_mut(&call) else { return Ok(()) };
        if running.overdue || running.phase == Phase::Load {
            return Err(Gone { call, failure: running.timed_out() });
        }
        running.overdue = true;
        let due = Due::Hook { isolate: self.host.id, call };
        running.due = self.host.shared.arm(Instant::now() + limits::ABORT_GRACE, due);
        let message = running.timed_out().error.message;
        self.abort(Some(call), "TimeoutError", &message)
    }

    fn abort(&mut self, call: Option<CallId>, name: &str, reason: &str) -> Step {
        if self.engine.is_none() {
            return Ok(());
        }
        self.hook_turn(call.unwrap_or(0), |prelude| {
            prelude.function("abort")?.call((call.map(|call| call as f64), name, reason))
        })
    }

    // --- what hooks wait for ----------------------------------------------------------------------------

    fn settle(&mut self, op: u64, error: Option<OpError>, result: Vec<u8>) -> Step {
        let Some(call) = self.host.settle_op(op) else { return Ok(()) };
        let (text, code) = match error {
            None => (String::from_utf8_lossy(&result).into_owned(), None),
            Some(error) => (error.message, Some(error.code)),
        };
        self.hook_turn(call, |prelude| prelude.hooks()?.function("settle")?.call((op as f64, text, code)))
    }

    fn receive(&mut self, op: u64, what: &str, bytes: &[u8]) -> Step {
        let Some(call) = self.host.settle_op(op) else { return Ok(()) };
        self.hook_turn(call, |prelude| {
            let receive = prelude.in_part("fetch/network")?.function("receive")?;
            // A copy lies in the isolate's own memory, and is counted there.
            let bytes = TypedArray::<u8>::new_copy(receive.ctx().clone(), bytes)?;
            receive.call((op as f64, what, bytes))
        })
    }

    fn exchange_due(&mut self, exchange: u64) -> Step {
        if !self.host.has_exchange(exchange) {
            return Ok(());
        }
        let message = format!(
            "fetch failed: it took longer than {} ms, which is as long as a hook may take",
            self.bounds.hook_timeout.as_millis()
        );
        self.hook_turn(0, |prelude| {
            prelude.in_part("fetch/network")?.function("expire")?.call((exchange as f64, message))
        })
    }

    fn timer(&mut self, timer: u32) -> Step {
        let Some(call) = self.host.take_timer(timer) else { return Ok(()) };
        self.hook_turn(call, |prelude| prelude.in_part("timers")?.function("fire")?.call((timer,)))
    }

    // --- state ----------------------------------------------------------------------------------------

    fn state(&mut self, call: CallId) -> Step {
        let state = self.text_of_state(call)?;
        if self.host.shared.send(&FromWorker::State { call }, state.as_bytes()) {
            return Ok(());
        }
        Err(too_large(call, &state))
    }

    fn text_of_state(&mut self, call: CallId) -> Step<String> {
        let mut state = String::new();
        self.turn(call, Phase::Reduce, |_, _, prelude| {
            state = prelude.function("state")?.call(())?;
            Ok(())
        })?;
        Ok(state)
    }

    // --- turns ----------------------------------------------------------------------------------------

    /// A turn that goes on with a hook, if that still runs.
    fn hook_turn(&mut self, call: CallId, body: impl FnOnce(&Prelude<'_>) -> rquickjs::Result<()>) -> Step {
        let phase = self.running.get(&call).map_or(Phase::AfterAppend, |running| running.phase);
        self.turn(call, phase, |_, _, prelude| body(prelude))
    }

    fn turn(
        &mut self,
        call: CallId,
        phase: Phase,
        body: impl for<'js> FnOnce(&Engine, &Ctx<'js>, &Prelude<'js>) -> rquickjs::Result<()>,
    ) -> Step {
        let Some(engine) = &self.engine else { return Err(never_loaded(call, phase)) };
        let event = self.running.get(&call).and_then(|running| running.event);
        let turned = engine.turn(call, phase, |ctx, prelude| body(engine, ctx, prelude));
        self.turned(turned.map_err(|stopped| stopped.gone(call, phase))?, event)
    }

    /// Behind a turn: what came to its end in it, and what nothing caught.
    fn turned(&mut self, uncaught: Uncaught, event: Option<u64>) -> Step {
        let Some(engine) = &self.engine else { return Ok(()) };
        let uncaught: Vec<ScriptFailure> =
            uncaught.into_iter().map(|thrown| engine.failure(Phase::UnhandledRejection, thrown)).collect();
        for Settled { call, failure, value } in self.host.settled.take() {
            self.ended(call, failure, value)?;
        }
        for failure in uncaught {
            self.unhandled += 1;
            if self.unhandled > limits::UNHANDLED_PER_HOOK_MAX {
                break;
            }
            let isolate = self.host.id;
            self.send(FromWorker::Failed { isolate, failure: Box::new(failure), event }, &[]);
        }
        self.end_what_never_ends()
    }

    /// A hook came to its end, well or not.
    fn ended(&mut self, call: CallId, failure: Option<String>, value: Option<String>) -> Step {
        let Some(running) = self.running.remove(&call) else { return Ok(()) };
        self.host.shared.disarm(&running.due);
        let failure = match (failure, &self.engine) {
            _ if running.overdue => Some(running.timed_out()),
            (Some(text), Some(engine)) => Some(engine.failure(running.phase, Thrown::decode(&text))),
            _ => None,
        };
        match (running.phase, failure) {
            (Phase::Load, Some(failure)) => return Err(Gone { call, failure }),
            (Phase::Load, None) => return self.loaded(call, &value.unwrap_or_default()),
            (_, failure) => self.reacted(call, failure),
        }
        Ok(())
    }

    /// With no job, timer or operation left, nothing can settle the promise that a hook waits for. Only where
    /// hooks run side by side may another one do it.
    fn end_what_never_ends(&mut self) -> Step {
        if self.running.is_empty() || self.host.pending() > 0 {
            return Ok(());
        }
        if self.parallel {
            // In a rehearsal there is nobody else: what waits for a later event is let go.
            if let Some(rehearsing) = &mut self.rehearsing {
                let call = rehearsing.call;
                rehearsing.acted(None);
                if let Some(running) = self.running.remove(&call) {
                    self.host.shared.disarm(&running.due);
                }
            }
            return Ok(());
        }
        for (call, running) in std::mem::take(&mut self.running) {
            self.host.shared.disarm(&running.due);
            let failure = running.never_ends();
            if running.phase == Phase::Load {
                return Err(Gone { call, failure });
            }
            self.reacted(call, Some(failure));
            self.hook_turn(call, |prelude| prelude.hooks()?.function("forget")?.call((call as f64,)))?;
        }
        Ok(())
    }

    fn reacted(&mut self, call: CallId, failure: Option<ScriptFailure>) {
        match &mut self.rehearsing {
            Some(rehearsing) if rehearsing.call == call => rehearsing.acted(failure),
            _ => self.send(FromWorker::Reacted { call, failure: failure.map(Box::new) }, &[]),
        }
    }

    fn send(&self, message: FromWorker, body: &[u8]) {
        self.host.shared.send(&message, body);
    }
}

impl Drop for Isolate {
    fn drop(&mut self) {
        for running in self.running.values() {
            self.host.shared.disarm(&running.due);
        }
        self.host.close();
    }
}

/// More than fits into a message.
fn too_large(call: CallId, state: &str) -> Gone {
    let message = format!("the state has {} bytes", state.len());
    let failure = ScriptFailure::new(Phase::Reduce, FailureReason::Limit, "RangeError", message);
    Gone { call, failure }
}

fn never_loaded(call: CallId, phase: Phase) -> Gone {
    let message = "the isolate was never loaded";
    Gone { call, failure: ScriptFailure::new(phase, FailureReason::Exception, "Error", message) }
}

impl Stopped {
    fn gone(self, call: CallId, phase: Phase) -> Gone {
        let failure = ScriptFailure::new(phase, self.reason, self.name(), self.message);
        Gone { call, failure: failure.at(self.frames) }
    }
}

impl Running {
    /// Whether its time is over by recorded time.
    fn is_late_at(&self, at: i64) -> bool {
        self.ends_by.is_some_and(|ends_by| at > ends_by)
    }

    fn timed_out(&self) -> ScriptFailure {
        let (allowed, so_far) = (self.timeout.as_millis(), self.began.elapsed().as_millis());
        let message = match self.ends_by {
            // What time it took is the record's, and a round number.
            Some(_) => format!("{} took longer than {allowed} ms", self.name()),
            None => format!("{} took longer than {allowed} ms: {so_far} ms so far", self.name()),
        };
        ScriptFailure::new(self.phase, FailureReason::Timeout, "TimeoutError", message)
    }

    fn never_ends(&self) -> ScriptFailure {
        let message = format!(
            "{} never ends: it awaits a promise that nothing can settle, for no timer, append, read or fetch is under way",
            self.name()
        );
        ScriptFailure::new(self.phase, FailureReason::Timeout, "TimeoutError", message)
    }

    fn name(&self) -> &'static str {
        match self.phase {
            Phase::Load => "loading the module",
            Phase::OnCaughtUp => "onCaughtUp",
            _ => "afterAppend",
        }
    }
}
