//! Every bound of a build, in one place, each with its reason.

/// Files of one source.
pub const FILES_MAX: usize = 1_000;
/// One file of an author: no person writes more, and a parser's tree takes fifty times the memory.
pub const FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// All files of one source together.
pub const SOURCE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Diagnostics of one failure; the rest is counted.
pub const DIAGNOSTICS_MAX: usize = 100;

/// A path of one file, as the store of events bounds names elsewhere.
pub const PATH_CHARS_MAX: usize = 1_023;
/// Names that one hint lists: enough to find the right one, few enough to be read.
pub const NAMES_SHOWN_MAX: usize = 8;
