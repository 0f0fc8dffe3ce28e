//! The flags of `millrace fixer`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use url::Url;

use super::{positive, stream_path};
use crate::event::{Slug, StreamPath};

/// Let a model repair a stream's processors
///
/// The fixer is a processor like any other, from `examples/fixer`: when another processor of its stream does not compile,
/// fails or is suspended, it asks a model for a repair, runs the answer over the recent history without effect, and only
/// when that goes well configures it. Every step is an event of the stream.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace secrets set MODEL_KEY --host api.example.com
  millrace fixer enable /shop --base-url https://api.example.com/v1 --model NAME --secret MODEL_KEY
  millrace fixer enable /shop --base-url http://127.0.0.1:8080/v1 --model local --mode propose --include-children
  millrace append /shop '{\"type\":\"fixer/approved\",\"payload\":{\"offset\":42}}'      what was proposed there
  millrace fixer status /shop
  millrace fixer bench examples/fixer/bench --base-url http://127.0.0.1:8080/v1 --model local

A model on this machine is reached by a server that allows it: `millrace serve --egress-allow 127.0.0.1`.")]
pub struct Fixer {
    #[command(subcommand)]
    pub action: FixerAction,
}

#[derive(Debug, Subcommand)]
pub enum FixerAction {
    /// Deploy the fixer on a stream and wait until it is active
    Enable(Box<EnableFixer>),
    /// Have a folder of broken processors repaired, and judge each by events that nobody has seen
    Bench(Box<BenchFixer>),
    /// Show what a stream's fixer has done
    Status {
        /// The stream's path, as in /team/inbox
        #[arg(value_name = "PATH", value_parser = stream_path)]
        path: StreamPath,
    },
}

#[derive(Debug, Args)]
pub struct EnableFixer {
    /// The stream's path, as in /team/inbox
    #[arg(value_name = "PATH", value_parser = stream_path)]
    pub path: StreamPath,
    #[command(flatten)]
    pub model: FixWith,
    /// Repair the processors of every stream below as well
    #[arg(long)]
    pub include_children: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = positive)]
    pub timeout: u64,
}

#[derive(Debug, Args)]
pub struct BenchFixer {
    /// A folder of cases, as examples/fixer/bench is one
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,
    #[command(flatten)]
    pub model: FixWith,
    /// Each case runs on a stream below this one
    #[arg(long, value_name = "PATH", default_value = "/fixer-bench", value_parser = stream_path)]
    pub stream: StreamPath,
    /// A class or a case to run; may be repeated [default: all]
    #[arg(long = "case", value_name = "NAME")]
    pub cases: Vec<String>,
    /// Cases at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub at_once: usize,
    /// How long one repair may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = positive)]
    pub patience: u64,
    /// How long to wait for what is expected of the repaired processor, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = positive)]
    pub oracle_patience: u64,
}

/// Which model is asked, and how often.
#[derive(Debug, Args)]
pub struct FixWith {
    /// Where the model is served, up to what stands in front of /chat/completions or /messages
    #[arg(long, value_name = "URL")]
    pub base_url: Url,
    /// The model's name there
    #[arg(long, value_name = "NAME")]
    pub model: String,
    /// The secret with the model's key, as `millrace secrets set` has named it; a local server may need none
    #[arg(long, value_name = "NAME")]
    pub secret: Option<String>,
    /// How the model is spoken to
    #[arg(long, value_name = "API", default_value = "openai")]
    pub api: ModelApi,
    /// Whether a repair that was checked is applied, or waits for `fixer/approved`
    #[arg(long, value_name = "MODE", default_value = "apply")]
    pub mode: FixerMode,
    /// Attempts for each source that somebody wrote [default: 3]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub max_attempts: Option<u64>,
    /// The most tokens that one answer may have [default: 8192]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub max_tokens: Option<u64>,
    /// Seconds between two repairs of the same processor [default: 0]
    #[arg(long, value_name = "SECONDS")]
    pub cooldown_seconds: Option<u64>,
    /// Repair this processor only; may be repeated
    #[arg(long = "only", value_name = "SLUG", value_parser = Slug::parse)]
    pub slugs: Vec<Slug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModelApi {
    /// `POST {base-url}/chat/completions`, which most servers speak
    Openai,
    Anthropic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FixerMode {
    Apply,
    Propose,
}
