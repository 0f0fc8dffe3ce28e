//! `cargo xtask conformance SUITE DIR`: how much of the suites of others passes, from a checkout of theirs; none of it
//! is kept here. What runs them are programs and tests beside ours, which find the server's binary as those do.

use std::process::{Command, ExitCode};

use crate::tidy;

pub fn run(suite: &str, folder: &str, more: &[&str]) -> ExitCode {
    let folder = match std::path::absolute(folder) {
        Ok(folder) if folder.is_dir() => folder,
        _ => {
            eprintln!("{folder} is no folder: give a checkout of the suite");
            return ExitCode::from(2);
        }
    };
    let mut command = Command::new(env!("CARGO"));
    command.args(["test", "--quiet", "--package", "millrace"]).current_dir(tidy::root());
    match suite {
        "jsonata" => command
            .args(["--test", "isolate", "--", "--exact", "reference::the_suite_of_the_reference"])
            .args(["--ignored", "--nocapture"])
            .env("MILLRACE_CONFORMANCE_DIR", folder),
        "wpt" => command.args(["--test", "conformance", "--", "--wpt"]).arg(folder).args(more),
        _ => {
            eprintln!("there is no suite `{suite}`; there are: jsonata, wpt");
            return ExitCode::from(2);
        }
    };
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo test did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
