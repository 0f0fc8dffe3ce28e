//! The process of esbuild: started, watched and reaped by a thread of its own, which lives exactly as long as it does.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::oneshot;

use super::sandbox;
use crate::limits::{ESBUILD_BUSY_RETRIES_MAX, ESBUILD_BUSY_RETRY_AFTER};

pub(super) struct Process {
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
    pub stderr: ChildStderr,
    pub handle: Arc<Handle>,
    pub ended: oneshot::Receiver<ExitStatus>,
}

/// To kill it, and to see what it uses; harmless once it is gone.
pub(super) struct Handle(Mutex<Option<Pid>>);

impl Handle {
    pub fn kill(&self) {
        // The thread that reaps it takes the number away first, so it cannot be another process's.
        if let Some(pid) = *self.lock() {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
    }

    pub fn pid(&self) -> Option<u32> {
        self.lock().map(|pid| pid.as_raw_nonzero().get().unsigned_abs())
    }

    /// The memory that it holds; none where the system does not say.
    pub fn resident_bytes(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/statm", self.pid()?)).ok()?;
        let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn start(program: PathBuf, arguments: Vec<String>) -> io::Result<Process> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("esbuild".into()).spawn(move || keep(&program, &arguments, sender))?;
    let started = receiver.await.map_err(|_| io::Error::other("its thread ended"))??;
    Ok(Process {
        stdin: ChildStdin::from_std(started.stdin)?,
        stdout: ChildStdout::from_std(started.stdout)?,
        stderr: ChildStderr::from_std(started.stderr)?,
        handle: started.handle,
        ended: started.ended,
    })
}

struct Started {
    stdin: std::process::ChildStdin,
    stdout: std::process::ChildStdout,
    stderr: std::process::ChildStderr,
    handle: Arc<Handle>,
    ended: oneshot::Receiver<ExitStatus>,
}

fn keep(program: &Path, arguments: &[String], started: oneshot::Sender<io::Result<Started>>) {
    let mut child = match spawn(program, arguments) {
        Ok(child) => child,
        Err(error) => return drop(started.send(Err(error))),
    };
    let pid = Pid::from_child(&child);
    let handle = Arc::new(Handle(Mutex::new(Some(pid))));
    let (exit, ended) = oneshot::channel();
    let told = match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(stdin), Some(stdout), Some(stderr)) => {
            started.send(Ok(Started { stdin, stdout, stderr, handle: handle.clone(), ended })).is_ok()
        }
        _ => false,
    };
    if !told {
        handle.kill();
    }
    // Waits without reaping: until then the number is taken.
    while let Err(rustix::io::Errno::INTR) =
        rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
    {}
    *handle.lock() = None;
    if let Ok(status) = child.wait() {
        let _ = exit.send(status);
    }
}

/// A file that was just written may still be open for writing in a process that was forked meanwhile.
fn spawn(program: &Path, arguments: &[String]) -> io::Result<Child> {
    for _ in 0..ESBUILD_BUSY_RETRIES_MAX {
        match sandbox::spawn(program, arguments) {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(ESBUILD_BUSY_RETRY_AFTER);
            }
            outcome => return outcome,
        }
    }
    sandbox::spawn(program, arguments)
}
