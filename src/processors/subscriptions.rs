//! Which subscriptions a stream has: the projection of its `subscription/*` events. It delivers nothing itself; it
//! tells `Deliveries` what stands, after each commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::deliveries::Deliveries;
use crate::event::builtin::{StartFrom, SubscriptionConfigured, SubscriptionRemoved};
use crate::event::{Event, EventInput, Kind, Offset, Slug, StreamKey};
use crate::limits::SUBSCRIPTIONS_PER_STREAM_MAX;
use crate::processor::{BuiltinProcessor, Rejection};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscribed {
    /// Where the newest configuration stands.
    pub configured: Offset,
    /// Where the first one stands since the slug was last removed: what was delivered since counts.
    pub since: Offset,
    pub start: Start,
    pub config: SubscriptionConfigured,
}

/// The newest word on where to begin, and where it was said: each counts once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    pub said: Offset,
    pub from: StartFrom,
}

impl Start {
    /// What counts as delivered at the start.
    pub fn offset(self) -> Offset {
        match self.from {
            StartFrom::Tail => self.said,
            StartFrom::Start => Offset::START,
            StartFrom::At(first) => first.previous(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubscriptionSet(pub BTreeMap<Slug, Subscribed>);

/// The original's name for it.
pub const SLUG: &str = "external-subscriber";

pub struct Subscriptions {
    deliveries: Deliveries,
    stream: StreamKey,
    set: Arc<SubscriptionSet>,
    /// Whether `Deliveries` knows of something on this stream.
    told: bool,
}

impl Subscriptions {
    pub fn new(deliveries: Deliveries, stream: StreamKey) -> Subscriptions {
        Subscriptions { deliveries, stream, set: Arc::default(), told: false }
    }

    fn configure(&mut self, event: &Event) {
        let Ok(config) = event.payload.decode::<SubscriptionConfigured>() else { return };
        let earlier = self.set.0.get(&config.slug);
        let start = match (config.start_from, earlier) {
            (None, Some(earlier)) => earlier.start,
            (from, _) => Start { said: event.offset, from: from.unwrap_or(StartFrom::Tail) },
        };
        let since = earlier.map_or(event.offset, |earlier| earlier.since);
        let subscribed = Subscribed { configured: event.offset, since, start, config };
        Arc::make_mut(&mut self.set).0.insert(subscribed.config.slug.clone(), subscribed);
    }
}

#[derive(Deserialize)]
struct Slugged {
    slug: Slug,
}

impl BuiltinProcessor for Subscriptions {
    fn slug(&self) -> Slug {
        Slug::parse(SLUG).expect("a valid slug")
    }

    fn before_append(&self, input: &EventInput) -> Result<(), Rejection> {
        let is_full = self.set.0.len() >= SUBSCRIPTIONS_PER_STREAM_MAX;
        if !is_full || input.event_type.kind() != Some(Kind::SubscriptionConfigured) {
            return Ok(());
        }
        let slug = input.payload.decode::<Slugged>().map(|configured| configured.slug);
        if slug.is_ok_and(|slug| self.set.0.contains_key(&slug)) {
            return Ok(());
        }
        Err(Rejection::Full {
            path: self.stream.path.clone(),
            what: "subscriptions",
            max: SUBSCRIPTIONS_PER_STREAM_MAX,
        })
    }

    fn reduce(&mut self, event: &Event) {
        match event.kind() {
            Some(Kind::SubscriptionConfigured) => self.configure(event),
            Some(Kind::SubscriptionRemoved) => {
                if let Ok(removed) = event.payload.decode::<SubscriptionRemoved>()
                    && self.set.0.contains_key(&removed.slug)
                {
                    Arc::make_mut(&mut self.set).0.remove(&removed.slug);
                }
            }
            _ => {}
        }
    }

    fn committed(&mut self, tail: Offset) {
        let has_some = !self.set.0.is_empty();
        if self.told || has_some || tail == Offset::START {
            self.told = has_some;
            self.deliveries.committed(&self.stream, tail, &self.set);
        }
    }

    fn wakes_at_start(&self) -> bool {
        !self.set.0.is_empty()
    }

    fn state(&self) -> Value {
        let shown = self.set.0.iter().map(|(slug, subscribed)| {
            let mut shown = Map::new();
            shown.insert("configuredOffset".into(), json!(subscribed.configured));
            for part in [json!(subscribed.config), self.deliveries.progress(&self.stream, slug, subscribed)] {
                if let Value::Object(members) = part {
                    shown.extend(members);
                }
            }
            (slug.to_string(), Value::Object(shown))
        });
        json!({ "subscribersBySlug": shown.collect::<Map<String, Value>>() })
    }

    fn checkpoint(&self) -> Value {
        serde_json::to_value(&*self.set).expect("a set of subscriptions has a JSON form")
    }

    fn restore(&mut self, checkpoint: &Value) -> bool {
        let Ok(set) = SubscriptionSet::deserialize(checkpoint) else { return false };
        self.set = Arc::new(set);
        true
    }
}
