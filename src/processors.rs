//! The stream processors: the built-in ones, which stand in front of the commit, and what runs the
//! scripted ones behind it. A new kind of processor is a new file here.

pub mod bundling;
pub mod causation;
pub mod circuit_breaker;
pub mod deployments;
mod follower;
pub mod metadata;
mod patch;
mod pause;
mod positions;
mod progress;
mod script;
mod sealed;
pub mod simulation;
mod sources;
pub mod supervisor;
pub mod travel;
mod usage;
mod version;

pub use bundling::Bundling;
pub use supervisor::{ProcessorReport, Supervisor};
pub use usage::UsageReport;
