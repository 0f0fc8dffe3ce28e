//! What can go wrong: when a data folder is opened, and afterwards. Each message says what to do next.

use std::path::{Path, PathBuf};

use super::kv::KvError;
use super::{Engine, StreamId};
use crate::event::{Offset, StreamKey};

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("data folder {} is in use by {}; stop that one or choose another folder", folder.display(), owner(*pid))]
    InUse { folder: PathBuf, pid: Option<u32> },
    #[error("{} is not a data folder of millrace: it holds {found:?}; choose an empty folder or a new one", folder.display())]
    Foreign { folder: PathBuf, found: String },
    #[error("data folder {} is damaged: {why}; run `millrace fsck`, and restore a backup if it confirms that", folder.display())]
    Corrupt { folder: PathBuf, why: String },
    /// As the check itself says it.
    #[error("data folder {} is damaged: {why}; keep a copy of it, and restore a backup", folder.display())]
    FoundCorrupt { folder: PathBuf, why: String },
    #[error(
        "data folder {} is damaged: its store has lost the newest {} batches of acknowledged events; restore a backup, or remove the file `synced` there to go on without them", folder.display(), noted - found
    )]
    Shortened { folder: PathBuf, found: u64, noted: u64 },
    #[error("data folder {} was made with {recorded}, not with {asked}; leave the engine out to use the recorded one, or choose a new folder", folder.display())]
    EngineMismatch { folder: PathBuf, recorded: Engine, asked: Engine },
    #[error("data folder {} has format {format}, and this millrace knows formats up to {known}; use a newer millrace", folder.display())]
    TooNew { folder: PathBuf, format: u32, known: u32 },
    #[error("there is no data folder of millrace at {}; check the path", folder.display())]
    Missing { folder: PathBuf },
    #[error("the disk of data folder {} is full: {why}; free some space and start again", folder.display())]
    DiskFull { folder: PathBuf, why: String },
    #[error("cannot {doing} in data folder {}: {source}; check its permissions and its disk", folder.display())]
    Io { folder: PathBuf, doing: &'static str, source: std::io::Error },
}

fn owner(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

impl OpenError {
    pub(super) fn io(folder: &Path, doing: &'static str, source: std::io::Error) -> OpenError {
        if is_full(&source) {
            return OpenError::DiskFull { folder: folder.into(), why: source.to_string() };
        }
        OpenError::Io { folder: folder.into(), doing, source }
    }

    /// Whoever runs the check is not to be told to run it.
    pub(super) fn by_the_check(self) -> OpenError {
        match self {
            OpenError::Corrupt { folder, why } => OpenError::FoundCorrupt { folder, why },
            other => other,
        }
    }

    /// What a look into the store says while it is being opened.
    pub(super) fn log(folder: &Path, error: LogError) -> OpenError {
        match error {
            LogError::Unreadable { why, .. } => OpenError::kv(folder, KvError::Io(why)),
            LogError::Corrupt { why, .. } => OpenError::Corrupt { folder: folder.into(), why },
            other => OpenError::Corrupt { folder: folder.into(), why: other.to_string() },
        }
    }

    pub(super) fn kv(folder: &Path, error: KvError) -> OpenError {
        match error {
            KvError::Corrupt(why) => OpenError::Corrupt { folder: folder.into(), why },
            KvError::Full(why) => OpenError::DiskFull { folder: folder.into(), why },
            KvError::Io(why) => OpenError::Io {
                folder: folder.into(),
                doing: "open the store",
                source: std::io::Error::other(why),
            },
        }
    }
}

/// Why the log did not do what was asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LogError {
    /// The stream is not where the caller believed it to be. `tail` is None when there is no such stream.
    #[error("{}", conflict(stream, *expected_tail, *tail))]
    Conflict { stream: StreamKey, expected_tail: Offset, tail: Option<Offset> },
    /// Something of a stream was to be written that has been deleted.
    #[error("stream number {} has been deleted", id.0)]
    Gone { id: StreamId },
    /// A write or its sync has failed. What was acknowledged is safe, and nothing can be written any more.
    #[error("{0}")]
    Failed(String),
    #[error("data folder {} is damaged: {why}; stop the server and run `millrace fsck`", folder.display())]
    Corrupt { folder: PathBuf, why: String },
    #[error("data folder {} cannot be read: {why}; check its disk", folder.display())]
    Unreadable { folder: PathBuf, why: String },
    #[error("the log is closed: the server is stopping")]
    Closed,
}

impl LogError {
    pub(super) fn kv(folder: &Path, error: KvError) -> LogError {
        match error {
            KvError::Corrupt(why) => LogError::Corrupt { folder: folder.into(), why },
            KvError::Full(why) | KvError::Io(why) => LogError::Unreadable { folder: folder.into(), why },
        }
    }

    /// After the first failed write every other one is answered with this.
    pub(super) fn failed(folder: &Path, error: &KvError) -> LogError {
        let folder = folder.display();
        LogError::Failed(match error {
            KvError::Full(why) => format!(
                "the disk of data folder {folder} is full ({why}): nothing can be stored; free some space and restart the server"
            ),
            KvError::Io(why) | KvError::Corrupt(why) => format!(
                "writing to data folder {folder} has failed ({why}): nothing can be stored; check the disk, run `millrace fsck` and restart the server"
            ),
        })
    }
}

fn conflict(stream: &StreamKey, expected: Offset, tail: Option<Offset>) -> String {
    let path = &stream.path;
    match tail {
        None => format!("stream `{path}` does not exist any more"),
        Some(tail) if expected == Offset::START => {
            format!("stream `{path}` exists already, with its tail at offset {tail}")
        }
        Some(tail) => format!("the tail of stream `{path}` is at offset {tail}, not at {expected}"),
    }
}

/// Whether there is no room: on the disk, in the quota, or under the limit of a file's size.
pub(super) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
