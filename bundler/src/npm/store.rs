//! Packages on disk, found by what their tarball hashes to. Shared by all processes: a package appears whole
//! or not at all, and what is damaged counts as missing.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::integrity::Integrity;
use super::unpack::{UnpackError, unpack};
use super::workplace::Workplace;
use crate::limits;
use crate::package::PackageFiles;

/// Of this layout: another one lies beside it.
const FORMAT: &str = "1";
const INDEX: &str = "index.json";
const FILES: &str = "files";

pub(super) struct Store {
    folder: PathBuf,
    /// Made when something is first written.
    workplace: Mutex<Option<Arc<Workplace>>>,
    known: Mutex<HashMap<Integrity, Known>>,
}

/// A package that was found whole, and by what to tell that it still is the same.
#[derive(Clone)]
struct Known {
    stamp: Stamp,
    files: Arc<PackageFiles>,
}

type Stamp = (u64, u64, i64, i64);

#[derive(Serialize, Deserialize)]
struct Index {
    files: BTreeMap<String, u64>,
}

impl Store {
    pub(super) fn new(folder: PathBuf) -> Store {
        Store { folder: folder.join(FORMAT), workplace: Mutex::default(), known: Mutex::default() }
    }

    /// For what is kept beside the packages.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A package that is there and whole. Reads its index once per process, and asks for each file's size.
    pub(super) fn find(&self, integrity: &Integrity) -> Option<Arc<PackageFiles>> {
        let folder = self.package(integrity);
        let stamp = stamp(&folder.join(INDEX))?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(integrity).cloned();
        if let Some(known) = known.filter(|known| known.stamp == stamp) {
            return Some(known.files);
        }
        let index = read_index(&folder.join(INDEX)).filter(|index| is_whole(&folder.join(FILES), index));
        let Some(index) = index else {
            tracing::warn!(folder = %folder.display(), "a package of the store is damaged and is fetched again");
            return None;
        };
        Some(self.remember(integrity, stamp, index))
    }

    /// Takes what a verified tarball holds; whoever did so before wins.
    pub(super) fn add(
        &self,
        integrity: &Integrity,
        tarball: impl Read,
    ) -> Result<Arc<PackageFiles>, UnpackError> {
        let workplace = self.workplace().map_err(UnpackError::Disk)?;
        let fresh = workplace.fresh();
        let added = self.unpacked(&fresh, tarball).and_then(|index| {
            self.publish(&fresh, integrity).map_err(UnpackError::Disk)?;
            Ok(index)
        });
        // Gone already if it was published.
        let _ = fs::remove_dir_all(&fresh);
        let index = added?;
        let stamp = stamp(&self.package(integrity).join(INDEX));
        let stamp = stamp
            .ok_or_else(|| UnpackError::Disk(io::Error::other("a package of the store has vanished")))?;
        Ok(self.remember(integrity, stamp, index))
    }

    fn unpacked(&self, fresh: &Path, tarball: impl Read) -> Result<Index, UnpackError> {
        let files = fresh.join(FILES);
        fs::create_dir_all(&files).map_err(UnpackError::Disk)?;
        let index = Index { files: unpack(tarball, &files)? };
        let bytes = serde_json::to_vec(&index).map_err(|error| UnpackError::Disk(error.into()))?;
        fs::write(fresh.join(INDEX), bytes).map_err(UnpackError::Disk)?;
        Ok(index)
    }

    fn publish(&self, fresh: &Path, integrity: &Integrity) -> io::Result<()> {
        let target = self.package(integrity);
        fs::create_dir_all(target.parent().unwrap_or(&self.folder))?;
        let Err(error) = fs::rename(fresh, &target) else { return Ok(()) };
        if !matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) {
            return Err(error);
        }
        let there = read_index(&target.join(INDEX));
        if there.is_some_and(|index| is_whole(&target.join(FILES), &index)) {
            return Ok(());
        }
        // Damaged: out of the way, then in its place. Another process may be quicker, with the same content.
        let aside = self.workplace()?.fresh();
        match fs::rename(&target, &aside) {
            Ok(()) => drop(fs::remove_dir_all(&aside)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        match fs::rename(fresh, &target) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
            renamed => renamed,
        }
    }

    fn remember(&self, integrity: &Integrity, stamp: Stamp, index: Index) -> Arc<PackageFiles> {
        let folder = self.package(integrity).join(FILES);
        let files = Arc::new(PackageFiles::in_folder(folder, index.files));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::PACKAGES_KEPT_MAX {
            known.clear();
        }
        known.insert(integrity.clone(), Known { stamp, files: files.clone() });
        files
    }

    pub(super) fn workplace(&self) -> io::Result<Arc<Workplace>> {
        let mut workplace = self.workplace.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = &*workplace {
            return Ok(open.clone());
        }
        let open = Arc::new(Workplace::open(&self.folder.join("work"))?);
        *workplace = Some(open.clone());
        Ok(open)
    }

    fn package(&self, integrity: &Integrity) -> PathBuf {
        self.folder.join("packages").join(integrity.folder())
    }
}

fn stamp(index: &Path) -> Option<Stamp> {
    let metadata = fs::symlink_metadata(index).ok().filter(fs::Metadata::is_file)?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

fn read_index(path: &Path) -> Option<Index> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(limits::INDEX_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let index: Index = serde_json::from_slice(&bytes).ok()?;
    // A damaged index must not lead elsewhere either.
    let inside = |path: &String| !path.split('/').any(|part| matches!(part, "" | "." | ".."));
    index.files.keys().all(inside).then_some(index)
}

fn is_whole(folder: &Path, index: &Index) -> bool {
    let is_there = |path: &str, size: u64| {
        fs::symlink_metadata(folder.join(path))
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
    };
    index.files.iter().all(|(path, size)| is_there(path, *size))
}
