//! The one binary: a command of the command line, or, started by the server itself, a worker process.

use std::process::ExitCode;

fn main() -> ExitCode {
    millrace::cli::run(millrace::config::Cli::from_process())
}
