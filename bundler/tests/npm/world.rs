//! A registry, a store and clients between them: all that a test needs to know of the API.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use millrace_bundler::npm::{
    InstallError, InstallProblem, Installed, Lock, Npm, NpmConfig, NpmOptions, Requirements,
};
use millrace_bundler::package::PackageId;
use millrace_bundler::progress::Step;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::registry::Registry;

pub struct World {
    pub registry: Registry,
    folder: TempDir,
    settings: String,
}

impl World {
    pub fn new() -> World {
        World::with("")
    }

    /// With these lines in the user's `.npmrc`, where `REGISTRY` stands for its host and port.
    pub fn with(settings: &str) -> World {
        let registry = Registry::start();
        let settings = settings.replace("REGISTRY", &format!("127.0.0.1:{}", registry.port));
        World { registry, folder: tempfile::tempdir().unwrap(), settings }
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub fn npm(&self) -> Npm {
        self.client(&self.registry.url(), false)
    }

    pub fn offline(&self) -> Npm {
        self.client(&self.registry.url(), true)
    }

    pub fn client(&self, registry: &str, offline: bool) -> Npm {
        let home = self.folder.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        // Impatient, unless a test says otherwise.
        let settings = format!("registry={registry}\nfetch-timeout=300\n{}", self.settings);
        std::fs::write(home.join(".npmrc"), settings).unwrap();
        let environment = BTreeMap::from([
            ("HOME".to_owned(), home.display().to_string()),
            ("npm_config_globalconfig".to_owned(), home.join("none").display().to_string()),
        ]);
        let config = NpmConfig::load(&environment, Path::new("/nonexistent"));
        Npm::new(NpmOptions { store: self.store(), config, offline })
    }

    pub async fn install(&self, package_json: Value) -> Result<Installed, InstallError> {
        install(&self.npm(), package_json, None).await
    }

    /// What these dependencies resolve to.
    pub async fn tree(&self, dependencies: Value) -> Vec<String> {
        tree(&self.install(json!({ "dependencies": dependencies })).await.unwrap())
    }

    /// The only problem of these dependencies.
    pub async fn problem(&self, dependencies: Value) -> InstallProblem {
        only_problem(self.install(json!({ "dependencies": dependencies })).await)
    }

    /// Makes everything that is kept older than any bound.
    pub fn age(&self) {
        let mut waiting = vec![self.store()];
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() {
                    waiting.push(entry);
                } else {
                    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
                    std::fs::File::options()
                        .write(true)
                        .open(&entry)
                        .unwrap()
                        .set_modified(long_ago)
                        .unwrap();
                }
            }
        }
    }

    /// All files of the store below this folder of it.
    pub fn kept(&self, below: &str) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut waiting = vec![self.store().join("1").join(below)];
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() { waiting.push(entry) } else { files.push(entry) }
            }
        }
        files.sort();
        files
    }
}

pub async fn install(npm: &Npm, package_json: Value, lock: Option<&Lock>) -> Result<Installed, InstallError> {
    let requirements = Requirements::of(&package_json).unwrap();
    npm.install(&requirements, lock, &|_| {}).await
}

/// With the steps that were told.
pub async fn watched(npm: &Npm, package_json: Value) -> (Result<Installed, InstallError>, Vec<Step>) {
    let steps = Mutex::new(Vec::new());
    let requirements = Requirements::of(&package_json).unwrap();
    let installed = npm.install(&requirements, None, &|step| steps.lock().unwrap().push(step)).await;
    (installed, steps.into_inner().unwrap())
}

pub fn only_problem(result: Result<Installed, InstallError>) -> InstallProblem {
    match result {
        Err(InstallError::Problems(problems)) if problems.len() == 1 => problems.into_iter().next().unwrap(),
        other => panic!("not one problem: {other:?}"),
    }
}

/// One line for each package: its id and what it depends on; the author's own first.
pub fn tree(installed: &Installed) -> Vec<String> {
    let line = |who: &str, dependencies: &BTreeMap<String, PackageId>| {
        let named = dependencies.iter().map(|(name, id)| match id.0.strip_prefix(&format!("{name}@")) {
            Some(_) => id.0.clone(),
            None => format!("{name}={id}"),
        });
        let named: Vec<String> = named.collect();
        format!("{who}: {}", named.join(" ")).trim_end_matches([':', ' ']).to_owned()
    };
    let packages = &installed.packages;
    let mut lines = vec![line("", &packages.roots)];
    lines.extend(packages.packages.iter().map(|(id, package)| line(&id.0, &package.dependencies)));
    lines
}
