//! The files of a tarball, one after the other. Only files: no links, no devices, and no path that leads out
//! of the package, whatever the archive says. Nothing of a package is ever run here.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use tar::{Archive, EntryType, PaxExtensions};

use crate::limits;

/// Takes the files. The same path again replaces what came before.
pub(super) trait Target {
    fn file(&mut self, path: &str, executable: bool, content: &mut dyn Read) -> Result<(), UnpackError>;
}

#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    #[error("{0}")]
    TooLarge(String),
    #[error("its tarball cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("{0}")]
    Disk(io::Error),
}

pub(super) fn unpack(tarball: impl Read, target: &mut dyn Target) -> Result<(), UnpackError> {
    unpack_within(limits::PACKAGE_BYTES_MAX, limits::PACKAGE_FILES_MAX, tarball, target)
}

fn unpack_within(
    bytes_max: u64,
    entries_max: usize,
    tarball: impl Read,
    target: &mut dyn Target,
) -> Result<(), UnpackError> {
    let mut tarball = BufReader::with_capacity(64 * 1024, tarball);
    let gzip = tarball.fill_buf().map_err(UnpackError::Unreadable)?.starts_with(&[0x1f, 0x8b]);
    let archive: Box<dyn Read> =
        if gzip { Box::new(MultiGzDecoder::new(tarball)) } else { Box::new(tarball) };
    let mut archive = Archive::new(Bounded { inner: archive, max: bytes_max, left: bytes_max });
    let mut unpacking =
        Unpacking { target, paths: Paths::default(), entries_left: entries_max, long_path: None };
    // Raw: the crate would read names of any length into memory.
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        unpacking.take(&mut entry.map_err(unreadable)?)?;
    }
    Ok(())
}

struct Unpacking<'a> {
    target: &'a mut dyn Target,
    paths: Paths,
    entries_left: usize,
    /// Told by the entry before.
    long_path: Option<Vec<u8>>,
}

impl Unpacking<'_> {
    fn take(&mut self, entry: &mut tar::Entry<'_, impl Read>) -> Result<(), UnpackError> {
        let too_many =
            || UnpackError::TooLarge(format!("it has more than {} files", limits::PACKAGE_FILES_MAX));
        self.entries_left = self.entries_left.checked_sub(1).ok_or_else(too_many)?;
        match entry.header().entry_type() {
            EntryType::GNULongName => self.long_path = Some(name(entry)?),
            EntryType::XHeader => self.long_path = pax_path(entry)?.or(self.long_path.take()),
            EntryType::Regular | EntryType::Continuous => {
                let told = self.long_path.take();
                let raw = told.unwrap_or_else(|| entry.path_bytes().into_owned());
                match inside(&raw).filter(|path| self.paths.take(path)) {
                    Some(path) => self.target.file(&path, is_executable(entry), entry)?,
                    None => tracing::debug!(path = %raw.escape_ascii(), "left out of a package"),
                }
            }
            // Of the whole archive, or of the target of a link.
            EntryType::XGlobalHeader | EntryType::GNULongLink => {}
            // Folders come with their files; links, devices and the rest are left out.
            _ => self.long_path = None,
        }
        Ok(())
    }
}

/// What came so far: no path is both a file and a folder.
#[derive(Default)]
struct Paths {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Paths {
    /// Whether there is room for a file of this path beside those before it.
    fn take(&mut self, path: &str) -> bool {
        let folders = || path.match_indices('/').map(|(end, _)| &path[..end]);
        if self.folders.contains(path) || folders().any(|folder| self.files.contains(folder)) {
            return false;
        }
        for folder in folders().filter(|folder| !self.folders.contains(*folder)).collect::<Vec<_>>() {
            self.folders.insert(folder.to_owned());
        }
        self.files.insert(path.to_owned());
        true
    }
}

/// A long name is content of an entry before the one that it names; it ends with a zero.
fn name(entry: &mut tar::Entry<'_, impl Read>) -> Result<Vec<u8>, UnpackError> {
    let mut name = bounded_content(entry, limits::PACKAGE_NAME_ENTRY_BYTES_MAX)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

/// Other attributes stand beside the path: comments, times, owners.
fn pax_path(entry: &mut tar::Entry<'_, impl Read>) -> Result<Option<Vec<u8>>, UnpackError> {
    let content = bounded_content(entry, limits::PACKAGE_NAME_ENTRY_BYTES_MAX)?;
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
    let is_file = !path.starts_with('/') && !path.ends_with('/');
    if !is_file || path.len() > limits::PACKAGE_PATH_BYTES_MAX || path.contains(['\\', '\0']) {
        return None;
    }
    let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.next()?;
    let parts: Vec<&str> = parts.collect();
    (!parts.is_empty() && !path.split('/').any(|part| part == "..")).then(|| parts.join("/"))
}

fn is_executable(entry: &tar::Entry<'_, impl Read>) -> bool {
    entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0)
}

/// Of the archive, not of the disk.
pub(super) fn unreadable(error: io::Error) -> UnpackError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Overflow>()) {
        Some(overflow) => UnpackError::TooLarge(overflow.to_string()),
        None => UnpackError::Unreadable(error),
    }
}

/// Ends with an error after so many bytes, so that nothing unfolds without end.
struct Bounded<R> {
    inner: R,
    max: u64,
    left: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than {0} bytes")]
struct Overflow(u64);

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.left =
            self.left.checked_sub(length as u64).ok_or_else(|| io::Error::other(Overflow(self.max)))?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests;
