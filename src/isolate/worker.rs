//! The worker process: a loop over isolates that take turns on one thread, which also reads what the host sends. The
//! main thread only waits for the host's end, so that it is seen at once, even while a script holds the other thread.

mod allocator;
mod builtins;
mod compile;
mod contexts;
mod crypto;
mod digest;
mod engine;
mod globals;
mod host;
mod inbox;
mod intake;
mod intrinsics;
mod isolate;
mod json;
mod loader;
mod memory;
mod natives;
mod network;
mod operations;
mod prelude;
mod raw;
mod recorded;
mod replay;
mod sandbox;
mod texts;
mod time;
mod urls;
mod web;
mod zlib;
mod zones;

use std::collections::{HashMap, VecDeque};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::channel;
use std::time::Instant;

pub use self::builtins::NODE_MODULES;
use self::host::{Due, Shared};
use self::inbox::Work;
use self::intake::Intake;
use self::isolate::{Isolate, Rehearsing};
pub(super) use self::sandbox::Sandbox;
use super::page::Page;
use super::protocol::{Frame, FromWorker, IsolateId, ToWorker};
use crate::limits;

/// The argument that makes this binary a worker; the next one names its role.
pub const SUBCOMMAND: &str = "__worker";
pub const ROLE_ISOLATES: &str = "isolates";
pub const ROLE_COMPILE: &str = "compile";
/// Tries to break out, and tells how far it came.
const ROLE_PROBE: &str = "probe";

/// What `millrace __worker ROLE` runs. Standard input is the host's socket, standard output the shared page.
pub fn worker_main() -> ExitCode {
    let role = std::env::args().nth(2).unwrap_or_default();
    match start(&role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, role, "the worker could not start");
            ExitCode::FAILURE
        }
    }
}

fn start(role: &str) -> std::io::Result<()> {
    memory::prepare();
    Sandbox::prepare();
    let socket = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    if role == ROLE_PROBE {
        return sandbox::probe(socket, &std::env::args().nth(3).unwrap_or_default());
    }
    let (writer, mut intake) = (socket.try_clone()?, Intake::new(socket));
    let page = Arc::new(Page::map(std::io::stdout())?);
    let compiles = role == ROLE_COMPILE;
    let sandbox = Sandbox::enter();
    if compiles {
        compile::bound_memory();
    }
    // What the other thread has begun with is not cut short by the filter; frames are read behind it.
    let (begun, has_begun) = channel();
    let (closed, is_closed) = channel::<()>();
    let shared_page = page.clone();
    let stack_bytes =
        if compiles { compile::THREAD_STACK_BYTES } else { 4 * limits::STACK_BYTES_MAX as usize };
    std::thread::Builder::new().name("isolates".into()).stack_size(stack_bytes).spawn(move || {
        page.thread.store(rustix::thread::gettid().as_raw_nonzero().get() as u64, Relaxed);
        let _ = begun.send(());
        let _ = is_closed.recv();
        let run = std::panic::AssertUnwindSafe(|| match compiles {
            true => compile::run(&mut intake, writer),
            false => Worker::new(Rc::new(Shared::new(writer, page))).run(&mut intake),
        });
        if std::panic::catch_unwind(run).is_err() {
            std::process::abort();
        }
        // Nothing is left to be done without the thread that does it.
        std::process::exit(0);
    })?;
    let _ = has_begun.recv();
    shared_page.confinement.store(sandbox.close().bits(), Relaxed);
    let _ = closed.send(());
    intake::wait_for_the_end(std::io::stdin());
    std::process::exit(0);
}

struct Worker {
    shared: Rc<Shared>,
    isolates: HashMap<IsolateId, Isolate>,
    /// Isolates with work, in the order of their turns.
    ready: VecDeque<IsolateId>,
    codes: loader::Codes,
    ended: usize,
}

/// Freed memory goes back to the system after this many isolates have ended.
const TRIM_EVERY: usize = 64;

impl Worker {
    fn new(shared: Rc<Shared>) -> Worker {
        prelude::compile();
        Worker {
            shared,
            isolates: HashMap::new(),
            ready: VecDeque::new(),
            codes: loader::Codes::default(),
            ended: 0,
        }
    }

    /// Runs until the host is gone.
    fn run(&mut self, intake: &mut Intake) {
        while self.run_once(intake).is_ok() {}
    }

    fn run_once(&mut self, intake: &mut Intake) -> std::io::Result<()> {
        while let Some(due) = self.shared.next_due(Instant::now()) {
            self.fire(due);
        }
        match self.ready.pop_front() {
            Some(id) => {
                self.turn(id);
                // With nothing left to be done, the wait looks as well.
                while !self.ready.is_empty()
                    && let Some(frame) = intake.look()?
                {
                    self.accept(frame);
                }
            }
            None => {
                // That takes its time, which is for those who ask for something.
                if self.ended >= TRIM_EVERY {
                    if let Some(frame) = intake.look()? {
                        self.accept(frame);
                        return Ok(());
                    }
                    self.trim();
                }
                let time = self.shared.first_due().map(|at| at.saturating_duration_since(Instant::now()));
                if let Some(frame) = intake.wait(time)? {
                    self.accept(frame);
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self, Frame { message, body }: Frame<ToWorker>) {
        match message {
            ToWorker::Compile { .. } => {}
            ToWorker::Load { call, isolate, spec } => {
                let code = self.codes.hold(isolate, &spec, &body);
                let state = spec.state_bytes.and_then(|bytes| body.get(..bytes)).map(<[u8]>::to_vec);
                self.isolates
                    .insert(isolate, Isolate::new(isolate, self.shared.clone(), spec.bounds.clone()));
                self.give(isolate, Work::Load { call, spec, code, state });
            }
            ToWorker::Reduce { call, isolate } => self.give(isolate, Work::reduce(call, body)),
            ToWorker::React { call, isolate, reduce } => {
                self.give(isolate, Work::React { call, event: body, reduce })
            }
            ToWorker::Rehearse { call, isolate, places, states, end } => {
                self.give(isolate, Work::Rehearse(Rehearsing::new(call, body, places, states, end)));
            }
            ToWorker::CaughtUp { call, isolate } => self.give(isolate, Work::CaughtUp { call }),
            ToWorker::State { call, isolate } => self.give(isolate, Work::State { call }),
            ToWorker::Pending { call, isolate } => self.give(isolate, Work::Pending { call }),
            ToWorker::Abort { isolate, reason } => self.give(isolate, Work::Abort { reason }),
            ToWorker::Settle { isolate, op, error } => {
                self.give(isolate, Work::Settle { op, error, result: body });
            }
            ToWorker::Received { isolate, op, what } => {
                self.give(isolate, Work::Received { op, what, bytes: body });
            }
            ToWorker::End { isolate } => {
                self.isolates.remove(&isolate);
                self.codes.release(isolate);
                self.ended += 1;
            }
        }
    }

    fn fire(&mut self, due: Due) {
        match due {
            Due::Timer { isolate, timer } => self.give(isolate, Work::Timer { timer }),
            Due::Hook { isolate, call } => self.give(isolate, Work::HookDue { call }),
            Due::Exchange { isolate, exchange } => self.give(isolate, Work::ExchangeDue { exchange }),
        }
    }

    fn give(&mut self, id: IsolateId, work: Work) {
        // An isolate that is gone has said so; what crosses that message on the way is answered by it.
        let Some(isolate) = self.isolates.get_mut(&id) else { return };
        if isolate.inbox.is_empty() {
            self.ready.push_back(id);
        }
        isolate.inbox.push_back(work);
    }

    fn turn(&mut self, id: IsolateId) {
        let Some(isolate) = self.isolates.get_mut(&id) else { return };
        let Some(work) = isolate.inbox.pop_front() else { return };
        match isolate.step(work) {
            Ok(rest) => {
                if let Some(rest) = rest {
                    isolate.inbox.push_front(rest);
                }
                if !isolate.inbox.is_empty() {
                    self.ready.push_back(id);
                }
            }
            Err(gone) => {
                self.shared.send(
                    &FromWorker::Gone { isolate: id, call: gone.call, failure: Box::new(gone.failure) },
                    &[],
                );
                self.isolates.remove(&id);
                self.ended += TRIM_EVERY;
            }
        }
        // At the end of each turn: nobody should wait for an answer that is there, while others take theirs.
        self.shared.flush();
    }

    #[allow(unsafe_code)]
    fn trim(&mut self) {
        self.ended = 0;
        // SAFETY: gives unused pages back; takes no pointers.
        unsafe { libc::malloc_trim(0) };
    }
}
