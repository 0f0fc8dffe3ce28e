//! The flags about what processors may reach.

use std::path::PathBuf;

use clap::Args;

use crate::event::HostRule;

/// What processors may reach.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Egress")]
pub struct Outbound {
    /// A host that processors may reach beside public ones: a name, *.SUFFIX, an address or ADDRESS/BITS; may be repeated
    #[arg(
        long = "egress-allow",
        env = "MILLRACE_EGRESS_ALLOW",
        value_name = "HOST[:PORT]",
        value_delimiter = ','
    )]
    #[arg(value_parser = HostRule::parse)]
    pub allow: Vec<HostRule>,
    /// Certificates, as a PEM file, that their connections trust beside the public ones
    #[arg(long = "egress-roots", env = "MILLRACE_EGRESS_ROOTS", value_name = "FILE")]
    pub roots: Option<PathBuf>,
}
