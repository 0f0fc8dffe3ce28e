//! The payloads of the bundler's events: a source as its author wrote it, and what is wrong with it.

use std::collections::BTreeMap;

use millrace_bundler::{Diagnostic, Stage};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Egress, ProcessorLimits};
use crate::event::Slug;

/// A processor as its author wrote it: the bundler makes a `processor/configured` of it. Whatever else may be
/// wrong with the files is told as diagnostics.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorSourceConfigured {
    pub slug: Slug,
    pub files: BTreeMap<String, String>,
    pub entry: Option<String>,
    /// The object, or its text.
    pub package_json: Option<Box<RawValue>>,
    /// Of an earlier bundle: the same packages again.
    pub lock: Option<Box<RawValue>>,
    #[serde(default)]
    pub typecheck: Typecheck,
    #[serde(default)]
    pub include_children: bool,
    #[serde(default)]
    pub redeliver_failed: bool,
    #[serde(default)]
    pub limits: ProcessorLimits,
    pub egress: Option<Egress>,
}

impl ProcessorSourceConfigured {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.files.is_empty() {
            return Err("`files` must have at least one file, as in {\"processor.ts\": \"…\"}".into());
        }
        self.slug.check_free()?;
        self.limits.check()
    }
}

/// What a type error does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Typecheck {
    /// Nobody looks.
    Off,
    /// The bundle runs, and the errors are told as an event.
    #[default]
    Report,
    /// The bundle does not run.
    Require,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorCompileFailed {
    pub slug: Slug,
    pub source_offset: u64,
    pub stage: Stage,
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorTypeErrorsFound {
    pub slug: Slug,
    pub source_offset: u64,
    pub diagnostics: Vec<Diagnostic>,
}

/// A diagnostic without its code frame: the source that it points into stands in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleWarning {
    pub code: String,
    pub message: String,
    pub file: String,
    pub line: u32,
    pub column: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
