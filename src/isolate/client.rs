//! One worker, seen from the host: the calls that wait for it, and the operations that it asks for. When
//! it dies, whoever it was busy with is blamed, and everybody else is told to load again.

use std::collections::{BTreeMap, HashMap};
use std::future::poll_fn;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::{FutureExt as _, TryFutureExt as _};
use serde_json::value::to_raw_value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};

use super::confinement::Confinement;
use super::failure::{IsolateError, OpError, ScriptFailure};
use super::handle::{Answer, Failed, Handle, Isolate, lines};
use super::network::{Exchanges, FetchBody, FetchRequest, SocketRequest, Tell};
use super::page::Page;
use super::process;
use super::protocol::{CallId, Frame, FromWorker, IsolateId, LoadSpec, RequestBody, ToWorker, encode};
use super::worker::ROLE_ISOLATES;
use super::{AppendRequest, Bridge, Definition, ReadRequest, SimulationRequest, Spec};
use crate::event::builtin::FailureReason;
use crate::event::{Event, Json, Offset};

/// The host's side of one worker process.
pub struct Worker {
    pub pid: u32,
    pub page: Page,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
    last_call: AtomicU64,
}

#[derive(Default)]
struct State {
    isolates: HashMap<IsolateId, Resident>,
    /// In the order of their making: when a call must be blamed and none is named, it is the first.
    calls: BTreeMap<CallId, (IsolateId, oneshot::Sender<Result<Answer, IsolateError>>)>,
    /// How many isolates hold a code that the worker therefore has.
    codes: HashMap<String, usize>,
    /// Why the supervisor killed it.
    killed: Option<Killed>,
    dead: bool,
}

struct Resident {
    bridge: Arc<dyn Bridge>,
    exchanges: Arc<Exchanges>,
    digest: String,
    /// The worker has dropped it.
    gone: bool,
}

/// Why a worker was killed: through the fault of one isolate, or not.
pub struct Killed {
    pub isolate: Option<(IsolateId, CallId)>,
    pub reason: FailureReason,
    pub message: String,
}

impl Killed {
    pub fn not_needed() -> Killed {
        let message = "the worker is not needed any more".into();
        Killed { isolate: None, reason: FailureReason::Exception, message }
    }
}

impl Worker {
    pub fn start(
        program: &Path,
        ended: impl FnOnce(&Arc<Worker>) + Send + 'static,
    ) -> std::io::Result<Arc<Worker>> {
        let process = process::start(program, ROLE_ISOLATES)?;
        let (reader, writer) = process.socket.into_split();
        // Bounded by those who send: a follower has a few calls under way, an isolate PENDING_OPS_MAX operations.
        let (outbox, queue) = mpsc::unbounded_channel();
        let worker = Arc::new(Worker {
            pid: process.pid,
            page: process.page,
            outbox,
            state: Mutex::default(),
            last_call: AtomicU64::new(0),
        });
        let writing = tokio::spawn(write(writer, queue));
        let reading = worker.clone();
        tokio::spawn(async move {
            read(&reading, reader).await;
            writing.abort();
            // First of all, so that whoever hears of it finds another worker in its place.
            ended(&reading);
            reading.died(process.child).await;
        });
        Ok(worker)
    }

    /// Loads a processor and has it reduce the beginning of its history, both in one go: a worker that waits for
    /// each question is woken by each.
    pub async fn load(
        self: &Arc<Worker>,
        id: IsolateId,
        spec: &Spec,
        bridge: Arc<dyn Bridge>,
        history: &[Arc<Event>],
    ) -> Result<(Isolate, Result<Failed, IsolateError>), IsolateError> {
        let state = spec.state.as_ref().map(Json::as_str);
        let (answer, reducing) = {
            let mut locked = self.lock();
            let holders = locked.codes.entry(spec.code.digest.clone()).or_default();
            *holders += 1;
            let modules = if *holders == 1 { &spec.code.modules[..] } else { &[] };
            let digest = spec.code.digest.clone();
            locked.isolates.insert(id, Resident { bridge, exchanges: Arc::default(), digest, gone: false });
            let message = Box::new(LoadSpec {
                project: spec.project.clone(),
                path: spec.path.clone(),
                slug: spec.slug.clone(),
                env: serde_json::to_string(&spec.env).expect("strings have a JSON form"),
                bounds: spec.bounds.clone(),
                digest: spec.code.digest.clone(),
                entry: spec.code.entry.clone(),
                state_bytes: state.map(str::len),
                modules: modules.iter().map(|module| (module.name.clone(), module.code.len())).collect(),
            });
            let codes = modules.iter().map(|module| &module.code[..]);
            let body: Vec<&[u8]> = state.map(str::as_bytes).into_iter().chain(codes).collect();
            let load = |call, isolate| ToWorker::Load { call, isolate, spec: message };
            let loading = self.ask(&mut locked, id, load, &body);
            let reduce = |call, isolate| ToWorker::Reduce { call, isolate };
            let reducing =
                (!history.is_empty()).then(|| self.ask(&mut locked, id, reduce, &[&lines(history)]));
            (loading, reducing)
        };
        // From here on the isolate is ended when this future is dropped, too.
        let ending = EndOnDrop { worker: self, id: Some(id) };
        let isolate = match answer_of(answer).await? {
            Answer::Loaded(definition) => ending.keep(definition),
            other => return Err(other.unexpected()),
        };
        let reduced = match reducing {
            Some(reducing) => answer_of(reducing).await.and_then(Answer::reduced),
            None => Ok(Failed::new()),
        };
        Ok((isolate, reduced))
    }

    pub fn isolates(&self) -> usize {
        self.lock().isolates.len()
    }

    pub fn confinement(&self) -> Confinement {
        Confinement::of_bits(self.page.confinement.load(Relaxed))
    }

    pub fn is_dead(&self) -> bool {
        self.lock().dead
    }

    /// The supervisor's last word.
    pub fn kill(&self, killed: Killed) {
        self.lock().killed.get_or_insert(killed);
        if let Some(pid) = rustix::process::Pid::from_raw(self.pid as i32) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    pub async fn call(
        &self,
        id: IsolateId,
        message: impl FnOnce(CallId, IsolateId) -> ToWorker,
        body: &[&[u8]],
    ) -> Result<Answer, IsolateError> {
        let answer = self.ask(&mut self.lock(), id, message, body);
        answer_of(answer).await
    }

    /// Sends a question; where its answer will come.
    fn ask(
        &self,
        state: &mut State,
        id: IsolateId,
        message: impl FnOnce(CallId, IsolateId) -> ToWorker,
        body: &[&[u8]],
    ) -> Result<oneshot::Receiver<Result<Answer, IsolateError>>, IsolateError> {
        if state.dead || state.isolates.get(&id).is_none_or(|resident| resident.gone) {
            return Err(IsolateError::Lost("it has ended already".into()));
        }
        let call = self.last_call.fetch_add(1, Relaxed) + 1;
        let frame = encode(&message(call, id), body)
            .map_err(|bytes| IsolateError::Machinery(format!("a message of {bytes} bytes is too large")))?;
        let (sender, receiver) = oneshot::channel();
        state.calls.insert(call, (id, sender));
        // A worker that is dying answers all calls as it is buried.
        let _ = self.outbox.send(frame);
        Ok(receiver)
    }

    pub fn tell(&self, message: &ToWorker, body: &[u8]) {
        if let Ok(frame) = encode(message, &[body]) {
            let _ = self.outbox.send(frame);
        }
    }

    pub fn end(&self, id: IsolateId) {
        let mut state = self.lock();
        let Some(resident) = state.isolates.remove(&id) else { return };
        if let Some(holders) = state.codes.get_mut(&resident.digest) {
            *holders -= 1;
            if *holders == 0 {
                state.codes.remove(&resident.digest);
            }
        }
        // In the same breath, so that the worker forgets the code when the host does.
        self.tell(&ToWorker::End { isolate: id }, &[]);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- what the worker says ---------------------------------------------------------------------------

    async fn hear(self: &Arc<Worker>, Frame { message, body }: Frame<FromWorker>) {
        let text = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
        match message {
            FromWorker::Loaded { call } => match serde_json::from_slice(&body) {
                Ok(definition) => self.answer(call, Ok(Answer::Loaded(definition))),
                Err(error) => {
                    self.answer(call, Err(IsolateError::Machinery(format!("the definition: {error}"))))
                }
            },
            FromWorker::Reduced { call, failures } => {
                let failures = failures.into_iter().map(|(offset, failure)| (Offset(offset), failure));
                self.answer(call, Ok(Answer::Reduced(failures.collect())));
            }
            FromWorker::Reacted { call, failure } => self.answer(call, Ok(Answer::Reacted(failure))),
            FromWorker::Rehearsed { call, done, told } => {
                self.answer(call, Answer::rehearsed(done, told, &body));
            }
            FromWorker::State { call } => self.answer(call, Ok(Answer::State(text(body)))),
            FromWorker::Pending { call, pending } => self.answer(call, Ok(Answer::Pending(pending))),
            FromWorker::Gone { isolate, call, failure } => self.gone(isolate, call, *failure),
            FromWorker::Append { isolate, op, event, ordinal, path } => {
                let request = AppendRequest { event: event.map(Offset), ordinal, path, input: text(body) };
                let stored = |stored: Json| stored.as_str().as_bytes().to_vec();
                self.perform(isolate, op, |bridge| bridge.append(request).map_ok(stored)).await;
            }
            FromWorker::Read { isolate, op, path, after, before, types } => {
                let request = ReadRequest { path, after, before, types };
                self.perform(isolate, op, |bridge| bridge.read(request).map_ok(|page| page.join(&b'\n')))
                    .await;
            }
            FromWorker::Simulate { isolate, op, path } => {
                let request = SimulationRequest { path, text: text(body) };
                let told = |answer: Json| answer.as_str().as_bytes().to_vec();
                self.perform(isolate, op, |bridge| bridge.simulate(request).map_ok(told)).await;
            }
            FromWorker::Fetch { isolate, op, event, method, url, headers, redirect, body: kind } => {
                let Some((bridge, exchanges)) = self.network(isolate) else { return };
                let sent = FetchBody::of(kind, body);
                exchanges.fetch(op, self.teller(isolate), kind == RequestBody::Stream, |streamed| {
                    let body = streamed.unwrap_or(sent);
                    let event = event.map(Offset);
                    bridge.fetch(FetchRequest { event, method, url, headers, redirect, body })
                });
            }
            FromWorker::Connect { isolate, op, event, url, protocols, headers } => {
                let Some((bridge, exchanges)) = self.network(isolate) else { return };
                let connecting =
                    bridge.connect(SocketRequest { event: event.map(Offset), url, protocols, headers });
                exchanges.connect(op, self.teller(isolate), connecting);
            }
            FromWorker::Pull { isolate, op, exchange } => {
                let Some((_, exchanges)) = self.network(isolate) else { return };
                exchanges.pull(exchange, op, &self.teller(isolate));
            }
            FromWorker::Push { isolate, op, exchange, what } => {
                let Some((_, exchanges)) = self.network(isolate) else { return };
                exchanges.push(exchange, op, what, body.into(), &self.teller(isolate));
            }
            FromWorker::Drop { isolate, exchange } => {
                if let Some((_, exchanges)) = self.network(isolate) {
                    exchanges.end(exchange);
                }
            }
            FromWorker::Logged { isolate, level, event } => {
                if let Some(bridge) = self.bridge(isolate) {
                    bridge.logged(&level, text(body), event.map(Offset));
                }
            }
            FromWorker::Failed { isolate, failure, event } => {
                if let Some(bridge) = self.bridge(isolate) {
                    bridge.failed(*failure, event.map(Offset));
                }
            }
            FromWorker::Used { isolate, cpu, memory_bytes } => {
                if let Some(bridge) = self.bridge(isolate) {
                    bridge.used(cpu, memory_bytes);
                }
            }
            FromWorker::Compiled { .. } | FromWorker::NotCompiled { .. } => {}
        }
    }

    fn bridge(&self, isolate: IsolateId) -> Option<Arc<dyn Bridge>> {
        self.lock().isolates.get(&isolate).map(|resident| resident.bridge.clone())
    }

    /// What an isolate reaches of the network; nothing when it is at its end.
    fn network(&self, isolate: IsolateId) -> Option<(Arc<dyn Bridge>, Arc<Exchanges>)> {
        let state = self.lock();
        let resident = state.isolates.get(&isolate).filter(|resident| !resident.gone)?;
        Some((resident.bridge.clone(), resident.exchanges.clone()))
    }

    fn teller(self: &Arc<Worker>, isolate: IsolateId) -> Tell {
        let worker = self.clone();
        Arc::new(move |op, what, body| {
            let what = to_raw_value(what).expect("what came of an operation has a JSON form");
            worker.tell(&ToWorker::Received { isolate, op, what }, body);
        })
    }

    fn answer(&self, call: CallId, answer: Result<Answer, IsolateError>) {
        let waiting = self.lock().calls.remove(&call);
        if let Some((_, sender)) = waiting {
            let _ = sender.send(answer);
        }
    }

    /// Operations begin in the order in which the script asked, here; what does not end at once goes on elsewhere.
    async fn perform<F>(
        self: &Arc<Worker>,
        isolate: IsolateId,
        op: u64,
        begin: impl FnOnce(Arc<dyn Bridge>) -> F,
    ) where
        F: Future<Output = Result<Vec<u8>, OpError>> + Send + Unpin + 'static,
    {
        let Some(bridge) = self.bridge(isolate) else { return };
        let mut work = tokio::task::unconstrained(begin(bridge));
        if let Some(outcome) = poll_fn(|cx| Poll::Ready(ready(work.poll_unpin(cx)))).await {
            return self.settle(isolate, op, outcome);
        }
        let worker = self.clone();
        tokio::spawn(async move { worker.settle(isolate, op, work.await) });
    }

    fn settle(&self, isolate: IsolateId, op: u64, outcome: Result<Vec<u8>, OpError>) {
        let (error, body) = match outcome {
            Ok(body) => (None, body),
            Err(error) => (Some(error), Vec::new()),
        };
        self.tell(&ToWorker::Settle { isolate, op, error }, &body);
    }

    // --- the end of an isolate, and of the worker -------------------------------------------------------

    /// The isolate is gone: `call` is to blame, and its other calls are lost.
    fn gone(&self, isolate: IsolateId, call: CallId, failure: ScriptFailure) {
        let mut state = self.lock();
        if let Some(resident) = state.isolates.get_mut(&isolate) {
            resident.gone = true;
            resident.exchanges.end_all();
        }
        let calls = state.take_calls(isolate);
        let bridge = state.isolates.get(&isolate).map(|resident| resident.bridge.clone());
        drop(state);
        blame(calls, call, failure, bridge);
    }

    async fn died(&self, mut child: Child) {
        let status = child.wait().await;
        let mut state = self.lock();
        state.dead = true;
        let (culprit, failure) = state.killed.take().map_or_else(
            || {
                let busy = (self.page.isolate.load(Relaxed), self.page.call.load(Relaxed));
                let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                let message = format!("the worker process crashed while it ran this processor ({how})");
                ((busy.0 != 0).then_some(busy), (FailureReason::Exception, message))
            },
            |killed| (killed.isolate, (killed.reason, killed.message)),
        );
        if let Some((isolate, call)) = culprit {
            let (reason, message) = failure;
            let failure = ScriptFailure::new(self.page.phase(), reason, "WorkerKilled", message);
            let calls = state.take_calls(isolate);
            let bridge = state.isolates.get(&isolate).map(|resident| resident.bridge.clone());
            drop(state);
            blame(calls, call, failure, bridge);
            state = self.lock();
        }
        for (_, (_, sender)) in std::mem::take(&mut state.calls) {
            let _ = sender.send(Err(IsolateError::Lost("its worker process ended".into())));
        }
        state.isolates.clear();
        state.codes.clear();
    }
}

type Calls = Vec<(CallId, oneshot::Sender<Result<Answer, IsolateError>>)>;

impl State {
    fn take_calls(&mut self, isolate: IsolateId) -> Calls {
        let theirs = self.calls.extract_if(.., |_, (owner, _)| *owner == isolate);
        theirs.map(|(call, (_, sender))| (call, sender)).collect()
    }
}

fn blame(calls: Calls, culprit: CallId, failure: ScriptFailure, bridge: Option<Arc<dyn Bridge>>) {
    let mut blamed = false;
    for (call, sender) in calls {
        let error = if call == culprit {
            blamed = true;
            IsolateError::Script(failure.clone())
        } else {
            IsolateError::Lost(format!("it was dropped: {}", failure.error.message))
        };
        let _ = sender.send(Err(error));
    }
    if let Some(bridge) = bridge.filter(|_| !blamed) {
        bridge.failed(failure, None);
    }
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

async fn answer_of(
    asked: Result<oneshot::Receiver<Result<Answer, IsolateError>>, IsolateError>,
) -> Result<Answer, IsolateError> {
    asked?.await.unwrap_or_else(|_| Err(IsolateError::Lost("its worker process ended".into())))
}

async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(frame) = queue.recv().await {
        if writer.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn read(worker: &Arc<Worker>, reader: OwnedReadHalf) {
    let mut reader = reader;
    while let Ok(frame) = process::read_frame(&mut reader).await {
        worker.hear(frame).await;
    }
}

struct EndOnDrop<'a> {
    worker: &'a Arc<Worker>,
    id: Option<IsolateId>,
}

impl EndOnDrop<'_> {
    fn keep(mut self, definition: Definition) -> Isolate {
        let id = self.id.take().expect("an isolate is kept once");
        Isolate(Arc::new(Handle { id, worker: self.worker.clone(), definition }))
    }
}

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.worker.end(id);
        }
    }
}
