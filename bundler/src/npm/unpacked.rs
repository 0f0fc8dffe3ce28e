//! A package's files one by one in a folder, for programs: the system runs them from there.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::unpack::{Target, UnpackError, unreadable};
use crate::limits;
use crate::package::PackageFiles;

const INDEX: &str = "index.json";
const FILES: &str = "files";

/// Beside the files, so that what belongs to them is known without looking for it.
#[derive(Serialize, Deserialize)]
struct Index {
    files: BTreeMap<String, u64>,
}

/// Nothing unless it is whole.
pub(super) fn open(folder: &Path) -> Option<PackageFiles> {
    let mut bytes = Vec::new();
    File::open(index(folder)).ok()?.take(limits::INDEX_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let Index { files } = serde_json::from_slice(&bytes).ok()?;
    let below = folder.join(FILES);
    // A damaged index must not lead elsewhere.
    let inside = |path: &str| !path.split('/').any(|part| matches!(part, "" | "." | ".."));
    let there = |path: &str, size: u64| {
        fs::symlink_metadata(below.join(path))
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == size)
    };
    let whole = files.iter().all(|(path, size)| inside(path) && there(path, *size));
    whole.then(|| PackageFiles::in_folder(below, files))
}

/// The file that tells whether a package is there.
pub(super) fn index(folder: &Path) -> PathBuf {
    folder.join(INDEX)
}

/// Writes such a folder.
pub(super) struct Unpacker {
    folder: PathBuf,
    files: BTreeMap<String, u64>,
}

impl Unpacker {
    pub(super) fn create(folder: &Path) -> io::Result<Unpacker> {
        fs::create_dir_all(folder.join(FILES))?;
        Ok(Unpacker { folder: folder.to_owned(), files: BTreeMap::new() })
    }

    pub(super) fn finish(self) -> io::Result<()> {
        fs::write(index(&self.folder), serde_json::to_vec(&Index { files: self.files })?)
    }
}

impl Target for Unpacker {
    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), UnpackError> {
        let target = self.folder.join(FILES).join(path);
        let again = self.files.remove(path).is_some();
        let Some(mut file) = create(&target, again, executable).map_err(UnpackError::Disk)? else {
            tracing::debug!(path, "left out of a package: here, another file has this name");
            return Ok(());
        };
        let size = copy(content, &mut file)?;
        self.files.insert(path.to_owned(), size);
        Ok(())
    }
}

/// None where the file system takes another spelling for the same name.
fn create(target: &Path, again: bool, executable: bool) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.write(true).mode(if executable { 0o755 } else { 0o644 });
    if again {
        options.truncate(true)
    } else {
        options.create_new(true)
    };
    let opened = match options.open(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            target.parent().map_or(Ok(()), fs::create_dir_all)?;
            options.open(target)
        }
        opened => opened,
    };
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory};
    match opened {
        Err(error) if matches!(error.kind(), AlreadyExists | IsADirectory | NotADirectory) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Tells the archive's trouble from the disk's.
fn copy(from: &mut dyn Read, to: &mut File) -> Result<u64, UnpackError> {
    let mut piece = [0; 64 * 1024];
    let mut size = 0;
    loop {
        let length = from.read(&mut piece).map_err(unreadable)?;
        if length == 0 {
            return Ok(size);
        }
        to.write_all(&piece[..length]).map_err(UnpackError::Disk)?;
        size += length as u64;
    }
}
