//! Which span committed an event. Between a commit and the reactions to it there is only the log: the newest commits are
//! remembered, so that a reaction which comes soon, as nearly all do, continues the trace of its event.

use std::collections::{HashMap, VecDeque};

use super::span::Context;
use crate::limits::TRACED_COMMITS_MAX;

#[derive(Default)]
pub struct Recent {
    /// By stream, oldest first.
    commits: HashMap<String, VecDeque<Commit>>,
    /// The streams of the commits, in the order in which these came.
    order: VecDeque<String>,
}

struct Commit {
    first: u64,
    last: u64,
    context: Context,
}

impl Recent {
    pub fn add(&mut self, stream: String, first: u64, last: u64, context: Context) {
        if self.order.len() == TRACED_COMMITS_MAX
            && let Some(oldest) = self.order.pop_front()
            && let Some(commits) = self.commits.get_mut(&oldest)
        {
            commits.pop_front();
            if commits.is_empty() {
                self.commits.remove(&oldest);
            }
        }
        self.order.push_back(stream.clone());
        self.commits.entry(stream).or_default().push_back(Commit { first, last, context });
    }

    pub fn of(&self, stream: &str, offset: u64) -> Option<Context> {
        let commits = self.commits.get(stream)?;
        // Newest first: a stream that was created again counts its offsets anew.
        let found = commits.iter().rev().find(|commit| (commit.first..=commit.last).contains(&offset))?;
        Some(found.context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_known() {
        let mut recent = Recent::default();
        let contexts: Vec<Context> = (0..3).map(|_| Context::fresh(None)).collect();
        recent.add("/a".into(), 1, 2, contexts[0]);
        recent.add("/a".into(), 3, 3, contexts[1]);
        recent.add("/b".into(), 1, 1, contexts[2]);
        assert_eq!(recent.of("/a", 2), Some(contexts[0]));
        assert_eq!(recent.of("/a", 3), Some(contexts[1]));
        assert_eq!(recent.of("/b", 1), Some(contexts[2]));
        assert_eq!((recent.of("/a", 4), recent.of("/c", 1)), (None, None));
        for offset in 0..TRACED_COMMITS_MAX as u64 {
            recent.add("/c".into(), offset, offset, contexts[0]);
        }
        assert_eq!((recent.of("/a", 2), recent.of("/b", 1)), (None, None));
        assert_eq!(recent.of("/c", 0), Some(contexts[0]));
        assert_eq!(recent.commits.len(), 1);
    }
}
