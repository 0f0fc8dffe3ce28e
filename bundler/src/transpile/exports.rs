//! What a module exports at run time, and what is to be seen of it without running it.

use std::collections::HashMap;

use swc_core::atoms::Atom;
use swc_core::common::{BytePos, Span};
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::for_each_binding_ident;

use super::names;
use super::source::{Place, Source};
use super::syntax::bytes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// `*` for `export * from`.
    pub name: String,
    pub place: Place,
    pub value: Value,
    /// What `defineProcessor` gave.
    pub is_defined: bool,
}

/// An exported value, as far as the file shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// An object literal; its keys, as far as they are written out.
    Object(Vec<String>),
    Function,
    Class,
    /// Neither an object nor something that could make one; what it is, for a message.
    Other(&'static str),
    /// Of another module.
    From(String),
    /// Only a run shows.
    Unknown,
}

/// Of a tree from which the types are gone.
pub fn of(program: &Program, source: &Source<'_>, start: BytePos) -> Vec<Export> {
    let Program::Module(module) = program else { return Vec::new() };
    let values = Values::of(module);
    let mut exports = Vec::new();
    for declaration in module.body.iter().filter_map(ModuleItem::as_module_decl) {
        for (name, span, value) in exported(declaration, &values) {
            let (from, to) = bytes(span, start);
            let is_defined = local(declaration, &name).is_some_and(|name| values.is_defined(&name));
            let place = source.place(from, to);
            exports.push(Export { name: name.to_string(), place, value, is_defined });
        }
    }
    exports
}

fn exported(declaration: &ModuleDecl, values: &Values<'_>) -> Vec<(Atom, Span, Value)> {
    let from = |source: &Str| Value::From(source.value.to_string_lossy().into_owned());
    match declaration {
        ModuleDecl::ExportDecl(export) => names::values(&export.decl)
            .into_iter()
            .map(|name| (name.sym.clone(), name.span, values.of_name(&name.sym)))
            .collect(),
        ModuleDecl::ExportDefaultDecl(export) => {
            let value = match &export.decl {
                DefaultDecl::Class(_) => Value::Class,
                DefaultDecl::Fn(_) => Value::Function,
                DefaultDecl::TsInterfaceDecl(_) => return Vec::new(),
            };
            vec![("default".into(), export.span, value)]
        }
        ModuleDecl::ExportDefaultExpr(export) => {
            vec![("default".into(), export.span, values.of_expression(&export.expr))]
        }
        ModuleDecl::ExportNamed(export) => {
            let specifier = |specifier: &ExportSpecifier| {
                let (name, span) = names::exported_as(specifier);
                let value = match (&export.src, specifier) {
                    (Some(source), _) => from(source),
                    (None, ExportSpecifier::Named(named)) => values.of_name(&named.orig.atom()),
                    (None, _) => Value::Unknown,
                };
                (name, span, value)
            };
            export.specifiers.iter().map(specifier).collect()
        }
        ModuleDecl::ExportAll(export) => vec![("*".into(), export.span, from(&export.src))],
        _ => Vec::new(),
    }
}

/// What the module itself calls an export of its own.
fn local(declaration: &ModuleDecl, exported: &Atom) -> Option<Atom> {
    match declaration {
        ModuleDecl::ExportDecl(_) => Some(exported.clone()),
        ModuleDecl::ExportNamed(export) if export.src.is_none() => {
            let found = export.specifiers.iter().find(|one| names::exported_as(one).0 == *exported);
            Some(found?.as_named()?.orig.atom().into_owned())
        }
        _ => None,
    }
}

/// What the top level binds its names to.
struct Values<'a> {
    constants: HashMap<Atom, &'a Expr>,
    functions: HashMap<Atom, Value>,
}

/// How many names and wrappers are followed to a value.
const STEPS_MAX: usize = 8;

fn callee(call: &CallExpr) -> Option<&Atom> {
    Some(&call.callee.as_expr()?.as_ident()?.sym)
}

impl<'a> Values<'a> {
    fn of(module: &'a Module) -> Values<'a> {
        let mut values = Values { constants: HashMap::new(), functions: HashMap::new() };
        for item in &module.body {
            let declaration = match item {
                ModuleItem::Stmt(Stmt::Decl(declaration)) => declaration,
                ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => &export.decl,
                ModuleItem::ModuleDecl(ModuleDecl::Import(import)) => {
                    values.imported(import);
                    continue;
                }
                _ => continue,
            };
            values.declared(declaration);
        }
        values
    }

    fn imported(&mut self, import: &ImportDecl) {
        for specifier in &import.specifiers {
            let from = Value::From(import.src.value.to_string_lossy().into_owned());
            self.functions.insert(specifier.local().sym.clone(), from);
        }
    }

    fn declared(&mut self, declaration: &'a Decl) {
        match declaration {
            Decl::Fn(function) => {
                self.functions.insert(function.ident.sym.clone(), Value::Function);
            }
            Decl::Class(class) => {
                self.functions.insert(class.ident.sym.clone(), Value::Class);
            }
            Decl::Var(variables) if variables.kind == VarDeclKind::Const => {
                for declarator in &variables.decls {
                    if let (Pat::Ident(name), Some(init)) = (&declarator.name, &declarator.init) {
                        self.constants.insert(name.id.sym.clone(), init);
                    }
                }
            }
            Decl::Var(variables) => for_each_binding_ident(&variables.decls, |name| {
                self.functions.insert(name.id.sym.clone(), Value::Unknown);
            }),
            _ => {}
        }
    }

    fn of_name(&self, name: &Atom) -> Value {
        self.named(name, STEPS_MAX)
    }

    fn of_expression(&self, expression: &Expr) -> Value {
        self.value(expression, STEPS_MAX)
    }

    fn named(&self, name: &Atom, steps: usize) -> Value {
        match (self.functions.get(name), self.constants.get(name)) {
            (Some(value), _) => value.clone(),
            (None, Some(init)) if steps > 0 => self.value(init, steps - 1),
            _ => Value::Unknown,
        }
    }

    fn value(&self, expression: &Expr, steps: usize) -> Value {
        if steps == 0 {
            return Value::Unknown;
        }
        match expression {
            Expr::Object(object) => Value::Object(keys(object)),
            Expr::Fn(_) | Expr::Arrow(_) => Value::Function,
            Expr::Class(_) => Value::Class,
            Expr::Paren(inner) => self.value(&inner.expr, steps - 1),
            Expr::Ident(name) if &*name.sym == "undefined" => Value::Other("undefined"),
            Expr::Ident(name) => self.named(&name.sym, steps),
            Expr::Call(call) => self.called(call, steps - 1),
            Expr::Array(_) => Value::Other("an array"),
            Expr::Tpl(_) | Expr::Lit(Lit::Str(_)) => Value::Other("a string"),
            Expr::Lit(Lit::Num(_) | Lit::BigInt(_)) => Value::Other("a number"),
            Expr::Lit(Lit::Bool(_)) => Value::Other("a boolean"),
            Expr::Lit(Lit::Null(_)) => Value::Other("null"),
            _ => Value::Unknown,
        }
    }

    fn is_defined(&self, name: &Atom) -> bool {
        let call = self.constants.get(name).and_then(|init| init.as_call());
        call.and_then(callee).is_some_and(|callee| &**callee == "defineProcessor")
    }

    /// `defineProcessor(object)` and `defineProcessor(() => object)`, wherever the function comes from.
    fn called(&self, call: &CallExpr, steps: usize) -> Value {
        if callee(call).is_none_or(|name| &**name != "defineProcessor") {
            return Value::Unknown;
        }
        let Some(definition) = call.args.first() else { return Value::Other("undefined") };
        match &*definition.expr {
            Expr::Arrow(arrow) => match &*arrow.body {
                ArrowFunctionBody::Expr(result) => self.value(result, steps),
                ArrowFunctionBody::FunctionBody(body) => self.returned(&body.stmts, steps),
            },
            Expr::Fn(function) => {
                self.returned(function.function.body.as_ref().map_or(&[], |body| &body.stmts), steps)
            }
            other => self.value(other, steps),
        }
    }

    /// What a function that ends in `return` gives.
    fn returned(&self, statements: &[Stmt], steps: usize) -> Value {
        let result = statements.last().and_then(|last| last.as_return_stmt()?.arg.as_deref());
        match result {
            // A name may be one of the function's own.
            Some(Expr::Ident(_)) | None => Value::Unknown,
            Some(result) => self.value(result, steps),
        }
    }
}

fn keys(object: &ObjectLit) -> Vec<String> {
    let name = |key: &PropName| match key {
        PropName::Ident(ident) => Some(ident.sym.to_string()),
        PropName::Str(text) => Some(text.value.to_string_lossy().into_owned()),
        _ => None,
    };
    let key = |property: &PropOrSpread| match &**property.as_prop()? {
        Prop::Shorthand(ident) => Some(ident.sym.to_string()),
        Prop::KeyValue(pair) => name(&pair.key),
        Prop::Method(method) => name(&method.key),
        Prop::Getter(getter) => name(&getter.key),
        Prop::Setter(setter) => name(&setter.key),
        Prop::Assign(_) => None,
    };
    object.props.iter().filter_map(key).collect()
}
