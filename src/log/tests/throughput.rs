//! How many commits a second the committer does alone. Not a check: run it by name, optimised, on a quiet machine.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use super::*;

const STREAMS: usize = 64;
const UNDER_WAY: usize = 4;

on_both_engines! {
    #[ignore = "a measurement"]
    async fn single_events(engine: Engine) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::open(folder.path(), LogOptions { engine: Some(engine), ..LogOptions::default() }).unwrap();
        let started = Instant::now();
        let tasks: Vec<_> = (0..STREAMS).map(|n| tokio::spawn(append_for(log.clone(), format!("/s{n}"), started))).collect();
        let mut events = 0;
        for task in tasks {
            events += task.await.unwrap();
        }
        let seconds = started.elapsed().as_secs_f64();
        let stats = log.stats();
        println!("{engine}: {:.0} events/s in groups of {:.0}", events as f64 / seconds, events as f64 / stats.syncs as f64);
        let micros = committer_seconds() * 1e6 / events as f64;
        println!("{engine}: {micros:.1} µs of the committer's processor time per event");
        let started = Instant::now();
        let streams = log.streams(&Project::default(), None, None, 100, true).unwrap();
        let read: usize = streams.iter().map(|stream| read_all(&log, stream.key.path.as_str(), 512).len()).sum();
        println!("{engine}: {:.0} events/s read", read as f64 / started.elapsed().as_secs_f64());
        log.close().await;
    }
}

async fn append_for(log: Log, path: String, started: Instant) -> u64 {
    let payload = Json::of(&serde_json::json!({ "text": "x".repeat(150) }));
    let input = EventInput::new(EventType::parse("measured").unwrap(), payload);
    let create = Commit { events: vec![place(&path, 1, input.clone())], ..commit(&path, None, 0, 0) };
    let id = log.commit(create).await.unwrap();
    let mut tail = 1;
    let mut under_way = FuturesOrdered::new();
    while started.elapsed() < Duration::from_secs(8) {
        while under_way.len() < UNDER_WAY {
            let events = vec![place(&path, tail + 1, input.clone())];
            let next = Commit { events, ..commit(&path, Some(id), tail, 0) };
            under_way.push_back(log.commit(next));
            tail += 1;
        }
        under_way.next().await.unwrap().unwrap();
    }
    while let Some(outcome) = under_way.next().await {
        outcome.unwrap();
    }
    tail
}

/// On a busy machine this says more than the rate: what the one thread needs is what bounds it.
fn committer_seconds() -> f64 {
    let stat = std::fs::read_dir("/proc/self/task").unwrap().find_map(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
        stat.contains("(committer)").then_some(stat)
    });
    let stat = stat.expect("the committer runs while the log is open");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}
