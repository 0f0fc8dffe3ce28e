//! After kill -9 with 10,000 streams and 500,000 events: from the start to the first answer.

use std::io;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Server, bytes_below};
use super::table::{Row, median};

const STREAMS: usize = 10_000;
const EVENTS: usize = 50;
const ROUNDS: usize = 3;

pub fn run() -> io::Result<Vec<Row>> {
    [("sled", 3), ("fjall", 1)]
        .into_iter()
        .map(|(store, seconds)| measure(store, Duration::from_secs(seconds)))
        .collect()
}

fn measure(store: &str, target: Duration) -> io::Result<Row> {
    let server = Server::start(&["--store", store])?;
    fill(&server)?;
    let mut folder = server.kill();
    let reading = Instant::now();
    for file in bytes_below(&folder)? {
        std::fs::read(file)?;
    }
    let reading = reading.elapsed();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let started = Instant::now();
        let server = Server::start_on(folder, &["--store", store])?;
        let mut client = server.connect()?;
        let path = format!("/many/{}", round * 997);
        let events = client.get(&format!("/api/streams{path}"))?;
        times.push(started.elapsed());
        let count = events.as_array().map_or(0, Vec::len);
        if count < EVENTS {
            return Err(io::Error::other(format!("{path} has {count} events after the restart")));
        }
        client.append(&path, &json!({"type": "more"}))?;
        folder = server.kill();
    }
    std::fs::remove_dir_all(folder)?;
    let limit = (reading, "reading the files");
    Ok(Row::time(format!("restart after kill -9, {store}"), median(&times), limit, Some(target)))
}

fn fill(server: &Server) -> io::Result<()> {
    let mut client = server.connect()?;
    client.lift_breaker("/")?;
    client.lift_breaker("/many")?;
    let text = "x".repeat(150);
    let batch: Vec<Value> =
        (0..EVENTS).map(|n| json!({"type": "one", "payload": {"n": n, "text": text}})).collect();
    let batch = Value::Array(batch);
    server.for_each(STREAMS, |client, n| client.append(&format!("/many/{n}"), &batch).map(drop))
}
