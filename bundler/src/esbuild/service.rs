//! One running esbuild: questions to it and their answers, its questions to the builds in it, and its death, which is
//! told to everybody at once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::build::Build;
use super::packet::{Direction, Packet, Value};
use super::process::{self, Handle};
use super::{Bounds, BuildFailure, VERSION, callbacks};
use crate::limits::{
    ESBUILD_LAST_WORDS_TIME_MAX, ESBUILD_MEMORY_CHECK_EVERY, ESBUILD_PACKET_BYTES_MAX,
    ESBUILD_START_TIME_MAX, ESBUILD_STDERR_BYTES_MAX, ESBUILD_WRITE_BYTES,
};

/// How Go says that a recursion went too deep, which ends the process.
const GO_STACK_OVERFLOW: &str = "goroutine stack exceeds";

/// A service that ends with this value.
pub(super) struct Running(Arc<Service>);

impl Running {
    pub fn service(&self) -> &Arc<Service> {
        &self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.process.kill();
    }
}

pub(super) struct Service {
    process: Arc<Handle>,
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

pub(super) async fn start_as(program: PathBuf, version: &str, bounds: Bounds) -> Result<Running, String> {
    let shown = program.display().to_string();
    let arguments = vec![format!("--service={version}"), "--ping".to_owned()];
    let mut process = process::start(program, arguments)
        .await
        .map_err(|error| format!("esbuild at {shown} does not start: {error}"))?;
    let stderr = tokio::spawn(last_words(process.stderr));
    let greeting = timeout(ESBUILD_START_TIME_MAX, read_packet(&mut process.stdout)).await;
    let version = match greeting {
        Ok(Ok(version)) => version,
        Ok(Err(_)) => {
            let reason = cause_of_death(process.ended, stderr).await;
            return Err(format!("esbuild at {shown} is not the version {VERSION} that is needed: {reason}"));
        }
        Err(_) => {
            process.handle.kill();
            return Err(format!(
                "esbuild at {shown} did not answer within {} s",
                ESBUILD_START_TIME_MAX.as_secs()
            ));
        }
    };
    if version != VERSION {
        process.handle.kill();
        let version = String::from_utf8_lossy(&version);
        return Err(format!("esbuild at {shown} has version {version}, and {VERSION} is needed"));
    }
    // Bounded by what is asked: one answer for each of its requests, a few questions for each build.
    let (outbox, queue) = mpsc::unbounded_channel();
    let service = Arc::new(Service {
        process: process.handle,
        outbox,
        state: Mutex::default(),
        entered: Notify::new(),
    });
    tokio::spawn(write(process.stdin, queue));
    tokio::spawn(watch(service.clone(), bounds));
    let reading = service.clone();
    tokio::spawn(async move {
        read(&reading, process.stdout).await;
        reading.died(cause_of_death(process.ended, stderr).await);
    });
    Ok(Running(service))
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

    /// The key under which esbuild will ask for this build.
    pub fn enter(&self, build: Arc<Build>) -> u32 {
        let mut state = self.lock();
        state.last_key += 1;
        let key = state.last_key;
        state.builds.insert(key, build);
        self.entered.notify_one();
        key
    }

    pub fn leave(&self, key: u32) {
        self.lock().builds.remove(&key);
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
                tokio::spawn(async move {
                    let value = callbacks::answer(&build, packet.value).await;
                    service.send(packet.id, Direction::Answer, value);
                });
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

/// The beginning of what it says on its standard error; the rest is read and forgotten.
async fn last_words(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut chunk).await {
        let room = ESBUILD_STDERR_BYTES_MAX.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..read.min(room)]);
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

async fn cause_of_death(
    ended: oneshot::Receiver<ExitStatus>,
    stderr: tokio::task::JoinHandle<String>,
) -> String {
    let status = timeout(ESBUILD_LAST_WORDS_TIME_MAX, ended).await;
    let words = timeout(ESBUILD_LAST_WORDS_TIME_MAX, stderr).await;
    let status = match status {
        Ok(Ok(status)) => status.to_string(),
        _ => "its exit code is not known".to_owned(),
    };
    match words {
        Ok(Ok(words)) if !words.is_empty() => format!("esbuild ended ({status}): {words}"),
        _ => format!("esbuild ended ({status})"),
    }
}
