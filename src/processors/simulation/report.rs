//! A simulation's answer: all of it at once, in bounded lists, or one line for each thing as it comes, and the summary
//! behind them.

use std::collections::BTreeMap;

use bytes::Bytes;
use millrace_bundler::{Diagnostic, Stage};
use serde::Serialize;
use tokio::sync::mpsc;

use super::comparison::Difference;
use super::items::{Append, Fetch, Item, LogLine, StateAt};
use crate::event::builtin::{BundleWarning, ProcessorFailed};
use crate::event::{Json, Offset, Slug, StreamPath};
use crate::limits::{SIMULATED_LIST_BYTES_MAX, SIMULATED_LIST_MAX};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing failed.
    Completed,
    /// It ran, and something failed.
    Failed,
    /// So much failed in a row that a live processor would have been suspended.
    Suspended,
    LoadFailed,
    CompileFailed,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub outcome: Outcome,
    pub stream_path: StreamPath,
    pub slug: Slug,
    /// As it would be called when it was deployed so; none for what does not compile.
    pub version: Option<String>,
    pub range: Range,
    /// Behind the last event of the range; none for what did not run.
    pub state: Option<Json>,
    pub counts: Counts,
    /// Why it ended before the end of its range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// What is deployed under the slug now.
    pub live: Option<Live>,
    /// What is otherwise than the live version did.
    pub difference: Option<Difference>,
    #[serde(flatten)]
    pub build: Build,
    pub took_ms: u64,
    pub cpu_ms: u64,
}

/// The events that were acted on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    /// Up to here events were only reduced.
    pub after_offset: Offset,
    /// The last one.
    pub last_offset: Offset,
    pub events: u64,
}

#[derive(Debug, Default, Serialize)]
pub struct Counts {
    pub states: u64,
    pub appends: u64,
    pub fetches: u64,
    pub failures: u64,
    pub logs: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Live {
    pub version: String,
    pub configured_offset: Offset,
    /// The stream above where that is; none for the stream's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherited_from: Option<StreamPath>,
    /// What it has behind the last event of the range.
    pub state: Option<Json>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What the bundler had to say.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Build {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<Diagnostic>,
    /// What its author may want to mend though it builds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<BundleWarning>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<String, String>,
}

/// Everything at once.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    #[serde(flatten)]
    pub summary: Summary,
    #[serde(flatten)]
    pub lists: Lists,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lists {
    pub states: Vec<StateAt>,
    pub appends: Vec<Append>,
    pub fetches: Vec<Fetch>,
    pub failures: Vec<ProcessorFailed>,
    pub logs: Vec<LogLine>,
    /// Some things found no place in these lists: ask for a smaller range, or for lines.
    pub left_out: u64,
    #[serde(skip)]
    bytes: usize,
}

impl Lists {
    fn add(&mut self, item: Item) {
        self.bytes += size_of_item(&item);
        if self.bytes > SIMULATED_LIST_BYTES_MAX {
            self.left_out += 1;
            return;
        }
        let left_out = &mut self.left_out;
        match item {
            Item::State(state) => push(&mut self.states, state, left_out),
            Item::Append(append) => push(&mut self.appends, append, left_out),
            Item::Fetch(fetch) => push(&mut self.fetches, fetch, left_out),
            Item::Failure(failure) => push(&mut self.failures, *failure, left_out),
            Item::Log(line) => push(&mut self.logs, line, left_out),
        }
    }
}

fn push<T>(list: &mut Vec<T>, item: T, left_out: &mut u64) {
    if list.len() < SIMULATED_LIST_MAX {
        list.push(item);
    } else {
        *left_out += 1;
    }
}

/// About.
pub fn size_of_item(item: &Item) -> usize {
    let text = match item {
        Item::State(state) => state.state.as_str().len(),
        Item::Append(append) => append.event.payload.as_str().len(),
        Item::Fetch(fetch) => {
            let headers: usize = fetch.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            fetch.url.len() + headers + fetch.body.as_ref().map_or(0, String::len)
        }
        Item::Failure(failure) => 2 * failure.error.stack.len() + failure.error.message.len(),
        Item::Log(line) => line.message.len(),
    };
    text + 100
}

/// Where what is told goes.
pub enum Sink {
    Lists(Box<Lists>),
    /// One JSON object a line. A full channel makes the simulation wait.
    Lines(mpsc::Sender<Bytes>),
}

/// Whoever asked has gone.
pub struct Gone;

impl Sink {
    pub async fn put(&mut self, item: Item) -> Result<(), Gone> {
        match self {
            Sink::Lists(lists) => {
                lists.add(item);
                Ok(())
            }
            Sink::Lines(lines) => lines.send(line(&item)).await.map_err(|_| Gone),
        }
    }
}

/// The last line of an answer in lines.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum End<'a> {
    Summary(&'a Summary),
    Error { message: String },
}

pub fn line(value: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec(value).expect("what a simulation tells has a JSON form");
    text.push(b'\n');
    text.into()
}
