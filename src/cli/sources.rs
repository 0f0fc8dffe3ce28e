//! The files of a processor on this machine: what is deployed, and what code frames are cut from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use crate::event::Slug;
use crate::limits::MODULES_MAX;

/// The name under which the server knows the one module of a script.
const SCRIPT_NAME: &str = "processor.js";
/// Folders deeper than this are more likely a loop of links than somebody's modules.
const FOLDER_DEPTH_MAX: usize = 16;

/// A processor's modules, by the names in which the server speaks of them.
#[derive(Debug)]
pub struct Sources {
    modules: BTreeMap<String, Module>,
    single: bool,
}

#[derive(Debug)]
struct Module {
    /// As a person finds it: relative to where the command was given.
    shown: String,
    text: String,
}

impl Sources {
    pub fn open(path: &Path) -> Result<Sources, Failure> {
        let metadata = fs::metadata(path)
            .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))?;
        let sources = if metadata.is_dir() { Sources::of_folder(path)? } else { Sources::of_file(path)? };
        Ok(sources)
    }

    /// A script that is in no file.
    pub fn of_script(shown: &str, text: &str) -> Sources {
        let module = Module { shown: shown.to_string(), text: text.to_string() };
        Sources { modules: BTreeMap::from([(SCRIPT_NAME.to_string(), module)]), single: true }
    }

    fn of_file(path: &Path) -> Result<Sources, Failure> {
        refuse_typescript(path)?;
        Ok(Sources::of_script(&path.display().to_string(), &text_of(path)?))
    }

    fn of_folder(folder: &Path) -> Result<Sources, Failure> {
        let mut modules = BTreeMap::new();
        for path in files_below(folder, 0)? {
            refuse_typescript(&path)?;
            if !has_extension(&path, &["js", "mjs"]) {
                continue;
            }
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let name: Vec<String> =
                below.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
            let module = Module { shown: path.display().to_string(), text: text_of(&path)? };
            modules.insert(name.join("/"), module);
        }
        if modules.is_empty() {
            return Err(Failure::failed(format!("{} has no .js or .mjs files", folder.display())));
        }
        if modules.len() > MODULES_MAX {
            return Err(Failure::failed(format!(
                "{} has {} modules; a processor may have {MODULES_MAX}",
                folder.display(),
                modules.len()
            )));
        }
        Ok(Sources { modules, single: false })
    }

    /// The member of `processor/configured` that holds the code, and its value.
    pub fn member(&self) -> (&'static str, serde_json::Value) {
        match self.modules.values().next() {
            Some(module) if self.single => ("script", module.text.clone().into()),
            _ => {
                let texts =
                    self.modules.iter().map(|(name, module)| (name.clone(), module.text.clone().into()));
                ("modules", serde_json::Value::Object(texts.collect()))
            }
        }
    }

    /// A module by the name in which the server speaks of it: how it is called here, and its text.
    pub fn find(&self, name: &str) -> Option<(&str, &str)> {
        let module = self.modules.get(name.trim_start_matches("./").trim_start_matches('/'))?;
        Some((&module.shown, &module.text))
    }
}

/// A processor's name after its file's or folder's: lower case, with dashes for what a slug cannot have.
pub fn slug_of(path: &Path) -> Result<Slug, Failure> {
    let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    let name = match stem(&absolute) {
        // `ping/processor.js` is called after its folder.
        Some(name) if name == "processor" || name == "index" => {
            absolute.parent().and_then(stem).or(Some(name))
        }
        name => name,
    };
    let dashed: String = name
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' { c } else { '-' })
        .collect();
    let trimmed: String = dashed.trim_start_matches(['-', '_']).chars().take(64).collect();
    Slug::parse(trimmed.trim_end_matches('-')).map_err(|_| {
        Failure::usage(format!("cannot make a slug of the name {}: give one with --slug", path.display()))
    })
}

fn text_of(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("cannot read {} as text: {error}", path.display())))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|found| extensions.contains(&found))
}

fn refuse_typescript(path: &Path) -> Result<(), Failure> {
    if has_extension(path, &["ts", "tsx", "mts", "jsx"]) {
        return Err(Failure::failed(format!(
            "{} is not plain JavaScript: TypeScript and JSX arrive with the bundler, so deploy a .js file for now",
            path.display()
        )));
    }
    Ok(())
}

/// Every file that may be a module; installed packages and hidden folders are not the author's.
fn files_below(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, Failure> {
    if depth > FOLDER_DEPTH_MAX {
        return Err(Failure::failed(format!("{} is nested too deeply", folder.display())));
    }
    let unreadable =
        |error: std::io::Error| Failure::failed(format!("cannot read {}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path, depth + 1)?);
        } else if !name.ends_with(".d.ts") {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_from_names() {
        let cases = [
            ("ping.js", Some("ping")),
            ("examples/Word Count.mjs", Some("word-count")),
            ("x/sub-agent/processor.js", Some("sub-agent")),
            ("agents/", Some("agents")),
            ("é.js", None),
        ];
        for (path, expected) in cases {
            let slug = slug_of(Path::new(path)).ok();
            assert_eq!(slug.as_ref().map(Slug::as_str), expected, "{path}");
        }
    }

    #[test]
    fn a_folder_is_its_modules() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("lib")).unwrap();
        fs::create_dir_all(folder.path().join("node_modules/x")).unwrap();
        fs::write(folder.path().join("processor.js"), "a").unwrap();
        fs::write(folder.path().join("lib/b.mjs"), "b").unwrap();
        fs::write(folder.path().join("node_modules/x/index.ts"), "no").unwrap();
        fs::write(folder.path().join("README.md"), "no").unwrap();
        let sources = Sources::open(folder.path()).unwrap();
        assert_eq!(
            sources.member(),
            ("modules", serde_json::json!({ "lib/b.mjs": "b", "processor.js": "a" }))
        );
        assert_eq!(sources.find("./lib/b.mjs").unwrap().1, "b");
        fs::write(folder.path().join("lib/c.ts"), "c").unwrap();
        assert!(Sources::open(folder.path()).unwrap_err().to_string().contains("TypeScript"));
    }
}
