//! Compiling, seen from the host: one warm process does one job after the other, and is replaced when it dies of one.
//! What was compiled is kept, and requests for the same sources share the work.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::OnceCell;

use super::bytecode::{Bytecode, CompiledModule, Sources};
use super::failure::{IsolateError, ScriptFailure};
use super::process;
use super::protocol::{Frame, FromWorker, ToWorker, encode, split};
use super::worker::ROLE_COMPILE;
use crate::event::builtin::{FailureReason, Phase};
use crate::limits;

type Shared = Arc<OnceCell<Arc<Bytecode>>>;

pub struct Compiler {
    program: PathBuf,
    cache: Mutex<Cache>,
    warm: tokio::sync::Mutex<Option<Warm>>,
}

#[derive(Default)]
struct Cache {
    entries: HashMap<String, (Shared, u64)>,
    /// Counts uses: the entry with the smallest number is dropped first.
    clock: u64,
}

/// A compile worker that waits for its next job.
struct Warm {
    child: Child,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
}

impl Compiler {
    pub fn new(program: PathBuf) -> Compiler {
        Compiler { program, cache: Mutex::default(), warm: tokio::sync::Mutex::default() }
    }

    pub async fn compile(&self, sources: &Sources) -> Result<Arc<Bytecode>, IsolateError> {
        let digest = sources.digest();
        let shared = self.entry(&digest);
        let compiled = shared.get_or_try_init(|| self.compile_now(digest, sources)).await?.clone();
        self.bound();
        Ok(compiled)
    }

    pub async fn shutdown(&self) {
        if let Some(mut warm) = self.warm.lock().await.take() {
            let _ = warm.child.kill().await;
        }
    }

    fn entry(&self, digest: &str) -> Shared {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.clock += 1;
        let now = cache.clock;
        let (shared, used) = cache.entries.entry(digest.to_string()).or_default();
        *used = now;
        shared.clone()
    }

    /// Drops what was not used for longest, and what never came to be.
    fn bound(&self) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.entries.retain(|_, (shared, _)| shared.initialized() || Arc::strong_count(shared) > 1);
        let size = |shared: &Shared| shared.get().map_or(0, |code| code.bytes());
        let mut total: usize = cache.entries.values().map(|(shared, _)| size(shared)).sum();
        while total > limits::BYTECODE_CACHE_BYTES_MAX && cache.entries.len() > 1 {
            let oldest =
                cache.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(digest, _)| digest.clone());
            let Some((shared, _)) = oldest.and_then(|digest| cache.entries.remove(&digest)) else { return };
            total -= size(&shared);
        }
    }

    async fn compile_now(&self, digest: String, sources: &Sources) -> Result<Arc<Bytecode>, IsolateError> {
        let modules = sources.modules.iter().map(|(name, text)| (name.clone(), text.len())).collect();
        let message = ToWorker::Compile { call: 1, entry: sources.entry.clone(), modules };
        let body: Vec<&[u8]> = sources.modules.values().map(String::as_bytes).collect();
        let job = encode(&message, &body)
            .map_err(|bytes| refused(FailureReason::Limit, format!("the sources have {bytes} bytes")))?;
        let mut warm = self.warm.lock().await;
        loop {
            let (mut worker, fresh) = match warm.take() {
                Some(worker) => (worker, false),
                None => (self.start()?, true),
            };
            // The worker is put back only after it answered: one that did not is killed as it is dropped.
            let answer = tokio::time::timeout(limits::COMPILE_TIMEOUT, worker.run(&job)).await;
            let Ok(answer) = answer else {
                let seconds = limits::COMPILE_TIMEOUT.as_secs();
                return Err(refused(
                    FailureReason::Timeout,
                    format!("compiling took longer than {seconds} s"),
                ));
            };
            match answer {
                Ok(frame) => {
                    *warm = Some(worker);
                    drop(warm);
                    return read_answer(frame, digest, sources);
                }
                Err(_) if fresh => {
                    return Err(refused(
                        FailureReason::OutOfMemory,
                        "the processor is too large to compile".into(),
                    ));
                }
                // One that had waited may have been dead before it got this job: only a new one can tell.
                Err(_) => {}
            }
        }
    }

    fn start(&self) -> Result<Warm, IsolateError> {
        let process = process::start(&self.program, ROLE_COMPILE).map_err(|error| {
            IsolateError::Machinery(format!("the compile worker does not start: {error}"))
        })?;
        let (reader, writer) = process.socket.into_split();
        Ok(Warm { child: process.child, reader, writer })
    }
}

impl Warm {
    async fn run(&mut self, job: &[u8]) -> std::io::Result<Frame<FromWorker>> {
        self.writer.write_all(job).await?;
        process::read_frame(&mut self.reader).await
    }
}

fn read_answer(
    Frame { message, body }: Frame<FromWorker>,
    digest: String,
    sources: &Sources,
) -> Result<Arc<Bytecode>, IsolateError> {
    let broken = |error: std::io::Error| IsolateError::Machinery(format!("the compile worker: {error}"));
    match message {
        FromWorker::Compiled { modules, .. } => {
            let codes = split(&body, modules.iter().map(|(_, length)| *length)).map_err(broken)?;
            let modules = modules.iter().zip(codes);
            let modules =
                modules.map(|((name, _), code)| CompiledModule { name: name.clone(), code: code.to_vec() });
            Ok(Arc::new(Bytecode { digest, entry: sources.entry.clone(), modules: modules.collect() }))
        }
        FromWorker::NotCompiled { failure, .. } => Err(IsolateError::Script(*failure)),
        other => Err(broken(std::io::Error::other(format!("unexpected answer {other:?}")))),
    }
}

fn refused(reason: FailureReason, message: String) -> IsolateError {
    IsolateError::Script(ScriptFailure::new(Phase::Load, reason, "Error", message))
}
