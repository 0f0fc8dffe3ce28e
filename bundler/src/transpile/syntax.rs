//! One run of swc's parser over one file, as a module always (CommonJS files excepted).

use swc_core::common::comments::SingleThreadedComments;
use swc_core::common::sync::Lrc;
use swc_core::common::{BytePos, FileName, SourceFile, SourceMap, Span};
use swc_core::ecma::ast::{EsVersion, Program};
use swc_core::ecma::parser::error::Error;
use swc_core::ecma::parser::{EsSyntax, Syntax, TsSyntax, parse_file_as_commonjs, parse_file_as_module};

use super::source::Language;

/// A file's tree, and what the parser found fault with and went on behind.
pub struct Parsed {
    pub program: Program,
    pub comments: SingleThreadedComments,
    pub start: BytePos,
    pub faults: Vec<Error>,
}

pub struct Refused {
    /// Where the parser could not go on.
    pub fatal: Error,
    pub faults: Vec<Error>,
    pub start: BytePos,
}

pub fn parse(map: &Lrc<SourceMap>, name: &str, text: &str, language: Language) -> Result<Parsed, Refused> {
    let file = map.new_source_file(Lrc::new(FileName::Custom(name.to_owned())), text.to_owned());
    let comments = SingleThreadedComments::default();
    let mut faults = Vec::new();
    let outcome = read(&file, language, &comments, &mut faults);
    let start = file.start_pos;
    match outcome {
        Ok(program) => Ok(Parsed { program, comments, start, faults }),
        Err(fatal) => Err(Refused { fatal, faults, start }),
    }
}

fn read(
    file: &SourceFile,
    language: Language,
    comments: &SingleThreadedComments,
    faults: &mut Vec<Error>,
) -> Result<Program, Error> {
    let (syntax, version) = (syntax(language), EsVersion::latest());
    if language.commonjs {
        parse_file_as_commonjs(file, syntax, version, Some(comments), faults).map(Program::Script)
    } else {
        parse_file_as_module(file, syntax, version, Some(comments), faults).map(Program::Module)
    }
}

fn syntax(language: Language) -> Syntax {
    if language.typescript {
        Syntax::Typescript(TsSyntax {
            tsx: language.jsx,
            decorators: true,
            dts: language.declarations,
            no_early_errors: false,
            disallow_ambiguous_jsx_like: language.unambiguous,
        })
    } else {
        Syntax::Es(EsSyntax {
            jsx: language.jsx,
            decorators: true,
            decorators_before_export: true,
            auto_accessors: true,
            explicit_resource_management: true,
            ..EsSyntax::default()
        })
    }
}

/// A span of a file as bytes of its text.
pub fn bytes(span: Span, start: BytePos) -> (usize, usize) {
    let at = |position: BytePos| position.0.saturating_sub(start.0) as usize;
    (at(span.lo), at(span.hi))
}
