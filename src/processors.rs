//! The stream processors: the built-in ones, which stand in front of the commit, and what runs the
//! scripted ones behind it. A new kind of processor is a new file here.

pub mod alarms;
pub mod bundling;
pub mod causation;
pub mod circuit_breaker;
pub mod deliveries;
pub mod deployments;
mod fan_out;
mod follower;
mod machinery;
pub mod metadata;
mod patch;
mod pause;
mod positions;
mod progress;
pub mod scheduler;
mod script;
mod sealed;
mod shared;
pub mod simulation;
mod sources;
pub mod subscriptions;
mod subtrees;
pub mod supervisor;
pub mod transformers;
mod transforming;
pub mod travel;
mod usage;
mod version;

pub use alarms::Alarms;
pub use bundling::Bundling;
pub use deliveries::Deliveries;
pub use supervisor::{ProcessorReport, Supervisor};
pub use transforming::Transforming;
pub use usage::UsageReport;
