//! What a script logs, on its way into the log stream: stored behind the hooks, in batches, with the places of stack
//! traces in the author's files. Lines that come faster than they can be stored are counted instead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::event::builtin::ProcessorLogged;
use crate::event::{EventInput, Json, Kind, Offset, Slug};
use crate::limits::{LOG_BATCH_MAX, LOG_QUEUE_MAX};
use crate::log::StreamRecord;
use crate::processors::follower::read_configuration;
use crate::processors::positions::Positions;
use crate::stream::{Only, Origin, Streams};

pub struct Lines {
    queue: mpsc::Sender<ProcessorLogged>,
    dropped: Arc<AtomicU64>,
}

impl Lines {
    /// Those of what was `configured` there: the stream, and the place in it.
    pub fn of(
        streams: Streams,
        record: &StreamRecord,
        slug: Slug,
        configured: (StreamRecord, Offset),
        tasks: &TaskTracker,
    ) -> Lines {
        let (queue, waiting) = mpsc::channel(LOG_QUEUE_MAX);
        let dropped = Arc::<AtomicU64>::default();
        let writer = Writer {
            streams,
            record: record.clone(),
            slug,
            configured,
            dropped: dropped.clone(),
            positions: None,
        };
        tasks.spawn(writer.write(waiting));
        Lines { queue, dropped }
    }

    /// False when the queue is full: a script that logs faster than the disk must not hold its host.
    #[must_use]
    pub fn add(&self, line: ProcessorLogged) -> bool {
        let added = self.queue.try_send(line).is_ok();
        if !added {
            self.dropped.fetch_add(1, Relaxed);
        }
        added
    }
}

struct Writer {
    streams: Streams,
    record: StreamRecord,
    slug: Slug,
    configured: (StreamRecord, Offset),
    /// Since the last line that was not.
    dropped: Arc<AtomicU64>,
    /// Read for the first stack trace: most scripts log none.
    positions: Option<Positions>,
}

impl Writer {
    /// Ends when the bridge is gone and the last line is written.
    async fn write(mut self, mut waiting: mpsc::Receiver<ProcessorLogged>) {
        let stream = self.record.key.clone();
        let Ok(path) = stream.path.logs_of(&self.slug) else {
            tracing::warn!(stream = %stream.path, slug = %self.slug, "the path of the log stream would be too long: log lines are dropped");
            return;
        };
        let logs = stream.sibling(path);
        let mut lines = Vec::new();
        while waiting.recv_many(&mut lines, LOG_BATCH_MAX).await > 0 {
            if let Ok(false) = self.streams.log().is_current(&stream, self.record.id) {
                return;
            }
            let lines = std::mem::take(&mut lines).into_iter().map(|line| self.placed(line));
            let mut inputs: Vec<EventInput> = lines.map(|line| input(&line)).collect();
            inputs.extend(gap(self.dropped.swap(0, Relaxed)).as_ref().map(input));
            let origin = Origin::Server { slug: Some(self.slug.clone()), cause: None, only: Only::Any };
            if let Err(error) = self.streams.append(&logs, inputs, origin).await {
                tracing::warn!(%error, stream = %logs.path, "log lines of a processor are lost");
            }
        }
    }

    fn placed(&mut self, line: ProcessorLogged) -> ProcessorLogged {
        if !line.message.lines().any(|text| text.starts_with("    at ")) {
            return line;
        }
        if self.positions.is_none() {
            let (stream, offset) = &self.configured;
            let configuration = read_configuration(&self.streams, stream, *offset);
            self.positions = configuration.ok().flatten().map(Positions::of);
        }
        let Some(positions) = &self.positions else { return line };
        ProcessorLogged { message: positions.tell_text(&line.message), ..line }
    }
}

fn input(line: &ProcessorLogged) -> EventInput {
    EventInput::new(Kind::ProcessorLogged, Json::of(line))
}

/// What is said in place of the lines that were dropped.
fn gap(dropped: u64) -> Option<ProcessorLogged> {
    (dropped > 0).then(|| ProcessorLogged {
        level: "warn".into(),
        message: format!("{dropped} lines were dropped here: they came faster than they can be stored"),
        offset: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_lines_are_told() {
        assert!(gap(0).is_none());
        assert_eq!(
            gap(3).unwrap().message,
            "3 lines were dropped here: they came faster than they can be stored"
        );
    }
}
