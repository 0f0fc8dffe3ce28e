//! How a worker takes memory from the system: in large steps, because isolates come and go by the thousand.

use crate::limits;

/// To be called while the process has one thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub fn prepare() {
    // One arena, for one thread uses nearly all of it. Of a thread's own, the allocator would unlock each page by a
    // call of its own: that is seventy calls for one small isolate.
    // SAFETY: these are settings of the allocator, and take no memory of ours. Where it knows one of them not, it
    // stays as it is.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TOP_PAD, limits::WORKER_MEMORY_STEP_BYTES);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn prepare() {}
