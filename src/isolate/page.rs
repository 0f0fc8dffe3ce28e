//! A page of memory that a worker shares with its host: what it is busy with. It stays readable when the
//! worker is stuck or dead, which is when it is needed.

use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rustix::mm::{MapFlags, ProtFlags};

use crate::event::builtin::Phase;

#[repr(C)]
pub struct Fields {
    /// The thread that runs the isolates.
    pub thread: AtomicU64,
    /// Counts turns: an unchanged number beside a non-zero isolate is one long turn.
    pub turn: AtomicU64,
    /// Whose turn it is; zero between turns.
    pub isolate: AtomicU64,
    /// The call that the turn belongs to; zero when none is known.
    pub call: AtomicU64,
    /// What the script is at, as `PHASES` counts.
    pub phase: AtomicU64,
    /// The processor time that the turn may use.
    pub allowance_ms: AtomicU64,
    /// What keeps the worker to itself, as `Confinement` counts; zero until it has given everything up.
    pub confinement: AtomicU64,
}

impl Fields {
    pub fn begin(&self, isolate: u64, call: u64, phase: Phase, allowance: Duration) {
        let phase = PHASES.iter().position(|known| *known == phase).unwrap_or_default();
        self.phase.store(phase as u64, Relaxed);
        self.allowance_ms.store(allowance.as_millis() as u64, Relaxed);
        self.turn.fetch_add(1, Relaxed);
        self.call.store(call, Relaxed);
        self.isolate.store(isolate, Relaxed);
    }

    pub fn phase(&self) -> Phase {
        PHASES.get(self.phase.load(Relaxed) as usize).copied().unwrap_or(Phase::Load)
    }

    pub fn end(&self) {
        self.isolate.store(0, Relaxed);
    }
}

const PHASES: [Phase; 5] =
    [Phase::Load, Phase::Reduce, Phase::AfterAppend, Phase::OnCaughtUp, Phase::UnhandledRejection];

const BYTES: usize = size_of::<Fields>();

pub struct Page(NonNull<Fields>);

/// A new page, to be passed to a worker.
pub fn create() -> rustix::io::Result<std::os::fd::OwnedFd> {
    let fd = rustix::fs::memfd_create("millrace-worker", rustix::fs::MemfdFlags::CLOEXEC)?;
    rustix::fs::ftruncate(&fd, BYTES as u64)?;
    Ok(fd)
}

impl Page {
    #[allow(unsafe_code)]
    pub fn map(fd: impl AsFd) -> rustix::io::Result<Page> {
        if rustix::fs::fstat(&fd)?.st_size < BYTES as i64 {
            return Err(rustix::io::Errno::INVAL);
        }
        // SAFETY: a new shared mapping of a file that is long enough, at an address that the kernel chooses.
        let address = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                BYTES,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                fd,
                0,
            )?
        };
        NonNull::new(address.cast()).map(Page).ok_or(rustix::io::Errno::INVAL)
    }
}

impl std::ops::Deref for Page {
    type Target = Fields;

    #[allow(unsafe_code)]
    fn deref(&self) -> &Fields {
        // SAFETY: the mapping is page-aligned, large enough, initialised with zeros, and lives as long as
        // `self`; all access is atomic, so that the other process may write at any time.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Page {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: mapped by `map` with this length, and no reference outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.0.as_ptr().cast(), BYTES) };
    }
}

// SAFETY: all fields are atomics.
#[allow(unsafe_code)]
unsafe impl Send for Page {}
#[allow(unsafe_code)]
unsafe impl Sync for Page {}
