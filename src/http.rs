//! The server over HTTP.

pub mod docs;
