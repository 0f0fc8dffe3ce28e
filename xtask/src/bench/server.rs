//! The server under measurement, and requests to it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Connection, Request};

const PATIENCE: Duration = Duration::from_secs(120);
/// Connections over which many streams are filled.
const WRITERS: usize = 8;

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    folder: PathBuf,
    keep: bool,
}

impl Server {
    pub fn start(flags: &[&str]) -> io::Result<Server> {
        Server::start_on(scratch("server")?, flags)
    }

    /// Returns when the server says that it listens.
    pub fn start_on(folder: PathBuf, flags: &[&str]) -> io::Result<Server> {
        let mut child = Command::new(program())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("server.log"))?)
            .spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| io::Error::other("no stdout"))?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let Some(address) = lines.by_ref().find_map(|line| address_in(&line)) else {
            let log = std::fs::read_to_string(folder.join("server.log")).unwrap_or_default();
            return Err(io::Error::other(format!("the server did not start: {log}")));
        };
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Server { child, address, folder, keep: false })
    }

    /// SIGKILL; the folder stays, for another start.
    pub fn kill(mut self) -> PathBuf {
        self.keep = true;
        self.folder.clone()
    }

    pub fn connect(&self) -> io::Result<Client> {
        Client::connect(self.address)
    }

    /// Does something for each number below `count`, over several connections at the same time.
    pub fn for_each(
        &self,
        count: usize,
        work: impl Fn(&mut Client, usize) -> io::Result<()> + Sync,
    ) -> io::Result<()> {
        let work = &work;
        thread::scope(|scope| {
            let writer = |first| {
                scope.spawn(move || {
                    let mut client = self.connect()?;
                    (first..count).step_by(WRITERS).try_for_each(|n| work(&mut client, n))
                })
            };
            let writers: Vec<_> = (0..WRITERS).map(writer).collect();
            writers.into_iter().try_for_each(|writer| {
                writer.join().unwrap_or_else(|_| Err(io::Error::other("a writer panicked")))
            })
        })
    }

    /// A figure of `/metrics`.
    pub fn metric(&self, name: &str) -> io::Result<u64> {
        let mut connection = Connection::open(self.address, PATIENCE)?;
        let answer = connection.send(&Request::new("GET", "/metrics"))?;
        let text = String::from_utf8_lossy(&answer.body);
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("millrace_{name} ")));
        line.and_then(|value| value.trim().parse().ok())
            .ok_or_else(|| io::Error::other(format!("the server has no metric `{name}`")))
    }

    /// Resident memory of the server and the processes below it, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let server = self.child.id();
        let children = process_ids().filter(|id| parent_of(*id) == Some(server));
        children.chain([server]).map(resident_bytes_of).sum()
    }

    /// What the server's own process has used.
    pub fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    /// What the processes that run isolates have used.
    pub fn worker_usage(&self) -> Usage {
        let server = self.child.id();
        let workers = process_ids().filter(|id| parent_of(*id) == Some(server) && runs_isolates(*id));
        workers.map(Usage::of).fold(Usage::default(), Usage::plus)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// What is measured: the release of this checkout, or what `SERVER` names, to compare one build with another.
pub fn program() -> PathBuf {
    given_program().unwrap_or_else(|| crate::tidy::root().join("target/release/millrace"))
}

pub fn given_program() -> Option<PathBuf> {
    std::env::var_os("SERVER").map(|given| crate::tidy::root().join(given))
}

/// A new folder on the disk that holds the checkout: a temporary folder may lie in memory.
pub fn scratch(name: &str) -> io::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder =
        crate::tidy::root().join("target/bench").join(format!("{name}-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub fn bytes_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    Ok(files)
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let port = line.split("http://127.0.0.1:").nth(1)?;
    let digits = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
    Some(SocketAddr::from(([127, 0, 0, 1], port[..digits].parse().ok()?)))
}

fn process_ids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
}

fn parent_of(process: u32) -> Option<u32> {
    status_field(process, "PPid:")
}

fn resident_bytes_of(process: u32) -> u64 {
    status_field(process, "VmRSS:").map_or(0, |kilobytes| u64::from(kilobytes) * 1024)
}

fn status_field(process: u32, field: &str) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix(field)?.split_whitespace().next()?.parse().ok())
}

fn runs_isolates(process: u32) -> bool {
    let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    command.split(|byte| *byte == 0).any(|argument| argument == b"isolates")
}

/// Processor time and resident memory.
#[derive(Clone, Copy, Default)]
pub struct Usage {
    pub cpu: Duration,
    pub bytes: f64,
}

impl Usage {
    pub fn of(process: u32) -> Usage {
        Usage { cpu: processor_time_of(process), bytes: resident_bytes_of(process) as f64 }
    }

    pub fn plus(self, other: Usage) -> Usage {
        Usage { cpu: self.cpu + other.cpu, bytes: self.bytes + other.bytes }
    }

    pub fn since(self, before: Usage) -> Usage {
        Usage { cpu: self.cpu.saturating_sub(before.cpu), bytes: self.bytes - before.bytes }
    }

    pub fn each(self, count: usize) -> Usage {
        Usage { cpu: self.cpu / count as u32, bytes: self.bytes / count as f64 }
    }
}

/// Of all its threads, to the nanosecond.
fn processor_time_of(process: u32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// One kept connection.
pub struct Client {
    connection: Connection,
    address: SocketAddr,
}

impl Client {
    pub fn connect(address: SocketAddr) -> io::Result<Client> {
        Ok(Client { connection: Connection::open(address, PATIENCE)?, address })
    }

    pub fn append(&mut self, path: &str, events: &Value) -> io::Result<Value> {
        self.post(&format!("/api/streams{path}"), events)
    }

    pub fn post(&mut self, target: &str, body: &Value) -> io::Result<Value> {
        let answer = self.send(&Request::new("POST", target).body(body.to_string()))?;
        serde_json::from_slice(&answer).map_err(io::Error::other)
    }

    pub fn get(&mut self, target: &str) -> io::Result<Value> {
        let answer = self.send(&Request::new("GET", target).header("accept", "application/json"))?;
        serde_json::from_slice(&answer).map_err(io::Error::other)
    }

    fn send(&mut self, request: &Request) -> io::Result<Vec<u8>> {
        let answer = self.connection.send(request)?;
        match answer.head.status {
            200 => Ok(answer.body),
            status => {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                Err(io::Error::other(format!("{} {}: {status} {body}", request.method, request.target)))
            }
        }
    }

    /// So that the load is measured and not the breaker.
    pub fn lift_breaker(&mut self, path: &str) -> io::Result<()> {
        let payload = json!({"burstCapacity": 1_000_000_000, "refillRatePerMinute": 1_000_000_000});
        self.append(path, &json!({"type": "stream/circuit-breaker-configured", "payload": payload})).map(drop)
    }

    /// Follows a stream from behind an offset, on a connection of its own.
    pub fn follow(&self, path: &str, after: &str) -> io::Result<Follow> {
        let target = format!("/api/streams{path}?live=true&afterOffset={after}");
        let request = Request::new("GET", &target).header("accept", "text/event-stream");
        let (head, body) = Connection::open(self.address, PATIENCE)?.stream(&request)?;
        if head.status != 200 {
            return Err(io::Error::other(format!("{target}: {}", head.status)));
        }
        let mut follow = Follow { lines: Box::new(body) };
        // The empty comment: from here on, nothing is missed.
        follow.line()?;
        Ok(follow)
    }
}

/// A live read.
pub struct Follow {
    lines: Box<dyn BufRead + Send>,
}

impl Follow {
    /// Returns when an event that contains `text` has come.
    pub fn wait_for(&mut self, text: &str) -> io::Result<()> {
        while !self.line()?.contains(text) {}
        Ok(())
    }

    /// The next event, as the line of its data.
    pub fn next_event(&mut self) -> io::Result<String> {
        loop {
            let line = self.line()?;
            if line.starts_with("data:") {
                return Ok(line);
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the live read ended"));
            }
            if line.starts_with("data:") || line.starts_with(':') {
                return Ok(line);
            }
        }
    }
}
