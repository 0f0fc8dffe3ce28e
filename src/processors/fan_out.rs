//! Bounds what one event may set off across streams. The depth of a chain is bounded elsewhere, but a tree of
//! reactions that doubles with each level is huge long before it is deep, and no single stream of it floods. So the
//! streams that all reactions to one event create together are counted, in memory: a restart begins anew.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::event::{Event, Offset, Project, StreamPath};
use crate::limits::{FAN_OUT_EVENTS_MAX, STREAMS_PER_HOOK_MAX, STREAMS_PER_TREE_MAX};

/// Where an event stands.
type Place = (Project, StreamPath, Offset);

/// How many streams the tree of reactions has created to which an event belongs.
type Tree = Arc<AtomicUsize>;

#[derive(Default)]
pub struct FanOut(Mutex<Trees>);

/// Two generations: what nobody has asked for while one of them filled up is forgotten.
#[derive(Default)]
struct Trees {
    young: HashMap<Place, Tree>,
    old: HashMap<Place, Tree>,
}

impl Trees {
    fn of(&mut self, place: Place) -> Tree {
        let tree = self.young.get(&place).or(self.old.get(&place)).cloned().unwrap_or_default();
        self.put(place, tree.clone());
        tree
    }

    fn put(&mut self, place: Place, tree: Tree) {
        if self.young.len() >= FAN_OUT_EVENTS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(place, tree);
    }
}

/// The streams that one hook appends to.
pub type Reached = HashSet<StreamPath>;

impl FanOut {
    /// In reaction to `cause`, an event goes to the stream at `path`, which `is_new`. The error is a sentence for the
    /// script's author.
    pub fn reach(
        &self,
        project: &Project,
        cause: &Event,
        reached: &mut Reached,
        path: &StreamPath,
        is_new: bool,
    ) -> Result<(), String> {
        if !reached.contains(path) {
            if reached.len() >= STREAMS_PER_HOOK_MAX {
                return Err(format!(
                    "one reaction may append to {STREAMS_PER_HOOK_MAX} streams; append to some of them in reaction to another event"
                ));
            }
            reached.insert(path.clone());
        }
        if is_new {
            let tree = self.trees().of((project.clone(), cause.path.clone(), cause.offset));
            if tree.fetch_add(1, Relaxed) >= STREAMS_PER_TREE_MAX {
                tree.fetch_sub(1, Relaxed);
                return Err(format!(
                    "the reactions to one event have created {STREAMS_PER_TREE_MAX} streams together, so `{path}` is not created: each of them seems to set off more than one other"
                ));
            }
        }
        Ok(())
    }

    /// An event was appended in reaction to `cause`: what follows from it belongs to the same tree.
    pub fn grew(&self, project: &Project, cause: &Event, event: &Event) {
        let mut trees = self.trees();
        let tree = trees.of((project.clone(), cause.path.clone(), cause.offset));
        trees.put((project.clone(), event.path.clone(), event.offset), tree);
    }

    fn trees(&self) -> std::sync::MutexGuard<'_, Trees> {
        self.0.lock().expect("nothing panics while it holds the trees of reactions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventInput, Source, Timestamp};

    fn event(path: &str, offset: u64) -> Event {
        let input = EventInput::parse(r#"{"type":"x"}"#).unwrap();
        let path = StreamPath::parse(path).unwrap();
        Event::place(input, path, Offset(offset), Timestamp::from_millis(0), Some(Source::client()))
    }

    #[test]
    fn a_tree_is_counted_as_one_however_it_is_shaped() {
        let (fan_out, project) = (FanOut::default(), Project::default());
        let reach = |cause: &Event, path: &str, is_new: bool| {
            fan_out.reach(&project, cause, &mut Reached::new(), &StreamPath::parse(path).unwrap(), is_new)
        };
        let mut level = vec![event("/root", 2)];
        let mut created = 0;
        let refused = 'tree: loop {
            let mut next = Vec::new();
            for cause in &level {
                for _ in 0..2 {
                    let path = format!("/n/{created}");
                    if let Err(why) = reach(cause, &path, true) {
                        break 'tree why;
                    }
                    let born = event(&path, 2);
                    fan_out.grew(&project, cause, &born);
                    next.push(born);
                    created += 1;
                }
            }
            level = next;
        };
        assert_eq!(created, STREAMS_PER_TREE_MAX);
        assert!(refused.contains(&format!("/n/{created}")), "{refused}");
        assert!(reach(&level[0], "/n/0", false).is_ok(), "streams that exist are not counted");
        assert!(reach(&event("/root", 3), "/m", true).is_ok(), "another event's reactions are another tree");
    }

    #[test]
    fn one_hook_reaches_so_many_streams() {
        let (fan_out, project) = (FanOut::default(), Project::default());
        let (cause, mut reached) = (event("/a", 2), Reached::new());
        let mut reach = |n: usize| {
            let path = StreamPath::parse(&format!("/s/{n}")).unwrap();
            fan_out.reach(&project, &cause, &mut reached, &path, false)
        };
        assert!((0..STREAMS_PER_HOOK_MAX).all(|n| reach(n).is_ok()));
        assert!(reach(STREAMS_PER_HOOK_MAX).is_err());
        assert!(reach(0).is_ok(), "one that was reached before");
    }
}
