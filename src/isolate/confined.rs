//! Processes of this same binary for what must not run in the server's own and is no script: confined like a worker,
//! with a bound on their memory, and one question at a time. What it is that they answer, they know themselves.

use std::io::{self, BufReader, Write as _};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::{Resource, Rlimit};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;

use super::process;
use super::protocol::{self, Frame};
use super::worker::Sandbox;
use crate::limits::WORKER_READ_BYTES;

/// The host's end. The process goes with it.
pub struct Confined {
    child: Child,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
}

impl Confined {
    pub fn start(program: &Path, role: &str) -> io::Result<Confined> {
        let process = process::start(program, role)?;
        let (reader, writer) = process.socket.into_split();
        Ok(Confined { child: process.child, reader, writer })
    }

    /// An error says that the process is gone, or must go.
    pub async fn ask<A: DeserializeOwned>(
        &mut self,
        question: &impl Serialize,
        body: &[&[u8]],
    ) -> io::Result<(A, Vec<u8>)> {
        let frame = protocol::encode(question, body)
            .map_err(|bytes| io::Error::other(format!("a question of {bytes} bytes")))?;
        self.writer.write_all(&frame).await?;
        let Frame { message, body } = process::read_frame(&mut self.reader).await?;
        Ok((message, body))
    }

    pub async fn end(mut self) {
        let _ = self.child.kill().await;
    }
}

/// The process's end: gives up its rights, and answers until the host is gone. What `prepare` does, it does with all of
/// them.
pub fn serve<Q: DeserializeOwned, A: Serialize>(
    memory_bytes: u64,
    prepare: impl FnOnce(),
    mut answer: impl FnMut(Q, &[u8]) -> (A, Vec<u8>),
) -> io::Result<()> {
    Sandbox::prepare();
    let mut socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut reader = BufReader::with_capacity(WORKER_READ_BYTES, socket.try_clone()?);
    prepare();
    let bound = Rlimit { current: Some(memory_bytes), maximum: Some(memory_bytes) };
    let _ = rustix::process::setrlimit(Resource::As, bound);
    let _ = Sandbox::enter().close();
    while let Ok(Frame { message, body }) = protocol::read_frame(&mut reader) {
        let (message, body) = answer(message, &body);
        let frame = protocol::encode(&message, &[&body])
            .map_err(|bytes| io::Error::other(format!("an answer of {bytes} bytes")))?;
        socket.write_all(&frame)?;
    }
    Ok(())
}
