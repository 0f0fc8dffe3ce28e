//! Memory that was used once and is not needed any more goes back to the system: the allocator keeps it
//! otherwise, in pieces, after thousands of streams and processors have come and gone.

use crate::limits::{MEMORY_CHECK_INTERVAL, MEMORY_TRIM_AFTER};

/// Runs until it is dropped; `in_use` counts what takes memory while it is there.
pub async fn give_back(in_use: impl Fn() -> usize) {
    let mut most = 0;
    loop {
        tokio::time::sleep(MEMORY_CHECK_INTERVAL).await;
        let now = in_use();
        most = most.max(now);
        if most - now >= MEMORY_TRIM_AFTER {
            most = now;
            // It takes some milliseconds, in which others may have to wait for memory: not on their thread.
            let _ = tokio::task::spawn_blocking(trim).await;
        }
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn trim() {
    // SAFETY: it takes no memory of ours, and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
