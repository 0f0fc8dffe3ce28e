//! What a module asks for at run time, with the place of each request.

use swc_core::common::{BytePos, Span, SyntaxContext};
use swc_core::ecma::ast::*;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::passes::Marks;
use super::source::{Place, Source};
use super::syntax::bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// `import … from "x"` and `import "x"`.
    Static,
    /// `export … from "x"`.
    Reexport,
    /// `import("x")`.
    Dynamic,
    /// `require("x")` where nothing of the file is named `require`.
    Require,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub specifier: String,
    pub kind: ImportKind,
    /// Of the specifier, quotes included.
    pub place: Place,
    /// `with {type: "json"}`.
    pub of_type: Option<String>,
    /// The exports that a declaration names, each at its place.
    pub names: Vec<(String, Place)>,
}

/// What is asked for by an expression, of which only a run knows the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedImport {
    pub kind: ImportKind,
    /// Of the expression.
    pub place: Place,
}

#[derive(Debug, Default)]
pub struct Imports {
    pub literal: Vec<Import>,
    pub computed: Vec<ComputedImport>,
}

/// Of a tree from which types and the imports that only they used are gone. In the order of the file.
pub fn of(program: &Program, source: &Source<'_>, start: BytePos, marks: Marks) -> Imports {
    let global = SyntaxContext::empty().apply_mark(marks.unresolved);
    let mut collector = Collector { source, start, global, found: Imports::default() };
    program.visit_with(&mut collector);
    collector.found.literal.sort_by_key(|import| import.place);
    collector.found
}

struct Collector<'a> {
    source: &'a Source<'a>,
    start: BytePos,
    /// Of names that the file does not declare.
    global: SyntaxContext,
    found: Imports,
}

impl Collector<'_> {
    fn literal(&mut self, specifier: &Str, kind: ImportKind, of_type: Option<String>) {
        self.declared(specifier, kind, of_type, Vec::new());
    }

    fn declared(
        &mut self,
        specifier: &Str,
        kind: ImportKind,
        of_type: Option<String>,
        names: Vec<(String, Span)>,
    ) {
        let place = self.place(specifier.span);
        let names = names.into_iter().map(|(name, span)| (name, self.place(span))).collect();
        let specifier = specifier.value.to_string_lossy().into_owned();
        self.found.literal.push(Import { specifier, kind, place, of_type, names });
    }

    fn expression(&mut self, argument: &Expr, kind: ImportKind, of_type: Option<String>) {
        match literal(argument) {
            Some(specifier) => self.literal(&specifier, kind, of_type),
            None => {
                let place = self.place(swc_core::common::Spanned::span(argument));
                self.found.computed.push(ComputedImport { kind, place });
            }
        }
    }

    fn place(&self, span: Span) -> Place {
        let (start, end) = bytes(span, self.start);
        self.source.place(start, end)
    }
}

fn imported_name(specifier: &ImportSpecifier) -> Option<(String, Span)> {
    match specifier {
        ImportSpecifier::Named(named) if named.is_type_only => None,
        ImportSpecifier::Named(ImportNamedSpecifier { imported: Some(name), .. }) => Some(named_by(name)),
        ImportSpecifier::Named(named) => Some((named.local.sym.to_string(), named.local.span)),
        ImportSpecifier::Default(default) => Some(("default".to_owned(), default.local.span)),
        ImportSpecifier::Namespace(_) => None,
    }
}

fn reexported_name(specifier: &ExportSpecifier) -> Option<(String, Span)> {
    match specifier {
        ExportSpecifier::Named(named) if !named.is_type_only => Some(named_by(&named.orig)),
        _ => None,
    }
}

fn named_by(name: &ModuleExportName) -> (String, Span) {
    match name {
        ModuleExportName::Ident(ident) => (ident.sym.to_string(), ident.span),
        ModuleExportName::Str(text) => (text.value.to_string_lossy().into_owned(), text.span),
    }
}

/// A string, also as a template without holes.
pub fn literal(expression: &Expr) -> Option<Str> {
    match expression {
        Expr::Lit(Lit::Str(text)) => Some(text.clone()),
        Expr::Tpl(template) if template.exprs.is_empty() => {
            let value = template.quasis.first()?.cooked.clone()?;
            Some(Str { span: template.span, value, raw: None })
        }
        Expr::Paren(inner) => literal(&inner.expr),
        _ => None,
    }
}

/// The `type` of `with {type: "json"}`.
pub fn attribute_type(attributes: &ObjectLit) -> Option<String> {
    let mut pairs = attributes.props.iter().filter_map(|property| property.as_prop()?.as_key_value());
    let named = |key: &PropName| match key {
        PropName::Ident(ident) => &*ident.sym == "type",
        PropName::Str(text) => text.value == "type",
        _ => false,
    };
    let value = pairs.find(|pair| named(&pair.key))?;
    literal(&value.value).map(|text| text.value.to_string_lossy().into_owned())
}

/// `import(x, {with: {type: "json"}})`.
pub fn call_attribute_type(arguments: &[ExprOrSpread]) -> Option<String> {
    let options = arguments.get(1)?.expr.as_object()?;
    let mut pairs = options.props.iter().filter_map(|property| property.as_prop()?.as_key_value());
    let with = pairs.find(|pair| pair.key.as_ident().is_some_and(|ident| &*ident.sym == "with"))?;
    attribute_type(with.value.as_object()?)
}

impl Visit for Collector<'_> {
    noop_visit_type!();

    fn visit_import_decl(&mut self, import: &ImportDecl) {
        if !import.type_only {
            let of_type = import.with.as_deref().and_then(attribute_type);
            let names = import.specifiers.iter().filter_map(imported_name).collect();
            self.declared(&import.src, ImportKind::Static, of_type, names);
        }
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if let (Some(specifier), false) = (&export.src, export.type_only) {
            let of_type = export.with.as_deref().and_then(attribute_type);
            let names = export.specifiers.iter().filter_map(reexported_name).collect();
            self.declared(specifier, ImportKind::Reexport, of_type, names);
        }
    }

    fn visit_export_all(&mut self, export: &ExportAll) {
        if !export.type_only {
            let of_type = export.with.as_deref().and_then(attribute_type);
            self.literal(&export.src, ImportKind::Reexport, of_type);
        }
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        call.visit_children_with(self);
        let Some(argument) = call.args.first() else { return };
        match &call.callee {
            Callee::Import(_) => {
                self.expression(&argument.expr, ImportKind::Dynamic, call_attribute_type(&call.args));
            }
            Callee::Expr(callee) => match &**callee {
                Expr::Ident(name) if &*name.sym == "require" && name.ctxt == self.global => {
                    self.expression(&argument.expr, ImportKind::Require, None);
                }
                _ => {}
            },
            Callee::Super(_) => {}
        }
    }
}
