//! Processors: how soon one answers, how soon one starts, how quickly one reads the past.

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::machine;
use super::server::{Client, Server};
use super::table::{Row, median_of, percentile};

pub const PONG: &str = "export default { async afterAppend({ append, event }) {
  if (event.type === 'ping') await append({ event: { type: 'pong', payload: { to: event.offset } } });
} };";
const COUNTER: &str = "export default {
  initialState: { count: 0, bytes: 0 },
  reduce: ({ event, state }) => ({ count: state.count + 1, bytes: state.bytes + (event.payload.text ?? '').length }),
};";

const PINGS: usize = 1_000;
const COLD_STARTS: usize = 200;
const REPLAYED: usize = 100_000;
const REPLAYS: usize = 3;

pub fn configured(slug: &str, script: &str) -> Value {
    json!({"type": "processor/configured", "payload": {"slug": slug, "script": script}})
}

pub fn pong() -> io::Result<Vec<Row>> {
    let server = Server::start(&[])?;
    let mut client = server.connect()?;
    client.lift_breaker("/bench")?;
    let mut follow = client.follow("/bench", "start")?;
    client.append("/bench", &configured("pong", PONG))?;
    follow.wait_for("processor/activated")?;
    let mut times = Vec::new();
    for n in 0..PINGS + 100 {
        let started = Instant::now();
        let answer = client.append("/bench", &json!({"type": "ping"}))?;
        follow.wait_for(&format!("\"to\":{}}}", answer["event"]["offset"]))?;
        // The first rounds warm the engine and the caches.
        if n >= 100 {
            times.push(started.elapsed());
        }
    }
    let syncs = machine::sync_time()? * 2;
    let limit = (syncs, "two syncs");
    let target = syncs + Duration::from_millis(1);
    Ok(vec![
        Row::time("append to pong, p50", percentile(&times, 0.5), limit, Some(target)),
        Row::time("append to pong, p99", percentile(&times, 0.99), limit, None),
    ])
}

pub fn cold() -> io::Result<Vec<Row>> {
    let server = Server::start(&[])?;
    let mut client = server.connect()?;
    let mut times = Vec::new();
    for n in 0..COLD_STARTS {
        let path = format!("/cold/{n}");
        client.append(&path, &json!({"type": "x"}))?;
        let mut follow = client.follow(&path, "end")?;
        // Another text each time: nothing of it is compiled yet.
        let script = format!("{PONG}\n// number {n}");
        let started = Instant::now();
        client.append(&path, &configured("pong", &script))?;
        follow.wait_for("processor/activated")?;
        times.push(started.elapsed());
    }
    let syncs = machine::sync_time()? * 2;
    let limit = (syncs, "two syncs");
    let target = syncs + Duration::from_millis(5);
    Ok(vec![
        Row::time("configured to activated, p50", percentile(&times, 0.5), limit, Some(target)),
        Row::time("configured to activated, p99", percentile(&times, 0.99), limit, None),
    ])
}

pub fn replay() -> io::Result<Vec<Row>> {
    let server = Server::start(&[])?;
    let mut client = server.connect()?;
    client.lift_breaker("/past")?;
    let text = "x".repeat(100);
    let batch: Vec<Value> =
        (0..1_000).map(|n| json!({"type": "past", "payload": {"n": n, "text": text}})).collect();
    let batch = Value::Array(batch);
    for _ in 0..REPLAYED / 1_000 {
        client.append("/past", &batch)?;
    }
    let reading = Instant::now();
    client.get("/api/streams/past")?;
    let read_rate = REPLAYED as f64 / reading.elapsed().as_secs_f64();
    let rates = (0..REPLAYS).map(|n| replay_once(&mut client, n)).collect::<io::Result<Vec<f64>>>()?;
    let limit = (read_rate, "read over HTTP as JSON");
    Ok(vec![Row::rate("replay through reduce", median_of(rates), limit, Some(100_000.0))])
}

/// Another slug each time, so that each starts from nothing.
fn replay_once(client: &mut Client, n: usize) -> io::Result<f64> {
    let mut follow = client.follow("/past", "end")?;
    let started = Instant::now();
    client.append("/past", &configured(&format!("counter-{n}"), COUNTER))?;
    follow.wait_for("processor/activated")?;
    Ok(REPLAYED as f64 / started.elapsed().as_secs_f64())
}
