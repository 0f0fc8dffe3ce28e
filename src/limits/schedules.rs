//! Bounds of schedules.

use std::time::Duration;

/// Schedules of one stream: each is a few hundred bytes of its state.
pub const SCHEDULES_PER_STREAM_MAX: usize = 10_000;
/// What all events of a stream that are still to be appended have together: they are part of its state in memory.
pub const SCHEDULED_BYTES_PER_STREAM_MAX: usize = 32 * 1024 * 1024;
/// The smallest interval: each run is a commit, and disks sync in a few milliseconds. What is too fast for a stream
/// is ended by its circuit breaker.
pub const SCHEDULE_INTERVAL_MIN: Duration = Duration::from_millis(10);
/// The longest delay and interval: a century, beyond which nobody knows what the calendars say.
pub const SCHEDULE_AHEAD_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);
/// The last year that may be scheduled: a search for a day that never comes ends there, after milliseconds.
pub const SCHEDULE_YEAR_MAX: u16 = 2_199;
/// A cron expression: long ones list every minute of an hour.
pub const CRON_EXPRESSION_CHARS_MAX: usize = 1_024;
/// Times of the day that a cron expression may name and have each kept over a change of the clocks; one with more
/// is an interval.
pub const CRON_TIMES_OF_DAY_MAX: usize = 48;
/// Streams that are woken for their schedules at once: enough to share each sync, and few enough to leave the
/// threads that read streams to others.
pub const ALARMS_AT_ONCE_MAX: usize = 128;
/// The clock is looked at at least so often while something is scheduled: it may have been set, and a machine that
/// sleeps does not count the time.
pub const ALARM_LOOK: Duration = Duration::from_secs(30);
/// A stream that could not be woken is tried again after this long: its log could not be read or written.
pub const ALARM_RETRY: Duration = Duration::from_secs(10);
