//! Load over many connections: wrk where it is installed, else threads of our own, which take more of the
//! cores that the server needs.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::http::{Connection, Request};

pub struct Load<'a> {
    pub address: SocketAddr,
    pub streams: usize,
    pub body: &'a str,
    pub connections: usize,
    pub duration: Duration,
}

/// Whether wrk is there.
pub fn has_wrk() -> bool {
    Command::new("wrk").arg("--version").output().is_ok()
}

impl Load<'_> {
    /// Answered appends a second. An append that is refused fails the run.
    pub fn run(&self, scratch: &Path) -> io::Result<f64> {
        if has_wrk() { self.with_wrk(scratch) } else { self.with_threads() }
    }

    fn with_wrk(&self, scratch: &Path) -> io::Result<f64> {
        let script = scratch.join("append.lua");
        std::fs::write(&script, self.script())?;
        let output = Command::new("wrk")
            .arg(format!("-t{}", self.connections.min(2)))
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{}s", self.duration.as_secs()))
            .arg("-s")
            .arg(&script)
            .arg(format!("http://{}", self.address))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if let Some(refused) =
            said.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"))
        {
            return Err(io::Error::other(format!("wrk: {}", refused.trim())));
        }
        let rate = said.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
        rate.ok_or_else(|| io::Error::other(format!("wrk said {said}")))
    }

    fn script(&self) -> String {
        let requests = "requests[i] = wrk.format('POST', '/api/streams/bench/' .. (i - 1), headers, body)";
        format!(
            "local body = [[{}]]\nlocal headers = {{['content-type'] = 'application/json'}}\nlocal requests = {{}}\nlocal next = math.random({streams})\n\
             function init(args)\n  math.randomseed(os.time())\n  for i = 1, {streams} do {requests} end\nend\n\
             function request()\n  next = next % {streams} + 1\n  return requests[next]\nend\n",
            self.body,
            streams = self.streams,
        )
    }

    fn with_threads(&self) -> io::Result<f64> {
        let (done, answered) = (AtomicBool::new(false), AtomicU64::new(0));
        let started = Instant::now();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..self.connections)
                .map(|n| {
                    scope.spawn({
                        let (done, answered) = (&done, &answered);
                        move || self.write(n, done, answered)
                    })
                })
                .collect();
            std::thread::sleep(self.duration);
            done.store(true, Ordering::Relaxed);
            writers.into_iter().try_for_each(|writer| {
                writer.join().unwrap_or_else(|_| Err(io::Error::other("a writer panicked")))
            })
        })?;
        Ok(answered.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64())
    }

    fn write(&self, first: usize, done: &AtomicBool, answered: &AtomicU64) -> io::Result<()> {
        let mut connection = Connection::open(self.address, Duration::from_secs(30))?;
        for n in first.. {
            let target = format!("/api/streams/bench/{}", n % self.streams);
            let answer = connection.send(&Request::new("POST", &target).body(self.body))?;
            if answer.head.status != 200 {
                return Err(io::Error::other(format!("{target}: {}", answer.head.status)));
            }
            answered.fetch_add(1, Ordering::Relaxed);
            if done.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }
}
