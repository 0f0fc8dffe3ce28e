//! Type checking with the native TypeScript compiler, as a process that reads nothing but what it is given: the
//! author's input never touches the disk, and nothing of the disk is seen by the author's input.

mod base_url;
mod compiler;
mod config;
mod edits;
mod entry;
mod files;
mod framing;
mod hint;
mod position;
mod program;
mod report;
#[cfg(test)]
mod tests;
mod tree;
mod types;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use compiler::{Compiler, Finding, Question};
pub use files::FileTree;
use program::Prepared;
pub use program::Program;
pub use types::for_editors;

use crate::Diagnostic;
use crate::limits::{CHECK_TIME_MAX, COMPILER_IDLE_MAX, COMPILER_MEMORY_BYTES_MAX, COMPILER_WATCH_EVERY};
use crate::subprocess::Handle;

/// Where the compiler's binary lies, with its `lib.*.d.ts` beside it. Asked when it is first needed, and again after
/// an error, which is told to whoever waits.
pub type FindCompiler = Box<dyn Fn() -> BoxFuture<'static, Result<PathBuf, String>> + Send + Sync>;

pub struct TypeCheckerOptions {
    pub compiler: FindCompiler,
    pub time_max: Duration,
    pub memory_bytes_max: u64,
    pub idle_max: Duration,
}

impl TypeCheckerOptions {
    pub fn new(compiler: FindCompiler) -> TypeCheckerOptions {
        TypeCheckerOptions {
            compiler,
            time_max: CHECK_TIME_MAX,
            memory_bytes_max: COMPILER_MEMORY_BYTES_MAX,
            idle_max: COMPILER_IDLE_MAX,
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum CheckError {
    #[error("the type checker is not at hand: {0}")]
    NoCompiler(String),
    #[error("the types take more than {} s to check", .0.as_secs_f32())]
    Timeout(Duration),
    #[error("the types take more than {} MB to check", .0 / 1_000_000)]
    Memory(u64),
    /// This machine's trouble; the same program may be checked later.
    #[error("the type checker failed: {0}")]
    Machinery(String),
}

/// One compiler for all: it checks one program after the other, starts with the first, and goes when it has nothing
/// to do for long.
#[derive(Clone)]
pub struct TypeChecker(Arc<Inner>);

struct Inner {
    options: TypeCheckerOptions,
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    compiler: Option<Compiler>,
    /// Grows with each check, so that a timer can tell whether there was one since.
    checks: u64,
}

impl TypeChecker {
    pub fn new(options: TypeCheckerOptions) -> TypeChecker {
        TypeChecker(Arc::new(Inner { options, running: Mutex::default() }))
    }

    /// All errors of syntax and types, in the author's files only.
    pub async fn check(&self, program: &Program) -> Result<Vec<Diagnostic>, CheckError> {
        self.ask(program, Question::Types).await
    }

    /// All errors of syntax in the sources and the entry.
    pub async fn syntax(&self, program: &Program) -> Result<Vec<Diagnostic>, CheckError> {
        self.ask(program, Question::Syntax).await
    }

    /// Ends the compiler; a later check starts another one.
    pub async fn shutdown(&self) {
        self.0.running.lock().await.compiler = None;
    }

    async fn ask(&self, program: &Program, question: Question) -> Result<Vec<Diagnostic>, CheckError> {
        let program = program.clone();
        // Parsing the entry and reading files take a while.
        let prepared = blocking(move || Ok(program.prepare(question))).await?;
        let prepared = Arc::new(prepared);
        let found = self.findings(prepared.clone(), question).await?;
        blocking(move || Ok(report::diagnostics(&prepared, found))).await
    }

    async fn findings(
        &self,
        prepared: Arc<Prepared>,
        question: Question,
    ) -> Result<Vec<Finding>, CheckError> {
        let mut running = self.0.running.lock().await;
        let kept = running.compiler.take().filter(|compiler| compiler.fits(&prepared.view));
        let found = match kept {
            // One that ended while nobody asked is no reason to fail.
            Some(compiler) => match self.ask_compiler(&mut running, compiler, &prepared, question).await {
                Err(CheckError::Machinery(reason)) => {
                    tracing::warn!(reason, "the type checker is started again");
                    None
                }
                asked => Some(asked),
            },
            None => None,
        };
        match found {
            Some(found) => found,
            None => {
                let compiler = self.start().await?;
                self.ask_compiler(&mut running, compiler, &prepared, question).await
            }
        }
    }

    /// Keeps the compiler for the next check if it did its work.
    async fn ask_compiler(
        &self,
        running: &mut Running,
        mut compiler: Compiler,
        prepared: &Arc<Prepared>,
        question: Question,
    ) -> Result<Vec<Finding>, CheckError> {
        let process = KilledUnlessDone(Some(compiler.process()));
        let prepared = prepared.clone();
        let asking = blocking(move || {
            let found = compiler.findings(&prepared.view, &prepared.config, question);
            found.map(|found| (found, compiler)).map_err(|error| CheckError::Machinery(error.to_string()))
        });
        let (found, compiler) = tokio::select! {
            asked = asking => match asked {
                Ok(asked) => asked,
                Err(error) => return Err(process.explain(error).await),
            },
            breach = self.breach(&process) => return Err(breach),
        };
        process.done();
        running.compiler = Some(compiler);
        running.checks += 1;
        self.end_when_idle(running.checks);
        Ok(found)
    }

    async fn start(&self) -> Result<Compiler, CheckError> {
        let binary = (self.0.options.compiler)().await.map_err(CheckError::NoCompiler)?;
        let shown = binary.display().to_string();
        let failed = |error| CheckError::NoCompiler(format!("{shown}: {error}"));
        Compiler::start(binary).await.map_err(failed)
    }

    /// Ends when a bound is passed.
    async fn breach(&self, process: &KilledUnlessDone) -> CheckError {
        let TypeCheckerOptions { time_max, memory_bytes_max, .. } = self.0.options;
        let over_memory = async {
            while process.resident_bytes().is_none_or(|bytes| bytes <= memory_bytes_max) {
                tokio::time::sleep(COMPILER_WATCH_EVERY).await;
            }
        };
        match tokio::time::timeout(time_max, over_memory).await {
            Ok(()) => CheckError::Memory(memory_bytes_max),
            Err(_) => CheckError::Timeout(time_max),
        }
    }

    fn end_when_idle(&self, checks: u64) {
        let inner = Arc::downgrade(&self.0);
        let idle_max = self.0.options.idle_max;
        tokio::spawn(async move {
            tokio::time::sleep(idle_max).await;
            let Some(inner) = inner.upgrade() else { return };
            let mut running = inner.running.lock().await;
            if running.checks == checks {
                running.compiler = None;
            }
        });
    }
}

/// A check that nobody waits for any more, or that took too much, ends with its process.
struct KilledUnlessDone(Option<Handle>);

impl KilledUnlessDone {
    fn done(mut self) {
        self.0 = None;
    }

    fn resident_bytes(&self) -> Option<u64> {
        self.0.as_ref()?.resident_bytes()
    }

    /// With what the process said, if it did.
    async fn explain(mut self, error: CheckError) -> CheckError {
        let (CheckError::Machinery(reason), Some(process)) = (&error, self.0.take()) else { return error };
        // Whatever has broken the conversation: nobody goes on with it.
        process.kill();
        match process.ended().await.words.lines().next() {
            Some(words) => CheckError::Machinery(format!("{reason}: {words}")),
            None => error,
        }
    }
}

impl Drop for KilledUnlessDone {
    fn drop(&mut self) {
        if let Some(process) = &self.0 {
            process.kill();
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CheckError> + Send + 'static,
) -> Result<T, CheckError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(CheckError::Machinery(error.to_string())))
}
