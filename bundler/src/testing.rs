//! What tests need of the world: a registry, and what has been fetched from it, through our own client and with this
//! machine's npm settings. It is kept below the target folder, so it is fetched once. Integration tests include this
//! file, too.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millrace_bundler::npm::{Npm, NpmConfig, NpmOptions, Requirements};
use millrace_bundler::package::Packages;
use millrace_bundler::tools::{ESBUILD, TYPESCRIPT, Tool};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// All tests of the workspace share it, those of the server as well.
pub fn store() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    // `target/debug/deps/test-0123`.
    test.ancestors().nth(3).expect("tests lie in the target folder").join("tmp/packages")
}

pub fn environment() -> BTreeMap<String, String> {
    std::env::vars().collect()
}

/// One for each test: a client's connections end with the runtime in which they were made.
pub fn npm() -> Npm {
    let config = NpmConfig::load(&environment(), &std::env::temp_dir());
    Npm::new(NpmOptions { store: store(), config, offline: false })
}

pub async fn esbuild() -> PathBuf {
    static FOUND: OnceCell<PathBuf> = OnceCell::const_new();
    FOUND.get_or_init(|| found(&ESBUILD, "MILLRACE_ESBUILD")).await.clone()
}

pub async fn tsc() -> PathBuf {
    static FOUND: OnceCell<PathBuf> = OnceCell::const_new();
    FOUND.get_or_init(|| found(&TYPESCRIPT, "MILLRACE_TSC")).await.clone()
}

async fn found(tool: &Tool, variable: &str) -> PathBuf {
    let own = std::env::var_os(variable).map(PathBuf::from);
    let found = tool.find(own.as_ref(), &npm(), &|_| {}).await;
    found.unwrap_or_else(|error| panic!("this test needs a registry, as npm is configured for: {error}"))
}

pub async fn packages(dependencies: &Value) -> Packages {
    let requirements = Requirements::of(&json!({ "dependencies": dependencies })).expect("they can be read");
    match npm().install(&requirements, None, &|_| {}).await {
        Ok(installed) => installed.packages,
        Err(error) => panic!("this test needs a registry, as npm is configured for: {error:?}"),
    }
}

pub fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}
