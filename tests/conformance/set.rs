//! Which tests are run: the areas of `set.txt`, found in a checkout.

use std::path::Path;

const SET: &str = include_str!("set.txt");

pub struct Area {
    pub name: String,
    /// Folders, and files.
    paths: Vec<String>,
    /// Left out, each for a reason that the set names.
    without: Vec<String>,
}

/// A file of tests, and the variant of it.
pub struct TestFile {
    path: String,
    variant: String,
    scripts: Vec<String>,
}

impl TestFile {
    pub fn shown(&self) -> String {
        format!("{}{}", self.path, self.variant)
    }

    /// What the shim is told.
    pub fn payload(&self) -> String {
        let TestFile { path, variant, scripts } = self;
        serde_json::json!({ "path": path, "variant": variant, "scripts": scripts }).to_string()
    }
}

/// `area path...` adds to an area; `- path reason...` leaves something of the area above out.
pub fn areas() -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    for line in SET.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        match (words.next(), areas.last_mut()) {
            (Some("-"), Some(area)) => area.without.extend(words.next().map(String::from)),
            (Some(name), _) => areas.push(Area {
                name: name.into(),
                paths: words.map(String::from).collect(),
                without: Vec::new(),
            }),
            (None, _) => {}
        }
    }
    areas
}

pub fn names() -> Vec<String> {
    areas().into_iter().map(|area| area.name).collect()
}

pub fn files(wpt: &Path, area: &Area) -> Vec<TestFile> {
    let mut found = Vec::new();
    for path in &area.paths {
        find(wpt, path, &mut found);
    }
    found.retain(|path| !area.without.iter().any(|without| path.starts_with(without.as_str())));
    found.sort();
    found.dedup();
    found.iter().flat_map(|path| variants(wpt, path)).collect()
}

fn find(wpt: &Path, path: &str, found: &mut Vec<String>) {
    let entry = wpt.join(path);
    if entry.is_file() {
        found.push(path.into());
        return;
    }
    for entry in std::fs::read_dir(entry).into_iter().flatten().flatten() {
        let name = format!("{path}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() || name.ends_with(".any.js") {
            find(wpt, &name, found);
        }
    }
}

/// A file, once for each variant that it names; none when it is for windows only.
fn variants(wpt: &Path, path: &str) -> Vec<TestFile> {
    let text = std::fs::read_to_string(wpt.join(path)).unwrap_or_default();
    let meta = |key: &str| -> Vec<String> {
        let lines = text.lines().take_while(|line| line.starts_with("//") || line.trim().is_empty());
        lines
            .filter_map(|line| {
                Some(line.strip_prefix("// META: ")?.strip_prefix(key)?.strip_prefix('=')?.to_string())
            })
            .collect()
    };
    let globals = meta("global");
    if globals.iter().any(|globals| !globals.contains("worker") && !globals.contains("shadowrealm")) {
        return Vec::new();
    }
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let scripts: Vec<String> = meta("script").iter().map(|script| resolved(folder, script)).collect();
    let variants = meta("variant");
    let variants = if variants.is_empty() { vec![String::new()] } else { variants };
    let file = |variant| TestFile { path: path.into(), variant, scripts: scripts.clone() };
    variants.into_iter().map(file).collect()
}

fn resolved(folder: &str, script: &str) -> String {
    if let Some(absolute) = script.strip_prefix('/') {
        return absolute.into();
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in script.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
