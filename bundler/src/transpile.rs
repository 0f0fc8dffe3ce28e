//! What swc does for one file of an author: find what is wrong with it, tell what it imports and exports,
//! and turn it into a script that the engine runs. Linking several is [`crate::link`]'s.

mod chains;
pub(crate) mod early;
pub(crate) mod emit;
pub(crate) mod entry;
pub(crate) mod exports;
pub(crate) mod faults;
pub(crate) mod imports;
mod jsonc;
mod merged;
pub(crate) mod names;
mod narrowing;
pub(crate) mod nesting;
mod options;
pub(crate) mod passes;
mod regions;
pub(crate) mod source;
pub(crate) mod stack;
mod surface;
pub(crate) mod syntax;
mod tokens;
mod tried;
mod tsconfig;
mod wording;

pub use emit::Transpiled;
pub use entry::ProcessorExport;
pub use exports::{Export, Value};
pub use imports::{ComputedImport, Import, ImportKind};
pub(crate) use imports::{attribute_type, call_attribute_type, literal};
pub use narrowing::Namespaces;
pub use options::{Decorators, Jsx, Options};
pub use source::{Language, Place, Source};
pub use surface::{Origin, Surface, surface};
pub use tried::is_tried;
pub use tsconfig::TsConfig;

use std::collections::HashSet;

use swc_core::atoms::Atom;
use swc_core::common::errors::{DiagnosticBuilder, Emitter, HANDLER, Handler};
use swc_core::common::sync::Lrc;
use swc_core::common::{BytePos, GLOBALS, Globals, Mark, SourceMap};
use swc_core::ecma::ast::{Pass, Program};
use swc_core::ecma::transforms::base::fixer::fixer;
use swc_core::ecma::transforms::base::helpers::{HELPERS, Helpers, inject_helpers};
use swc_core::ecma::transforms::base::hygiene::hygiene;

use passes::Marks;
use syntax::Parsed;

use crate::Diagnostic;
use crate::limits::FILE_BYTES_MAX;

/// What one file says of itself, once it is known to be without fault.
#[derive(Debug)]
pub struct Inspected {
    /// What it asks for at run time, in order: without types, and without imports that only types use.
    pub imports: Vec<Import>,
    pub computed_imports: Vec<ComputedImport>,
    pub exports: Vec<Export>,
    /// The export that the server would take for the processor, were this file the entry.
    pub processor: Option<ProcessorExport>,
    /// Were this file the entry: why it holds no processor.
    pub no_processor: Option<Diagnostic>,
    /// Were this file the entry: what has to stand at its end, so that its processor is found.
    pub naming: Option<String>,
}

/// Reads one file and finds all that is wrong with it, as far as it shows alone.
pub fn inspect(name: &str, text: &str, options: &Options) -> Result<Inspected, Vec<Diagnostic>> {
    let (source, language) = readable(name, text)?;
    compile(name, || {
        let map: Lrc<SourceMap> = Lrc::default();
        let module = HELPERS
            .set(&Helpers::new(false), || Lowered::new(&map, &source, language, options, Mark::new()))?;
        let imports = imports::of(&module.program, &source, module.start, module.marks);
        let exports = exports::of(&module.program, &source, module.start);
        Ok(Inspected {
            imports: imports.literal,
            computed_imports: imports.computed,
            processor: entry::processor(&exports),
            no_processor: entry::check(&source, &exports),
            naming: entry::naming(&exports),
            exports,
        })
    })
}

/// Turns one module into what the engine runs; its imports stay imports.
pub fn transpile(name: &str, text: &str, options: &Options) -> Result<Transpiled, Vec<Diagnostic>> {
    transpile_narrowed(name, text, options, &|_, _| None)
}

/// The same, with imports of whole modules under a name as what they are.
pub fn transpile_narrowed(
    name: &str,
    text: &str,
    options: &Options,
    namespaces: Namespaces<'_>,
) -> Result<Transpiled, Vec<Diagnostic>> {
    let (source, language) = readable(name, text)?;
    compile(name, || {
        let map: Lrc<SourceMap> = Lrc::default();
        HELPERS.set(&Helpers::new(false), || {
            let mut module = Lowered::new(&map, &source, language, options, Mark::new())?;
            narrowing::narrow(&mut module.program, namespaces);
            inject_helpers(module.marks.unresolved).process(&mut module.program);
            hygiene().process(&mut module.program);
            fixer(None).process(&mut module.program);
            emit::emit(&module.program, &map)
                .map_err(|message| vec![source.diagnostic(0, 0, "compiler-failure", message)])
        })
    })
}

/// One file's tree without types, JSX and decorators; swc's helpers are named in it, not defined.
pub(crate) struct Lowered {
    pub program: Program,
    pub marks: Marks,
    /// Where the file begins among the positions of the source map.
    pub start: BytePos,
    /// Names that the file exports and that are types only.
    pub types: HashSet<Atom>,
}

impl Lowered {
    /// With a mark for the names that no file declares.
    pub fn new(
        map: &Lrc<SourceMap>,
        source: &Source<'_>,
        language: Language,
        options: &Options,
        unresolved: Mark,
    ) -> Result<Lowered, Vec<Diagnostic>> {
        let Parsed { mut program, comments, start, .. } = faults::parse(map, source, language)?;
        nesting::check_heritage(&program, source, start).map_err(|diagnostic| vec![diagnostic])?;
        let marks = Marks { unresolved, top_level: Mark::new() };
        passes::resolve(&mut program, marks, language);
        let mut found = early::check(&program, source, start, language, options.decorators);
        found.extend(chains::check(&program, source, start));
        if !found.is_empty() {
            return Err(found);
        }
        if language.typescript {
            merged::qualify(&mut program);
        }
        let types = if language.typescript { names::exported_types(&program) } else { HashSet::new() };
        chains::leave_alone(&mut program);
        passes::lower(&mut program, map, &comments, marks, language, options);
        Ok(Lowered { program, marks, start, types })
    }
}

/// The file as text to compile, if it is one and not beyond all measure.
pub(crate) fn readable<'a>(name: &'a str, text: &'a str) -> Result<(Source<'a>, Language), Vec<Diagnostic>> {
    let source = Source::new(name, text);
    let refuse = |code, message| Err(vec![source.diagnostic(0, 0, code, message)]);
    let Some(language) = Language::of(name) else {
        return refuse(
            "unknown-language",
            format!("`{name}` is neither TypeScript nor JavaScript by its name"),
        );
    };
    if text.len() > FILE_BYTES_MAX {
        let message = format!("`{name}` has {} bytes, more than {FILE_BYTES_MAX}", text.len());
        return refuse("file-too-large", message);
    }
    nesting::check(&source, language.jsx).map_err(|diagnostic| vec![diagnostic])?;
    Ok((source, language))
}

/// Runs `work` where swc can: on a deep stack, with its globals, its own complaints caught.
pub(crate) fn compile<T: Send>(
    about: &str,
    work: impl FnOnce() -> Result<T, Vec<Diagnostic>> + Send,
) -> Result<T, Vec<Diagnostic>> {
    let outcome = stack::on_deep_stack(about, || {
        let handler = Handler::with_emitter(true, false, Box::new(Silent));
        GLOBALS.set(&Globals::new(), || HANDLER.set(&handler, work))
    });
    outcome.map_err(|diagnostic| vec![diagnostic])?
}

/// swc's transforms report what the parser or our own checks have refused before.
struct Silent;

impl Emitter for Silent {
    fn emit(&mut self, _: &mut DiagnosticBuilder<'_>) {}
}
