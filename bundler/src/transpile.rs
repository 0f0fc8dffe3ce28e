//! What swc does for one file of an author: find what is wrong with it, tell what it imports and exports,
//! and turn it into a script that the engine runs. Linking several is [`crate::link`]'s.

mod emit;
mod faults;
mod nesting;
mod options;
mod passes;
mod regions;
mod source;
mod stack;
mod syntax;
mod tokens;
mod wording;

pub use emit::Transpiled;
pub use options::{Decorators, Jsx, Options};
pub use source::{Language, Place, Source};

use swc_core::common::errors::{DiagnosticBuilder, Emitter, HANDLER, Handler};
use swc_core::common::sync::Lrc;
use swc_core::common::{GLOBALS, Globals, SourceMap};
use swc_core::ecma::ast::Pass;
use swc_core::ecma::transforms::base::fixer::fixer;
use swc_core::ecma::transforms::base::helpers::{HELPERS, Helpers, inject_helpers};
use swc_core::ecma::transforms::base::hygiene::hygiene;

use crate::Diagnostic;
use crate::limits::FILE_BYTES_MAX;

/// Turns one module into what the engine runs; its imports stay imports.
pub fn transpile(name: &str, text: &str, options: &Options) -> Result<Transpiled, Vec<Diagnostic>> {
    let (source, language) = readable(name, text)?;
    compile(name, || {
        let map: Lrc<SourceMap> = Lrc::default();
        let mut parsed = faults::parse(&map, &source, language)?;
        let marks = passes::Marks::fresh();
        HELPERS.set(&Helpers::new(false), || {
            passes::resolve(&mut parsed.program, marks, language);
            passes::lower(&mut parsed.program, &map, &parsed.comments, marks, language, options);
            inject_helpers(marks.unresolved).process(&mut parsed.program);
            hygiene().process(&mut parsed.program);
            fixer(None).process(&mut parsed.program);
        });
        emit::emit(&parsed.program, &map)
            .map_err(|message| vec![source.diagnostic(0, 0, "compiler-failure", message)])
    })
}

/// The file as text to compile, if it is one and not beyond all measure.
fn readable<'a>(name: &'a str, text: &'a str) -> Result<(Source<'a>, Language), Vec<Diagnostic>> {
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
fn compile<T: Send>(
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
