//! Why a source does not become a bundle: at which stage, and what the author is to change.

use serde::{Deserialize, Serialize};

use crate::Diagnostic;

/// How far a source has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Parse,
    Resolve,
    Install,
    Link,
    Typecheck,
}

/// The author's to mend: at least one diagnostic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub stage: Stage,
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the source has {} diagnostics at stage {:?}", .0.diagnostics.len(), .0.stage)]
    Failed(Failure),
    /// This machine's trouble, such as a full disk: the same source may build later.
    #[error("{0}")]
    Machinery(String),
}
