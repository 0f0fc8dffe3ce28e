//! Neighbours: what a processor that computes without an end costs the others in the same worker.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::json;

use super::processors::{PONG, configured};
use super::server::{Client, Follow, Server};
use super::table::{Row, millis, percentile};

/// What the endless one may compute in one turn.
const TURN: Duration = Duration::from_millis(100);
const ENDLESS: &str = "export default { afterAppend({ event }) { if (event.type === 'go') for (;;); } };";
const PINGS: usize = 300;

pub fn run() -> io::Result<Vec<Row>> {
    let server = Server::start(&["--workers", "1"])?;
    let mut client = server.connect()?;
    client.lift_breaker("/bench")?;
    let mut follow = client.follow("/bench", "start")?;
    client.append("/bench", &configured("pong", PONG))?;
    follow.wait_for("processor/activated")?;
    // Beside a loop the server sleeps for a turn in front of each pong: a machine that has slept wakes late.
    let alone = pongs(&mut client, &mut follow, TURN)?;
    let over = Arc::new(AtomicBool::new(false));
    let offender = server.connect()?;
    let until = over.clone();
    let before = server.worker_usage();
    let offending = std::thread::spawn(move || offend(offender, &until));
    let beside = pongs(&mut client, &mut follow, Duration::ZERO);
    over.store(true, Relaxed);
    let offences = offending.join().map_err(|_| io::Error::other("the offender's thread has ended"))??;
    let beside = beside?;
    let cpu = server.worker_usage().since(before).each(offences.len()).cpu;
    let limit = |share: f64| (percentile(&alone, share), "without it, one each 100 ms");
    let target = percentile(&alone, 0.99) + TURN;
    // A turn is bounded by processor time: what others on these cores take away from it, the neighbour waits for, too.
    println!(
        "  a loop of {} ms, {} of the worker's processor time with all that follows, took {} from its event to its failure (p50), {} at p99",
        TURN.as_millis(),
        millis(cpu),
        millis(percentile(&offences, 0.5)),
        millis(percentile(&offences, 0.99))
    );
    let offences = offences.len();
    Ok(vec![
        Row::time("append to pong beside an endless loop, p50", percentile(&beside, 0.5), limit(0.5), None),
        Row::time(
            format!("the same, p99, {offences} loops of {} ms", TURN.as_millis()),
            percentile(&beside, 0.99),
            limit(0.99),
            Some(target),
        ),
    ])
}

/// Pings one after the other, with a pause in front of each.
fn pongs(client: &mut Client, follow: &mut Follow, pause: Duration) -> io::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..PINGS {
        std::thread::sleep(pause);
        let started = Instant::now();
        let answer = client.append("/bench", &json!({"type": "ping"}))?;
        follow.wait_for(&format!("\"to\":{}}}", answer["event"]["offset"]))?;
        times.push(started.elapsed());
    }
    Ok(times)
}

/// Loops at one event after the other; suspended after a few, it is deployed again. How long each loop took.
fn offend(mut client: Client, over: &AtomicBool) -> io::Result<Vec<Duration>> {
    client.lift_breaker("/offender")?;
    let mut follow = client.follow("/offender", "start")?;
    let mut offences = Vec::new();
    while !over.load(Relaxed) {
        // Another text each time, so that it is another version.
        let script = format!("{ENDLESS}\n// after {}", offences.len());
        let mut event = configured("endless", &script);
        event["payload"]["limits"] = json!({"cpuMs": TURN.as_millis() as u64});
        client.append("/offender", &event)?;
        follow.wait_for("processor/activated")?;
        for _ in 0..5 {
            let began = Instant::now();
            client.append("/offender", &json!({"type": "go"}))?;
            follow.wait_for("processor/failed")?;
            offences.push(began.elapsed());
        }
    }
    Ok(offences)
}
