//! `cargo xtask test`: everything that must hold, in one build.

use std::process::{Command, ExitCode};

use crate::tidy;

pub fn run(args: &[&str]) -> ExitCode {
    let filters = args.strip_prefix(&["--"]).unwrap_or(args);
    let tidy = tidy::run();
    if tidy != ExitCode::SUCCESS {
        return tidy;
    }
    let filters = [&["--"], filters].concat();
    let everything = cargo_test(&[], &["--workspace"], &filters);
    // The black-box tests have now run on sled, the default; crash.rs takes each engine itself.
    let on_fjall = cargo_test(
        &[("MILLRACE_STORE", "fjall")],
        &["--test", "it"],
        &[&filters, &["--skip", "crash::"][..]].concat(),
    );
    if everything && on_fjall { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cargo_test(environment: &[(&str, &str)], targets: &[&str], filters: &[&str]) -> bool {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--no-fail-fast"])
        .args(targets)
        .args(filters)
        .envs(environment.iter().copied())
        .current_dir(tidy::root())
        .status();
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("cargo test did not start: {error}");
            false
        }
    }
}
