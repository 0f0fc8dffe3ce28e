//! From an author's files to a module that runs, or to diagnostics that say why not.
//! Knows nothing of streams: the server adapts it.

#[cfg(test)]
// What tests share calls the crate by its name, because integration tests use it as well.
extern crate self as millrace_bundler;

pub mod builds;
pub mod bundle;
pub mod bundler;
pub mod diagnostic;
pub mod esbuild;
pub mod failure;
pub mod install;
pub mod limits;
pub mod link;
pub mod linking;
pub mod manifest;
mod namespaces;
pub mod npm;
pub mod package;
pub mod places;
pub mod progress;
pub mod project;
pub mod reached;
pub mod resolve;
mod sandbox;
pub mod sketch;
pub mod source_map;
mod subprocess;
#[cfg(test)]
mod testing;
pub mod tools;
pub mod transpile;
pub mod tree;
pub mod typecheck;

pub use bundle::{Bundle, Project};
pub use bundler::{Bundler, BundlerOptions};
pub use diagnostic::{Diagnostic, Severity, code_frame};
pub use failure::{BundleError, Failure, Stage};
pub use npm::Lock;
pub use progress::{OnStep, Step};
#[cfg(target_os = "linux")]
pub use sandbox::landlock;
pub use source_map::{Original, SourceMap};
