//! Black-box tests: the real binary, over HTTP and its command line, against the wire contract. A test is a
//! table of data where it can be; only `harness` knows how a request is made or a server started.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test says what failed by panicking")]

mod harness;

mod append;
mod breaker;
mod bundling;
mod cli;
mod client;
mod crash;
mod delete;
mod deploying;
mod dry_running;
mod examples;
mod failures;
mod fixer;
mod forking;
mod hooks;
mod input;
mod limits;
mod listing;
mod live;
mod loops;
mod models;
mod neighbours;
mod network;
mod packages;
mod paths;
mod polyglot;
mod processors;
mod reading;
mod rebuilding;
mod reconnecting;
mod recovery;
mod safety;
mod scheduling;
mod sdk;
mod secrets;
mod simulating;
mod standing;
mod starting;
mod startup;
mod subtrees;
mod teaching;
mod traces;
mod transformers;
mod travelling;
mod webhooks;
mod websockets;
