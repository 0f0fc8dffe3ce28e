//! Schedules: how late 10,000 events come that are due in the same minute, each on a stream of its own that has no
//! actor by then, and what a restart with all of them waiting takes.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Connection, Request};
use super::server::{Server, bytes_below};
use super::table::{Row, percentile};

const STREAMS: usize = 10_000;
const WRITERS: usize = 8;
const MINUTE: Duration = Duration::from_secs(60);
/// Until the first is due: the streams are made and the server is killed and started before.
const LEAD: Duration = Duration::from_secs(60);
const LATE: Duration = Duration::from_millis(50);
const START: Duration = Duration::from_secs(3);

pub fn run() -> io::Result<Vec<Row>> {
    let begun = Instant::now();
    let server = Server::start(&[])?;
    fill(&server, begun + LEAD)?;
    let folder = server.kill();
    let reading = Instant::now();
    for file in bytes_below(&folder)? {
        std::fs::read(file)?;
    }
    let reading = reading.elapsed();
    let started = Instant::now();
    let server = Server::start_on(folder, &[])?;
    let mut first = server.connect()?;
    first.get("/api/streams?limit=1")?;
    let answered = started.elapsed();
    while metric(&server, "schedules_streams")? < STREAMS as u64 {
        thread::sleep(Duration::from_millis(5));
    }
    let taken_up = started.elapsed();
    if begun.elapsed() > LEAD {
        return Err(io::Error::other(
            "the first was due before the server was ready: the machine is too busy",
        ));
    }
    let running = metric(&server, "streams_running")?;
    println!(
        "  {STREAMS} streams wait, {running} of them with an actor, in {} MB",
        server.resident_bytes() / 1_000_000
    );
    // What a thread of this machine that only sleeps comes late by, in the same minute.
    let sleeper = thread::spawn(move || sleep_beside(begun + LEAD, begun + LEAD + MINUTE));
    while metric(&server, "schedules_wakes_total")? < STREAMS as u64 {
        thread::sleep(Duration::from_millis(500));
    }
    let slept = sleeper.join().map_err(|_| io::Error::other("the sleeper has panicked"))?;
    let late = lateness(&server)?;
    let limit = |share: f64| (percentile(&slept, share), "a thread that sleeps");
    Ok(vec![
        Row::time("schedules, 10,000 due in a minute, late by p50", percentile(&late, 0.5), limit(0.5), None),
        Row::time("the same, p99", percentile(&late, 0.99), limit(0.99), Some(LATE)),
        Row::time(
            "start with 10,000 waiting, first answer",
            answered,
            (reading, "reading the files"),
            Some(START),
        ),
        Row::time("the same, all taken up", taken_up, (reading, "reading the files"), Some(START)),
    ])
}

/// Each stream gets one event that is due somewhere in the minute.
fn fill(server: &Server, first: Instant) -> io::Result<()> {
    let mut client = server.connect()?;
    client.lift_breaker("/")?;
    client.lift_breaker("/due")?;
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn(move || {
                    let mut client = server.connect()?;
                    (writer..STREAMS).step_by(WRITERS).try_for_each(|n| {
                        let due = first + MINUTE.mul_f64(n as f64 / STREAMS as f64);
                        let delay = due.saturating_duration_since(Instant::now()).as_secs_f64();
                        client.append(&path(n), &configured(delay)).map(drop)
                    })
                })
            })
            .collect();
        writers.into_iter().try_for_each(|writer| {
            writer.join().unwrap_or_else(|_| Err(io::Error::other("a writer panicked")))
        })
    })
}

fn path(n: usize) -> String {
    format!("/due/{n}")
}

fn configured(delay_seconds: f64) -> Value {
    json!({"type": "schedule/configured", "payload": {
        "slug": "s",
        "append": {"type": "due"},
        "schedule": {"kind": "once-in", "delaySeconds": (delay_seconds * 1_000.0).round() / 1_000.0},
    }})
}

/// From each stream's own events: when its event came, and when it was due. An error when one has not come once.
fn lateness(server: &Server) -> io::Result<Vec<Duration>> {
    let mut client = server.connect()?;
    (0..STREAMS)
        .map(|n| {
            let wrong = |why: String| io::Error::other(format!("{}: {why}", path(n)));
            let events = client.get(&format!("/api/streams{}?afterOffset=1", path(n)))?;
            let [configured, due, fired] = events.as_array().map(Vec::as_slice).unwrap_or_default() else {
                return Err(wrong(format!("it holds {events}")));
            };
            if due["type"] != "due" || fired["type"] != "schedule/fired" {
                return Err(wrong(format!("it holds {events}")));
            }
            let delay = configured["payload"]["schedule"]["delaySeconds"].as_f64().unwrap_or_default();
            let times =
                [configured, due].map(|event| time_of_day(event["createdAt"].as_str().unwrap_or_default()));
            let [Some(configured), Some(came)] = times else {
                return Err(wrong("it has events without a time".into()));
            };
            let took = (came + DAY - configured) % DAY;
            took.checked_sub((delay * 1_000.0).round() as u64).map(Duration::from_millis).ok_or_else(|| {
                wrong(format!("its event came {took} ms after one that was due after {delay} s"))
            })
        })
        .collect()
}

const DAY: u64 = 24 * 3_600_000;

/// Milliseconds since midnight, of `2026-01-31T09:00:00.250Z`.
fn time_of_day(text: &str) -> Option<u64> {
    let (clock, millis) = text.split_once('T')?.1.strip_suffix('Z')?.split_once('.')?;
    let seconds = clock.split(':').try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))?;
    Some(seconds * 1_000 + millis.parse::<u64>().ok()?)
}

fn sleep_beside(from: Instant, to: Instant) -> Vec<Duration> {
    thread::sleep(from.saturating_duration_since(Instant::now()));
    let mut late = Vec::new();
    while Instant::now() < to {
        let due = Instant::now() + MINUTE / STREAMS as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        late.push(due.elapsed());
    }
    late
}

fn metric(server: &Server, name: &str) -> io::Result<u64> {
    let mut connection = Connection::open(server.address, MINUTE)?;
    let answer = connection.send(&Request::new("GET", "/metrics"))?;
    let text = String::from_utf8_lossy(&answer.body);
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("millrace_{name} ")));
    line.and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("the server has no metric `{name}`")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_time_of_the_day() {
        assert_eq!(super::time_of_day("2026-01-31T09:01:02.250Z"), Some(32_462_250));
        assert_eq!(super::time_of_day("2026-01-31"), None);
    }
}
