//! Checks with the real compiler.

mod bounds;
mod closed;
mod errors;
mod examples;
mod packages;
mod processors;
mod tree;

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::testing;
use tree::MemoryTree;

fn checker() -> TypeChecker {
    TypeChecker::new(options())
}

fn options() -> TypeCheckerOptions {
    TypeCheckerOptions::new(Box::new(|| Box::pin(async { Ok(testing::tsc().await) })))
}

fn options_of(binary: PathBuf) -> TypeCheckerOptions {
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
