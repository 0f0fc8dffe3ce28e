//! Following a stream across broken connections: each event once, in order.

use std::time::Duration;

use super::{Client, Error, Events, Query, Received};
use crate::event::{Cursor, Offset, StreamPath};

/// The first pause before connecting again; doubled each time.
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// A server that comes back is noticed within this long.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What happens to the connection meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// It broke, for this reason, and is being made again.
    Broken(String),
    Restored,
}

/// A live read that resumes behind the last event it has seen.
pub struct Follow {
    client: Client,
    path: StreamPath,
    query: Query,
    events: Events,
    notice: fn(Notice),
}

impl Follow {
    /// The first connection must succeed: a server that was never there is more likely a wrong address.
    pub async fn start(client: &Client, path: &StreamPath, query: Query) -> Result<Follow, Error> {
        let query = Query { live: true, limit: None, ..query };
        let query = Query { after: settled(client, path, query.after).await?, ..query };
        let events = client.read(path, &query).await?;
        Ok(Follow { client: client.clone(), path: path.clone(), query, events, notice: |_| {} })
    }

    /// Has a function told when the connection breaks and when it is there again.
    pub fn telling(self, notice: fn(Notice)) -> Follow {
        Follow { notice, ..self }
    }

    /// The events that have arrived together; waits for them, and for the server if need be.
    pub async fn next(&mut self) -> Result<Vec<Received>, Error> {
        loop {
            match self.events.next().await {
                Ok(Some(batch)) => {
                    if let Some(last) = batch.last() {
                        self.query.after = Cursor::At(Offset(last.offset));
                    }
                    return Ok(batch);
                }
                Ok(None) => self.reconnect("the server ended the connection").await,
                Err(error) => self.reconnect(&error.to_string()).await,
            }
        }
    }

    async fn reconnect(&mut self, why: &str) {
        (self.notice)(Notice::Broken(why.to_string()));
        let mut pause = RETRY_FIRST;
        loop {
            tokio::time::sleep(pause).await;
            if let Ok(events) = self.client.read(&self.path, &self.query).await {
                self.events = events;
                (self.notice)(Notice::Restored);
                return;
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }
}

/// `end` as an offset: a second connection that began at the end of its own time would miss what came between.
async fn settled(client: &Client, path: &StreamPath, after: Cursor) -> Result<Cursor, Error> {
    if after != Cursor::End {
        return Ok(after);
    }
    Ok(match client.event_count(path).await? {
        0 => Cursor::Start,
        count => Cursor::At(Offset(count)),
    })
}
