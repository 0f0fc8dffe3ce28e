//! The files that the compiler sees: a tree of the author's and the packages' files, files of ours laid over it, and
//! the compiler's own library. Nothing else of this machine exists for it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::sandbox::INSIDE;

/// Where the author's files lie.
pub const AUTHOR: &str = "/p";
/// Where the packages lie.
pub const STORE: &str = "/s";
/// Where our own declarations and configurations lie; author and packages have nothing there.
pub const OURS: &str = "/millrace";

/// Files by absolute path: the author's below `/p`, packages below `/s`, reached through links such as
/// `/p/node_modules/zod`, which all but `real_path` follow.
pub trait FileTree: Send + Sync {
    fn is_file(&self, path: &str) -> bool;
    fn is_dir(&self, path: &str) -> bool;
    /// The names of the files and of the folders in a folder; nothing when there is none.
    fn entries(&self, path: &str) -> (Vec<String>, Vec<String>);
    /// The place at which a file or folder stands, after all links.
    fn real_path(&self, path: &str) -> Option<String>;
    fn read(&self, path: &str) -> io::Result<Bytes>;
    /// Equal for trees that differ in the author's files at most: a second check then looks at those only.
    fn packages_key(&self) -> Option<String> {
        None
    }
}

/// What one program consists of, as the compiler may ask for it.
pub struct View {
    tree: Arc<dyn FileTree>,
    /// By absolute path; they hide what the tree has there.
    overlay: BTreeMap<String, String>,
}

impl View {
    pub fn new(tree: Arc<dyn FileTree>, overlay: BTreeMap<String, String>) -> View {
        View { tree, overlay }
    }

    pub fn packages_key(&self) -> Option<String> {
        self.tree.packages_key()
    }

    pub fn is_file(&self, path: &str) -> bool {
        self.overlay.contains_key(path) || (is_shared(path) && self.tree.is_file(path))
    }

    pub fn is_dir(&self, path: &str) -> bool {
        matches!(path, "/" | OURS) || (is_shared(path) && self.tree.is_dir(path))
    }

    pub fn entries(&self, path: &str) -> (Vec<String>, Vec<String>) {
        if is_shared(path) { self.tree.entries(path) } else { (Vec::new(), Vec::new()) }
    }

    pub fn real_path(&self, path: &str) -> Option<String> {
        if is_shared(path) { self.tree.real_path(path) } else { None }
    }

    /// Without a byte order mark, which no position counts. What is not UTF-8 cannot be source code.
    pub fn read(&self, path: &str) -> Option<String> {
        if let Some(text) = self.overlay.get(path) {
            return Some(text.clone());
        }
        if !is_shared(path) {
            return None;
        }
        let text = String::from_utf8(self.tree.read(path).ok()?.into()).ok()?;
        Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }

    /// All files outside of packages, with their texts.
    pub fn own_files(&self) -> BTreeMap<String, String> {
        let mut found = self.overlay.clone();
        let mut folders = vec![AUTHOR.to_owned()];
        while let Some(folder) = folders.pop() {
            let (files, below) = self.tree.entries(&folder);
            for path in files.iter().map(|name| format!("{folder}/{name}")) {
                if let Some(text) = self.read(&path) {
                    found.insert(path, text);
                }
            }
            let own = below.iter().filter(|name| *name != "node_modules");
            folders.extend(own.map(|name| format!("{folder}/{name}")));
        }
        found
    }
}

fn is_shared(path: &str) -> bool {
    let inside =
        |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    // A path that climbs would be another tree's to interpret.
    (inside(AUTHOR) || inside(STORE)) && !path.split('/').any(|part| part == "..")
}

/// The `lib.*.d.ts` beside the compiler, which it cannot do without. The host reads them for it.
pub struct Library(PathBuf);

impl Library {
    pub fn beside(binary: &Path) -> io::Result<Library> {
        let real = binary.canonicalize()?;
        let folder = real.parent().ok_or_else(|| io::Error::other("the compiler lies in no folder"))?;
        Ok(Library(folder.to_owned()))
    }

    /// Only files of that folder with such a name; the compiler is asked for nothing else there. It takes the folder
    /// for another one when it runs in a room of its own.
    pub fn find(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new(path);
        let name = path.file_name()?.to_str()?;
        let is_library = name.starts_with("lib.") && name.ends_with(".d.ts");
        let folder = path.parent()?;
        (is_library && (folder == self.0 || folder == Path::new(INSIDE))).then(|| self.0.join(name))
    }
}
