//! `cargo xtask conformance`: the share of web-platform-tests that pass in our isolates. What runs them is a program
//! beside the tests (`tests/conformance.rs`), which finds the server's binary as they do.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::tidy;

pub fn run(arguments: &[&str]) -> ExitCode {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "-p", "millrace", "--test", "conformance", "--"])
        .args(absolute(arguments))
        .current_dir(tidy::root())
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo test did not start: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The folder behind `--wpt` is named from where the command is given.
fn absolute<'a>(arguments: &[&'a str]) -> Vec<PathBuf> {
    let behind = |at: usize| at > 0 && arguments[at - 1] == "--wpt";
    let one = |(at, argument): (usize, &&'a str)| match std::path::absolute(argument) {
        Ok(folder) if behind(at) => folder,
        _ => PathBuf::from(argument),
    };
    arguments.iter().enumerate().map(one).collect()
}
