//! What a worker gives up before it looks at anything that a user has written: files, programs, sockets, other
//! processes, its user's rights. QuickJS is a large program in C; whoever takes it over shall find nothing behind it
//! but the socket to the host and the time.
//!
//! What the system or its kernel does not offer is left out, and the host says so.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod probe;

use std::os::unix::net::UnixStream;

use super::super::confinement::{Confinement, Layer};

/// In two steps: the first while there is one thread, the second when all threads are there.
pub struct Sandbox(Confinement);

impl Sandbox {
    /// What nothing but the worker's own start may come before: whatever it inherited and does not need is closed.
    pub fn prepare() {
        #[cfg(target_os = "linux")]
        linux::close_the_rest();
    }

    /// Every thread that is started from here on is confined alike.
    pub fn enter() -> Sandbox {
        let asked = Confinement::default().with(Layer::Asked);
        #[cfg(target_os = "linux")]
        let asked = linux::enter(asked);
        Sandbox(asked)
    }

    /// From here on no thread can be started either; what came of it all.
    pub fn close(self) -> Confinement {
        let Sandbox(granted) = self;
        #[cfg(target_os = "linux")]
        let granted = linux::close(granted);
        granted
    }
}

/// Tries what a worker must not be able to do, confined or `bare`, and writes how each attempt ended.
#[cfg(target_os = "linux")]
pub fn probe(socket: UnixStream, how: &str) -> std::io::Result<()> {
    probe::run(socket, how)
}

/// Other systems have nothing to be probed.
#[cfg(not(target_os = "linux"))]
pub fn probe(_: UnixStream, _: &str) -> std::io::Result<()> {
    Err(std::io::Error::other("this system has no sandbox to be probed"))
}
