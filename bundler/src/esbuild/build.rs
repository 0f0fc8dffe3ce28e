//! One build inside the process: created, or given a context of an earlier one, and run. What is not kept for the next
//! one is taken away again, whatever becomes of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::contexts::Idle;
use super::message::{Context, Import};
use super::packet::Value;
use super::pattern::{self, Sites};
use super::service::{Cause, Death, Service};
use super::{
    Bounds, BoxFuture, BuildFailure, BuildOutput, BuildRequest, Message, Plugin, message, source_map,
};
use crate::limits::{ESBUILD_CANCEL_TIME_MAX, ESBUILD_ROUNDS_MAX};
use crate::resolve::ResolveProblem;
use crate::tree::{AUTHOR, STORE};

/// A request without what can only be waited for once.
pub(super) struct Spec {
    entry: String,
    plugin: Arc<dyn Plugin>,
    define: BTreeMap<String, String>,
    tsconfig_raw: Option<String>,
    metafile: bool,
    packages: Option<String>,
}

pub(super) fn split(request: BuildRequest) -> (Spec, BoxFuture<'static, ()>) {
    let BuildRequest { entry, plugin, define, tsconfig_raw, metafile, packages, cancel } = request;
    (Spec { entry, plugin, define, tsconfig_raw, metafile, packages }, cancel)
}

pub(super) enum Ended {
    Failed(BuildFailure),
    Died(Death),
}

/// What esbuild's questions about a build need.
pub(super) struct Build {
    pub spec: Arc<Spec>,
    pub bounds: Bounds,
    problems: Mutex<Vec<ResolveProblem>>,
    importers: Mutex<HashMap<String, (String, String)>>,
    modules: AtomicUsize,
    loaded_bytes: AtomicUsize,
    output: Mutex<Option<Value>>,
    /// What the author wrote, by the paths of the modules.
    texts: Mutex<HashMap<String, String>>,
    /// What is hidden from esbuild in packages.
    patterns: Mutex<Sites>,
    failure: OnceLock<BuildFailure>,
    stopped: watch::Sender<bool>,
}

/// `turn` is given back when esbuild has forgotten the build. When this future is dropped, the build is cancelled.
pub(super) async fn run(
    service: &Arc<Service>,
    spec: Arc<Spec>,
    bounds: Bounds,
    turn: OwnedSemaphorePermit,
) -> Result<BuildOutput, Ended> {
    let build = Arc::new(Build {
        spec,
        bounds,
        problems: Mutex::default(),
        importers: Mutex::default(),
        modules: AtomicUsize::new(0),
        loaded_bytes: AtomicUsize::new(0),
        output: Mutex::default(),
        texts: Mutex::default(),
        patterns: Mutex::default(),
        failure: OnceLock::new(),
        stopped: watch::Sender::new(false),
    });
    let (sender, receiver) = oneshot::channel();
    // A task of its own: a build that nobody waits for any more must still be taken away.
    tokio::spawn(drive(service.clone(), build.clone(), sender, turn));
    let _cancelled_on_drop = StopOnDrop(build);
    receiver.await.unwrap_or(Err(Ended::Failed(BuildFailure::Cancelled)))
}

struct StopOnDrop(Arc<Build>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop(BuildFailure::Cancelled);
    }
}

impl Spec {
    pub fn plugin(&self) -> &dyn Plugin {
        &*self.plugin
    }

    /// Of contexts that can build this; none when nothing is to be kept of it.
    fn context_name(&self) -> Option<String> {
        let packages = self.packages.as_deref()?;
        Some(format!("{}\n{}\n{packages}", self.entry, self.flags().join("\n")))
    }

    fn request(&self, key: u32) -> Value {
        let callback = || {
            let entry =
                [("id", Value::Int(0)), ("filter", Value::text(".*")), ("namespace", Value::text(""))];
            Value::List(vec![Value::map(entry)])
        };
        let plugin = Value::map([
            ("name", Value::text("millrace")),
            ("onStart", Value::Bool(false)),
            ("onEnd", Value::Bool(false)),
            ("onResolve", callback()),
            ("onLoad", callback()),
        ]);
        Value::map([
            ("command", Value::text("build")),
            ("key", Value::Int(key)),
            (
                "entries",
                Value::List(vec![Value::List(vec![Value::text(""), Value::text(self.entry.clone())])]),
            ),
            ("flags", Value::List(self.flags().into_iter().map(Value::Text).collect())),
            ("write", Value::Bool(false)),
            // Only a context can be cancelled.
            ("context", Value::Bool(true)),
            ("absWorkingDir", Value::text(AUTHOR)),
            ("nodePaths", Value::empty_list()),
            ("plugins", Value::List(vec![plugin])),
        ])
    }

    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = [
            "--bundle",
            "--format=esm",
            "--platform=browser",
            "--target=es2023",
            "--tree-shaking=true",
            "--charset=utf8",
            "--legal-comments=inline",
            "--sourcemap=external",
            "--sources-content=false",
            "--outfile=/p/bundle.js",
            // Our paths are no one's disk: only in full can they be told from the author's words.
            "--abs-paths=log",
            "--log-level=silent",
            "--log-limit=0",
        ]
        .map(String::from)
        .to_vec();
        flags.extend(self.define.iter().map(|(name, value)| format!("--define:{name}={value}")));
        // Without it, esbuild would look for one.
        flags.push(format!("--tsconfig-raw={}", self.tsconfig_raw.as_deref().unwrap_or("{}")));
        if self.metafile {
            flags.push("--metafile".into());
        }
        flags
    }
}

impl Build {
    /// The first reason stays.
    pub fn stop(&self, failure: BuildFailure) {
        let _ = self.failure.set(failure);
        self.stopped.send_replace(true);
    }

    pub async fn stopped(&self) {
        // The sender lives as long as this.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// The number under which a problem comes back in esbuild's messages.
    pub fn keep_problem(&self, problem: ResolveProblem) -> u32 {
        let mut problems = lock(&self.problems);
        problems.push(problem);
        u32::try_from(problems.len() - 1).unwrap_or(u32::MAX)
    }

    pub fn keep_text(&self, path: &str, text: String) {
        lock(&self.texts).insert(path.to_owned(), text);
    }

    /// Who asked for a file first.
    pub fn keep_importer(&self, path: &str, importer: &str, specifier: &str) {
        let mut importers = lock(&self.importers);
        if !importers.contains_key(path) {
            importers.insert(path.to_owned(), (importer.to_owned(), specifier.to_owned()));
        }
    }

    pub fn keep_output(&self, output: Value) {
        *lock(&self.output) = Some(output);
    }

    /// Counts a module that esbuild is about to get.
    pub fn count(&self, bytes: usize) -> Result<(), BuildFailure> {
        let Bounds { modules, loaded_bytes, .. } = self.bounds;
        if self.modules.fetch_add(1, Relaxed) + 1 > modules {
            return Err(BuildFailure::TooLarge(format!(
                "the source and its packages have more than {modules} modules"
            )));
        }
        if self.loaded_bytes.fetch_add(bytes, Relaxed) + bytes > loaded_bytes {
            let reason = format!("the source and its packages have more than {loaded_bytes} bytes of code");
            return Err(BuildFailure::TooLarge(reason));
        }
        Ok(())
    }

    /// The text of a package's module as esbuild is to see it.
    pub fn without_patterns(&self, path: &str, text: Bytes) -> Bytes {
        match lock(&self.patterns).get(path) {
            Some(sites) => pattern::hide(&text, sites).into(),
            None => text,
        }
    }

    fn begin_round(&self) {
        self.modules.store(0, Relaxed);
        self.loaded_bytes.store(0, Relaxed);
    }

    /// Whether packages have patterns that were not known. Then they are hidden in the next round.
    fn found_patterns(&self, answer: &Value) -> bool {
        let mut found = pattern::sites(answer.list_of("errors"));
        found.retain(|path, _| path.starts_with(STORE));
        let mut patterns = lock(&self.patterns);
        let is_new = found.keys().any(|path| !patterns.contains_key(path));
        patterns.extend(found);
        is_new
    }

    fn messages(&self, values: &[Value]) -> Vec<Message> {
        message::decode(values, self)
    }

    fn failure(&self) -> BuildFailure {
        self.failure.get().cloned().unwrap_or(BuildFailure::Cancelled)
    }

    fn finish(&self, answer: &Value) -> Result<BuildOutput, BuildFailure> {
        let output = lock(&self.output).take();
        let errors = self.messages(answer.list_of("errors"));
        if !errors.is_empty() {
            return Err(BuildFailure::Messages(errors));
        }
        let output =
            output.ok_or_else(|| BuildFailure::Machinery("esbuild ended a build without a result".into()))?;
        let file = |suffix: &str| {
            let files = output.list_of("outputFiles").iter();
            let file = files.clone().find(|file| file.text_of("path").ends_with(suffix));
            let bytes = file.and_then(|file| file.bytes_of("contents"));
            bytes.ok_or_else(|| BuildFailure::Machinery(format!("esbuild made no file {suffix}")))
        };
        let (code, map) = (file("/bundle.js")?, file("/bundle.js.map")?);
        within(code.len(), self.bounds.code_bytes, "bundle")?;
        within(map.len(), self.bounds.map_bytes, "bundle's source map")?;
        let map = source_map::of_bundle(map, self.spec.plugin(), |path| lock(&self.texts).remove(path))
            .map_err(|error| {
                BuildFailure::Machinery(format!("esbuild made a source map that is none: {error}"))
            })?;
        Ok(BuildOutput {
            code: text(code),
            map,
            metafile: output.bytes_of("metafile").map(|bytes| text(bytes)),
            warnings: self.messages(answer.list_of("warnings")),
        })
    }
}

impl Context for Build {
    fn plugin(&self) -> &dyn Plugin {
        self.spec.plugin()
    }

    fn problem(&self, number: u32) -> Option<ResolveProblem> {
        lock(&self.problems).get(number as usize).cloned()
    }

    fn through(&self, path: &str) -> Option<Import> {
        let importers = lock(&self.importers);
        // The first importers of files form a tree with the entry at its root.
        let mut found = path.starts_with(STORE).then(|| importers.get(path)).flatten()?;
        while found.0.starts_with(STORE) {
            found = importers.get(&found.0)?;
        }
        let (path, specifier) = found.clone();
        Some(Import { file: self.spec.plugin().shown(&path), path, specifier })
    }
}

async fn drive(
    service: Arc<Service>,
    build: Arc<Build>,
    outcome: oneshot::Sender<Result<BuildOutput, Ended>>,
    turn: OwnedSemaphorePermit,
) {
    let name = build.spec.context_name();
    let idle = name.as_deref().and_then(|name| service.take_context(name));
    let key = service.enter(build.clone(), idle.as_ref().map(|idle| idle.key));
    let builds = idle.as_ref().map_or(0, |idle| idle.builds);
    let created = match idle {
        Some(idle) => {
            *lock(&build.patterns) = idle.patterns;
            Ok(())
        }
        None => create(&service, &build, key).await,
    };
    let is_created = created.is_ok();
    let result = match created {
        Ok(()) => build_in_time(&service, &build, key).await,
        Err(ended) => Err(ended),
    };
    // Whatever else ended it, something of it may still be going on.
    let is_idle = is_created && matches!(result, Ok(_) | Err(Ended::Failed(BuildFailure::Messages(_))));
    let _ = outcome.send(result);
    // Those of its questions that are open hold the build, and are answered at once.
    build.stop(BuildFailure::Cancelled);
    match name.filter(|_| is_idle) {
        Some(name) => {
            // First: whoever takes the context enters under the same key.
            service.leave(key);
            let patterns = std::mem::take(&mut *lock(&build.patterns));
            let bytes = build.loaded_bytes.load(Relaxed);
            for gone in service.keep_context(Idle { name, key, patterns, bytes, builds: builds + 1 }) {
                dispose(&service, gone).await;
            }
        }
        None => {
            dispose(&service, key).await;
            service.leave(key);
        }
    }
    drop(turn);
}

/// Takes a context away, with what goes on in it.
async fn dispose(service: &Service, key: u32) {
    let end = async {
        service.ask(command("cancel", key)).await?;
        service.ask(command("dispose", key)).await
    };
    if timeout(ESBUILD_CANCEL_TIME_MAX, end).await.is_err() {
        service.kill(Cause::Stuck, "esbuild does not end a build that was cancelled".into());
    }
}

async fn create(service: &Service, build: &Build, key: u32) -> Result<(), Ended> {
    let created = service.ask(build.spec.request(key)).await.map_err(Ended::Died)?;
    refused(&created)?;
    let errors = build.messages(created.list_of("errors"));
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Ended::Failed(BuildFailure::Messages(errors))),
    }
}

async fn build_in_time(service: &Service, build: &Build, key: u32) -> Result<BuildOutput, Ended> {
    let time = build.bounds.build_time;
    tokio::select! {
        biased;
        // Told first: a build that stops because the process died may be tried again.
        outcome = build_in_rounds(service, build, key) => outcome,
        () = build.stopped() => Err(Ended::Failed(build.failure())),
        () = sleep(time) => Err(Ended::Failed(BuildFailure::Timeout(time))),
    }
}

/// A second round when the first has shown patterns in packages.
async fn build_in_rounds(service: &Service, build: &Build, key: u32) -> Result<BuildOutput, Ended> {
    let mut rounds = 1;
    loop {
        build.begin_round();
        let answer = service.ask(command("rebuild", key)).await.map_err(Ended::Died)?;
        refused(&answer)?;
        if *build.stopped.borrow() {
            return Err(Ended::Failed(build.failure()));
        }
        if rounds == ESBUILD_ROUNDS_MAX || !build.found_patterns(&answer) {
            return build.finish(&answer).map_err(Ended::Failed);
        }
        rounds += 1;
    }
}

fn refused(answer: &Value) -> Result<(), Ended> {
    match answer.text_of("error") {
        "" => Ok(()),
        error => Err(Ended::Failed(BuildFailure::Machinery(format!("esbuild refuses to build: {error}")))),
    }
}

fn command(command: &str, key: u32) -> Value {
    Value::map([("command", Value::text(command)), ("key", Value::Int(key))])
}

fn within(bytes: usize, bytes_max: usize, what: &str) -> Result<(), BuildFailure> {
    match bytes > bytes_max {
        true => {
            Err(BuildFailure::TooLarge(format!("the {what} has {bytes} bytes, and may have {bytes_max}")))
        }
        false => Ok(()),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
