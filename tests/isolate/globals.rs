//! The globals, by what they do: each line of `globals.txt` is an expression and what it is, as `console.log` shows
//! it, like those of
//! `urlpattern.txt`; the files of `web` hold scripts and what they log.

use super::harness::{check_expressions, check_scripts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn globals() {
    check_expressions(include_str!("globals.txt")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn url_patterns() {
    check_expressions(include_str!("urlpattern.txt")).await;
}

macro_rules! scripts {
    ($($folder:literal: $($name:ident),* $(,)?);* $(;)?) => { $($(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let file = concat!($folder, "/", stringify!($name), ".js");
            check_scripts(file, include_str!(concat!($folder, "/", stringify!($name), ".js"))).await;
        }
    )*)* };
}

scripts! {
    "web": readable_streams, writable_streams, bodies, messages, scope, performance, subtle, subtle_refusals, subtle_vectors, intl;
    "node": modules, crypto, buffer, events, util, streams, zlib;
}
