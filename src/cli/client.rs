//! The client of the commands: of the server that the flags name, its errors with what to do next on a command line.

use super::failure::Failure;
use super::terminal::{self, Paint, Style};
pub use crate::client::{Client, Events, Follow, Query};
use crate::client::{Error, Notice};
use crate::config::Remote;
use crate::event::StreamPath;

pub fn connect(remote: &Remote) -> Result<Client, Failure> {
    Ok(Client::new(remote.server.as_str(), remote.project.clone())?)
}

/// For an answer that takes the server a while to work out.
pub fn connect_patiently(remote: &Remote) -> Result<Client, Failure> {
    Ok(Client::patient(remote.server.as_str(), remote.project.clone())?)
}

/// Follows, and tells a person when the connection breaks.
pub async fn follow(client: &Client, path: &StreamPath, query: Query) -> Result<Follow, Failure> {
    Ok(client.follow(path, query).await?.telling(|notice| {
        let told = match notice {
            Notice::Broken(why) => format!("{why}; trying again …"),
            Notice::Restored => "connected again".into(),
        };
        terminal::remark(&Paint::stderr().paint(Style::Faint, &told));
    }))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::Refused { status: 404, sentence, .. } => Failure::NotFound(sentence),
            Error::NoServer { server, cause } => Failure::failed(format!(
                "no server at {server}: start one with `millrace serve`, or name another with --server URL ({cause})"
            )),
            Error::Foreign { .. } => Failure::failed(format!("{error}: is --server right?")),
            error => Failure::failed(error.to_string()),
        }
    }
}
