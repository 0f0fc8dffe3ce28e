//! What happens between the fork and the program on Linux. Only system calls: nothing here may allocate or lock.

use std::ffi::{CString, c_char};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal};
use rustix::thread::{Gid, Uid};

use super::room::Room;
use super::{Program, landlock};
use crate::limits::{SUBPROCESS_OPEN_FILES_MAX, SUBPROCESS_PIPE_BYTES};

/// The user and group that own nothing.
const NOBODY: u32 = 65534;

/// Everything that the child needs, made before it exists.
struct Plan {
    program: File,
    /// Of the paths of the arguments and the environment, with a null at the end.
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    /// What the pointers point to.
    _strings: Vec<CString>,
    rules: Option<OwnedFd>,
    room: Option<CString>,
    /// Root's, so that it can give up what is root's.
    is_root: bool,
    /// Whether nobody's user could see what the program looks for beside itself.
    is_open: bool,
    parent: Pid,
}

// The pointers lead into heap memory that the plan owns and nobody changes.
#[allow(unsafe_code)]
unsafe impl Send for Plan {}
#[allow(unsafe_code)]
unsafe impl Sync for Plan {}

/// The room, if there is one, is to be kept until the program has looked around.
pub fn confine(command: &mut Command, program: &Program, is_root: bool) -> io::Result<Option<Room>> {
    // Opened here, so that the folders on the way need not be open to the user that it runs as.
    let file = File::open(&program.path)?;
    let room = if is_root { Room::for_program(program).ok() } else { None };
    let mut strings = vec![CString::new(program.path.as_os_str().as_bytes())?];
    for argument in &program.arguments {
        strings.push(CString::new(argument.as_str())?);
    }
    let first_variable = strings.len();
    for (name, value) in &program.environment {
        strings.push(CString::new(format!("{name}={value}"))?);
    }
    let pointers = |strings: &[CString]| -> Vec<*const c_char> {
        strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let plan = Plan {
        arguments: pointers(&strings[..first_variable]),
        environment: pointers(&strings[first_variable..]),
        _strings: strings,
        rules: landlock::only_run(&file),
        program: file,
        room: room.as_ref().map(Room::path).transpose()?,
        is_root,
        is_open: program.beside.is_empty() || is_open_to_everybody(&program.path),
        parent: rustix::process::getpid(),
    };
    // Safe: the plan is ready, and what it does are system calls.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(move || plan.carry_out());
    }
    Ok(room)
}

fn is_open_to_everybody(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let Ok(real) = program.canonicalize() else { return false };
    real.ancestors().skip(1).all(|folder| {
        std::fs::metadata(folder).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    })
}

/// Whatever else the host has open without saying so. Older kernels cannot; the host's own files say so by themselves.
fn close_on_start() {
    // Safe: only marks descriptors of this process.
    #[allow(unsafe_code)]
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
}

/// Much goes through them in both directions. A system that grants less leaves them as they are.
fn widen_pipes() {
    for pipe in [libc::STDIN_FILENO, libc::STDOUT_FILENO] {
        // Safe: asks about descriptors of this process.
        #[allow(unsafe_code)]
        unsafe {
            libc::fcntl(pipe, libc::F_SETPIPE_SZ, SUBPROCESS_PIPE_BYTES);
        }
    }
}

impl Plan {
    /// Runs in the child and becomes the program; only returns when that fails.
    fn carry_out(&self) -> io::Result<()> {
        rustix::process::setsid()?;
        close_on_start();
        widen_pipes();
        self.bound()?;
        if self.is_root {
            self.drop_root()?;
        }
        rustix::thread::set_no_new_privs(true)?;
        if let Some(rules) = &self.rules {
            landlock::restrict(rules)?;
        }
        // After the change of user, which would take it back.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        if rustix::process::getppid() != Some(self.parent) {
            return Err(Errno::SRCH.into());
        }
        Err(self.run())
    }

    fn bound(&self) -> io::Result<()> {
        let at_most = |value| Rlimit { current: Some(value), maximum: Some(value) };
        rustix::process::setrlimit(Resource::Core, at_most(0))?;
        rustix::process::setrlimit(Resource::Fsize, at_most(0))?;
        rustix::process::setrlimit(Resource::Nofile, at_most(SUBPROCESS_OPEN_FILES_MAX))?;
        Ok(())
    }

    /// A container's root may not be allowed to, or may know no other user; then it has little to give up.
    fn drop_root(&self) -> io::Result<()> {
        let tolerated = |result: rustix::io::Result<()>| match result {
            Err(Errno::PERM | Errno::INVAL) => Ok(false),
            Ok(()) => Ok(true),
            Err(error) => Err(io::Error::from(error)),
        };
        let mut is_inside = false;
        if let Some(room) = &self.room {
            is_inside = tolerated(rustix::process::chroot(room.as_c_str()))?;
            rustix::process::chdir(c"/")?;
        }
        if !is_inside && !self.is_open {
            return Ok(());
        }
        let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        tolerated(rustix::thread::set_thread_groups(&[]))?;
        tolerated(rustix::thread::set_thread_res_gid(group, group, group))?;
        tolerated(rustix::thread::set_thread_res_uid(user, user, user))?;
        Ok(())
    }

    /// The open file itself, whatever has become of its path.
    fn run(&self) -> io::Error {
        // Safe: all pointers lead to strings of this plan, and both lists end with a null.
        #[allow(unsafe_code)]
        unsafe {
            libc::syscall(
                libc::SYS_execveat,
                self.program.as_raw_fd(),
                c"".as_ptr(),
                self.arguments.as_ptr(),
                self.environment.as_ptr(),
                libc::AT_EMPTY_PATH,
            );
        }
        io::Error::last_os_error()
    }
}
