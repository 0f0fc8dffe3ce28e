//! `/llms.txt`: what a language model has to know to use the server, on one page. The routes, event types and pieces of
//! code in it are checked against a running server (`tests/it/teaching.rs`).

use super::table;
use crate::event::Kind;

const PAGE: &str = include_str!("llms.md");

pub fn page() -> String {
    let events: String = Kind::ALL
        .iter()
        .map(|kind| format!("  - `{}`: {}\n", kind.name(), table::doc(*kind).summary))
        .collect();
    PAGE.replace("{events}\n", &events)
}
