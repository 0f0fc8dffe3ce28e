//! Appending what must not be lost: while the stream is paused, it waits.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::event::{Event, EventInput, StreamKey};
use crate::processor::Rejection;
use crate::stream::{AppendError, Batch, Origin, Streams};

/// Appends one event as soon as the stream takes events.
pub async fn append_when_open(
    streams: &Streams,
    stream: &StreamKey,
    input: EventInput,
    origin: Origin,
    shutdown: &CancellationToken,
) -> Result<Arc<Event>, AppendError> {
    let mut stored = append_all_when_open(streams, stream, vec![input], origin, shutdown).await?;
    Ok(stored.pop().expect("one input gives one event"))
}

/// Appends all of a batch, or none, as soon as the stream takes events.
pub async fn append_all_when_open(
    streams: &Streams,
    stream: &StreamKey,
    batch: Batch,
    origin: Origin,
    shutdown: &CancellationToken,
) -> Result<Vec<Arc<Event>>, AppendError> {
    loop {
        match streams.append(stream, batch.clone(), origin.clone()).await {
            Err(AppendError::Rejected(Rejection::StreamPaused { .. })) => {
                wait_until_resumed(streams, stream, shutdown).await?;
            }
            outcome => return outcome,
        }
    }
}

/// Returns at once when the stream is not paused.
pub async fn wait_until_resumed(
    streams: &Streams,
    stream: &StreamKey,
    shutdown: &CancellationToken,
) -> Result<(), AppendError> {
    let mut subscription = streams.subscribe(stream, None).await?;
    while is_paused(streams, stream).await? {
        tokio::select! {
            () = shutdown.cancelled() => return Err(AppendError::ShuttingDown),
            events = subscription.next() => if events?.is_none() {
                return Err(AppendError::ShuttingDown);
            },
        }
    }
    Ok(())
}

pub async fn is_paused(streams: &Streams, stream: &StreamKey) -> Result<bool, AppendError> {
    let state = streams.state(stream).await?;
    let breaker = state.as_ref().and_then(|state| state.builtins.get("circuit-breaker"));
    Ok(breaker.is_some_and(|breaker| breaker["paused"] == true))
}
