//! The door to the program under test: start it, talk to it, wait for what it appends. Nothing in here
//! sleeps and hopes: every wait is for an event or an answer, with a deadline.

mod client;
pub mod http;
pub mod origin;
pub mod peer;
pub mod programs;
mod scenario;
pub mod script;
pub mod server;
mod sse;
mod subset;

pub use client::{Client, get, post, request};
pub use origin::{Answering, Asked, Origin};
pub use peer::{Listener, Peer};
pub use scenario::Scenario;
pub use server::{Server, Shared, fresh, shared};
pub use sse::Sse;
pub use subset::{assert_subset, difference};

use std::time::Duration;

/// How long anything may take: generous, because two cores may be busy with ten servers.
pub const DEADLINE: Duration = Duration::from_secs(30);
