//! The flags of `millrace subscriptions`.

use clap::Args;

use super::stream_path;
use crate::event::{Slug, StreamPath};

/// List a stream's push subscriptions
///
/// Shows each subscription's status, how far it has come and lags behind the stream, its next attempt and its last
/// error. With --secret it prints the key that a receiver checks the signatures of its webhooks with.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  millrace subscriptions /shop
  millrace subscriptions /shop --secret billing
  millrace append /shop --type subscription/removed '{\"slug\":\"billing\"}'

A subscription is made by an event: /docs/events/subscription/configured of a server says how.")]
pub struct Subscriptions {
    /// The stream's path, as in /team/inbox
    #[arg(value_name = "PATH", value_parser = stream_path)]
    pub path: StreamPath,
    /// Print the signing secret of this subscription
    #[arg(long, value_name = "SLUG", value_parser = Slug::parse)]
    pub secret: Option<Slug>,
}
