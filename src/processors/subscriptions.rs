//! Which subscriptions a stream has: the projection of its `subscription/*` events. It delivers nothing itself; it
//! tells `Deliveries` what stands, after each commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::deliveries::{Deliveries, Served, ServedSet};
use crate::event::builtin::{StartFrom, SubscriptionConfigured, SubscriptionRemoved};
use crate::event::{Event, EventInput, Kind, Offset, Slug, StreamKey};
use crate::limits::SUBSCRIPTIONS_PER_STREAM_MAX;
use crate::processor::{BuiltinProcessor, Kept, Rejection};

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
pub struct SubscriptionSet(pub BTreeMap<Slug, Arc<Subscribed>>);

impl SubscriptionSet {
    /// Whether streams below have some of them, too.
    pub fn shares(&self) -> bool {
        self.0.values().any(|subscribed| subscribed.config.include_children)
    }
}

/// The original's name for it.
pub const SLUG: &str = "external-subscriber";

pub struct Subscriptions {
    deliveries: Deliveries,
    stream: StreamKey,
    set: Arc<SubscriptionSet>,
    /// These, and those from the streams above, as of `seen_above`.
    served: Arc<ServedSet>,
    seen_above: Option<u64>,
    /// What was served when something was committed last: of those from above the beginning is kept.
    noted: Arc<ServedSet>,
    /// What the stream had come to when the deliveries were told last.
    told_tail: Offset,
    /// Whether `Deliveries` knows of something on this stream.
    told: bool,
    /// Whether it knows that streams below have some of these, too.
    shared: bool,
}

impl Subscriptions {
    pub fn new(deliveries: Deliveries, stream: StreamKey) -> Subscriptions {
        Subscriptions {
            deliveries,
            stream,
            set: Arc::default(),
            served: Arc::default(),
            seen_above: None,
            noted: Arc::default(),
            told_tail: Offset::START,
            told: false,
            shared: false,
        }
    }

    fn change(&mut self) -> &mut SubscriptionSet {
        self.seen_above = None;
        Arc::make_mut(&mut self.set)
    }

    fn look_up(&mut self) {
        let above = Some(self.deliveries.above());
        if self.seen_above != above {
            self.served = Arc::new(self.deliveries.served(&self.stream, &self.set));
            self.seen_above = above;
        }
    }

    fn inherited(&self) -> impl Iterator<Item = (&Slug, &Served)> {
        self.served.iter().filter(|(_, served)| served.owner.is_some())
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
        self.change().0.insert(subscribed.config.slug.clone(), Arc::new(subscribed));
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
                    self.change().0.remove(&removed.slug);
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, tail: Offset) -> Kept {
        self.look_up();
        let mut kept = Kept { owes: self.inherited().next().is_some(), ..Kept::default() };
        for (slug, served) in self.served.iter() {
            let before = self.noted.get(slug);
            if served.owner.is_none() || before.is_some_and(|before| before.is_same(served)) {
                continue;
            }
            // What another has taken over is no more the earlier one's, should that come back.
            let comes_back = before.is_some_and(|before| before.owner_id() != served.owner_id());
            kept.slots.extend(self.deliveries.begin(&self.stream, slug, served, tail, comes_back));
        }
        self.noted = self.served.clone();
        kept
    }

    fn owes_nothing(&self) -> Option<bool> {
        let mut above = self.inherited().peekable();
        above.peek()?;
        Some(
            above
                .all(|(slug, served)| self.deliveries.is_settled(&self.stream, slug, served, self.told_tail)),
        )
    }

    fn shares(&self) -> bool {
        self.set.shares()
    }

    fn committed(&mut self, tail: Offset) {
        if self.shared || self.set.shares() || tail == Offset::START {
            self.shared = self.set.shares();
            self.deliveries.share(&self.stream, &self.set);
        }
        self.look_up();
        self.told_tail = tail;
        let has_some = !self.served.is_empty();
        if self.told || has_some || tail == Offset::START {
            self.told = has_some;
            self.deliveries.committed(&self.stream, tail, &self.set, &self.served);
        }
    }

    fn wakes_at_start(&self) -> bool {
        !self.set.0.is_empty()
    }

    fn state(&self) -> Value {
        let served = self.deliveries.served(&self.stream, &self.set);
        let shown = served.iter().map(|(slug, served)| {
            let mut shown = Map::new();
            shown.insert("configuredOffset".into(), json!(served.subscribed.configured));
            if let Some(owner) = &served.owner {
                shown.insert("configuredOn".into(), json!(owner.key.path));
            }
            let config = json!(served.subscribed.config);
            for part in [config, self.deliveries.progress(&self.stream, slug, served)] {
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
        self.seen_above = None;
        true
    }
}
