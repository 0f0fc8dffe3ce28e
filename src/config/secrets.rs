//! The command about secrets, and the key that a server keeps them under.

use clap::{Args, Subcommand};

use crate::event::HostRule;

/// Set, list and remove secrets
///
/// A processor names a secret in a header's value, as in `Bearer getSecret({secretKey: "OPENAI_API_KEY"})`, and the
/// server puts the value there on the way out. Neither the processor, nor a stream, nor a log ever has it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace secrets set OPENAI_API_KEY --host api.openai.com      asks for the value
  printf %s \"$TOKEN\" | millrace secrets set SLACK --host '*.slack.com'
  millrace secrets list
  millrace secrets remove SLACK")]
pub struct Secrets {
    #[command(subcommand)]
    pub action: SecretsAction,
}

#[derive(Debug, Subcommand)]
pub enum SecretsAction {
    /// Set a secret, or replace it; the value is asked for without an echo, or read from stdin
    Set(SetSecret),
    /// List the project's secrets, without their values
    List,
    /// Remove a secret
    Remove {
        /// The secret's name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Args)]
pub struct SetSecret {
    /// The secret's name, as in OPENAI_API_KEY
    #[arg(value_name = "NAME")]
    pub name: String,
    /// A host that it may be sent to: HOST, *.SUFFIX, with :PORT if it is about one; may be repeated [default: any]
    #[arg(long = "host", value_name = "HOST", value_parser = HostRule::parse)]
    pub hosts: Vec<HostRule>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

/// The key of the secrets. It has no flag: arguments are seen by whoever lists processes.
pub fn secret_key() -> Option<String> {
    std::env::var("MILLRACE_SECRET_KEY").ok().filter(|key| !key.trim().is_empty())
}
