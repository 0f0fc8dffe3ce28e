//! The one binary: a command of the command line, or, started by the server itself, a worker process.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before flags and runtime: a worker has neither, and must be small and quick to start.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == millrace::isolate::SUBCOMMAND) {
        return match std::env::args_os().nth(2).is_some_and(|role| role == millrace::jsonata::ROLE) {
            true => millrace::jsonata::worker_main(),
            false => millrace::isolate::worker_main(),
        };
    }
    millrace::cli::run(millrace::config::Cli::from_process())
}
