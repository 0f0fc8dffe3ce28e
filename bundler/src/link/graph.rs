//! All modules that the entry reaches, read and asked for what they import.

use std::collections::{BTreeMap, HashMap};

use swc_core::atoms::Atom;
use swc_core::common::sync::Lrc;
use swc_core::common::{BytePos, Mark, SourceMap, Span, SyntaxContext};
use swc_core::ecma::ast::*;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::bind::Bound;
use super::data::{self, Format};
use super::module::{Module, Request, To};
use super::runtime::Runtime;
use super::{Input, Target, Unresolved};
use crate::transpile::source::Language;
use crate::transpile::syntax::bytes;
use crate::transpile::{self, Import, ImportKind, Lowered, Source, entry, exports, imports};
use crate::{Diagnostic, Severity};

pub struct Graph<'a> {
    pub files: &'a BTreeMap<String, String>,
    /// The entry first, the others as they were found.
    pub modules: Vec<Module>,
    pub warnings: Vec<Diagnostic>,
    pub runtime: Runtime,
    /// What is wrong already; what else is wrong with the rest is still to be found.
    pub errors: Vec<Diagnostic>,
    /// Why the entry holds no processor, as far as it shows alone.
    no_processor: Option<Diagnostic>,
}

impl<'a> Graph<'a> {
    pub fn load(input: &Input<'a>, map: &Lrc<SourceMap>, unresolved: Mark) -> Graph<'a> {
        let graph = Graph {
            files: input.files,
            modules: Vec::new(),
            warnings: Vec::new(),
            runtime: Runtime::new(unresolved),
            errors: Vec::new(),
            no_processor: None,
        };
        let mut loader = Loader { input, map, unresolved, graph, known: HashMap::new(), waiting: Vec::new() };
        loader.all();
        loader.graph
    }

    /// At a place in the file of one of the modules.
    pub fn diagnostic(&self, module: usize, span: Span, code: &str, message: String) -> Diagnostic {
        let module = &self.modules[module];
        let source = Source::new(&module.name, self.files.get(&module.name).map_or("", String::as_str));
        let (start, end) = bytes(span, module.start);
        source.diagnostic(start, end, code, message)
    }

    pub fn check_processor(&self, bound: &Bound) -> Result<(), Vec<Diagnostic>> {
        let exported = |name: &str| bound.entry.contains_key(&Atom::from(name));
        match &self.no_processor {
            Some(diagnostic) => Err(vec![diagnostic.clone()]),
            // What comes with an `export *` is known by now.
            None if exported("default") || exported("processor") || !bound.entry_stars.is_empty() => Ok(()),
            None => {
                let name = &self.modules[0].name;
                let source = Source::new(name, self.files.get(name).map_or("", String::as_str));
                Err(entry::check(&source, &[]).into_iter().collect())
            }
        }
    }
}

pub fn sorted(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    diagnostics
}

struct Loader<'a, 'b> {
    input: &'b Input<'a>,
    map: &'b Lrc<SourceMap>,
    unresolved: Mark,
    graph: Graph<'a>,
    known: HashMap<(String, Option<Format>), usize>,
    /// What is known and has not been read: its place among the modules.
    waiting: Vec<(String, Option<Format>)>,
}

impl Loader<'_, '_> {
    fn all(&mut self) {
        self.index(
            self.input.entry.to_owned(),
            Language::of(self.input.entry).is_none().then_some(Format::Bytes),
        );
        let mut read = 0;
        while read < self.waiting.len() {
            let (name, format) = self.waiting[read].clone();
            let outcome = match format {
                None => self.script(&name),
                Some(format) => self.data(&name, format).map_err(|diagnostic| vec![diagnostic]),
            };
            let module = outcome.unwrap_or_else(|diagnostics| {
                self.graph.errors.extend(diagnostics);
                let mut module = Module::new(&name, BytePos::DUMMY, Mark::new(), Vec::new());
                // Whatever it exports, what is wrong with it has been said.
                module.has_any_key = true;
                module
            });
            self.graph.modules.push(module);
            read += 1;
        }
    }

    fn index(&mut self, name: String, format: Option<Format>) -> usize {
        let next = self.waiting.len();
        *self.known.entry((name.clone(), format)).or_insert_with(|| {
            self.waiting.push((name, format));
            next
        })
    }

    fn data(&self, name: &str, format: Format) -> Result<Module, Diagnostic> {
        let text = self.input.files.get(name).map_or("", String::as_str);
        data::module(name, text, format, self.unresolved)
    }

    fn script(&mut self, name: &str) -> Result<Module, Vec<Diagnostic>> {
        let Some(text) = self.input.files.get(name) else {
            let source = Source::new(name, "");
            return Err(vec![source.diagnostic(
                0,
                0,
                "file-not-found",
                format!("there is no file `{name}`"),
            )]);
        };
        let (source, language) = transpile::readable(name, text)?;
        let lowered = Lowered::new(self.map, &source, language, self.input.options, self.unresolved)?;
        let found = imports::of(&lowered.program, &source, lowered.start, lowered.marks);
        if self.graph.modules.is_empty() {
            self.graph.no_processor =
                entry::check(&source, &exports::of(&lowered.program, &source, lowered.start));
        }
        for computed in &found.computed {
            self.graph.warnings.push(computed_import(&source, computed));
        }
        let to = self.resolved(&source, &found.literal);
        let body = self.body(lowered.program);
        let is_commonjs = body.is_err();
        let body = body.unwrap_or_else(|wrapped| wrapped);
        let mut module = Module::new(name, lowered.start, lowered.marks.top_level, body);
        module.typescript = language.typescript;
        module.has_any_key = is_commonjs;
        module.types = lowered.types;
        for import in found.literal {
            let request = (import.specifier, import.of_type);
            match import.kind {
                // What is required is there before the module runs.
                ImportKind::Require if !module.requests.contains(&request) => module.requests.push(request),
                ImportKind::Dynamic => module.dynamic.push(request),
                _ => {}
            }
        }
        module.to = to;
        Ok(module)
    }

    fn resolved(&mut self, source: &Source<'_>, imports: &[Import]) -> HashMap<Request, To> {
        let mut to = HashMap::new();
        for import in imports {
            let request = (import.specifier.clone(), import.of_type.clone());
            if to.contains_key(&request) {
                continue;
            }
            match self.input.resolve.resolve(source.name, &import.specifier, import.kind) {
                Ok(target) => {
                    to.insert(request, self.target(target, import.of_type.as_deref()));
                }
                Err(unresolved) => self.graph.errors.push(explained(source, import, unresolved)),
            }
        }
        to
    }

    fn target(&mut self, target: Target, of_type: Option<&str>) -> To {
        match target {
            Target::External(name) => To::External(name),
            Target::Empty => To::Module(self.index(String::new(), Some(Format::Nothing))),
            Target::File(name) if of_type.is_none() && Language::of(&name).is_some() => {
                To::Module(self.index(name, None))
            }
            Target::File(name) => {
                let format = data::format(&name, of_type);
                To::Module(self.index(name, Some(format)))
            }
        }
    }

    /// The statements of a module, or of a CommonJS file as a module that exports a call.
    fn body(&self, program: Program) -> Result<Vec<ModuleItem>, Vec<ModuleItem>> {
        let statements = match program {
            Program::Script(script) => script.body,
            Program::Module(module) => {
                let mut finder =
                    CommonJs { global: SyntaxContext::empty().apply_mark(self.unresolved), found: false };
                if !module.body.iter().any(ModuleItem::is_module_decl) {
                    module.visit_with(&mut finder);
                }
                if !finder.found {
                    return Ok(module.body);
                }
                module.body.into_iter().filter_map(ModuleItem::stmt).collect()
            }
        };
        let wrapped = self.graph.runtime.commonjs(statements);
        let export = ExportDefaultExpr { span: swc_core::common::DUMMY_SP, expr: Box::new(wrapped) };
        Err(vec![ModuleDecl::ExportDefaultExpr(export).into()])
    }
}

fn explained(source: &Source<'_>, import: &Import, unresolved: Unresolved) -> Diagnostic {
    let mut diagnostic = source.diagnostic(0, 0, &unresolved.code, unresolved.message);
    let place = import.place;
    diagnostic.line = place.line;
    diagnostic.column = place.column;
    diagnostic.end_line = Some(place.end_line);
    diagnostic.end_column = Some(place.end_column);
    diagnostic.snippet = crate::code_frame(source.text, place.line, place.column);
    diagnostic.hint = unresolved.hint;
    diagnostic
}

fn computed_import(source: &Source<'_>, computed: &transpile::ComputedImport) -> Diagnostic {
    let message = "the name of this import is computed, so nothing is linked for it".to_owned();
    let mut diagnostic = source.diagnostic(0, 0, "computed-import", message);
    diagnostic.severity = Severity::Warning;
    diagnostic.line = computed.place.line;
    diagnostic.column = computed.place.column;
    diagnostic.end_line = Some(computed.place.end_line);
    diagnostic.end_column = Some(computed.place.end_column);
    diagnostic.snippet = crate::code_frame(source.text, computed.place.line, computed.place.column);
    diagnostic.hint = Some(
        "write the name as text; only what the host itself provides is found by a computed one".to_owned(),
    );
    diagnostic
}

/// Whether a script without imports and exports uses CommonJS's `module` or `exports`.
struct CommonJs {
    global: SyntaxContext,
    found: bool,
}

impl Visit for CommonJs {
    noop_visit_type!();

    fn visit_ident(&mut self, ident: &Ident) {
        self.found |= ident.ctxt == self.global && matches!(&*ident.sym, "module" | "exports");
    }
}
