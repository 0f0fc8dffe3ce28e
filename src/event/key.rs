//! The two names a client chooses: idempotency keys and slugs.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What the keys begin with that the server derives.
const RESERVED_PREFIX: &str = "millrace:";

/// Unique per stream for ever: a repeat finds the event stored first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Arc<str>);

impl IdempotencyKey {
    /// None when nothing is left after trimming.
    pub fn parse(text: &str) -> Option<IdempotencyKey> {
        let trimmed = text.trim();
        (!trimmed.is_empty()).then(|| IdempotencyKey(trimmed.into()))
    }

    /// One that the server makes, in a name space that nobody else may use.
    pub fn derived(text: impl fmt::Display) -> IdempotencyKey {
        IdempotencyKey(format!("{RESERVED_PREFIX}{text}").into())
    }

    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED_PREFIX)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A processor's name within a stream: `[a-z0-9][a-z0-9_-]{0,63}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Arc<str>);

impl Slug {
    pub fn parse(text: &str) -> Result<Slug, String> {
        let allowed = |(at, b): (usize, u8)| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || (at > 0 && b"_-".contains(&b))
        };
        if text.is_empty() || text.len() > 64 || !text.bytes().enumerate().all(allowed) {
            return Err(format!(
                "slug {text:?} must be 1 to 64 characters of a-z, 0-9, _ and -, beginning with a letter or digit"
            ));
        }
        Ok(Slug(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a client's processor may have it: the author of the bundler's answers is told by it.
    pub fn check_free(&self) -> Result<(), String> {
        if self.as_str() == BUNDLER {
            return Err(format!("slug {BUNDLER:?} is the server's own: give the processor another one"));
        }
        Ok(())
    }
}

/// The name under which the server's bundler appends its events.
pub const BUNDLER: &str = "bundler";

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Slug {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Slug, D::Error> {
        Slug::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
