//! Somebody else's program as a subprocess that can do little harm: an empty environment, no terminal, no right to
//! gain rights or to write files, nobody's user when the host is root's, and it never outlives the host.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};

use rustix::process::Resource;

use crate::limits::SUBPROCESS_STDERR_BYTES_MAX;

/// Killed when it is dropped.
pub struct Subprocess {
    child: Mutex<Child>,
    pid: u32,
    stderr: Arc<Mutex<Vec<u8>>>,
}

/// The two ends that the host talks through. `tokio::process::ChildStdin::from_std` and its like take them.
pub struct Pipes {
    pub stdin: ChildStdin,
    pub stdout: ChildStdout,
}

impl Subprocess {
    /// The program is opened first and run from the open file, so what was checked before is what runs.
    pub fn spawn(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> io::Result<(Subprocess, Pipes)> {
        let file = File::open(program)?;
        let mut command = Command::new(executable(&file, program));
        command
            .arg0(program)
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        confine_on_start(&mut command, is_open_to_everybody(program));
        let mut child = spawn_from_lasting_thread(command, file)?;
        let taken = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = taken else {
            return Err(io::Error::other("a pipe of the subprocess is missing"));
        };
        let pid = child.id();
        let subprocess = Subprocess { child: Mutex::new(child), pid, stderr: Arc::default() };
        subprocess.keep_words(stderr)?;
        Ok((subprocess, Pipes { stdin, stdout }))
    }

    /// At once; whoever reads from its pipes sees them end.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // An error says that it has ended by itself.
        let _ = child.kill();
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok().flatten()
    }

    /// The beginning of what it wrote to its standard error: whoever crashes says why first.
    pub fn words(&self) -> String {
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&stderr).trim().to_owned()
    }

    /// The memory that it holds; none when it is gone, or where the system does not say.
    pub fn resident_bytes(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }

    fn keep_words(&self, mut from: ChildStderr) -> io::Result<()> {
        let kept = self.stderr.clone();
        let drain = move || {
            let mut piece = [0; 1024];
            while let Ok(read @ 1..) = from.read(&mut piece) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = SUBPROCESS_STDERR_BYTES_MAX.saturating_sub(kept.len());
                kept.extend_from_slice(&piece[..read.min(room)]);
            }
        };
        std::thread::Builder::new().name("subprocess-stderr".into()).spawn(drain).map(drop)
    }
}

impl Drop for Subprocess {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// The name by which the open file is run; where there is none, that of the program.
fn executable(file: &File, program: &Path) -> std::path::PathBuf {
    if cfg!(target_os = "linux") {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    } else {
        program.into()
    }
}

/// Whether any user can reach the program's folder: only then can a process that is nobody's look beside it.
fn is_open_to_everybody(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(real) = program.canonicalize() else { return false };
    real.ancestors().skip(1).all(|folder| {
        std::fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    })
}

/// The system ends a subprocess with the *thread* that started it, so that must be one that lasts as long as the
/// host: the threads of an async runtime come and go.
fn spawn_from_lasting_thread(command: Command, program: File) -> io::Result<Child> {
    type Order = (Command, File, mpsc::SyncSender<io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, received) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, program, reply) in received {
                let _ = reply.send(command.spawn());
                drop(program);
            }
        });
        orders
    });
    let (reply, replied) = mpsc::sync_channel(1);
    let gone = || io::Error::other("the thread that starts subprocesses is gone");
    spawner.send((command, program, reply)).map_err(|_| gone())?;
    replied.recv().map_err(|_| gone())?
}

/// Nothing of this may allocate: it runs between fork and exec.
#[allow(unsafe_code)]
fn confine_on_start(command: &mut Command, may_be_nobodys: bool) {
    let host = rustix::process::getpid();
    let confine = move || {
        rustix::process::setsid()?;
        for resource in [Resource::Core, Resource::Fsize] {
            let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
            rustix::process::setrlimit(resource, none)?;
        }
        #[cfg(target_os = "linux")]
        confine_on_linux(host, may_be_nobodys)?;
        Ok(())
    };
    // SAFETY: the closure makes system calls only, and touches no lock and no memory of other threads.
    unsafe { command.pre_exec(confine) };
}

#[cfg(target_os = "linux")]
fn confine_on_linux(host: rustix::process::Pid, may_be_nobodys: bool) -> io::Result<()> {
    use rustix::process::{Gid, Signal, Uid};
    if may_be_nobodys && rustix::process::geteuid().is_root() {
        let (nobody, nogroup) = (Uid::from_raw(65534), Gid::from_raw(65534));
        // A root without capabilities, as in some containers, may not do this, and needs it less.
        let _ = rustix::thread::set_thread_groups(&[])
            .and_then(|()| rustix::thread::set_thread_res_gid(nogroup, nogroup, nogroup))
            .and_then(|()| rustix::thread::set_thread_res_uid(nobody, nobody, nobody));
    }
    rustix::thread::set_no_new_privs(true)?;
    // After the change of user, which would undo it.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    match rustix::process::getppid() == Some(host) {
        true => Ok(()),
        false => Err(io::ErrorKind::Interrupted.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn output_of(script: &str) -> String {
        let (subprocess, mut pipes) =
            Subprocess::spawn(Path::new("/bin/sh"), &["-c", script], &[("GREETING", "hello")]).unwrap();
        let mut text = String::new();
        pipes.stdout.read_to_string(&mut text).unwrap();
        drop(subprocess);
        text
    }

    #[test]
    fn it_sees_only_what_it_is_given() {
        assert_eq!(output_of("echo $GREETING $HOME; pwd"), "hello\n/\n");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn it_can_gain_no_rights_and_write_no_file() {
        let status = output_of("cat /proc/self/status");
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        if rustix::process::geteuid().is_root() {
            assert!(status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
            assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
        }
        let limits = output_of("cat /proc/self/limits");
        let written = limits.lines().find(|line| line.starts_with("Max file size")).unwrap();
        assert!(written.split_whitespace().nth(3) == Some("0"), "{written}");
    }

    #[test]
    fn it_ends_when_it_is_dropped_and_what_it_said_is_kept() {
        let (subprocess, mut pipes) =
            Subprocess::spawn(Path::new("/bin/sh"), &["-c", "echo why >&2; echo ready; sleep 100"], &[])
                .unwrap();
        pipes.stdout.read_exact(&mut [0; 6]).unwrap();
        while subprocess.words() != "why" {
            std::thread::yield_now();
        }
        assert!(subprocess.ended().is_none());
        subprocess.kill();
        drop(subprocess);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        assert!(Subprocess::spawn(Path::new("/nowhere/tsc"), &[], &[]).is_err());
    }
}
