//! The tree of the bundler, as the type checker sees it.

use std::io;

use bytes::Bytes;

use super::files::FileTree;
use crate::tree::Tree;

impl FileTree for Tree {
    fn is_file(&self, path: &str) -> bool {
        Tree::is_file(self, path)
    }

    fn is_dir(&self, path: &str) -> bool {
        Tree::is_dir(self, path)
    }

    fn entries(&self, path: &str) -> (Vec<String>, Vec<String>) {
        Tree::entries(self, path)
    }

    fn real_path(&self, path: &str) -> Option<String> {
        Tree::real_path(self, path)
    }

    fn read(&self, path: &str) -> io::Result<Bytes> {
        Tree::read(self, path)
    }

    fn packages_key(&self) -> Option<String> {
        Some(Tree::packages_key(self).to_owned())
    }
}
