//! Following a stream across broken connections: each event once, in order.

use std::time::Duration;

use super::client::{Client, Events, Query};
use super::failure::Failure;
use super::terminal::{self, Paint, Style};
use super::wire::Received;
use crate::config::Cursor;
use crate::event::{Offset, StreamPath};

/// The first pause before connecting again; doubled each time.
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// A server that comes back is noticed within this long.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A live read that resumes behind the last event it has seen.
pub struct Follow {
    client: Client,
    path: StreamPath,
    query: Query,
    events: Events,
}

impl Follow {
    /// The first connection must succeed: a server that was never there is more likely a wrong address.
    pub async fn start(client: &Client, path: &StreamPath, query: Query) -> Result<Follow, Failure> {
        let query = Query { live: true, limit: None, ..query };
        let query = Query { after: settled(client, path, query.after).await?, ..query };
        let events = client.read(path, &query).await?;
        Ok(Follow { client: client.clone(), path: path.clone(), query, events })
    }

    /// The events that have arrived together; waits for them, and for the server if need be.
    pub async fn next(&mut self) -> Result<Vec<Received>, Failure> {
        loop {
            match self.events.next().await {
                Ok(Some(batch)) => {
                    if let Some(last) = batch.last() {
                        self.query.after = Cursor::After(Offset(last.offset));
                    }
                    return Ok(batch);
                }
                Ok(None) => self.reconnect("the server ended the connection").await,
                Err(failure) => self.reconnect(failure.sentence().unwrap_or("the connection broke")).await,
            }
        }
    }

    async fn reconnect(&mut self, why: &str) {
        let paint = Paint::stderr();
        terminal::remark(&paint.paint(Style::Faint, &format!("{why}; trying again …")));
        let mut pause = RETRY_FIRST;
        loop {
            tokio::time::sleep(pause).await;
            if let Ok(events) = self.client.read(&self.path, &self.query).await {
                self.events = events;
                terminal::remark(&paint.paint(Style::Faint, "connected again"));
                return;
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }
}

/// `end` as an offset: a second connection that began at the end of its own time would miss what came between.
async fn settled(client: &Client, path: &StreamPath, after: Cursor) -> Result<Cursor, Failure> {
    if after != Cursor::End {
        return Ok(after);
    }
    Ok(match client.event_count(path).await? {
        0 => Cursor::Start,
        count => Cursor::After(Offset(count)),
    })
}
