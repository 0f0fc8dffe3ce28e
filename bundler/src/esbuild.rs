//! Links modules into one with esbuild, as a process that stays: every import and every file is asked of a `Plugin`, all
//! output stays in memory, and a build that fails, hangs or kills the process ends that build alone.
//!
//! The published client crate falls back to the real disk when a plugin fails, and hangs after a crash of the process;
//! so this is a client of our own. Its rules come from esbuild's service (`cmd/esbuild/service.go`): every request is
//! answered, with the types that it expects, or the process panics; a key belongs to one build.

mod build;
mod callbacks;
mod contexts;
mod lacking;
mod loader;
mod message;
mod packet;
mod pattern;
mod service;
mod source_map;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

pub use callbacks::is_made_up;
pub use loader::Loader;
pub use message::{Import, Location, Message, Note};

use self::build::Ended;
use self::service::{Cause, Running};
use crate::limits;
use crate::resolve::{Kind, ResolveProblem, Resolved};

/// The only version that this client speaks with: the protocol is esbuild's own, and changes as it likes.
pub const VERSION: &str = "0.28.2";

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who knows the files of one build. Both are called from many tasks at once.
pub trait Plugin: Send + Sync + 'static {
    /// `importer` is a path that `resolve` gave before, or the entry.
    fn resolve<'a>(
        &'a self,
        importer: &'a str,
        specifier: &'a str,
        kind: Kind,
    ) -> BoxFuture<'a, Result<Resolved, ResolveProblem>>;

    fn load<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Loaded, String>>;

    /// The path as the author knows it.
    fn shown(&self, path: &str) -> String;
}

#[derive(Clone, Debug)]
pub struct Loaded {
    pub contents: Bytes,
    /// By the extension of the path when there is none.
    pub loader: Option<Loader>,
    /// A source map from this text to what the author wrote in this file: it has one source, whose text is in it.
    /// Any other map that the text names is not looked at.
    pub inline_map: Option<String>,
}

pub struct BuildRequest {
    /// A path that the plugin loads.
    pub entry: String,
    pub plugin: Arc<dyn Plugin>,
    /// What stands for a global name, as JavaScript.
    pub define: BTreeMap<String, String>,
    /// A `tsconfig.json` for all TypeScript that the plugin loads as such.
    pub tsconfig_raw: Option<String>,
    pub metafile: bool,
    /// Names the packages that the plugin loads: builds with the same ones share what esbuild knows of them. With none,
    /// esbuild forgets everything after the build.
    pub packages: Option<String>,
    /// When it resolves, the build ends. Dropping the build's future does the same.
    pub cancel: BoxFuture<'static, ()>,
}

impl BuildRequest {
    pub fn new(entry: impl Into<String>, plugin: Arc<dyn Plugin>) -> BuildRequest {
        let production = ("process.env.NODE_ENV".to_owned(), "\"production\"".to_owned());
        BuildRequest {
            entry: entry.into(),
            plugin,
            define: [production].into(),
            tsconfig_raw: None,
            metafile: false,
            packages: None,
            cancel: Box::pin(pending()),
        }
    }
}

#[derive(Clone, Debug)]
pub struct BuildOutput {
    /// One ES module.
    pub code: String,
    /// Its source map. Sources are named as they are shown to the author. Those of packages are on its `ignoreList`, and
    /// their texts are not in it.
    pub map: String,
    pub metafile: Option<String>,
    pub warnings: Vec<Message>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildFailure {
    /// The author's to mend, or a package's; at least one.
    #[error("the build has {} errors", .0.len())]
    Messages(Vec<Message>),
    /// This machine's trouble.
    #[error("{0}")]
    Machinery(String),
    #[error("the build was cancelled")]
    Cancelled,
    #[error("the build took longer than {} s", .0.as_secs())]
    Timeout(Duration),
    /// What was too large, and how large it may be.
    #[error("{0}")]
    TooLarge(String),
}

/// Where the program comes from.
#[derive(Clone)]
pub enum Binary {
    At(PathBuf),
    /// Asked whenever a process is started; it keeps what it has fetched.
    From(Arc<dyn Fn() -> BoxFuture<'static, Result<PathBuf, String>> + Send + Sync>),
}

#[derive(Clone)]
pub struct EsbuildOptions {
    pub binary: Binary,
    pub bounds: Bounds,
}

impl EsbuildOptions {
    pub fn new(binary: Binary) -> EsbuildOptions {
        EsbuildOptions { binary, bounds: Bounds::default() }
    }
}

/// What one build may use; by default what `limits.rs` says.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub build_time: Duration,
    pub callback_time: Duration,
    pub code_bytes: usize,
    pub map_bytes: usize,
    pub loaded_bytes: usize,
    pub modules: usize,
    pub resident_bytes: u64,
    /// After which a process without builds ends.
    pub idle_time: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            build_time: limits::ESBUILD_BUILD_TIME_MAX,
            callback_time: limits::ESBUILD_CALLBACK_TIME_MAX,
            code_bytes: limits::ESBUILD_CODE_BYTES_MAX,
            map_bytes: limits::ESBUILD_MAP_BYTES_MAX,
            loaded_bytes: limits::ESBUILD_LOADED_BYTES_MAX,
            modules: limits::ESBUILD_MODULES_MAX,
            resident_bytes: limits::ESBUILD_RESIDENT_BYTES_MAX,
            idle_time: limits::ESBUILD_IDLE_TIME_MAX,
        }
    }
}

pub struct Esbuild {
    options: EsbuildOptions,
    /// Started by the first build that needs it, and again when it has died.
    shared: Mutex<Option<Running>>,
    turns: Arc<Semaphore>,
    /// Of builds that have a process of their own.
    alone: Semaphore,
    /// Those who are being built are among them.
    waiting: Arc<Semaphore>,
}

impl Esbuild {
    pub fn new(options: EsbuildOptions) -> Esbuild {
        let waiting = limits::ESBUILD_BUILDS_AT_ONCE + limits::ESBUILD_BUILDS_WAITING_MAX;
        Esbuild {
            options,
            shared: Mutex::new(None),
            alone: Semaphore::new(limits::ESBUILD_ALONE_AT_ONCE),
            turns: Arc::new(Semaphore::new(limits::ESBUILD_BUILDS_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(waiting)),
        }
    }

    pub async fn build(&self, request: BuildRequest) -> Result<BuildOutput, BuildFailure> {
        let (request, mut cancel) = build::split(request);
        let Ok(_waits) = self.waiting.try_acquire() else {
            return Err(BuildFailure::Machinery("too many builds wait for esbuild: try again later".into()));
        };
        tokio::select! {
            biased;
            () = &mut cancel => Err(BuildFailure::Cancelled),
            outcome = self.build_in_turn(Arc::new(request)) => outcome,
        }
    }

    async fn build_in_turn(&self, request: Arc<build::Spec>) -> Result<BuildOutput, BuildFailure> {
        let turn = self.turn().await;
        let service = self.shared().await?;
        let death = match build::run(&service, request.clone(), self.options.bounds, turn).await {
            Ok(output) => return Ok(output),
            Err(Ended::Failed(failure)) => return Err(failure),
            Err(Ended::Died(death)) => death,
        };
        if death.builds <= 1 && death.cause != Cause::Itself {
            return Err(death.failure());
        }
        tracing::warn!(
            reason = death.reason,
            "esbuild died; the build is tried again in a process of its own"
        );
        // Alone in there: if that one dies too, it is clear through whom.
        let _alone = self.alone.acquire().await.expect("the semaphore is never closed");
        let turn = self.turn().await;
        let alone = self.start().await?;
        match build::run(alone.service(), request, self.options.bounds, turn).await {
            Ok(output) => Ok(output),
            Err(Ended::Failed(failure)) => Err(failure),
            Err(Ended::Died(death)) => Err(death.failure()),
        }
    }

    /// Ends the process; a later build starts another one.
    pub async fn shutdown(&self) {
        drop(self.shared.lock().await.take());
    }

    async fn turn(&self) -> OwnedSemaphorePermit {
        self.turns.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    async fn shared(&self) -> Result<Arc<service::Service>, BuildFailure> {
        let mut shared = self.shared.lock().await;
        if let Some(running) = shared.as_ref().filter(|running| !running.service().is_dead()) {
            return Ok(running.service().clone());
        }
        let running = shared.insert(self.start().await?);
        Ok(running.service().clone())
    }

    async fn start(&self) -> Result<Running, BuildFailure> {
        let program = match &self.options.binary {
            Binary::At(path) => path.clone(),
            Binary::From(provide) => provide().await.map_err(BuildFailure::Machinery)?,
        };
        service::start(program, self.options.bounds).await.map_err(BuildFailure::Machinery)
    }

    #[cfg(test)]
    async fn pid(&self) -> Option<u32> {
        self.shared.lock().await.as_ref()?.service().pid()
    }

    /// When no build is in it any more.
    #[cfg(test)]
    async fn all_turns(&self) {
        let all = self.turns.acquire_many(limits::ESBUILD_BUILDS_AT_ONCE as u32);
        let turns = tokio::time::timeout(Duration::from_secs(5), all).await;
        drop(turns.expect("all turns are given back").expect("the semaphore is never closed"));
    }
}
