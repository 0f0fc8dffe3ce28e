//! What an isolate reaches outside its engine: the way to the host, the timers, and the bounds it runs in.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rquickjs::{Persistent, Value};
use rustix::time::{ClockId, clock_gettime};

use super::super::Bounds;
use super::super::page::Page;
use super::super::protocol::{CallId, FromWorker, IsolateId, OpId, encode};
use super::allocator::Meter;
use super::recorded::RecordedTime;
use crate::event::Timestamp;
use crate::event::builtin::Phase;
use crate::limits;

/// What all isolates of the worker share.
pub struct Shared {
    pub page: Arc<Page>,
    socket: RefCell<UnixStream>,
    outbox: RefCell<Vec<u8>>,
    due: RefCell<BTreeMap<DueAt, Due>>,
    sequence: Cell<u64>,
}

/// When something is due; the number keeps the order of equal times.
pub type DueAt = (Instant, u64);

#[derive(Clone, Copy)]
pub enum Due {
    Timer {
        isolate: IsolateId,
        timer: u32,
    },
    /// A hook's time is over.
    Hook {
        isolate: IsolateId,
        call: CallId,
    },
    /// An exchange has taken as long as it may.
    Exchange {
        isolate: IsolateId,
        exchange: OpId,
    },
}

/// What the outbox keeps of its memory between turns.
const OUTBOX_BYTES: usize = 64 * 1024;

impl Shared {
    pub fn new(socket: UnixStream, page: Arc<Page>) -> Shared {
        Shared {
            page,
            socket: RefCell::new(socket),
            outbox: RefCell::default(),
            due: RefCell::default(),
            sequence: Cell::new(0),
        }
    }

    /// False when the message is larger than a frame may be.
    pub fn send(&self, message: &FromWorker, body: &[u8]) -> bool {
        let Ok(bytes) = encode(message, &[body]) else { return false };
        self.outbox.borrow_mut().extend_from_slice(&bytes);
        true
    }

    pub fn flush(&self) {
        let mut outbox = self.outbox.borrow_mut();
        if !outbox.is_empty() && self.socket.borrow_mut().write_all(&outbox).is_err() {
            // The host is gone.
            std::process::exit(0);
        }
        outbox.clear();
        outbox.shrink_to(OUTBOX_BYTES);
    }

    pub fn arm(&self, at: Instant, due: Due) -> DueAt {
        let sequence = self.sequence.get() + 1;
        self.sequence.set(sequence);
        self.due.borrow_mut().insert((at, sequence), due);
        (at, sequence)
    }

    pub fn disarm(&self, at: &DueAt) {
        self.due.borrow_mut().remove(at);
    }

    pub fn first_due(&self) -> Option<Instant> {
        self.due.borrow().first_key_value().map(|((at, _), _)| *at)
    }

    pub fn next_due(&self, now: Instant) -> Option<Due> {
        let mut due = self.due.borrow_mut();
        let first = due.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

/// A promise that was rejected while nobody handled it, and why.
pub struct Rejection {
    pub promise: Persistent<Value<'static>>,
    pub reason: Persistent<Value<'static>>,
    /// Somebody handles it after all, when the script may have heard of it already.
    pub late: bool,
}

/// The end of a hook, as the prelude tells it.
pub struct Settled {
    pub call: CallId,
    pub failure: Option<String>,
    pub value: Option<String>,
}

/// An operation that waits for the host.
struct Op {
    call: CallId,
    bytes: usize,
    exchange: Option<OpId>,
}

/// What the natives of one isolate work on.
pub struct Host {
    pub id: IsolateId,
    pub shared: Rc<Shared>,
    pub meter: Rc<Meter>,
    pub settled: RefCell<Vec<Settled>>,
    pub rejections: RefCell<Vec<Rejection>>,
    /// A listener of the script has been told of one.
    pub hears_rejections: Cell<bool>,
    pub bounds: Bounds,
    /// Log lines of the turn so far. The prelude counts those of a hook, and might be deceived.
    logged: Cell<u64>,
    /// The thread's time as the turn began, while there is one.
    began: Cell<Option<Duration>>,
    /// The processor time that the host has not been told of, and when it was told last.
    untold: Cell<Duration>,
    told_at: Cell<Option<Instant>>,
    /// The processor time of the turn that was too long.
    spent: Cell<Duration>,
    deadline: Cell<Option<Duration>>,
    interrupted: Cell<bool>,
    ops: RefCell<HashMap<OpId, Op>>,
    /// Requests and sockets under way, and when they must end.
    exchanges: RefCell<HashMap<OpId, Option<DueAt>>>,
    op_bytes: Cell<usize>,
    last_op: Cell<OpId>,
    timers: RefCell<HashMap<u32, (DueAt, CallId)>>,
    /// When the isolate began, by the clock that scripts see; and how long ago that is.
    pub began_at: Timestamp,
    born: Instant,
    /// In a rehearsal: what time it is, and the timers by it.
    pub recorded: Option<RecordedTime>,
}

impl Host {
    pub fn new(id: IsolateId, shared: Rc<Shared>, bounds: &Bounds) -> Host {
        Host {
            id,
            shared,
            meter: Meter::new(bounds.memory_bytes.max(limits::MEMORY_BYTES_MIN) as usize),
            settled: RefCell::default(),
            rejections: RefCell::default(),
            hears_rejections: Cell::new(false),
            bounds: bounds.clone(),
            logged: Cell::new(0),
            began: Cell::new(None),
            untold: Cell::new(Duration::ZERO),
            told_at: Cell::new(None),
            spent: Cell::new(Duration::ZERO),
            deadline: Cell::new(None),
            interrupted: Cell::new(false),
            ops: RefCell::default(),
            exchanges: RefCell::default(),
            op_bytes: Cell::new(0),
            last_op: Cell::new(0),
            timers: RefCell::default(),
            began_at: bounds.recorded_time.map_or_else(Timestamp::now, Timestamp::from_millis),
            born: Instant::now(),
            recorded: bounds.recorded_time.map(RecordedTime::from),
        }
    }

    pub fn age(&self) -> Duration {
        self.born.elapsed()
    }

    // --- bounds -------------------------------------------------------------------------------------

    pub fn begin_turn(&self, call: CallId, phase: Phase) {
        let now = thread_time();
        self.began.set(Some(now));
        self.renew_turn(call, phase);
        self.deadline.set(Some(now + self.bounds.cpu_per_turn));
    }

    /// The turn goes on with something else, which may use as much again.
    pub fn renew_turn(&self, call: CallId, phase: Phase) {
        self.deadline.set(None);
        self.logged.set(0);
        self.shared.page.begin(self.id, call, phase, self.bounds.cpu_per_turn);
    }

    pub fn end_turn(&self) {
        self.shared.page.end();
        let Some(began) = self.began.take() else { return };
        let untold = self.untold.get() + thread_time().saturating_sub(began);
        self.untold.set(untold);
        let now = Instant::now();
        let is_due = |told: Instant| now.duration_since(told) >= limits::USAGE_INTERVAL;
        if untold >= limits::USAGE_CPU_MAX || self.told_at.get().is_none_or(is_due) {
            self.untold.set(Duration::ZERO);
            self.told_at.set(Some(now));
            let memory_bytes = self.meter.used() as u64;
            self.shared.send(&FromWorker::Used { isolate: self.id, cpu: untold, memory_bytes }, &[]);
        }
    }

    /// Whether the script must stop: asked by the engine now and then, and between jobs. Where a turn was renewed, its
    /// allowance counts from here: to read the clock with each of many would cost more than they do. Once true, true
    /// for ever.
    pub fn must_stop(&self) -> bool {
        if self.meter.was_refused() {
            self.meter.open_reserve();
            return true;
        }
        if self.interrupted.get() {
            return true;
        }
        let now = thread_time();
        match self.deadline.get() {
            None => self.deadline.set(Some(now + self.bounds.cpu_per_turn)),
            Some(deadline) if now > deadline => {
                self.spent.set((now + self.bounds.cpu_per_turn).saturating_sub(deadline));
                self.interrupted.set(true);
            }
            Some(_) => {}
        }
        self.interrupted.get()
    }

    pub fn was_interrupted(&self) -> bool {
        self.interrupted.get()
    }

    /// The processor time of the turn that had to be stopped.
    pub fn spent(&self) -> Duration {
        self.spent.get()
    }

    /// Whether the turn may log one more line.
    pub fn may_log(&self) -> bool {
        self.logged.set(self.logged.get() + 1);
        // Some more say how many were dropped.
        self.logged.get() <= 2 * self.bounds.log_lines.max(8)
    }

    /// Whether a hook has come to its end within the call that began it. It went well, or the prelude has told already.
    pub fn told_over(&self, call: CallId, is_over: bool) {
        if is_over {
            self.settled.borrow_mut().push(Settled { call, failure: None, value: None });
        }
    }

    // --- operations -----------------------------------------------------------------------------------

    /// The number of a new operation that carries so many bytes; none when too much waits already.
    pub fn new_op(&self, call: CallId, bytes: usize) -> Option<OpId> {
        self.new_op_of(call, bytes, None)
    }

    /// The same for one that belongs to an exchange, and ends with it.
    pub fn new_op_of(&self, call: CallId, bytes: usize, exchange: Option<OpId>) -> Option<OpId> {
        let mut ops = self.ops.borrow_mut();
        let waiting = self.op_bytes.get() + bytes;
        if ops.len() >= limits::PENDING_OPS_MAX || waiting > limits::PENDING_OP_BYTES_MAX {
            return None;
        }
        self.op_bytes.set(waiting);
        let id = self.last_op.get() + 1;
        self.last_op.set(id);
        ops.insert(id, Op { call, bytes, exchange });
        Some(id)
    }

    pub fn settle_op(&self, op: OpId) -> Option<CallId> {
        let Op { call, bytes, .. } = self.ops.borrow_mut().remove(&op)?;
        self.op_bytes.set(self.op_bytes.get() - bytes);
        Some(call)
    }

    // --- exchanges ------------------------------------------------------------------------------------

    pub fn may_begin_exchange(&self) -> bool {
        (self.exchanges.borrow().len() as u64) < self.bounds.pending_fetches
    }

    /// One that does not last is over, with its body, when its hook's time would be.
    pub fn begin_exchange(&self, exchange: OpId, lasts: bool) {
        let due = Due::Exchange { isolate: self.id, exchange };
        let at = (!lasts).then(|| self.shared.arm(Instant::now() + self.bounds.hook_timeout, due));
        self.exchanges.borrow_mut().insert(exchange, at);
    }

    pub fn has_exchange(&self, exchange: OpId) -> bool {
        self.exchanges.borrow().contains_key(&exchange)
    }

    /// Forgets an exchange, and whatever waits for it; whether it was there.
    pub fn end_exchange(&self, exchange: OpId) -> bool {
        let Some(due) = self.exchanges.borrow_mut().remove(&exchange) else { return false };
        if let Some(at) = due {
            self.shared.disarm(&at);
        }
        let belongs = |id: &OpId, op: &Op| *id == exchange || op.exchange == Some(exchange);
        let waiting = self.ops.borrow();
        let ops: Vec<OpId> = waiting.iter().filter(|(id, op)| belongs(id, op)).map(|(id, _)| *id).collect();
        drop(waiting);
        for op in ops {
            self.settle_op(op);
        }
        true
    }

    // --- timers ---------------------------------------------------------------------------------------

    /// False when there are too many.
    pub fn arm_timer(&self, timer: u32, delay: Duration, call: CallId) -> bool {
        if let Some(time) = &self.recorded {
            let has_room = (time.armed() as u64) < self.bounds.timers;
            if has_room {
                time.arm(timer, delay, call);
            }
            return has_room;
        }
        let mut timers = self.timers.borrow_mut();
        if timers.len() as u64 >= self.bounds.timers {
            return false;
        }
        let at = self.shared.arm(Instant::now() + delay, Due::Timer { isolate: self.id, timer });
        timers.insert(timer, (at, call));
        true
    }

    pub fn cancel_timer(&self, timer: u32) {
        if let Some(time) = &self.recorded {
            return time.cancel(timer);
        }
        if let Some((at, _)) = self.timers.borrow_mut().remove(&timer) {
            self.shared.disarm(&at);
        }
    }

    /// The call that set a timer which is due now.
    pub fn take_timer(&self, timer: u32) -> Option<CallId> {
        match &self.recorded {
            Some(time) => time.take(timer),
            None => self.timers.borrow_mut().remove(&timer).map(|(_, call)| call),
        }
    }

    /// Forgets what it kept for its isolate, which is at its end.
    pub fn close(&self) {
        for (_, (at, _)) in self.timers.take() {
            self.shared.disarm(&at);
        }
        for at in self.exchanges.take().into_values().flatten() {
            self.shared.disarm(&at);
        }
        if let Some(time) = &self.recorded {
            time.clear();
        }
        self.ops.take();
        self.settled.take();
    }

    /// Operations and timers that can still wake this isolate.
    pub fn pending(&self) -> usize {
        let recorded = self.recorded.as_ref().map_or(0, RecordedTime::armed);
        self.ops.borrow().len() + self.timers.borrow().len() + recorded
    }

    pub fn has_ops(&self) -> bool {
        !self.ops.borrow().is_empty()
    }

    // --- rejections -----------------------------------------------------------------------------------

    pub fn rejected(&self, promise: Persistent<Value<'static>>, reason: Persistent<Value<'static>>) {
        self.rejections.borrow_mut().push(Rejection { promise, reason, late: false });
    }

    pub fn handled(&self, promise: Persistent<Value<'static>>, reason: Persistent<Value<'static>>) {
        let mut rejections = self.rejections.borrow_mut();
        let known = rejections.iter().position(|rejection| rejection.promise == promise);
        match known {
            Some(known) => drop(rejections.remove(known)),
            None if self.hears_rejections.get() => rejections.push(Rejection { promise, reason, late: true }),
            None => {}
        }
    }
}

fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
