//! The flags of `millrace new`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Make a folder for a new processor
///
/// Writes a TypeScript processor with its types, a test that runs it in a real isolate, and what editors, coding agents
/// and people need to go on. It never writes into a folder that has something in it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace new greeter
  millrace new ada --template agent     a model with a history that streams its answers
  millrace new work/greeter             the last part is the processor's name")]
pub struct New {
    /// The folder to make; its name, as in `order-intake`, becomes the processor's
    #[arg(value_name = "NAME")]
    pub folder: PathBuf,
    /// What to begin with
    #[arg(long, value_name = "TEMPLATE", default_value = "ping")]
    pub template: Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// State, an answer to an event, a test
    Ping,
    /// A model with a history: examples/agent as a project of your own
    Agent,
}
