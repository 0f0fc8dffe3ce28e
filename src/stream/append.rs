//! The append pipeline, read from top to bottom: known idempotency key? built-ins refuse? expected offset?
//! then place, time and source, reduce, and the built-ins' own effects. Nothing here waits, but `commit`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::Instrument as _;

use super::{AppendError, Batch, Index, Only, Origin, Streams};
use crate::event::{
    Cause, Event, EventInput, IdempotencyKey, Json, Kind, Offset, Slug, Source, SourceKind, StreamKey,
    Timestamp, builtin,
};
use crate::limits::{
    BUILTIN_CHECKPOINT_EVENTS, BUILTIN_CHECKPOINT_EVENTS_MIN, GROUP_COMMIT_BYTES_MAX,
    STREAM_COMMIT_EVENTS_MAX,
};
use crate::log::{Alarm, Commit, Log, LogError, Mark, StreamRecord};
use crate::processor::{BuiltinProcessor, Effect};

mod firing;

pub struct Pipeline {
    log: Log,
    stream: StreamKey,
    record: Option<StreamRecord>,
    builtins: Vec<Box<dyn BuiltinProcessor>>,
    /// Of all placed events, durable or not.
    tail: Offset,
    last_created_at: Timestamp,
    /// Reactions to what is older start a new chain.
    resumed_at: Option<Timestamp>,
    /// Placed, and waiting for the next commit.
    placed: Vec<Arc<Event>>,
    placed_bytes: usize,
    placed_keys: HashMap<IdempotencyKey, Arc<Event>>,
    checkpointed: Offset,
    /// What the log has recorded of `wakes_at_start`, and of `shares`.
    marked_to_wake: bool,
    /// What it has recorded, or should have, of `wakes_at`; the first commit makes sure of it.
    alarm: Option<Timestamp>,
    alarm_is_sure: bool,
    marked_to_share: bool,
    /// Of the states along the way, once it was needed.
    pub(super) trail: Option<Index>,
}

/// What built-ins want done, and which of them.
type Effects = VecDeque<(Slug, Effect)>;

/// What an append comes to: for each input an event just placed, or the place of one stored earlier.
pub struct Verdict(Vec<Found>);

enum Found {
    Event(Arc<Event>),
    Stored(Offset),
}

impl Pipeline {
    /// Of a stream without events.
    pub fn new(streams: &Streams, stream: &StreamKey) -> Pipeline {
        Pipeline {
            log: streams.log().clone(),
            stream: stream.clone(),
            record: None,
            builtins: (streams.0.builtins)(stream),
            tail: Offset::START,
            last_created_at: Timestamp::from_millis(0),
            resumed_at: None,
            placed: Vec::new(),
            placed_bytes: 0,
            placed_keys: HashMap::new(),
            checkpointed: Offset::START,
            marked_to_wake: false,
            alarm: None,
            alarm_is_sure: false,
            marked_to_share: false,
            trail: None,
        }
    }

    pub fn append(&mut self, batch: Batch, origin: Origin) -> Result<Verdict, AppendError> {
        if let Only::This(id) = origin.only()
            && self.record.as_ref().map(|record| record.id) != Some(id)
        {
            return Err(AppendError::Destroyed(self.stream.path.clone()));
        }
        // A batch is all or nothing: when a later input is refused, the earlier ones are taken back.
        let before = (batch.len() > 1).then(|| self.savepoint());
        let mut found = Vec::with_capacity(batch.len());
        let mut effects = VecDeque::new();
        for input in batch {
            match self.append_one(input, &origin, &mut effects) {
                Ok(event) => found.push(event),
                Err(error) => {
                    if let Some(before) = before {
                        self.go_back(before);
                    }
                    return Err(error);
                }
            }
        }
        self.perform(effects);
        Ok(Verdict(found))
    }

    fn append_one(
        &mut self,
        input: EventInput,
        origin: &Origin,
        effects: &mut Effects,
    ) -> Result<Found, AppendError> {
        let announced = matches!(origin, Origin::Server { .. })
            && matches!(input.event_type.kind(), Some(Kind::ChildCreated));
        if let Some(found) = self.admit(&input, announced)? {
            return Ok(found);
        }
        if self.tail == Offset::START {
            self.place(created(&self.stream), Source::server(), effects);
        }
        let source = self.source(origin);
        Ok(Found::Event(self.place(input, source, effects)))
    }

    /// Whether an input may have the next place. What is known by its key already needs none.
    fn admit(&self, input: &EventInput, announced: bool) -> Result<Option<Found>, AppendError> {
        if let Some(key) = &input.idempotency_key
            && let Some(found) = self.find_key(key)?
        {
            return Ok(Some(found));
        }
        if !announced {
            for builtin in &self.builtins {
                builtin.before_append(input)?;
            }
        }
        let next = if self.tail == Offset::START { Offset(2) } else { self.tail.next() };
        if let Some(supplied) = input.offset
            && supplied != next
        {
            return Err(AppendError::OffsetMismatch {
                stream: self.stream.clone(),
                expected: next,
                supplied,
            });
        }
        Ok(None)
    }

    fn find_key(&self, key: &IdempotencyKey) -> Result<Option<Found>, LogError> {
        if let Some(event) = self.placed_keys.get(key) {
            return Ok(Some(Found::Event(event.clone())));
        }
        let Some(record) = &self.record else { return Ok(None) };
        Ok(self.log.find_key(record.id, key)?.map(Found::Stored))
    }

    /// Gives an input its place and its time, and lets the built-ins take it in.
    fn place(&mut self, input: EventInput, source: Source, effects: &mut Effects) -> Arc<Event> {
        let now = Timestamp::now().max(self.last_created_at);
        let event = Event::place(input, self.stream.path.clone(), self.tail.next(), now, Some(source));
        let event = Arc::new(event);
        self.reduce(&event);
        for builtin in &self.builtins {
            effects.extend(builtin.after_append(&event).into_iter().map(|effect| (builtin.slug(), effect)));
        }
        if let Some(key) = &event.idempotency_key {
            self.placed_keys.insert(key.clone(), event.clone());
        }
        self.placed_bytes += event.payload.as_str().len();
        self.placed.push(event.clone());
        event
    }

    /// Takes an event into the state, for history and for new events alike.
    pub fn reduce(&mut self, event: &Event) {
        self.tail = event.offset;
        self.last_created_at = event.created_at;
        if event.kind() == Some(Kind::Resumed) {
            self.resumed_at = Some(event.created_at);
        }
        for builtin in &mut self.builtins {
            builtin.reduce(event);
        }
    }

    /// The built-ins' effects come before any input that still waits: a pause lands right behind its reason.
    fn perform(&mut self, mut effects: Effects) {
        while let Some((slug, Effect::Append(input))) = effects.pop_front() {
            // Two built-ins may have asked for the same pause.
            if self.builtins.iter().all(|builtin| builtin.before_append(&input).is_ok()) {
                let source = Source { slug: Some(slug), ..Source::server() };
                self.place(input, source, &mut effects);
            }
        }
    }

    fn source(&self, origin: &Origin) -> Source {
        let (kind, slug, cause) = match origin {
            Origin::Client => return Source::client(),
            Origin::Peer { slug, cause, .. } => (SourceKind::Client, slug.clone(), cause),
            Origin::Processor { slug, cause, .. } => (SourceKind::Processor, Some(slug.clone()), cause),
            Origin::Transformer { slug, cause, .. } => {
                (SourceKind::Transformer, Some(slug.clone()), &Some(cause.clone()))
            }
            Origin::Server { slug, cause, .. } => (SourceKind::Server, slug.clone(), cause),
        };
        let depth = cause.as_ref().map_or(0, |cause| self.depth_after(cause.created_at, cause.depth()));
        let named = cause.as_ref().filter(|_| !matches!(origin, Origin::Peer { foreign: true, .. }));
        let cause = named.map(|cause| Cause { stream_path: cause.path.to_string(), offset: cause.offset.0 });
        Source { kind, slug, principal: None, cause, depth }
    }

    /// `stream/resumed` starts the count of reactions anew.
    fn depth_after(&self, created_at: Timestamp, depth: u32) -> u32 {
        match self.resumed_at {
            Some(resumed_at) if created_at <= resumed_at => 1,
            _ => depth.saturating_add(1),
        }
    }

    /// Whether what was placed should not wait for more.
    pub fn is_full(&self) -> bool {
        self.placed.len() >= STREAM_COMMIT_EVENTS_MAX || self.placed_bytes >= GROUP_COMMIT_BYTES_MAX
    }

    /// Makes durable what was placed since the last commit; `spans` are those of the appends that it was placed for.
    pub async fn commit(
        &mut self,
        streams: &Streams,
        spans: &[tracing::Span],
    ) -> Result<Vec<Arc<Event>>, LogError> {
        let events = std::mem::take(&mut self.placed);
        self.placed_bytes = 0;
        self.placed_keys.clear();
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(events);
        };
        let created_at = first.created_at;
        let announces = self.announces();
        let wakes = self.wakes_at_start();
        let mut marks = Vec::new();
        marks.extend(announces.then_some((Mark::Unannounced, true)));
        marks.extend((wakes != self.marked_to_wake).then_some((Mark::Processors, wakes)));
        let wakes_at = self.wakes_at();
        let alarm = match wakes_at {
            at if at == self.alarm && (self.alarm_is_sure || at.is_none()) => Alarm::Unchanged,
            Some(at) => Alarm::At(at),
            None => Alarm::Off,
        };
        let shares = self.shares();
        marks.extend((shares != self.marked_to_share).then_some((Mark::Subtrees, shares)));
        let mut slots = Vec::new();
        for builtin in &mut self.builtins {
            let kept = builtin.keep(first.offset.previous());
            marks.extend(kept.owes.then_some((Mark::Inherited, true)));
            slots.extend(kept.slots);
        }
        let commit = Commit {
            stream: self.stream.clone(),
            id: self.record.as_ref().map(|record| record.id),
            expected_tail: first.offset.previous(),
            events: events.clone(),
            marks,
            alarm,
            slots,
        };
        debug_assert_eq!(self.tail, last.offset, "the pipeline's tail is that of the newest placed event");
        // One commit serves many appends: it stands below the first, and names the others.
        let span = tracing::debug_span!(
            parent: spans.first().and_then(tracing::Span::id),
            "commit",
            project = %self.stream.project,
            stream = %self.stream.path,
            first = %first.offset,
            last = %last.offset
        );
        for other in spans.iter().skip(1) {
            span.follows_from(other);
        }
        let id = self.log.commit(commit).instrument(span.clone()).await?;
        span.in_scope(|| tracing::debug!("committed"));
        self.marked_to_wake = wakes;
        (self.alarm, self.alarm_is_sure) = (wakes_at, true);
        self.marked_to_share = shares;
        let record =
            self.record.get_or_insert_with(|| StreamRecord { id, key: self.stream.clone(), created_at });
        if announces {
            streams.0.announcements.push(record.clone());
        }
        Ok(events)
    }

    /// Whether its ancestors are to hear of it when it is created.
    pub fn announces(&self) -> bool {
        self.record.is_none() && !self.stream.path.is_root() && !self.stream.path.is_system()
    }

    /// The events of a verdict whose inputs have been committed.
    pub fn resolve(&self, verdict: Verdict) -> Result<Vec<Arc<Event>>, LogError> {
        verdict
            .0
            .into_iter()
            .map(|found| match found {
                Found::Event(event) => Ok(event),
                Found::Stored(offset) => self.read_stored(offset),
            })
            .collect()
    }

    fn read_stored(&self, offset: Offset) -> Result<Arc<Event>, LogError> {
        let record = self.record.as_ref().expect("only a stream that exists has stored keys");
        self.log.read_one(record, offset)?.ok_or_else(|| {
            let stream = &self.stream.path;
            self.log.corrupt(format!(
                "the key index of stream `{stream}` names event {offset}, which is not there"
            ))
        })
    }

    /// Tells the built-ins that all they have reduced is durable.
    pub fn committed(&mut self) {
        for builtin in &mut self.builtins {
            builtin.committed(self.tail);
        }
    }

    pub fn tail(&self) -> Offset {
        self.tail
    }

    pub fn record(&self) -> Option<&StreamRecord> {
        self.record.as_ref()
    }

    fn wakes_at_start(&self) -> bool {
        self.builtins.iter().any(|builtin| builtin.wakes_at_start())
    }

    /// The earliest time at which one of the built-ins is to be asked what is due.
    pub fn wakes_at(&self) -> Option<Timestamp> {
        self.builtins.iter().filter_map(|builtin| builtin.wakes_at()).min()
    }

    /// Up to here the history is shared with another stream, and what it has deployed does not run on this one.
    pub fn leave_processors(&mut self) {
        for builtin in &mut self.builtins {
            builtin.leave_processors();
        }
    }

    /// History has been reduced: from here on the stream runs, as the one that `record` says.
    pub fn start(&mut self, record: StreamRecord) {
        self.record = Some(record);
        self.marked_to_wake = self.wakes_at_start();
        self.alarm = self.wakes_at();
        self.marked_to_share = self.shares();
    }

    fn shares(&self) -> bool {
        self.builtins.iter().any(|builtin| builtin.shares())
    }

    /// The stream stops running: a restarted server need not look at it when nothing is owed to it.
    pub fn rest(&self) {
        let mut said = self.builtins.iter().filter_map(|builtin| builtin.owes_nothing()).peekable();
        if let Some(record) = &self.record
            && said.peek().is_some()
            && said.all(|nothing| nothing)
        {
            self.log.unmark_lazily(record.id, Mark::Inherited);
        }
    }

    pub fn states(&self) -> Map<String, Value> {
        self.builtins.iter().map(|builtin| (builtin.slug().to_string(), builtin.state())).collect()
    }

    /// Whether so much has come since the state was stored that reading it again would take longer.
    pub fn checkpoint_is_stale(&self) -> bool {
        self.tail.0 - self.checkpointed.0 >= BUILTIN_CHECKPOINT_EVENTS_MIN
    }

    pub fn checkpoint_is_due(&self) -> bool {
        self.tail.0 - self.checkpointed.0 >= BUILTIN_CHECKPOINT_EVENTS
    }

    /// All that the pipeline knows, as of its tail.
    pub fn checkpoint(&self) -> Savepoint {
        Savepoint {
            tail: self.tail,
            last_created_at: self.last_created_at.as_millis(),
            resumed_at: self.resumed_at.map(Timestamp::as_millis),
            builtins: self
                .builtins
                .iter()
                .map(|builtin| (builtin.slug().to_string(), builtin.checkpoint()))
                .collect(),
        }
    }

    /// False when a built-in cannot take up what an earlier version has left.
    pub fn restore(&mut self, savepoint: &Savepoint) -> bool {
        self.tail = savepoint.tail;
        self.last_created_at = Timestamp::from_millis(savepoint.last_created_at);
        self.resumed_at = savepoint.resumed_at.map(Timestamp::from_millis);
        self.checkpointed = savepoint.tail;
        self.builtins.iter_mut().all(|builtin| {
            savepoint.builtins.get(builtin.slug().as_str()).is_some_and(|state| builtin.restore(state))
        })
    }

    pub fn set_checkpointed(&mut self) {
        self.checkpointed = self.tail;
    }

    fn savepoint(&self) -> (Savepoint, usize) {
        (self.checkpoint(), self.placed.len())
    }

    fn go_back(&mut self, (savepoint, placed): (Savepoint, usize)) {
        let checkpointed = self.checkpointed;
        assert!(self.restore(&savepoint), "a built-in takes up the state that it has just given");
        self.checkpointed = checkpointed;
        for event in self.placed.drain(placed..) {
            if let Some(key) = &event.idempotency_key {
                self.placed_keys.remove(key);
            }
        }
    }
}

/// The built-ins' states as of `tail`.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Savepoint {
    pub tail: Offset,
    last_created_at: i64,
    resumed_at: Option<i64>,
    builtins: Map<String, Value>,
}

impl Savepoint {
    /// What a built-in has stored of itself.
    pub fn of(&self, builtin: &str) -> Option<&Value> {
        self.builtins.get(builtin)
    }
}

fn created(stream: &StreamKey) -> EventInput {
    let payload = builtin::Created { path: stream.path.to_string(), project: stream.project.to_string() };
    EventInput::new(Kind::Created, Json::of(&payload))
}
