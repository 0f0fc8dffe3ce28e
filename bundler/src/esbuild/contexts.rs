//! What stays in esbuild between builds: a context knows the syntax trees of the modules that it has read, and reads
//! only those again whose text has changed. A package's never does, and parsing it is half of a build.
//!
//! A context serves builds that differ in the author's files alone, one at a time. Nothing else is remembered in it:
//! each build asks for every import and every file.

use std::collections::VecDeque;

use super::pattern::Sites;
use crate::limits::{ESBUILD_CONTEXT_BUILDS_MAX, ESBUILD_CONTEXTS_BYTES_MAX};

/// A context without a build.
#[derive(Debug)]
pub(super) struct Idle {
    /// What its builds have in common.
    pub name: String,
    /// Under which esbuild knows it.
    pub key: u32,
    /// What is hidden from esbuild in its packages, found by earlier builds.
    pub patterns: Sites,
    /// Of the modules that the last build has loaded.
    pub bytes: usize,
    pub builds: usize,
}

/// The one that was used last stands last.
#[derive(Debug, Default)]
pub(super) struct Contexts(VecDeque<Idle>);

impl Contexts {
    pub fn take(&mut self, name: &str) -> Option<Idle> {
        let at = self.0.iter().rposition(|idle| idle.name == name)?;
        self.0.remove(at)
    }

    #[cfg(test)]
    pub fn keys(&self) -> Vec<u32> {
        self.0.iter().map(|idle| idle.key).collect()
    }

    /// The keys of those that have to go.
    pub fn keep(&mut self, idle: Idle) -> Vec<u32> {
        // The author's files stay in it, too, under all the names that they ever had.
        if idle.builds >= ESBUILD_CONTEXT_BUILDS_MAX {
            return vec![idle.key];
        }
        self.0.push_back(idle);
        let mut gone = Vec::new();
        while self.0.iter().map(|idle| idle.bytes).sum::<usize>() > ESBUILD_CONTEXTS_BYTES_MAX
            && let Some(oldest) = self.0.pop_front()
        {
            gone.push(oldest.key);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(name: &str, key: u32, bytes: usize, builds: usize) -> Idle {
        Idle { name: name.into(), key, patterns: Sites::new(), bytes, builds }
    }

    #[test]
    fn the_oldest_and_the_worn_out_go() {
        let third = ESBUILD_CONTEXTS_BYTES_MAX / 3;
        let mut contexts = Contexts::default();
        for key in 1..=3 {
            assert!(contexts.keep(idle(&format!("n{key}"), key, third, 1)).is_empty());
        }
        let first = contexts.take("n1").unwrap();
        assert!(contexts.take("n1").is_none(), "a context has one build at a time");
        assert!(contexts.keep(first).is_empty());
        assert_eq!(contexts.keep(idle("n4", 4, third, 1)), [2]);
        assert_eq!(contexts.keep(idle("n5", 5, 1, ESBUILD_CONTEXT_BUILDS_MAX)), [5]);
        assert_eq!(contexts.keep(idle("n6", 6, ESBUILD_CONTEXTS_BYTES_MAX + 1, 1)), [3, 1, 4, 6]);
        assert!(contexts.take("n6").is_none());
    }
}
