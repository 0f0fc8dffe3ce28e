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
