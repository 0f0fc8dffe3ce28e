//! The way from a project to a bundle: looked through without touching anything outside, its packages installed where
//! it needs some, linked; and apart from that, its types checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::builds::{Builds, Outcome, digest};
use crate::esbuild::{Binary, Esbuild, EsbuildOptions};
use crate::failure::{BundleError, Failure, Stage};
use crate::install;
use crate::limits::COMPUTING_MAX;
use crate::linking::{self, LINK_TIMEOUT};
use crate::npm::{Installed, Npm, NpmConfig, NpmOptions};
use crate::package::Packages;
use crate::progress::{OnStep, Step};
use crate::resolve::{Builtin, Known, Provided};
use crate::sketch::Sketch;
use crate::tools::{ESBUILD, TYPESCRIPT};
use crate::typecheck::{CheckError, Program, TypeChecker, TypeCheckerOptions};
use crate::{Bundle, Diagnostic, Project, diagnostic};

pub struct BundlerOptions {
    /// Where packages are kept, for all builds and for other processes that use it.
    pub store: PathBuf,
    /// Only what the store has.
    pub offline: bool,
    /// Of the process: npm's settings may stand there.
    pub environment: BTreeMap<String, String>,
    /// Where a project's `.npmrc` would lie.
    pub folder: PathBuf,
    /// Programs to use instead of the pinned ones.
    pub esbuild: Option<PathBuf>,
    pub tsc: Option<PathBuf>,
    /// The built-in modules of Node that an isolate has, without `node:`.
    pub node_modules: &'static [&'static str],
}

#[derive(Clone)]
pub struct Bundler(Arc<Inner>);

struct Inner {
    npm: Npm,
    builds: Builds,
    esbuild: Esbuild,
    checker: TypeChecker,
    provided: Arc<Provided>,
    known: Known,
    /// Parsing, linking and checking compute; whoever waits for a network holds none of these.
    computing: Arc<Semaphore>,
}

impl Bundler {
    /// Touches neither disk nor network, and starts no process: each comes when it is first needed.
    pub fn new(options: BundlerOptions) -> Bundler {
        let config = NpmConfig::load(&options.environment, &options.folder);
        let npm = Npm::new(NpmOptions { store: options.store, config, offline: options.offline });
        let (of_esbuild, of_checker) = (npm.clone(), npm.clone());
        let (esbuild, tsc) = (options.esbuild, options.tsc);
        let find_esbuild = move || {
            let (npm, own) = (of_esbuild.clone(), esbuild.clone());
            async move { ESBUILD.find(own.as_ref(), &npm, &|_| {}).await }.boxed()
        };
        let find_compiler = move || {
            let (npm, own) = (of_checker.clone(), tsc.clone());
            async move { TYPESCRIPT.find(own.as_ref(), &npm, &|_| {}).await }.boxed()
        };
        Bundler(Arc::new(Inner {
            npm,
            builds: Builds::default(),
            esbuild: Esbuild::new(EsbuildOptions::new(Binary::From(Arc::new(find_esbuild)))),
            checker: TypeChecker::new(TypeCheckerOptions::new(Box::new(find_compiler))),
            provided: Arc::new(provided(options.node_modules)),
            known: Known::default(),
            computing: Arc::new(Semaphore::new(COMPUTING_MAX)),
        }))
    }

    /// One module that runs, or what is wrong with the project. The same project is built once.
    pub async fn build(
        &self,
        project: &Arc<Project>,
        on_step: OnStep<'_>,
    ) -> Result<Arc<Bundle>, BundleError> {
        let build = async {
            match self.build_now(project, on_step).await {
                Ok(bundle) => Ok(Outcome::Ok(Arc::new(bundle))),
                // A registry may have it the next time, and a machine at rest may be quick enough.
                Err(BundleError::Failed(failure)) if lasts(&failure) => {
                    Ok(Outcome::Err(Arc::new(bounded(failure))))
                }
                Err(BundleError::Failed(failure)) => Err(BundleError::Failed(bounded(failure))),
                Err(error) => Err(error),
            }
        };
        let outcome = self.0.builds.outcome(digest(project), build).await?;
        outcome.map_err(|failure| BundleError::Failed(Failure::clone(&failure)))
    }

    async fn build_now(&self, project: &Arc<Project>, on_step: OnStep<'_>) -> Result<Bundle, BundleError> {
        let sketch = self.sketch(project).await?;
        // What is declared must be there, also when nothing imports it yet.
        let installed = match sketch.needs_packages || sketch.depends() {
            true => Some(self.install(&sketch, project, on_step).await?),
            false => None,
        };
        let mut warnings = sketch.warnings(installed.as_ref());
        let bundle = if sketch.needs_packages {
            let _turn = self.turn().await;
            on_step(Step::Linking);
            linking::link(sketch, &self.0.esbuild, installed, &self.0.provided, &self.0.known).await?
        } else {
            let provided = self.0.provided.clone();
            let bundle = self.compute(move || sketch.link(&provided)).await?;
            linking::with_packages(bundle, installed)
        };
        warnings.extend(bundle.warnings);
        Ok(Bundle { warnings: diagnostic::bounded(warnings), ..bundle })
    }

    /// What the type checker objects to in the author's files.
    pub async fn check(
        &self,
        project: &Arc<Project>,
        on_step: OnStep<'_>,
    ) -> Result<Vec<Diagnostic>, BundleError> {
        let sketch = self.sketch(project).await?;
        if !sketch.has_types() {
            return Ok(Vec::new());
        }
        // Types may come from packages that nothing imports when it runs.
        let packages = match sketch.declares_packages() {
            true => self.install(&sketch, project, on_step).await?.packages,
            false => Packages::default(),
        };
        let _turn = self.turn().await;
        on_step(Step::Checking);
        let tree = Arc::new(sketch.tree(&packages));
        let program = Program { files: tree.clone(), entry: sketch.entry.clone(), sources: sketch.sources() };
        let checked = self.0.checker.check(&program).await;
        if let Some(damage) = tree.damage() {
            return Err(BundleError::Machinery(damage.to_owned()));
        }
        match checked {
            Ok(found) => Ok(diagnostic::bounded(found)),
            // The machine does what it can: it would take as much the next time.
            Err(error @ (CheckError::Timeout(_) | CheckError::Memory(_))) => {
                Err(BundleError::Failed(endless_types(&sketch.entry, &error)))
            }
            Err(error) => Err(BundleError::Machinery(error.to_string())),
        }
    }

    async fn sketch(&self, project: &Arc<Project>) -> Result<Sketch, BundleError> {
        let (project, provided) = (project.clone(), self.0.provided.clone());
        self.compute(move || Sketch::of(project, &provided)).await
    }

    async fn turn(&self) -> OwnedSemaphorePermit {
        let computing = self.0.computing.clone();
        computing.acquire_owned().await.expect("the semaphore is never closed")
    }

    /// Holds a thread for milliseconds, not one that others wait for. Who waits for it may give up; the work itself
    /// goes on to its end, and its turn with it.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BundleError> + Send + 'static,
    ) -> Result<T, BundleError> {
        let turn = self.turn().await;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        let panicked = |error| Err(BundleError::Machinery(format!("a build has panicked: {error}")));
        done.await.unwrap_or_else(panicked)
    }

    async fn install(
        &self,
        sketch: &Sketch,
        project: &Project,
        on_step: OnStep<'_>,
    ) -> Result<Installed, BundleError> {
        match &sketch.manifest {
            Some(manifest) => install::install(&self.0.npm, manifest, project.lock.as_ref(), on_step).await,
            None => Err(BundleError::Machinery("packages are needed that no package.json declares".into())),
        }
    }

    /// Ends the programs that builds have started.
    pub async fn shutdown(&self) {
        self.0.esbuild.shutdown().await;
        self.0.checker.shutdown().await;
    }
}

/// Whether the same source would fail in the same way again.
fn lasts(failure: &Failure) -> bool {
    failure.stage != Stage::Install && !failure.diagnostics.iter().any(|it| it.code == LINK_TIMEOUT)
}

fn provided(node_modules: &[&str]) -> Provided {
    let modules = install::PROVIDED.map(|name| (name.to_string(), install::PROVIDED[0].to_string()));
    let builtins =
        node_modules.iter().map(|name| (name.to_string(), Builtin::External(format!("node:{name}"))));
    Provided { modules: modules.into(), builtins: builtins.collect() }
}

fn endless_types(entry: &str, error: &CheckError) -> Failure {
    let diagnostic = Diagnostic::error("check-limit", error.to_string(), entry, "", (1, 1)).with_hint(
        "simplify the types that recurse or multiply, or say `typecheck: \"off\"` to run without a check",
    );
    Failure { stage: Stage::Typecheck, diagnostics: vec![diagnostic] }
}

fn bounded(mut failure: Failure) -> Failure {
    failure.diagnostics = diagnostic::bounded(failure.diagnostics);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Severity;

    #[tokio::test]
    async fn what_is_left_aside_is_told_with_the_bundle() {
        let store = tempfile::tempdir().unwrap();
        let bundler = Bundler::new(BundlerOptions {
            store: store.path().to_owned(),
            offline: true,
            environment: BTreeMap::new(),
            folder: store.path().to_owned(),
            esbuild: None,
            tsc: None,
            node_modules: &[],
        });
        let files = [
            ("main.ts", "export default { processEvent() {} }"),
            ("tsconfig.json", "{\n  \"compilerOptions\": {\"useDefineForClassFields\": false}}"),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        let project = Arc::new(Project { files, entry: Some("main.ts".to_owned()), ..Project::default() });
        let bundle = bundler.build(&project, &|_| {}).await.unwrap();
        let told =
            bundle.warnings.iter().map(|it| (it.severity, it.code.as_str(), it.file.as_str(), it.line));
        let expected = [(Severity::Warning, "tsconfig-option-ignored", "tsconfig.json", 2)];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}
