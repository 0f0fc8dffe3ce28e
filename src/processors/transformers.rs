//! Which transformers a stream has: the projection of their configuration events. It evaluates nothing; it tells
//! `Transforming` what stands, after each commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::transforming::Transforming;
use crate::event::builtin::{TransformerConfigured, TransformerRemoved};
use crate::event::{Event, EventInput, Expression, Kind, Offset, Slug, StreamKey};
use crate::limits::TRANSFORMERS_PER_STREAM_MAX;
use crate::processor::{BuiltinProcessor, Rejection};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transformer {
    pub matcher: Expression,
    pub transform: Expression,
    /// Where this was configured.
    pub configured: Offset,
    /// Where the slug was configured first, since it was last removed: events behind it are matched, each of them once,
    /// whatever was configured in between.
    pub since: Offset,
}

pub type TransformerSet = BTreeMap<Slug, Transformer>;

pub struct Transformers {
    transforming: Transforming,
    stream: StreamKey,
    set: Arc<TransformerSet>,
    /// Whether `transforming` has been told of something on this stream.
    told: bool,
}

impl Transformers {
    pub fn new(transforming: Transforming, stream: StreamKey) -> Transformers {
        Transformers { transforming, stream, set: Arc::default(), told: false }
    }
}

impl BuiltinProcessor for Transformers {
    /// As the original's state has it.
    fn slug(&self) -> Slug {
        Slug::parse("jsonata-transformer").expect("a valid slug")
    }

    fn before_append(&self, input: &EventInput) -> Result<(), Rejection> {
        if input.event_type.kind() != Some(Kind::TransformerConfigured)
            || self.set.len() < TRANSFORMERS_PER_STREAM_MAX
        {
            return Ok(());
        }
        let known = input
            .payload
            .decode::<TransformerConfigured>()
            .is_ok_and(|configured| self.set.contains_key(&configured.slug));
        if known {
            return Ok(());
        }
        let path = self.stream.path.clone();
        Err(Rejection::Full { path, what: "transformers", max: TRANSFORMERS_PER_STREAM_MAX })
    }

    fn reduce(&mut self, event: &Event) {
        match event.kind() {
            Some(Kind::TransformerConfigured) => {
                let Ok(configured) = event.payload.decode::<TransformerConfigured>() else { return };
                let since = self.set.get(&configured.slug).map_or(event.offset, |earlier| earlier.since);
                let TransformerConfigured { slug, matcher, transform } = configured;
                let transformer = Transformer { matcher, transform, configured: event.offset, since };
                Arc::make_mut(&mut self.set).insert(slug, transformer);
            }
            Some(Kind::TransformerRemoved) => {
                let Ok(removed) = event.payload.decode::<TransformerRemoved>() else { return };
                Arc::make_mut(&mut self.set).remove(&removed.slug);
            }
            _ => {}
        }
    }

    fn committed(&mut self, tail: Offset) {
        if self.told || !self.set.is_empty() {
            self.told = !self.set.is_empty();
            self.transforming.committed(&self.stream, tail, &self.set);
        }
    }

    fn wakes_at_start(&self) -> bool {
        !self.set.is_empty()
    }

    fn state(&self) -> Value {
        let shown = |transformer: &Transformer| {
            json!({
                "matcher": transformer.matcher,
                "transform": transformer.transform,
                "configuredOffset": transformer.configured,
            })
        };
        let by_slug: BTreeMap<&Slug, Value> =
            self.set.iter().map(|(slug, transformer)| (slug, shown(transformer))).collect();
        json!({ "transformersBySlug": by_slug })
    }

    fn checkpoint(&self) -> Value {
        serde_json::to_value(&*self.set).expect("a set of transformers has a JSON form")
    }

    fn restore(&mut self, checkpoint: &Value) -> bool {
        let Ok(set) = TransformerSet::deserialize(checkpoint) else { return false };
        self.set = Arc::new(set);
        true
    }
}
