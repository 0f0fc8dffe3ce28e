//! The globals, by what they do: each line is an expression and what it is, as `console.log` shows it.

use super::harness::check_expressions;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn globals() {
    check_expressions(include_str!("globals.txt")).await;
}
