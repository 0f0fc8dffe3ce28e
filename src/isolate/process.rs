//! A worker process, seen from the host: started with a socket as its standard input and the shared page as its
//! standard output, with an empty environment. It ends when the socket closes: with this handle, or the host.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::process::{Child, Command};

use super::page::{self, Page};
use super::protocol::{self, Frame};
use super::worker::SUBCOMMAND;

pub struct Process {
    pub child: Child,
    pub pid: u32,
    pub socket: UnixStream,
    pub page: Page,
}

pub fn start(program: &Path, role: &str) -> std::io::Result<Process> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let shared = page::create()?;
    let page = Page::map(&shared)?;
    let child = Command::new(program)
        .arg(SUBCOMMAND)
        .arg(role)
        .env_clear()
        .env("TZ", "UTC")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(shared))
        .kill_on_drop(true)
        // Ctrl-C is the host's to hear: it lets the hooks come to an end before the workers go.
        .process_group(0)
        .spawn()?;
    let pid = child.id().ok_or_else(|| std::io::Error::other("the worker ended at once"))?;
    Ok(Process { child, pid, socket: UnixStream::from_std(ours)?, page })
}

/// The next frame of a worker.
pub async fn read_frame<M: serde::de::DeserializeOwned>(
    from: &mut OwnedReadHalf,
) -> std::io::Result<Frame<M>> {
    let mut prefix = [0; 8];
    from.read_exact(&mut prefix).await?;
    let (header_bytes, body_bytes) = protocol::lengths(prefix)?;
    let mut header = vec![0; header_bytes];
    from.read_exact(&mut header).await?;
    let mut body = vec![0; body_bytes];
    from.read_exact(&mut body).await?;
    Ok(Frame { message: protocol::decode(&header)?, body })
}

/// The processor time that one thread of a process has used; none when it is gone.
pub fn thread_time(pid: u32, thread: u64) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// The memory that a process holds.
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
