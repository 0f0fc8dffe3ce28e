//! What checks may take, and what becomes of the compiler's process.

use super::*;

const FINE: &[(&str, &str)] = &[("main.ts", "export const a: number = 'x';")];
/// Types that never come to an end, as far as anybody waits.
const ENDLESS: &str = "
type Two<T> = [T, T] extends [infer A, infer B] ? { a: A; b: B } : never;
type Grow<T, N extends 1[]> = N['length'] extends 60 ? T : Grow<Two<T> | Two<Two<T>>, [...N, 1]>;
type D = 0|1|2|3|4|5|6|7|8|9;
type Many = `${D}${D}${D}${D}`;
type All = { [A in Many]: { [B in Many]: A extends B ? B : `${A}${B}` }[Many] }[Many];
export const x: All = 1 as never as Grow<All, []>;
export const y: All = '';
";

/// Fails with a word about it when the compiler is not gone within a second.
async fn ends(process: &Handle) {
    let ended = tokio::time::timeout(Duration::from_secs(2), process.ended()).await;
    ended.expect("the compiler is still there");
}

async fn is_fine(checker: &TypeChecker) {
    assert_eq!(places(&checker.check(&program(FINE)).await.unwrap()), ["TS2322 main.ts:1:14"]);
}

async fn process(checker: &TypeChecker) -> Option<Handle> {
    checker.0.running.lock().await.compiler.as_ref().map(Compiler::process)
}

#[tokio::test]
async fn a_check_takes_a_bounded_time() {
    let checker = TypeChecker::new(TypeCheckerOptions { time_max: Duration::from_secs(1), ..options() });
    is_fine(&checker).await;
    let first = process(&checker).await.unwrap();
    let error = checker.check(&program(&[("main.ts", ENDLESS)])).await.unwrap_err();
    assert!(matches!(error, CheckError::Timeout(_)), "{error}");
    ends(&first).await;
    is_fine(&checker).await;
}

#[tokio::test]
async fn a_check_takes_bounded_memory() {
    let checker = TypeChecker::new(TypeCheckerOptions { memory_bytes_max: 150_000_000, ..options() });
    is_fine(&checker).await;
    let error = checker.check(&program(&[("main.ts", ENDLESS)])).await.unwrap_err();
    assert_eq!(error.to_string(), "the types take more than 150 MB to check");
    is_fine(&checker).await;
}

#[tokio::test]
async fn a_compiler_that_dies_is_started_again() {
    let checker = checker();
    is_fine(&checker).await;
    let first = process(&checker).await.unwrap();
    first.kill();
    ends(&first).await;
    is_fine(&checker).await;
    let second = process(&checker).await.unwrap();
    assert!(second.pid().is_some() && first.pid().is_none());
}

#[tokio::test]
async fn an_idle_compiler_ends() {
    let checker = TypeChecker::new(TypeCheckerOptions { idle_max: Duration::from_millis(100), ..options() });
    is_fine(&checker).await;
    let first = process(&checker).await.unwrap();
    ends(&first).await;
    is_fine(&checker).await;
}

#[tokio::test]
async fn it_ends_with_its_checker_and_with_a_check_that_nobody_awaits() {
    let checker = checker();
    is_fine(&checker).await;
    let first = process(&checker).await.unwrap();
    let program = program(&[("main.ts", ENDLESS)]);
    let given_up = tokio::time::timeout(Duration::from_millis(300), checker.check(&program)).await;
    assert!(given_up.is_err());
    ends(&first).await;
    is_fine(&checker).await;
    let second = process(&checker).await.unwrap();
    drop(checker);
    ends(&second).await;
}

#[tokio::test]
async fn many_at_once() {
    let checker = checker();
    let checks = (0..20).map(|_| async { is_fine(&checker).await });
    futures_util::future::join_all(checks).await;
}

#[tokio::test]
async fn too_many_errors_are_counted() {
    let checker = checker();
    let found = checker.check(&program(&[("main.ts", &"nowhere;\n".repeat(3_000))])).await.unwrap();
    assert_eq!(found.len(), crate::limits::DIAGNOSTICS_MAX);
    let last = found.last().unwrap();
    assert_eq!((last.message.as_str(), last.line), ("there are 2901 more errors, from here on", 100));
}

#[tokio::test]
async fn a_compiler_that_is_none_is_an_error() {
    // What needs a loader has none; what is not there has nothing.
    for (binary, expected) in [("/bin/true", "statically linked"), ("/nowhere/tsc", "No such file")] {
        let error = TypeChecker::new(options_of(binary.into())).check(&program(FINE)).await.unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("the type checker is not at hand") && error.contains(expected), "{error}");
    }
    // A program that is another one says what it thinks of its arguments.
    let checker = TypeChecker::new(options_of(testing::esbuild().await));
    let error = checker.check(&program(FINE)).await.unwrap_err().to_string();
    assert!(error.starts_with("the type checker failed") && error.contains("Invalid build flag"), "{error}");
    let absent = || -> BoxFuture<'static, _> { Box::pin(async { Err("no network".to_owned()) }) };
    let checker = TypeChecker::new(TypeCheckerOptions::new(Box::new(absent)));
    let error = checker.check(&program(FINE)).await.unwrap_err();
    assert_eq!(error.to_string(), "the type checker is not at hand: no network");
}

#[tokio::test]
async fn memory_stays_bounded() {
    let checker = checker();
    let mut after_ten = 0;
    for round in 0..200 {
        let text = format!(
            "export const a{round}: number = 'x';\n{}",
            "export const b = [1].map(String);".repeat(9)
        );
        let name = format!("lib{round}.ts");
        let program = program(&[("main.ts", "import './lib.ts';"), (&name, &text)]);
        assert!(!checker.check(&program).await.unwrap().is_empty());
        if round == 10 {
            after_ten = process(&checker).await.unwrap().resident_bytes().unwrap();
        }
    }
    let at_last = process(&checker).await.unwrap().resident_bytes().unwrap();
    assert!(at_last < after_ten + 64_000_000, "{after_ten} bytes after ten checks, {at_last} at last");
}

/// Whatever a package's declarations hold, a check ends, and the next one works.
#[tokio::test]
async fn hostile_declarations_are_survived() {
    let checker = TypeChecker::new(TypeCheckerOptions { time_max: Duration::from_secs(2), ..options() });
    let declarations = [
        "export type A = ".to_owned() + &"[".repeat(300_000),
        "export type A = ".to_owned() + &"{a:".repeat(300_000),
        "export const a: ".to_owned() + &"a<b<".repeat(20_000),
        "export type A = ".to_owned() + &"B|".repeat(300_000) + "1;",
        "/// <reference path='index.d.ts' />\n".repeat(10_000),
        format!("export type A = '{}'; export declare const a: A;", "x".repeat(2_000_000)),
    ];
    for text in &declarations {
        let main = ("main.ts", "import * as zed from 'zed';\nexport const a: number = zed;");
        let found = checker.check(&program(&[main, ("node_modules/zed/index.d.ts", text)])).await;
        if let Ok(found) = found {
            assert!(found.iter().all(|one| one.file == "main.ts" && one.message.len() < 20_000), "{found:?}");
        }
        is_fine(&checker).await;
    }
}
