//! Bounds of what is exported as traces.

use std::time::Duration;

/// Spans that have ended and wait to be exported; more are dropped, and counted.
pub const TRACES_QUEUE_MAX: usize = 4_096;
/// Spans of one export: a few hundred kilobytes of JSON.
pub const TRACES_PER_EXPORT_MAX: usize = 512;
/// How long the first span of an export waits for others.
pub const TRACES_DELAY: Duration = Duration::from_millis(500);
/// A collector has this long to take an export.
pub const TRACES_EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// What is left at the end of the server may take this long.
pub const TRACES_STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// Commits whose spans are remembered for the reactions to come: a reaction that comes later begins a trace of its own.
pub const TRACED_COMMITS_MAX: usize = 16_384;
