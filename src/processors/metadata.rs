//! A stream's metadata: the latest `stream/metadata-updated` replaces all of it.

use serde_json::{Value, json};

use crate::event::{Event, Kind, Slug, builtin};
use crate::processor::BuiltinProcessor;

pub struct Metadata {
    metadata: Value,
}

impl Default for Metadata {
    fn default() -> Metadata {
        Metadata { metadata: json!({}) }
    }
}

impl BuiltinProcessor for Metadata {
    fn slug(&self) -> Slug {
        Slug::parse("metadata").expect("a valid slug")
    }

    fn reduce(&mut self, event: &Event) {
        if event.kind() == Some(Kind::MetadataUpdated)
            && let Ok(updated) = event.payload.decode::<builtin::MetadataUpdated>()
            && let Ok(metadata) = serde_json::from_str(updated.metadata.get())
        {
            self.metadata = metadata;
        }
    }

    fn state(&self) -> Value {
        self.metadata.clone()
    }

    fn checkpoint(&self) -> Value {
        self.metadata.clone()
    }

    fn restore(&mut self, checkpoint: &Value) -> bool {
        self.metadata = checkpoint.clone();
        checkpoint.is_object()
    }
}
