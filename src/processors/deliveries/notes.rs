//! What the log is told of a subscription's troubles: one event when one begins, one when it ends. While the stream
//! is paused they wait; the delivery does not.

use serde::{Deserialize, Serialize};

use super::mark::Mark;
use crate::event::builtin::{SubscriptionDeliveryFailed, SubscriptionDeliveryRecovered};
use crate::event::{EventInput, IdempotencyKey, Json, Kind, Offset, Slug, StreamKey};
use crate::limits::DELIVERY_NOTES_MAX;
use crate::log::StreamRecord;
use crate::stream::{AppendError, Only, Origin, Streams};

/// An event to be, under a key that lets it stand once, whatever crashes in between.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The configuration of which it speaks.
    configured: Offset,
    /// The event that was, or could not be, delivered.
    offset: Offset,
    news: NoteNews,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoteNews {
    Failed { error: String, will_retry_at: Option<String> },
    Recovered { attempts: u32 },
    GivenUp { error: String },
}

impl Mark {
    /// Of a stream that is paused for so long that more would come, only the first are told.
    pub fn note(&mut self, offset: Offset, news: NoteNews) {
        if self.notes.len() < DELIVERY_NOTES_MAX {
            self.notes.push(Note { configured: self.configured, offset, news });
        }
    }
}

impl Note {
    fn input(&self, record: &StreamRecord, slug: &Slug) -> EventInput {
        let (slug_of, offset) = (slug.clone(), self.offset);
        let (kind, payload, what) = match &self.news {
            NoteNews::Failed { error, will_retry_at } => {
                let (error, will_retry_at) = (error.clone(), will_retry_at.clone());
                let what = if will_retry_at.is_some() { "failed" } else { "gave-up" };
                let given_up = false;
                let failed =
                    SubscriptionDeliveryFailed { slug: slug_of, offset, error, will_retry_at, given_up };
                (Kind::SubscriptionDeliveryFailed, Json::of(&failed), what)
            }
            NoteNews::GivenUp { error } => {
                let (error, will_retry_at, given_up) = (error.clone(), None, true);
                let failed =
                    SubscriptionDeliveryFailed { slug: slug_of, offset, error, will_retry_at, given_up };
                (Kind::SubscriptionDeliveryFailed, Json::of(&failed), "left-out")
            }
            NoteNews::Recovered { attempts } => {
                let recovered = SubscriptionDeliveryRecovered { slug: slug_of, offset, attempts: *attempts };
                (Kind::SubscriptionDeliveryRecovered, Json::of(&recovered), "recovered")
            }
        };
        let key = format!("subscription:{}:{slug}:{}:{offset}:{what}", record.id.0, self.configured);
        EventInput::new(kind, payload).with_key(IdempotencyKey::derived(key))
    }
}

/// Tells what waits, as far as the stream takes it now. Whether something was told.
pub async fn tell(
    streams: &Streams,
    stream: &StreamKey,
    record: &StreamRecord,
    slug: &Slug,
    mark: &mut Mark,
) -> Result<bool, AppendError> {
    let mut told = false;
    while let Some(note) = mark.notes.first() {
        let cause = streams.log().read_one(record, note.offset)?;
        let origin = Origin::Server { slug: Some(slug.clone()), cause, only: Only::This(record.id) };
        match streams.append_one(stream, note.input(record, slug), origin).await {
            Ok(_) => {
                mark.notes.remove(0);
                told = true;
            }
            // The next event, as the one that ends the pause, is the time to try again.
            Err(AppendError::Rejected(_) | AppendError::Busy(_)) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(told)
}
