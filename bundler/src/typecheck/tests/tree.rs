//! A tree in memory, with links.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bytes::Bytes;

use crate::typecheck::FileTree;

#[derive(Default)]
pub struct MemoryTree {
    files: BTreeMap<String, Bytes>,
    /// `/p/node_modules/zod` to `/s/zod@4/node_modules/zod`.
    links: BTreeMap<String, String>,
}

impl MemoryTree {
    /// Paths are the author's, or `node_modules/<name>/…` for a package, which lies in the store.
    pub fn of(files: &[(&str, &str)]) -> MemoryTree {
        let mut tree = MemoryTree::default();
        for (path, text) in files {
            let place = match path.strip_prefix("node_modules/") {
                Some(rest) => tree.place_of_package(rest),
                None => format!("/p/{path}"),
            };
            tree.files.insert(place, Bytes::copy_from_slice(text.as_bytes()));
        }
        tree
    }

    fn place_of_package(&mut self, path: &str) -> String {
        let parts = if path.starts_with('@') { 2 } else { 1 };
        let end = path.match_indices('/').nth(parts - 1).map_or(path.len(), |(at, _)| at);
        let name = &path[..end];
        let folder = format!("/s/{}@1.0.0/node_modules/{name}", name.replace('/', "%2F"));
        self.links.insert(format!("/p/node_modules/{name}"), folder.clone());
        format!("{folder}{}", &path[end..])
    }

    fn follow(&self, path: &str) -> String {
        for (link, target) in &self.links {
            if let Some(rest) = path.strip_prefix(link.as_str())
                && (rest.is_empty() || rest.starts_with('/'))
            {
                return format!("{target}{rest}");
            }
        }
        path.to_owned()
    }
}

impl FileTree for MemoryTree {
    fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(&self.follow(path))
    }

    fn is_dir(&self, path: &str) -> bool {
        let inside = format!("{}/", self.follow(path).trim_end_matches('/'));
        self.files.keys().chain(self.links.keys()).any(|file| file.starts_with(&inside))
    }

    fn entries(&self, path: &str) -> (Vec<String>, Vec<String>) {
        let inside = format!("{}/", self.follow(path).trim_end_matches('/'));
        let (mut files, mut folders) = (BTreeSet::new(), BTreeSet::new());
        for rest in self.files.keys().filter_map(|file| file.strip_prefix(&inside)) {
            match rest.split_once('/') {
                Some((folder, _)) => folders.insert(folder.to_owned()),
                None => files.insert(rest.to_owned()),
            };
        }
        for rest in self.links.keys().filter_map(|link| link.strip_prefix(&inside)) {
            folders.insert(rest.split('/').next().unwrap().to_owned());
        }
        (files.into_iter().collect(), folders.into_iter().collect())
    }

    fn real_path(&self, path: &str) -> Option<String> {
        (self.is_file(path) || self.is_dir(path)).then(|| self.follow(path))
    }

    fn read(&self, path: &str) -> io::Result<Bytes> {
        self.files.get(&self.follow(path)).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn packages_key(&self) -> Option<String> {
        let packages: Vec<_> = self.files.iter().filter(|(path, _)| path.starts_with("/s/")).collect();
        Some(format!("{packages:?}"))
    }
}
