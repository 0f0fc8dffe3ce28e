//! One running esbuild: questions to it and their answers, its questions to the builds in it, and its death, which is
//! told to everybody at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use bytes::Bytes;
use futures_util::task::noop_waker;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::build::Build;
use super::contexts::{Contexts, Idle};
use super::packet::{Direction, Packet, Value};
use super::{Bounds, BuildFailure, VERSION, callbacks};
use crate::limits::{
    ESBUILD_END_TIME_MAX, ESBUILD_GARBAGE_PERCENT, ESBUILD_MEMORY_CHECK_EVERY, ESBUILD_MEMORY_TARGET_BYTES,
    ESBUILD_PACKET_BYTES_MAX, ESBUILD_START_TIME_MAX, ESBUILD_WRITE_BYTES,
};
use crate::subprocess::{self, Ended, Handle, Pipes, Program, Subprocess};

/// How Go says that a recursion went too deep, which ends the process.
const GO_STACK_OVERFLOW: &str = "goroutine stack exceeds";

/// A service that ends with this value.
pub(super) struct Running {
    service: Arc<Service>,
    _process: Subprocess,
}

impl Running {
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }
}

pub(super) struct Service {
    process: Handle,
    outbox: mpsc::UnboundedSender<Vec<u8>>,
    state: Mutex<State>,
    /// A build has come, or the process is gone.
    entered: Notify,
}

#[derive(Default)]
struct State {
    last_id: u32,
    last_key: u32,
    questions: HashMap<u32, oneshot::Sender<Result<Value, Death>>>,
    builds: HashMap<u32, Arc<Build>>,
    contexts: Contexts,
    /// Why we killed it; it dies of that.
    sentence: Option<Death>,
    dead: Option<Death>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Death {
    pub cause: Cause,
    pub reason: String,
    /// How many builds were in it.
    pub builds: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It ended by itself, or somebody else killed it.
    Itself,
    /// It used or sent too much.
    TooLarge,
    /// A build in it could not be ended otherwise.
    Stuck,
}

impl Death {
    pub fn failure(&self) -> BuildFailure {
        match self.cause {
            Cause::TooLarge => BuildFailure::TooLarge(self.reason.clone()),
            Cause::Itself | Cause::Stuck => BuildFailure::Machinery(self.reason.clone()),
        }
    }
}

/// Started, and found to be of the right version.
pub(super) async fn start(program: PathBuf, bounds: Bounds) -> Result<Running, String> {
    start_as(program, VERSION, bounds).await
}

pub(super) async fn start_as(path: PathBuf, version: &str, bounds: Bounds) -> Result<Running, String> {
    let shown = path.display().to_string();
    let failed = |error| format!("esbuild at {shown} does not start: {error}");
    let (process, Pipes { stdin, stdout, room }) =
        subprocess::start(program(path, version)).await.map_err(failed)?;
    let stdin = ChildStdin::from_std(stdin).map_err(failed)?;
    let mut stdout = ChildStdout::from_std(stdout).map_err(failed)?;
    let handle = process.handle();
    let version = match timeout(ESBUILD_START_TIME_MAX, read_packet(&mut stdout)).await {
        Ok(Ok(version)) => version,
        Ok(Err(_)) => {
            let reason = cause_of_death(&handle).await;
            return Err(format!("esbuild at {shown} is not the version {VERSION} that is needed: {reason}"));
        }
        Err(_) => {
            let seconds = ESBUILD_START_TIME_MAX.as_secs();
            return Err(format!("esbuild at {shown} did not answer within {seconds} s"));
        }
    };
    drop(room);
    if version != VERSION {
        let version = String::from_utf8_lossy(&version);
        return Err(format!("esbuild at {shown} has version {version}, and {VERSION} is needed"));
    }
    // Bounded by what is asked: one answer for each of its requests, a few questions for each build.
    let (outbox, queue) = mpsc::unbounded_channel();
    let service = Arc::new(Service {
        process: handle.clone(),
        outbox,
        state: Mutex::default(),
        entered: Notify::new(),
    });
    tokio::spawn(write(stdin, queue));
    tokio::spawn(watch(service.clone(), bounds));
    let reading = service.clone();
    tokio::spawn(async move {
        read(&reading, stdout).await;
        reading.died(cause_of_death(&handle).await);
    });
    Ok(Running { service, _process: process })
}

fn program(path: PathBuf, version: &str) -> Program {
    Program {
        path,
        arguments: vec![format!("--service={version}"), "--ping".to_owned()],
        environment: vec![
            ("GOGC", ESBUILD_GARBAGE_PERCENT.to_string()),
            ("GOMEMLIMIT", format!("{ESBUILD_MEMORY_TARGET_BYTES}B")),
        ],
        beside: &[],
    }
}

impl Service {
    pub fn is_dead(&self) -> bool {
        let state = self.lock();
        state.dead.is_some() || state.sentence.is_some()
    }

    #[cfg(test)]
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// The key under which esbuild will ask for this build: that of its context, if it has one already.
    pub fn enter(&self, build: Arc<Build>, key: Option<u32>) -> u32 {
        let mut state = self.lock();
        let key = key.unwrap_or_else(|| {
            state.last_key += 1;
            state.last_key
        });
        state.builds.insert(key, build);
        self.entered.notify_one();
        key
    }

    pub fn leave(&self, key: u32) {
        self.lock().builds.remove(&key);
    }

    pub fn take_context(&self, name: &str) -> Option<Idle> {
        self.lock().contexts.take(name)
    }

    #[cfg(test)]
    pub fn context_keys(&self) -> Vec<u32> {
        self.lock().contexts.keys()
    }

    /// The keys of the contexts that must be disposed of for it.
    pub fn keep_context(&self, idle: Idle) -> Vec<u32> {
        self.lock().contexts.keep(idle)
    }

    pub async fn ask(&self, value: Value) -> Result<Value, Death> {
        let receiver = {
            let mut state = self.lock();
            if let Some(death) = &state.dead {
                return Err(death.clone());
            }
            let (sender, receiver) = oneshot::channel();
            // Ids have 31 bits; nobody waits long enough to meet one again.
            state.last_id = (state.last_id + 1) & (u32::MAX >> 1);
            let id = state.last_id;
            state.questions.insert(id, sender);
            self.send(id, Direction::Request, value);
            receiver
        };
        receiver.await.unwrap_or_else(|_| Err(Death::of("esbuild's connection was dropped".into(), 1)))
    }

    /// The reason becomes that of its death.
    pub fn kill(&self, cause: Cause, reason: String) {
        let mut state = self.lock();
        let builds = state.builds.len();
        state.sentence.get_or_insert(Death { cause, reason, builds });
        drop(state);
        self.process.kill();
    }

    /// Whether it was idle.
    fn end_when_idle(&self) -> bool {
        let mut state = self.lock();
        if !state.builds.is_empty() {
            return false;
        }
        // Who was about to enter finds it dead, and starts another one.
        state.sentence.get_or_insert(Death::of("esbuild was not needed for a while".into(), 0));
        drop(state);
        self.process.kill();
        true
    }

    fn send(&self, id: u32, direction: Direction, value: Value) {
        // A process that is dying answers nobody; its questions are ended with it.
        let _ = self.outbox.send(Packet { id, direction, value }.encode());
    }

    fn received(self: &Arc<Self>, packet: Packet) {
        if packet.direction == Direction::Answer {
            let asked = self.lock().questions.remove(&packet.id);
            if let Some(asked) = asked {
                let _ = asked.send(Ok(packet.value));
            }
            return;
        }
        let build = packet.value.int_of("key").and_then(|key| self.lock().builds.get(&key).cloned());
        let answer = |value| self.send(packet.id, Direction::Answer, value);
        match (packet.value.text_of("command"), build) {
            ("ping", _) => answer(Value::map([])),
            ("on-end", Some(build)) => {
                build.keep_output(packet.value);
                answer(Value::map([]));
            }
            ("on-resolve" | "on-load", Some(build)) => {
                let service = self.clone();
                at_once_or_later(Box::pin(async move {
                    let value = callbacks::answer(&build, packet.value).await;
                    service.send(packet.id, Direction::Answer, value);
                }));
            }
            ("on-start", Some(_)) => answer(callbacks::nothing()),
            _ => answer(callbacks::refusal("the build has ended")),
        }
    }

    fn died(&self, reason: String) {
        let (questions, builds, death) = {
            let mut state = self.lock();
            let builds = std::mem::take(&mut state.builds);
            let death = state.sentence.clone().unwrap_or_else(|| Death::of(reason, builds.len()));
            state.dead = Some(death.clone());
            (std::mem::take(&mut state.questions), builds, death)
        };
        self.entered.notify_one();
        for question in questions.into_values() {
            let _ = question.send(Err(death.clone()));
        }
        for build in builds.into_values() {
            build.stop(death.failure());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most questions are answered in microseconds, sooner than a task of their own would come to its turn. There are
/// thousands of them, and esbuild waits for each.
fn at_once_or_later(mut work: Pin<Box<dyn Future<Output = ()> + Send>>) {
    let nobody = noop_waker();
    if work.as_mut().poll(&mut Context::from_waker(&nobody)).is_pending() {
        tokio::spawn(work);
    }
}

impl Death {
    pub fn of(reason: String, builds: usize) -> Death {
        if reason.contains(GO_STACK_OVERFLOW) {
            let reason = "the code is nested too deeply for esbuild".into();
            return Death { cause: Cause::TooLarge, reason, builds };
        }
        Death { cause: Cause::Itself, reason, builds }
    }
}

/// What waits goes out together: most answers are small, and there are thousands of them.
async fn write(mut stdin: ChildStdin, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(mut bytes) = queue.recv().await {
        while bytes.len() < ESBUILD_WRITE_BYTES
            && let Ok(more) = queue.try_recv()
        {
            bytes.extend_from_slice(&more);
        }
        // What cannot be written any more is of no use to anybody: the reader notices the end.
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Until there is nothing more to read.
async fn read(service: &Arc<Service>, stdout: ChildStdout) {
    let mut stdout = tokio::io::BufReader::with_capacity(64 * 1024, stdout);
    loop {
        let bytes = match read_packet(&mut stdout).await {
            Ok(bytes) => bytes,
            Err(Unreadable::TooLarge(bytes)) => {
                let reason = format!("esbuild made an output of {bytes} bytes");
                return service.kill(Cause::TooLarge, reason);
            }
            Err(Unreadable::Ended) => return,
        };
        match Packet::decode(bytes) {
            Ok(packet) => service.received(packet),
            Err(malformed) => return service.kill(Cause::Itself, malformed.to_string()),
        }
    }
}

enum Unreadable {
    Ended,
    TooLarge(usize),
}

async fn read_packet(from: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, Unreadable> {
    let length = from.read_u32_le().await.map_err(|_| Unreadable::Ended)? as usize;
    if length > ESBUILD_PACKET_BYTES_MAX {
        return Err(Unreadable::TooLarge(length));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await.map_err(|_| Unreadable::Ended)?;
    Ok(bytes.into())
}

/// Its memory while something is built, and its rest when nothing is: a process that is not needed gives all of it back.
async fn watch(service: Arc<Service>, bounds: Bounds) {
    loop {
        if service.lock().builds.is_empty() {
            let entered = timeout(bounds.idle_time, service.entered.notified()).await;
            if entered.is_err() && service.end_when_idle() {
                return;
            }
        }
        tokio::time::sleep(ESBUILD_MEMORY_CHECK_EVERY).await;
        if service.is_dead() {
            return;
        }
        let resident_max = bounds.resident_bytes;
        if let Some(bytes) = service.process.resident_bytes().filter(|bytes| *bytes > resident_max) {
            let reason = format!("the build takes more than {resident_max} bytes of memory (it has {bytes})");
            return service.kill(Cause::TooLarge, reason);
        }
    }
}

/// Of a process that has closed its standard output, and thereby the conversation.
async fn cause_of_death(process: &Handle) -> String {
    if timeout(ESBUILD_END_TIME_MAX, process.ended()).await.is_err() {
        process.kill();
    }
    let Ended { status, words } = process.ended().await;
    let status = status.map_or_else(|| "its exit code is not known".to_owned(), |status| status.to_string());
    match words.as_str() {
        "" => format!("esbuild ended ({status})"),
        words => format!("esbuild ended ({status}): {words}"),
    }
}
