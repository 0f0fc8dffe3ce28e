//! Where a stream is: a path in a tree, inside a project.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::limits::{PATH_CHARS_MAX, PROJECT_CHARS_MAX};

/// `/`, or segments of `a-z 0-9 _ -`, each behind a slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamPath(Arc<str>);

impl StreamPath {
    pub fn root() -> StreamPath {
        StreamPath("/".into())
    }

    /// The canonical form, leading slash included. The error is a sentence for the caller.
    pub fn parse(text: &str) -> Result<StreamPath, String> {
        let refused = |why: &str| Err(format!("stream path {text:?} {why}"));
        if text.chars().count() > PATH_CHARS_MAX {
            return Err(format!("a stream path has at most {PATH_CHARS_MAX} characters"));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return refused("must begin with a slash");
        };
        if rest.is_empty() {
            return Ok(StreamPath::root());
        }
        for segment in rest.split('/') {
            if segment.is_empty() {
                return refused("has an empty segment or a trailing slash");
            }
            if let Some(bad) = segment
                .chars()
                .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-')))
            {
                return refused(&format!("may not contain {bad:?}: segments are made of a-z, 0-9, _ and -"));
            }
        }
        if rest.starts_with("__") {
            return refused("may not begin with `__`, which is reserved for routes");
        }
        Ok(StreamPath(text.into()))
    }

    /// The path as it stands in a URL: decoded by the caller, the leading slash given or not.
    pub fn parse_url(text: &str) -> Result<StreamPath, String> {
        if text.bytes().all(|b| b == b'/') {
            return Ok(StreamPath::root());
        }
        if text.starts_with('/') { StreamPath::parse(text) } else { StreamPath::parse(&format!("/{text}")) }
    }

    /// `to` as a processor on this stream may write it: absolute, or relative as in a file system.
    pub fn resolve(&self, to: &str) -> Result<StreamPath, String> {
        if to.starts_with('/') {
            return StreamPath::parse(if to.len() > 1 { to.strip_suffix('/').unwrap_or(to) } else { to });
        }
        if !(to == "." || to == ".." || to.starts_with("./") || to.starts_with("../")) {
            return Err(format!(
                "path {to:?} must be absolute (`/a/b`) or relative (`./child`, `../sibling`, `..`)"
            ));
        }
        let mut segments: Vec<&str> = self.segments().collect();
        for step in to.split('/') {
            match step {
                "" | "." => {}
                ".." => {
                    if segments.pop().is_none() {
                        return Err(format!("path {to:?} leads above the root from {self}"));
                    }
                }
                name => segments.push(name),
            }
        }
        StreamPath::parse(&format!("/{}", segments.join("/")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_root(&self) -> bool {
        &*self.0 == "/"
    }

    fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// A system stream, `/a/_logs/x`: an ordinary stream that is neither announced nor listed.
    pub fn is_system(&self) -> bool {
        self.segments().any(|segment| segment.starts_with('_') && !segment.starts_with("__"))
    }

    /// The root, then each prefix; never the path itself.
    pub fn ancestors(&self) -> Vec<StreamPath> {
        if self.is_root() {
            return Vec::new();
        }
        let prefixes = self.0.char_indices().skip(1).filter(|(_, c)| *c == '/');
        std::iter::once(StreamPath::root())
            .chain(prefixes.map(|(at, _)| StreamPath(self.0[..at].into())))
            .collect()
    }

    pub fn is_below(&self, ancestor: &StreamPath) -> bool {
        if ancestor.is_root() {
            return !self.is_root();
        }
        self.0.strip_prefix(&*ancestor.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The immediate child of this stream on the way to `descendant`.
    pub fn child_towards(&self, descendant: &StreamPath) -> Option<StreamPath> {
        if !descendant.is_below(self) {
            return None;
        }
        let from = if self.is_root() { 1 } else { self.0.len() + 1 };
        let end = descendant.0[from..].find('/').map_or(descendant.0.len(), |at| from + at);
        Some(StreamPath(descendant.0[..end].into()))
    }

    /// Where the log lines of this stream's processor `slug` go.
    pub fn logs_of(&self, slug: &super::Slug) -> Result<StreamPath, String> {
        let parent = if self.is_root() { "" } else { &*self.0 };
        StreamPath::parse(&format!("{parent}/_logs/{slug}"))
    }
}

impl fmt::Display for StreamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for StreamPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A namespace of streams and secrets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Project(Arc<str>);

impl Project {
    pub fn parse(text: &str) -> Result<Project, String> {
        let trimmed = text.trim();
        let chars = trimmed.chars().count();
        if chars == 0 || chars > PROJECT_CHARS_MAX {
            return Err(format!("a project is named by 1 to {PROJECT_CHARS_MAX} characters"));
        }
        // The log's keys end a project's name with a zero byte.
        if trimmed.chars().any(char::is_control) {
            return Err("a project's name may not contain control characters".into());
        }
        Ok(Project(trimmed.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Project {
    fn default() -> Project {
        Project("public".into())
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Project {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A stream's full address: the same path in two projects is two streams.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    pub project: Project,
    pub path: StreamPath,
}

impl StreamKey {
    pub fn new(project: Project, path: StreamPath) -> StreamKey {
        StreamKey { project, path }
    }

    /// Another stream of the same project.
    pub fn sibling(&self, path: StreamPath) -> StreamKey {
        StreamKey { project: self.project.clone(), path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> StreamPath {
        StreamPath::parse(text).unwrap()
    }

    #[test]
    fn paths_in_urls() {
        let cases = [
            ("team/inbox", Some("/team/inbox")),
            ("/team/inbox", Some("/team/inbox")),
            ("", Some("/")),
            ("/", Some("/")),
            ("//", Some("/")),
            ("a_b-1/_logs/__x", Some("/a_b-1/_logs/__x")),
            ("Team", None),
            ("a.b", None),
            ("a//b", None),
            ("a/", None),
            ("//a", None),
            ("__state/a", None),
            ("é", None),
        ];
        for (sent, expected) in cases {
            assert_eq!(StreamPath::parse_url(sent).ok().as_ref().map(StreamPath::as_str), expected, "{sent}");
        }
        assert!(StreamPath::parse(&format!("/{}", "a".repeat(1022))).is_ok());
        assert!(StreamPath::parse(&format!("/{}", "a".repeat(1023))).is_err());
    }

    #[test]
    fn paths_as_processors_write_them() {
        let cases = [
            ("/a/b", "./c", Some("/a/b/c")),
            ("/a/b", "../c", Some("/a/c")),
            ("/a/b", "..", Some("/a")),
            ("/a", "..", Some("/")),
            ("/", "./x", Some("/x")),
            ("/a", ".", Some("/a")),
            ("/a", "/x/", Some("/x")),
            ("/a", "../..", None),
            ("/a", "x", None),
            ("/a", "./X", None),
        ];
        for (from, to, expected) in cases {
            assert_eq!(path(from).resolve(to).ok().as_ref().map(StreamPath::as_str), expected, "{from} {to}");
        }
    }

    #[test]
    fn the_tree() {
        let ancestors: Vec<String> = path("/a/b/c").ancestors().iter().map(|p| p.to_string()).collect();
        assert_eq!(ancestors, ["/", "/a", "/a/b"]);
        assert!(path("/").ancestors().is_empty());
        assert!(path("/a/b").is_below(&path("/a")) && path("/a").is_below(&path("/")));
        assert!(!path("/ab").is_below(&path("/a")) && !path("/a").is_below(&path("/a")));
        assert_eq!(path("/").child_towards(&path("/a/b")), Some(path("/a")));
        assert_eq!(path("/a").child_towards(&path("/a/b/c")), Some(path("/a/b")));
        assert_eq!(path("/a").child_towards(&path("/b")), None);
        assert!(path("/a/_logs/x").is_system() && !path("/a/__x").is_system());
    }
}
