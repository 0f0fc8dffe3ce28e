//! One QuickJS runtime with the prelude in it, and turns: a call into it, with all the jobs that follow,
//! inside the bounds of its isolate.

use std::mem::ManuallyDrop;
use std::rc::Rc;

use rquickjs::context::intrinsic;
use rquickjs::{
    CatchResultExt, Context, Ctx, Error, Function, Module, Object, Persistent, Runtime, Value, qjs,
};
use serde::Deserialize;

use super::super::failure::{ScriptFailure, author_frames, stack_text, without_makers};
use super::allocator::Bounded;
use super::host::{Host, Rejection};
use super::json::Names;
use super::loader::{Code, ModuleNames, Modules};
use super::{natives, prelude};
use crate::event::builtin::{FailureReason, Frame, Phase, ScriptError};

/// Not `Eval`: isolates run bytecode only, and `new Function` throws, unless their configuration allows it. Nor what is
/// made when it is touched (`intrinsics`).
type Intrinsics = (
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
    intrinsic::WeakRef,
);

/// The functions that the prelude, or a part of it, returns, by the names it gives them.
pub struct Prelude<'js>(Object<'js>);

impl<'js> Prelude<'js> {
    pub fn function(&self, name: &str) -> rquickjs::Result<Function<'js>> {
        self.0.get(name)
    }

    pub fn call(&self, name: &str) -> rquickjs::Result<()> {
        self.function(name)?.call(())
    }

    /// What a part has, which is loaded if it is not there yet.
    pub fn in_part(&self, part: &str) -> rquickjs::Result<Prelude<'js>> {
        self.function("part")?.call((part,)).map(Prelude)
    }

    /// What acts, for hooks.
    pub fn hooks(&self) -> rquickjs::Result<Prelude<'js>> {
        self.function("hooks")?.call(()).map(Prelude)
    }

    /// What a replay logs is one hook's worth; quiet while events are reduced a second time.
    pub fn replaying(&self, quiet: bool) -> rquickjs::Result<()> {
        self.function("replaying")?.call((quiet,))
    }
}

pub struct Engine {
    live: ManuallyDrop<Live>,
    host: Rc<Host>,
    code: Rc<Code>,
    /// The names of members in the events that come.
    pub names: Names,
}

/// Dropped in this order: no JavaScript value may outlive its runtime.
struct Live {
    prelude: Persistent<Object<'static>>,
    context: Context,
    runtime: Runtime,
}

impl Drop for Engine {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        let rejections = self.host.rejections.take();
        if self.check().is_ok() {
            drop(rejections);
            // SAFETY: dropped here, once.
            unsafe { ManuallyDrop::drop(&mut self.live) };
            return;
        }
        // An engine that was stopped cannot be trusted to clean up after itself: it is never run again, and its
        // memory is taken from it. A few kilobytes on our own side of it are the price.
        std::mem::forget(rejections);
        // SAFETY: what holds values of the engine was just forgotten, or is in `live`, which is never dropped.
        unsafe { self.host.meter.release_all() };
    }
}

/// Why an isolate cannot go on.
#[derive(Clone, Debug)]
pub struct Stopped {
    pub reason: FailureReason,
    pub message: String,
    /// Where the script was, if the engine could still say.
    pub frames: Vec<Frame>,
}

impl Stopped {
    pub fn name(&self) -> &'static str {
        match self.reason {
            FailureReason::OutOfMemory => "OutOfMemory",
            _ => "TimeoutError",
        }
    }
}

/// What happened in a turn that no call is waiting for.
pub type Uncaught = Vec<Thrown>;

/// Something thrown, as far as it could be looked at.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Thrown {
    name: String,
    message: String,
    stack: String,
    /// The names of the error's classes.
    #[serde(default)]
    makers: Vec<String>,
    limit: bool,
    code: Option<String>,
}

impl Engine {
    /// An engine with the prelude, before any code of the author's.
    pub fn new(host: &Rc<Host>, code: &Rc<Code>) -> Result<Engine, String> {
        let unable = |error: Error| error.to_string();
        let runtime = Runtime::new_with_alloc(Bounded(host.meter.clone())).map_err(unable)?;
        runtime.set_max_stack_size(host.bounds.stack_bytes as usize);
        let stop = host.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || stop.must_stop())));
        runtime.set_loader(ModuleNames(Rc::downgrade(code)), Modules(Rc::downgrade(code)));
        let context = match host.bounds.generates_code {
            true => Context::custom::<(intrinsic::Eval, Intrinsics)>(&runtime),
            false => Context::custom::<Intrinsics>(&runtime),
        };
        let context = context.map_err(unable)?;
        let prelude = context.with(|ctx| {
            let prelude = start_prelude(&ctx, host).catch(&ctx).map_err(|error| error.to_string())?;
            Ok::<_, String>(Persistent::save(&ctx, prelude))
        })?;
        let tracker = host.clone();
        runtime.set_host_promise_rejection_tracker(Some(Box::new(move |ctx, promise, reason, handled| {
            let promise = Persistent::save(&ctx, promise);
            let reason = Persistent::save(&ctx, reason);
            if handled {
                tracker.handled(promise, reason);
            } else {
                tracker.rejected(promise, reason);
            }
        })));
        let live = ManuallyDrop::new(Live { prelude, context, runtime });
        Ok(Engine { live, host: host.clone(), code: code.clone(), names: Names::default() })
    }

    /// Calls into JavaScript, then runs every job that follows. `body` sees the prelude's functions; what it
    /// throws is uncaught. An error means that the isolate must be dropped.
    pub fn turn(
        &self,
        call: u64,
        phase: Phase,
        body: impl for<'js> FnOnce(&Ctx<'js>, &Prelude<'js>) -> rquickjs::Result<()>,
    ) -> Result<Uncaught, Stopped> {
        self.host.begin_turn(call, phase);
        let mut uncaught = Uncaught::new();
        self.live.context.with(|ctx| {
            let outcome = self.prelude(&ctx).and_then(|prelude| body(&ctx, &prelude));
            if let Err(error) = outcome {
                uncaught.push(self.thrown(&ctx, error));
            }
        });
        self.run_jobs(&mut uncaught);
        self.report_rejections(&mut uncaught);
        self.host.end_turn();
        self.check().map_err(|stopped| Stopped { frames: self.where_stopped(&uncaught), ..stopped })?;
        Ok(uncaught)
    }

    fn prelude<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Prelude<'js>> {
        self.live.prelude.clone().restore(ctx).map(Prelude)
    }

    /// Endless microtasks are many short jobs, which the engine's own checks may never see.
    fn run_jobs(&self, uncaught: &mut Uncaught) {
        let mut jobs = 0u32;
        loop {
            jobs += 1;
            if jobs.is_multiple_of(64) && self.host.must_stop() || self.check().is_err() {
                return;
            }
            match self.live.runtime.execute_pending_job() {
                Ok(true) => {}
                Ok(false) => return,
                Err(job) => job.0.with(|ctx| uncaught.push(self.thrown(&ctx, Error::Exception))),
            }
        }
    }

    fn report_rejections(&self, uncaught: &mut Uncaught) {
        let rejections = self.host.rejections.take();
        if rejections.is_empty() {
            return;
        }
        let heard = self.live.context.with(|ctx| {
            let asked = self.tell_rejections(&ctx, rejections, uncaught);
            asked.is_ok_and(|heard| heard)
        });
        if !heard {
            return;
        }
        // Listeners ran. What was rejected by them is for the host alone: they could go on so for ever.
        self.host.hears_rejections.set(true);
        self.run_jobs(uncaught);
        self.live.context.with(|ctx| {
            for rejection in self.host.rejections.take().into_iter().filter(|rejection| !rejection.late) {
                if let Ok(reason) = rejection.reason.restore(&ctx) {
                    uncaught.push(self.describe(&ctx, reason));
                }
            }
        });
    }

    /// Says whether the script listens; what it does not take on is uncaught.
    fn tell_rejections(
        &self,
        ctx: &Ctx<'_>,
        rejections: Vec<Rejection>,
        uncaught: &mut Uncaught,
    ) -> rquickjs::Result<bool> {
        let prelude = self.prelude(ctx)?.in_part("uncaught")?;
        let (rejected, handled) = (prelude.function("rejected")?, prelude.function("handled")?);
        let mut heard = false;
        for Rejection { promise, reason, late } in rejections {
            let (promise, reason) = (promise.restore(ctx)?, reason.restore(ctx)?);
            if late {
                handled.call::<_, ()>((promise, reason)).ok();
                continue;
            }
            let answer = rejected.call::<_, u32>((promise, reason.clone())).unwrap_or(0);
            heard |= answer > 0;
            if answer < 2 {
                uncaught.push(self.describe(ctx, reason));
            }
        }
        Ok(heard)
    }

    /// The flags are asked, never the exception: a script may catch that, and go on.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.host.meter.was_refused() {
            return Err(Stopped {
                reason: FailureReason::OutOfMemory,
                message: format!(
                    "the processor needs more than its {} bytes of memory: {}",
                    self.host.meter.bound(),
                    self.host.meter.breach()
                ),
                frames: Vec::new(),
            });
        }
        if self.host.was_interrupted() {
            return Err(Stopped {
                reason: FailureReason::Timeout,
                message: format!(
                    "the processor computed for more than {} ms without a pause: {} ms so far",
                    self.host.bounds.cpu_per_turn.as_millis(),
                    self.host.spent().as_millis()
                ),
                frames: Vec::new(),
            });
        }
        Ok(())
    }

    /// For the middle of a turn: an engine that must stop is left at once.
    pub fn check_alive(&self) -> rquickjs::Result<()> {
        self.check().map_err(|_| Error::Unknown)
    }

    /// What an error of a call was. Nothing is asked of an engine that must stop.
    pub fn thrown(&self, ctx: &Ctx<'_>, error: Error) -> Thrown {
        if !error.is_exception() {
            return Thrown { name: "Error".into(), message: error.to_string(), ..Thrown::default() };
        }
        let value = ctx.catch();
        match self.check() {
            Ok(()) => self.describe(ctx, value),
            // An interrupted script was thrown out of by the engine's own error, which knows where; to read that
            // runs nothing. Without memory there is nothing to read.
            Err(Stopped { reason: FailureReason::Timeout, .. }) => {
                let stack = value.as_object().and_then(|error| error.get("stack").ok()).unwrap_or_default();
                Thrown { stack, ..Thrown::default() }
            }
            Err(_) => Thrown::default(),
        }
    }

    /// The frames of the interruption: it came out of a call, or a hook's promise was rejected with it.
    fn where_stopped(&self, uncaught: &Uncaught) -> Vec<Frame> {
        let settled = self.host.settled.borrow();
        let settled = settled.iter().filter_map(|hook| Some(Thrown::decode(hook.failure.as_ref()?).stack));
        uncaught
            .iter()
            .map(|thrown| thrown.stack.clone())
            .chain(settled)
            .map(|stack| author_frames(&stack, |file| self.code.has(file)))
            .find(|frames| !frames.is_empty())
            .unwrap_or_default()
    }

    fn describe<'js>(&self, ctx: &Ctx<'js>, value: Value<'js>) -> Thrown {
        let described = self
            .prelude(ctx)
            .and_then(|prelude| prelude.function("failures")?.call(()).map(Prelude))
            .and_then(|failures| failures.function("describe"))
            .and_then(|describe| describe.call::<_, String>((value,)));
        match described {
            Ok(text) => Thrown::decode(&text),
            Err(_) => {
                ctx.catch();
                Thrown::decode("")
            }
        }
    }

    pub fn failure(&self, phase: Phase, thrown: Thrown) -> ScriptFailure {
        let Thrown { name, mut message, stack, makers, limit, code } = thrown;
        let overflow = name == "RangeError" && message.contains("call stack size exceeded");
        if overflow {
            message.push_str(&format!(": the stack may have {} bytes", self.host.bounds.stack_bytes));
        }
        let reason = match () {
            () if limit => FailureReason::Limit,
            () if overflow => FailureReason::StackOverflow,
            () => FailureReason::Exception,
        };
        let frames = author_frames(&stack, |file| self.code.has(file));
        let frames = without_makers(frames, makers);
        let stack = stack_text(&name, &message, &frames);
        ScriptFailure {
            phase,
            reason,
            error: ScriptError { name, message, stack, frames, snippet: None },
            cause_code: code,
            event: None,
        }
    }

    /// Starts the author's entry module; a promise of its namespace.
    pub fn import<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Value<'js>> {
        Ok(Module::import(ctx, self.code.entry.as_str())?.into_value())
    }
}

/// Whether jobs wait for the end of the call into JavaScript.
#[allow(unsafe_code)]
pub fn has_jobs(ctx: &Ctx<'_>) -> bool {
    // SAFETY: the context is alive, and with it its runtime, which is only read.
    unsafe { qjs::JS_IsJobPending(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) }
}

impl Thrown {
    /// From what the prelude's `describe` gives.
    pub fn decode(text: &str) -> Thrown {
        serde_json::from_str(text).unwrap_or_else(|_| Thrown {
            name: "Error".into(),
            message: "something was thrown that cannot be looked at".into(),
            ..Thrown::default()
        })
    }
}

fn start_prelude<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> rquickjs::Result<Object<'js>> {
    let start: Function<'js> = prelude::exported(ctx, "core")?.get()?;
    start.call((natives::object(ctx, host)?,))
}
