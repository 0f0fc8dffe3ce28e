//! The files of a processor on this machine: what is deployed or bundled, and what code frames are cut from.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use millrace_bundler::reached::{own_slug, reached};
use millrace_bundler::{Project, project};
use serde_json::Value;

use super::failure::Failure;
use super::places::{Shown, common, is_file, name_below, nearest};
use crate::event::Slug;
use crate::limits::MODULES_MAX;

/// The name under which the server knows the one module of a script.
const SCRIPT_NAME: &str = "processor.js";
const PACKAGE_JSON: &str = "package.json";
const TSCONFIG: &str = "tsconfig.json";
/// What an isolate runs as it is.
const PLAIN_EXTENSIONS: [&str; 2] = ["js", "mjs"];
/// What only the bundler can make run.
const TYPED_EXTENSIONS: [&str; 6] = ["ts", "tsx", "mts", "cts", "jsx", "cjs"];
/// Of other package managers: the bundle event has a lock of its own.
const LOCK_FILES: [&str; 4] = ["package-lock.json", "npm-shrinkwrap.json", "deno.lock", "bun.lock"];
/// Folders deeper than this are more likely a loop of links than somebody's modules.
const FOLDER_DEPTH_MAX: usize = 16;

/// A processor's files, by the names in which the server speaks of them.
#[derive(Debug)]
pub struct Sources {
    files: BTreeMap<String, File>,
    form: Form,
}

/// In what form the server is given them.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// One JavaScript module, as it is.
    Script,
    /// Several, as they are.
    Modules,
    /// For the bundler: TypeScript, or packages. The entry, where it is known.
    Project { entry: Option<String> },
}

#[derive(Debug)]
struct File {
    /// As a person finds it: relative to where the command was given.
    shown: String,
    text: String,
}

impl Sources {
    pub fn open(path: &Path) -> Result<Sources, Failure> {
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::no_such_file(path),
            _ => unreadable(path, &error),
        })?;
        let sources = if metadata.is_dir() { Sources::of_folder(path)? } else { Sources::of_file(path)? };
        Ok(sources)
    }

    /// A script that is in no file.
    pub fn of_script(shown: &str, text: &str) -> Sources {
        let file = File { shown: shown.to_string(), text: text.to_string() };
        Sources { files: BTreeMap::from([(SCRIPT_NAME.to_string(), file)]), form: Form::Script }
    }

    /// A project that is in no folder.
    pub fn of_project(name: &str, text: &str, package_json: Option<&str>) -> Sources {
        let texts = [(name, Some(text)), (PACKAGE_JSON, package_json)];
        let files = texts.into_iter().filter_map(|(name, text)| {
            Some((name.to_string(), File { shown: name.to_string(), text: text?.to_string() }))
        });
        Sources { files: files.collect(), form: Form::Project { entry: None } }
    }

    /// A project that this program was built with.
    pub fn of_texts(texts: &[(&str, &str)]) -> Sources {
        let files = texts
            .iter()
            .map(|(name, text)| (name.to_string(), File { shown: name.to_string(), text: text.to_string() }));
        Sources { files: files.collect(), form: Form::Project { entry: None } }
    }

    /// One file, what it imports of the author's, and what says how they are to be built.
    fn of_file(path: &Path) -> Result<Sources, Failure> {
        let reached = reached(path).map_err(|error| unreadable(path, &error))?;
        let entry = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
        let folder = entry.parent().unwrap_or(Path::new("/"));
        let manifest = nearest(folder, PACKAGE_JSON);
        let counts = |manifest: &&PathBuf| reached.needs_packages || manifest.parent() == Some(folder);
        let wanted = manifest.as_ref().filter(counts);
        if has_extension(path, &PLAIN_EXTENSIONS) && wanted.is_none() && reached.files.len() == 1 {
            return Ok(Sources::of_script(&path.display().to_string(), &text_of(path)?));
        }
        let project = manifest.as_ref().and_then(|manifest| manifest.parent());
        let configuration =
            project.map_or_else(|| nearest(folder, TSCONFIG), |project| is_file(project.join(TSCONFIG)));
        let home = project.or_else(|| configuration.as_ref()?.parent()).unwrap_or(folder);
        // What is imported from above makes the folder larger.
        let root = reached.files.keys().fold(home, |root, file| common(root, file));
        let shown = Shown::beside(path, &entry);
        let name = |file: &Path| name_below(root, file);
        let mut files = BTreeMap::new();
        for (file, text) in &reached.files {
            files.insert(name(file), File { shown: shown.of(file), text: text.clone() });
        }
        for file in configurations(configuration.as_deref())? {
            files.insert(name(&file), File { shown: shown.of(&file), text: text_of(&file)? });
        }
        if let Some(manifest) = wanted {
            let file = File { shown: shown.of(manifest), text: text_of(manifest)? };
            files.insert(PACKAGE_JSON.to_string(), file);
        }
        Ok(Sources { files, form: Form::Project { entry: Some(name(&entry)) } })
    }

    fn of_folder(folder: &Path) -> Result<Sources, Failure> {
        let mut files = BTreeMap::new();
        for path in files_below(folder, 0)? {
            files.insert(name_below(folder, &path), path);
        }
        let is_plain = |name: &String| has_extension(Path::new(name), &PLAIN_EXTENSIONS);
        let is_project = files.contains_key(PACKAGE_JSON)
            || files.keys().any(|name| has_extension(Path::new(name), &TYPED_EXTENSIONS));
        let sources = if is_project {
            Sources { files: project_files(&files)?, form: Form::Project { entry: None } }
        } else {
            let modules = files.iter().filter(|(name, _)| is_plain(name));
            let opened = modules.map(|(name, path)| Ok((name.clone(), File::open(path)?)));
            Sources { files: opened.collect::<Result<_, Failure>>()?, form: Form::Modules }
        };
        if sources.files.is_empty() {
            return Err(Failure::failed(format!(
                "{} has no TypeScript or JavaScript files",
                folder.display()
            )));
        }
        if sources.files.len() > MODULES_MAX {
            return Err(Failure::failed(format!(
                "{} has {} files; a processor may have {MODULES_MAX}",
                folder.display(),
                sources.files.len()
            )));
        }
        Ok(sources)
    }

    /// Whether the bundler is to make a processor of them.
    pub fn is_project(&self) -> bool {
        matches!(self.form, Form::Project { .. })
    }

    /// The members of the configuring event's payload that hold the code.
    pub fn members(&self) -> Vec<(&'static str, Value)> {
        let texts =
            || self.files.iter().map(|(name, file)| (name.clone(), file.text.clone().into())).collect();
        match &self.form {
            Form::Script => {
                let script = self.files.values().next().map(|file| file.text.clone());
                vec![("script", script.unwrap_or_default().into())]
            }
            Form::Modules => vec![("modules", Value::Object(texts()))],
            Form::Project { entry } => {
                let entry = entry.as_ref().map(|entry| ("entry", entry.clone().into()));
                [("files", Value::Object(texts()))].into_iter().chain(entry).collect()
            }
        }
    }

    /// What the processor calls itself, or else the name of its file or folder.
    pub fn slug(&self, path: &Path) -> Result<Slug, Failure> {
        match self.own_slug().and_then(|slug| Slug::parse(&slug).ok()) {
            Some(slug) => Ok(slug),
            None => slug_of(path),
        }
    }

    fn own_slug(&self) -> Option<String> {
        let given = self.project();
        let manifest = self.files.get(PACKAGE_JSON).and_then(|file| serde_json::from_str(&file.text).ok());
        let entry = project::entry(&given, manifest.as_ref()).ok()?;
        own_slug(&entry, given.files.get(&entry)?)
    }

    /// For a build on this machine.
    pub fn project(&self) -> Project {
        let entry = match &self.form {
            Form::Project { entry } => entry.clone(),
            Form::Script => Some(SCRIPT_NAME.to_string()),
            Form::Modules => None,
        };
        let files = self.files.iter().map(|(name, file)| (name.clone(), file.text.clone())).collect();
        Project { files, entry, ..Project::default() }
    }

    /// A file by the name in which the server speaks of it: how it is called here, and its text.
    pub fn find(&self, name: &str) -> Option<(&str, &str)> {
        let file = self.files.get(name.trim_start_matches("./").trim_start_matches('/'))?;
        Some((&file.shown, &file.text))
    }
}

impl File {
    fn open(path: &Path) -> Result<File, Failure> {
        Ok(File { shown: path.display().to_string(), text: text_of(path)? })
    }
}

/// `ping.test.ts`, which is for another runtime.
fn is_test(name: &str) -> bool {
    [".test.", ".spec."].iter().any(|part| name.contains(part))
}

/// What a build reads without being told: any other JSON may be somebody's secret.
fn is_configuration(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    last == PACKAGE_JSON || is_tsconfig(last)
}

fn is_tsconfig(last: &str) -> bool {
    last.starts_with("tsconfig") && last.ends_with(".json")
}

/// Of a folder's files those that a build may look at: code, its configuration, and any text that the code names.
fn project_files(files: &BTreeMap<String, PathBuf>) -> Result<BTreeMap<String, File>, Failure> {
    let is_lock = |name: &str| LOCK_FILES.iter().any(|lock| name.ends_with(lock));
    let (code, others): (Vec<_>, Vec<_>) =
        files.iter().filter(|(name, _)| !is_lock(name)).partition(|(name, _)| {
            let path = Path::new(name.as_str());
            has_extension(path, &PLAIN_EXTENSIONS) || has_extension(path, &TYPED_EXTENSIONS)
        });
    let mut opened = BTreeMap::new();
    for (name, path) in code {
        opened.insert(name.clone(), File::open(path)?);
    }
    let is_named = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or(name);
        opened.values().any(|file: &File| file.text.contains(last))
    };
    let wanted: Vec<_> =
        others.into_iter().filter(|(name, _)| is_configuration(name) || is_named(name)).collect();
    for (name, path) in wanted {
        opened.insert(name.clone(), File::open(path)?);
    }
    Ok(opened)
}

/// A `tsconfig.json` and those beside it that it may extend.
fn configurations(tsconfig: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let Some(folder) = tsconfig.and_then(Path::parent) else { return Ok(Vec::new()) };
    let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    Ok(paths.filter(|path| path.is_file() && is_tsconfig(&name_below(folder, path))).collect())
}

/// A processor's name after its file's or folder's: lower case, with dashes for what a slug cannot have.
fn slug_of(path: &Path) -> Result<Slug, Failure> {
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

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot read {}: {error}", path.display()))
}

fn text_of(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::failed(format!("cannot read {} as text: {error}", path.display())))
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|found| extensions.contains(&found))
}

/// Every file of a folder but tests; installed packages and hidden folders are not the author's.
fn files_below(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, Failure> {
    if depth > FOLDER_DEPTH_MAX {
        return Err(Failure::failed(format!("{} is nested too deeply", folder.display())));
    }
    let unreadable = |error| unreadable(folder, &error);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || name == "node_modules" || is_test(&name) {
            continue;
        }
        if path.is_dir() {
            // A link may lead back to where it stands.
            if path.is_symlink() {
                continue;
            }
            files.extend(files_below(&path, depth + 1)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files, which of them is given, the names under which they go, and the slug.
    type Case =
        (&'static [(&'static str, &'static str)], &'static str, &'static [&'static str], &'static str);

    const FILES: &[Case] = &[
        // Nothing but what it needs.
        (&[("ping.js", "export default {}"), ("b.js", "")], "ping.js", &["processor.js"], "ping"),
        (&[("ping.ts", "export default { slug: 'pong' }"), ("b.ts", "")], "ping.ts", &["ping.ts"], "pong"),
        (&[("a.js", "import './b.js'"), ("b.js", "")], "a.js", &["a.js", "b.js"], "a"),
        // A project's folder is that of its package.json, which counts if it is beside the file or a package is imported.
        (
            &[
                ("package.json", "{}"),
                ("tsconfig.json", "{}"),
                ("tsconfig.base.json", "{}"),
                ("x/a.ts", "import '../y/b.ts'"),
                ("y/b.ts", ""),
            ],
            "x/a.ts",
            &["tsconfig.base.json", "tsconfig.json", "x/a.ts", "y/b.ts"],
            "a",
        ),
        (&[("package.json", "{}"), ("x/a.ts", "import 'zod'")], "x/a.ts", &["package.json", "x/a.ts"], "a"),
        (&[("package.json", "{}"), ("x/a.js", "import 'zod'")], "x/a.js", &["package.json", "x/a.js"], "a"),
        (&[("package.json", "{}"), ("x/a.js", "import 'millrace'")], "x/a.js", &["processor.js"], "a"),
        (&[("package.json", "{}"), ("a.js", "")], "a.js", &["a.js", "package.json"], "a"),
        // Where a repository begins, its surroundings end.
        (
            &[("package.json", "{}"), ("r/.git/HEAD", ""), ("r/x/a.ts", "import 'zod'")],
            "r/x/a.ts",
            &["a.ts"],
            "a",
        ),
        // What is imported from above the project.
        (
            &[("p/package.json", "{}"), ("p/a.ts", "import 'zod'; import '../q/b'"), ("q/b.ts", "")],
            "p/a.ts",
            &["p/a.ts", "package.json", "q/b.ts"],
            "a",
        ),
    ];

    #[test]
    fn a_file_and_what_it_leads_to() {
        for (files, given, expected, slug) in FILES {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in *files {
                fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
                fs::write(folder.path().join(name), text).unwrap();
            }
            fs::create_dir_all(folder.path().join(".git")).unwrap();
            let path = folder.path().join(given);
            let sources = Sources::open(&path).unwrap();
            let names: Vec<&str> = sources.files.keys().map(String::as_str).collect();
            assert_eq!(names, *expected, "{files:?}");
            assert_eq!(sources.slug(&path).unwrap().as_str(), *slug, "{files:?}");
            for file in sources.files.values() {
                assert!(Path::new(&file.shown).is_file(), "{file:?}");
            }
        }
    }

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
        fs::write(folder.path().join("processor.test.js"), "no").unwrap();
        let sources = Sources::open(folder.path()).unwrap();
        let modules = serde_json::json!({ "lib/b.mjs": "b", "processor.js": "a" });
        assert_eq!(sources.members(), [("modules", modules)]);
        assert_eq!(sources.find("./lib/b.mjs").unwrap().1, "b");
    }

    #[test]
    fn a_folder_with_typescript_is_a_project() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("processor.ts", "import prompt from './prompt.md' with { type: 'text' };"),
            ("prompt.md", "be kind"),
            ("README.md", "no"),
            ("package.json", "{}"),
            ("package-lock.json", "{}"),
        ];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let sources = Sources::open(folder.path()).unwrap();
        let names: Vec<String> = sources.project().files.into_keys().collect();
        assert_eq!(names, ["package.json", "processor.ts", "prompt.md"]);
        let one = Sources::open(&folder.path().join("processor.ts")).unwrap();
        assert_eq!(one.members()[1], ("entry", "processor.ts".into()));
        assert!(one.find("package.json").is_some() && one.is_project());
    }
}
