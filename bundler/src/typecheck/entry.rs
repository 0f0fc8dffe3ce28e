//! The module that exports the processor. An author need not write its type: the object literal gets it here, in the
//! text that the compiler sees, so that parameters have types and a misspelt name is an error where it stands.

use std::collections::HashMap;

use swc_core::common::source_map::SmallPos as _;
use swc_core::common::sync::Lrc;
use swc_core::common::{BytePos, FileName, SourceMap, Span, Spanned};
use swc_core::ecma::ast::{
    ArrowFunctionBody, Callee, Decl, DefaultDecl, ExportSpecifier, Expr, ExprOrSpread, Function, Module,
    ModuleDecl, ModuleExportName, ModuleItem, ObjectLit, Pat, Prop, PropName, PropOrSpread, Stmt, VarDecl,
};
use swc_core::ecma::parser::{Syntax, TsSyntax, parse_file_as_module};

use super::edits::Insertion;
use crate::limits::ENTRY_ANGLES_MAX;
use crate::transpile::Source;
use crate::transpile::nesting;
use crate::transpile::stack::on_deep_stack;

/// What an entry exports, and what its text needs. Bytes count from the start of the text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `default` or `processor`, and the bytes that stand for it.
    pub export: Option<(&'static str, usize, usize)>,
    pub insertions: Vec<Insertion>,
}

/// Of a TypeScript file. One that cannot be parsed is left to the compiler's own words.
pub fn entry(name: &str, text: &str) -> Entry {
    let jsx = name.ends_with('x');
    if !is_quickly_parsed(text) || nesting::check(&Source::new(name, text), jsx).is_err() {
        return Entry::default();
    }
    let read = on_deep_stack(name, || read(text, jsx));
    read.ok().flatten().unwrap_or_default()
}

/// What follows a `<` may be read twice, and twice again inside of that: time grows with the square of their number
/// in one statement. Rough, for it knows nothing of strings, but no author's code comes near the bound.
fn is_quickly_parsed(text: &str) -> bool {
    let mut pending = 0;
    let mut outer = Vec::new();
    let mut here = 0;
    for byte in text.bytes() {
        match byte {
            b'<' => (pending, here) = (pending + 1, here + 1),
            b'{' | b'(' | b'[' => outer.push(std::mem::take(&mut here)),
            b'}' | b')' | b']' => {
                pending -= here;
                here = outer.pop().unwrap_or_default();
            }
            b';' => pending -= std::mem::take(&mut here),
            _ => {}
        }
        if pending > ENTRY_ANGLES_MAX {
            return false;
        }
    }
    true
}

fn read(text: &str, tsx: bool) -> Option<Entry> {
    let file = SourceMap::default().new_source_file(Lrc::new(FileName::Anon), text.to_owned());
    let syntax = TsSyntax { tsx, decorators: true, ..TsSyntax::default() };
    let module =
        parse_file_as_module(&file, Syntax::Typescript(syntax), Default::default(), None, &mut Vec::new());
    let module = module.ok()?;
    Some(Reader { text, constants: constants(&module), insertions: Vec::new() }.entry(&module))
}

/// What a module exports under one of the names that count.
struct Export<'a> {
    name: &'static str,
    span: Span,
    value: Value<'a>,
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Expression(&'a Expr),
    Function(&'a Function),
    Constant(&'a str),
    Elsewhere,
}

struct Reader<'a> {
    text: &'a str,
    /// The values of top-level constants that have no type of their own.
    constants: HashMap<&'a str, &'a Expr>,
    insertions: Vec<Insertion>,
}

impl<'a> Reader<'a> {
    fn entry(mut self, module: &'a Module) -> Entry {
        let exports: Vec<Export<'a>> = module.body.iter().flat_map(exports_of).collect();
        let named = |name| exports.iter().find(|export| export.name == name);
        let Some(export) = named("default").or_else(|| named("processor")) else { return Entry::default() };
        match export.value {
            Value::Expression(expression) => self.type_expression(expression),
            Value::Function(function) => {
                self.type_returns(function.body.iter().flat_map(|body| &body.stmts), None)
            }
            Value::Constant(name) => self.type_constant(name),
            Value::Elsewhere => {}
        }
        let (start, end) = bytes(export.span);
        Entry { export: Some((export.name, start, end)), insertions: self.insertions }
    }

    fn type_expression(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Paren(inner) => self.type_expression(&inner.expr),
            Expr::Object(object) => self.type_object(object, None),
            Expr::Call(call) if is_define_processor(&call.callee) => {
                let Some(ExprOrSpread { spread: None, expr }) = call.args.first() else { return };
                let state = call.type_args.as_ref().map(|given| given.params.as_slice());
                match state {
                    None => self.type_expression(expr),
                    // The call itself types an object, but not the members of what a factory returns.
                    Some([state]) => self.type_factory(expr, Some(self.slice(state.span()))),
                    Some(_) => {}
                }
            }
            Expr::Ident(name) => self.type_constant(&name.sym),
            factory => self.type_factory(factory, None),
        }
    }

    fn type_constant(&mut self, name: &str) {
        // Taken out, so that no two constants can lead to each other for ever.
        if let Some(value) = self.constants.remove(name) {
            self.type_expression(value);
        }
    }

    fn type_factory(&mut self, factory: &'a Expr, state: Option<&'a str>) {
        match factory {
            Expr::Paren(inner) => self.type_factory(&inner.expr, state),
            Expr::Arrow(arrow) if arrow.return_type.is_none() && !arrow.is_async => match &*arrow.body {
                ArrowFunctionBody::Expr(value) => self.type_returned(value, state),
                ArrowFunctionBody::FunctionBody(block) => self.type_returns(&block.stmts, state),
            },
            Expr::Fn(function) if function.function.return_type.is_none() => {
                self.type_returns(function.function.body.iter().flat_map(|body| &body.stmts), state);
            }
            _ => {}
        }
    }

    fn type_returns(&mut self, statements: impl IntoIterator<Item = &'a Stmt>, state: Option<&'a str>) {
        for statement in statements {
            match statement {
                Stmt::Return(returned) => {
                    if let Some(value) = &returned.arg {
                        self.type_returned(value, state);
                    }
                }
                Stmt::Block(block) => self.type_returns(&block.stmts, state),
                Stmt::If(branch) => {
                    self.type_returns(std::iter::once(&*branch.cons).chain(branch.alt.as_deref()), state);
                }
                _ => {}
            }
        }
    }

    fn type_returned(&mut self, value: &'a Expr, state: Option<&'a str>) {
        match value {
            Expr::Paren(inner) => self.type_returned(&inner.expr, state),
            Expr::Object(object) => self.type_object(object, state),
            _ => {}
        }
    }

    /// With a state's type given, the literal must satisfy it. Else the type follows from `initialState`, whose text
    /// comes first: then that type is known before the hooks are looked at.
    fn type_object(&mut self, object: &'a ObjectLit, state: Option<&str>) {
        // Only `defineProcessor` takes schemas of events, and what it makes of them is a type of its own.
        if object.props.iter().any(has_events) {
            return;
        }
        let (start, end) = bytes(object.span);
        let (before, after) = match (state, self.initial_state(object)) {
            (Some(state), _) => {
                (String::new(), format!(" satisfies import(\"millrace\").Processor<{state}>"))
            }
            (None, Initial::Value(text)) => (format!("millraceProcessor({text})("), ")".to_owned()),
            (None, Initial::None) => ("millraceProcessor()(".to_owned(), ")".to_owned()),
            (None, Initial::Unknown) => ("millraceDefinition(".to_owned(), ")".to_owned()),
        };
        let new = [(start, before), (end, after)].into_iter().filter(|(_, text)| !text.is_empty());
        self.insertions.extend(new.map(|(at, text)| Insertion { at, text }));
    }

    fn initial_state(&self, object: &'a ObjectLit) -> Initial<'a> {
        let mut found = Initial::None;
        for member in &object.props {
            let PropOrSpread::Prop(prop) = member else {
                // It may come with what is spread.
                found = Initial::Unknown;
                continue;
            };
            match &**prop {
                Prop::Shorthand(name) if &*name.sym == "initialState" => {
                    found = Initial::Value("initialState")
                }
                Prop::KeyValue(pair) if is_initial_state(&pair.key) => {
                    found = Initial::Value(self.slice(pair.value.span()));
                }
                Prop::Getter(getter) if is_initial_state(&getter.key) => found = Initial::Unknown,
                Prop::Method(method) if is_initial_state(&method.key) => found = Initial::Unknown,
                _ => {}
            }
        }
        found
    }

    fn slice(&self, span: Span) -> &'a str {
        let (start, end) = bytes(span);
        self.text.get(start..end).unwrap_or_default()
    }
}

fn has_events(member: &PropOrSpread) -> bool {
    let PropOrSpread::Prop(prop) = member else { return false };
    match &**prop {
        Prop::Shorthand(name) => &*name.sym == "events",
        Prop::KeyValue(pair) => matches!(&pair.key, PropName::Ident(name) if &*name.sym == "events"),
        _ => false,
    }
}

/// What a literal says about its initial state.
enum Initial<'a> {
    None,
    Value(&'a str),
    Unknown,
}

fn exports_of(item: &ModuleItem) -> Vec<Export<'_>> {
    let ModuleItem::ModuleDecl(declaration) = item else { return Vec::new() };
    match declaration {
        ModuleDecl::ExportDefaultExpr(export) => {
            vec![Export { name: "default", span: export.expr.span(), value: Value::Expression(&export.expr) }]
        }
        ModuleDecl::ExportDefaultDecl(export) => exported_declaration(&export.decl, export.span),
        ModuleDecl::ExportDecl(export) => exported_constant(&export.decl),
        ModuleDecl::ExportNamed(export) if !export.type_only => {
            export.specifiers.iter().filter_map(|one| exported_name(one, export.src.is_some())).collect()
        }
        _ => Vec::new(),
    }
}

fn exported_declaration(declaration: &DefaultDecl, span: Span) -> Vec<Export<'_>> {
    // The keywords stand for the whole declaration.
    let keywords = Span::new(span.lo, span.lo + BytePos::from_usize("export default".len()));
    let value = match declaration {
        DefaultDecl::Fn(function) if function.function.return_type.is_none() => {
            Value::Function(&function.function)
        }
        DefaultDecl::TsInterfaceDecl(_) => return Vec::new(),
        _ => Value::Elsewhere,
    };
    vec![Export { name: "default", span: keywords, value }]
}

fn exported_constant(declaration: &Decl) -> Vec<Export<'_>> {
    match declaration {
        Decl::Var(variables) => {
            let found = variables.decls.iter().filter_map(|one| {
                let Pat::Ident(name) = &one.name else { return None };
                let untyped = name.type_ann.is_none();
                let value =
                    one.init.as_deref().filter(|_| untyped).map_or(Value::Elsewhere, Value::Expression);
                (&*name.sym == "processor").then_some(Export { name: "processor", span: name.id.span, value })
            });
            found.collect()
        }
        Decl::Fn(function) if &*function.ident.sym == "processor" => {
            let untyped = function.function.return_type.is_none();
            let value = if untyped { Value::Function(&function.function) } else { Value::Elsewhere };
            vec![Export { name: "processor", span: function.ident.span, value }]
        }
        _ => Vec::new(),
    }
}

fn exported_name(specifier: &ExportSpecifier, from_elsewhere: bool) -> Option<Export<'_>> {
    let ExportSpecifier::Named(named) = specifier else { return None };
    let exported = named.exported.as_ref().unwrap_or(&named.orig);
    let name = ["default", "processor"].into_iter().find(|name| name_of(exported) == Some(name))?;
    let value = match name_of(&named.orig) {
        Some(constant) if !from_elsewhere => Value::Constant(constant),
        _ => Value::Elsewhere,
    };
    (!named.is_type_only).then_some(Export { name, span: named.span, value })
}

fn name_of(name: &ModuleExportName) -> Option<&str> {
    match name {
        ModuleExportName::Ident(name) => Some(&name.sym),
        ModuleExportName::Str(_) => None,
    }
}

fn constants(module: &Module) -> HashMap<&str, &Expr> {
    let variables = module.body.iter().filter_map(|item| match item {
        ModuleItem::Stmt(Stmt::Decl(Decl::Var(variables))) => Some(&**variables),
        ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => match &export.decl {
            Decl::Var(variables) => Some(&**variables),
            _ => None,
        },
        _ => None,
    });
    variables.flat_map(|variables: &VarDecl| &variables.decls).filter_map(constant).collect()
}

fn constant(declarator: &swc_core::ecma::ast::VarDeclarator) -> Option<(&str, &Expr)> {
    let Pat::Ident(name) = &declarator.name else { return None };
    let value = declarator.init.as_deref().filter(|_| name.type_ann.is_none())?;
    Some((&*name.sym, value))
}

fn is_define_processor(callee: &Callee) -> bool {
    matches!(callee, Callee::Expr(callee) if callee.is_ident_ref_to("defineProcessor"))
}

fn is_initial_state(key: &PropName) -> bool {
    match key {
        PropName::Ident(name) => &*name.sym == "initialState",
        PropName::Str(name) => name.value == *"initialState",
        _ => false,
    }
}

fn bytes(span: Span) -> (usize, usize) {
    (span.lo.0.saturating_sub(1) as usize, span.hi.0.saturating_sub(1) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_nesting_is_survived_and_quick() {
        let pieces = [
            "(", "!", "a=>", "a?b:", "[", "{a:", "`${", "x.y(", "if(a)", "-", "new ", "a<b<", "<a>", "{",
            "a<{b:", "a<b,",
        ];
        for piece in pieces {
            let text = piece.repeat(1_000_000 / piece.len());
            assert_eq!(entry("main.ts", &text), Entry::default());
            entry(
                "main.ts",
                &format!("export default {}", &text[..text.len() / 100 / piece.len() * piece.len()]),
            );
        }
    }
}
