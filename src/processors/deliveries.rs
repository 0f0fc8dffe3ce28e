//! Keeps one delivery running for each subscription of each stream that has news, and none for the others. It is
//! told by the streams after each commit, under a lock that nobody holds for long.

mod below;
mod cause;
mod delivery;
mod failure;
mod mark;
mod notes;
mod outlet;
mod pace;
mod parcel;
mod socket;
mod webhook;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::subscriptions::SubscriptionSet;
use crate::egress::{Bounds, Caller, Egress, SecretError};
use crate::event::{Offset, Slug, StreamKey};
use crate::jsonata::Evaluators;
use crate::limits::{DELIVERY_CONNECTIONS_IDLE_MAX, DELIVERY_PLACES, DELIVERY_TIMEOUT};
use crate::stream::Streams;

pub use below::{Served, ServedSet};
pub use cause::{CAUSE_HEADER, CauseHeader};
use mark::{Mark, Progress, Store};

#[derive(Clone)]
pub struct Deliveries(Arc<Inner>);

struct Inner {
    egress: Egress,
    evaluators: Evaluators,
    /// Set right after the streams have started, which need this for their built-ins.
    streams: OnceLock<Streams>,
    below: below::Below,
    running: Mutex<HashMap<StreamKey, Running>>,
    delivered: AtomicU64,
    failed: AtomicU64,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

struct Running {
    own: Arc<SubscriptionSet>,
    news: watch::Sender<News>,
    deliveries: BTreeMap<Slug, Arc<Progress>>,
    resting: BTreeMap<Slug, Resting>,
}

/// What stands on a stream.
#[derive(Clone)]
struct News {
    tail: Offset,
    served: Arc<ServedSet>,
}

/// A subscription that nobody delivers to for a while.
#[derive(Clone, Copy)]
struct Resting {
    /// Another configuration ends it.
    configured: (Option<u64>, Offset),
    /// None: nothing else does.
    until: Option<Instant>,
}

/// Figures since the start, but for what runs now.
pub struct DeliveryStats {
    pub running: u64,
    pub delivered: u64,
    pub failed: u64,
}

impl Deliveries {
    pub fn new(egress: &Egress, evaluators: Evaluators) -> Deliveries {
        let bounds = Bounds {
            head_timeout: DELIVERY_TIMEOUT,
            idle_timeout: DELIVERY_TIMEOUT,
            places: DELIVERY_PLACES,
            ..Bounds::default()
        };
        Deliveries(Arc::new(Inner {
            egress: egress.apart(bounds, DELIVERY_CONNECTIONS_IDLE_MAX),
            evaluators,
            streams: OnceLock::new(),
            below: below::Below::default(),
            running: Mutex::default(),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// What a crash has left undelivered is found when its stream is woken, as the supervisor does at the start.
    pub fn start(&self, streams: Streams) {
        assert!(self.0.streams.set(streams).is_ok(), "deliveries are started once");
    }

    /// A stream has new events, or has just started: see that its subscriptions are served.
    pub fn committed(
        &self,
        stream: &StreamKey,
        tail: Offset,
        own: &Arc<SubscriptionSet>,
        served: &Arc<ServedSet>,
    ) {
        let mut running = self.running();
        if served.is_empty() && !running.contains_key(stream) {
            return;
        }
        let news = News { tail, served: served.clone() };
        let entry = running.entry(stream.clone()).or_insert_with(|| Running {
            own: own.clone(),
            news: watch::Sender::new(news.clone()),
            deliveries: BTreeMap::new(),
            resting: BTreeMap::new(),
        });
        entry.own = own.clone();
        entry.news.send_replace(news);
        entry.resting.retain(|slug, resting| {
            served.get(slug).is_some_and(|served| place(served) == resting.configured)
                && resting.until.is_none_or(|until| Instant::now() < until)
        });
        for slug in served.keys() {
            if !entry.deliveries.contains_key(slug) && !entry.resting.contains_key(slug) {
                self.spawn(stream, slug, entry);
            }
        }
        if entry.is_empty() {
            running.remove(stream);
        }
    }

    /// What stands on a stream may be of those below it, too: what runs there is told at once, and what does not, with
    /// its stream's next event.
    pub fn share(&self, stream: &StreamKey, own: &Arc<SubscriptionSet>) {
        let Some(streams) = self.0.streams.get() else { return };
        match self.0.below.update(streams.log(), stream, own) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::error!(%error, stream = %stream.path, "cannot tell the streams below of a subscription");
                return;
            }
        }
        for (below, entry) in &mut *self.running() {
            if below.project == stream.project && below.path.is_below(&stream.path) {
                let served = Arc::new(self.0.below.serve(below, &entry.own));
                entry.news.send_modify(|news| news.served = served);
            }
        }
    }

    /// All that a stream has, its own and what it has from above.
    pub fn served(&self, stream: &StreamKey, own: &SubscriptionSet) -> ServedSet {
        self.0.below.serve(stream, own)
    }

    /// Another number when streams share other subscriptions than before.
    pub fn above(&self) -> u64 {
        self.0.below.version()
    }

    /// Whether a stream might have subscriptions from above.
    pub fn has_some_above(&self, stream: &StreamKey) -> bool {
        self.0.below.has_some_above(stream)
    }

    /// What is to be kept together with the first event behind `tail` of a subscription from above: where it begins,
    /// if it has not begun, or is to do so `anew`.
    pub fn begin(
        &self,
        stream: &StreamKey,
        slug: &Slug,
        served: &Served,
        tail: Offset,
        anew: bool,
    ) -> Option<(String, Vec<u8>)> {
        let is_known = || self.stored(stream, slug, served).is_some_and(|mark| mark.continues(served));
        (anew || !is_known()).then(|| (mark::slot(slug, served), Mark::begin(served, tail).encode()))
    }

    /// Whether a subscription from above owes a stream nothing, up to `tail`.
    pub fn is_settled(&self, stream: &StreamKey, slug: &Slug, served: &Served, tail: Offset) -> bool {
        self.stored(stream, slug, served).is_none_or(|mark| mark.is_settled(tail))
    }

    fn stored(&self, stream: &StreamKey, slug: &Slug, served: &Served) -> Option<Mark> {
        let log = self.0.streams.get()?.log();
        let record = log.find(stream).ok()??;
        Store::new(log.clone(), record.id, slug, served).read().ok()?
    }

    fn spawn(&self, stream: &StreamKey, slug: &Slug, entry: &mut Running) {
        let Some(streams) = self.0.streams.get() else { return };
        if self.0.shutdown.is_cancelled() {
            return;
        }
        let progress = Arc::new(Progress::default());
        entry.deliveries.insert(slug.clone(), progress.clone());
        let delivery = delivery::Delivery {
            deliveries: self.clone(),
            streams: streams.clone(),
            stream: stream.clone(),
            slug: slug.clone(),
            news: entry.news.subscribe(),
            progress,
            known: None,
        };
        self.0.tasks.spawn(delivery.run());
    }

    /// Takes a delivery off the register, unless there is news that it has not seen. One that rests has nothing to
    /// do with news, as long as its configuration stands.
    fn finish(
        &self,
        stream: &StreamKey,
        slug: &Slug,
        news: &watch::Receiver<News>,
        resting: Option<Resting>,
    ) -> bool {
        let mut running = self.running();
        let Some(entry) = running.get_mut(stream) else { return true };
        if !self.0.shutdown.is_cancelled() && news.has_changed().unwrap_or(false) {
            let configured = entry.news.borrow().served.get(slug).map(place);
            if resting.is_none_or(|resting| configured != Some(resting.configured)) {
                return false;
            }
        }
        entry.deliveries.remove(slug);
        if let Some(resting) = resting {
            entry.resting.insert(slug.clone(), resting);
        }
        if entry.is_empty() {
            running.remove(stream);
        }
        true
    }

    /// What `__state` shows of one subscription's deliveries.
    pub fn progress(&self, stream: &StreamKey, slug: &Slug, served: &Served) -> Value {
        let running = self.running().get(stream).and_then(|entry| entry.deliveries.get(slug).cloned());
        let mark = running.as_ref().and_then(|progress| progress.shown());
        let mark = mark.or_else(|| self.stored(stream, slug, served));
        let mark = Mark::of(mark, served).unwrap_or_else(|| Mark::begin(served, Offset::START));
        mark.shown(running.is_some())
    }

    /// The key that a subscription's webhooks are signed with when it names none. May block for the disk.
    pub fn signing_secret(&self, stream: &StreamKey, slug: &Slug) -> Result<String, SecretError> {
        self.0.egress.secrets().signing_secret(&caller(stream, slug))
    }

    pub fn stats(&self) -> DeliveryStats {
        DeliveryStats {
            running: self.running().values().map(|entry| entry.deliveries.len() as u64).sum(),
            delivered: self.0.delivered.load(Relaxed),
            failed: self.0.failed.load(Relaxed),
        }
    }

    /// Requests under way are given up: they are made again at the next start.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn running(&self) -> MutexGuard<'_, HashMap<StreamKey, Running>> {
        self.0.running.lock().expect("nothing panics while it holds the register of deliveries")
    }
}

impl Running {
    fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.resting.is_empty()
    }
}

/// Which configuration a subscription has.
fn place(served: &Served) -> (Option<u64>, Offset) {
    (served.owner_id(), served.subscribed.configured)
}

/// On whose behalf a delivery goes out.
fn caller(stream: &StreamKey, slug: &Slug) -> Caller {
    Caller { project: stream.project.clone(), stream: stream.path.clone(), slug: slug.clone(), allow: None }
}
