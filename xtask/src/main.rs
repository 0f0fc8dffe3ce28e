//! The project's own commands, so that a checkout needs nothing but Rust and a C compiler:
//! `cargo xtask test`, `cargo xtask tidy`, `cargo xtask bench`, `cargo xtask conformance`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]

mod bench;
mod conformance;
mod test;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
The project's own commands.

  cargo xtask test [-- FILTER...]   build once, check the rules of the code base, run every test
  cargo xtask tidy                  only the rules: layers, forbidden names, file headers and lengths
  cargo xtask bench [FIGURE...]     measure the server beside the machine's own limits, and print a table;
                                    SERVER=PROGRAM measures that one instead of this checkout's release
  cargo xtask conformance wpt DIR [--area AREA]... [--only TEXT] [--failures] [--json]
                                    run web-platform-tests of a checkout in isolates, and print how many pass
  cargo xtask conformance jsonata DIR
                                    the same with the suite of the reference implementation of JSONata

A filter is what `cargo test` takes: `cargo xtask test -- idempotency` runs the tests with that in their name.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}\n\nThe figures of `bench`:\n{}", bench::help());
            ExitCode::SUCCESS
        }
        ["test", filters @ ..] => test::run(filters),
        ["tidy"] => tidy::run(),
        ["bench", figures @ ..] => bench::run(figures),
        ["conformance", suite, folder, more @ ..] => conformance::run(suite, folder, more),
        [unknown, ..] => {
            eprintln!("cargo xtask does not know `{unknown}` with these arguments\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}
