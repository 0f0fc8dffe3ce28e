//! Schedules: how late 10,000 events come that are due in the same minute, each on a stream of its own that has no
//! actor by then, and what a restart with all of them waiting takes.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Server, bytes_below};
use super::table::{Row, percentile};

const STREAMS: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);
/// Until the first is due: the streams are made and the server is killed and started before.
const LEAD: Duration = Duration::from_secs(60);
/// The same on one stream, which is filled in batches.
const ONE_LEAD: Duration = Duration::from_secs(15);
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
    while server.metric("schedules_streams")? < STREAMS as u64 {
        thread::sleep(Duration::from_millis(5));
    }
    let taken_up = started.elapsed();
    if begun.elapsed() > LEAD {
        return Err(io::Error::other(
            "the first was due before the server was ready: the machine is too busy",
        ));
    }
    let running = server.metric("streams_running")?;
    println!(
        "  {STREAMS} streams wait, {running} of them with an actor, in {} MB",
        server.resident_bytes() / 1_000_000
    );
    // What a thread of this machine that only sleeps comes late by, in the same minute.
    let sleeper = thread::spawn(move || sleep_beside(begun + LEAD, begun + LEAD + MINUTE));
    while server.metric("schedules_wakes_total")? < STREAMS as u64 {
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

/// The same number on one stream.
pub fn one_stream() -> io::Result<Vec<Row>> {
    let server = Server::start(&[])?;
    let due = Instant::now() + ONE_LEAD;
    let sleeper = thread::spawn(move || sleep_beside(due, due + MINUTE));
    let late = late_on_one(&server)?;
    let slept = sleeper.join().map_err(|_| io::Error::other("the sleeper has panicked"))?;
    let limit = |share: f64| (percentile(&slept, share), "a thread that sleeps");
    let [p50, p99] = [0.5, 0.99].map(|share| percentile(&late, share));
    Ok(vec![
        Row::time("10,000 schedules of one stream, late by p50", p50, limit(0.5), None),
        Row::time("the same, p99", p99, limit(0.99), Some(LATE)),
    ])
}

/// As many schedules on a single stream, due over a minute; how late each came.
fn late_on_one(server: &Server) -> io::Result<Vec<Duration>> {
    const PATH: &str = "/one";
    let mut client = server.connect()?;
    client.lift_breaker(PATH)?;
    let begun = Instant::now();
    let due = |n: usize| ONE_LEAD + MINUTE.mul_f64(n as f64 / STREAMS as f64);
    for first in (0..STREAMS).step_by(1_000) {
        let batch = (first..first + 1_000).map(|n| {
            let mut event = configured(due(n).saturating_sub(begun.elapsed()).as_secs_f64());
            event["payload"]["slug"] = json!(format!("s{n}"));
            event["payload"]["append"]["payload"] = json!({"n": n});
            event
        });
        client.append(PATH, &Value::Array(batch.collect()))?;
    }
    if begun.elapsed() > ONE_LEAD {
        return Err(io::Error::other(
            "the first was due before all were configured: the machine is too busy",
        ));
    }
    thread::sleep((ONE_LEAD + MINUTE + Duration::from_secs(1)).saturating_sub(begun.elapsed()));
    // The connection has been at rest for longer than the server waits.
    let events = server.connect()?.get(&format!("/api/streams{PATH}?types=schedule/configured,due"))?;
    let (mut dues, mut late) = (Vec::new(), Vec::new());
    for event in events.as_array().into_iter().flatten() {
        let at = time_of_day(event["createdAt"].as_str().unwrap_or_default());
        let at = at.ok_or_else(|| io::Error::other(format!("{event} has no time")))?;
        match event["payload"]["schedule"]["delaySeconds"].as_f64() {
            Some(delay) => dues.push(at + (delay * 1_000.0).round() as u64),
            None => {
                let n = event["payload"]["n"].as_u64().unwrap_or(u64::MAX) as usize;
                let due =
                    dues.get(n).ok_or_else(|| io::Error::other(format!("{event} was not scheduled")))?;
                late.push(Duration::from_millis((at + DAY).saturating_sub(*due) % DAY));
            }
        }
    }
    match late.len() {
        STREAMS => Ok(late),
        came => Err(io::Error::other(format!("{came} of {STREAMS} scheduled events came to {PATH}"))),
    }
}

/// Each stream gets one event that is due somewhere in the minute.
fn fill(server: &Server, first: Instant) -> io::Result<()> {
    let mut client = server.connect()?;
    client.lift_breaker("/")?;
    client.lift_breaker("/due")?;
    server.for_each(STREAMS, |client, n| {
        let due = first + MINUTE.mul_f64(n as f64 / STREAMS as f64);
        let delay = due.saturating_duration_since(Instant::now()).as_secs_f64();
        client.append(&path(n), &configured(delay)).map(drop)
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

#[cfg(test)]
mod tests {
    #[test]
    fn the_time_of_the_day() {
        assert_eq!(super::time_of_day("2026-01-31T09:01:02.250Z"), Some(32_462_250));
        assert_eq!(super::time_of_day("2026-01-31"), None);
    }
}
