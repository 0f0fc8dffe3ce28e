//! Checks with the real compiler: the one that `MILLRACE_TSC` names, or the pinned one out of the store that all
//! tests share. Without it and without a registry there is nothing to test with.

mod bounds;
mod closed;
mod errors;
mod examples;
mod packages;
mod processors;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;
use crate::npm::{Npm, NpmConfig, NpmOptions};
use crate::tools::TYPESCRIPT;
use tree::MemoryTree;

async fn checker() -> Option<TypeChecker> {
    compiler().await.map(|binary| TypeChecker::new(options(binary)))
}

/// None, and a word about it, when there is no compiler to be had.
async fn compiler() -> Option<PathBuf> {
    let own = std::env::var_os("MILLRACE_TSC").map(PathBuf::from);
    match TYPESCRIPT.find(own.as_ref(), &npm(), &|_| {}).await {
        Ok(binary) => Some(binary),
        Err(reason) => {
            println!("not tested: {reason}");
            None
        }
    }
}

fn npm() -> Npm {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/packages");
    let config = NpmConfig::load(&std::env::vars().collect(), &store);
    Npm::new(NpmOptions { store, config, offline: false })
}

fn options(binary: PathBuf) -> TypeCheckerOptions {
    TypeCheckerOptions::new(Box::new(move || {
        let binary = binary.clone();
        Box::pin(async move { Ok(binary) })
    }))
}

/// Whose entry is the first file, and whose sources are all of them below no `node_modules`.
fn program(files: &[(&str, &str)]) -> Program {
    let own = files.iter().filter(|(path, _)| !path.starts_with('/') && !path.starts_with("node_modules/"));
    Program {
        entry: files[0].0.to_owned(),
        sources: own.map(|(path, _)| (*path).to_owned()).collect(),
        files: Arc::new(MemoryTree::of(files)),
    }
}

/// `TS2322 main.ts:1:7`, one for each.
fn places(diagnostics: &[Diagnostic]) -> Vec<String> {
    diagnostics.iter().map(|one| format!("{} {}:{}:{}", one.code, one.file, one.line, one.column)).collect()
}
