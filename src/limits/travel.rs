//! Bounds of simulations, time travel and forks.

use std::time::Duration;

/// States that one answer of a rehearsal carries from a worker, in bytes: some thousand small ones, or a few large.
pub const REHEARSED_STATES_BYTES: usize = 4 * 1024 * 1024;
/// A hook of a rehearsal waits for nothing but reads and given answers: real time beyond this is a mistake.
pub const REHEARSED_HOOK_TIMEOUT: Duration = Duration::from_secs(5);
/// Timers that run out between two recorded events: an interval of a second has no more use for a gap of a day.
pub const REHEARSED_TIMERS_MAX: usize = 1_000;
/// Behind the last recorded event, timers run out that are due so much later.
pub const REHEARSAL_AFTERMATH: Duration = Duration::from_secs(60);
/// Looks at the past that replay at once: each has an isolate of its own.
pub const TRAVELS_MAX: usize = 4;
/// The first states of a trail are so many events apart; each time they become too many, twice as many.
pub const TRAIL_STRIDE: u64 = 1_000;
/// States that a version leaves along its way: in the middle of a million events the next one is 4,000 events away.
pub const TRAIL_STATES_MAX: usize = 256;
/// Bytes of all of them: when states are large, there are fewer.
pub const TRAIL_BYTES_MAX: usize = 8 * 1024 * 1024;
/// And one alone: a few of them still fit.
pub const TRAIL_STATE_BYTES_MAX: usize = 1024 * 1024;
/// Simulations that run at once: each computes on a worker that the live processors need, too.
pub const SIMULATIONS_MAX: usize = 2;
/// How long one more waits for its turn.
pub const SIMULATION_WAIT: Duration = Duration::from_secs(10);
/// One simulation: several million events that change little, and no client waits longer for an answer.
pub const SIMULATION_TIME_MAX: Duration = Duration::from_secs(60);
/// Answers given for the requests of one simulation; each request is compared with them.
pub const SIMULATED_ANSWERS_MAX: usize = 1_000;
/// Of a request's body that would have been sent, so much is told.
pub const SIMULATED_BODY_BYTES: usize = 16 * 1024;
/// What the hooks of one batch do, before it is told: beyond that nobody reads it.
pub const SIMULATED_NOTES_MAX: usize = 100_000;
/// And their bytes: what a hook appends goes to the disk else, and not into the server's memory.
pub const SIMULATED_NOTES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Entries of each list in an answer: more come in lines only.
pub const SIMULATED_LIST_MAX: usize = 1_000;
/// Bytes of all lists of an answer together: a model has to read it.
pub const SIMULATED_LIST_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Lines of an answer that wait for a client to take them; then the simulation waits.
pub const SIMULATION_LINES_MAX: usize = 256;
/// Appends of the candidate and of the live version that have not found their match yet.
pub const COMPARED_APPENDS_MAX: usize = 50_000;
/// And their bytes.
pub const COMPARED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Differences of each kind that are told; the rest is counted.
pub const DIFFERENCES_TOLD_MAX: usize = 100;
/// Events of one stream that are looked through for what the live version has appended behind the range.
pub const COMPARED_EVENTS_MAX: u64 = 100_000;
/// Streams beside its own that are looked through.
pub const COMPARED_STREAMS_MAX: usize = 16;
