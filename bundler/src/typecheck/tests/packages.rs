//! Real packages: each file below `packages/` names those that it uses in its first line, and what is found in it in
//! its last ones.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::*;
use crate::tree::Tree;

#[tokio::test]
async fn real_packages() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/typecheck/tests/packages");
    let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = String::new();
    for case in cases {
        let text = std::fs::read_to_string(&case).unwrap();
        let program = program_of(&text).await;
        // A compiler of its own, so that the first time is a cold one.
        let checker = TypeChecker::new(options());
        let started = Instant::now();
        let found = checker.check(&program).await.unwrap();
        let cold = started.elapsed();
        assert_eq!(checker.check(&program).await.unwrap(), found);
        let name = case.file_name().unwrap().to_string_lossy();
        println!("{name:20} {} ms, then {} ms", cold.as_millis(), (started.elapsed() - cold).as_millis());

        let expected: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("// expected: ")).collect();
        let place = |one: &Diagnostic| format!("{} {}:{}", one.code, one.line, one.column);
        if found.iter().map(place).collect::<Vec<_>>() != expected {
            let all = found.iter().map(|one| format!("{}: {}\n", place(one), one.message));
            wrong.push_str(&format!("\n{name}: expected {expected:?}\n{}", all.collect::<String>()));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// With the packages that its first line names.
async fn program_of(text: &str) -> Program {
    let named = text.lines().next().and_then(|line| line.strip_prefix("// packages: ")).unwrap();
    let dependencies: Map<String, Value> = named
        .split(' ')
        .map(|package| package.rsplit_once('@').unwrap())
        .map(|(name, version)| (name.to_owned(), version.into()))
        .collect();
    let packages = testing::packages(&dependencies.into()).await;
    let own = [("main.ts".to_owned(), Bytes::copy_from_slice(text.as_bytes()))];
    Program {
        files: Arc::new(Tree::new(own, &packages)),
        entry: "main.ts".to_owned(),
        sources: vec!["main.ts".to_owned()],
    }
}
