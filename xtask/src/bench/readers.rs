//! 500 readers of one stream: how long after it was sent an event is at each.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::machine;
use super::server::Server;
use super::table::{Row, percentile};

const READERS: usize = 500;
const EVENTS: usize = 100;
/// A reader does next to nothing.
const STACK_BYTES: usize = 128 * 1024;

pub fn run() -> io::Result<Vec<Row>> {
    let server = Server::start(&[])?;
    let mut client = server.connect()?;
    client.lift_breaker("/wide")?;
    let (arrived, arrivals) = mpsc::channel::<(usize, Instant)>();
    for _ in 0..READERS {
        let mut follow = client.follow("/wide", "end")?;
        let arrived = arrived.clone();
        thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
            // Ends with the server.
            for n in 0..EVENTS {
                if follow.wait_for(&format!("\"n\":{n},")).is_err()
                    || arrived.send((n, Instant::now())).is_err()
                {
                    return;
                }
            }
        })?;
    }
    let mut delays = Vec::new();
    for n in 0..EVENTS {
        let sent = Instant::now();
        client.append("/wide", &json!({"type": "x", "payload": {"n": n, "text": "x".repeat(150)}}))?;
        for _ in 0..READERS {
            let (event, at) = arrivals.recv_timeout(Duration::from_secs(30)).map_err(io::Error::other)?;
            if event != n {
                return Err(io::Error::other(format!("event {event} came where {n} was due")));
            }
            delays.push(at.duration_since(sent));
        }
    }
    let limit = (machine::sync_time()?, "one sync");
    Ok(vec![
        Row::time(
            "event at 500 readers, p50",
            percentile(&delays, 0.5),
            limit,
            Some(Duration::from_millis(5)),
        ),
        Row::time("event at 500 readers, p99", percentile(&delays, 0.99), limit, None),
    ])
}
