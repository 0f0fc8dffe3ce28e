//! The order of the layers (src/ARCHITECTURE.md): a module may only name those that its line allows,
//! and some names stay inside one module.

use super::Complaint;
use super::files::File;

/// Each module of `src/` and the ones that it may know. `main.rs` and `lib.rs` stand above all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("limits", &[]),
    ("event", &["limits"]),
    ("memory", &["limits"]),
    ("client", &["event"]),
    ("processor", &["event", "limits"]),
    ("log", &["processor", "event", "limits"]),
    ("egress", &["event", "limits"]),
    ("isolate", &["processor", "event", "limits"]),
    ("jsonata", &["isolate", "event", "limits"]),
    ("stream", &["log", "processor", "event", "limits"]),
    ("processors", &["isolate", "jsonata", "egress", "stream", "log", "processor", "event", "limits"]),
    (
        "host",
        &[
            "processors",
            "isolate",
            "jsonata",
            "egress",
            "stream",
            "log",
            "memory",
            "processor",
            "event",
            "limits",
        ],
    ),
    ("http", &["host", "processors", "egress", "stream", "log", "processor", "event", "limits"]),
    ("config", &["log", "event", "limits"]),
    (
        "cli",
        &[
            "client",
            "http",
            "host",
            "config",
            "isolate",
            "processors",
            "egress",
            "stream",
            "log",
            "processor",
            "event",
            "limits",
        ],
    ),
];

pub fn order(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files {
        let Some(module) = module_of(&file.path) else { continue };
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!("{} is a module without a line in layers.rs", file.path));
            continue;
        };
        for (number, used) in modules_named(file) {
            let is_module = MAY_USE.iter().any(|(name, _)| *name == used);
            if is_module && used != module && !allowed.contains(&used.as_str()) {
                complaints.push(format!("{}:{number}: `{module}` may not know `{used}`", file.path));
            }
        }
    }
    complaints
}

/// A name, and the one module that may have it. The command line sends traces beside what
/// its client asks for.
const CONFINED: &[(&str, &[&str])] = &[
    ("sled::", &["log"]),
    ("fjall::", &["log"]),
    ("rquickjs::", &["isolate"]),
    ("jsonata_core::", &["event", "jsonata"]),
    ("axum::", &["http"]),
    ("StatusCode", &["http", "client"]),
    ("reqwest::", &["cli", "client"]),
    ("std::env::var", &["config"]),
    // A worker process has arguments of its own, which no person gives.
    ("std::env::args", &["config", "isolate"]),
    ("clap::", &["config"]),
];

pub fn confined(files: &[File]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| !file.is_test()) {
        let Some(module) = module_of(&file.path) else { continue };
        for (number, line) in code_lines(file) {
            let found = CONFINED.iter().filter(|(name, homes)| !homes.contains(&module) && names(line, name));
            complaints.extend(found.map(|(name, homes)| {
                format!("{}:{number}: `{name}` belongs to `{}` alone", file.path, homes.join("` and `"))
            }));
        }
    }
    complaints
}

/// `src/log/keys.rs` and `src/log.rs` are of the module `log`.
fn module_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    let top = rest.split('/').next()?;
    let module = top.strip_suffix(".rs").or((top != rest).then_some(top))?;
    (module != "main" && module != "lib").then_some(module)
}

fn code_lines(file: &File) -> impl Iterator<Item = (usize, &str)> {
    file.product_lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The modules that a file names behind `crate::`, also in `crate::{a, b::c}` over several lines.
fn modules_named(file: &File) -> Vec<(usize, String)> {
    let lines: Vec<(usize, &str)> = code_lines(file).collect();
    let mut named = Vec::new();
    for (index, (number, line)) in lines.iter().enumerate() {
        for (at, _) in line.match_indices("crate::") {
            let rest = line[at + "crate::".len()..].to_string();
            let path = lines[index + 1..].iter().map(|(_, line)| *line).take(if rest.contains('{') {
                20
            } else {
                0
            });
            let path = path.fold(rest, |path, line| path + " " + line);
            named.extend(first_names(&path).into_iter().map(|name| (*number, name.to_string())));
        }
    }
    named
}

fn first_names(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![identifier(path)];
    };
    let mut depth = 0;
    let mut names = vec![identifier(group.trim_start())];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(identifier(group[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// Whether `line` has `name` as a whole word: `sled::` is not in `xsled::`, nor in `self::sled::`.
fn names(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = &line[..at];
        !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn modules_are_found_in_every_form_of_path() {
        let cases: [(&str, &[&str]); 5] = [
            ("use crate::log::Log;", &["log"]),
            ("use crate::{event::{Event, Slug}, stream, host::Host};", &["event", "stream", "host"]),
            ("use crate::{\n    event::{A,\n B},\n    log,\n};\nuse x::{y, z};", &["event", "log", ""]),
            ("fn f(x: crate::http::X) -> crate::log::Y {", &["http", "log"]),
            ("use super::path;", &[]),
        ];
        for (text, expected) in cases {
            let named: Vec<String> =
                modules_named(&file("src/x.rs", text)).into_iter().map(|(_, n)| n).collect();
            assert_eq!(named, expected, "{text}");
        }
    }

    #[test]
    fn a_module_that_looks_right_of_itself_is_a_complaint() {
        assert!(!order(&[file("src/event/path.rs", "use crate::log::Log;")]).is_empty());
        assert!(order(&[file("src/log/keys.rs", "use crate::event::Event;")]).is_empty());
        assert!(!order(&[file("src/novelty.rs", "")]).is_empty());
        assert!(!confined(&[file("src/stream.rs", "use sled::Db;")]).is_empty());
        assert!(confined(&[file("src/log/sled.rs", "use sled::Db;")]).is_empty());
    }
}
