//! Webhooks: deliveries a second to a local sink over a hundred subscriptions, and what one dead receiver costs the
//! others: in pairs of rounds with it and without it, for the machine's own tail wanders more than the two differ.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Connection, Request};
use super::server::{Client, Server};
use super::table::{Row, median, median_of, millis, percentile};

const SUBSCRIPTIONS: usize = 100;
const BURST: usize = 400;
const RATE_MIN: f64 = 5_000.0;
const SINGLES: usize = 300;
/// Each begins with the other half of the pair than the one before: what grows with time is in both alike.
const PAIRS: usize = 11;
/// Between two of the single events: they do not wait for each other.
const PACE: Duration = Duration::from_millis(25);
/// What one dead receiver may add to the others' p99.
const SHARE_MAX: f64 = 1.1;
const PATIENCE: Duration = Duration::from_secs(120);
const BARE: usize = 20_000;

pub fn run() -> io::Result<Vec<Row>> {
    let sink = Sink::start()?;
    let server = Server::start(&["--egress-allow", "127.0.0.1"])?;
    let mut client = server.connect()?;
    client.lift_breaker("/bench")?;
    for n in 0..SUBSCRIPTIONS {
        subscribe(&mut client, &format!("s{n}"), &sink.url(&format!("/{n}")))?;
    }
    // The first round opens the connections.
    deliver(&mut client, &sink, 10)?;
    let took = deliver(&mut client, &sink, BURST)?;
    let rate = (SUBSCRIPTIONS * BURST) as f64 / took.as_secs_f64();
    let pairs = pairs(&server, &mut client, &sink)?;
    let bare = (sink.bare_rate()?, "posts of a bare client");
    let [p50, p99] = [0.5, 0.99].map(|share| {
        let of = |rounds: fn(&Pair) -> &Round| -> Vec<Duration> {
            pairs.iter().map(|pair| percentile(&rounds(pair).delays, share)).collect()
        };
        (of(|pair| &pair.beside), of(|pair| &pair.alone))
    });
    let each: Vec<String> = p99
        .0
        .iter()
        .zip(&p99.1)
        .map(|(with, without)| format!("{} / {}", millis(*with), millis(*without)))
        .collect();
    println!("  p99 with / without a dead receiver, by pairs: {}", each.join(", "));
    let cpu = |rounds: fn(&Pair) -> &Round| {
        median(&pairs.iter().map(|pair| rounds(pair).cpu / SINGLES as u32).collect::<Vec<_>>())
    };
    let row = |name: &str, (beside, alone): &(Vec<Duration>, Vec<Duration>), target: Option<f64>| {
        // What a pair shares, such as a disk that is slow just then, is in both halves of its ratio.
        let share =
            median_of(beside.iter().zip(alone).map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect());
        let alone = median(alone);
        Row::time(name, alone.mul_f64(share), (alone, "without it"), target.map(|share| alone.mul_f64(share)))
    };
    Ok(vec![
        Row::rate(format!("webhooks over {SUBSCRIPTIONS} subscriptions"), rate, bare, Some(RATE_MIN)),
        row("append to a webhook's arrival beside a dead receiver, p50", &p50, None),
        row(&format!("the same, p99, by the median ratio of {PAIRS} pairs"), &p99, Some(SHARE_MAX)),
        Row::time(
            "processor time of an event to all of them, beside a dead receiver",
            cpu(|pair| &pair.beside),
            (cpu(|pair| &pair.alone), "without it"),
            None,
        ),
    ])
}

/// The same events with a dead receiver among the subscriptions, and without one.
struct Pair {
    beside: Round,
    alone: Round,
}

struct Round {
    delays: Vec<Duration>,
    /// Of the server, which no load beside it changes.
    cpu: Duration,
}

/// In turn one that takes connections and never answers, and one that takes none.
fn pairs(server: &Server, client: &mut Client, sink: &Sink) -> io::Result<Vec<Pair>> {
    let dead = [dead_receiver()?, TcpListener::bind("127.0.0.1:0")?.local_addr()?];
    let round = |client: &mut Client| {
        let before = server.usage().cpu;
        let delays = delays(client, sink)?;
        Ok::<Round, io::Error>(Round { delays, cpu: server.usage().cpu.saturating_sub(before) })
    };
    let beside = |client: &mut Client, n: usize| {
        subscribe(client, "dead", &format!("http://{}/", dead[n / 2 % dead.len()]))?;
        let times = round(client);
        let removed = json!({"type": "subscription/removed", "payload": {"slug": "dead"}});
        client.append("/bench", &removed)?;
        times
    };
    // One that is not counted: the machine comes to its pace.
    round(client)?;
    (0..PAIRS)
        .map(|n| {
            Ok(if n % 2 == 0 {
                let beside = beside(client, n)?;
                Pair { beside, alone: round(client)? }
            } else {
                let alone = round(client)?;
                Pair { beside: beside(client, n)?, alone }
            })
        })
        .collect()
}

fn subscribe(client: &mut Client, slug: &str, url: &str) -> io::Result<()> {
    let payload = json!({"slug": slug, "type": "webhook", "callbackUrl": url, "eventTypes": ["measured"]});
    client.append("/bench", &json!({"type": "subscription/configured", "payload": payload})).map(drop)
}

fn measured(n: usize) -> Value {
    json!({"type": "measured", "payload": {"n": n, "text": "x".repeat(200)}})
}

/// One batch; from its append to the last arrival.
fn deliver(client: &mut Client, sink: &Sink, count: usize) -> io::Result<Duration> {
    sink.clear();
    let events: Vec<Value> = (0..count).map(measured).collect();
    let began = Instant::now();
    client.append("/bench", &Value::Array(events))?;
    let last = sink.wait(count * SUBSCRIPTIONS)?.into_iter().map(|(_, at)| at).max();
    Ok(last.map_or(Duration::ZERO, |at| at - began))
}

/// From the append of single events to their arrival at each subscription.
fn delays(client: &mut Client, sink: &Sink) -> io::Result<Vec<Duration>> {
    sink.clear();
    let mut began = Vec::new();
    for n in 0..SINGLES {
        began.push(Instant::now());
        client.append("/bench", &measured(n))?;
        std::thread::sleep(PACE.saturating_sub(began[n].elapsed()));
    }
    let arrived = sink.wait(SINGLES * SUBSCRIPTIONS)?;
    Ok(arrived.into_iter().map(|(n, at)| at - began[n]).collect())
}

/// Takes connections and never answers.
fn dead_receiver() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // Ends with the program.
    std::thread::spawn(move || listener.incoming().flatten().collect::<Vec<_>>());
    Ok(address)
}

/// Which event arrived, and when.
type Arrivals = Vec<(usize, Instant)>;

struct Sink {
    address: SocketAddr,
    arrived: Arc<(Mutex<Arrivals>, Condvar)>,
}

impl Sink {
    fn start() -> io::Result<Sink> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let sink = Sink { address: listener.local_addr()?, arrived: Arc::default() };
        let arrived = sink.arrived.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let arrived = arrived.clone();
                std::thread::spawn(move || take(&connection, &arrived));
            }
        });
        Ok(sink)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn clear(&self) {
        self.arrived.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn wait(&self, count: usize) -> io::Result<Arrivals> {
        let (arrived, news) = &*self.arrived;
        let guard = arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = news.wait_timeout_while(guard, PATIENCE, |arrived| arrived.len() < count);
        let (mut arrived, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(io::Error::other(format!("{} of {count} webhooks arrived", arrived.len())));
        }
        Ok(std::mem::take(&mut *arrived))
    }

    /// What one client makes of the sink, one request after the other on each of two connections.
    fn bare_rate(&self) -> io::Result<f64> {
        let body = measured(0)["payload"].to_string();
        let began = Instant::now();
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..2).map(|_| scope.spawn(|| self.bare_requests(&body))).collect();
            clients.into_iter().try_for_each(|client| {
                client.join().unwrap_or_else(|_| Err(io::Error::other("a client panicked")))
            })
        })?;
        Ok(BARE as f64 / began.elapsed().as_secs_f64())
    }

    fn bare_requests(&self, body: &str) -> io::Result<()> {
        let mut connection = Connection::open(self.address, PATIENCE)?;
        for _ in 0..BARE / 2 {
            connection.send(&Request::new("POST", "/bare").body(body))?;
        }
        Ok(())
    }
}

fn take(connection: &TcpStream, arrived: &(Mutex<Arrivals>, Condvar)) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let (mut lines, mut to) = (BufReader::new(connection), connection);
    let mut body = Vec::new();
    loop {
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        body.resize(length, 0);
        lines.read_exact(&mut body)?;
        let at = Instant::now();
        to.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        let text = String::from_utf8_lossy(&body);
        let number =
            text.split_once("\"n\":").and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
        if let Some(n) = number.and_then(|digits| digits.parse().ok()) {
            arrived.0.lock().unwrap_or_else(PoisonError::into_inner).push((n, at));
            arrived.1.notify_all();
        }
    }
}
