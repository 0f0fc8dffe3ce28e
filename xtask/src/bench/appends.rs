//! Durable appends: single events of 200 bytes, over 1, 64 and 256 connections, to 64 streams.

use std::io;
use std::time::Duration;

use serde_json::json;

use super::load::{Load, has_wrk};
use super::machine;
use super::server::{Server, scratch};
use super::table::{Row, median_of};

const STREAMS: usize = 64;
const EVENT_BYTES: usize = 200;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(4);

pub fn run() -> io::Result<Vec<Row>> {
    if !has_wrk() {
        println!(
            "  wrk is not installed (apt install wrk, brew install wrk): using threads of our own, which are slower"
        );
    }
    let mut rows = Vec::new();
    for (store, at_256) in [("sled", 25_000.0), ("fjall", 45_000.0)] {
        for connections in [1, 64, 256] {
            // The limit is measured beside each figure: a shared disk is not the same from minute to minute.
            let (limit, what) = match connections {
                1 => (machine::single_rate()?, "write + fdatasync"),
                n => (machine::group_rate(n)?, "group commit to a file"),
            };
            let rate = measure(store, connections)?;
            let target = match connections {
                1 => limit / 2.0,
                256 => at_256,
                _ => 0.0,
            };
            rows.push(Row::rate(
                format!("appends, {store}, {connections} connections"),
                rate,
                (limit, what),
                target,
            ));
        }
    }
    Ok(rows)
}

fn measure(store: &str, connections: usize) -> io::Result<f64> {
    let server = Server::start(&["--store", store])?;
    let mut client = server.connect()?;
    for stream in 0..STREAMS {
        client.lift_breaker(&format!("/bench/{stream}"))?;
    }
    let body = event();
    let folder = scratch("wrk")?;
    let load = Load { address: server.address, streams: STREAMS, body: &body, connections, duration: ROUND };
    let rates = (0..ROUNDS).map(|_| load.run(&folder)).collect::<io::Result<Vec<f64>>>()?;
    std::fs::remove_dir_all(folder)?;
    Ok(median_of(rates))
}

/// One event of exactly the size that the figure names.
fn event() -> String {
    let render =
        |padding: usize| json!({"type": "bench", "payload": {"text": "x".repeat(padding)}}).to_string();
    render(EVENT_BYTES - render(0).len())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_event_has_the_size_that_is_promised() {
        assert_eq!(super::event().len(), super::EVENT_BYTES);
    }
}
