//! The layers on Linux, from the outermost: bounds, an empty root, a user who owns nothing, no new rights, no files,
//! and last the filter on system calls, behind which none of these could be asked for any more.

use std::os::fd::AsFd;
use std::path::Path;

use millrace_bundler::landlock;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Resource, Rlimit};
use rustix::thread::{Gid, Uid};

use super::super::super::confinement::{Confinement, Layer};
use super::calls;
use crate::limits;

/// The user and group that own nothing.
const NOBODY: u32 = 65534;

/// Whatever the host has open without having said that it closes in its children. Older kernels cannot; the host's
/// own files say so by themselves.
#[allow(unsafe_code)]
pub fn close_the_rest() {
    // SAFETY: nothing of this process has opened more than its standard descriptors yet.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0);
    }
}

pub fn enter(mut confinement: Confinement) -> Confinement {
    bound();
    if rustix::process::geteuid().is_root() {
        // A container's root may not be allowed to, or may know no other user; then it has little to give up.
        if enter_empty_root().is_ok() {
            confinement = confinement.with(Layer::Root);
        }
        if become_nobody().is_ok() {
            confinement = confinement.with(Layer::User);
        }
    }
    if rustix::thread::set_no_new_privs(true).is_ok() {
        confinement = confinement.with(Layer::Privileges);
    }
    match landlock::nothing() {
        Some(rules) if landlock::restrict(&rules).is_ok() => confinement.with(Layer::Files),
        _ => confinement,
    }
}

pub fn close(confinement: Confinement) -> Confinement {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(Resource::Nproc, none);
    if calls::allow_only_a_workers() { confinement.with(Layer::Calls) } else { confinement }
}

fn bound() {
    let at_most = |value| Rlimit { current: Some(value), maximum: Some(value) };
    let _ = rustix::process::setrlimit(Resource::Core, at_most(0));
    let _ = rustix::process::setrlimit(Resource::Nofile, at_most(limits::WORKER_OPEN_FILES_MAX));
}

/// The folder is removed as soon as it is entered: nobody can ever put anything there.
fn enter_empty_root() -> rustix::io::Result<()> {
    let folder = tempfile::Builder::new().prefix("millrace-worker-").tempdir();
    let folder =
        folder.map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))?;
    let opened = open_folder(folder.path())?;
    drop(folder);
    rustix::process::fchdir(opened.as_fd())?;
    rustix::process::chroot(c".")
}

fn open_folder(path: &Path) -> rustix::io::Result<std::os::fd::OwnedFd> {
    rustix::fs::openat(CWD, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn become_nobody() -> rustix::io::Result<()> {
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)
}
