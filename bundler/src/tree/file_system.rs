//! The tree as the file system of `oxc_resolver`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxc_resolver::{FileMetadata, FileSystem, ResolveError};

use super::{Node, Tree, normalized};
use crate::package::Packages;

#[derive(Clone)]
pub struct TreeFileSystem(pub Arc<Tree>);

impl FileSystem for TreeFileSystem {
    /// Only there because the trait asks for it: nothing exists.
    fn new() -> Self {
        TreeFileSystem(Arc::new(Tree::new([], &Packages::default())))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.read(text(path)?).map(Vec::from)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        String::from_utf8(self.read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let path = normalized(text(path)?);
        let node = self.0.find(&self.0.followed(&path)).ok_or(io::ErrorKind::NotFound)?;
        Ok(metadata(node))
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        let path = normalized(text(path)?);
        // A link is the last part of its path; what lies beyond one is reached through it.
        let node = self.0.find(&path).or_else(|| self.0.find(&self.0.followed(&path)));
        Ok(metadata(node.ok_or(io::ErrorKind::NotFound)?))
    }

    fn read_link(&self, path: &Path) -> Result<PathBuf, ResolveError> {
        let path = normalized(text(path)?);
        match self.0.find(&path) {
            Some(Node::Link(target)) => Ok(target.into()),
            _ => Err(io::Error::from(io::ErrorKind::InvalidInput).into()),
        }
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let real = self.0.real_path(text(path)?).ok_or(io::ErrorKind::NotFound)?;
        Ok(real.into())
    }
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn metadata(node: Node<'_>) -> FileMetadata {
    FileMetadata::new(node == Node::File, node == Node::Folder, matches!(node, Node::Link(_)))
}
