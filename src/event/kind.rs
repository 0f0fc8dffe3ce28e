//! Event types: any text names one; the built-in ones have a meaning here, under our name and the original's.

use std::sync::Arc;

use crate::limits::EVENT_TYPE_CHARS_MAX;

/// The name of the kind of fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventType(Arc<str>);

impl EventType {
    pub fn parse(text: &str) -> Result<EventType, String> {
        let trimmed = text.trim();
        let chars = trimmed.chars().count();
        if chars == 0 || chars > EVENT_TYPE_CHARS_MAX {
            return Err(format!("`type` must have 1 to {EVENT_TYPE_CHARS_MAX} characters"));
        }
        Ok(EventType(trimmed.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> Option<Kind> {
        Kind::find(&self.0)
    }

    /// Whether the name lies in a part of the name space that only built-in types may use.
    pub fn is_reserved(&self) -> bool {
        const RESERVED: [&str; 6] =
            ["stream/", "schedule/", "subscription/", "transformer/", "processor/", "renderer/"];
        let name = self.0.strip_prefix(ORIGINAL_PREFIX).unwrap_or(&self.0);
        RESERVED.iter().any(|prefix| name.starts_with(prefix))
    }
}

impl From<Kind> for EventType {
    fn from(kind: Kind) -> EventType {
        EventType(kind.name().into())
    }
}

/// Where the original's built-in types live: `https://events.iterate.com/events/stream/paused`.
const ORIGINAL_PREFIX: &str = "https://events.iterate.com/events/";

macro_rules! kinds {
    ($($kind:ident $name:literal $($original:literal)*;)*) => {
        /// The built-in event types that this server acts on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($kind),* }

        impl Kind {
            pub const ALL: &[Kind] = &[$(Kind::$kind),*];

            pub fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name),* }
            }

            /// How the original spelled it, below its prefix.
            pub fn originals(self) -> &'static [&'static str] {
                match self { $(Kind::$kind => &[$($original),*]),* }
            }

            /// The kind of an event type, by our name or by the original's.
            pub fn find(name: &str) -> Option<Kind> {
                if let Some(original) = name.strip_prefix(ORIGINAL_PREFIX) {
                    return match original { $($($original => Some(Kind::$kind),)*)* _ => None };
                }
                match name { $($name => Some(Kind::$kind),)* _ => None }
            }
        }
    };
}

kinds! {
    Created "stream/created" "stream/initialized";
    ChildCreated "stream/child-created" "stream/child-stream-created";
    MetadataUpdated "stream/metadata-updated" "stream/metadata-updated";
    ErrorOccurred "stream/error-occurred" "stream/error-occurred";
    InvalidEventAppended "stream/invalid-event-appended" "stream/invalid-event-appended";
    Paused "stream/paused" "stream/paused";
    Resumed "stream/resumed" "stream/resumed";
    CircuitBreakerConfigured "stream/circuit-breaker-configured" "stream/circuit-breaker-configured";
    ProcessorSourceConfigured "processor/source-configured";
    ProcessorConfigured "processor/configured" "stream/dynamic-worker/configured";
    ProcessorCompileFailed "processor/compile-failed";
    ProcessorTypeErrorsFound "processor/type-errors-found";
    ProcessorActivated "processor/activated";
    ProcessorFailed "processor/failed";
    ProcessorSuspended "processor/suspended";
    ProcessorRemoved "processor/removed";
    ProcessorLogged "processor/logged";
    SubscriptionConfigured "subscription/configured" "stream/subscription/configured" "stream/subscription-configured";
    SubscriptionRemoved "subscription/removed";
    SubscriptionDeliveryFailed "subscription/delivery-failed";
    SubscriptionDeliveryRecovered "subscription/delivery-recovered";
    EnvVarSet "processor/env-var-set" "stream/dynamic-worker/env-var-set";
    ScheduleConfigured "schedule/configured" "stream/append-scheduled" "stream/schedule/configured";
    ScheduleCancelled "schedule/cancelled" "stream/schedule/cancelled";
    ScheduleFired "schedule/fired";
    RendererConfigured "renderer/configured" "stream/html-renderer-configured";
    TransformerConfigured "transformer/configured" "stream/jsonata-transformer-configured";
    TransformerRemoved "transformer/removed";
}

impl Kind {
    /// The original's full spelling, of which the docs show the first.
    pub fn original_name(self) -> Option<String> {
        self.originals().first().map(|name| format!("{ORIGINAL_PREFIX}{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_under_each_of_its_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::find(kind.name()), Some(*kind));
            if let Some(original) = kind.original_name() {
                assert_eq!(Kind::find(&original), Some(*kind));
            }
        }
        assert_eq!(Kind::find("hello-world"), None);
        assert_eq!(Kind::find("https://events.iterate.com/events/stream/nothing"), None);
    }
}
