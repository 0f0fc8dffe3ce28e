//! The black-box tests' own HTTP client: bytes on a socket, nothing shared with the server.

#[path = "../../../tests/it/harness/http.rs"]
mod client;

pub use client::{Connection, Request};
