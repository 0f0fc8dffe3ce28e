//! How a worker takes memory from the system: not page by page, because isolates come and go by the thousand.

/// To be called while the process has one thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub fn prepare() {
    // One arena, for one thread uses nearly all of it. Of a thread's own, the allocator would unlock each page by a
    // call of its own: that is seventy calls for one small isolate.
    // SAFETY: this is a setting of the allocator, and takes no memory of ours.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn prepare() {}
