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
/// Names that one hint lists: enough to find the right one, few enough to be read.
pub const NAMES_SHOWN_MAX: usize = 8;

/// Nesting of a value in esbuild's protocol: its own have four levels.
pub const ESBUILD_VALUE_DEPTH_MAX: usize = 32;
/// One packet of esbuild: the largest carries a bundle and its map. More is a runaway, and is not read into memory.
pub const ESBUILD_PACKET_BYTES_MAX: usize = 256 * 1024 * 1024;
/// A bundle's code: far more than an isolate compiles in reasonable time.
pub const ESBUILD_CODE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// A bundle's source map, which holds all its sources.
pub const ESBUILD_MAP_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Modules of one bundle: the largest packages have a few thousand.
pub const ESBUILD_MODULES_MAX: usize = 20_000;
/// All modules that one build loads, together.
pub const ESBUILD_LOADED_BYTES_MAX: usize = 128 * 1024 * 1024;
/// One build, from its start in esbuild: the largest measured took half a second.
pub const ESBUILD_BUILD_TIME_MAX: Duration = Duration::from_secs(60);
/// One answer to esbuild about one import or file; esbuild cannot go on without it, nor cancel.
pub const ESBUILD_CALLBACK_TIME_MAX: Duration = Duration::from_secs(20);
/// Rounds of one build: what one round shows that must be hidden from esbuild, the next one knows.
pub const ESBUILD_ROUNDS_MAX: usize = 3;
/// From the start of the process to its first packet, which takes 2 to 15 ms on an idle machine.
pub const ESBUILD_START_TIME_MAX: Duration = Duration::from_secs(10);
/// For a cancelled build to end, before the process is killed; measured: up to 0.3 s.
pub const ESBUILD_CANCEL_TIME_MAX: Duration = Duration::from_secs(5);
/// For what a dying process still says and for its exit code.
pub const ESBUILD_LAST_WORDS_TIME_MAX: Duration = Duration::from_secs(1);
/// Builds inside esbuild at one time: it uses all cores for one, so more only share its memory.
pub const ESBUILD_BUILDS_AT_ONCE: usize = 4;
/// Builds that are tried again in a process of their own: each may take as much memory as the shared one, and one that
/// hangs must not hold up the others.
pub const ESBUILD_ALONE_AT_ONCE: usize = 2;
/// Builds that wait for their turn; more are told so at once.
pub const ESBUILD_BUILDS_WAITING_MAX: usize = 1_000;
/// Resident memory of esbuild, beyond which it is killed. The largest build measured took 0.4 GB.
pub const ESBUILD_RESIDENT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// What Go's garbage collector aims at: well below the former, so that a large build slows down before it is killed.
pub const ESBUILD_MEMORY_TARGET_BYTES: u64 = 1024 * 1024 * 1024;
/// How much garbage Go lets grow beside what lives: a quarter less processor time than with its 100.
pub const ESBUILD_GARBAGE_PERCENT: u32 = 400;
/// For which esbuild is kept while nothing is built: a start takes 10 ms, and what it has built before, up to 0.4 GB.
pub const ESBUILD_IDLE_TIME_MAX: Duration = Duration::from_secs(30);
/// How often the memory is looked at while something is built: a runaway grows by about 1 GB a second.
pub const ESBUILD_MEMORY_CHECK_EVERY: Duration = Duration::from_millis(100);
/// Files that esbuild has open: its pipes, and what Go's runtime needs.
pub const ESBUILD_OPEN_FILES_MAX: u64 = 64;
/// Answers that are written to esbuild at once: a pipe's buffer.
pub const ESBUILD_WRITE_BYTES: usize = 64 * 1024;
/// What is kept of esbuild's standard error, for the message about its death: a Go panic's first lines.
pub const ESBUILD_STDERR_BYTES_MAX: usize = 16 * 1024;
/// Attempts to run a file that somebody is still writing (`ETXTBSY`), and the pause between them.
pub const ESBUILD_BUSY_RETRIES_MAX: usize = 20;
/// See above.
pub const ESBUILD_BUSY_RETRY_AFTER: Duration = Duration::from_millis(50);
/// The line of a source that a message quotes: minified files are one line.
pub const LINE_TEXT_BYTES_MAX: usize = 1_000;
