//! The cause of what is pushed, as it travels in a header: `x-millrace-cause: /a@7; project=public`. A receiver that
//! appends in reaction sends it along, and so a loop through it has a length, and an end. It names an event, which is
//! looked up; no word of it is believed that the log does not have.

use std::sync::Arc;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::event::frame::FrameCause;
use crate::event::{Cause, Event, Offset, Project, StreamKey, StreamPath};
use crate::log::{Log, LogError};
use crate::stream::{Only, Origin};

pub const CAUSE_HEADER: &str = "x-millrace-cause";

/// Where an event stands.
#[derive(Clone, Debug, PartialEq)]
pub struct CauseHeader {
    pub stream: StreamKey,
    pub offset: Offset,
}

impl CauseHeader {
    pub fn value(&self) -> String {
        let StreamKey { project, path } = &self.stream;
        let project = utf8_percent_encode(project.as_str(), NON_ALPHANUMERIC);
        format!("{path}@{}; project={project}", self.offset)
    }

    /// The project may be left out: it is the one that `project` is then.
    pub fn parse(value: &str, project: &Project) -> Result<CauseHeader, String> {
        let wrong = || format!("{value:?} must name an event, as in `/team/inbox@7`");
        let mut parts = value.split(';').map(str::trim);
        let (path, offset) = parts.next().and_then(|place| place.rsplit_once('@')).ok_or_else(wrong)?;
        let path = StreamPath::parse(path)?;
        let offset = offset.parse::<u64>().ok().filter(|offset| *offset > 0).ok_or_else(wrong)?;
        let mut project = project.clone();
        for part in parts {
            if let Some(named) = part.strip_prefix("project=") {
                let named = percent_decode_str(named).decode_utf8().map_err(|_| wrong())?;
                project = Project::parse(&named)?;
            }
        }
        Ok(CauseHeader { stream: StreamKey::new(project, path), offset: Offset(offset) })
    }

    /// What the frame of a socket names, of the project that the socket is in.
    pub fn of_frame(cause: &FrameCause, stream: &StreamKey) -> Result<CauseHeader, String> {
        Ok(match cause {
            FrameCause::Here(offset) => CauseHeader { stream: stream.clone(), offset: *offset },
            FrameCause::At(Cause { stream_path, offset }) => {
                let path = StreamPath::parse(stream_path)?;
                CauseHeader { stream: stream.sibling(path), offset: Offset(*offset) }
            }
        })
    }

    /// None when there is no such event here.
    pub fn find(&self, log: &Log) -> Result<Option<Arc<Event>>, LogError> {
        let Some(record) = log.find(&self.stream)? else { return Ok(None) };
        log.read_one(&record, self.offset)
    }

    /// On whose behalf something is appended to `target` that came with this header. One that names no event here, as
    /// that of another server, says nothing.
    pub fn origin(&self, log: &Log, target: &StreamKey) -> Result<Origin, LogError> {
        let Some(cause) = self.find(log)? else { return Ok(Origin::Client) };
        let foreign = self.stream.project != target.project;
        Ok(Origin::Peer { slug: None, cause: Some(cause), foreign, only: Only::Any })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_as_they_travel() {
        let public = Project::default();
        let cause = |project: &str, path: &str, offset| CauseHeader {
            stream: StreamKey::new(Project::parse(project).unwrap(), StreamPath::parse(path).unwrap()),
            offset: Offset(offset),
        };
        for sent in [cause("public", "/a/b", 7), cause("mein; Projekt=é", "/", 1)] {
            assert_eq!(CauseHeader::parse(&sent.value(), &public), Ok(sent));
        }
        assert_eq!(CauseHeader::parse("/a@7", &public), Ok(cause("public", "/a", 7)));
        assert_eq!(CauseHeader::parse("/a@7; depth=3", &public), Ok(cause("public", "/a", 7)));
        for wrong in ["", "/a", "/a@0", "/a@x", "a@1", "/A@1", "@1"] {
            assert!(CauseHeader::parse(wrong, &public).is_err(), "{wrong}");
        }
    }
}
