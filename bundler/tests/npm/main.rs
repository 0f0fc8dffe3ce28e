//! The npm client against a registry of its own on loopback, which lies, fails and counts.
#![allow(clippy::unwrap_used)]

mod failing;
mod fetching;
mod keeping;
mod locking;
mod registry;
mod resolving;
mod world;
