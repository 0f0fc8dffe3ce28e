//! A processor that runs on a hundred thousand streams below its own (`includeChildren`): what it costs to create them,
//! to let them sleep, to start again above them and to deploy another version. `CHILDREN=10000` takes fewer.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::server::{Client, Server, bytes_below};
use super::table::{Row, grouped, median};

const CHILDREN: usize = 100_000;
const ROUNDS: usize = 3;
/// Streams without a processor that hold as much, one for so many children: what the store keeps of them in its caches.
const PLAIN_SHARE: usize = 5;
/// Asleep, a child has a mark and a state more in these than they.
const ASLEEP_BYTES: f64 = 4.0 * 1024.0;
const START: Duration = Duration::from_secs(3);
/// Created right before a kill.
const AMID: usize = 2_000;
const PATIENCE: Duration = Duration::from_secs(120);

/// Answers each ping with what it has counted.
const SCRIPT: &str = "export default {
  initialState: { count: 0 },
  reduce: ({ state }) => ({ count: state.count + 1 }),
  async afterAppend({ append, event, state }) {
    if (event.type === 'ping') await append({ type: 'pong', payload: { to: event.offset, count: state.count } });
  },
};";

pub fn run() -> io::Result<Vec<Row>> {
    let children = std::env::var("CHILDREN").ok().and_then(|text| text.parse().ok()).unwrap_or(CHILDREN);
    let flags = ["--hibernate-after-ms", "1000"];
    let server = Server::start(&flags)?;
    let mut client = server.connect()?;
    for path in ["/", "/kids", "/plain"] {
        client.lift_breaker(path)?;
    }
    deploy(&mut client, SCRIPT)?;
    // What all share, a worker for each core say, is not counted.
    (0..16).try_for_each(|n| pinged(&mut client, &format!("/kids/warm{n}")).map(drop))?;
    let ping = json!({"type": "ping"});
    let start = asleep(&server)?;
    let plain = children / PLAIN_SHARE;
    create(&server, "/plain", plain, &json!([ping, {"type": "pong", "payload": {"to": 2, "count": 2}}]))?;
    let before = asleep(&server)?;
    let plain_each = before.saturating_sub(start) as f64 / plain as f64;
    let highest = AtomicU64::new(0);
    let began = Instant::now();
    beside(&server, &highest, || create(&server, "/kids", children, &ping))?;
    let appended = began.elapsed();
    while server.metric("followers_running")? > 0 {
        sample(&server, &highest);
        thread::sleep(Duration::from_millis(100));
    }
    let acted = began.elapsed();
    let after = asleep(&server)?;
    let each = |bytes: u64| bytes.saturating_sub(before) as f64 / children as f64;
    println!(
        "  {children} children: appended in {appended:.1?}, all acted on and asleep in {acted:.1?}; {:.2} KB each at the most, {:.2} KB asleep ({} MB in all)",
        each(highest.load(Relaxed)) / 1_024.0,
        each(after) / 1_024.0,
        after / 1_000_000,
    );
    let mut rows = vec![
        Row {
            figure: format!("{} children of a processor, created", grouped(children as f64)),
            measured: format!("{}/s", grouped(children as f64 / acted.as_secs_f64())),
            limit: "each a stream, told to two above, a ping and its pong".into(),
            ratio: "-".into(),
            target: "-".into(),
            met: true,
        },
        Row {
            figure: "memory of a child that sleeps".into(),
            measured: format!("{:.2} KB", each(after) / 1_024.0),
            limit: format!("{:.2} KB a stream that holds as much, without a processor", plain_each / 1_024.0),
            ratio: format!("{:.2}", each(after) / plain_each),
            target: format!("≤ {:.0} KB more", ASLEEP_BYTES / 1_024.0),
            met: each(after) <= plain_each + ASLEEP_BYTES,
        },
    ];
    let version = SCRIPT.replace("state.count + 1", "state.count + 2");
    let began = Instant::now();
    deploy(&mut server.connect()?, &version)?;
    let activated = began.elapsed();
    let replayed = pinged(&mut server.connect()?, "/kids/7")?;
    println!(
        "  another version: active above after {activated:.2?}, the first child's pong {replayed:.2?} later"
    );
    let mut folder = server.kill();
    let reading = Instant::now();
    for file in bytes_below(&folder)? {
        std::fs::read(file)?;
    }
    let reading = reading.elapsed();
    let (mut answers, mut pongs) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let began = Instant::now();
        let server = Server::start_on(folder, &flags)?;
        let mut client = server.connect()?;
        client.get("/api/streams?limit=1")?;
        answers.push(began.elapsed());
        pinged(&mut client, &format!("/kids/{}", round * 31 + 3))?;
        pongs.push(began.elapsed());
        let running = server.metric("streams_running")?;
        println!("  start {round}: {running} streams run, in {} MB", server.resident_bytes() / 1_000_000);
        if running > 100 {
            return Err(io::Error::other(format!("a start has woken {running} streams")));
        }
        folder = server.kill();
    }
    let amid = killed_amid(folder, &flags)?;
    let limit = (reading, "reading the files");
    rows.push(Row::time("another version above all of them, active", activated, limit, None));
    rows.push(Row::time("start above all of them, first answer", median(&answers), limit, Some(START)));
    rows.push(Row::time("the same, a child's pong", median(&pongs), limit, Some(START)));
    rows.push(Row::time(format!("the same, killed while {AMID} are created"), amid, limit, Some(START)));
    Ok(rows)
}

/// A kill when many have just been created, and some are still owed a pong; until another one answers.
fn killed_amid(folder: PathBuf, flags: &[&str]) -> io::Result<Duration> {
    let ping = json!({"type": "ping"});
    let server = Server::start_on(folder, flags)?;
    create(&server, "/kids/more", AMID, &ping)?;
    let folder = server.kill();
    let began = Instant::now();
    let server = Server::start_on(folder, flags)?;
    pinged(&mut server.connect()?, "/kids/3")?;
    let took = began.elapsed();
    println!(
        "  start after a kill amid {AMID}: {} streams run by the first pong",
        server.metric("streams_running")?
    );
    for n in 0..AMID {
        let path = format!("/kids/more/{n}");
        let is_answered = || -> io::Result<bool> {
            let events = server.connect()?.get(&format!("/api/streams{path}?types=pong"))?;
            Ok(events.as_array().is_some_and(|pongs| pongs.len() == 1))
        };
        while !is_answered()? {
            if began.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("{path} was not answered once")));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(took)
}

fn deploy(client: &mut Client, script: &str) -> io::Result<()> {
    let payload = json!({"slug": "s", "script": script, "includeChildren": true});
    let mut follow = client.follow("/kids", "end")?;
    client.append("/kids", &json!({"type": "processor/configured", "payload": payload}))?;
    follow.wait_for("processor/activated")
}

/// From a ping to the pong of the instance there.
fn pinged(client: &mut Client, path: &str) -> io::Result<Duration> {
    let mut follow = client.follow(path, "end")?;
    let began = Instant::now();
    client.append(path, &json!({"type": "ping"}))?;
    follow.wait_for("\"pong\"")?;
    Ok(began.elapsed())
}

fn create(server: &Server, above: &str, count: usize, events: &Value) -> io::Result<()> {
    server.for_each(count, |client, n| client.append(&format!("{above}/{n}"), events).map(drop))
}

/// Looks at the memory while `work` goes on.
fn beside(server: &Server, highest: &AtomicU64, work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Relaxed) {
                sample(server, highest);
                thread::sleep(Duration::from_millis(200));
            }
        });
        let outcome = work();
        over.store(true, Relaxed);
        outcome
    })
}

fn sample(server: &Server, highest: &AtomicU64) {
    highest.fetch_max(server.resident_bytes(), Relaxed);
}

/// The memory once no processor and no stream runs, and what can go back to the system has.
fn asleep(server: &Server) -> io::Result<u64> {
    let began = Instant::now();
    while server.metric("streams_running")? > 0 {
        if began.elapsed() > PATIENCE {
            let running = server.metric("streams_running")?;
            return Err(io::Error::other(format!("{running} streams do not go to sleep")));
        }
        thread::sleep(Duration::from_millis(200));
    }
    // It is looked at every 5 s whether memory can go back, and then does.
    thread::sleep(Duration::from_secs(11));
    Ok(server.resident_bytes())
}
