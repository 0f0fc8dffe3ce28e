//! What a build is doing, for people who wait for it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Finding the versions that satisfy the dependencies.
    Resolving,
    Downloading {
        done: usize,
        total: usize,
    },
    Linking,
    Checking,
}

/// Called as often as something changes; it must be quick.
pub type OnStep<'a> = &'a (dyn Fn(Step) + Send + Sync);
