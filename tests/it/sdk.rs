//! The SDK (runtime-js): built with the pinned compiler into the shape in which npm has it, types and all, and its own
//! tests, which are TypeScript, run against a server, in every runtime that it is for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::harness::Server;
use crate::harness::programs::{BUN, DENO, NODE, Program, compiler};

#[test]
fn in_node() {
    passes(&NODE, &[]);
}

#[test]
fn in_bun() {
    passes(&BUN, &[]);
}

#[test]
fn in_deno() {
    passes(&DENO, &["run", "--no-remote", "--allow-net", "--allow-env", "--allow-read"]);
}

fn passes(runtime: &Program, flags: &[&str]) {
    let built = built();
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let caches = tempfile::tempdir().unwrap();
    let output = Command::new(runtime.find())
        .args(flags)
        .arg(built.join("tests/out/run.js"))
        .env("MILLRACE_URL", format!("http://{}", server.address))
        .env("DENO_DIR", caches.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    succeeded("the tests of the SDK", output);
}

/// The package under `node_modules`, and the tests beside it; built once for all runtimes.
fn built() -> &'static Path {
    static BUILT: OnceLock<TempDir> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            build(folder.path());
            folder
        })
        .path()
}

fn build(target: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime-js");
    let package = target.join("node_modules/millrace");
    fs::create_dir_all(&package).unwrap();
    fs::copy(source.join("package.json"), package.join("package.json")).unwrap();
    fs::copy(source.join("tsconfig.json"), target.join("tsconfig.json")).unwrap();
    fs::write(target.join("package.json"), r#"{"type":"module"}"#).unwrap();
    copy(&source.join("tests"), &target.join("tests"));
    let tsc = compiler();
    compile(&tsc, &source.join("tsconfig.json"), Some(&package.join("dist")));
    compile(&tsc, &target.join("tests/tsconfig.json"), None);
}

fn compile(tsc: &Path, project: &Path, into: Option<&Path>) {
    let mut command = Command::new(tsc);
    command.arg("-p").arg(project);
    if let Some(folder) = into {
        command.arg("--outDir").arg(folder);
    }
    succeeded(&format!("tsc -p {}", project.display()), command.output().unwrap());
}

fn succeeded(what: &str, output: Output) {
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{what}: {}\n{}\n{}",
        output.status,
        said(&output.stdout),
        said(&output.stderr)
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let entries = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path());
    for path in entries.collect::<Vec<PathBuf>>() {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
