//! Answers to esbuild's questions about one build: what an import means, what a file contains.

use std::panic::AssertUnwindSafe;

use base64::Engine as _;
use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::build::Build;
use super::message::Context as _;
use super::packet::Value;
use super::{Loaded, Loader, lacking, source_map};
use crate::resolve::{Kind, ResolveProblem, Resolved, bare};
use crate::tree::{AUTHOR, STORE};

/// Where files of the tree are.
const FILES: &str = "file";
/// Where modules are that a package does without.
const EMPTY: &str = "empty";
/// Where modules are that throw, because there is none.
const ABSENT: &str = "absent";
/// Where modules are that refuse to be used, because an isolate has none.
const LACKING: &str = "lacking";
/// No problem belongs to a message.
const NONE: u32 = u32::MAX;

/// The last `sourceMappingURL` in a text counts, wherever it stands, and this one leads nowhere: without it, esbuild
/// would read the map that some comment names from the real disk, and put what it finds into ours.
const NO_MAP: &str = "//# sourceMappingURL=none:";
const INLINE_MAP: &str = "//# sourceMappingURL=data:application/json;base64,";

/// Whether a line of a text is the one that was added to it.
pub(super) fn is_added_line(line: &str) -> bool {
    line.starts_with(NO_MAP) || line.starts_with(INLINE_MAP)
}

/// Whether a source is a module of ours, which is nobody's file.
pub fn is_made_up(source: &str) -> bool {
    [EMPTY, ABSENT, LACKING]
        .iter()
        .any(|name| source.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}

/// Ends the path of a script that its package calls an ES module: esbuild cannot be told so, but knows it of `.mjs`.
const MODULE_MARK: &str = "#.mjs";

/// A path of esbuild's without what was added to it.
pub(super) fn unmarked(path: &str) -> &str {
    path.strip_suffix(MODULE_MARK).unwrap_or(path)
}

/// Always an answer that esbuild understands, and never later than it may take.
pub(super) async fn answer(build: &Build, question: Value) -> Value {
    let limit = build.bounds.callback_time;
    let work = async {
        match question.text_of("command") {
            "on-resolve" => resolve(build, &question).await,
            _ => load(build, &question).await,
        }
    };
    let work = timeout(limit, AssertUnwindSafe(work).catch_unwind());
    tokio::select! {
        biased;
        () = build.stopped() => refusal("the build was cancelled"),
        answer = work => match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => refusal("the linker's plugin panicked"),
            Err(_) => refusal(&format!("`{}` took longer than {} ms", question.text_of("path"), limit.as_millis())),
        },
    }
}

pub(super) fn nothing() -> Value {
    Value::map([("errors", Value::empty_list()), ("warnings", Value::empty_list())])
}

/// Fits every kind of question.
pub(super) fn refusal(text: &str) -> Value {
    let errors = Value::List(vec![message(text, NONE)]);
    Value::map([("errors", errors), ("warnings", Value::empty_list())])
}

async fn resolve(build: &Build, question: &Value) -> Value {
    let specifier = question.text_of("path");
    let kind = match question.text_of("kind") {
        "entry-point" => return file(specifier, None, false),
        "require-call" | "require-resolve" => Kind::Require,
        "dynamic-import" => Kind::DynamicImport,
        _ => Kind::Import,
    };
    let importer = unmarked(question.text_of("importer"));
    match build.spec.plugin().resolve(importer, specifier, kind).await {
        Ok(Resolved::File { path, side_effects, is_module }) => {
            build.keep_importer(&path, importer, specifier);
            file(&path, side_effects, is_module)
        }
        Ok(Resolved::External { name }) => {
            Value::map([("id", Value::Int(0)), ("path", Value::Text(name)), ("external", Value::Bool(true))])
        }
        Ok(Resolved::Empty) => Value::map([
            ("id", Value::Int(0)),
            ("path", Value::text(specifier)),
            ("namespace", Value::text(EMPTY)),
            ("sideEffects", Value::Bool(false)),
        ]),
        Ok(Resolved::Absent(problem)) => absent(build, specifier, problem),
        Ok(Resolved::Lacking(problem)) => stand_in(build, specifier, problem),
        Err(problem) => {
            let text = problem.message.clone();
            let errors = Value::List(vec![message(&text, build.keep_problem(problem))]);
            Value::map([("id", Value::Int(0)), ("errors", errors)])
        }
    }
}

/// Whether a path can be one of the plugin's.
pub(super) fn is_in_tree(path: &str) -> bool {
    [AUTHOR, STORE].iter().any(|root| source_map::inside(path, root))
}

fn file(path: &str, side_effects: Option<bool>, is_module: bool) -> Value {
    let is_script = [".js", ".jsx", ".ts", ".tsx"].iter().any(|extension| path.ends_with(extension));
    let mark = if is_module && is_script { MODULE_MARK } else { "" };
    let mut entries = vec![
        ("id".to_owned(), Value::Int(0)),
        ("path".to_owned(), Value::Text(format!("{path}{mark}"))),
        ("namespace".to_owned(), Value::text(FILES)),
    ];
    entries.extend(side_effects.map(|value| ("sideEffects".to_owned(), Value::Bool(value))));
    Value::Map(entries)
}

fn absent(build: &Build, specifier: &str, problem: ResolveProblem) -> Value {
    let text = problem.message.clone();
    let number = build.keep_problem(problem);
    Value::map([
        ("id", Value::Int(0)),
        ("path", Value::text(specifier)),
        ("namespace", Value::text(ABSENT)),
        ("pluginData", Value::Int(number)),
        ("warnings", Value::List(vec![message(&text, number)])),
    ])
}

/// One for all who ask for it, however they write it.
fn stand_in(build: &Build, specifier: &str, problem: ResolveProblem) -> Value {
    let text = problem.message.clone();
    let number = build.keep_problem(problem);
    Value::map([
        ("id", Value::Int(0)),
        ("path", Value::Text(format!("node:{}", bare(specifier)))),
        ("namespace", Value::text(LACKING)),
        ("sideEffects", Value::Bool(false)),
        ("warnings", Value::List(vec![message(&text, number)])),
    ])
}

async fn load(build: &Build, question: &Value) -> Value {
    let path = unmarked(question.text_of("path"));
    match question.text_of("namespace") {
        FILES if is_in_tree(path) => {}
        // Of a real disk that esbuild found by itself: not even its name is told.
        FILES => return refusal("the import leads out of the source"),
        EMPTY => return code(b"module.exports = {};".to_vec()),
        LACKING => return code(lacking::module(path).into_bytes()),
        _ => return code(throwing(build, path, question.int_of("pluginData")).into_bytes()),
    }
    let loaded = match build.spec.plugin().load(path).await {
        Ok(loaded) => loaded,
        Err(text) => return refusal(&text),
    };
    if let Err(failure) = build.count(loaded.contents.len()) {
        let text = failure.to_string();
        build.stop(failure);
        return refusal(&text);
    }
    let attribute = question.find("with").map_or("", |with| with.text_of("type"));
    let loader = loaded.loader.unwrap_or_else(|| Loader::of(path));
    let loader = Loader::of_attribute(attribute).unwrap_or(loader);
    if !loader.is_code() {
        return contents(loaded.contents.into(), loader);
    }
    match code_for_esbuild(build, path, loaded) {
        Ok(text) => contents(text, loader),
        Err(error) => refusal(&format!("the source map of `{path}` is none: {error}")),
    }
}

/// With the line in the end that says which source map counts.
fn code_for_esbuild(build: &Build, path: &str, loaded: Loaded) -> serde_json::Result<Vec<u8>> {
    let is_authors = source_map::inside(path, AUTHOR);
    let mut text = Vec::from(build.without_patterns(path, loaded.contents));
    let map = match loaded.inline_map {
        Some(map) => {
            let (map, source) = source_map::of_module(&map, path)?;
            if let Some(source) = source {
                build.keep_text(path, source);
            }
            format!("{INLINE_MAP}{}", base64::engine::general_purpose::STANDARD.encode(map))
        }
        None if is_authors => {
            build.keep_text(path, String::from_utf8_lossy(&text).into_owned());
            NO_MAP.to_owned()
        }
        None => NO_MAP.to_owned(),
    };
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(map.as_bytes());
    Ok(text)
}

/// A module that fails when it is evaluated, as `require` of it would in Node.
fn throwing(build: &Build, specifier: &str, problem: Option<u32>) -> String {
    let problem = problem.and_then(|number| build.problem(number));
    let reason = problem.map_or_else(|| "it was not bundled".to_owned(), |problem| problem.message);
    let text = serde_json::json!(format!("Cannot find module '{specifier}': {reason}"));
    format!("throw Object.assign(new Error({text}), {{ code: \"MODULE_NOT_FOUND\" }});")
}

fn code(text: Vec<u8>) -> Value {
    contents(text, Loader::Js)
}

fn contents(text: Vec<u8>, loader: Loader) -> Value {
    Value::map([
        ("id", Value::Int(0)),
        ("contents", Value::Bytes(text.into())),
        ("loader", Value::text(loader.name())),
    ])
}

/// Where it belongs is esbuild's to say: it knows the import that it is about.
fn message(text: &str, problem: u32) -> Value {
    Value::map([
        ("id", Value::text("")),
        ("pluginName", Value::text("")),
        ("text", Value::text(text)),
        ("location", Value::Null),
        ("notes", Value::empty_list()),
        ("detail", Value::Int(problem)),
    ])
}
