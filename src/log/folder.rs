//! The data folder around the engine's own: who uses it, what it is, and which engine it belongs to.
//!
//! | file            | what                                                                  |
//! |-----------------|-----------------------------------------------------------------------|
//! | `lock`          | locked by the process that uses the folder, and its number            |
//! | `millrace.json` | the manifest, written and synced before anything else                 |
//! | `journal`       | the newest batches, synced before they are acknowledged               |
//! | `sled`, `fjall` | the engine's files, which follow the journal                          |
//! | `synced`        | the number of the newest batch in the journal                         |
//! | `checkpoint`    | the number of the newest batch that was durable in the engine         |
//!
//! The two numbers are notes: u64, and the CRC-32C of these bytes. They are taken when what they say has come
//! to be, and are not synced themselves: so each may be behind. `synced` is there because a journal and an
//! engine that find their newest bytes damaged take them for a write that a crash has cut off, and forget them
//! without a word: if the note is ahead of both, they have lost acknowledged events. `checkpoint` saves a
//! restart from applying again what needs it no more.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{Engine, OpenError};
use crate::limits::SLED_SEGMENT_BYTES;

/// The version of the layout of folder, keys and values. Older ones are read, and raised when they are opened:
/// - 1: no journal is needed to read it, though there may be one
/// - 2: the journal may hold what the engine lacks, and the engine a part of a batch
/// - 3: a stream may have its first events from another one (`fork`)
pub(super) const FORMAT: u32 = 3;

const LOCK: &str = "lock";
pub(super) const SYNCED: &str = "synced";
pub(super) const CHECKPOINT: &str = "checkpoint";
const MANIFEST: &str = "millrace.json";
const MANIFEST_DRAFT: &str = "millrace.json.new";

/// What a data folder is; once written, only `initialized` changes, and `format` with a newer millrace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub format: u32,
    pub engine: Engine,
    /// sled's segments have the size that they were made with.
    pub sled_segment_bytes: usize,
    /// Whether the engine's files were complete once. Before, whatever is there may be made anew;
    /// afterwards, files that are missing are a loss.
    pub initialized: bool,
}

/// A data folder that this process has for itself, until this is dropped.
pub(super) struct DataFolder {
    pub path: PathBuf,
    pub manifest: Manifest,
    _lock: File,
}

impl DataFolder {
    /// Takes a folder, or makes one. `engine` is what the caller insists on.
    pub fn open(path: &Path, engine: Option<Engine>) -> Result<DataFolder, OpenError> {
        make(path)?;
        let lock = take_lock(path, true)?;
        let manifest = match read_manifest(path)? {
            Some(manifest) => manifest,
            None => begin(path, engine.unwrap_or(Engine::Sled))?,
        };
        if let Some(asked) = engine.filter(|asked| *asked != manifest.engine) {
            return Err(OpenError::EngineMismatch { folder: path.into(), recorded: manifest.engine, asked });
        }
        Ok(DataFolder { path: path.into(), manifest, _lock: lock })
    }

    /// Takes a folder that exists, to look at it.
    pub fn open_existing(path: &Path) -> Result<DataFolder, OpenError> {
        let missing = || OpenError::Missing { folder: path.into() };
        if !path.join(MANIFEST).exists() {
            return Err(missing());
        }
        let lock = take_lock(path, false)?;
        let manifest = read_manifest(path)?.ok_or_else(missing)?;
        Ok(DataFolder { path: path.into(), manifest, _lock: lock })
    }

    /// The number that a note says; 0 when it says nothing.
    pub fn noted(&self, name: &str) -> Result<u64, OpenError> {
        match fs::read(self.path.join(name)) {
            // Written without a sync, it may be empty or old after a power cut.
            Ok(bytes) => Ok(decode_note(&bytes).unwrap_or(0)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(OpenError::io(&self.path, "read a note", error)),
        }
    }

    pub fn open_note(&self, name: &str) -> Result<Note, OpenError> {
        let open = OpenOptions::new().write(true).create(true).truncate(false).open(self.path.join(name));
        open.map(Note).map_err(|error| OpenError::io(&self.path, "open a note", error))
    }

    pub fn engine_folder(&self) -> PathBuf {
        self.path.join(self.manifest.engine.to_string())
    }

    /// Removes what is left of an engine whose making was interrupted.
    pub fn discard_unfinished(&self) -> Result<(), OpenError> {
        match fs::remove_dir_all(self.engine_folder()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(OpenError::io(&self.path, "remove an unfinished store", error))
            }
            _ => Ok(()),
        }
    }

    /// Before anything is stored that an older version would not look for: from here on it refuses the folder.
    pub fn raise_format(&mut self) -> Result<(), OpenError> {
        if self.manifest.format == FORMAT {
            return Ok(());
        }
        self.manifest.format = FORMAT;
        write_manifest(&self.path, &self.manifest)
    }

    /// Once the engine's files are complete and synced.
    pub fn set_initialized(&mut self) -> Result<(), OpenError> {
        self.manifest.initialized = true;
        write_manifest(&self.path, &self.manifest)
    }
}

/// The number of a batch beside the store.
pub(super) struct Note(File);

impl Note {
    /// One that could not be taken only makes the next opening know less.
    pub fn take(&self, number: u64) {
        let _ = self.0.write_all_at(&encode_note(number), 0);
    }
}

fn encode_note(number: u64) -> [u8; 12] {
    let mut bytes = [0; 12];
    let (content, checksum) = bytes.split_at_mut(8);
    content.copy_from_slice(&number.to_be_bytes());
    checksum.copy_from_slice(&crc32c::crc32c(content).to_be_bytes());
    bytes
}

fn decode_note(bytes: &[u8]) -> Option<u64> {
    let (content, _) = bytes.split_first_chunk()?;
    let number = u64::from_be_bytes(*content);
    (bytes == encode_note(number)).then_some(number)
}

fn make(path: &Path) -> Result<(), OpenError> {
    fs::create_dir_all(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotADirectory => {
            OpenError::Foreign { folder: path.into(), found: "a file where a folder must be".into() }
        }
        _ => OpenError::io(path, "make the folder", error),
    })
}

/// The lock goes with the process, however it ends; the number in the file is only for the message.
fn take_lock(path: &Path, create: bool) -> Result<File, OpenError> {
    let io = |error| OpenError::io(path, "lock the folder", error);
    // Before the lock file is made: a folder that is not ours is left exactly as it was.
    if create && !path.join(MANIFEST).exists() {
        refuse_foreign(path)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join(LOCK))
        .map_err(io)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut pid = String::new();
            // Best effort: the message is as clear without the number.
            let _ = file.read_to_string(&mut pid);
            return Err(OpenError::InUse { folder: path.into(), pid: pid.trim().parse().ok() });
        }
        Err(error) => return Err(io(error.into())),
    }
    // Likewise: on a full disk there is still a lock.
    let _ = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn refuse_foreign(path: &Path) -> Result<(), OpenError> {
    let io = |error| OpenError::io(path, "list the folder", error);
    for entry in fs::read_dir(path).map_err(io)? {
        let name = entry.map_err(io)?.file_name();
        let ours = name == LOCK || name == MANIFEST || name == MANIFEST_DRAFT;
        // A new file system has this in its root.
        if !ours && name != "lost+found" {
            return Err(OpenError::Foreign { folder: path.into(), found: name.to_string_lossy().into() });
        }
    }
    Ok(())
}

/// The manifest of a new folder: on the disk before anything is stored beside it.
fn begin(path: &Path, engine: Engine) -> Result<Manifest, OpenError> {
    let manifest =
        Manifest { format: FORMAT, engine, sled_segment_bytes: SLED_SEGMENT_BYTES, initialized: false };
    write_manifest(path, &manifest)?;
    sync_parent(path).map_err(|error| OpenError::io(path, "sync the folder", error))?;
    Ok(manifest)
}

fn read_manifest(path: &Path) -> Result<Option<Manifest>, OpenError> {
    /// Any version of the manifest has this.
    #[derive(Deserialize)]
    struct Versioned {
        format: u32,
    }
    let text = match fs::read_to_string(path.join(MANIFEST)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(path, "read the manifest", error)),
    };
    let corrupt = |error: serde_json::Error| OpenError::Corrupt {
        folder: path.into(),
        why: format!("its {MANIFEST} is unreadable: {error}"),
    };
    let Versioned { format } = serde_json::from_str(&text).map_err(corrupt)?;
    if format > FORMAT {
        return Err(OpenError::TooNew { folder: path.into(), format, known: FORMAT });
    }
    serde_json::from_str(&text).map_err(corrupt).map(Some)
}

/// All of it or nothing: a draft takes the old one's place once it is on the disk.
fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), OpenError> {
    let mut text = serde_json::to_string_pretty(manifest).expect("a manifest has a JSON form");
    text.push('\n');
    let draft = path.join(MANIFEST_DRAFT);
    let write = || {
        let mut file = File::create(&draft)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&draft, path.join(MANIFEST))?;
        File::open(path)?.sync_all()
    };
    write().map_err(|error| OpenError::io(path, "write the manifest", error))
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
    let path = fs::canonicalize(path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
