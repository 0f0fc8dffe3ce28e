//! Every bound of a build, in one place, each with its reason.

use std::time::Duration;

/// Files of one source.
pub const FILES_MAX: usize = 1_000;
/// One file of an author: no person writes more, and a parser's tree takes fifty times the memory.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// All files of one source together.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Diagnostics of one failure; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 100;

// --- subprocesses ---------------------------------------------------------------------------------

/// What is kept of a subprocess's standard error: the end of a crash, not its whole dump.
pub const SUBPROCESS_STDERR_BYTES_MAX: usize = 8 * 1024;

// --- type checking --------------------------------------------------------------------------------

/// One check, from the question to the last answer. The largest packages take a second.
pub const CHECK_TIME_MAX: Duration = Duration::from_secs(30);
/// What the compiler may hold; large packages make it hold 200 MB, and types can be written that need everything.
pub const COMPILER_MEMORY_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// From here on its garbage collector works harder, as its runtime spells it.
pub const COMPILER_HEAP_SOFT_MAX: &str = "512MiB";
/// How often its memory is looked at during a check.
pub const COMPILER_WATCH_EVERY: Duration = Duration::from_millis(50);
/// Without a check for that long it goes: it comes back in 30 ms.
pub const COMPILER_IDLE_MAX: Duration = Duration::from_secs(120);
/// One message of the compiler; thousands of diagnostics have less than that.
pub const COMPILER_MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The lines of one diagnostic's explanation, which follows types into their depth.
pub const MESSAGE_LINES_MAX: usize = 12;
/// An entry that is larger is checked as it is written: a parser takes up to 5 kB of stack for one byte of it.
pub const TYPED_ENTRY_BYTES_MAX: usize = 48 * 1024;
/// The `<` of one statement of an entry, above which it is checked as it is written: 300 take 0.2 s to parse.
pub const ENTRY_ANGLES_MAX: usize = 300;
/// Its brackets that are open at one place, likewise.
pub const ENTRY_BRACKETS_MAX: usize = 1_000;
/// The stack of the thread that parses an entry, of which only what is touched takes memory.
pub const ENTRY_STACK_BYTES: usize = 256 * 1024 * 1024;
