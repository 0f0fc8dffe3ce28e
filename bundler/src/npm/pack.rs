//! A package's files as one file: a thousand small ones would cost a thousand times more to make, to check and
//! to remove. Contents come first, in the order of the tarball, then the index:
//!
//! | bytes | what |
//! | --- | --- |
//! | … | contents, one behind the other |
//! | n | index: JSON, path to place |
//! | 8 | n, little-endian |
//! | 8 | `millpack` |

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::Crc;
use serde::{Deserialize, Serialize};

use super::unpack::{Target, UnpackError, unreadable};
use crate::limits;
use crate::package::ReadFile;

const MARK: &[u8; 8] = b"millpack";
const TRAILER_BYTES: u64 = 16;

/// Where a file's content begins, how long it is, and its CRC-32: what a power failure left half written is
/// found out when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place(u64, u64, u32);

#[derive(Debug)]
pub(super) struct Pack {
    file: PathBuf,
    places: BTreeMap<String, Place>,
}

impl Pack {
    /// Nothing if this is no whole pack.
    pub(super) fn open(path: &Path) -> io::Result<Pack> {
        let mut file = File::open(path)?;
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "not a whole pack");
        let size = file.metadata()?.len();
        let trailer_at = size.checked_sub(TRAILER_BYTES).ok_or_else(damaged)?;
        let mut trailer = [0; TRAILER_BYTES as usize];
        file.read_exact_at(&mut trailer, trailer_at)?;
        let (length, mark) = trailer.split_at(8);
        let length = u64::from_le_bytes(length.try_into().expect("half of sixteen bytes are eight"));
        if mark != MARK || length > limits::INDEX_BYTES_MAX {
            return Err(damaged());
        }
        let contents = trailer_at.checked_sub(length).ok_or_else(damaged)?;
        file.seek(SeekFrom::Start(contents))?;
        let mut index = vec![0; length as usize];
        file.read_exact(&mut index)?;
        let places: BTreeMap<String, Place> = serde_json::from_slice(&index)?;
        let inside = |place: &Place| place.0.checked_add(place.1).is_some_and(|end| end <= contents);
        if !places.values().all(inside) {
            return Err(damaged());
        }
        Ok(Pack { file: path.to_owned(), places })
    }

    pub(super) fn sizes(&self) -> BTreeMap<String, u64> {
        self.places.iter().map(|(path, place)| (path.clone(), place.1)).collect()
    }
}

impl ReadFile for Pack {
    fn read(&self, path: &str) -> io::Result<Bytes> {
        let Place(offset, size, checksum) = *self.places.get(path).ok_or(io::ErrorKind::NotFound)?;
        let mut content = vec![0; size as usize];
        File::open(&self.file)?.read_exact_at(&mut content, offset)?;
        let mut crc = Crc::new();
        crc.update(&content);
        if crc.sum() != checksum {
            // Gone, it is fetched again; left, it would stay wrong.
            fs::remove_file(&self.file)?;
            let message =
                format!("`{path}` was damaged on disk; its package is removed and fetched again next time");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(content.into())
    }
}

/// Writes a pack.
pub(super) struct Packer {
    to: BufWriter<File>,
    end: u64,
    places: BTreeMap<String, Place>,
}

impl Packer {
    pub(super) fn create(path: &Path) -> io::Result<Packer> {
        let to = BufWriter::with_capacity(256 * 1024, File::create_new(path)?);
        Ok(Packer { to, end: 0, places: BTreeMap::new() })
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        let index = serde_json::to_vec(&self.places)?;
        self.to.write_all(&index)?;
        self.to.write_all(&(index.len() as u64).to_le_bytes())?;
        self.to.write_all(MARK)?;
        self.to.flush()
    }
}

impl Target for Packer {
    fn file(&mut self, path: &str, _executable: bool, content: &mut dyn Read) -> Result<(), UnpackError> {
        let start = self.end;
        let mut crc = Crc::new();
        let mut piece = [0; 32 * 1024];
        loop {
            let length = content.read(&mut piece).map_err(unreadable)?;
            if length == 0 {
                break;
            }
            crc.update(&piece[..length]);
            self.to.write_all(&piece[..length]).map_err(UnpackError::Disk)?;
            self.end += length as u64;
        }
        self.places.insert(path.to_owned(), Place(start, self.end - start, crc.sum()));
        Ok(())
    }
}
