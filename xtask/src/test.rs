//! `cargo xtask test`: everything that must hold, in one build.

use std::process::{Command, ExitCode};

use crate::tidy;

pub fn run(args: &[&str]) -> ExitCode {
    let filters = args.strip_prefix(&["--"]).unwrap_or(args);
    let tidy = tidy::run();
    if tidy != ExitCode::SUCCESS {
        return tidy;
    }
    let status = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--no-fail-fast", "--"])
        .args(filters)
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
