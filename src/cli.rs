//! The command line: each command in its own file, all but `serve`, `demo`, `new`, `fsck` and `bundle` speaking
//! HTTP only.

mod append;
mod bundle;
mod bundler;
mod client;
mod demo;
mod deploy;
mod diagnosis;
mod failure;
mod fixer;
mod fsck;
mod places;
mod processors;
mod scaffold;
mod secrets;
mod serve;
mod simulate;
mod sources;
mod steps;
mod subscriptions;
mod tail;
mod telemetry;
mod terminal;
mod wire;

use std::process::ExitCode;

use failure::Failure;
use terminal::{Paint, Style};

use crate::config::{Cli, Command};

/// Runs one command to its end and tells its failure, if any.
pub fn run(cli: Cli) -> ExitCode {
    match dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(sentence) = failure.sentence() {
                let label = Paint::stderr().paint(Style::Bad, "error");
                terminal::remark(&format!("{label}: {sentence}"));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    let remote = &cli.remote;
    match &cli.command {
        Command::Serve(options) => serve::serve(options),
        Command::Demo(options) => demo::demo(options),
        Command::New(options) => scaffold::scaffold(remote, options),
        Command::Bundle(options) => serve::run_server(bundle::bundle(remote, options)),
        Command::Fsck(options) => fsck::fsck(remote, options),
        Command::Append(options) => client_runtime()?.block_on(append::append(remote, options)),
        Command::Tail(options) => client_runtime()?.block_on(tail::tail(remote, options)),
        Command::Deploy(options) => client_runtime()?.block_on(deploy::deploy(remote, options)),
        Command::Subscriptions(options) => {
            client_runtime()?.block_on(subscriptions::subscriptions(remote, options))
        }
        Command::Processors(options) => client_runtime()?.block_on(processors::processors(remote, options)),
        Command::Fixer(options) => client_runtime()?.block_on(fixer::fixer(remote, options)),
        Command::Simulate(options) => client_runtime()?.block_on(simulate::simulate(remote, options)),
        Command::Secrets(options) => client_runtime()?.block_on(secrets::secrets(remote, options)),
        Command::Logs(options) => client_runtime()?.block_on(tail::logs(remote, options)),
    }
}

/// A client waits for one connection at a time: one thread is enough, and starts at once.
fn client_runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the asynchronous runtime: {error}")))
}
