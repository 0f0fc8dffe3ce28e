//! The linked script behaves as the modules do: every case runs both ways, and both ways log the same.

mod engine;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millrace_bundler::Diagnostic;
use millrace_bundler::link::{Input, Linked, Target, Unresolved, link};
use millrace_bundler::transpile::{ImportKind, Language, TsConfig, transpile};

/// A case is a text of files, each below a line `//// name`. The first is the entry; `expected` holds what is
/// logged, or the diagnostics. A first line of `linked only` leaves the modules themselves out.
struct Case {
    entry: String,
    files: BTreeMap<String, String>,
    expected: String,
    linked_only: bool,
}

fn read(text: &str) -> Case {
    let mut case =
        Case { entry: String::new(), files: BTreeMap::new(), expected: String::new(), linked_only: false };
    let (head, rest) = text.split_once("//// ").unwrap();
    case.linked_only = head.contains("linked only");
    for part in rest.split("\n//// ") {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        match name.trim() {
            "expected" => text.trim_end().clone_into(&mut case.expected),
            name => {
                if case.entry.is_empty() {
                    name.clone_into(&mut case.entry);
                }
                case.files.insert(name.to_owned(), format!("{text}\n"));
            }
        }
    }
    case
}

fn resolve(files: &BTreeMap<String, String>, importer: &str, name: &str) -> Result<Target, Unresolved> {
    if engine::HOST.iter().any(|(module, _)| *module == name) {
        return Ok(Target::External(name.to_owned()));
    }
    let known: Vec<String> = files.keys().cloned().collect();
    match engine::find(importer, name, &known) {
        Some(file) if name.starts_with('.') => Ok(Target::File(file)),
        _ => Err(Unresolved {
            code: "unresolved-import".to_owned(),
            message: format!("cannot find `{name}`"),
            hint: None,
        }),
    }
}

fn linked(case: &Case) -> Result<Linked, Vec<Diagnostic>> {
    let options = TsConfig::read(&case.files, "tsconfig.json").unwrap().options;
    let resolve = |importer: &str, name: &str, _: ImportKind| resolve(&case.files, importer, name);
    link(&Input {
        entry: &case.entry,
        files: &case.files,
        options: &options,
        resolve: &resolve,
        wants_processor: false,
    })
}

/// What is warned of, what is logged, and the script.
fn run_linked(case: &Case) -> (Vec<String>, Vec<String>, String) {
    match linked(case) {
        Ok(linked) => {
            let script = linked.script.clone();
            let lines = engine::run("bundle.js", &BTreeMap::from([("bundle.js".to_owned(), linked.script)]));
            let warned = linked.warnings.iter().map(|warning| format!("warning: {}", shown(warning)));
            (warned.collect(), lines, script)
        }
        Err(diagnostics) => (Vec::new(), diagnostics.iter().map(shown).collect(), String::new()),
    }
}

fn shown(diagnostic: &Diagnostic) -> String {
    let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!(" | {hint}"));
    let Diagnostic { file, line, column, code, message, .. } = diagnostic;
    format!("{file}:{line}:{column} {code}: {message}{hint}")
}

/// Each file as a module of its own, behind QuickJS's loader.
fn run_modules(case: &Case) -> Vec<String> {
    let options = TsConfig::read(&case.files, "tsconfig.json").unwrap().options;
    let mut modules = BTreeMap::new();
    for (name, text) in &case.files {
        let source = match Language::of(name) {
            Some(_) => match transpile(name, text, &options) {
                Ok(transpiled) => transpiled.code,
                Err(diagnostics) => return diagnostics.iter().map(shown).collect(),
            },
            None if name.ends_with(".json") => data(text),
            None => format!("export default {}", serde_json::to_string(text).unwrap()),
        };
        modules.insert(name.clone(), source);
    }
    engine::run(&case.entry, &modules)
}

fn data(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let keys = value.as_object().map_or(String::new(), |object| {
        object.keys().map(|key| format!("export const {key} = data.{key};\n")).collect()
    });
    format!("const data = {text};\nexport default data;\n{keys}")
}

/// `UPDATE=1` writes down what is found.
#[test]
fn cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/link");
    let mut failures = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let case = read(&text);
        let (warned, lines, script) = run_linked(&case);
        let found = [&warned[..], &lines[..]].concat().join("\n");
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if std::env::var_os("SHOW").is_some_and(|only| *only == *name) {
            println!("{script}");
        }
        if !case.linked_only {
            let modules = run_modules(&case);
            if modules != lines {
                failures.push(format!(
                    "{name}: as modules\n{}\n  linked\n{}",
                    modules.join("\n"),
                    lines.join("\n")
                ));
            }
        }
        if std::env::var_os("UPDATE").is_some() {
            let head = text.split("\n//// expected").next().unwrap();
            fs::write(&path, format!("{}\n//// expected\n{found}\n", head.trim_end())).unwrap();
        } else if found != case.expected {
            failures.push(format!("{name}: expected\n{}\n  found\n{found}", case.expected));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
