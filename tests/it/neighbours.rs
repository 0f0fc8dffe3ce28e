//! One processor's trouble is not its neighbours': in the same worker, they wait for the rest of its turn at most.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Client, Server};
use crate::processors::PONG;

const TURN: Duration = Duration::from_millis(100);
/// Beside the turn: syncs, and the other tests on these cores.
const SLACK: Duration = Duration::from_millis(400);
const PINGS: usize = 60;

/// What is to go wrong at every `go`.
const OFFENCES: [&str; 3] = [
    "for (;;);",
    "const all = []; for (;;) all.push(new Array(1000).fill(all.length));",
    "/^(a|a)*$/.test('a'.repeat(60) + 'b');",
];

#[test]
fn a_neighbour_waits_for_one_turn_at_most() {
    for offence in OFFENCES {
        let server = Server::start(&["--workers", "1"]);
        let millrace = server.client("public");
        lift(&millrace, "/good");
        millrace.deploy("/good", "pong", PONG);
        let over = AtomicBool::new(false);
        let offender = server.client("public");
        let times = std::thread::scope(|scope| {
            let offending = scope.spawn(|| offend(&offender, offence, &over));
            let times = pongs(&millrace);
            over.store(true, Relaxed);
            let offences = offending.join().unwrap();
            assert!(offences > 0, "{offence} never went wrong");
            times
        });
        // The middle one: without turns, each would wait for the second that an offence takes. How long exactly they
        // wait is measured where nothing else runs (`cargo xtask bench neighbours`).
        let mut sorted = times;
        sorted.sort();
        assert!(sorted[PINGS / 2] < TURN + SLACK, "{offence}: {sorted:?}");
    }
}

fn pongs(millrace: &Client) -> Vec<Duration> {
    let mut live = millrace.sse("/api/streams/good?live=true&afterOffset=end", &[]);
    let mut times = Vec::new();
    for _ in 0..PINGS {
        let started = Instant::now();
        millrace.append("/good", json!({"type": "ping"}));
        while live.event().unwrap()["type"] != "pong" {}
        times.push(started.elapsed());
    }
    times
}

/// Goes wrong again and again; suspended in between, it is deployed again. How often it did.
fn offend(millrace: &Client, offence: &str, over: &AtomicBool) -> usize {
    lift(millrace, "/bad");
    let mut live = millrace.follow("/bad");
    let mut wait = |event_type: &str| while live.event().unwrap()["type"] != event_type {};
    let mut offences = 0;
    while !over.load(Relaxed) {
        let script = format!(
            "export default {{ afterAppend({{ event }}) {{ if (event.type === 'go') {{ {offence} }} }} }} // {offences}"
        );
        let limits = json!({"cpuMs": TURN.as_millis() as u64, "memoryBytes": 16_777_216});
        let payload = json!({"slug": "bad", "script": script, "limits": limits});
        millrace.append("/bad", json!({"type": "processor/configured", "payload": payload}));
        wait("processor/activated");
        for _ in 0..5 {
            millrace.append("/bad", json!({"type": "go"}));
            wait("processor/failed");
            offences += 1;
        }
    }
    offences
}

fn lift(millrace: &Client, path: &str) -> Value {
    let payload = json!({"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000});
    millrace.append(path, json!({"type": "stream/circuit-breaker-configured", "payload": payload}))
}
