//! Bodies: a request's on its way out, an answer's on its way back, piece by piece and never as a whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::time::timeout;

use super::decode::Unpacker;
use super::error::innermost;
use super::mask::MaskStream;
use super::places::Place;
use super::{EgressError, RequestBody};

pub type Outgoing = UnsyncBoxBody<Bytes, EgressError>;

/// Whether a request's body has moved since somebody last asked.
#[derive(Clone, Default)]
pub struct Moved(Arc<AtomicBool>);

impl Moved {
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

pub fn outgoing(body: RequestBody, moved: &Moved) -> Outgoing {
    match body {
        RequestBody::Empty => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        RequestBody::Bytes(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        RequestBody::Stream(pieces) => {
            let moved = moved.clone();
            let frames = pieces.map(move |piece| {
                moved.0.store(true, Ordering::Relaxed);
                piece.map(Frame::data).map_err(|why| {
                    EgressError::new(EgressError::REQUEST_BODY, format!("the request's body failed: {why}"))
                })
            });
            StreamBody::new(frames).boxed_unsync()
        }
    }
}

/// An answer's body and what is done with it.
pub struct Answer {
    pub incoming: Incoming,
    pub unpacker: Option<Unpacker>,
    pub mask: Option<MaskStream>,
    /// Where it comes from, for the errors.
    pub from: String,
    pub idle_timeout: Duration,
    pub bytes_max: u64,
    /// Held until the body has ended.
    pub _place: Place,
}

impl Answer {
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, EgressError>> {
        let reading = Reading { bytes_left: self.bytes_max, answer: self, ended: false };
        stream::unfold(Some(reading), |reading| async move {
            let mut reading = reading?;
            match reading.next().await {
                Ok(Some(piece)) => Some((Ok(piece), Some(reading))),
                Ok(None) => None,
                // The connection and the place go with it.
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }
}

struct Reading {
    answer: Answer,
    bytes_left: u64,
    /// Nothing more arrives.
    ended: bool,
}

impl Reading {
    /// The next piece that is not empty.
    async fn next(&mut self) -> Result<Option<Bytes>, EgressError> {
        loop {
            if let Some(piece) = self.unpacked()? {
                self.count(&piece)?;
                let piece = self.masked(piece);
                if !piece.is_empty() {
                    return Ok(Some(piece));
                }
                continue;
            }
            if self.ended {
                return Ok(self
                    .answer
                    .mask
                    .take()
                    .map(|mut mask| mask.finish())
                    .filter(|rest| !rest.is_empty()));
            }
            match (self.arrived().await?, &mut self.answer.unpacker) {
                (Some(piece), Some(unpacker)) => unpacker.push(piece),
                (Some(piece), None) => {
                    self.count(&piece)?;
                    let piece = self.masked(piece);
                    if !piece.is_empty() {
                        return Ok(Some(piece));
                    }
                }
                (None, unpacker) => {
                    self.ended = true;
                    if let Some(unpacker) = unpacker {
                        unpacker.end();
                    }
                }
            }
        }
    }

    fn unpacked(&mut self) -> Result<Option<Bytes>, EgressError> {
        self.answer.unpacker.as_mut().map_or(Ok(None), Unpacker::pull)
    }

    async fn arrived(&mut self) -> Result<Option<Bytes>, EgressError> {
        let Answer { incoming, idle_timeout, from, .. } = &mut self.answer;
        loop {
            let frame = timeout(*idle_timeout, incoming.frame()).await.map_err(|_| {
                EgressError::new(
                    EgressError::TIMEOUT,
                    format!(
                        "{from} sent nothing for {} ms in the middle of its answer",
                        idle_timeout.as_millis()
                    ),
                )
            })?;
            match frame {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    // Trailers are nothing that a fetch shows.
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
                Some(Err(error)) => {
                    let why = innermost(&error);
                    return Err(EgressError::within(&error).unwrap_or_else(|| {
                        EgressError::new(
                            EgressError::PROTOCOL,
                            format!("the answer of {from} was cut off: {why}"),
                        )
                    }));
                }
            }
        }
    }

    fn count(&mut self, piece: &Bytes) -> Result<(), EgressError> {
        let left = self.bytes_left.checked_sub(piece.len() as u64);
        self.bytes_left = left.ok_or_else(|| {
            EgressError::new(
                EgressError::BODY_TOO_LARGE,
                format!("the answer of {} is longer than {} bytes", self.answer.from, self.answer.bytes_max),
            )
        })?;
        Ok(())
    }

    fn masked(&mut self, piece: Bytes) -> Bytes {
        match &mut self.answer.mask {
            Some(mask) => mask.push(piece),
            None => piece,
        }
    }
}
