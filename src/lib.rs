//! millrace: a self-hosted, scriptable event-stream host. `ARCHITECTURE.md` beside this file is the map.

pub mod cli;
pub mod client;
pub mod config;
pub mod egress;
pub mod event;
pub mod host;
pub mod http;
pub mod isolate;
pub mod jsonata;
pub mod limits;
pub mod log;
mod memory;
pub mod processor;
pub mod processors;
pub mod stream;
