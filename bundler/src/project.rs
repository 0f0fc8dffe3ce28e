//! What an author hands in, checked before anything else looks at it: the names and sizes of the files, and which
//! of them is the entry.

use serde_json::Value;

use crate::limits::{FILE_BYTES_MAX, FILES_MAX, PATH_CHARS_MAX, SOURCE_BYTES_MAX};
use crate::manifest::FILE;
use crate::{Diagnostic, Project};

/// Names that an entry has when nobody says which it is, by rank.
const ENTRY_STEMS: [&str; 6] = ["processor", "index", "main", "src/processor", "src/index", "src/main"];
/// What can be a module, by rank.
const CODE_EXTENSIONS: [&str; 8] = ["ts", "tsx", "mts", "js", "mjs", "jsx", "cts", "cjs"];

impl Project {
    /// The file that a diagnostic of the whole names: the one that describes it, else the one that runs, else any.
    pub(crate) fn face(&self) -> &str {
        let given = self.package_json.as_deref().is_some_and(|json| json.trim() != "null");
        let described = given || self.files.contains_key(FILE);
        let known = || ENTRY_STEMS.iter().find_map(|stem| with_extension(self, stem));
        let runs = || self.entry.as_ref().and_then(|entry| named(self, entry)).or_else(known);
        let runs = || runs().and_then(|name| self.files.get_key_value(&name));
        let code = || self.files.iter().find(|(name, _)| is_code(name));
        match described {
            true => FILE,
            false => runs().or_else(code).or_else(|| self.files.iter().next()).map_or(FILE, |(name, _)| name),
        }
    }
}

/// Everything that is wrong with the names and sizes.
pub fn check(project: &Project) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if project.files.len() > FILES_MAX {
        let message = format!("the source has {} files; it may have {FILES_MAX}", project.files.len());
        found.push(
            Diagnostic::of_source(project, "too-many-files", message)
                .with_hint("publish what is shared as an npm package, or join files"),
        );
    }
    let total: usize = project.files.values().map(String::len).sum();
    if total > SOURCE_BYTES_MAX {
        let message = format!("the source has {total} bytes; all files together may have {SOURCE_BYTES_MAX}");
        found.push(
            Diagnostic::of_source(project, "source-too-large", message)
                .with_hint("read data from events instead of carrying it in the source"),
        );
    }
    for (name, text) in &project.files {
        found.extend(misnamed(name).map(|why| bad_path(name, why)));
        if text.len() > FILE_BYTES_MAX {
            let message = format!("{name} has {} bytes; a file may have {FILE_BYTES_MAX}", text.len());
            found.push(
                Diagnostic::error("file-too-large", message, name, "", (1, 1))
                    .with_hint("read data from events instead of carrying it in the source"),
            );
        }
        if let Some(folder) = folders(name).find(|folder| project.files.contains_key(*folder)) {
            found.push(bad_path(name, &format!("{folder} is a file and cannot be a folder, too")));
        }
    }
    found
}

fn bad_path(name: &str, why: &str) -> Diagnostic {
    Diagnostic::error("bad-file-path", format!("the file name {name:?} cannot be: {why}"), name, "", (1, 1))
        .with_hint("names are relative paths inside the source, such as processor.ts or lib/words.ts")
}

fn misnamed(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        return Some("it is empty");
    }
    if name.chars().count() > PATH_CHARS_MAX {
        return Some("it is too long");
    }
    if name.starts_with('/') || name.contains('\\') || name.contains(':') {
        return Some("it is not a relative path with `/` between folders");
    }
    if name.chars().any(char::is_control) {
        return Some("it has control characters");
    }
    if name.split('/').any(|segment| segment == "..") {
        return Some("it leads out of the source");
    }
    if name.split('/').any(|segment| matches!(segment, "" | ".")) {
        return Some("it has an empty segment, or a `.`");
    }
    if name.split('/').any(|segment| segment == "node_modules") {
        return Some("node_modules is where packages are; declare them in package.json instead");
    }
    None
}

/// The folders that a name says there are.
fn folders(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

/// The file whose export is the processor.
pub fn entry(project: &Project, manifest: Option<&Value>) -> Result<String, Diagnostic> {
    if let Some(entry) = &project.entry {
        let found = named(project, entry).ok_or_else(|| not_found(project, entry))?;
        return if is_code(&found) { Ok(found) } else { Err(not_code(&found)) };
    }
    let main =
        manifest.and_then(|manifest| ["module", "main"].iter().find_map(|key| manifest.get(key)?.as_str()));
    // A `main` that `npm init` has put there means nothing when there is no such file.
    if let Some(main) = main.and_then(|main| named(project, main)).filter(|main| is_code(main)) {
        return Ok(main);
    }
    let known = ENTRY_STEMS.iter().find_map(|stem| with_extension(project, stem));
    let mut code = project.files.keys().filter(|name| is_code(name));
    match (known, code.next(), code.next()) {
        (Some(known), _, _) => Ok(known),
        (None, Some(only), None) => Ok(only.clone()),
        (None, Some(_), Some(_)) => Err(Diagnostic::of_source(
            project,
            "entry-not-found",
            "none of the files is the entry by its name",
        )
        .with_hint(format!(
            "call it processor.ts, or say which it is with `entry`; there are {}",
            listed(project)
        ))),
        (None, None, _) => Err(Diagnostic::of_source(
            project,
            "entry-not-found",
            "the source has no TypeScript or JavaScript file",
        )
        .with_hint("put the processor into processor.ts")),
    }
}

fn named(project: &Project, name: &str) -> Option<String> {
    let name = name.trim_start_matches("./");
    if project.files.contains_key(name) {
        return Some(name.to_string());
    }
    let without = CODE_EXTENSIONS.iter().find_map(|extension| name.strip_suffix(&format!(".{extension}")));
    // What the author would have compiled to `dist/x.js` or `x.js` is here as it was written.
    with_extension(project, name).or_else(|| with_extension(project, without?))
}

fn with_extension(project: &Project, stem: &str) -> Option<String> {
    CODE_EXTENSIONS
        .iter()
        .map(|extension| format!("{stem}.{extension}"))
        .find(|name| project.files.contains_key(name))
}

/// Of types alone.
pub fn is_declaration(name: &str) -> bool {
    [".d.ts", ".d.mts", ".d.cts"].iter().any(|suffix| name.ends_with(suffix))
}

pub fn is_code(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    !is_declaration(name) && extension.is_some_and(|extension| CODE_EXTENSIONS.contains(&extension))
}

fn not_code(entry: &str) -> Diagnostic {
    let message = format!("the entry {entry} is neither TypeScript nor JavaScript by its name");
    Diagnostic::error("entry-not-code", message, entry, "", (1, 1))
        .with_hint("let `entry` name the file whose default export is the processor")
}

fn not_found(project: &Project, entry: &str) -> Diagnostic {
    let message = format!("`entry` names {entry:?}, which is not among the files");
    Diagnostic::of_source(project, "entry-not-found", message)
        .with_hint(format!("there are {}", listed(project)))
}

fn listed(project: &Project) -> String {
    const SHOWN_MAX: usize = 10;
    let mut names: Vec<&str> = project.files.keys().take(SHOWN_MAX).map(String::as_str).collect();
    if project.files.len() > SHOWN_MAX {
        names.push("…");
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn project(names: &[&str]) -> Project {
        Project {
            files: names.iter().map(|name| (name.to_string(), String::new())).collect(),
            ..Project::default()
        }
    }

    #[test]
    fn names_that_cannot_be() {
        let cases = [
            ("processor.ts", true),
            ("lib/ä b.ts", true),
            ("../../etc/passwd", false),
            ("/etc/passwd", false),
            ("a//b.ts", false),
            ("./a.ts", false),
            ("a\\b.ts", false),
            ("C:/a.ts", false),
            ("", false),
            ("node_modules/zod/index.js", false),
        ];
        for (name, fine) in cases {
            assert_eq!(check(&project(&[name])).is_empty(), fine, "{name:?}");
        }
        assert_eq!(check(&project(&["a", "a/b.ts"]))[0].code, "bad-file-path");
    }

    #[test]
    fn the_whole_is_told_at_a_file_that_is_there() {
        type Case = (&'static [&'static str], Option<&'static str>, Option<&'static str>, &'static str);
        let cases: [Case; 7] = [
            (&["processor.ts", "package.json"], None, None, "package.json"),
            (&["processor.ts"], None, Some("{}"), "package.json"),
            (&["processor.ts"], None, Some("null"), "processor.ts"),
            (&["a.ts", "b.ts"], Some("b.js"), None, "b.ts"),
            (&["a.md", "b.ts", "c.ts"], Some("nope.ts"), None, "b.ts"),
            (&["a.ts", "index.ts"], None, None, "index.ts"),
            (&["a.md"], None, None, "a.md"),
        ];
        for (names, entry, package_json, expected) in cases {
            let (entry, package_json) = (entry.map(String::from), package_json.map(String::from));
            let project = Project { entry, package_json, ..project(names) };
            assert_eq!(project.face(), expected, "{names:?}");
        }
    }

    #[test]
    fn entries() {
        let main = |main: &str| Some(json!({ "main": main }));
        type Case = (&'static [&'static str], Option<&'static str>, Option<Value>, Option<&'static str>);
        let cases: [Case; 10] = [
            (&["processor.ts", "b.ts"], None, main("index.js"), Some("processor.ts")),
            (&["processor.ts", "index.ts"], None, None, Some("processor.ts")),
            (&["src/index.js", "lib.js"], None, None, Some("src/index.js")),
            (&["agent.ts", "package.json"], None, None, Some("agent.ts")),
            (&["a.ts", "b.ts"], None, None, None),
            (&["a.ts", "b.ts"], Some("./b.ts"), None, Some("b.ts")),
            (&["a.ts", "b.ts"], Some("c.ts"), None, None),
            (&["a.ts", "b.ts"], None, main("./a.js"), Some("a.ts")),
            (&["a.ts", "b.ts"], None, main("b"), Some("b.ts")),
            (&["types.d.ts"], None, None, None),
        ];
        for (names, entry, manifest, expected) in cases {
            let project = Project { entry: entry.map(String::from), ..project(names) };
            assert_eq!(
                super::entry(&project, manifest.as_ref()).ok().as_deref(),
                expected,
                "{names:?} {entry:?}"
            );
        }
    }
}
