//! millrace: a self-hosted, scriptable event-stream host. `ARCHITECTURE.md` beside this file is the map.

pub mod event;
pub mod limits;
pub mod log;
pub mod processor;
