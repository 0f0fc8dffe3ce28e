//! Forks: a new stream that shares another one's events up to an offset. The owner of the new stream's path makes it,
//! as it makes any stream; what is shared is neither copied nor read for that.

use super::{AppendError, Message, Streams};
use crate::event::{Offset, StreamKey, StreamPath, Timestamp};
use crate::log::{LogError, Mark, NewFork, StreamRecord};

/// What a new stream is to share.
#[derive(Clone, Debug)]
pub struct Branch {
    pub from: StreamRecord,
    pub at: Offset,
    /// Whether what is deployed at that place runs on the new stream, too.
    pub processors: bool,
}

impl Branch {
    pub(super) fn new_stream(&self, to: &StreamKey, announces: bool) -> NewFork {
        let mut marks = Vec::new();
        marks.extend(announces.then_some(Mark::Unannounced));
        // What is deployed there may owe something; if there is nothing, that is found out once.
        marks.extend(self.processors.then_some(Mark::Processors));
        NewFork {
            from: self.from.id,
            at: self.at,
            processors: self.processors,
            to: to.clone(),
            created_at: Timestamp::now(),
            marks,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    #[error("there is no stream `{0}`; the first append creates it")]
    NoStream(StreamPath),
    #[error("there is no event {asked} in stream `{path}`: its newest is {tail}")]
    Beyond { path: StreamPath, asked: Offset, tail: Offset },
    #[error("stream `{0}` exists already: fork to a path where there is none, or destroy it first")]
    Exists(StreamPath),
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl From<LogError> for ForkError {
    fn from(error: LogError) -> ForkError {
        ForkError::Append(error.into())
    }
}

impl Streams {
    /// Makes the stream `to`, with the events of `from` up to `at`, or all of them; its record, and how many those are.
    pub async fn fork(
        &self,
        from: &StreamKey,
        at: Option<Offset>,
        to: &StreamKey,
        processors: bool,
    ) -> Result<(StreamRecord, Offset), ForkError> {
        let log = self.log();
        let from = log.find(from)?.ok_or_else(|| ForkError::NoStream(from.path.clone()))?;
        let tail = log.tail(from.id)?;
        let at = at.unwrap_or(tail);
        if at > tail {
            return Err(ForkError::Beyond { path: from.key.path, asked: at, tail });
        }
        let branch = Branch { from, at, processors };
        let record = self.ask(to, |reply| Message::Fork { branch: branch.clone(), reply }).await??;
        self.0.announcements.told(to).await;
        Ok((record, at))
    }
}
