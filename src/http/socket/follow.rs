//! One stream that a client's WebSocket follows: the backlog, then what is appended, into the socket's queue.

use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::super::App;
use super::super::read::{TypeFilter, admits};
use super::writer::Outgoing;
use crate::event::{StreamKey, frame};
use crate::log::LogError;
use crate::stream::{AppendError, Subscription};

/// Ends when it is dropped. Whoever has asked with an `id` is told first from where on it is live.
pub struct Follow(#[allow(dead_code, reason = "it is there to be dropped")] AbortOnDropHandle<()>);

impl Follow {
    pub async fn start(
        app: &App,
        stream: &StreamKey,
        wanted: super::Wanted,
        queue: mpsc::Sender<Outgoing>,
        asked: Option<Box<RawValue>>,
    ) -> Result<Follow, AppendError> {
        let mut subscription = app.host.streams().subscribe(stream, None).await?;
        let tail = subscription.joined_at();
        subscription.start_after(Some(wanted.after.after(tail)));
        let stream = stream.clone();
        let task = tokio::spawn(async move {
            if let Some(id) = asked {
                let confirmed = frame::subscribed(&id, stream.path.as_str(), tail);
                if queue.send(Outgoing::Frame(confirmed)).await.is_err() {
                    return;
                }
            }
            let why = match follow(&mut subscription, &wanted.types, &queue).await {
                Ok(()) => format!("stream `{}` was destroyed, and is followed no more", stream.path),
                Err(error) => {
                    tracing::error!(%error, stream = %stream.path, "a socket's follow ends early");
                    format!("stream `{}` is followed no more: {error}", stream.path)
                }
            };
            // The socket may be gone, which is an end too.
            let _ = queue.send(Outgoing::Frame(frame::error(None, &why))).await;
        });
        Ok(Follow(AbortOnDropHandle::new(task)))
    }
}

async fn follow(
    subscription: &mut Subscription,
    types: &[TypeFilter],
    queue: &mpsc::Sender<Outgoing>,
) -> Result<(), LogError> {
    while let Some(events) = subscription.next().await? {
        for event in events.iter().filter(|event| admits(types, event)) {
            if queue.send(Outgoing::Event(Arc::clone(event))).await.is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
