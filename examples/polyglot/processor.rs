//! A processor in Rust that knows nothing of millrace but its HTTP API: sockets from the standard library, and JSON.
//!
//! It counts the words of each `text-added` and appends `words-counted`:
//!
//!     MILLRACE_URL=http://127.0.0.1:4777 cargo run --example polyglot -- /examples/polyglot cursor.txt
//!
//! See README.md for what it has to do with its cursor and its keys.

#![allow(clippy::print_stderr, reason = "it speaks to whoever has started it")]

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

/// A live server says something every 5 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(20);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: polyglot PATH CURSOR-FILE".into());
    };
    let url = std::env::var("MILLRACE_URL").unwrap_or_else(|_| "http://127.0.0.1:4777".into());
    let server =
        url.strip_prefix("http://").ok_or("this small client speaks http:// only")?.trim_end_matches('/');
    loop {
        if let Err(error) = follow(server, &path, &file) {
            eprintln!("{error}; trying again");
        }
        sleep(Duration::from_secs(1));
    }
}

/// Acts on the events behind the cursor, and then on whatever comes, until the connection breaks.
fn follow(server: &str, path: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let after = match cursor(file)? {
        0 => "start".to_string(),
        offset => offset.to_string(),
    };
    let target = format!("{path}?live=true&types=text-added&afterOffset={after}");
    let events = request(server, "GET", &target, "accept: text/event-stream\r\n", "")?;
    for line in BufReader::new(events).lines() {
        let line = line?;
        let Some(data) = line.strip_prefix("data:") else { continue };
        let event: Value = serde_json::from_str(data)?;
        act(server, path, &event)?;
        save(file, event["offset"].as_u64().ok_or("an event without an offset")?)?;
    }
    Ok(())
}

fn act(server: &str, path: &str, event: &Value) -> Result<(), Box<dyn Error>> {
    let offset = &event["offset"];
    let words = event["payload"]["text"].as_str().unwrap_or_default().split_whitespace().count();
    // The same event always has the same key: when it is acted on again, the stream finds what was appended first.
    let appended = json!({
        "type": "words-counted",
        "payload": {"of": offset, "words": words},
        "idempotencyKey": format!("words-rust-{offset}"),
    });
    // What it is a reaction to: so the log shows it, and a loop through several processors ends.
    let headers = format!("content-type: application/json\r\nx-millrace-cause: {path}@{offset}\r\n");
    let mut answer = String::new();
    request(server, "POST", path, &headers, &appended.to_string())?.read_to_string(&mut answer)?;
    let stored = &serde_json::from_str::<Value>(&answer)?["event"];
    match stored["type"] == "words-counted" {
        true => Ok(()),
        false => Err(format!("the server takes this for no event: {}", stored["payload"]["error"]).into()),
    }
}

fn cursor(file: &str) -> Result<u64, Box<dyn Error>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(text.trim().parse()?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Whole or not at all, whenever the machine stops.
fn save(file: &str, offset: u64) -> Result<(), Box<dyn Error>> {
    let new = format!("{file}.new");
    let mut cursor = File::create(&new)?;
    write!(cursor, "{offset}")?;
    cursor.sync_all()?;
    Ok(fs::rename(&new, file)?)
}

/// HTTP/1.1, as much as it takes; the answer's body as it comes.
fn request(
    server: &str,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
) -> Result<Box<dyn Read>, Box<dyn Error>> {
    let mut socket = TcpStream::connect(server)?;
    socket.set_read_timeout(Some(SILENCE_MAX))?;
    let length = body.len();
    write!(
        socket,
        "{method} /api/streams{target} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = BufReader::new(socket);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        answer.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    if !head.first().is_some_and(|status| status.contains(" 200 ")) {
        let mut problem = String::new();
        answer.read_to_string(&mut problem)?;
        return Err(format!("{head:?} {problem}").into());
    }
    match head.iter().any(|line| line == "transfer-encoding: chunked") {
        true => Ok(Box::new(Chunks { answer, left: 0 })),
        false => Ok(Box::new(answer)),
    }
}

/// A body in chunks, without their sizes.
struct Chunks {
    answer: BufReader<TcpStream>,
    left: usize,
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let mut size = String::new();
            while size.trim().is_empty() && self.answer.read_line(&mut size)? > 0 {}
            self.left = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        }
        let most = self.left.min(buffer.len());
        let read = self.answer.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}
