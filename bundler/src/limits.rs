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
/// A message, code frame or hint: names and literals of the author's stand in them, and those may be as long as a file.
pub const DIAGNOSTIC_TEXT_BYTES_MAX: usize = 8 * 1024;
/// All diagnostics of one failure: an event carries them, and a language model reads them.
pub const DIAGNOSTICS_BYTES_MAX: usize = 256 * 1024;
/// Sources that are parsed, linked or checked at once: each takes about one core, and a parser's tree much memory.
pub const COMPUTING_MAX: usize = 4;

/// A path of one file, as the store of events bounds names elsewhere.
pub const PATH_CHARS_MAX: usize = 1_023;
/// Names that one hint lists: enough to find the right one, few enough to be read.
pub const NAMES_SHOWN_MAX: usize = 8;
// --- subprocesses ---------------------------------------------------------------------------------

/// What is kept of a subprocess's standard error: why it crashed, not the whole dump behind it.
pub const SUBPROCESS_WORDS_BYTES_MAX: usize = 16 * 1024;
/// For the end of its standard error after its own end: somebody else may hold it open.
pub const SUBPROCESS_LAST_WORDS_TIME_MAX: Duration = Duration::from_secs(1);
/// Files that a subprocess has open: its pipes, and what Go's runtime needs.
pub const SUBPROCESS_OPEN_FILES_MAX: u64 = 64;
/// Attempts to run a file that somebody is still writing (`ETXTBSY`), and the pause between them.
pub const SUBPROCESS_BUSY_RETRIES_MAX: usize = 20;
/// See above.
pub const SUBPROCESS_BUSY_RETRY_AFTER: Duration = Duration::from_millis(50);

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
/// One line of it: the compiler shortens types by itself, but not the names and literals in them.
pub const MESSAGE_LINE_CHARS_MAX: usize = 1_000;
/// The `<` of one statement of an entry, above which it is checked as it is written: 300 take 0.2 s to parse.
pub const ENTRY_ANGLES_MAX: usize = 300;
/// Bundles, with their maps, that are kept for who asks for the same again.
pub const BUILDS_KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Direct dependencies of one source: no person lists more, and each is asked for by itself.
pub const DEPENDENCIES_MAX: usize = 300;
/// Packages of one resolution: the largest front-end projects have about two thousand.
pub const PACKAGES_MAX: usize = 4_000;
/// The registry's own bound on names.
pub const PACKAGE_NAME_BYTES_MAX: usize = 214;
/// A range is some comparators; longer ones are attempts at something else.
pub const RANGE_BYTES_MAX: usize = 1_024;
/// One package's metadata, unpacked. Of the long ones, `next` has 21 MB with everything that npm knows of it.
pub const METADATA_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long metadata, and what was resolved from it, counts as new: the public registry's edge answers with
/// this `max-age`, so asking more often would hear the same.
pub const METADATA_FRESH: Duration = Duration::from_secs(300);
/// A tarball as it comes. Larger ones carry programs, which no isolate could run; compilers have 10 MB.
pub const TARBALL_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// A package unpacked: four times as much, as text does. Against archives that unfold to fill the disk.
pub const PACKAGE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Files of a package: icon collections have some ten thousands.
pub const PACKAGE_FILES_MAX: usize = 100_000;
/// A path inside a package. File systems end at 4096 with the store's own part.
pub const PACKAGE_PATH_BYTES_MAX: usize = 1_024;
/// An entry of a tarball that tells the path of the next one, with other attributes beside it.
pub const PACKAGE_NAME_ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Requests to registries under way at once, for the whole process: enough to hide the round trips, and few
/// enough that no registry takes it for an attack.
pub const REGISTRY_REQUESTS_MAX: usize = 32;
/// How often one request is tried in all: a registry that fails three times in a row is down.
pub const REGISTRY_TRIES_MAX: u64 = 3;
/// Between two tries, doubled each time.
pub const REGISTRY_RETRY_AFTER: Duration = Duration::from_millis(300);
/// The longest pause that a registry may ask for with `Retry-After`.
pub const REGISTRY_RETRY_AFTER_MAX: Duration = Duration::from_secs(5);
/// Until a connection stands: longer means that nobody is there.
pub const REGISTRY_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Without a byte for so long, an answer counts as lost.
pub const REGISTRY_IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Redirections of one request: registries use one, to their storage.
pub const REGISTRY_REDIRECTS_MAX: usize = 5;
/// An installation as a whole, so that no author waits for ever; the largest take some ten seconds.
pub const INSTALL_TIME_MAX: Duration = Duration::from_secs(300);
/// Resolutions under way at once: each is a thread that computes.
pub const RESOLUTIONS_MAX: usize = 4;
/// The resolver goes down the tree by recursion: enough for a chain of `PACKAGES_MAX`, and only touched as
/// far as it is used.
pub const RESOLVER_STACK_BYTES: usize = 128 * 1024 * 1024;
/// How often a resolution begins again without optional dependencies that cannot be had.
pub const RESOLUTION_ROUNDS_MAX: usize = 20;
/// Resolutions kept in memory, each some 50 kB for a hundred packages; beyond, all are dropped and read from
/// disk again.
pub const RESOLUTIONS_KEPT_MAX: usize = 200;
/// Lists of packages' files kept in memory, each some 10 kB; beyond, all are dropped and read again.
pub const PACKAGES_KEPT_MAX: usize = 5_000;
/// An index lists `PACKAGE_FILES_MAX` files; what is longer was not written by us.
pub const INDEX_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Versions shown to an author whose range nothing satisfies.
pub const VERSIONS_SHOWN: usize = 5;

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
/// From the end of its output to its own; it may be writing why.
pub const ESBUILD_END_TIME_MAX: Duration = Duration::from_secs(2);
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
/// For which esbuild is kept while nothing is built: it holds up to 0.5 GB of what it has parsed, which makes the next
/// build twice as fast, and who mends a source comes again within a minute or two.
pub const ESBUILD_IDLE_TIME_MAX: Duration = Duration::from_secs(120);
/// Modules that contexts without a build have loaded, together. Their syntax trees take some twenty times as much.
pub const ESBUILD_CONTEXTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Builds of one context: what it has learned of the author's files is forgotten then.
pub const ESBUILD_CONTEXT_BUILDS_MAX: usize = 200;
/// How often the memory is looked at while something is built: a runaway grows by about 1 GB a second.
pub const ESBUILD_MEMORY_CHECK_EVERY: Duration = Duration::from_millis(100);
/// Answers that are written to esbuild at once: a pipe's buffer.
pub const ESBUILD_WRITE_BYTES: usize = 64 * 1024;
/// Of an integrity that is none a message shows so much: the longest right one has 95 characters.
pub const INTEGRITY_SHOWN_CHARS_MAX: usize = 100;
/// The line of a source that a message quotes: minified files are one line.
pub const LINE_TEXT_BYTES_MAX: usize = 1_000;
/// The compiler's stack, of which only what is touched takes memory: a parser needs up to 5 kB per level of nesting.
pub const COMPILER_STACK_BYTES: usize = 256 * 1024 * 1024;
/// Brackets that may be open in one place of a script: the compiler's stack bears thirty times as many, but its
/// indented output grows with the square, and nobody nests so deeply by hand.
pub const BRACKETS_OPEN_MAX: usize = 1_000;
/// Words and signs of one statement and those around it, which bound the depth of its tree.
pub const STATEMENT_TOKENS_MAX: usize = 10_000;
/// Arrow functions and type assertions in one another that a parser may take for something else at first: it reads
/// each one twice then, so its time doubles with each.
pub const AMBIGUOUS_DEPTH_MAX: usize = 14;
/// Type arguments in one another, or `<` that no `>` follows: the parser's time grows with their cube.
pub const ANGLES_MAX: usize = 500;
/// How often a file with syntax errors is read again to find further ones.
pub const SYNTAX_ROUNDS_MAX: usize = 40;
/// The same in bytes, so that a large file with many errors does not take seconds.
pub const SYNTAX_ROUNDS_BYTES_MAX: usize = 32 * 1024 * 1024;
/// After this time no further syntax errors are looked for.
pub const SYNTAX_ROUNDS_TIME_MAX: Duration = Duration::from_millis(500);
/// How many `tsconfig` files may extend one another in a row; more is a circle.
pub const TSCONFIG_EXTENDS_MAX: usize = 16;
/// Classes that extend one another in one expression.
pub const HERITAGE_DEPTH_MAX: usize = 10;
/// Operators in one expression whose value the compiler computes ahead of time: 1,000 take it 200 MB.
pub const FOLDED_OPERATORS_MAX: usize = 200;

/// A file in which the place of a failure is looked for: it is parsed anew for each, in a millisecond or two.
pub const PLACED_FILE_BYTES_MAX: usize = 256 * 1024;
/// Modules that are read to find out what one import of an author's gives: from a package's index to its heart it is
/// one to four.
pub const NAMESPACE_MODULES_MAX: usize = 12;
/// One of them. Those that only pass on what others have are short.
pub const NAMESPACE_MODULE_BYTES_MAX: usize = 32 * 1024;
/// Sets of packages of which it is remembered where their imports lead: half a megabyte each, for a thousand imports.
pub const TREES_KNOWN_MAX: usize = 8;
/// The pipes to a subprocess, as far as the system grants it: with its 64 KiB, a bundle of two megabytes and its map
/// would change sides fifty times.
pub const SUBPROCESS_PIPE_BYTES: i32 = 1024 * 1024;
