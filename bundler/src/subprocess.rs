//! A confined program while it runs: started, heard out and reaped by a thread of its own, which lives exactly as long
//! as it does.

use std::io::{self, Read as _};
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::sync::{oneshot, watch};

use crate::limits::{
    SUBPROCESS_BUSY_RETRIES_MAX, SUBPROCESS_BUSY_RETRY_AFTER, SUBPROCESS_LAST_WORDS_TIME_MAX,
    SUBPROCESS_WORDS_BYTES_MAX,
};
pub use crate::sandbox::Program;
use crate::sandbox::{self, Room, Started};

/// Killed when it is dropped.
pub struct Subprocess(Handle);

/// To end it, and to see what it uses; harmless once it is gone. Clones are for the same process.
#[derive(Clone)]
pub struct Handle {
    pid: Arc<Mutex<Option<Pid>>>,
    ended: watch::Receiver<Option<Ended>>,
}

/// The two ends that the host talks through. `tokio::process::ChildStdin::from_std` and its like take them.
pub struct Pipes {
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    /// To be dropped when the program has answered for the first time.
    pub room: Option<Room>,
}

#[derive(Clone, Debug)]
pub struct Ended {
    pub status: Option<ExitStatus>,
    /// The beginning of what it wrote to its standard error: whoever crashes says why first.
    pub words: String,
}

pub async fn start(program: Program) -> io::Result<(Subprocess, Pipes)> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("subprocess".into()).spawn(move || keep(&program, sender))?;
    receiver.await.map_err(|_| io::Error::other("the thread that starts it has ended"))?
}

impl Subprocess {
    pub fn handle(&self) -> Handle {
        self.0.clone()
    }
}

impl Drop for Subprocess {
    fn drop(&mut self) {
        self.0.kill();
    }
}

impl Handle {
    /// At once, with all that it has started; whoever reads from its pipes sees them end.
    pub fn kill(&self) {
        // The thread that reaps it takes the number away first, so it cannot be another process's.
        if let Some(pid) = *self.lock() {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }

    /// None when it is gone.
    pub fn pid(&self) -> Option<u32> {
        self.lock().map(|pid| pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// The memory that it holds; none when it is gone, or where the system does not say.
    pub fn resident_bytes(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.pid()?)).ok()?;
        let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    /// When it has ended: how, and what it said.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let told = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        told.unwrap_or(Ended { status: None, words: String::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.pid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(program: &Program, reply: oneshot::Sender<io::Result<(Subprocess, Pipes)>>) {
    let Started { mut child, room } = match spawn(program) {
        Ok(started) => started,
        Err(error) => return drop(reply.send(Err(error))),
    };
    let pid = Pid::from_child(&child);
    let (told, ended) = watch::channel(None);
    let handle = Handle { pid: Arc::new(Mutex::new(Some(pid))), ended };
    let words = child.stderr.take().and_then(|stderr| hear(stderr).ok());
    let pipes = child.stdin.take().zip(child.stdout.take());
    let is_awaited = pipes.is_some_and(|(stdin, stdout)| {
        reply.send(Ok((Subprocess(handle.clone()), Pipes { stdin, stdout, room }))).is_ok()
    });
    if !is_awaited {
        handle.kill();
    }
    wait_for(pid);
    // Whatever it has started ends with it.
    handle.kill();
    *handle.lock() = None;
    let status = child.wait().ok();
    let words = words.and_then(|words| words.recv_timeout(SUBPROCESS_LAST_WORDS_TIME_MAX).ok());
    let _ = told.send(Some(Ended { status, words: words.unwrap_or_default() }));
}

/// Without reaping it: until then nobody else has its number.
fn wait_for(pid: Pid) {
    while let Err(rustix::io::Errno::INTR) =
        rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {}
}

/// A file that was just written may still be open for writing in a process that was forked meanwhile.
fn spawn(program: &Program) -> io::Result<Started> {
    let mut tries = 0;
    loop {
        match sandbox::spawn(program) {
            Err(error)
                if error.kind() == io::ErrorKind::ExecutableFileBusy
                    && tries < SUBPROCESS_BUSY_RETRIES_MAX =>
            {
                tries += 1;
                std::thread::sleep(SUBPROCESS_BUSY_RETRY_AFTER);
            }
            outcome => return outcome.map_err(|error| explained(error, program)),
        }
    }
}

/// What is missing is not the program: the system means what is to load it.
fn explained(error: io::Error, program: &Program) -> io::Error {
    let lacks_loader = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied);
    match lacks_loader && std::fs::File::open(&program.path).is_ok() {
        true => io::Error::other(format!("{error}: only a statically linked program can run confined")),
        false => error,
    }
}

/// Reads to the end, so that it never waits for us; gives what is kept of it.
fn hear(mut stderr: ChildStderr) -> io::Result<mpsc::Receiver<String>> {
    let (sender, receiver) = mpsc::channel();
    let listen = move || {
        let mut kept = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(read @ 1..) = stderr.read(&mut piece) {
            let room = SUBPROCESS_WORDS_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&piece[..read.min(room)]);
        }
        let _ = sender.send(String::from_utf8_lossy(&kept).trim().to_owned());
    };
    std::thread::Builder::new().name("subprocess-stderr".into()).spawn(listen)?;
    Ok(receiver)
}
