//! What a push subscription is configured with, and what the server says of its deliveries.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use url::Url;

use super::super::header::{HANDSHAKE, OF_CONNECTION};
use super::super::{Event, EventType, Expression, Kind, Offset, Slug};
use crate::limits::{
    SUBSCRIPTION_HEADERS_BYTES_MAX, SUBSCRIPTION_HEADERS_MAX, SUBSCRIPTION_TYPES_MAX,
    SUBSCRIPTION_URL_BYTES_MAX,
};

/// A subscription as an event configures it; the latest for its slug stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionConfigured {
    pub slug: Slug,
    #[serde(rename = "type")]
    pub transport: Transport,
    pub callback_url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_types: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsonata_filter: Option<Expression>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsonata_transform: Option<Expression>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_from: Option<StartFrom>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<SecretReference>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub include_children: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    Webhook,
    Websocket,
}

/// A secret by its name: the value is never in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretReference {
    pub secret_key: String,
}

/// The first event that is delivered, if it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// The one behind the configuration.
    Tail,
    /// The stream's first.
    Start,
    At(Offset),
}

impl Serialize for StartFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            StartFrom::Tail => serializer.serialize_str("tail"),
            StartFrom::Start => serializer.serialize_str("start"),
            StartFrom::At(offset) => offset.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StartFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StartFrom, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        match (value.as_str(), value.as_u64()) {
            (Some("tail"), _) => Ok(StartFrom::Tail),
            (Some("start"), _) => Ok(StartFrom::Start),
            (_, Some(offset)) if offset > 0 => Ok(StartFrom::At(Offset(offset))),
            _ => {
                Err(D::Error::custom(format!("it is \"tail\", \"start\" or a positive offset, not {value}")))
            }
        }
    }
}

impl SubscriptionConfigured {
    pub(super) fn check(&self) -> Result<(), String> {
        self.check_url()?;
        self.check_types()?;
        self.check_headers()?;
        match &self.signing_secret {
            Some(_) if self.transport == Transport::Websocket => {
                Err("`signingSecret` is for webhooks: a websocket's handshake takes `headers`".into())
            }
            Some(reference) if reference.secret_key.trim().is_empty() => {
                Err("`signingSecret.secretKey` must be the name of a secret".into())
            }
            _ => Ok(()),
        }
    }

    fn check_url(&self) -> Result<(), String> {
        let schemes: &[&str] = match self.transport {
            Transport::Webhook => &["http", "https"],
            Transport::Websocket => &["ws", "wss", "http", "https"],
        };
        let text = &self.callback_url;
        if text.len() > SUBSCRIPTION_URL_BYTES_MAX {
            return Err(format!("`callbackUrl` may have {SUBSCRIPTION_URL_BYTES_MAX} bytes"));
        }
        let url = Url::parse(text).map_err(|error| format!("`callbackUrl` must be a whole URL: {error}"))?;
        if !schemes.contains(&url.scheme()) {
            return Err(format!(
                "`callbackUrl` must begin with {}://, not {}:",
                schemes.join(":// or "),
                url.scheme()
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("`callbackUrl` may have no credentials, which the log would keep: send them in `headers`, as a secret".into());
        }
        Ok(())
    }

    fn check_types(&self) -> Result<(), String> {
        let Some(types) = &self.event_types else { return Ok(()) };
        if types.is_empty() || types.len() > SUBSCRIPTION_TYPES_MAX {
            return Err(format!(
                "`eventTypes` must have 1 to {SUBSCRIPTION_TYPES_MAX} types; leave it out for all"
            ));
        }
        types.iter().try_for_each(|name| {
            EventType::parse(name).map(drop).map_err(|why| format!("`eventTypes` has {name:?}: {why}"))
        })
    }

    fn check_headers(&self) -> Result<(), String> {
        if self.headers.len() > SUBSCRIPTION_HEADERS_MAX {
            return Err(format!("`headers` may have {SUBSCRIPTION_HEADERS_MAX} entries"));
        }
        let bytes: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if bytes > SUBSCRIPTION_HEADERS_BYTES_MAX {
            return Err(format!("`headers` may have {SUBSCRIPTION_HEADERS_BYTES_MAX} bytes"));
        }
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in &self.headers {
            let lower = name.to_ascii_lowercase();
            if !is_header_name(name) {
                return Err(format!("`headers` has {name:?}, which is no name of a header"));
            }
            if is_own_header(&lower) {
                return Err(format!("`headers` has {name:?}, which the server sets itself"));
            }
            if value.chars().any(|c| c.is_control() && c != '\t') {
                return Err(format!("`headers` has a value for {name:?} that no header can have"));
            }
            if !seen.insert(lower) {
                return Err(format!("`headers` has {name:?} twice, in other letters"));
            }
        }
        Ok(())
    }

    /// Whether an event is delivered, but for what an expression says.
    pub fn admits(&self, event: &Event) -> bool {
        !is_bookkeeping(event)
            && self.event_types.as_ref().is_none_or(|types| types.iter().any(|name| names(name, event)))
    }
}

/// A built-in type is named by any of its names.
fn names(name: &str, event: &Event) -> bool {
    let name = name.trim();
    name == event.event_type.as_str() || Kind::find(name).is_some_and(|kind| event.kind() == Some(kind))
}

/// What says something of subscriptions feeds none: neither its own, nor another that reacts to failures.
pub fn is_bookkeeping(event: &Event) -> bool {
    matches!(
        event.kind(),
        Some(
            Kind::SubscriptionConfigured
                | Kind::SubscriptionRemoved
                | Kind::SubscriptionDeliveryFailed
                | Kind::SubscriptionDeliveryRecovered
        )
    )
}

/// The signature, and the cause.
const OWN_PREFIXES: [&str; 2] = ["webhook-", "x-millrace-"];

/// Whether the server sets a header of this name, in lower case, itself. `trailers` is a misspelt `trailer`.
fn is_own_header(name: &str) -> bool {
    OF_CONNECTION.contains(&name)
        || name == "trailers"
        || OWN_PREFIXES.into_iter().chain([HANDSHAKE]).any(|own| name.starts_with(own))
}

fn is_header_name(name: &str) -> bool {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty() && name.bytes().all(is_token)
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionRemoved {
    pub slug: Slug,
}

/// A trouble has begun, or nobody tries any more, or the event is given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionDeliveryFailed {
    pub slug: Slug,
    /// The event that could not be delivered.
    pub offset: Offset,
    pub error: String,
    /// Left out when it is not tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub will_retry_at: Option<String>,
    /// This event is left out, and the next one's turn has come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
}

/// A trouble has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionDeliveryRecovered {
    pub slug: Slug,
    /// The event with which the trouble began.
    pub offset: Offset,
    /// How often a delivery was tried, the one that succeeded included.
    pub attempts: u32,
}

#[cfg(test)]
mod tests {
    use super::super::super::EventInput;

    #[test]
    fn what_a_subscription_may_be() {
        let cases = [
            (r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example/x"}"#, None),
            (r#"{"slug":"a","type":"websocket","callbackUrl":"wss://a.example/x","startFrom":7}"#, None),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"http://a.example","startFrom":"start","eventTypes":["x"],"headers":{"authorization":"Bearer getSecret({secretKey: 'K'})"},"signingSecret":{"secretKey":"S"}}"#,
                None,
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","jsonataFilter":"payload.n > 1","jsonataTransform":"{'n': payload.n}","includeChildren":true}"#,
                None,
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","jsonataFilter":"payload.("}"#,
                Some("line 1, column"),
            ),
            (r#"{"slug":"a","type":"callable","callbackUrl":"https://a.example"}"#, Some("`type`")),
            (r#"{"slug":"a","type":"webhook"}"#, Some("callbackUrl")),
            (r#"{"slug":"A","type":"webhook","callbackUrl":"https://a.example"}"#, Some("slug")),
            (r#"{"slug":"a","type":"webhook","callbackUrl":"/x"}"#, Some("whole URL")),
            (r#"{"slug":"a","type":"webhook","callbackUrl":"wss://a.example"}"#, Some("http:// or https://")),
            (r#"{"slug":"a","type":"websocket","callbackUrl":"file:///x"}"#, Some("ws://")),
            (r#"{"slug":"a","type":"webhook","callbackUrl":"https://u:p@a.example"}"#, Some("credentials")),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","startFrom":0}"#,
                Some("startFrom"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","startFrom":"end"}"#,
                Some("startFrom"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","eventTypes":[]}"#,
                Some("eventTypes"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","headers":{"Host":"x"}}"#,
                Some("the server sets itself"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","headers":{"Webhook-Id":"x"}}"#,
                Some("the server sets itself"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","headers":{"a b":"x"}}"#,
                Some("no name of a header"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","headers":{"a":"x\r\ny: z"}}"#,
                Some("no header can have"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","headers":{"a":"x","A":"y"}}"#,
                Some("twice"),
            ),
            (
                r#"{"slug":"a","type":"websocket","callbackUrl":"ws://a.example","signingSecret":{"secretKey":"S"}}"#,
                Some("signingSecret"),
            ),
            (
                r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","signingSecret":"whsec_x"}"#,
                Some("signingSecret"),
            ),
            (r#"{"slug":"a","type":"webhook","callbackUrl":"https://a.example","retry":1}"#, Some("retry")),
        ];
        let names =
            ["subscription/configured", "https://events.iterate.com/events/stream/subscription/configured"];
        for (payload, expected) in cases {
            for name in names {
                let parsed = EventInput::parse(&format!(r#"{{"type":"{name}","payload":{payload}}}"#));
                match (parsed, expected) {
                    (Ok(_), None) => {}
                    (Err(error), Some(words)) => assert!(error.0.contains(words), "{payload}: {error}"),
                    (outcome, _) => panic!("{payload}: {outcome:?}"),
                }
            }
        }
    }
}
