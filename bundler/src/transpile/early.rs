//! What the grammar allows and the language does not, as far as one file shows it: the parser leaves these to
//! later stages, and the engine would refuse them with less to say.

mod assignments;
mod exports;
mod members;
mod patterns;
mod scopes;

use swc_core::common::{BytePos, Span};
use swc_core::ecma::ast::Program;

use super::options::Decorators;
use super::source::{Language, Source};
use super::syntax::bytes;
use crate::Diagnostic;

/// What is found, with the file it is found in.
struct Findings<'a> {
    source: &'a Source<'a>,
    start: BytePos,
    diagnostics: Vec<Diagnostic>,
}

impl Findings<'_> {
    fn add(&mut self, span: Span, code: &str, message: String, hint: Option<String>) {
        let (start, end) = bytes(span, self.start);
        let mut diagnostic = self.source.diagnostic(start, end, code, message);
        diagnostic.hint = hint;
        self.diagnostics.push(diagnostic);
    }

    /// "line 3, column 7", for hints.
    fn spot(&self, span: Span) -> String {
        let (start, end) = bytes(span, self.start);
        let place = self.source.place(start, end);
        format!("line {}, column {}", place.line, place.column)
    }
}

/// Before the transforms, but with identifiers resolved. In the order of the file.
pub fn check(
    program: &Program,
    source: &Source<'_>,
    start: BytePos,
    language: Language,
    decorators: Decorators,
) -> Vec<Diagnostic> {
    let mut findings = Findings { source, start, diagnostics: Vec::new() };
    scopes::check(program, language, &mut findings);
    exports::check(program, &mut findings);
    assignments::check(program, &mut findings);
    members::check(program, &mut findings);
    patterns::check(program, decorators, &mut findings);
    let mut found = findings.diagnostics;
    found.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    found.dedup_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    found
}
