//! One source and all its packages as a tree of files that exists nowhere: the author's files under `/p`, each package
//! under `/s`, links between them. Whoever resolves or reads through it cannot see the machine's own disk.
//!
//! ```text
//! /p/main.ts                                   an author's file
//! /p/node_modules/zod                          a link ─▶ /s/zod@4.6.7/node_modules/zod
//! /s/zod@4.6.7/node_modules/zod/index.js       a package's file
//! /s/openai@6.49.0/node_modules/zod            a link, for the package's own dependencies
//! ```
//!
//! A package stands at one place however it is reached, so it is one module. Aliases, peers and several versions of one
//! package fall out of that; what a package bundles lies within its own files and is found first.

mod file_system;
mod place;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

pub use file_system::TreeFileSystem;
use place::Place;

use crate::package::{PackageFiles, PackageId, Packages};

/// Where the author's files lie.
pub const AUTHOR: &str = "/p";
/// Where the packages lie.
pub const STORE: &str = "/s";

#[derive(Debug)]
pub struct Tree {
    author: PackageFiles,
    author_links: Links,
    packages_key: String,
    /// The author's dependencies, also those that are not at hand.
    declared: BTreeSet<String>,
    /// By the name of their folder below `/s`.
    packages: HashMap<String, Installed>,
    /// The first file that is listed in a package and could not be read.
    damage: OnceLock<String>,
}

#[derive(Debug)]
struct Installed {
    name: String,
    files: Arc<PackageFiles>,
    links: Links,
}

/// What lies in a `node_modules` folder: names, and the folders of the packages that they lead to.
type Links = BTreeMap<String, String>;

/// What a path leads to, when its last part is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node<'a> {
    File,
    Folder,
    Link(&'a str),
}

impl Tree {
    /// Paths of the author's files are relative to the source.
    pub fn new(files: impl IntoIterator<Item = (String, Bytes)>, packages: &Packages) -> Tree {
        let mut installed = HashMap::new();
        for (id, package) in &packages.packages {
            let mut links = links_to(packages, &package.dependencies);
            // Its own folder stands under that name.
            links.remove(&package.name);
            let files = package.files.clone();
            installed.insert(segment(id), Installed { name: package.name.clone(), files, links });
        }
        Tree {
            author: PackageFiles::in_memory(files),
            packages_key: key_of(packages),
            author_links: links_to(packages, &packages.roots),
            declared: packages.roots.keys().cloned().collect(),
            packages: installed,
            damage: OnceLock::new(),
        }
    }

    /// Equal for trees that have the same packages at the same places.
    pub fn packages_key(&self) -> &str {
        &self.packages_key
    }

    pub fn is_file(&self, path: &str) -> bool {
        let path = normalized(path);
        matches!(self.find(&self.followed(&path)), Some(Node::File))
    }

    pub fn is_dir(&self, path: &str) -> bool {
        let path = normalized(path);
        matches!(self.find(&self.followed(&path)), Some(Node::Folder))
    }

    /// The names of the files and of the folders in a folder, each in order; links count as the folders that they
    /// lead to. Nothing when there is no such folder.
    pub fn entries(&self, path: &str) -> (Vec<String>, Vec<String>) {
        let path = normalized(path);
        let real = self.followed(&path);
        let (mut files, mut folders) = (BTreeSet::new(), BTreeSet::new());
        match self.place(&real) {
            Some(Place::Root) => folders.extend(["p", "s"].map(String::from)),
            Some(Place::Author(inside)) => {
                list(self.author.below(inside), &mut files, &mut folders);
                folders.extend(self.author_links_below(inside).map(first_part));
            }
            Some(Place::Store) => folders.extend(self.packages.keys().cloned()),
            Some(Place::Shelf) => drop(folders.insert("node_modules".to_owned())),
            Some(Place::Modules(package, inside)) => {
                let names = package.links.keys().chain([&package.name]);
                folders.extend(names.filter_map(|name| below(name, inside)).map(first_part));
            }
            Some(Place::Package(package, inside)) => {
                list(package.files.below(inside), &mut files, &mut folders);
            }
            None => {}
        }
        (files.into_iter().collect(), folders.into_iter().collect())
    }

    /// The place at which a file or folder stands, after all links; none when there is nothing.
    pub fn real_path(&self, path: &str) -> Option<String> {
        let path = normalized(path);
        let real = self.followed(&path);
        self.find(&real)?;
        Some(real.into_owned())
    }

    pub fn read(&self, path: &str) -> io::Result<Bytes> {
        let path = normalized(path);
        match self.place(&self.followed(&path)) {
            Some(Place::Author(inside)) => self.author.read(inside),
            Some(Place::Package(package, inside)) => {
                let content = package.files.read(inside);
                if let Err(error) = &content
                    && package.files.size(inside).is_some()
                {
                    let told = || {
                        format!("`{}/{inside}` cannot be read from the package store: {error}", package.name)
                    };
                    self.damage.get_or_init(told);
                }
                content
            }
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// What was found wrong with the store while the tree was read: no one who has read it can trust what came of it,
    /// and the author has nothing to mend.
    pub fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    /// The path as people know it: an author's file by its own name, a package's by the package's name and its path
    /// inside. Anything else as it is.
    pub fn shown(&self, path: &str) -> String {
        let path = normalized(path);
        let real = self.followed(&path);
        match self.place(&real) {
            Some(Place::Author(inside)) if !inside.is_empty() => inside.to_owned(),
            Some(Place::Package(package, "")) => package.name.clone(),
            Some(Place::Package(package, inside)) => format!("{}/{inside}", package.name),
            _ => real.into_owned(),
        }
    }

    /// Whether a path belongs to the author, and not to a package.
    pub fn is_authors(&self, path: &str) -> bool {
        matches!(self.place(&normalized(path)), Some(Place::Author(inside)) if self.author.size(inside).is_some())
    }

    /// The author's files, relative to the source.
    pub fn author_files(&self) -> impl Iterator<Item = &str> {
        self.author.paths()
    }

    /// The names under which the author reaches packages, also when those are not at hand.
    pub fn author_dependencies(&self) -> impl Iterator<Item = &str> {
        self.declared.iter().map(String::as_str)
    }

    /// The folder of a package, whoever depends on it.
    pub fn package_folder(&self, id: &PackageId) -> Option<String> {
        let segment = segment(id);
        let package = self.packages.get(&segment)?;
        Some(folder(&segment, &package.name))
    }

    /// The `node_modules` folder of the only package of this name; none when there are several of it.
    pub fn shelf_of(&self, name: &str) -> Option<String> {
        let mut named = self.packages.iter().filter(|(_, package)| package.name == name);
        match (named.next(), named.next()) {
            (Some((segment, _)), None) => Some(format!("{STORE}/{segment}/node_modules")),
            _ => None,
        }
    }

    /// The folder of the package that a path lies in.
    pub fn folder_of(&self, path: &str) -> Option<String> {
        let path = normalized(path);
        let real = self.followed(&path);
        let Some(Place::Package(package, _)) = self.place(&real) else { return None };
        let segment = real.strip_prefix("/s/")?.split('/').next()?;
        Some(folder(segment, &package.name))
    }

    /// The path with a leading link replaced by what it leads to. Links only lead to packages, and there are none
    /// inside of those: one step is all.
    fn followed<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let found = self.split_modules(path).and_then(|(links, rest)| {
            let (name, inside) = split_name(rest);
            Some((links.get(name)?, inside))
        });
        match found {
            Some((target, "")) => Cow::Owned(target.clone()),
            Some((target, inside)) => Cow::Owned(format!("{target}/{inside}")),
            None => Cow::Borrowed(path),
        }
    }

    /// The links of the `node_modules` folder that a path begins with, and the path inside of it.
    fn split_modules<'t, 'a>(&'t self, path: &'a str) -> Option<(&'t Links, &'a str)> {
        match self.place(path)? {
            Place::Author(inside) => {
                // What an author brings along under this name hides the link.
                let rest = inside.strip_prefix("node_modules/")?;
                let hidden = self.author.has_folder(&format!("node_modules/{}", split_name(rest).0));
                (!hidden).then_some((&self.author_links, rest))
            }
            Place::Modules(package, rest) => Some((&package.links, rest)),
            _ => None,
        }
    }

    fn find<'t>(&'t self, path: &str) -> Option<Node<'t>> {
        if let Some((links, rest)) = self.split_modules(path) {
            if let Some(target) = links.get(rest) {
                return Some(Node::Link(target));
            }
            if links.keys().any(|name| below(name, rest).is_some()) {
                return Some(Node::Folder);
            }
        }
        let is_folder = match self.place(path)? {
            Place::Root | Place::Store | Place::Shelf => true,
            Place::Author(inside) if self.author.size(inside).is_some() => return Some(Node::File),
            Place::Author(inside) => {
                inside.is_empty()
                    || self.author.has_folder(inside)
                    || self.author_links_below(inside).next().is_some()
            }
            Place::Modules(package, inside) => below(&package.name, inside).is_some(),
            Place::Package(package, inside) if package.files.size(inside).is_some() => {
                return Some(Node::File);
            }
            Place::Package(package, inside) => inside.is_empty() || package.files.has_folder(inside),
        };
        is_folder.then_some(Node::Folder)
    }

    /// The links below a folder of the author, as paths relative to it.
    fn author_links_below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let inside = match folder.strip_prefix("node_modules") {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix('/'),
            None => None,
        };
        let links =
            self.author_links.keys().filter_map(move |name| inside.and_then(|inside| below(name, inside)));
        let top = folder.is_empty() && !self.author_links.is_empty();
        top.then_some("node_modules").into_iter().chain(links)
    }

    fn place<'t, 'a>(&'t self, path: &'a str) -> Option<Place<'t, 'a>> {
        place::locate(&self.packages, path)
    }
}

/// Integrities say what is in the packages, the dependencies where they stand.
fn key_of(packages: &Packages) -> String {
    let mut key = format!("{:?}", packages.roots);
    for (id, package) in &packages.packages {
        key.push_str(&format!("\n{id} {} {:?}", package.integrity, package.dependencies));
    }
    key
}

fn links_to(packages: &Packages, dependencies: &BTreeMap<String, PackageId>) -> Links {
    let target = |id: &PackageId| Some(folder(&segment(id), &packages.packages.get(id)?.name));
    dependencies.iter().filter_map(|(name, id)| Some((name.clone(), target(id)?))).collect()
}

fn folder(segment: &str, name: &str) -> String {
    format!("{STORE}/{segment}/node_modules/{name}")
}

/// The rest of a package's name below a folder of `node_modules`: of a scope, or of none.
fn below<'a>(name: &'a str, folder: &str) -> Option<&'a str> {
    match folder {
        "" => Some(name),
        scope => name.strip_prefix(scope)?.strip_prefix('/'),
    }
}

fn list<'a>(
    paths: impl Iterator<Item = &'a str>,
    files: &mut BTreeSet<String>,
    folders: &mut BTreeSet<String>,
) {
    for path in paths {
        if path.contains('/') {
            folders.insert(first_part(path));
        } else {
            files.insert(path.to_owned());
        }
    }
}

fn first_part(path: &str) -> String {
    path.split('/').next().unwrap_or(path).to_owned()
}

/// The name of a package, which may have a scope, and the rest of a path that begins with it.
pub(crate) fn split_name(path: &str) -> (&str, &str) {
    let slash = |from: usize| path[from..].find('/').map(|at| from + at);
    let end = match slash(0) {
        Some(first) if path.starts_with('@') => slash(first + 1),
        other => other,
    };
    end.map_or((path, ""), |end| (&path[..end], &path[end + 1..]))
}

/// An id as the name of one folder: `/`, `%` and whatever else may mean something in a path or a URL is encoded.
fn segment(id: &PackageId) -> String {
    let mut encoded = String::with_capacity(id.0.len());
    for (index, byte) in id.0.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'@' | b'-' | b'_' | b'+' => encoded.push(byte.into()),
            b'.' if index > 0 => encoded.push('.'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

/// Without empty parts, `.`, `..` and a slash at the end; nearly every path comes like that already.
fn normalized(path: &str) -> Cow<'_, str> {
    let is_clean =
        path.starts_with('/') && path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
    if is_clean || path == "/" {
        return Cow::Borrowed(path);
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Cow::Owned(format!("/{}", parts.join("/")))
}
