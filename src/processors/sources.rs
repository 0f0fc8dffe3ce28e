//! What is known of a stream's sources: for each slug the newest one, and what the bundler has said of it.
//! An answer to an older one counts for nothing, whenever it comes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::builtin::ProcessorCompileFailed;
use crate::event::{Offset, Slug};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceSet(BTreeMap<Slug, Source>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Where it was configured.
    pub offset: Offset,
    pub status: SourceStatus,
    pub last_error: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceStatus {
    Building,
    Built,
    Failed,
}

impl SourceSet {
    pub fn configured(&mut self, slug: Slug, offset: Offset) {
        self.0.insert(slug, Source { offset, status: SourceStatus::Building, last_error: None });
    }

    /// Whether the bundle is of the newest source, and so takes effect.
    pub fn bundled(&mut self, slug: &Slug, offset: Offset) -> bool {
        let Some(source) = self.waiting(slug, offset) else { return false };
        source.status = SourceStatus::Built;
        true
    }

    pub fn failed(&mut self, slug: &Slug, offset: Offset, error: Value) -> bool {
        let Some(source) = self.waiting(slug, offset) else { return false };
        source.status = SourceStatus::Failed;
        source.last_error = Some(error);
        true
    }

    /// Nothing that is still being built for the slug takes effect any more.
    pub fn forget(&mut self, slug: &Slug) {
        self.0.remove(slug);
    }

    fn waiting(&mut self, slug: &Slug, offset: Offset) -> Option<&mut Source> {
        let newest = self.0.get_mut(slug)?;
        (newest.offset == offset && newest.status == SourceStatus::Building).then_some(newest)
    }

    pub fn of(&self, slug: &Slug) -> Option<&Source> {
        self.0.get(slug)
    }

    pub fn slugs(&self) -> impl Iterator<Item = &Slug> {
        self.0.keys()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Slug, &Source)> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a list of processors shows as the last error.
pub fn compile_error(offset: Offset, failed: &ProcessorCompileFailed) -> Value {
    let first = failed.diagnostics.first();
    json!({
        "offset": offset,
        "phase": "compile",
        "reason": failed.stage,
        "message": first.map(|diagnostic| diagnostic.message.as_str()).unwrap_or_default(),
        "file": first.map(|diagnostic| diagnostic.file.as_str()).unwrap_or_default(),
        "line": first.map_or(0, |diagnostic| diagnostic.line),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_source_is_answered() {
        let slug = Slug::parse("a").unwrap();
        let mut sources = SourceSet::default();
        assert!(!sources.bundled(&slug, Offset(2)), "no source");
        sources.configured(slug.clone(), Offset(2));
        sources.configured(slug.clone(), Offset(3));
        assert!(!sources.bundled(&slug, Offset(2)), "an older one");
        assert!(sources.bundled(&slug, Offset(3)));
        assert!(!sources.bundled(&slug, Offset(3)), "answered already");
        sources.configured(slug.clone(), Offset(9));
        sources.forget(&slug);
        assert!(!sources.failed(&slug, Offset(9), Value::Null), "removed meanwhile");
    }
}
