//! Fetch: what a script's request costs beside a bare client's, and how soon a chunk that a server streams is an event
//! at a live reader.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::{Connection, Request};
use super::machine;
use super::processors::configured;
use super::server::Server;
use super::table::{Row, percentile};

const REQUESTS: usize = 500;
const STREAMS: usize = 200;
const PATIENCE: Duration = Duration::from_secs(10);
const OVERHEAD_MAX: Duration = Duration::from_micros(500);
const FIRST_CHUNK_MAX: Duration = Duration::from_millis(3);

const SCRIPT: &str = "export default { async afterAppend({ append, event }) {
  const { url, requests } = event.payload;
  if (event.type === 'measure') {
    const times = [];
    for (let n = 0; n < requests; n += 1) {
      const began = performance.now();
      await (await fetch(url)).text();
      times.push(performance.now() - began);
    }
    await append({ type: 'measured', payload: { times } });
  }
  if (event.type === 'stream') {
    const reader = (await fetch(url)).body.getReader();
    const { value } = await reader.read();
    await append({ type: 'chunk', payload: { text: new TextDecoder().decode(value) } });
    while (!(await reader.read()).done);
  }
} };";

pub fn run() -> io::Result<Vec<Row>> {
    let origin = Origin::start()?;
    let server = Server::start(&["--egress-allow", "127.0.0.1"])?;
    let mut client = server.connect()?;
    client.lift_breaker("/bench")?;
    let mut follow = client.follow("/bench", "start")?;
    client.append("/bench", &configured("caller", SCRIPT))?;
    follow.wait_for("processor/activated")?;

    let payload = json!({"url": origin.url("/small"), "requests": REQUESTS});
    // The first time warms the connection and the code.
    let mut times = Vec::new();
    for _ in 0..2 {
        client.append("/bench", &json!({"type": "measure", "payload": payload}))?;
        times = measured(&loop {
            let event = follow.next_event()?;
            if event.contains("\"measured\"") {
                break event;
            }
        })?;
    }

    let mut delays = Vec::new();
    for _ in 0..STREAMS {
        client.append("/bench", &json!({"type": "stream", "payload": {"url": origin.url("/chunks")}}))?;
        follow.wait_for("\"type\":\"chunk\"")?;
        delays.push(origin.since_chunk());
    }
    let bare = origin.bare_requests()?;
    let target = percentile(&bare, 0.5) + OVERHEAD_MAX;
    let limit = |share: f64| (percentile(&bare, share), "a bare client");
    let sync = (machine::sync_time()?, "a sync");
    Ok(vec![
        Row::time("fetch in a script, p50", percentile(&times, 0.5), limit(0.5), Some(target)),
        Row::time("fetch in a script, p99", percentile(&times, 0.99), limit(0.99), None),
        Row::time("first chunk to a live reader, p50", percentile(&delays, 0.5), sync, Some(FIRST_CHUNK_MAX)),
        Row::time("first chunk to a live reader, p99", percentile(&delays, 0.99), sync, None),
    ])
}

fn measured(event: &str) -> io::Result<Vec<Duration>> {
    let event: Value =
        serde_json::from_str(event.trim_start_matches("data:").trim()).map_err(io::Error::other)?;
    let times = event["payload"]["times"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let times: Vec<Duration> = times.map(|millis| Duration::from_secs_f64(millis / 1_000.0)).collect();
    if times.len() == REQUESTS { Ok(times) } else { Err(io::Error::other("the script measured too little")) }
}

/// A server that is called: it answers at once, on kept connections.
struct Origin {
    address: SocketAddr,
    /// When it has sent its last first chunk.
    chunk: Arc<Mutex<Instant>>,
}

impl Origin {
    fn start() -> io::Result<Origin> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let origin = Origin { address: listener.local_addr()?, chunk: Arc::new(Mutex::new(Instant::now())) };
        let chunk = origin.chunk.clone();
        // Ends with the program.
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let chunk = chunk.clone();
                std::thread::spawn(move || answer(&connection, &chunk));
            }
        });
        Ok(origin)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn since_chunk(&self) -> Duration {
        self.chunk.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    fn bare_requests(&self) -> io::Result<Vec<Duration>> {
        let mut connection = Connection::open(self.address, PATIENCE)?;
        let mut times = Vec::new();
        for _ in 0..REQUESTS {
            let began = Instant::now();
            connection.send(&Request::new("GET", "/small"))?;
            times.push(began.elapsed());
        }
        Ok(times)
    }
}

fn answer(connection: &TcpStream, chunk: &Mutex<Instant>) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let (mut lines, mut to) = (BufReader::new(connection), connection);
    loop {
        let (mut target, mut line) = (String::new(), String::new());
        if lines.read_line(&mut target)? == 0 {
            return Ok(());
        }
        while line.trim_end() != "" || line.is_empty() {
            line.clear();
            lines.read_line(&mut line)?;
        }
        if target.contains("/chunks") {
            *chunk.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            to.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n")?;
            to.write_all(b"4\r\nlast\r\n0\r\n\r\n")?;
        } else {
            to.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        }
    }
}
