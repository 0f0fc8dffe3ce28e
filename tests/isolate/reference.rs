//! The reference implementation's own test suite, from a checkout of its repository: `cargo xtask conformance jsonata DIR`
//! names the folder and runs this. It prints a table, and is right when no more fails than what is known and said why.

#![allow(clippy::print_stdout, reason = "the table is for whoever runs it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use millrace::event::Expression;
use millrace::jsonata::{Bindings, evaluate_here};
use serde_json::Value;

/// The cases that do not pass: of which group, how many, and why. No more may fail, and no fewer without a line less.
const KNOWN: [(&str, usize, &str); 3] = [
    ("function-encodeUrl", 1, "its text has a lone surrogate, which no UTF-8 text can hold"),
    ("function-encodeUrlComponent", 1, "its text has a lone surrogate, which no UTF-8 text can hold"),
    ("tail-recursion", 1, "it is to fail at a depth of 302, and we allow more"),
];

struct Case {
    spec: Value,
    expression: String,
}

#[test]
#[ignore = "needs a checkout of the reference implementation: cargo xtask conformance jsonata DIR"]
fn the_suite_of_the_reference() {
    let folder = std::env::var_os("MILLRACE_CONFORMANCE_DIR").map(PathBuf::from);
    let suite = folder.expect("MILLRACE_CONFORMANCE_DIR names the checkout").join("test/test-suite");
    let datasets = datasets(&suite);
    let mut groups: Vec<PathBuf> = list(&suite.join("groups"));
    groups.retain(|group| group.is_dir());
    assert!(!groups.is_empty(), "{} has no groups", suite.display());
    let mut table = Table::default();
    for group in &groups {
        let name = group.file_name().unwrap().to_string_lossy().into_owned();
        for file in list(group) {
            if file.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Some(cases) = read_cases(group, &file) else {
                table.add(&name, Err(format!("{} holds no UTF-8 text", file.display())));
                continue;
            };
            for case in cases {
                table
                    .add(&name, judge(&case, &datasets).map_err(|why| format!("{}: {why}", case.expression)));
            }
        }
    }
    table.print();
    let known: BTreeMap<String, usize> =
        KNOWN.iter().map(|(group, count, _)| (group.to_string(), *count)).collect();
    assert_eq!(table.failed, known, "what fails is not what is known to");
}

#[derive(Default)]
struct Table {
    groups: BTreeMap<String, (usize, usize)>,
    failed: BTreeMap<String, usize>,
}

impl Table {
    fn add(&mut self, group: &str, outcome: Result<(), String>) {
        let (passed, all) = self.groups.entry(group.to_string()).or_default();
        *all += 1;
        match outcome {
            Ok(()) => *passed += 1,
            Err(why) => {
                println!("FAILED {group}: {why}");
                *self.failed.entry(group.to_string()).or_default() += 1;
            }
        }
    }

    fn print(&self) {
        println!("| group | passed | of |\n| --- | --- | --- |");
        for (group, (passed, all)) in &self.groups {
            println!("| {group} | {passed} | {all} |");
        }
        let sum = |pick: fn(&(usize, usize)) -> usize| self.groups.values().map(pick).sum::<usize>();
        let (passed, all) = (sum(|group| group.0), sum(|group| group.1));
        println!("| all | {passed} | {all} |\n\n{:.2} % pass", 100.0 * passed as f64 / all as f64);
    }
}

fn judge(case: &Case, datasets: &BTreeMap<String, String>) -> Result<(), String> {
    let spec = &case.spec;
    let found = evaluated(case, datasets);
    let code = spec["code"].as_str().or(spec["error"]["code"].as_str());
    let right = match (&found, code) {
        (Err(found), Some(expected)) => is_code(found, expected, spec),
        (Ok(None), None) => spec.get("undefinedResult").is_some(),
        (Ok(Some(text)), None) => spec.get("result").is_some_and(|expected| is_value(text, expected)),
        _ => false,
    };
    if right { Ok(()) } else { Err(format!("{found:?}, and not {}", expectation(spec))) }
}

/// The value as JSON, or the code of the failure.
fn evaluated(case: &Case, datasets: &BTreeMap<String, String>) -> Result<Option<String>, String> {
    let expression = Expression::parse(&case.expression).map_err(|error| error.code)?;
    let data = case.spec.get("data").map(Value::to_string);
    let input = data.as_deref().or_else(|| Some(datasets.get(case.spec["dataset"].as_str()?)?.as_str()));
    let bindings: Bindings = serde_json::from_value(case.spec["bindings"].clone()).unwrap_or_default();
    evaluate_here(&expression, input, &bindings).map_err(|failure| failure.code)
}

/// The suite's own runner bounds the time and the depth of some cases, and calls both by one code of its own.
fn is_code(found: &str, expected: &str, spec: &Value) -> bool {
    let bounded = spec.get("timelimit").is_some() && expected == "U1001";
    found == expected || (bounded && matches!(found, "timeout" | "stack-overflow"))
}

fn is_value(text: &str, expected: &Value) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|found| same(&found, expected))
}

/// Numbers are doubles, however they are written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

fn expectation(spec: &Value) -> String {
    ["result", "code", "error", "undefinedResult"]
        .iter()
        .find_map(|key| spec.get(key).map(|value| format!("{key} {value}")))
        .unwrap_or_default()
}

fn datasets(suite: &Path) -> BTreeMap<String, String> {
    let read = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&file).unwrap())
    };
    list(&suite.join("datasets")).into_iter().map(read).collect()
}

/// None when the file is no JSON that a UTF-8 text can hold.
fn read_cases(group: &Path, file: &Path) -> Option<Vec<Case>> {
    let specs = match serde_json::from_str(&std::fs::read_to_string(file).unwrap()).ok()? {
        Value::Array(specs) => specs,
        spec => vec![spec],
    };
    let case = |spec: Value| {
        let expression = match spec["expr-file"].as_str() {
            Some(name) => std::fs::read_to_string(group.join(name)).unwrap(),
            None => spec["expr"].as_str().unwrap().to_string(),
        };
        Case { spec, expression }
    };
    Some(specs.into_iter().map(case).collect())
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let read = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = read.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
