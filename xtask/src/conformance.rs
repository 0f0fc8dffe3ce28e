//! `cargo xtask conformance SUITE DIR`: the suites of others, from a checkout of theirs; none of it is kept here.

use std::process::{Command, ExitCode};

use crate::tidy;

/// A suite, and the test that runs it.
const SUITES: [(&str, &str); 1] = [("jsonata", "reference::the_suite_of_the_reference")];

pub fn run(suite: &str, folder: &str) -> ExitCode {
    let Some((_, test)) = SUITES.iter().find(|(name, _)| *name == suite) else {
        let known: Vec<&str> = SUITES.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no suite `{suite}`; there are: {}", known.join(", "));
        return ExitCode::from(2);
    };
    let folder = match std::path::absolute(folder) {
        Ok(folder) if folder.is_dir() => folder,
        _ => {
            eprintln!("{folder} is no folder");
            return ExitCode::from(2);
        }
    };
    let status = Command::new(env!("CARGO"))
        .args(["test", "--package", "millrace", "--test", "isolate", "--"])
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env("MILLRACE_CONFORMANCE_DIR", folder)
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
