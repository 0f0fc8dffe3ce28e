//! How a command ends when it does not succeed, and the exit code of that.

use std::io;
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It could not be done; the sentence says why, and what to do next.
    #[error("{0}")]
    Failed(String),
    /// The server knows no such stream; else as `Failed`.
    #[error("{0}")]
    NotFound(String),
    /// It was asked for in a way that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// It could not be done, and the output says so already.
    #[error("failed")]
    Reported,
    /// Whoever read the output has seen enough, as in `millrace tail … | head`.
    #[error("the output was closed")]
    OutputClosed,
}

impl Failure {
    pub fn failed(sentence: impl Into<String>) -> Failure {
        Failure::Failed(sentence.into())
    }

    pub fn usage(sentence: impl Into<String>) -> Failure {
        Failure::Usage(sentence.into())
    }

    /// What was named on the command line is not there.
    pub fn no_such_file(path: &Path) -> Failure {
        Failure::Usage(format!("there is no file or folder {}: check the path", path.display()))
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::OutputClosed => 0,
            Failure::Failed(_) | Failure::NotFound(_) | Failure::Reported => 1,
            Failure::Usage(_) => 2,
        }
    }

    /// What is still to be told.
    pub fn sentence(&self) -> Option<&str> {
        match self {
            Failure::Failed(sentence) | Failure::NotFound(sentence) | Failure::Usage(sentence) => {
                Some(sentence)
            }
            Failure::Reported | Failure::OutputClosed => None,
        }
    }
}

/// Of writing to stdout, the only I/O whose errors need no name beside them.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Failed(format!("cannot write to stdout: {error}")),
        }
    }
}
