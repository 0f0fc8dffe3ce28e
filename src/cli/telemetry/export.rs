//! Sends spans in batches, in a task of its own. What a collector does not take is dropped, and said once in the log until
//! it takes something again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::span::SpanRecord;
use super::wire;
use crate::config::Traces;
use crate::limits::{
    TRACES_DELAY, TRACES_EXPORT_TIMEOUT, TRACES_PER_EXPORT_MAX, TRACES_QUEUE_MAX, TRACES_STOP_TIMEOUT,
};

/// Where ended spans go; cheap to clone.
#[derive(Clone)]
pub struct Queue {
    spans: mpsc::Sender<SpanRecord>,
    dropped: Arc<AtomicU64>,
}

impl Queue {
    pub fn push(&self, span: SpanRecord) {
        if self.spans.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub struct Exporter {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Exporter {
    pub fn start(traces: Traces) -> (Exporter, Queue) {
        let (spans, waiting) = mpsc::channel(TRACES_QUEUE_MAX);
        let queue = Queue { spans, dropped: Arc::default() };
        let stop = CancellationToken::new();
        let collector = Collector {
            client: reqwest::Client::new(),
            traces,
            dropped: queue.dropped.clone(),
            is_failing: false,
        };
        let task = tokio::spawn(run(collector, waiting, stop.clone()));
        (Exporter { task, stop }, queue)
    }

    pub async fn stop(self) {
        self.stop.cancel();
        // A collector that hangs has had its time.
        let _ = timeout(TRACES_STOP_TIMEOUT, self.task).await;
    }
}

async fn run(mut collector: Collector, mut waiting: mpsc::Receiver<SpanRecord>, stop: CancellationToken) {
    let mut batch = Vec::new();
    loop {
        let first = tokio::select! {
            first = waiting.recv() => first,
            () = stop.cancelled() => None,
        };
        let Some(first) = first else { break };
        batch.push(first);
        let until = Instant::now() + TRACES_DELAY;
        while batch.len() < TRACES_PER_EXPORT_MAX && !stop.is_cancelled() {
            tokio::select! {
                more = timeout_at(until, waiting.recv()) => match more {
                    Ok(Some(span)) => batch.push(span),
                    Ok(None) | Err(_) => break,
                },
                () = stop.cancelled() => break,
            }
        }
        collector.export(&mut batch).await;
    }
    // What has ended until now.
    while let Ok(span) = waiting.try_recv() {
        batch.push(span);
        if batch.len() == TRACES_PER_EXPORT_MAX {
            collector.export(&mut batch).await;
        }
    }
    if !batch.is_empty() {
        collector.export(&mut batch).await;
    }
}

struct Collector {
    client: reqwest::Client,
    traces: Traces,
    dropped: Arc<AtomicU64>,
    is_failing: bool,
}

impl Collector {
    async fn export(&mut self, batch: &mut Vec<SpanRecord>) {
        let document = wire::document(&self.traces.resource, batch);
        let spans = std::mem::take(batch).len();
        let outcome = self.send(&document).await;
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "spans were dropped: more ended than the collector took");
        }
        match outcome {
            Ok(()) => self.is_failing = false,
            Err(why) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(endpoint = %self.traces.endpoint, spans, %why, "traces cannot be exported, and are dropped until they can");
                }
            }
        }
    }

    async fn send(&self, document: &serde_json::Value) -> Result<(), String> {
        let mut request =
            self.client.post(self.traces.endpoint.clone()).timeout(TRACES_EXPORT_TIMEOUT).json(document);
        for (name, value) in &self.traces.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(|error| error.to_string())?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the collector answered with status {}", status.as_u16())),
        }
    }
}
