//! What an idle processor costs: 5,000 of them on 5,000 streams, awake and hibernated.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::processors::configured;
use super::server::{Client, Server};
use super::table::{Row, grouped};

const PROCESSORS: usize = 5_000;

const SCRIPT: &str = "export default {
  initialState: { count: 0 },
  reduce: ({ event, state }) => ({ count: state.count + 1 }),
  async afterAppend({ append, event }) { if (event.type === 'ping') await append({ type: 'pong' }); },
};";

pub fn run() -> io::Result<Vec<Row>> {
    let awake = bytes_each("3600000")?;
    let hibernated = bytes_each("200")?;
    Ok(vec![row("awake", awake, 400.0), row("hibernated", hibernated, 20.0)])
}

fn row(name: &str, bytes: f64, target_kb: f64) -> Row {
    let kilobytes = bytes / 1_024.0;
    Row {
        figure: format!("memory of an idle processor, {name}"),
        measured: format!("{kilobytes:.1} KB"),
        limit: format!("{} of them, RSS of all processes", grouped(PROCESSORS as f64)),
        ratio: "-".into(),
        target: format!("≤ {target_kb} KB"),
        met: kilobytes <= target_kb,
    }
}

fn bytes_each(hibernate_after_ms: &str) -> io::Result<f64> {
    let server = Server::start(&["--hibernate-after-ms", hibernate_after_ms])?;
    let mut client = server.connect()?;
    // A few warm processors first, so that what all share (a worker for each core) is not counted.
    client.lift_breaker("/")?;
    client.lift_breaker("/idle")?;
    for n in 0..16 {
        deploy(&mut client, &format!("/warm/{n}"))?;
    }
    let before = settled(&server);
    server.for_each(PROCESSORS, |client, n| deploy(client, &format!("/idle/{n}")))?;
    // The first connection has been at rest for longer than the server waits.
    let mut client = server.connect()?;
    for n in 0..PROCESSORS {
        let processors = client.get(&format!("/api/processors/idle/{n}"))?;
        if processors[0]["status"] == Value::Null || !processors[0]["lastError"].is_null() {
            return Err(io::Error::other(format!("/idle/{n}: {processors}")));
        }
    }
    let after = settled(&server);
    Ok(after.saturating_sub(before) as f64 / PROCESSORS as f64)
}

fn deploy(client: &mut Client, path: &str) -> io::Result<()> {
    let mut follow = client.follow(path, "start")?;
    client.append(path, &configured("idle", SCRIPT))?;
    follow.wait_for("processor/activated")
}

/// The resident memory once it has stopped falling: an isolate hibernates, then its stream retires (within 20 s of
/// its last use), then memory goes back (looked at every 5 s).
fn settled(server: &Server) -> u64 {
    let started = Instant::now();
    let mut lowest = (server.resident_bytes(), Instant::now());
    while started.elapsed() < Duration::from_secs(90) && lowest.1.elapsed() < Duration::from_secs(28) {
        thread::sleep(Duration::from_millis(200));
        let now = server.resident_bytes();
        if now < lowest.0 - lowest.0 / 200 {
            lowest = (now, Instant::now());
        }
    }
    server.resident_bytes()
}
