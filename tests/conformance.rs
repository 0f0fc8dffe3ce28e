//! Runs web-platform-tests of a checkout in isolates, and counts. Not a test of `cargo test`: `cargo xtask conformance`
//! starts it, with a folder that the project does not contain.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]

#[path = "conformance/bridge.rs"]
mod bridge;
#[path = "conformance/set.rs"]
mod set;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;

use bridge::{Checkout, Outcome, event};
use millrace::isolate::{Bounds, IsolateOptions, Isolates, Sources, Spec};
use set::{Area, TestFile};

/// The shim in front of the tests: it reads them through its `read`, and appends what came of each.
const RUNNER: &str = include_str!("conformance/runner.js");
/// What a file of tests may take on a busy machine: RSA keys, and derivations of a hundred thousand rounds.
const FILE_TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Arguments {
    wpt: PathBuf,
    areas: Vec<String>,
    /// Only files with this in their path.
    only: Option<String>,
    shows_failures: bool,
    as_json: bool,
}

#[derive(Default, serde::Serialize)]
struct Score {
    files: usize,
    tests: usize,
    passed: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(arguments) = arguments() else {
        eprintln!("usage: conformance --wpt DIR [--area AREA]... [--only TEXT] [--failures] [--json]");
        return ExitCode::from(2);
    };
    if let Some(unknown) = arguments.areas.iter().find(|area| !set::names().contains(area)) {
        eprintln!("there is no area `{unknown}`; there are {}", set::names().join(", "));
        return ExitCode::from(2);
    }
    let wanted = |area: &Area| arguments.areas.is_empty() || arguments.areas.contains(&area.name);
    let mut scores = Vec::new();
    for area in set::areas().into_iter().filter(wanted) {
        let mut files = set::files(&arguments.wpt, &area);
        if files.is_empty() {
            eprintln!("{} has no tests of {}: is it a checkout?", arguments.wpt.display(), area.name);
            return ExitCode::FAILURE;
        }
        files.retain(|file| arguments.only.as_ref().is_none_or(|only| file.shown().contains(only.as_str())));
        scores.push((area.name, run_area(&arguments, files).await));
    }
    if arguments.as_json {
        println!("{}", serde_json::to_string(&scores.into_iter().collect::<BTreeMap<_, _>>()).unwrap());
    } else {
        print_table(&scores);
    }
    ExitCode::SUCCESS
}

fn arguments() -> Option<Arguments> {
    let mut arguments = Arguments::default();
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--wpt" => arguments.wpt = given.next()?.into(),
            "--area" => arguments.areas.push(given.next()?),
            "--only" => arguments.only = Some(given.next()?),
            "--failures" => arguments.shows_failures = true,
            "--json" => arguments.as_json = true,
            _ => return None,
        }
    }
    (!arguments.wpt.as_os_str().is_empty()).then_some(arguments)
}

async fn run_area(arguments: &Arguments, files: Vec<TestFile>) -> Score {
    let isolates =
        Isolates::start(IsolateOptions { workers: 2, program: env!("CARGO_BIN_EXE_millrace").into() });
    let mut score = Score::default();
    let outcomes = files.into_iter().map(|file| run_file(&isolates, &arguments.wpt, file));
    // One on each worker; what came of them is told in order.
    let mut outcomes = futures_util::stream::iter(outcomes).buffered(2);
    while let Some((file, outcome)) = outcomes.next().await {
        score.files += 1;
        score.tests += outcome.tests.len();
        score.passed += outcome.tests.iter().filter(|test| test.failure.is_none()).count();
        if let Some(trouble) = &outcome.trouble {
            // A file that broke off counts as one more test, and that failed.
            score.tests += 1;
            eprintln!("{}: {trouble}", file.shown());
        }
        for test in outcome.tests.iter().filter(|_| arguments.shows_failures) {
            if let Some(failure) = &test.failure {
                eprintln!("{}: {}: {failure}", file.shown(), test.name);
            }
        }
    }
    score
}

async fn run_file(isolates: &Isolates, wpt: &Path, file: TestFile) -> (TestFile, Outcome) {
    let checkout = Arc::new(Checkout::new(wpt));
    let spec = async {
        let code = isolates.compile(Arc::new(Sources::script("runner.js", RUNNER))).await?;
        let bounds = Bounds {
            memory_bytes: 512 * 1024 * 1024,
            cpu_per_turn: FILE_TIMEOUT,
            hook_timeout: FILE_TIMEOUT,
            timers: 10_000,
            appends_per_hook: 10_000,
            event_bytes: 64 * 1024 * 1024,
            generates_code: true,
            ..Bounds::default()
        };
        let spec = Spec {
            project: "public".into(),
            path: "/conformance".into(),
            slug: "conformance".into(),
            configured_offset: 1,
            code,
            env: BTreeMap::new(),
            bounds,
            state: None,
        };
        isolates.load(spec, checkout.clone()).await
    };
    let reacted = match spec.await {
        Ok(isolate) => isolate.react(&event(2, &file.payload())).await.map_err(|error| bridge::told(&error)),
        Err(error) => Err(error.to_string()),
    };
    (file, checkout.outcome(reacted.err()))
}

fn print_table(scores: &[(String, Score)]) {
    println!("\n| area | files | tests | passed | rate |\n| --- | ---: | ---: | ---: | ---: |");
    let mut all = Score::default();
    for (name, score) in scores {
        print_row(name, score);
        all.files += score.files;
        all.tests += score.tests;
        all.passed += score.passed;
    }
    if scores.len() > 1 {
        print_row("all", &all);
    }
}

fn print_row(name: &str, score: &Score) {
    let rate = 100.0 * score.passed as f64 / score.tests.max(1) as f64;
    println!("| {name} | {} | {} | {} | {rate:.1} % |", score.files, score.tests, score.passed);
}
