//! The delivery of one subscription: reads what it owes from the log, and pushes one event after the other, each until
//! it is acknowledged. It ends when there is nothing left, when it rests, and when the subscription is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::failure::{Failure, Then};
use super::mark::{Mark, Progress, Store, Trouble};
use super::notes::{self, NoteNews};
use super::outlet::{Outlet, To};
use super::parcel::{Packed, Packer, Parcel};
use super::{Deliveries, News, Resting, Served, caller, pace, place};
use crate::egress::Caller;
use crate::event::{Event, Slug, StreamKey, Timestamp};
use crate::jsonata;
use crate::limits::{
    DELIVERY_ATTEMPTS_MAX, DELIVERY_LINGER, DELIVERY_PAGE_BYTES, DELIVERY_PAGE_EVENTS, DELIVERY_REST,
    FOLLOWER_RETRY_FIRST, FOLLOWER_RETRY_MAX, TRANSFORMER_PENALTY,
};
use crate::log::{StreamId, StreamRecord};
use crate::processors::machinery::Machinery;
use crate::stream::{AppendError, Streams};

pub struct Delivery {
    pub deliveries: Deliveries,
    pub streams: Streams,
    pub stream: StreamKey,
    pub slug: Slug,
    pub news: watch::Receiver<News>,
    pub progress: Arc<Progress>,
    /// What is newer here than in the log, of which stream.
    pub known: Option<(StreamId, Mark, Served)>,
}

/// Why a life has ended.
enum Next {
    /// Another configuration stands, or another stream.
    Changed,
    Idle,
    Rest(Resting),
    /// The subscription is gone, or the server is going.
    Over,
}

/// What follows from an attempt that has failed.
enum Failed {
    Again,
    /// The event is given up.
    LeftOut,
    Over(Next),
}

impl Delivery {
    pub async fn run(mut self) {
        let mut delay = FOLLOWER_RETRY_FIRST;
        let shutdown = self.deliveries.0.shutdown.clone();
        loop {
            let resting = match self.live().await {
                Ok(Next::Changed) => {
                    delay = FOLLOWER_RETRY_FIRST;
                    continue;
                }
                Ok(Next::Idle | Next::Over) => None,
                Ok(Next::Rest(resting)) => Some(resting),
                Err(Machinery::Append(AppendError::Destroyed(_) | AppendError::ShuttingDown)) => None,
                Err(trouble) if shutdown.is_cancelled() => {
                    tracing::debug!(stream = %self.stream.path, slug = %self.slug, %trouble, "a delivery ends");
                    None
                }
                Err(trouble) => {
                    tracing::warn!(stream = %self.stream.path, slug = %self.slug, %trouble, "a delivery starts again");
                    tokio::select! {
                        () = sleep(delay) => {}
                        () = shutdown.cancelled() => {}
                    }
                    delay = (delay * 2).min(FOLLOWER_RETRY_MAX);
                    continue;
                }
            };
            if self.deliveries.finish(&self.stream, &self.slug, &self.news, resting) {
                return;
            }
        }
    }

    /// One configuration, on one stream.
    async fn live(&mut self) -> Result<Next, Machinery> {
        if self.deliveries.0.shutdown.is_cancelled() {
            return Ok(Next::Over);
        }
        let news = self.news.borrow_and_update().clone();
        let Some(record) = self.streams.log().find(&self.stream)? else { return Ok(Next::Over) };
        let Some(served) = news.served.get(&self.slug) else {
            return self.forget(&record).await;
        };
        let store = Store::new(self.streams.log().clone(), record.id, &self.slug, served);
        let earlier = match self.known.take() {
            Some((id, mark, _)) if id == record.id && mark.continues(served) => Some(mark),
            _ => store.read()?,
        };
        // One from above that has not begun here begins with the stream's next event.
        let Some(mark) = Mark::of(earlier.clone(), served) else { return Ok(Next::Idle) };
        let mark = match self.streams.log().fork_of(record.id) {
            Some(fork) => mark.on_fork(served, fork.at),
            None => mark,
        };
        let is_saved = earlier.as_ref() == Some(&mark);
        let configured_on = served.owner.as_ref().map_or(&self.stream, |owner| &owner.key);
        let mut life = Life {
            signer: caller(configured_on, &self.slug),
            caller: caller(&self.stream, &self.slug),
            served: served.clone(),
            delivery: self,
            record,
            store,
            mark,
            is_saved,
            packer: Packer::of(&served.subscribed.config),
            outlet: Outlet::of(served.subscribed.config.transport),
        };
        let next = life.serve().await;
        let Life { mark, store, is_saved, record, outlet, served, .. } = life;
        match &next {
            Ok(Next::Changed) => outlet.close(1012, "the subscription was configured again, or removed"),
            _ => outlet.close(1001, "the server is going down, or the stream is gone"),
        }
        if matches!(next, Ok(Next::Changed)) {
            self.known = Some((record.id, mark, served));
        } else if !is_saved && store.read()?.as_ref() != Some(&mark) {
            // Mostly the lazy write is there by now.
            store.settle(&mark).await?;
        }
        next
    }

    /// What was removed where it was configured leaves nothing. One from above leaves its mark: it may only have made
    /// room for one of the stream's own.
    async fn forget(&mut self, record: &StreamRecord) -> Result<Next, Machinery> {
        if let Some((id, _, served)) = self.known.take()
            && id == record.id
            && served.owner.is_none()
        {
            Store::new(self.streams.log().clone(), id, &self.slug, &served).forget().await?;
        }
        Ok(Next::Over)
    }
}

struct Life<'a> {
    delivery: &'a mut Delivery,
    record: StreamRecord,
    store: Store,
    served: Served,
    caller: Caller,
    signer: Caller,
    packer: Packer,
    outlet: Outlet,
    mark: Mark,
    /// Whether the log has the mark for certain.
    is_saved: bool,
}

impl Life<'_> {
    async fn serve(&mut self) -> Result<Next, Machinery> {
        self.show();
        let mut linger = Duration::ZERO;
        loop {
            self.tell().await?;
            let news = self.delivery.news.borrow_and_update().clone();
            if self.is_outdated(&news) {
                return Ok(Next::Changed);
            }
            if self.mark.ended {
                return Ok(self.rest(None));
            }
            if self.mark.acked >= news.tail {
                match self.wait(linger).await {
                    Some(next) => return Ok(next),
                    None => continue,
                }
            }
            linger = DELIVERY_LINGER;
            let (after, before) = (self.mark.acked, news.tail.next());
            let log = self.delivery.streams.log();
            let page = log.read(&self.record, after, before, DELIVERY_PAGE_EVENTS, DELIVERY_PAGE_BYTES)?;
            if page.is_empty() {
                // The stream was destroyed; there may be another one at its path.
                return Ok(Next::Over);
            }
            if let Some(next) = self.deliver_page(&page).await? {
                return Ok(next);
            }
        }
    }

    /// What matches, as much at a time as the outlet takes for one acknowledgement.
    async fn deliver_page(&mut self, page: &[Arc<Event>]) -> Result<Option<Next>, Machinery> {
        let Life { delivery, served, packer, .. } = &mut *self;
        let Delivery { deliveries, news, .. } = &mut **delivery;
        let config = &served.subscribed.config;
        let (packed, done) = tokio::select! {
            biased;
            next = overtaken(deliveries, news, served) => return Ok(Some(next)),
            packed = packer.pack(&deliveries.0.evaluators, config, page) => packed?,
        };
        let mut parcels = Vec::new();
        for packed in packed {
            let is_failed = match packed {
                Packed::Parcel(parcel) => {
                    parcels.push(parcel);
                    None
                }
                Packed::Failed(event, failure) => Some((event, failure)),
            };
            if (parcels.len() == self.outlet.events_at_once() || is_failed.is_some())
                && let Some(next) = self.deliver(&std::mem::take(&mut parcels)).await?
            {
                return Ok(Some(next));
            }
            if let Some((event, failure)) = is_failed
                && let Some(next) = self.skip(&event, &failure).await?
            {
                return Ok(Some(next));
            }
        }
        if let Some(next) = self.deliver(&parcels).await? {
            return Ok(Some(next));
        }
        self.mark.acked = done;
        self.save();
        Ok(None)
    }

    /// An expression that fails over an event fails over it again: it is left out, which is a trouble that ends with the
    /// next event that is delivered.
    async fn skip(&mut self, event: &Event, failure: &jsonata::Failure) -> Result<Option<Next>, Machinery> {
        let mut trouble = self.mark.trouble.take().unwrap_or_else(|| Trouble::at(event.offset));
        let is_news = !trouble.skips;
        trouble.attempts = trouble.attempts.saturating_add(1);
        trouble.skips = true;
        trouble.error = format!("left out: {failure}");
        if is_news {
            let error = trouble.error.clone();
            self.mark.note(event.offset, NoteNews::Failed { error, will_retry_at: None });
        }
        self.mark.trouble = Some(trouble);
        self.mark.acked = event.offset;
        self.save();
        self.tell().await?;
        if failure.is_costly() {
            // The evaluators are there for the others, too.
            let Delivery { deliveries, news, .. } = &mut *self.delivery;
            tokio::select! {
                next = overtaken(deliveries, news, &self.served) => return Ok(Some(next)),
                () = sleep(TRANSFORMER_PENALTY) => {}
            }
        }
        Ok(None)
    }

    /// Until there is news; what ends the life, if nothing comes. An open socket keeps it: the other side may append.
    async fn wait(&mut self, linger: Duration) -> Option<Next> {
        let is_open = self.outlet.is_open();
        tokio::select! {
            biased;
            () = self.delivery.deliveries.0.shutdown.cancelled() => Some(Next::Over),
            changed = self.delivery.news.changed() => changed.is_err().then_some(Next::Over),
            () = self.outlet.ended() => None,
            () = sleep(linger), if !is_open => Some(Next::Idle),
        }
    }

    /// Until the parcels are acknowledged (none), or something else is to be done.
    async fn deliver(&mut self, parcels: &[Parcel]) -> Result<Option<Next>, Machinery> {
        let (Some(first), Some(last)) = (parcels.first(), parcels.last()) else { return Ok(None) };
        let (first, last) = (first.event.clone(), last.event.offset);
        loop {
            if let Some(next) = self.pause().await? {
                return Ok(Some(next));
            }
            let Life { delivery, record, served, caller, signer, outlet, .. } = &mut *self;
            let Delivery { deliveries, streams, news, .. } = &mut **delivery;
            let config = &served.subscribed.config;
            let to = To { egress: &deliveries.0.egress, caller, signer, config, streams, record };
            // What comes of an attempt that is overtaken counts for nothing.
            let outcome = tokio::select! {
                biased;
                next = overtaken(deliveries, news, served) => return Ok(Some(next)),
                outcome = outlet.push(&to, parcels) => outcome,
            };
            match outcome {
                Ok(()) => {
                    self.delivery.deliveries.0.delivered.fetch_add(parcels.len() as u64, Relaxed);
                    self.recover();
                    self.mark.delivered();
                    self.mark.acked = last;
                    self.save();
                    self.tell().await?;
                    return Ok(None);
                }
                Err(failure) => {
                    self.delivery.deliveries.0.failed.fetch_add(1, Relaxed);
                    let next = self.fail(&first, failure);
                    self.save();
                    self.tell().await?;
                    match next {
                        Failed::Again => {}
                        Failed::LeftOut => return Ok(None),
                        Failed::Over(next) => return Ok(Some(next)),
                    }
                }
            }
        }
    }

    /// Until the next attempt is due.
    async fn pause(&mut self) -> Result<Option<Next>, Machinery> {
        let Some(at) = self.mark.trouble.as_ref().and_then(|trouble| trouble.next_try) else {
            return Ok(None);
        };
        let millis = u64::try_from(at - Timestamp::now().as_millis()).unwrap_or(0);
        let until = Instant::now() + Duration::from_millis(millis);
        loop {
            tokio::select! {
                biased;
                () = self.delivery.deliveries.0.shutdown.cancelled() => return Ok(Some(Next::Over)),
                changed = self.delivery.news.changed() => {
                    if changed.is_err() {
                        return Ok(Some(Next::Over));
                    }
                    let news = self.delivery.news.borrow_and_update().clone();
                    if self.is_outdated(&news) {
                        return Ok(Some(Next::Changed));
                    }
                    // It may be the end of a pause, for which a note has waited.
                    self.tell().await?;
                }
                () = tokio::time::sleep_until(until) => return Ok(None),
            }
        }
    }

    fn fail(&mut self, event: &Event, failure: Failure) -> Failed {
        let mut trouble = self.mark.trouble.take().unwrap_or_else(|| Trouble::at(event.offset));
        let is_enough = trouble.failed(&failure);
        if is_enough && self.mark.gives_up(event.offset, &failure.message) {
            let error = format!(
                "given up after {} attempts; configure the subscription with `startFrom` to have it delivered again: {}",
                trouble.attempts, failure.message
            );
            self.mark.note(event.offset, NoteNews::GivenUp { error });
            self.mark.acked = event.offset;
            return Failed::LeftOut;
        }
        let lasts = matches!(failure.then, Then::Rest | Then::End);
        let gives_up = lasts || is_enough || trouble.tries >= DELIVERY_ATTEMPTS_MAX;
        let next_try = (!gives_up).then(|| {
            let pause = pace::pause(trouble.tries, failure.retry_after);
            Timestamp::now().as_millis() + pause.as_millis() as i64
        });
        trouble.next_try = next_try;
        let is_news = if gives_up { !trouble.told_given_up } else { !trouble.told };
        trouble.told = true;
        if gives_up {
            trouble.told_given_up = true;
            trouble.tries = 0;
        }
        self.mark.trouble = Some(trouble);
        if is_news {
            let will_retry_at = next_try.map(|at| Timestamp::from_millis(at).to_string());
            self.mark.note(event.offset, NoteNews::Failed { error: failure.message, will_retry_at });
        }
        self.mark.ended = failure.then == Then::End;
        match gives_up {
            true if self.mark.ended => Failed::Over(self.rest(None)),
            true => Failed::Over(self.rest(Some(Instant::now() + DELIVERY_REST))),
            false => Failed::Again,
        }
    }

    fn recover(&mut self) {
        if let Some(trouble) = self.mark.trouble.take() {
            let attempts = trouble.attempts.saturating_add(1);
            self.mark.note(trouble.offset, NoteNews::Recovered { attempts });
        }
    }

    fn rest(&self, until: Option<Instant>) -> Next {
        Next::Rest(Resting { configured: place(&self.served), until })
    }

    async fn tell(&mut self) -> Result<(), AppendError> {
        if self.mark.notes.is_empty() {
            return Ok(());
        }
        let Delivery { streams, stream, slug, .. } = &*self.delivery;
        if notes::tell(streams, stream, &self.record, slug, &mut self.mark).await? {
            self.save();
        }
        Ok(())
    }

    fn save(&mut self) {
        self.is_saved = false;
        self.store.save(&self.mark);
        self.show();
    }

    fn show(&self) {
        self.delivery.progress.show(&self.mark);
    }

    fn is_outdated(&self, news: &News) -> bool {
        is_outdated(news, &self.delivery.slug, &self.served)
    }
}

fn is_outdated(news: &News, slug: &Slug, served: &Served) -> bool {
    news.served.get(slug).is_none_or(|now| !now.is_same(served))
}

/// Resolves when a delivery under way has lost its meaning.
async fn overtaken(deliveries: &Deliveries, news: &mut watch::Receiver<News>, served: &Served) -> Next {
    loop {
        tokio::select! {
            biased;
            () = deliveries.0.shutdown.cancelled() => return Next::Over,
            changed = news.changed() => {
                if changed.is_err() {
                    return Next::Over;
                }
                if is_outdated(&news.borrow_and_update(), &served.subscribed.config.slug, served) {
                    return Next::Changed;
                }
            }
        }
    }
}
