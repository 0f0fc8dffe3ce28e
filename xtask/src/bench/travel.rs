//! The past of a million events: how soon a state of its middle is there, how fast a candidate goes through it, and
//! what a fork of it costs beside one of a short stream.

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::machine;
use super::processors::configured;
use super::server::{Client, Server};
use super::table::{Row, percentile};

const EVENTS: u64 = 1_000_000;
const SHORT: u64 = 1_000;
const BATCH: u64 = 1_000;
const LOOKS: u64 = 100;
const FORKS: usize = 50;

const COUNTER: &str = "export default {
  initialState: { count: 0, bytes: 0 },
  reduce: ({ event, state }) => ({ count: state.count + 1, bytes: state.bytes + (event.payload.text ?? '').length }),
};";
/// As an agent's processor: it looks at every event, and answers one in a thousand.
const ANSWERER: &str = "export default {
  initialState: { count: 0 },
  reduce: ({ event, state }) => ({ count: state.count + 1 }),
  async afterAppend({ event, append, state }) {
    if (event.payload.n === 7) await append({ type: 'answer', payload: { count: state.count } });
  },
};";

pub fn run() -> io::Result<Vec<Row>> {
    let server = Server::start(&[])?;
    let mut client = server.connect()?;
    fill(&mut client, "/short", SHORT)?;
    fill(&mut client, "/past", EVENTS)?;
    let reading = Instant::now();
    client.get("/api/streams/past?afterOffset=900000")?;
    let read_rate = 100_000.0 / reading.elapsed().as_secs_f64();
    let mut follow = client.follow("/past", "end")?;
    client.append("/past", &configured("counter", COUNTER))?;
    follow.wait_for("processor/activated")?;
    let mut rows = vec![look_back(&mut client)?];
    for (what, script) in [("reduced", COUNTER), ("reduced and acted on", ANSWERER)] {
        rows.push(simulate(&mut client, what, script, read_rate)?);
    }
    rows.extend(fork(&mut client)?);
    Ok(rows)
}

fn fill(client: &mut Client, path: &str, events: u64) -> io::Result<()> {
    client.lift_breaker(path)?;
    let text = "x".repeat(100);
    let batch: Vec<Value> =
        (0..BATCH).map(|n| json!({"type": "past", "payload": {"n": n, "text": text}})).collect();
    let batch = Value::Array(batch);
    (0..events / BATCH).try_for_each(|_| client.append(path, &batch).map(drop))
}

/// Each at another place, so that no state that a look leaves behind serves the next.
fn look_back(client: &mut Client) -> io::Result<Row> {
    let mut times = Vec::new();
    for look in 0..LOOKS {
        let at = EVENTS / 2 - 50_000 + look * 997;
        let started = Instant::now();
        let then = client.get(&format!("/api/processors/past?slug=counter&atOffset={at}"))?;
        times.push(started.elapsed());
        // Every event but the counter's own, which come later.
        if then["state"]["count"] != at {
            return Err(io::Error::other(format!("behind event {at}: {then}")));
        }
    }
    let limit = (machine::sync_time()?, "one sync");
    let target = Some(Duration::from_millis(50));
    Ok(Row::time("state in the middle of 1,000,000 events, p99", percentile(&times, 0.99), limit, target))
}

fn simulate(client: &mut Client, what: &str, script: &str, read_rate: f64) -> io::Result<Row> {
    let body = json!({"slug": "counter", "script": script, "states": "last"});
    let started = Instant::now();
    let answer = client.post("/api/simulate/past", &body)?;
    let took = started.elapsed();
    let events = answer["range"]["events"].as_u64().unwrap_or_default();
    if answer["outcome"] != "completed" || events < EVENTS && answer["cut"].is_null() {
        return Err(io::Error::other(format!("the simulation came to {answer}")));
    }
    let limit = (read_rate, "read over HTTP as JSON");
    let rate = events as f64 / took.as_secs_f64();
    Ok(Row::rate(format!("simulated events, {what}"), rate, limit, Some(100_000.0)))
}

fn fork(client: &mut Client) -> io::Result<Vec<Row>> {
    let mut median_of = |path: &str| -> io::Result<Duration> {
        let mut times = Vec::new();
        for n in 0..FORKS {
            let to = format!("/forks{path}-{n}");
            let started = Instant::now();
            client.post(&format!("/api/streams/__fork{path}"), &json!({"to": to, "processors": false}))?;
            times.push(started.elapsed());
        }
        Ok(percentile(&times, 0.5))
    };
    let (short, long) = (median_of("/short")?, median_of("/past")?);
    let limit = (machine::sync_time()?, "one sync");
    Ok(vec![
        Row::time("fork of 1,000 events, p50", short, limit, None),
        Row::time("fork of 1,000,000 events, p50", long, limit, Some(short * 2)),
    ])
}
