//! One reader's follow of one stream: the backlog from the log, then what is published, without a gap and
//! without a duplicate. A reader that falls behind reads from the log again.

use std::sync::Arc;

use tokio::sync::broadcast;

use super::actor::Published;
use crate::event::{Event, Offset, StreamKey};
use crate::limits::{READ_PAGE_BYTES, READ_PAGE_EVENTS};
use crate::log::{Log, LogError, StreamRecord};

pub struct Subscription {
    log: Log,
    stream: StreamKey,
    record: Option<StreamRecord>,
    /// The newest event handed out.
    cursor: Offset,
    /// Everything up to here is in the log; what is newer is, or will be, in `published`.
    logged: Offset,
    published: broadcast::Receiver<Published>,
}

impl Subscription {
    /// `tail` is the stream's at the moment in which `published` began: that is what joins the two.
    pub fn new(
        log: Log,
        stream: StreamKey,
        tail: Offset,
        published: broadcast::Receiver<Published>,
    ) -> Subscription {
        Subscription { log, stream, record: None, cursor: Offset::START, logged: tail, published }
    }

    /// None starts at the tail.
    pub fn start_after(&mut self, after: Option<Offset>) {
        self.cursor = after.unwrap_or(self.logged);
    }

    /// The stream's tail when the subscription was made.
    pub fn joined_at(&self) -> Offset {
        self.logged
    }

    /// The newest event handed out, or where the reader began.
    pub fn cursor(&self) -> Offset {
        self.cursor
    }

    /// Whether everything that this reader knows to be in the log has been handed out.
    pub fn is_current(&self) -> bool {
        self.cursor >= self.logged
    }

    /// The next events in order, never none of them; `None` when the stream was destroyed or the server stops.
    pub async fn next(&mut self) -> Result<Option<Vec<Arc<Event>>>, LogError> {
        loop {
            if self.cursor < self.logged {
                let page = self.read_page()?;
                if !page.is_empty() {
                    return Ok(Some(page));
                }
                // The stream was destroyed while this reader was behind.
                return Ok(None);
            }
            match self.published.recv().await {
                Ok(published) if self.misses(&published) => self.fall_back()?,
                Ok(published) => {
                    let news = self.news(&published);
                    if !news.is_empty() {
                        return Ok(Some(news));
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => self.fall_back()?,
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
            }
        }
    }

    fn read_page(&mut self) -> Result<Vec<Arc<Event>>, LogError> {
        if self.record.is_none() {
            self.record = self.log.find(&self.stream)?;
        }
        let Some(record) = &self.record else { return Ok(Vec::new()) };
        let before = self.logged.next();
        let page = self.log.read(record, self.cursor, before, READ_PAGE_EVENTS, READ_PAGE_BYTES)?;
        if let Some(last) = page.last() {
            self.cursor = last.offset;
        }
        Ok(page)
    }

    /// Whether there is more in front of what was published than this reader has: a stream that begins as a fork.
    fn misses(&self, published: &Published) -> bool {
        published
            .first()
            .is_some_and(|first| first.offset > self.logged.next() && first.offset > self.cursor.next())
    }

    fn news(&mut self, published: &Published) -> Vec<Arc<Event>> {
        let news: Vec<_> = published.iter().filter(|event| event.offset > self.cursor).cloned().collect();
        if let Some(last) = published.last() {
            self.logged = self.logged.max(last.offset);
        }
        if let Some(last) = news.last() {
            self.cursor = last.offset;
        }
        news
    }

    /// The publisher has overtaken this reader; what was missed is in the log by now.
    fn fall_back(&mut self) -> Result<(), LogError> {
        if self.record.is_none() {
            self.record = self.log.find(&self.stream)?;
        }
        if let Some(record) = &self.record {
            self.logged = self.logged.max(self.log.tail(record.id)?);
        }
        Ok(())
    }
}
