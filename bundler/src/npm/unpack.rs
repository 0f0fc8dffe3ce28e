//! A tarball's files into an empty folder. Only files are made: no links, no devices, and nothing outside the
//! folder, whatever the archive says. Nothing of a package is ever run here.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType, PaxExtensions};

use crate::limits;

#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error("{0}")]
    TooLarge(String),
    #[error("its tarball cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("{0}")]
    Disk(io::Error),
}

/// The files and their sizes. `folder` exists and is empty.
pub(super) fn unpack(tarball: impl Read, folder: &Path) -> Result<BTreeMap<String, u64>, UnpackError> {
    let mut tarball = BufReader::new(tarball);
    let gzip = tarball.fill_buf().map_err(UnpackError::Unreadable)?.starts_with(&[0x1f, 0x8b]);
    let archive: Box<dyn Read> =
        if gzip { Box::new(MultiGzDecoder::new(tarball)) } else { Box::new(tarball) };
    let mut archive = Archive::new(Bounded { inner: archive, left: limits::PACKAGE_BYTES_MAX });
    let mut unpacking = Unpacking { folder, files: BTreeMap::new(), entries: 0, long_path: None };
    // Raw: the crate would read names of any length into memory.
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        unpacking.take(&mut entry.map_err(unreadable)?)?;
    }
    Ok(unpacking.files)
}

struct Unpacking<'a> {
    folder: &'a Path,
    files: BTreeMap<String, u64>,
    entries: usize,
    /// Told by the entry before.
    long_path: Option<Vec<u8>>,
}

impl Unpacking<'_> {
    fn take(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), UnpackError> {
        self.entries += 1;
        if self.entries > limits::PACKAGE_FILES_MAX {
            let message = format!("it has more than {} files", limits::PACKAGE_FILES_MAX);
            return Err(UnpackError::TooLarge(message));
        }
        match entry.header().entry_type() {
            EntryType::GNULongName => self.long_path = Some(name(entry)?),
            EntryType::XHeader => self.long_path = pax_path(entry)?.or(self.long_path.take()),
            EntryType::Regular | EntryType::Continuous => {
                let told = self.long_path.take();
                let raw = told.unwrap_or_else(|| entry.path_bytes().into_owned());
                if let Some(path) = inside(&raw) {
                    self.write(&path, entry)?;
                }
            }
            // Folders come with their files; links, devices and the rest are left out.
            _ => self.long_path = None,
        }
        Ok(())
    }

    /// What stands in the way of an earlier file is left out: a folder of that name, or on some systems
    /// another spelling of it. The same path again replaces, as with tar.
    fn write(&mut self, path: &str, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), UnpackError> {
        let target = self.folder.join(path);
        let again = self.files.remove(path).is_some();
        let Some(mut file) = create(&target, again, is_executable(entry))? else {
            tracing::debug!(path, "left out of a package: something else has its name");
            return Ok(());
        };
        let size = copy(entry, &mut file)?;
        self.files.insert(path.to_owned(), size);
        Ok(())
    }
}

fn create(target: &Path, again: bool, executable: bool) -> Result<Option<File>, UnpackError> {
    let mut options = OpenOptions::new();
    options.write(true).mode(if executable { 0o755 } else { 0o644 });
    if again {
        options.truncate(true)
    } else {
        options.create_new(true)
    };
    let opened = match options.open(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = target.parent().ok_or(error).map_err(UnpackError::Disk)?;
            std::fs::create_dir_all(folder).and_then(|()| options.open(target))
        }
        opened => opened,
    };
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_clash(&error) => Ok(None),
        Err(error) => Err(UnpackError::Disk(error)),
    }
}

fn is_clash(error: &io::Error) -> bool {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, IsADirectory, NotADirectory};
    matches!(error.kind(), AlreadyExists | NotADirectory | IsADirectory | InvalidFilename)
}

/// Tells the archive's trouble from the disk's.
fn copy(from: &mut impl Read, to: &mut File) -> Result<u64, UnpackError> {
    let mut piece = [0; 32 * 1024];
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

/// A long name is content of an entry before the one that it names; it ends with a zero.
fn name(entry: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, UnpackError> {
    let mut name = bounded_content(entry, limits::PACKAGE_PATH_BYTES_MAX * 2)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

fn pax_path(entry: &mut tar::Entry<'_, impl Read>) -> Result<Option<Vec<u8>>, UnpackError> {
    // Other attributes stand beside the path: comments, times, owners.
    let content = bounded_content(entry, 64 * 1024)?;
    let path = PaxExtensions::new(&content).filter_map(Result::ok).find(|field| field.key_bytes() == b"path");
    Ok(path.map(|field| field.value_bytes().to_vec()))
}

fn bounded_content(entry: &mut tar::Entry<'_, impl Read>, max: usize) -> Result<Vec<u8>, UnpackError> {
    let mut content = Vec::new();
    entry.take(max as u64 + 1).read_to_end(&mut content).map_err(unreadable)?;
    if content.len() > max {
        return Err(UnpackError::TooLarge(format!("a name in its tarball has more than {max} bytes")));
    }
    Ok(content)
}

/// Without the first folder, whatever it is called. Nothing for what leads out of the folder or is no path.
fn inside(raw: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(raw).ok()?;
    if path.len() > limits::PACKAGE_PATH_BYTES_MAX || path.starts_with('/') || path.contains(['\\', '\0']) {
        return None;
    }
    let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<&str> = parts.next().map(|_first| parts.collect())?;
    (!parts.is_empty() && !path.split('/').any(|part| part == "..")).then(|| parts.join("/"))
}

fn is_executable(entry: &tar::Entry<'_, impl Read>) -> bool {
    entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0)
}

fn unreadable(error: io::Error) -> UnpackError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Overflow>()) {
        Some(overflow) => UnpackError::TooLarge(overflow.to_string()),
        None => UnpackError::Unreadable(error),
    }
}

/// Ends with an error after so many bytes, so that nothing unfolds without end.
struct Bounded<R> {
    inner: R,
    left: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {} MB", limits::PACKAGE_BYTES_MAX / 1_000_000)]
struct Overflow;

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| io::Error::other(Overflow))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
