//! All isolates of a host: the compile worker, the workers, and the supervisor that ends the ones that are stuck.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::bytecode::{Bytecode, Sources};
use super::client::{Killed, Worker};
use super::compiler::Compiler;
use super::confinement::{Confinement, Layer};
use super::failure::IsolateError;
use super::handle::{Failed, Isolate};
use super::process;
use super::{Bridge, Spec};
use crate::event::Event;
use crate::event::builtin::FailureReason;
use crate::limits;

pub struct IsolateOptions {
    pub workers: usize,
    /// The binary whose hidden subcommand is the worker: this one.
    pub program: PathBuf,
}

#[derive(Clone)]
pub struct Isolates(Arc<Pool>);

struct Pool {
    program: PathBuf,
    compiler: Compiler,
    slots: Mutex<Vec<Option<Arc<Worker>>>>,
    last_isolate: AtomicU64,
    /// Whether it has been said how the workers are confined.
    told: AtomicBool,
    restarts: AtomicU64,
    kills: AtomicU64,
}

#[derive(Clone, Debug, Default)]
pub struct IsolateStats {
    pub workers: Vec<WorkerStats>,
    /// Workers that ended before their time, for whatever reason.
    pub restarts: u64,
    /// Those that the supervisor killed.
    pub kills: u64,
}

#[derive(Clone, Debug)]
pub struct WorkerStats {
    pub pid: u32,
    pub isolates: usize,
    pub resident_bytes: u64,
    pub confinement: Confinement,
}

impl Isolates {
    /// No process is started before it is needed.
    pub fn start(options: IsolateOptions) -> Isolates {
        Isolates(Arc::new(Pool {
            compiler: Compiler::new(options.program.clone()),
            program: options.program,
            slots: Mutex::new(vec![None; options.workers.max(1)]),
            last_isolate: AtomicU64::new(0),
            told: AtomicBool::new(false),
            restarts: AtomicU64::new(0),
            kills: AtomicU64::new(0),
        }))
    }

    pub async fn compile(&self, sources: Arc<Sources>) -> Result<Arc<Bytecode>, IsolateError> {
        self.0.compiler.compile(&sources).await
    }

    pub async fn load(&self, spec: Spec, bridge: Arc<dyn Bridge>) -> Result<Isolate, IsolateError> {
        self.load_and_reduce(spec, bridge, &[]).await.map(|(isolate, _)| isolate)
    }

    /// Loads a processor, and has it reduce the beginning of its history.
    pub async fn load_and_reduce(
        &self,
        spec: Spec,
        bridge: Arc<dyn Bridge>,
        history: &[Arc<Event>],
    ) -> Result<(Isolate, Result<Failed, IsolateError>), IsolateError> {
        let worker = self.0.worker()?;
        let id = self.0.last_isolate.fetch_add(1, Relaxed) + 1;
        let loaded = worker.load(id, &spec, bridge, history).await;
        self.0.tell_confinement(worker.confinement());
        loaded
    }

    pub fn stats(&self) -> IsolateStats {
        let workers = self.0.slots().iter().flatten().cloned().collect::<Vec<_>>();
        let stats = workers.iter().map(|worker| WorkerStats {
            pid: worker.pid,
            isolates: worker.isolates(),
            resident_bytes: process::resident_bytes(worker.pid).unwrap_or(0),
            confinement: worker.confinement(),
        });
        IsolateStats {
            workers: stats.collect(),
            restarts: self.0.restarts.load(Relaxed),
            kills: self.0.kills.load(Relaxed),
        }
    }

    /// Ends all processes. What still waits for one is lost.
    pub async fn shutdown(&self) {
        self.0.compiler.shutdown().await;
        let workers: Vec<Arc<Worker>> = self.0.slots().iter_mut().filter_map(Option::take).collect();
        for worker in &workers {
            worker.kill(Killed::not_needed());
        }
    }
}

/// Without the pool its isolates end, too.
impl Drop for Pool {
    fn drop(&mut self) {
        for worker in self.slots().iter().flatten() {
            worker.kill(Killed::not_needed());
        }
    }
}

impl Pool {
    fn slots(&self) -> MutexGuard<'_, Vec<Option<Arc<Worker>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The worker with the fewest isolates; an empty place is filled first.
    fn worker(self: &Arc<Pool>) -> Result<Arc<Worker>, IsolateError> {
        let mut slots = self.slots();
        let load = |slot: &Option<Arc<Worker>>| slot.as_ref().map_or(0, |worker| worker.isolates() + 1);
        let slot = slots.iter_mut().min_by_key(|slot| load(slot)).expect("a pool has places for workers");
        match slot {
            Some(worker) if !worker.is_dead() => Ok(worker.clone()),
            slot => {
                let pool = Arc::downgrade(self);
                let ended = move |dead: &Arc<Worker>| {
                    if let Some(pool) = pool.upgrade() {
                        pool.forget(dead);
                    }
                };
                let worker = Worker::start(&self.program, ended).map_err(|error| {
                    IsolateError::Machinery(format!("a worker process does not start: {error}"))
                })?;
                tokio::spawn(supervise(Arc::downgrade(self), worker.clone()));
                *slot = Some(worker.clone());
                Ok(worker)
            }
        }
    }

    /// Once: all workers of a server are confined alike. One that died before it could say is not asked.
    fn tell_confinement(&self, confinement: Confinement) {
        if !confinement.has(Layer::Asked) || self.told.swap(true, Relaxed) {
            return;
        }
        let layers = confinement.names().join(", ");
        if confinement.holds() {
            tracing::info!(layers, "processors run in confined processes");
        } else {
            tracing::warn!(
                layers,
                "this system does not confine the processes in which processors run: a script that breaks out of its engine has this server's rights"
            );
        }
    }

    fn forget(&self, dead: &Arc<Worker>) {
        for slot in self.slots().iter_mut() {
            if slot.as_ref().is_some_and(|worker| Arc::ptr_eq(worker, dead)) {
                *slot = None;
                self.restarts.fetch_add(1, Relaxed);
            }
        }
    }
}

/// Looks at a worker now and then: a turn that takes far longer than any isolate may is one that the engine
/// cannot stop itself (some of its natives never ask).
async fn supervise(pool: std::sync::Weak<Pool>, worker: Arc<Worker>) {
    let mut seen = Seen::default();
    while !worker.is_dead() {
        tokio::time::sleep(limits::SUPERVISION_INTERVAL).await;
        let Some(killed) = seen.look(&worker) else { continue };
        if let Some(pool) = pool.upgrade() {
            pool.kills.fetch_add(1, Relaxed);
        }
        worker.kill(killed);
        return;
    }
}

/// The turn that was under way at the last look, and the thread's time when it was first seen.
#[derive(Default)]
struct Seen {
    turn: u64,
    since: Duration,
}

impl Seen {
    fn look(&mut self, worker: &Worker) -> Option<Killed> {
        let page = &worker.page;
        let isolate = page.isolate.load(Relaxed);
        let culprit = (isolate != 0).then(|| (isolate, page.call.load(Relaxed)));
        if process::resident_bytes(worker.pid)? > limits::WORKER_RSS_BYTES_MAX {
            let message = "the worker process held too much memory".into();
            return Some(Killed { isolate: culprit, reason: FailureReason::OutOfMemory, message });
        }
        let (turn, used) =
            (page.turn.load(Relaxed), process::thread_time(worker.pid, page.thread.load(Relaxed))?);
        if isolate == 0 || turn != self.turn {
            *self = Seen { turn, since: used };
            return None;
        }
        let spent = used.saturating_sub(self.since);
        let allowed = Duration::from_millis(page.allowance_ms.load(Relaxed)) + limits::KILL_GRACE;
        (spent > allowed).then(|| Killed {
            isolate: culprit,
            reason: FailureReason::Timeout,
            message: format!("the processor computed for {} ms without a pause, in a built-in function that cannot be interrupted", spent.as_millis()),
        })
    }
}
