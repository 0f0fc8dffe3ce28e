//! Who appended an event, and in reaction to what: stamped by the server, never taken from the caller.

use serde::{Deserialize, Serialize};

use super::Slug;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceKind {
    Client,
    Processor,
    Schedule,
    Transformer,
    Server,
}

/// The event in reaction to which another was appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    pub stream_path: String,
    pub offset: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub kind: SourceKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// The length of the chain of causes; 0 for a client's own.
    pub depth: u32,
}

impl Source {
    pub fn client() -> Source {
        Source { kind: SourceKind::Client, slug: None, principal: None, cause: None, depth: 0 }
    }

    pub fn server() -> Source {
        Source { kind: SourceKind::Server, ..Source::client() }
    }
}
