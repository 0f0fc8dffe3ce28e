//! Transformers: two JSONata expressions that make proper events of others.

use serde::{Deserialize, Serialize};

use super::super::{Expression, Slug};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerConfigured {
    pub slug: Slug,
    pub matcher: Expression,
    pub transform: Expression,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerRemoved {
    pub slug: Slug,
}
