//! From an author's files to a module that runs, or to diagnostics that say why not.
//! Knows nothing of streams: the server adapts it.

pub mod diagnostic;
pub mod failure;
pub mod limits;
pub mod link;
pub mod package;
pub mod progress;
pub mod transpile;

pub use diagnostic::{Diagnostic, Severity, code_frame};
pub use failure::{BundleError, Failure, Stage};
