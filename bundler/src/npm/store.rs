//! Packages on disk, found by what their tarball hashes to. Shared by all processes: a package appears whole
//! or not at all, and what is damaged counts as missing.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::integrity::Integrity;
use super::pack::{Pack, Packer};
use super::unpack::{UnpackError, unpack};
use super::unpacked::{self, Unpacker};
use super::workplace::Workplace;
use crate::limits;
use crate::package::PackageFiles;

/// Of this layout: another one lies beside it.
const FORMAT: &str = "1";

/// How a package is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// One file: to be read.
    Pack,
    /// One by one: to be run.
    Folder,
}

pub(super) struct Store {
    folder: PathBuf,
    /// Made when something is first written.
    workplace: Mutex<Option<Arc<Workplace>>>,
    known: Mutex<HashMap<(Form, Integrity), Known>>,
}

/// A package that was found whole, and by what to tell that it still is the same.
#[derive(Clone)]
struct Known {
    stamp: Stamp,
    files: Arc<PackageFiles>,
}

/// Inode, size and time.
type Stamp = (u64, u64, i64, i64);

impl Store {
    pub(super) fn new(folder: PathBuf) -> Store {
        Store { folder: folder.join(FORMAT), workplace: Mutex::default(), known: Mutex::default() }
    }

    /// For what is kept beside the packages.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A package that is there and whole. What is in it is read once per process; later it is only looked
    /// whether it is still the same.
    pub(super) fn find(&self, form: Form, integrity: &Integrity) -> Option<Arc<PackageFiles>> {
        let path = self.path(form, integrity);
        let stamp = stamp(&witness(form, &path))?;
        let key = (form, integrity.clone());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known.filter(|known| known.stamp == stamp) {
            return Some(known.files);
        }
        let Some(files) = open(form, &path) else {
            tracing::warn!(path = %path.display(), "a package of the store is damaged and counts as missing");
            return None;
        };
        let files = Arc::new(files);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::PACKAGES_KEPT_MAX {
            known.clear();
        }
        known.insert(key, Known { stamp, files: files.clone() });
        Some(files)
    }

    /// Takes what a verified tarball holds.
    pub(super) fn add(
        &self,
        form: Form,
        integrity: &Integrity,
        tarball: impl Read,
    ) -> Result<Arc<PackageFiles>, UnpackError> {
        let workplace = self.workplace().map_err(UnpackError::Disk)?;
        let fresh = workplace.fresh();
        let target = self.path(form, integrity);
        let added = match form {
            Form::Pack => {
                packed(tarball, &fresh).and_then(|()| publish(&fresh, &target).map_err(UnpackError::Disk))
            }
            Form::Folder => laid_out(tarball, &fresh).and_then(|()| {
                publish_folder(&fresh, &target, &workplace.fresh()).map_err(UnpackError::Disk)
            }),
        };
        if added.is_err() {
            let _ = fs::remove_file(&fresh).or_else(|_| fs::remove_dir_all(&fresh));
        }
        added?;
        let vanished =
            || UnpackError::Disk(io::Error::other(format!("`{}` has vanished again", target.display())));
        self.find(form, integrity).ok_or_else(vanished)
    }

    pub(super) fn workplace(&self) -> io::Result<Arc<Workplace>> {
        let mut workplace = self.workplace.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = workplace.as_ref().filter(|open| open.folder().exists()) {
            return Ok(open.clone());
        }
        let open = Arc::new(Workplace::open(&self.folder.join("work"))?);
        *workplace = Some(open.clone());
        Ok(open)
    }

    fn path(&self, form: Form, integrity: &Integrity) -> PathBuf {
        let kind = match form {
            Form::Pack => "packages",
            Form::Folder => "programs",
        };
        self.folder.join(kind).join(integrity.folder())
    }
}

fn packed(tarball: impl Read, fresh: &Path) -> Result<(), UnpackError> {
    let mut packer = Packer::create(fresh).map_err(UnpackError::Disk)?;
    unpack(tarball, &mut packer)?;
    packer.finish().map_err(UnpackError::Disk)
}

fn laid_out(tarball: impl Read, fresh: &Path) -> Result<(), UnpackError> {
    let mut unpacker = Unpacker::create(fresh).map_err(UnpackError::Disk)?;
    unpack(tarball, &mut unpacker)?;
    unpacker.finish().map_err(UnpackError::Disk)
}

/// Who was quicker, in this process or another, had the same content.
fn publish(fresh: &Path, target: &Path) -> io::Result<()> {
    target.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::rename(fresh, target)
}

/// A folder does not replace another: what is whole stays, what is damaged is moved aside first.
fn publish_folder(fresh: &Path, target: &Path, aside: &Path) -> io::Result<()> {
    let occupied = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists)
    };
    match publish(fresh, target) {
        Err(error) if occupied(&error) => {}
        published => return published,
    }
    if unpacked::open(target).is_none() {
        match fs::rename(target, aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let _ = fs::remove_dir_all(aside);
        match publish(fresh, target) {
            Err(error) if occupied(&error) => {}
            published => return published,
        }
    }
    fs::remove_dir_all(fresh)
}

fn open(form: Form, path: &Path) -> Option<PackageFiles> {
    match form {
        Form::Pack => Pack::open(path).ok().map(|pack| PackageFiles::elsewhere(pack.sizes(), pack)),
        Form::Folder => unpacked::open(path),
    }
}

/// The file whose change shows that a package has changed.
fn witness(form: Form, path: &Path) -> PathBuf {
    match form {
        Form::Pack => path.to_owned(),
        Form::Folder => unpacked::index(path),
    }
}

fn stamp(witness: &Path) -> Option<Stamp> {
    let metadata = fs::symlink_metadata(witness).ok().filter(fs::Metadata::is_file)?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}
