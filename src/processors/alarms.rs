//! Wakes streams at their times: one queue over all of them and one task that sleeps until the first is due. A
//! stream that waits needs no actor, and costs its name and a number here. What a restart has to know is a mark of
//! the stream in the log, so that nobody is woken to be asked.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::event::{StreamKey, Timestamp};
use crate::limits::{ALARM_LOOK, ALARM_RETRY, ALARMS_AT_ONCE_MAX};
use crate::log::LogError;
use crate::stream::{AppendError, Streams};

#[derive(Clone)]
pub struct Alarms(Arc<Inner>);

struct Inner {
    /// Set right after the streams have started, which need this for their built-ins.
    streams: OnceLock<Streams>,
    queue: Mutex<Queue>,
    /// There is a new first in line.
    earlier: Notify,
    permits: Arc<Semaphore>,
    rung: AtomicU64,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// Each stream once, in the order of their times.
#[derive(Default)]
struct Queue {
    times: HashMap<StreamKey, Timestamp>,
    in_line: BTreeSet<(Timestamp, StreamKey)>,
    ringing: HashMap<StreamKey, Ringing>,
}

/// A stream that is being asked what it has due.
struct Ringing {
    since: Timestamp,
    /// What it has said meanwhile, of a time that had come before: one that is woken by the question says first what it
    /// is asked for, and takes that back with its answer.
    overdue: Option<Timestamp>,
}

impl Queue {
    /// Whether this stream is the first in line now.
    fn set(&mut self, stream: &StreamKey, at: Timestamp) -> bool {
        self.remove(stream);
        if let Some(ringing) = self.ringing.get_mut(stream).filter(|ringing| at <= ringing.since) {
            ringing.overdue = Some(at);
            return false;
        }
        self.times.insert(stream.clone(), at);
        self.in_line.insert((at, stream.clone()));
        self.in_line.first().is_some_and(|(_, first)| first == stream)
    }

    fn remove(&mut self, stream: &StreamKey) {
        if let Some(ringing) = self.ringing.get_mut(stream) {
            ringing.overdue = None;
        }
        if let Some(at) = self.times.remove(stream) {
            self.in_line.remove(&(at, stream.clone()));
        }
    }

    /// The first in line, if its time has come.
    fn take_due(&mut self, now: Timestamp) -> Option<StreamKey> {
        let (_, stream) = self.in_line.first().filter(|(at, _)| *at <= now)?.clone();
        self.remove(&stream);
        self.ringing.insert(stream.clone(), Ringing { since: now, overdue: None });
        Some(stream)
    }

    /// A stream has answered; whether it is the first in line now, for what it has not taken back.
    fn rung(&mut self, stream: &StreamKey) -> bool {
        let overdue = self.ringing.remove(stream).and_then(|ringing| ringing.overdue);
        overdue.is_some_and(|at| self.set(stream, at))
    }
}

/// Figures: streams that wait, and how often one was woken since the start.
pub struct AlarmStats {
    pub waiting: u64,
    pub rung: u64,
}

impl Default for Alarms {
    fn default() -> Alarms {
        Alarms(Arc::new(Inner {
            streams: OnceLock::new(),
            queue: Mutex::default(),
            earlier: Notify::new(),
            permits: Arc::new(Semaphore::new(ALARMS_AT_ONCE_MAX)),
            rung: AtomicU64::new(0),
            shutdown: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }
}

impl Alarms {
    /// Takes up the streams; what waits according to the log is read in the background.
    pub fn start(&self, streams: Streams) {
        assert!(self.0.streams.set(streams.clone()).is_ok(), "the alarms are started once");
        let alarms = self.clone();
        self.0.tasks.spawn(async move {
            if let Err(error) = alarms.resume(&streams).await {
                tracing::error!(%error, "cannot read which streams have schedules; each is taken up with its next event");
            }
        });
        self.0.tasks.spawn(self.clone().run());
    }

    async fn resume(&self, streams: &Streams) -> Result<(), LogError> {
        let log = streams.log().clone();
        let reading = tokio::task::spawn_blocking(move || log.alarms());
        for (record, at) in reading.await.unwrap_or(Err(LogError::Closed))? {
            // A stream that has started by now may have said something earlier; if it has said something later, it
            // is woken for nothing once, and says it again.
            self.set_earlier(&record.key, at);
        }
        Ok(())
    }

    /// A stream is to be woken at another time than before, or not at all.
    pub fn set(&self, stream: &StreamKey, at: Option<Timestamp>) {
        let is_first = match at {
            Some(at) => self.queue().set(stream, at),
            None => {
                self.queue().remove(stream);
                false
            }
        };
        if is_first {
            self.0.earlier.notify_one();
        }
    }

    fn set_earlier(&self, stream: &StreamKey, at: Timestamp) {
        let mut queue = self.queue();
        if queue.times.get(stream).is_none_or(|known| at < *known) && queue.set(stream, at) {
            self.0.earlier.notify_one();
        }
    }

    async fn run(self) {
        loop {
            let Some(permit) = self.until_shutdown(self.0.permits.clone().acquire_owned()).await else {
                return;
            };
            let permit = permit.expect("the permits are never closed");
            let Some(stream) = self.until_shutdown(self.next()).await else { return };
            self.0.tasks.spawn(self.clone().ring(stream, permit));
        }
    }

    /// The next stream whose time has come.
    async fn next(&self) -> StreamKey {
        loop {
            let now = Timestamp::now();
            let first = {
                let mut queue = self.queue();
                if let Some(stream) = queue.take_due(now) {
                    return stream;
                }
                queue.in_line.first().map(|(at, _)| *at)
            };
            let rest =
                first.map(|at| Duration::from_millis((at.as_millis() - now.as_millis()).max(0) as u64));
            match rest {
                // An error says that nothing has changed, and the time may have come.
                Some(rest) => {
                    drop(tokio::time::timeout(rest.min(ALARM_LOOK), self.0.earlier.notified()).await);
                }
                None => self.0.earlier.notified().await,
            }
        }
    }

    async fn ring(self, stream: StreamKey, _permit: OwnedSemaphorePermit) {
        let Some(streams) = self.0.streams.get() else { return };
        self.0.rung.fetch_add(1, Relaxed);
        let now = Timestamp::now();
        let answer = streams.fire_due(&stream, now).await;
        if self.queue().rung(&stream) {
            self.0.earlier.notify_one();
        }
        match answer {
            // What is not due is no reason to ask again at once, whatever the stream says.
            Ok(Some(next)) => self.set_earlier(&stream, next.max(now.plus_millis(1))),
            Ok(None) | Err(AppendError::ShuttingDown) => {}
            Err(error) => {
                tracing::error!(%error, stream = %stream.path, "cannot run what a stream has scheduled; will try again");
                self.set_earlier(&stream, now.plus_millis(ALARM_RETRY.as_millis() as i64));
            }
        }
    }

    async fn until_shutdown<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.0.shutdown.cancelled() => None,
            output = future => Some(output),
        }
    }

    pub fn stats(&self) -> AlarmStats {
        AlarmStats { waiting: self.queue().times.len() as u64, rung: self.0.rung.load(Relaxed) }
    }

    /// What is under way comes to its end; what is due by now is due at the next start.
    pub async fn shutdown(&self) {
        self.0.shutdown.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().expect("nothing panics while it holds the queue of alarms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Project, StreamPath};

    fn stream(path: &str) -> StreamKey {
        StreamKey::new(Project::default(), StreamPath::parse(path).unwrap())
    }

    #[test]
    fn each_stream_is_in_line_once_at_its_latest_time() {
        let at = Timestamp::from_millis;
        let mut queue = Queue::default();
        assert!(queue.set(&stream("/a"), at(20)));
        assert!(!queue.set(&stream("/b"), at(30)));
        assert!(queue.set(&stream("/b"), at(10)));
        assert!(!queue.set(&stream("/b"), at(40)));
        queue.set(&stream("/c"), at(20));
        queue.set(&stream("/gone"), at(1));
        queue.remove(&stream("/gone"));
        assert_eq!(queue.take_due(at(19)), None);
        let due: Vec<_> = std::iter::from_fn(|| queue.take_due(at(40))).collect();
        assert_eq!(due, [stream("/a"), stream("/c"), stream("/b")]);
        assert!(queue.times.is_empty() && queue.in_line.is_empty());
    }

    #[test]
    fn one_that_is_being_asked_is_not_asked_the_same_again() {
        let (at, a) = (Timestamp::from_millis, stream("/a"));
        let asked = |said: &[Option<i64>]| {
            let mut queue = Queue::default();
            queue.set(&a, at(10));
            assert_eq!(queue.take_due(at(15)), Some(a.clone()));
            for said in said {
                match said {
                    Some(time) => drop(queue.set(&a, at(*time))),
                    None => queue.remove(&a),
                }
                assert_eq!(queue.take_due(at(15)), None, "not while it is being asked");
            }
            queue.rung(&a);
            queue.times.get(&a).map(|time| time.as_millis())
        };
        // what it says, and what stands when it has answered
        let cases: [(&[Option<i64>], Option<i64>); 5] = [
            (&[], None),
            (&[Some(10), None], None),
            (&[Some(10), Some(30)], Some(30)),
            (&[Some(10), None, Some(12)], Some(12)),
            (&[Some(30)], Some(30)),
        ];
        for (said, stands) in cases {
            assert_eq!(asked(said), stands, "{said:?}");
        }
    }

    #[test]
    fn what_a_stream_has_said_counts_more_than_what_the_log_said_of_it_unless_that_is_earlier() {
        let at = Timestamp::from_millis;
        let alarms = Alarms::default();
        alarms.set(&stream("/a"), Some(at(20)));
        for (said, stands) in [(30, 20), (20, 20), (10, 10)] {
            alarms.set_earlier(&stream("/a"), at(said));
            assert_eq!(alarms.queue().times[&stream("/a")], at(stands));
        }
        alarms.set(&stream("/a"), None);
        assert_eq!(alarms.stats().waiting, 0);
    }
}
