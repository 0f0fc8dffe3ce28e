//! Flags and environment variables: what a person may set, read here and nowhere else.

mod deploy;
mod fixer;
mod outbound;
mod packages;
mod scaffold;
mod secrets;
mod subscriptions;
mod traces;
mod usage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};

pub use deploy::{Deploy, Simulate, Typecheck};
pub use fixer::{BenchFixer, EnableFixer, FixWith, Fixer, FixerAction, FixerMode, ModelApi};
pub use outbound::Outbound;
pub use packages::{Packages, environment, working_folder};
pub use scaffold::{New, Template};
pub use secrets::{Secrets, SecretsAction, SetSecret, secret_key};
pub use subscriptions::Subscriptions;
pub use traces::{Traces, traces};

use crate::event::{EventType, IdempotencyKey, Offset, Project, Slug, StreamPath};

const LONG_ABOUT: &str = "\
A self-hosted, scriptable event-stream host.

A stream is a URL that takes events; a processor is a piece of JavaScript that reacts to them. Both are made by \
appending: the first event creates the stream, and `processor/configured` makes the server run the code in it.";

const EXAMPLES: &str = "\
First steps:
  millrace demo                                     see everything once, on a temporary folder
  millrace serve                                    a server on ./millrace-data
  millrace append /me/hello '{\"type\":\"hello-world\"}'
  millrace tail /me/hello --follow
  millrace deploy ping.js --stream /me/hello --wait
  millrace new greeter                              a folder with a processor, its types and a test

Exit codes: 0 done, 1 failed, 2 wrong usage, as a file that is not there.";

/// A parsed command line.
#[derive(Debug, Parser)]
#[command(name = "millrace", version, about = "A self-hosted, scriptable event-stream host")]
#[command(long_about = LONG_ABOUT, after_help = EXAMPLES, max_term_width = 110)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub remote: Remote,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// From this process's arguments; ends the process with exit code 2 when they are wrong.
    pub fn from_process() -> Cli {
        let matches = usage::command().get_matches();
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    #[cfg(test)]
    fn parse_words(words: &[&str]) -> Result<Cli, clap::Error> {
        Cli::from_arg_matches(&usage::command().try_get_matches_from(words)?)
    }
}

/// Which server to talk to, and how to show what it says.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server and output")]
pub struct Remote {
    /// The server's address
    #[arg(long, global = true, env = "MILLRACE_URL", value_name = "URL")]
    #[arg(default_value = "http://127.0.0.1:4777", value_parser = server_url)]
    pub server: url::Url,
    /// The project, a name space of streams [default: public]
    #[arg(long, global = true, env = "MILLRACE_PROJECT", value_name = "NAME", value_parser = Project::parse)]
    pub project: Option<Project>,
    /// Print JSON, one value a line, for machines
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Serve(Serve),
    Demo(Demo),
    New(New),
    Append(Append),
    Tail(Tail),
    Deploy(Deploy),
    Simulate(Simulate),
    Fixer(Fixer),
    Bundle(Bundle),
    Processors(Processors),
    Subscriptions(Subscriptions),
    Logs(Logs),
    Secrets(Secrets),
    Fsck(Fsck),
}

/// Run a server
///
/// Serves the streams of a data folder over HTTP and runs their processors, until SIGTERM or Ctrl-C: then it
/// answers what is under way, saves the processors' checkpoints, syncs and ends. It listens on this machine
/// only, because whoever can append can run code.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace serve
  millrace serve --listen 127.0.0.1:8080 --data /var/lib/millrace
  millrace serve --store fjall --data ./big          the store is chosen once, when the folder is made
  millrace serve --allow-origin https://app.example  let this site's pages call the server

Each option can be set by its environment variable too. MILLRACE_LOG (or RUST_LOG) filters the log on stderr, \
as in MILLRACE_LOG=debug. \
OTEL_EXPORTER_OTLP_ENDPOINT, as http://127.0.0.1:4318, exports traces from append to reaction (OTLP over HTTP, as JSON).")]
pub struct Serve {
    /// The address to listen on; port 0 picks a free one
    #[arg(long, env = "MILLRACE_LISTEN", value_name = "ADDRESS", default_value = DEFAULT_LISTEN)]
    pub listen: SocketAddr,
    /// The folder that holds everything; made when it does not exist
    #[arg(long, env = "MILLRACE_DATA", value_name = "DIR", default_value = "./millrace-data")]
    pub data: PathBuf,
    /// The storage engine of a new folder; an existing one knows its own [default: sled]
    #[arg(long, env = "MILLRACE_STORE", value_name = "ENGINE")]
    pub store: Option<Store>,
    /// A web origin whose pages may call this server; may be repeated
    #[arg(long, env = "MILLRACE_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<String>,
    /// A further host name by which clients may call this server; may be repeated
    #[arg(long, env = "MILLRACE_ALLOW_HOST", value_name = "HOST", value_delimiter = ',')]
    pub allow_host: Vec<String>,
    /// Allow an address that other machines can reach: all of them can then run code here
    #[arg(long, env = "MILLRACE_INSECURE_PUBLIC", value_parser = clap::builder::BoolishValueParser::new())]
    pub insecure_public: bool,
    /// Processes that run processors [default: one per core]
    #[arg(long, env = "MILLRACE_WORKERS", value_name = "N", value_parser = positive)]
    pub workers: Option<u64>,
    /// How long a processor without events keeps its isolate, in milliseconds
    #[arg(long, env = "MILLRACE_HIBERNATE_AFTER_MS", value_name = "MS")]
    pub hibernate_after_ms: Option<u64>,
    /// Memory that sled may use as its cache, in MiB
    #[arg(long, env = "MILLRACE_SLED_CACHE_MB", value_name = "MB", default_value_t = 512, value_parser = positive)]
    pub sled_cache_mb: u64,
    #[command(flatten)]
    pub outbound: Outbound,
    #[command(flatten)]
    pub packages: Packages,
}

/// Where a server listens, and clients look for one, when nothing else is said.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:4777";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Store {
    Sled,
    Fjall,
}

/// See everything once, on a temporary folder
///
/// Starts a server whose data vanish with it, appends a processor as an event, shows ping and pong, then a
/// processor that throws, its failure as an event, and the repair; then one with a package from npm. Stays up until Ctrl-C, so that the curl
/// lines that it prints can be tried.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace demo
  millrace demo --listen 127.0.0.1:0     on any free port")]
pub struct Demo {
    /// The address to listen on; another port is picked when this one is taken [default: 127.0.0.1:4777]
    #[arg(long, env = "MILLRACE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    #[command(flatten)]
    pub packages: Packages,
}

/// Append events to a stream
///
/// Sends one event, or a batch that is stored as a whole or not at all, and prints what was stored. The first
/// event creates the stream. What is no valid event is stored too, as `stream/invalid-event-appended`: the
/// command then says why and exits with 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace append /me/hello '{\"type\":\"hello-world\"}'
  millrace append /me/hello --type greeted '{\"name\":\"Ada\"}'     wraps the object as the payload
  millrace append /me/hello --type greeted                        with an empty payload
  millrace append /orders --key order-17 '{\"type\":\"order-placed\"}'   a repeat stores nothing
  cat events.jsonl | millrace append /orders -                    one JSON value, or one a line")]
pub struct Append {
    /// The stream's path, as in /team/inbox
    #[arg(value_name = "PATH", value_parser = stream_path)]
    pub path: StreamPath,
    /// An event, or an array of events; `-` reads them from stdin
    #[arg(value_name = "JSON|-", allow_hyphen_values = true)]
    pub json_text: Option<String>,
    /// Take the JSON object as the payload of an event of this type
    #[arg(long = "type", value_name = "TYPE", value_parser = EventType::parse)]
    pub event_type: Option<EventType>,
    /// An idempotency key: the stream stores one event with it, ever
    #[arg(long, value_name = "KEY", value_parser = idempotency_key)]
    pub key: Option<IdempotencyKey>,
}

/// Print a stream's events, and follow it
///
/// Prints the offset, time, type and payload of each event, oldest first. With --follow it goes on with events
/// as they arrive, also before the stream exists, and reconnects by itself where it was cut off.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace tail /me/hello
  millrace tail /me/hello --follow --after end        only what is new
  millrace tail /me/hello --types ping,pong --limit 10
  millrace tail /me/hello --json | jq .payload        one event a line")]
pub struct Tail {
    /// The stream's path, as in /team/inbox
    #[arg(value_name = "PATH", value_parser = stream_path)]
    pub path: StreamPath,
    #[command(flatten)]
    pub selection: Selection,
}

/// Which events of a stream to show.
#[derive(Clone, Debug, Args)]
pub struct Selection {
    /// Go on with events as they arrive
    #[arg(long, short)]
    pub follow: bool,
    /// Begin behind this offset; `start` or `end`
    #[arg(long, value_name = "OFFSET", default_value = "start", value_parser = cursor)]
    pub after: Cursor,
    /// Only events of these types, separated by commas
    #[arg(long, value_name = "TYPE,…", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Stop after this many events
    #[arg(long, value_name = "N", value_parser = positive)]
    pub limit: Option<u64>,
}

/// A place between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    Start,
    End,
    After(Offset),
}

/// Make one module of a processor's files
///
/// Does on this machine what the server's bundler does with `processor/source-configured`: resolves and fetches the
/// packages of package.json, compiles TypeScript, links everything to one ES module, checks the types. Prints the
/// module, or writes it with its source map; errors are printed as a compiler would, with exit code 1.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace bundle ping.ts                             prints the module
  millrace bundle ./agent --out agent.js              writes agent.js and agent.js.map
  millrace bundle ./agent --json | jq .dependencies")]
pub struct Bundle {
    /// A TypeScript or JavaScript file with what it imports, or a folder with all of its files
    #[arg(value_name = "FILE|FOLDER")]
    pub file: PathBuf,
    /// Where to write the module
    #[arg(long, short, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What type errors do: nobody looks, they are printed, or there is no bundle
    #[arg(long, value_name = "WHAT", default_value = "report")]
    pub typecheck: Typecheck,
    #[command(flatten)]
    pub packages: Packages,
}

/// List a stream's processors
///
/// Shows each processor's status, how far it has reduced and acted, how far it lags behind the stream, and its
/// last error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace processors /me/hello
  millrace processors /me/hello --json | jq '.slug, .lag'")]
pub struct Processors {
    /// The stream's path, as in /team/inbox
    #[arg(value_name = "PATH", value_parser = stream_path)]
    pub path: StreamPath,
}

/// Print what a processor has logged
///
/// `console.log` and `logger` in a processor write to a stream of their own, PATH/_logs/SLUG; this prints it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace logs /me/hello ping
  millrace logs /me/hello ping --follow")]
pub struct Logs {
    /// The path of the stream that the processor is on
    #[arg(value_name = "PATH", value_parser = stream_path)]
    pub path: StreamPath,
    /// The processor's name within the stream
    #[arg(value_name = "SLUG", value_parser = Slug::parse)]
    pub slug: Slug,
    #[command(flatten)]
    pub selection: Selection,
}

/// Check every invariant of a data folder
///
/// Reads the whole folder while no server uses it, and reports what is not as it should be. It repairs nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace fsck ./millrace-data")]
pub struct Fsck {
    /// The data folder
    #[arg(value_name = "DIR")]
    pub data: PathBuf,
}

impl From<Cursor> for crate::event::Cursor {
    fn from(cursor: Cursor) -> crate::event::Cursor {
        match cursor {
            Cursor::Start => crate::event::Cursor::Start,
            Cursor::End => crate::event::Cursor::End,
            Cursor::After(offset) => crate::event::Cursor::At(offset),
        }
    }
}

impl Serve {
    pub fn hibernate_after(&self) -> Option<Duration> {
        self.hibernate_after_ms.map(Duration::from_millis)
    }

    pub fn sled_cache_bytes(&self) -> u64 {
        self.sled_cache_mb.saturating_mul(1024 * 1024)
    }
}

/// What to log: ours first, then the Rust world's habit.
pub fn log_filter() -> Option<String> {
    ["MILLRACE_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|filter| !filter.trim().is_empty())
}

/// Whether colours are unwelcome even on a terminal (no-color.org, and terminals that know none).
pub fn plain_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

fn stream_path(text: &str) -> Result<StreamPath, String> {
    StreamPath::parse_url(text)
}

fn server_url(text: &str) -> Result<url::Url, String> {
    let with_scheme = if text.contains("://") { text.to_string() } else { format!("http://{text}") };
    let url = url::Url::parse(&with_scheme).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("a server is addressed as http://HOST:PORT".into());
    }
    Ok(url)
}

fn idempotency_key(text: &str) -> Result<IdempotencyKey, String> {
    IdempotencyKey::parse(text).ok_or_else(|| "a key must not be empty".into())
}

fn positive(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a positive number".into())
}

fn cursor(text: &str) -> Result<Cursor, String> {
    match text {
        "start" => Ok(Cursor::Start),
        "end" => Ok(Cursor::End),
        digits => match digits.parse() {
            Ok(0) => Ok(Cursor::Start),
            Ok(offset) => Ok(Cursor::After(Offset(offset))),
            Err(_) => Err("expected an offset, `start` or `end`".into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_may_be_named_before_and_after_the_command() {
        for words in [
            ["millrace", "--server", "localhost:9", "tail", "a"],
            ["millrace", "tail", "a", "--server", "http://localhost:9"],
        ] {
            let cli = Cli::parse_words(&words).unwrap();
            assert_eq!(cli.remote.server.as_str(), "http://localhost:9/");
        }
    }

    #[test]
    fn wrong_usage_is_told_apart() {
        let cases: [(&[&str], bool); 7] = [
            (&["millrace", "tail", "/a/B"], false),
            (&["millrace", "tail", "a/b", "--after", "7"], true),
            (&["millrace", "tail", "a", "--after", "soon"], false),
            (&["millrace", "tail", "a", "--limit", "0"], false),
            (&["millrace", "append", "a", "-"], true),
            (&["millrace", "logs", "a", "Bad Slug"], false),
            (&["millrace", "serve", "--store", "paper"], false),
        ];
        for (words, right) in cases {
            assert_eq!(Cli::parse_words(words).is_ok(), right, "{words:?}");
        }
    }
}
