//! How a processor is deployed, and tried before that.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Cursor, cursor, positive, stream_path};
use crate::event::{Slug, StreamPath, builtin};

/// Make a stream run a processor
///
/// Appends `processor/configured` with plain JavaScript, or `processor/source-configured` with TypeScript and with
/// whatever has a package.json: the server's bundler then resolves its packages and makes one module of it. A file
/// takes along what it imports of your own files, and the nearest package.json if it imports a package. The server
/// reduces the stream's history with the processor and then acts on every new event. With --wait the command
/// follows the stream until the processor is active, or prints where and why it failed and exits with 1; a version
/// that fails never replaces one that works.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace deploy ping.ts --stream /me/hello --wait
  millrace deploy ping.js --stream /me/hello --slug echo
  millrace deploy ./agent --stream /agents/ada        a folder, from its processor.ts or index.ts
  millrace deploy ./agent --stream /agents/ada --wait --typecheck require
  millrace deploy ping.ts --stream /me/hello --wait --redeliver-failed    after a fix")]
pub struct Deploy {
    /// A TypeScript or JavaScript file with what it imports, or a folder with all of its files
    #[arg(value_name = "FILE|FOLDER")]
    pub file: PathBuf,
    /// The stream's path, as in /team/inbox
    #[arg(long, value_name = "PATH", value_parser = stream_path)]
    pub stream: StreamPath,
    /// The processor's name within the stream [default: its own `slug`, or the file's or folder's name]
    #[arg(long, value_name = "SLUG", value_parser = Slug::parse)]
    pub slug: Option<Slug>,
    /// Run it on every stream below as well, each with a state of its own
    #[arg(long)]
    pub include_children: bool,
    /// Once it is active, act again on the events whose `afterAppend` had failed
    #[arg(long)]
    pub redeliver_failed: bool,
    /// What type errors do: nothing, be reported, or keep it from running [default: report]
    #[arg(long, value_name = "WHAT")]
    pub typecheck: Option<Typecheck>,
    /// Wait until it is active or has failed
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = positive)]
    pub timeout: u64,
}

/// Run a processor over a stream's history, with no effect
///
/// The server runs the files in a sealed isolate over the recorded events: nothing is appended, sent or deployed. Shown
/// is what the processor would have appended, its state and its failures beside those of the version that is live under
/// the same slug. The exit code is 1 when it fails where the live version did not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace simulate ping.ts --stream /me/hello
  millrace simulate ./agent --stream /agents/ada --after 1200     act on the newest events only
  millrace simulate ping.ts --stream /me/hello --fetches answers.json
  millrace simulate ping.ts --stream /me/hello --json | jq .difference

`--fetches` names a JSON array of what requests are answered with, in order: \
[{\"url\": \"https://api.example/*\", \"status\": 200, \"body\": {}}]. A request without an answer fails.")]
pub struct Simulate {
    /// A TypeScript or JavaScript file with what it imports, or a folder with all of its files
    #[arg(value_name = "FILE|FOLDER")]
    pub file: PathBuf,
    /// The stream's path, as in /team/inbox
    #[arg(long, value_name = "PATH", value_parser = stream_path)]
    pub stream: StreamPath,
    /// The live processor to compare with [default: its own `slug`, or the file's or folder's name]
    #[arg(long, value_name = "SLUG", value_parser = Slug::parse)]
    pub slug: Option<Slug>,
    /// Up to this offset events are reduced and not acted on; `start` or `end`
    #[arg(long, value_name = "OFFSET", value_parser = cursor)]
    pub after: Option<Cursor>,
    /// End in front of this offset; `start` or `end`
    #[arg(long, value_name = "OFFSET", value_parser = cursor)]
    pub before: Option<Cursor>,
    /// A file with answers for its requests
    #[arg(long, value_name = "FILE")]
    pub fetches: Option<PathBuf>,
    /// What type errors do: nothing, be reported, or keep it from running [default: off]
    #[arg(long, value_name = "WHAT")]
    pub typecheck: Option<Typecheck>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Typecheck {
    Off,
    Report,
    Require,
}

impl From<Typecheck> for builtin::Typecheck {
    fn from(typecheck: Typecheck) -> builtin::Typecheck {
        match typecheck {
            Typecheck::Off => builtin::Typecheck::Off,
            Typecheck::Report => builtin::Typecheck::Report,
            Typecheck::Require => builtin::Typecheck::Require,
        }
    }
}
