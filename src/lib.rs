//! millrace: a self-hosted, scriptable event-stream host. `ARCHITECTURE.md` beside this file is the map.

pub mod cli;
pub mod config;
pub mod event;
pub mod http;
pub mod limits;
pub mod processor;
