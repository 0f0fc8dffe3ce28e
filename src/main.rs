use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == millrace::isolate::SUBCOMMAND) {
        return millrace::isolate::worker_main();
    }
    ExitCode::SUCCESS
}
