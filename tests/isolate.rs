//! Isolates as the rest of the server sees them: a script and events in; state, appends, logs and failures out.
//! Each case is a line of data; one function knows the API.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "isolate/harness.rs"]
mod harness;

#[path = "isolate/cases.rs"]
mod cases;
#[path = "isolate/containment.rs"]
mod containment;
#[path = "isolate/escapes.rs"]
mod escapes;
#[path = "isolate/expressions.rs"]
mod expressions;
#[path = "isolate/globals.rs"]
mod globals;
#[path = "isolate/hooks.rs"]
mod hooks;
#[path = "isolate/reference.rs"]
mod reference;
#[path = "isolate/rehearsal.rs"]
mod rehearsal;
#[cfg(target_os = "linux")]
#[path = "isolate/sandbox.rs"]
mod sandbox;
