//! Installed packages as plain data: what the resolver, the linker and the type checker see of a registry.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// One package in one resolution: `name@version`, and what distinguishes it when its peers differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PackageId(pub String);

impl fmt::Display for PackageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[derive(Clone, Debug)]
pub struct Package {
    /// Its own name; who depends on it may know it by another (`npm:` aliases).
    pub name: String,
    pub version: String,
    /// As in a lock file: `sha512-…`.
    pub integrity: String,
    /// By the name under which this package imports them; peers included.
    pub dependencies: BTreeMap<String, PackageId>,
    pub files: Arc<PackageFiles>,
}

/// Everything that a source depends on, resolved and at hand.
#[derive(Clone, Debug, Default)]
pub struct Packages {
    /// The author's own dependencies, by the name under which they are imported.
    pub roots: BTreeMap<String, PackageId>,
    pub packages: BTreeMap<PackageId, Package>,
}

/// The files of one package: a list that is known without touching the disk, and their contents.
#[derive(Debug)]
pub struct PackageFiles {
    /// Relative paths with `/`, and their sizes.
    sizes: BTreeMap<String, u64>,
    contents: Contents,
    own_name: OnceLock<OwnName>,
}

/// What a package's own package.json calls it, as far as it does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OwnName {
    #[serde(default, deserialize_with = "text")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub version: Option<String>,
}

/// Anything else is no name.
fn text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(from)?;
    Ok(value.as_str().map(str::to_owned))
}

impl fmt::Display for OwnName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "?".to_owned());
        write!(formatter, "{}@{}", part(&self.name), part(&self.version))
    }
}

#[derive(Debug)]
enum Contents {
    Folder(PathBuf),
    Memory(BTreeMap<String, Bytes>),
    Elsewhere(Box<dyn ReadFile>),
}

/// Someone who keeps the contents of a package's files.
pub trait ReadFile: fmt::Debug + Send + Sync {
    fn read(&self, path: &str) -> std::io::Result<Bytes>;
}

impl PackageFiles {
    /// Of a folder of the store, whose files are these.
    pub fn in_folder(folder: PathBuf, sizes: BTreeMap<String, u64>) -> PackageFiles {
        PackageFiles { sizes, contents: Contents::Folder(folder), own_name: OnceLock::new() }
    }

    pub fn in_memory(files: impl IntoIterator<Item = (String, Bytes)>) -> PackageFiles {
        let files: BTreeMap<String, Bytes> = files.into_iter().collect();
        let sizes = files.iter().map(|(path, bytes)| (path.clone(), bytes.len() as u64)).collect();
        PackageFiles { sizes, contents: Contents::Memory(files), own_name: OnceLock::new() }
    }

    /// These files, whose contents someone else keeps.
    pub fn elsewhere(sizes: BTreeMap<String, u64>, contents: impl ReadFile + 'static) -> PackageFiles {
        PackageFiles { sizes, contents: Contents::Elsewhere(Box::new(contents)), own_name: OnceLock::new() }
    }

    /// Relative paths in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.sizes.keys().map(String::as_str)
    }

    pub fn size(&self, path: &str) -> Option<u64> {
        self.sizes.get(path).copied()
    }

    /// Whether some file lies below this relative path.
    pub fn has_folder(&self, folder: &str) -> bool {
        self.below(folder).next().is_some()
    }

    /// The paths of all files below a folder (the empty name is the package itself), relative to it, in order.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.sizes
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .map_while(move |(path, _)| path.strip_prefix(&prefix))
    }

    /// Only what is listed can be read, so no name leads out of the package.
    pub fn read(&self, path: &str) -> std::io::Result<Bytes> {
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        self.size(path).ok_or_else(missing)?;
        match &self.contents {
            Contents::Folder(folder) => std::fs::read(folder.join(path)).map(Bytes::from),
            Contents::Memory(files) => files.get(path).cloned().ok_or_else(missing),
            Contents::Elsewhere(contents) => contents.read(path),
        }
    }

    /// Read once; a package without a manifest that can be read says nothing.
    pub fn own_name(&self) -> &OwnName {
        self.own_name.get_or_init(|| {
            let manifest = self.read("package.json").ok();
            manifest.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
        })
    }

    /// Where the files lie one by one, for programs that are run from there.
    pub fn folder(&self) -> Option<&Path> {
        match &self.contents {
            Contents::Folder(folder) => Some(folder),
            Contents::Memory(_) | Contents::Elsewhere(_) => None,
        }
    }
}
