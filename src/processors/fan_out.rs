//! Bounds what one event may set off across streams. The depth of a chain is bounded elsewhere, but a tree of
//! reactions that doubles with each level is huge long before it is deep, and no single stream of it floods. So the
//! streams that all reactions to one event create together are counted, in memory: a restart begins anew. What is
//! scheduled, transformed or sent back from outside in reaction to an event belongs to its tree.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use crate::event::{Cause, Event, Offset, Project, SourceKind, StreamPath, Timestamp};
use crate::limits::{
    FAN_OUT_EVENTS_MAX, FAN_OUT_LINKS_MAX, STREAM_FORGIVEN_EVERY, STREAMS_PER_HOOK_MAX, STREAMS_PER_TREE_MAX,
};

/// Where an event stands.
type Place = (Project, StreamPath, Offset);

/// Of the tree of reactions to which an event belongs.
type Tree = Arc<Mutex<Grown>>;

/// How many streams it has created, as far as they are not forgiven by now.
#[derive(Default)]
struct Grown {
    streams: usize,
    forgiven_at: i64,
}

impl Grown {
    /// Whether there may be one more: some always may after a while, for what is scheduled goes on for years.
    fn has_room(&mut self, now: Timestamp) -> bool {
        let every = STREAM_FORGIVEN_EVERY.as_millis() as i64;
        let forgiven = (now.as_millis() - self.forgiven_at).max(0) / every;
        self.streams = self.streams.saturating_sub(usize::try_from(forgiven).unwrap_or(usize::MAX));
        self.forgiven_at += forgiven * every;
        let has_room = self.streams < STREAMS_PER_TREE_MAX;
        self.streams += usize::from(has_room);
        has_room
    }
}

#[derive(Default)]
pub struct FanOut(Mutex<Trees>);

/// Two generations: what nobody has asked for while one of them filled up is forgotten.
#[derive(Default)]
struct Trees {
    young: HashMap<Place, Tree>,
    old: HashMap<Place, Tree>,
}

impl Trees {
    fn find(&mut self, place: &Place) -> Option<Tree> {
        if let Some(tree) = self.young.get(place) {
            return Some(tree.clone());
        }
        let tree = self.old.get(place)?.clone();
        self.put(place.clone(), tree.clone());
        Some(tree)
    }

    fn put(&mut self, place: Place, tree: Tree) {
        if self.young.len() >= FAN_OUT_EVENTS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(place, tree);
    }
}

/// The event of whose reactions another one is a part.
fn follows_from(event: &Event) -> Option<&Cause> {
    let source = event.source.as_ref()?;
    // What somebody outside has scheduled is no reaction, and each of its runs is an event of its own.
    let is_scheduled_outside = source.kind == SourceKind::Schedule && source.depth <= 1;
    source.cause.as_ref().filter(|_| !is_scheduled_outside)
}

fn place(project: &Project, event: &Event) -> Place {
    (project.clone(), event.path.clone(), event.offset)
}

/// The streams that one hook appends to.
pub type Reached = HashSet<StreamPath>;

impl FanOut {
    /// In reaction to `cause`, an event goes to the stream at `path`, which `is_new`; `find` looks up events. The error is
    /// a sentence for the script's author.
    pub fn reach(
        &self,
        project: &Project,
        cause: &Event,
        find: impl Fn(&Cause) -> Option<Arc<Event>>,
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
            let tree = self.tree(project, cause, find);
            let mut grown = tree.lock().expect("nothing panics while it holds a tree of reactions");
            if !grown.has_room(cause.created_at) {
                return Err(format!(
                    "the reactions to one event have created {STREAMS_PER_TREE_MAX} streams together, so `{path}` is not created: each of them seems to set off more than one other"
                ));
            }
        }
        Ok(())
    }

    /// An event was appended in reaction to `cause`: what follows from it belongs to the same tree.
    pub fn grew(
        &self,
        project: &Project,
        cause: &Event,
        find: impl Fn(&Cause) -> Option<Arc<Event>>,
        event: &Event,
    ) {
        let tree = self.tree(project, cause, find);
        self.trees().put(place(project, event), tree);
    }

    /// The tree that `event` belongs to: its own, or that of the nearest event above it that is known. Not every link of
    /// a chain is made here, and one that was may be told a moment later than it is asked for.
    fn tree(&self, project: &Project, event: &Event, find: impl Fn(&Cause) -> Option<Arc<Event>>) -> Tree {
        let mut places = vec![place(project, event)];
        let mut above = follows_from(event).cloned();
        let tree = loop {
            let newest = places.last().expect("it begins with one");
            if let Some(tree) = self.trees().find(newest) {
                break tree;
            }
            let cause = above.take().filter(|_| places.len() < FAN_OUT_LINKS_MAX);
            let Some(event) = cause.and_then(|cause| find(&cause)) else { break Tree::default() };
            places.push(place(project, &event));
            above = follows_from(&event).cloned();
        };
        let mut trees = self.trees();
        places.into_iter().for_each(|place| trees.put(place, tree.clone()));
        tree
    }

    fn trees(&self) -> std::sync::MutexGuard<'_, Trees> {
        self.0.lock().expect("nothing panics while it holds the trees of reactions")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::event::{EventInput, Source};

    /// What was appended at these times (ms), for what reason.
    struct World {
        fan_out: FanOut,
        project: Project,
        log: RefCell<HashMap<(String, u64), Arc<Event>>>,
    }

    impl World {
        fn new() -> World {
            World { fan_out: FanOut::default(), project: Project::default(), log: RefCell::default() }
        }

        fn event(&self, path: &str, offset: u64, at: i64, by: Option<(SourceKind, &Event)>) -> Arc<Event> {
            let input = EventInput::parse(r#"{"type":"x"}"#).unwrap();
            let source = by.map_or_else(Source::client, |(kind, cause)| {
                let named = Cause { stream_path: cause.path.to_string(), offset: cause.offset.0 };
                Source { kind, slug: None, principal: None, cause: Some(named), depth: cause.depth() + 1 }
            });
            let at = Timestamp::from_millis(at);
            let stream = StreamPath::parse(path).unwrap();
            let event = Arc::new(Event::place(input, stream, Offset(offset), at, Some(source)));
            self.log.borrow_mut().insert((path.to_string(), offset), event.clone());
            event
        }

        fn find(&self, cause: &Cause) -> Option<Arc<Event>> {
            self.log.borrow().get(&(cause.stream_path.clone(), cause.offset)).cloned()
        }

        fn reach(&self, cause: &Event, path: &str, is_new: bool) -> Result<(), String> {
            let path = StreamPath::parse(path).unwrap();
            let find = |cause: &Cause| self.find(cause);
            self.fan_out.reach(&self.project, cause, find, &mut Reached::new(), &path, is_new)
        }

        /// A processor's reaction: the event with which it creates a stream.
        fn create(&self, cause: &Event, path: &str, at: i64) -> Result<Arc<Event>, String> {
            self.reach(cause, path, true)?;
            let born = self.event(path, 2, at, Some((SourceKind::Processor, cause)));
            self.fan_out.grew(&self.project, cause, |cause| self.find(cause), &born);
            Ok(born)
        }
    }

    /// Two streams in reaction to each event, until one is refused; how many there were, and why no more. `next` makes
    /// the event that is reacted to of the one that created a stream.
    fn double(world: &World, next: impl Fn(&World, Arc<Event>) -> Arc<Event>) -> (usize, String) {
        let mut level = vec![world.event("/root", 2, 0, None)];
        let mut created = 0;
        loop {
            let mut born = Vec::new();
            for cause in &level {
                for _ in 0..2 {
                    match world.create(cause, &format!("/n/{created}"), 0) {
                        Ok(event) => born.push(next(world, event)),
                        Err(why) => return (created, why),
                    }
                    created += 1;
                }
            }
            level = born;
        }
    }

    #[test]
    fn a_tree_is_counted_as_one_however_it_is_shaped() {
        let world = World::new();
        let (created, refused) = double(&world, |_, born| born);
        assert_eq!(created, STREAMS_PER_TREE_MAX);
        assert!(refused.contains(&format!("/n/{created}")), "{refused}");
        let root = world.event("/root", 2, 0, None);
        assert!(world.reach(&root, "/n/0", false).is_ok(), "streams that exist are not counted");
        let other = world.event("/root", 3, 0, None);
        assert!(world.reach(&other, "/m", true).is_ok(), "another event's reactions are another tree");
    }

    #[test]
    fn a_schedule_or_a_transformer_in_between_begins_no_other_tree() {
        let world = World::new();
        let (created, _) = double(&world, |world, born| {
            let path = born.path.to_string();
            let due = world.event(&path, 3, 0, Some((SourceKind::Schedule, &born)));
            world.event(&path, 5, 0, Some((SourceKind::Transformer, &due)))
        });
        assert_eq!(created, STREAMS_PER_TREE_MAX);
    }

    #[test]
    fn what_is_scheduled_for_ever_may_create_streams_for_ever() {
        let every = STREAM_FORGIVEN_EVERY.as_millis() as i64;
        // which run, at such intervals, may not create a stream
        let refused = |by_a_processor: bool, pause: i64| {
            let world = World::new();
            let asked = world.event("/asked", 2, 0, None);
            let by = by_a_processor.then_some((SourceKind::Processor, &*asked));
            let configured = world.event("/s", 2, 0, by);
            (1..=STREAMS_PER_TREE_MAX as i64 + 10).find(|n| {
                let run = Some((SourceKind::Schedule, &*configured));
                let due = world.event("/s", 2 + *n as u64, n * pause, run);
                world.create(&due, &format!("/s/{n}"), n * pause).is_err()
            })
        };
        assert_eq!(refused(true, every), None);
        assert_eq!(refused(true, 0), Some(STREAMS_PER_TREE_MAX as i64 + 1));
        assert_eq!(refused(false, 0), None, "each run of what somebody has scheduled is another tree");
    }

    #[test]
    fn one_hook_reaches_so_many_streams() {
        let (world, mut reached) = (World::new(), Reached::new());
        let cause = world.event("/a", 2, 0, None);
        let mut reach = |n: usize| {
            let path = StreamPath::parse(&format!("/s/{n}")).unwrap();
            world.fan_out.reach(&world.project, &cause, |_| None, &mut reached, &path, false)
        };
        assert!((0..STREAMS_PER_HOOK_MAX).all(|n| reach(n).is_ok()));
        assert!(reach(STREAMS_PER_HOOK_MAX).is_err());
        assert!(reach(0).is_ok(), "one that was reached before");
    }
}
