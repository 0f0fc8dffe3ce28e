//! Ends loops that no rate limit sees: a chain of reactions longer than `maxDepth` pauses the stream, with a
//! reason that names the processors, streams and types of the cycle.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::circuit_breaker::pause;
use crate::event::{Cause, Event, Kind, Offset, Slug, SourceKind, StreamKey, StreamPath, builtin};
use crate::limits::{CYCLE_LINKS_MAX, DEPTH_MAX};
use crate::log::Log;
use crate::processor::{BuiltinProcessor, Effect};

pub struct Causation {
    log: Log,
    stream: StreamKey,
    state: State,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct State {
    max_depth: u32,
    paused: bool,
}

impl Causation {
    /// `log` is where the links of a chain are looked up when it is to be named.
    pub fn new(log: Log, stream: StreamKey) -> Causation {
        Causation { log, stream, state: State { max_depth: DEPTH_MAX, paused: false } }
    }

    fn reason(&self, event: &Event) -> String {
        let links = self.chain(event);
        let named: Vec<String> = cycle(&links).iter().map(Link::to_string).collect();
        format!(
            "a chain of {} reactions is longer than the {} allowed: {}",
            event.depth(),
            self.state.max_depth,
            named.join("; ")
        )
    }

    /// The newest links of the chain that led to `event`, oldest first.
    fn chain(&self, event: &Event) -> Vec<Link> {
        let mut links: Vec<Link> = Link::of(event).into_iter().collect();
        let mut cause = event.source.as_ref().and_then(|source| source.cause.clone());
        while links.len() < CYCLE_LINKS_MAX
            && let Some(event) = cause.as_ref().and_then(|cause| find_cause(&self.log, &self.stream, cause))
        {
            links.extend(Link::of(&event));
            cause = event.source.as_ref().and_then(|source| source.cause.clone());
        }
        links.reverse();
        links
    }
}

/// The event that a cause names, in the project of `stream`. None when it is gone or cannot be read: who follows a chain
/// follows it as far as it goes.
pub fn find_cause(log: &Log, stream: &StreamKey, cause: &Cause) -> Option<Arc<Event>> {
    let path = StreamPath::parse(&cause.stream_path).ok()?;
    let record = log.find(&stream.sibling(path)).ok()??;
    log.read_one(&record, Offset(cause.offset)).ok()?
}

/// One reaction: which processor, transformer, schedule or receiver of a subscription appended what, where.
#[derive(Clone, Debug, PartialEq)]
struct Link {
    by: &'static str,
    slug: String,
    path: String,
    event_type: String,
}

impl Link {
    fn of(event: &Event) -> Option<Link> {
        let source = event.source.as_ref()?;
        let slug = source.slug.as_ref()?;
        Some(Link {
            by: match source.kind {
                SourceKind::Schedule => "schedule",
                SourceKind::Transformer => "transformer",
                SourceKind::Client => "receiver of subscription",
                SourceKind::Processor | SourceKind::Server => "processor",
            },
            slug: slug.to_string(),
            path: event.path.to_string(),
            event_type: event.event_type.as_str().to_string(),
        })
    }
}

impl std::fmt::Display for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}` appended `{}` to `{}`", self.by, self.slug, self.event_type, self.path)
    }
}

/// The shortest run of links at the end of the chain that repeats itself; each link once where none does.
fn cycle(links: &[Link]) -> Vec<Link> {
    for period in 1..=links.len() / 2 {
        let (head, last) = links.split_at(links.len() - period);
        if head.ends_with(last) {
            return last.to_vec();
        }
    }
    let mut distinct: Vec<Link> = Vec::new();
    for link in links {
        if !distinct.contains(link) {
            distinct.push(link.clone());
        }
    }
    distinct
}

impl BuiltinProcessor for Causation {
    fn slug(&self) -> Slug {
        Slug::parse("causation").expect("a valid slug")
    }

    fn reduce(&mut self, event: &Event) {
        match event.kind() {
            Some(Kind::Paused) => self.state.paused = true,
            Some(Kind::Resumed) => self.state.paused = false,
            Some(Kind::CircuitBreakerConfigured) => {
                if let Ok(config) = event.payload.decode::<builtin::CircuitBreakerConfigured>() {
                    self.state.max_depth = config.max_depth.unwrap_or(DEPTH_MAX);
                }
            }
            _ => {}
        }
    }

    fn after_append(&self, event: &Event) -> Vec<Effect> {
        if self.state.paused || event.depth() <= self.state.max_depth {
            return Vec::new();
        }
        vec![pause(&self.reason(event))]
    }

    fn state(&self) -> Value {
        json!({ "maxDepth": self.state.max_depth })
    }

    fn checkpoint(&self) -> Value {
        serde_json::to_value(self.state).expect("two plain fields have a JSON form")
    }

    fn restore(&mut self, checkpoint: &Value) -> bool {
        let Ok(state) = State::deserialize(checkpoint) else { return false };
        self.state = state;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, cycle};

    #[test]
    fn the_cycle_of_a_chain() {
        let link = |slug: &str| Link {
            by: "processor",
            slug: slug.into(),
            path: "/a".into(),
            event_type: "x".into(),
        };
        let chain = |slugs: &str| slugs.chars().map(|c| link(&c.to_string())).collect::<Vec<_>>();
        let cases = [("aaaa", "a"), ("cabab", "ab"), ("abcabc", "abc"), ("abc", "abc"), ("", "")];
        for (links, expected) in cases {
            assert_eq!(cycle(&chain(links)), chain(expected), "{links}");
        }
    }
}
