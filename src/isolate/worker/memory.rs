//! How a worker takes memory from the system: not page by page, because isolates come and go by the thousand.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
mod heap {
    use std::cell::Cell;

    /// What a small isolate takes.
    const ROOM: usize = 256 * 1024;
    /// What is free at the heap's end stays there up to so much, and blocks up to so much come from the heap: a script that
    /// takes and drops a large buffer for each event would pay for its pages each time. The worker gives back what is free
    /// when it has time.
    const KEPT: usize = 4 * 1024 * 1024;

    thread_local! {
        /// Up to where the heap has its pages for certain, given or not.
        static READY: Cell<usize> = const { Cell::new(0) };
    }

    /// To be called while the process has one thread.
    pub fn prepare() {
        // One arena, for one thread uses nearly all of it. Of a thread's own, the allocator would unlock each page by a
        // call of its own: that is seventy calls for one small isolate.
        // The room for an isolate comes from the heap, and what is left of it stays there.
        // SAFETY: these are settings of the allocator, and take no memory of ours.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, 1);
            libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT as i32);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT as i32);
        }
    }

    /// Has the system give the pages of an isolate that is about to be made in one call. Each that is touched without
    /// that is a fault of its own, which costs half as much again: a third of a small isolate's time.
    pub fn make_room() {
        // SAFETY: the block is freed as it was taken; the pages between two ends of the heap are the allocator's, and
        // the call leaves in them whatever they hold. Where the system knows no such call, nothing is lost.
        unsafe {
            let ready = READY.get().min(end());
            // Without the black box, the compiler finds that nobody needs such a block.
            libc::free(std::hint::black_box(libc::malloc(ROOM)));
            let end = end();
            let from = ready.max(end.saturating_sub(2 * ROOM)).next_multiple_of(PAGE);
            if from < end {
                libc::madvise(from as *mut libc::c_void, end - from, libc::MADV_POPULATE_WRITE);
            }
            READY.set(end);
        }
    }

    const PAGE: usize = 4096;

    /// Where the heap ends.
    fn end() -> usize {
        // SAFETY: asks, and moves nothing.
        unsafe { libc::sbrk(0) as usize }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use heap::{make_room, prepare};

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn prepare() {}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn make_room() {}
