//! One file: what is wrong with it and exactly where, and what it does once it is a script.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod engine;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use millrace_bundler::Diagnostic;
use millrace_bundler::transpile::{TsConfig, inspect, transpile};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

/// A file of blocks: `# name`, the source, and lines that begin with `=> `, one for each diagnostic or fact.
/// `UPDATE=1` writes down what is found.
fn check(file: &str, find: impl Fn(&str, &str) -> Vec<String>) {
    let path = folder().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let (mut updated, mut failures) = (String::new(), Vec::new());
    for block in text.split("\n# ").map(|block| block.trim_start_matches("# ")) {
        let (name, rest) = block.split_once('\n').unwrap();
        let (source, expected): (Vec<&str>, Vec<&str>) =
            rest.lines().partition(|line| !line.starts_with("=> "));
        let source = source.join("\n").trim_end().to_owned();
        let found: Vec<String> = find(name, &source).iter().map(|line| format!("=> {line}")).collect();
        updated += &format!("# {name}\n{source}\n{}\n\n", found.join("\n"));
        if found != expected {
            failures.push(format!("{source}\n{}\n  expected\n{}", found.join("\n"), expected.join("\n")));
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, updated.trim_end().to_owned() + "\n").unwrap();
    } else {
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    }
}

fn shown(diagnostic: &Diagnostic) -> String {
    let Diagnostic { line, column, end_line, end_column, code, message, .. } = diagnostic;
    let end = if *end_line == Some(*line) { String::new() } else { format!("{}:", end_line.unwrap_or(0)) };
    let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!(" | {hint}"));
    format!("{line}:{column}-{end}{} {code}: {message}{hint}", end_column.unwrap_or(0))
}

#[test]
fn diagnostics() {
    check("diagnostics.txt", |name, source| match transpile(name, source, &Default::default()) {
        Ok(_) => Vec::new(),
        Err(diagnostics) => {
            let snippets = diagnostics.iter().all(|diagnostic| diagnostic.snippet.contains('>'));
            assert!(snippets, "every diagnostic shows its line:\n{source}");
            diagnostics.iter().map(shown).collect()
        }
    });
}

#[test]
fn facts() {
    check("facts.txt", |name, source| match inspect(name, source, &Default::default()) {
        Err(diagnostics) => diagnostics.iter().map(shown).collect(),
        Ok(facts) => {
            let imports = facts.imports.iter().map(|import| {
                let of_type =
                    import.of_type.as_ref().map_or(String::new(), |of_type| format!(" of {of_type}"));
                format!("{} {:?} {}{of_type}", import.place, import.kind, import.specifier)
            });
            let computed = facts
                .computed_imports
                .iter()
                .map(|import| format!("{} computed {:?}", import.place, import.kind));
            let exports = facts
                .exports
                .iter()
                .map(|export| format!("{} exports {} {:?}", export.place, export.name, export.value));
            let processor =
                facts.processor.iter().map(|export| format!("processor {} {:?}", export.name, export.keys));
            let without = facts.no_processor.iter().map(shown);
            imports.chain(computed).chain(exports).chain(processor).chain(without).collect()
        }
    });
}

/// Every file of the folder runs and logs what its last lines say: `//= a line`. A `// tsconfig: {…}` may come first.
#[test]
fn runs() {
    let mut failures = Vec::new();
    for entry in fs::read_dir(folder().join("run")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let (expected, source): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with("//= "));
        let config = text.lines().next().and_then(|line| line.strip_prefix("// tsconfig: ")).unwrap_or("{}");
        let files = BTreeMap::from([("tsconfig.json".to_owned(), config.to_owned())]);
        let options = TsConfig::read(&files, "tsconfig.json").unwrap().options;
        let source = source.join("\n");
        let found: Vec<String> = match transpile(&name, &source, &options) {
            Err(diagnostics) => diagnostics.iter().map(shown).collect(),
            Ok(script) => {
                if std::env::var_os("SHOW").is_some_and(|only| *only == *name) {
                    println!("{}", script.code);
                }
                engine::run(&name, &BTreeMap::from([(name.clone(), script.code)]))
            }
        };
        let found: Vec<String> = found.iter().map(|line| format!("//= {line}")).collect();
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, format!("{}\n{}\n", source.trim_end(), found.join("\n"))).unwrap();
        } else if found != expected {
            failures.push(format!("{name}: found\n{}", found.join("\n")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
