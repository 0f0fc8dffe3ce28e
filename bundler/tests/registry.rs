//! Against the registry that this machine is configured for.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use millrace_bundler::npm::{InstallError, Installed, Npm, NpmConfig, NpmOptions, Requirements};
use millrace_bundler::package::{Package, Packages};
use millrace_bundler::progress::Step;
use serde_json::{Value, json};

fn npm(store: &Path, offline: bool) -> Npm {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let config = NpmConfig::load(&environment, store);
    Npm::new(NpmOptions { store: store.to_owned(), config, offline })
}

async fn install(npm: &Npm, dependencies: Value) -> Installed {
    let requirements = Requirements::of(&json!({ "dependencies": dependencies })).unwrap();
    npm.install(&requirements, None, &|_| {}).await.unwrap_or_else(|error| no_registry(error))
}

fn no_registry(error: InstallError) -> ! {
    panic!("this test needs a registry, as npm is configured for: {error:?}")
}

fn root<'a>(packages: &'a Packages, name: &str) -> &'a Package {
    &packages.packages[&packages.roots[name]]
}

/// What every resolution must be.
fn assert_sane(installed: &Installed) {
    let packages = &installed.packages;
    for (id, package) in &packages.packages {
        assert!(id.0.starts_with(&format!("{}@{}", package.name, package.version)), "{id}");
        assert!(package.integrity.starts_with("sha512-"), "{id} {}", package.integrity);
        let package_json: Value =
            serde_json::from_slice(&package.files.read("package.json").unwrap()).unwrap();
        assert_eq!(package_json["name"], package.name, "{id}");
        assert_eq!(package_json["version"], package.version, "{id}");
        assert!(package.dependencies.values().all(|target| packages.packages.contains_key(target)), "{id}");
        let declared = package_json["dependencies"].as_object().into_iter().flatten();
        for (name, _) in declared {
            let optional = package_json["optionalDependencies"].get(name).is_some();
            assert!(optional || package.dependencies.contains_key(name), "{id} lacks {name}");
        }
    }
    assert_eq!(packages.packages.len(), installed.lock.packages().len());
}

#[tokio::test]
async fn zod() {
    let store = tempfile::tempdir().unwrap();
    let online = npm(store.path(), false);
    let installed = install(&online, json!({"zod": "^4"})).await;
    assert_sane(&installed);
    assert_eq!(installed.packages.packages.len(), 1);
    assert!(root(&installed.packages, "zod").version.starts_with("4."));

    let again = install(&npm(store.path(), true), json!({"zod": "^4"})).await;
    assert_eq!(again.lock, installed.lock);
}

#[tokio::test]
async fn openai() {
    let store = tempfile::tempdir().unwrap();
    let installed = install(&npm(store.path(), false), json!({"openai": "^6", "zod": "*"})).await;
    assert_sane(&installed);
    let openai = root(&installed.packages, "openai");
    assert_eq!(openai.dependencies.get("zod"), Some(&installed.packages.roots["zod"]));
}

#[tokio::test]
async fn tanstack() {
    let store = tempfile::tempdir().unwrap();
    let dependencies = json!({"@tanstack/ai": "*", "@tanstack/ai-openai": "*", "zod": "*"});
    let installed = install(&npm(store.path(), false), dependencies).await;
    assert_sane(&installed);
    let adapter = root(&installed.packages, "@tanstack/ai-openai");
    assert_eq!(adapter.dependencies.get("@tanstack/ai"), Some(&installed.packages.roots["@tanstack/ai"]));
}

#[tokio::test]
async fn just_bash() {
    let store = tempfile::tempdir().unwrap();
    let installed = install(&npm(store.path(), false), json!({"just-bash": "*"})).await;
    assert_sane(&installed);
}

/// A program for this machine comes without resolving, can be run, and is there without a network.
#[tokio::test]
async fn a_platform_package() {
    const INTEGRITY: &str =
        "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==";
    let store = tempfile::tempdir().unwrap();
    let pinned = |offline: bool| {
        let npm = npm(store.path(), offline);
        async move { npm.pinned("@esbuild/linux-x64", "0.28.2", INTEGRITY, &|_| {}).await }
    };
    let files = pinned(false).await.unwrap_or_else(|error| no_registry(error));
    let program = files.folder().unwrap().join("bin/esbuild");
    let mode = std::os::unix::fs::PermissionsExt::mode(&program.metadata().unwrap().permissions());
    assert_eq!(mode & 0o111, 0o111);
    pinned(true).await.unwrap();
}

/// Prints what an installation takes; run it with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn timings() {
    let cases = [
        ("zod", json!({"zod": "*"})),
        ("openai", json!({"openai": "*"})),
        ("tanstack", json!({"@tanstack/ai": "*", "@tanstack/ai-openai": "*", "zod": "*"})),
        ("just-bash", json!({"just-bash": "*"})),
    ];
    for (name, dependencies) in cases {
        let store = tempfile::tempdir().unwrap();
        let requirements = Requirements::of(&json!({ "dependencies": dependencies })).unwrap();
        let measure = async |npm: &Npm, steps: bool| {
            let start = Instant::now();
            let on_step = |step| match step {
                Step::Downloading { done: 0, total } if steps => {
                    println!("  resolved after {:?}, {total} to download", start.elapsed());
                }
                _ => {}
            };
            (npm.install(&requirements, None, &on_step).await.unwrap(), start.elapsed())
        };
        let first = npm(store.path(), false);
        let (installed, cold) = measure(&first, true).await;
        let mut warm = Vec::new();
        for _ in 0..20 {
            warm.push(measure(&first, false).await.1);
        }
        let (_, other_process) = measure(&npm(store.path(), false), false).await;
        std::fs::remove_dir_all(store.path().join("1/resolutions")).unwrap();
        let (_, no_memo) = measure(&npm(store.path(), false), false).await;
        warm.sort();
        let files: usize =
            installed.packages.packages.values().map(|package| package.files.paths().count()).sum();
        println!(
            "{name}: {} packages, {files} files; cold {cold:?}, warm {:?} (best {:?}), another process {other_process:?}, \
             without the memo {no_memo:?}",
            installed.packages.packages.len(),
            warm[warm.len() / 2],
            warm[0],
        );
        assert!(cold < Duration::from_secs(60));
    }
}
