//! The payloads of a processor's life: that it runs, how it failed, that it rests or is gone, and what it logs.

use serde::{Deserialize, Serialize};

use crate::event::{Cause, Slug};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorActivated {
    pub slug: Slug,
    pub version: String,
    pub configured_offset: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    #[serde(rename = "load")]
    Load,
    #[serde(rename = "reduce")]
    Reduce,
    #[serde(rename = "afterAppend")]
    AfterAppend,
    #[serde(rename = "onCaughtUp")]
    OnCaughtUp,
    #[serde(rename = "unhandled-rejection")]
    UnhandledRejection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureReason {
    Exception,
    Timeout,
    OutOfMemory,
    StackOverflow,
    Limit,
}

/// A place in the author's own file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    pub file: String,
    pub line: u32,
    pub column: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptError {
    pub name: String,
    pub message: String,
    #[serde(default)]
    pub stack: String,
    #[serde(default)]
    pub frames: Vec<Frame>,
    /// The code frame of the first place that is the author's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorFailed {
    pub slug: Slug,
    pub version: String,
    pub phase: Phase,
    pub reason: FailureReason,
    pub error: ScriptError,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The configuration, where that is not on the event's own stream (`includeChildren`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured_on: Option<Cause>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProcessorSuspended {
    pub slug: Slug,
    pub reason: String,
    /// As in a failure: only the instance on the event's own stream is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured_on: Option<Cause>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessorRemoved {
    pub slug: Slug,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessorLogged {
    pub level: String,
    pub message: String,
    /// The event that the processor was busy with, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}
