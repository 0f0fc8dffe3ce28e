//! What a candidate did beside what the log shows of the version that was live: for each event, the appends in reaction
//! to it, and whether that reaction failed. What both did alike is only counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::super::patch::Change;
use super::items::{Append, Input};
use crate::event::builtin::{Created, Phase, ProcessorActivated, ProcessorFailed};
use crate::event::{Cause, Event, Json, Kind, Offset, Slug, SourceKind, StreamPath};
use crate::limits::{COMPARED_APPENDS_MAX, COMPARED_BYTES_MAX, DIFFERENCES_TOLD_MAX};

pub struct Comparison {
    slug: Slug,
    path: StreamPath,
    /// As the stream was called on which its first events were appended; another one for a fork.
    origin: Option<String>,
    /// The reactions to events behind `after` and up to `last` are compared.
    after: Offset,
    last: Offset,
    /// Before that event the slug had no version that acted.
    live_since: Option<Offset>,
    /// By the event and the stream that it was appended to.
    live: BTreeMap<(u64, String), Vec<Input>>,
    candidate: BTreeMap<(u64, String), Vec<Input>>,
    held: usize,
    held_bytes: usize,
    is_cut: bool,
    same: u64,
    live_failed: BTreeSet<u64>,
    candidate_failed: BTreeSet<u64>,
    /// Streams that the candidate appended to, beside its own.
    pub others: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
pub struct Difference {
    /// From the state of the live version to that of the candidate, behind the last event of the range.
    pub state: Option<Vec<Change>>,
    pub appends: Appends,
    pub failures: Failures,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Appends {
    pub same: u64,
    /// In reaction to the same event, to the same stream and of the same type, and yet not the same.
    pub changed: Told<Changed>,
    /// The live version has appended these; the candidate does not.
    pub missing: Told<Appended>,
    /// The candidate appends these; the live version has not.
    pub extra: Told<Appended>,
    /// In reaction to events from before the slug had any version that acted: nothing to compare them with.
    pub before_live: u64,
    /// The streams that were looked through for what the live version has appended.
    pub compared_paths: Vec<String>,
    /// There was too much to compare: what is beyond is not in these figures.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
}

/// How many there are, and the first of them.
#[derive(Debug, Serialize)]
pub struct Told<T> {
    pub count: usize,
    pub first: Vec<T>,
}

impl<T> Default for Told<T> {
    fn default() -> Told<T> {
        Told { count: 0, first: Vec::new() }
    }
}

impl<T> Told<T> {
    fn add(&mut self, item: T) {
        self.count += 1;
        if self.first.len() < DIFFERENCES_TOLD_MAX {
            self.first.push(item);
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    cause_offset: u64,
    path: String,
    #[serde(rename = "type")]
    event_type: String,
    live: Input,
    candidate: Input,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Appended {
    cause_offset: u64,
    path: String,
    event: Input,
}

/// The events whose reaction failed.
#[derive(Debug, Serialize)]
pub struct Failures {
    /// With the live version, and not with the candidate.
    pub fixed: Vec<u64>,
    /// With the candidate, and not with the live version.
    pub new: Vec<u64>,
    /// With both.
    pub same: Vec<u64>,
}

impl Comparison {
    pub fn new(slug: Slug, path: StreamPath, after: Offset, last: Offset) -> Comparison {
        Comparison {
            slug,
            path,
            origin: None,
            after,
            last,
            live_since: None,
            live: BTreeMap::new(),
            candidate: BTreeMap::new(),
            held: 0,
            held_bytes: 0,
            is_cut: false,
            same: 0,
            live_failed: BTreeSet::new(),
            candidate_failed: BTreeSet::new(),
            others: BTreeSet::new(),
        }
    }

    /// Nothing behind this event was rehearsed.
    pub fn ends_at(&mut self, last: Offset) {
        self.last = last;
        let is_in = |cause: u64| cause <= last.0;
        self.live.retain(|(cause, _), _| is_in(*cause));
        self.live_failed.retain(|cause| is_in(*cause));
    }

    /// An event of a stream that is compared, as it is in the log.
    pub fn recorded(&mut self, event: &Event) {
        if event.kind() == Some(Kind::Created) && event.path == self.path {
            self.origin = event.payload.decode::<Created>().ok().map(|created| created.path);
        }
        let Some(source) = &event.source else { return };
        if source.slug.as_ref() != Some(&self.slug) {
            return;
        }
        match (source.kind, event.kind()) {
            (SourceKind::Processor, _) => {
                if let Some(cause) = self.cause_in_range(source.cause.as_ref()) {
                    self.live_appended(cause, event);
                }
            }
            (SourceKind::Server, Some(Kind::ProcessorActivated)) if event.path == self.path => {
                let activated: Option<ProcessorActivated> = event.payload.decode().ok();
                let since = activated.map(|activated| Offset(activated.configured_offset));
                self.live_since = self.live_since.or(since);
            }
            (SourceKind::Server, Some(Kind::ProcessorFailed)) if event.path == self.path => {
                let failed: Option<ProcessorFailed> = event.payload.decode().ok();
                let reacted = failed.filter(|failed| failed.phase != Phase::Load);
                if let Some(cause) = reacted.and_then(|failed| self.cause_in_range(failed.cause.as_ref()))
                    && self.live_failed.len() < COMPARED_APPENDS_MAX
                {
                    self.live_failed.insert(cause);
                }
            }
            _ => {}
        }
    }

    fn cause_in_range(&self, cause: Option<&Cause>) -> Option<u64> {
        let is_own = |path: &str| path == self.path.as_str() || self.origin.as_deref() == Some(path);
        let cause = cause.filter(|cause| is_own(&cause.stream_path))?;
        (cause.offset > self.after.0 && cause.offset <= self.last.0).then_some(cause.offset)
    }

    fn live_appended(&mut self, cause: u64, event: &Event) {
        let input = Input::of(event);
        let place = (cause, event.path.to_string());
        if !settle(&mut self.candidate, &place, &input) {
            self.hold(Side::Live, place, input);
        } else {
            self.matched(&input);
        }
    }

    pub fn candidate_appended(&mut self, append: &Append) {
        let Some(cause) = append.cause_offset else { return };
        if append.path != self.path.as_str() {
            self.others.insert(append.path.clone());
        }
        let place = (cause, append.path.clone());
        if !settle(&mut self.live, &place, &append.event) {
            self.hold(Side::Candidate, place, append.event.clone());
        } else {
            self.matched(&append.event);
        }
    }

    fn matched(&mut self, input: &Input) {
        self.same += 1;
        self.held -= 1;
        self.held_bytes -= input.payload.as_str().len().min(self.held_bytes);
    }

    fn hold(&mut self, side: Side, place: (u64, String), input: Input) {
        let bytes = self.held_bytes + input.payload.as_str().len();
        if self.held >= COMPARED_APPENDS_MAX || bytes > COMPARED_BYTES_MAX {
            self.is_cut = true;
            return;
        }
        self.held += 1;
        self.held_bytes = bytes;
        let held = match side {
            Side::Live => &mut self.live,
            Side::Candidate => &mut self.candidate,
        };
        held.entry(place).or_default().push(input);
    }

    pub fn candidate_failed(&mut self, event: u64) {
        if self.candidate_failed.len() < COMPARED_APPENDS_MAX {
            self.candidate_failed.insert(event);
        }
    }

    /// Up to `since` nothing was for the version that is live now to act on, for one whose activation has not been seen.
    pub fn finish(mut self, since: Offset, state: Option<Vec<Change>>) -> Difference {
        let live_since = self.live_since.unwrap_or(since).0;
        let mut appends = Appends { same: self.same, is_cut: self.is_cut, ..Appends::default() };
        appends.compared_paths = std::iter::once(self.path.to_string()).chain(self.others).collect();
        for ((cause_offset, path), inputs) in self.candidate {
            for input in inputs {
                if cause_offset <= live_since {
                    appends.before_live += 1;
                    continue;
                }
                let of_same_type = |other: &Input| other.event_type == input.event_type;
                let place = (cause_offset, path.clone());
                let live = self.live.get_mut(&place);
                let paired = live.and_then(|live| Some(live.remove(live.iter().position(of_same_type)?)));
                match paired {
                    Some(live) => appends.changed.add(Changed {
                        cause_offset,
                        path: path.clone(),
                        event_type: input.event_type.clone(),
                        live,
                        candidate: input,
                    }),
                    None => appends.extra.add(Appended { cause_offset, path: path.clone(), event: input }),
                }
            }
        }
        for ((cause_offset, path), inputs) in self.live {
            for event in inputs {
                appends.missing.add(Appended { cause_offset, path: path.clone(), event });
            }
        }
        let (live, candidate) = (&self.live_failed, &self.candidate_failed);
        let failures = Failures {
            fixed: live.difference(candidate).copied().collect(),
            new: candidate.difference(live).copied().collect(),
            same: live.intersection(candidate).copied().collect(),
        };
        Difference { state, appends, failures }
    }
}

enum Side {
    Live,
    Candidate,
}

/// Takes away what the other side holds of the same.
fn settle(other: &mut BTreeMap<(u64, String), Vec<Input>>, place: &(u64, String), input: &Input) -> bool {
    let Some(inputs) = other.get_mut(place) else { return false };
    let Some(at) = inputs.iter().position(|other| is_same(other, input)) else { return false };
    inputs.remove(at);
    if inputs.is_empty() {
        other.remove(place);
    }
    true
}

/// Whatever the order of the members.
fn is_same(a: &Input, b: &Input) -> bool {
    let value = |json: &Json| json.decode::<Value>().ok();
    let same = |a: &Json, b: &Json| a == b || value(a) == value(b);
    a.event_type == b.event_type
        && a.idempotency_key == b.idempotency_key
        && same(&a.payload, &b.payload)
        && match (&a.metadata, &b.metadata) {
            (Some(a), Some(b)) => same(a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
}
