//! What goes into a build, and what comes out of it.

use std::collections::BTreeMap;

use crate::{Diagnostic, Lock};

/// An author's files and what was said about them.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Text by relative path.
    pub files: BTreeMap<String, String>,
    pub entry: Option<String>,
    /// JSON: the object, or a string that holds its text. Left out: the file `package.json`, if there is one.
    pub package_json: Option<String>,
    /// Of an earlier build: its versions are kept as far as they still satisfy.
    pub lock: Option<Lock>,
}

/// One module that runs as it is, and where each place of it comes from.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub script: String,
    pub source_map: String,
    /// Of the script, in hexadecimal.
    pub sha256: String,
    /// The author's own dependencies, as resolved.
    pub dependencies: BTreeMap<String, String>,
    /// None for a source without dependencies.
    pub lock: Option<Lock>,
    /// What the author may want to mend though it builds.
    pub warnings: Vec<Diagnostic>,
}
