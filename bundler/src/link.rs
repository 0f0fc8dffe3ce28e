//! Makes one self-contained module of an author's own files, in process: every file keeps its bindings, and what
//! imports them uses the very same ones. What is installed from a registry is for the other linker; there is no
//! tree shaking here.

mod assemble;
mod bind;
mod data;
mod flatten;
mod graph;
mod lazy;
mod module;
mod names;
mod order;
mod requests;
mod rewrite;
mod runtime;

use std::collections::BTreeMap;

use swc_core::common::sync::Lrc;
use swc_core::common::{Mark, SourceMap};
use swc_core::ecma::transforms::base::helpers::{HELPERS, Helpers};

use crate::Diagnostic;
use crate::transpile::{self, ImportKind, Options};

/// What an import leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One of the author's files, by its name.
    File(String),
    /// What the isolate has under this name: it stays an import.
    External(String),
    /// Nothing, on purpose.
    Empty,
}

/// Why an import leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    pub code: String,
    pub message: String,
    pub hint: Option<String>,
}

/// Called from the compiler's thread.
pub trait Resolve: Sync {
    fn resolve(&self, importer: &str, specifier: &str, kind: ImportKind) -> Result<Target, Unresolved>;
}

impl<F> Resolve for F
where
    F: Fn(&str, &str, ImportKind) -> Result<Target, Unresolved> + Sync,
{
    fn resolve(&self, importer: &str, specifier: &str, kind: ImportKind) -> Result<Target, Unresolved> {
        self(importer, specifier, kind)
    }
}

pub struct Input<'a> {
    /// The name of one of the files.
    pub entry: &'a str,
    pub files: &'a BTreeMap<String, String>,
    pub options: &'a Options,
    pub resolve: &'a dyn Resolve,
    /// Refuse an entry that exports no processor.
    pub wants_processor: bool,
}

#[derive(Clone, Debug)]
pub struct Linked {
    /// One ES module; what it still imports, the isolate has.
    pub script: String,
    /// JSON, with the author's files in it.
    pub source_map: String,
    /// The files that went in, in the order of their evaluation.
    pub files: Vec<String>,
    /// What the script still imports.
    pub externals: Vec<String>,
    pub exports: Vec<String>,
    pub warnings: Vec<Diagnostic>,
}

/// All that is wrong in all files that the entry reaches, or the script.
pub fn link(input: &Input<'_>) -> Result<Linked, Vec<Diagnostic>> {
    transpile::compile(input.entry, || {
        let map: Lrc<SourceMap> = Lrc::default();
        HELPERS.set(&Helpers::new(false), || {
            let unresolved = Mark::new();
            let graph = graph::Graph::load(input, &map, unresolved);
            let bound = bind::bind(&graph)?;
            if input.wants_processor {
                graph.check_processor(&bound)?;
            }
            assemble::assemble(graph, bound, &map, unresolved)
        })
    })
}
