//! What a drive waits for beside events: a newer version that is being loaded, and failures that no hook waits for.

use tokio_util::task::AbortOnDropHandle;

use super::super::deployments::Deployment;
use super::activate::Loaded;
use crate::event::Offset;
use crate::isolate::{IsolateError, ScriptFailure};

/// A newer version that is being loaded while the earlier one goes on.
pub(super) struct Candidate {
    pub deployment: Deployment,
    /// A task of its own: while it waits its turn at the compiler, this follower may have to wait there too.
    pub loading: AbortOnDropHandle<Result<Loaded, IsolateError>>,
}

/// The candidate's outcome; never, while there is none.
pub(super) async fn ready(candidate: &mut Option<Candidate>) -> (Deployment, Result<Loaded, IsolateError>) {
    match candidate {
        Some(candidate) => {
            let loaded = (&mut candidate.loading).await;
            let ended = |error: tokio::task::JoinError| Err(IsolateError::Machinery(error.to_string()));
            (candidate.deployment.clone(), loaded.unwrap_or_else(ended))
        }
        None => std::future::pending().await,
    }
}

/// The next failure that no hook waits for.
pub(super) async fn unawaited(loaded: &mut Option<Loaded>) -> Option<(ScriptFailure, Option<Offset>)> {
    match loaded {
        Some(loaded) => loaded.failures.recv().await,
        None => std::future::pending().await,
    }
}
