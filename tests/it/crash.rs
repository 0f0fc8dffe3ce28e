//! SIGKILL in a loop under load: what the server has acknowledged is there afterwards, once, at its offset,
//! and every key still finds its event. The same rounds on each engine.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::http::{Connection, Request};
use crate::harness::server::run;
use crate::harness::{Client, DEADLINE, Server};

const WRITERS: usize = 6;
const STREAMS: usize = 8;
/// Keys of acknowledged events that are sent again after each crash.
const REPEATED_KEYS: usize = 24;

#[test]
fn sled_keeps_what_it_has_acknowledged() {
    crash_again_and_again("sled", 50);
}

#[test]
fn fjall_keeps_what_it_has_acknowledged() {
    crash_again_and_again("fjall", 25);
}

fn crash_again_and_again(store: &str, rounds: usize) {
    let mut server = Server::start(&["--store", store]);
    let mut model = Model::default();
    let lift = json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000_000, "refillRatePerMinute": 1_000_000_000}});
    for stream in 0..STREAMS {
        server.client("crash").append(&format!("/busy/{stream}"), lift.clone());
    }
    for round in 0..rounds {
        let attempts = load(&mut server, round);
        server = server.restart();
        model.verify(&server.client("crash"), &attempts);
    }
    let client = server.client("crash");
    model.verify_whole(&client);
    model.verify_announcements(&client);
    eprintln!("{store}: {} appends acknowledged over {rounds} kills", model.acknowledged);
    assert!(model.acknowledged > 10 * rounds, "the load was no load: {} appends", model.acknowledged);
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    let folder = server.folder().join("data").to_string_lossy().into_owned();
    let fsck = run(&["fsck", &folder]);
    let said = format!("{}{}", String::from_utf8_lossy(&fsck.stdout), String::from_utf8_lossy(&fsck.stderr));
    assert_eq!(fsck.status.code(), Some(0), "{store}: {said}");
}

/// One event that a writer has sent: acknowledged at an offset, or cut off by the crash.
struct Attempt {
    stream: String,
    key: String,
    offset: Option<u64>,
}

/// Writers at full speed, until the server is killed under them.
fn load(server: &mut Server, round: usize) -> Vec<Attempt> {
    let client = server.client("crash");
    let killed = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                scope.spawn({
                    let (client, killed) = (&client, &killed);
                    move || write(client, round, writer, killed)
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(fastrand::u64(40..160)));
        server.kill();
        killed.store(true, Ordering::Relaxed);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    })
}

fn write(client: &Client, round: usize, writer: usize, killed: &AtomicBool) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let Ok(mut connection) = Connection::open(client.address, DEADLINE) else { return attempts };
    for n in 0.. {
        // Most go to streams that are there; the first of each round creates one.
        let stream = match n {
            0 => format!("/new/{round}/{writer}"),
            _ => format!("/busy/{}", fastrand::usize(..STREAMS)),
        };
        let keys: Vec<String> =
            (0..fastrand::usize(1..4)).map(|i| format!("{round}-{writer}-{n}-{i}")).collect();
        let offsets = send(&mut connection, client, &stream, &keys);
        let acknowledged = offsets.is_some();
        let offsets = offsets.unwrap_or_default();
        attempts.extend(keys.into_iter().enumerate().map(|(i, key)| Attempt {
            stream: stream.clone(),
            key,
            offset: offsets.get(i).copied(),
        }));
        if !acknowledged {
            assert!(
                killed.load(Ordering::Relaxed) || wait_for(killed),
                "the server refused an append of its own accord"
            );
            break;
        }
    }
    attempts
}

/// The connection may break a moment before the flag is set.
fn wait_for(killed: &AtomicBool) -> bool {
    (0..1_000).any(|_| {
        thread::sleep(Duration::from_millis(1));
        killed.load(Ordering::Relaxed)
    })
}

fn event(key: &str) -> Value {
    json!({"type": "written", "payload": {"key": key, "padding": "x".repeat(key.len() * 7 % 300)}, "idempotencyKey": key})
}

/// The offsets, when the whole answer has come.
fn send(connection: &mut Connection, client: &Client, stream: &str, keys: &[String]) -> Option<Vec<u64>> {
    let events: Vec<Value> = keys.iter().map(|key| event(key)).collect();
    let request = Request::new("POST", &format!("/api/streams{stream}"))
        .header("x-millrace-project", &client.project)
        .body(Value::Array(events).to_string());
    let answer = connection.send(&request).ok()?;
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    json["events"].as_array()?.iter().map(|event| event["offset"].as_u64()).collect()
}

/// What must be in the log: each stream's events as they have been seen, and where each key lies.
#[derive(Default)]
struct Model {
    streams: BTreeMap<String, Vec<Value>>,
    offset_of: HashMap<(String, String), u64>,
    acknowledged: usize,
}

impl Model {
    fn verify(&mut self, client: &Client, attempts: &[Attempt]) {
        for attempt in attempts {
            self.streams.entry(attempt.stream.clone()).or_default();
        }
        self.read_on(client);
        for Attempt { stream, key, offset } in attempts {
            let found = self.offset_of.get(&(stream.clone(), key.clone()));
            if let Some(offset) = offset {
                assert_eq!(found, Some(offset), "{stream} lost or moved the acknowledged {key}");
                self.acknowledged += 1;
            }
        }
        self.verify_batches(attempts);
        let cut_off = attempts.iter().filter(|attempt| attempt.offset.is_none());
        let some_known = (0..REPEATED_KEYS).filter_map(|_| fastrand::choice(attempts));
        for attempt in cut_off.chain(some_known) {
            self.repeat(client, attempt);
        }
    }

    /// A batch that was cut off is there whole, at offsets in a row, or not at all.
    fn verify_batches(&self, attempts: &[Attempt]) {
        let batch_of = |attempt: &Attempt| attempt.key.rsplit_once('-').map(|(batch, _)| batch.to_string());
        for batch in attempts.chunk_by(|one, other| batch_of(one) == batch_of(other)) {
            let found: Vec<Option<&u64>> = batch
                .iter()
                .map(|attempt| self.offset_of.get(&(attempt.stream.clone(), attempt.key.clone())))
                .collect();
            let whole = found.windows(2).all(|pair| match (pair[0], pair[1]) {
                (Some(one), Some(next)) => one + 1 == *next,
                (one, next) => one.is_none() && next.is_none(),
            });
            assert!(whole, "the batch {:?} of {} is torn: {found:?}", batch_of(&batch[0]), batch[0].stream);
        }
    }

    /// A key that is in the log is answered with its event; one that is not is appended now.
    fn repeat(&mut self, client: &Client, attempt: &Attempt) {
        let known = self.offset_of.get(&(attempt.stream.clone(), attempt.key.clone())).copied();
        let stored = client.append(&attempt.stream, event(&attempt.key));
        let offset = stored["offset"].as_u64().unwrap();
        match known {
            Some(known) => assert_eq!(offset, known, "the key {} finds another event", attempt.key),
            None => self.read_on_in(client, &attempt.stream.clone()),
        }
    }

    fn read_on(&mut self, client: &Client) {
        let streams: Vec<String> = self.streams.keys().cloned().collect();
        for stream in streams {
            self.read_on_in(client, &stream);
        }
    }

    /// Reads what is new in a stream: dense offsets, and no key a second time.
    fn read_on_in(&mut self, client: &Client, stream: &str) {
        let seen = self.streams.entry(stream.to_string()).or_default();
        if stream.starts_with("/new/") && !seen.is_empty() {
            return;
        }
        let target = format!(
            "/api/streams{stream}?afterOffset={}",
            if seen.is_empty() { "start".into() } else { seen.len().to_string() }
        );
        let answer = client.send(Request::new("GET", &target).header("accept", "application/json"));
        if answer.head.status == 404 {
            assert!(seen.is_empty(), "{stream} is gone");
            return;
        }
        let events: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
        for event in events {
            assert_eq!(event["offset"], seen.len() + 1, "{stream} has a gap: {event}");
            assert_eq!(event["type"] == "stream/created", seen.is_empty(), "{stream}: {event}");
            if let Some(key) = event["idempotencyKey"].as_str() {
                assert_eq!(event["payload"]["key"], key);
                let doubled =
                    self.offset_of.insert((stream.to_string(), key.to_string()), seen.len() as u64 + 1);
                assert_eq!(doubled, None, "{stream} has {key} twice");
            }
            seen.push(event);
        }
    }

    /// What was read once reads the same for ever.
    fn verify_whole(&self, client: &Client) {
        for (stream, seen) in self.streams.iter().filter(|(_, seen)| !seen.is_empty()) {
            let events = client.read(stream);
            assert!(
                events.len() >= seen.len() && events[..seen.len()] == seen[..],
                "{stream} reads differently now"
            );
        }
    }

    /// Each stream that began is announced to its ancestors, once.
    fn verify_announcements(&self, client: &Client) {
        let mut began: Vec<&str> = self
            .streams
            .iter()
            .filter(|(path, seen)| path.starts_with("/new/") && !seen.is_empty())
            .map(|(path, _)| path.as_str())
            .collect();
        began.sort();
        let announced = |events: &[Value]| {
            let children = events.iter().filter_map(|event| event["payload"]["childPath"].as_str());
            let mut children: Vec<String> =
                children.filter(|path| path.matches('/').count() == 3).map(str::to_string).collect();
            children.sort();
            children
        };
        let events =
            client.wait_for("/new", "every announcement", |events| announced(events).len() >= began.len());
        assert_eq!(announced(&events), began);
    }
}
