//! A module's items as plain statements of the script, with the names that its author gave to functions and classes.

use swc_core::atoms::Atom;
use swc_core::common::{DUMMY_SP, util::take::Take};
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::ExprFactory;

use super::assemble::constant;
use super::graph::Graph;
use super::names::Renames;

pub struct Flatten<'a, 'b> {
    pub graph: &'a Graph<'b>,
    pub renames: &'a Renames,
}

#[derive(Default)]
pub struct Flat {
    pub naming: Vec<Stmt>,
    pub statements: Vec<Stmt>,
}

impl Flatten<'_, '_> {
    /// The statements, and others that name functions: those are there before any module runs, and so are their names.
    pub fn statements(&self, module: usize, items: Vec<ModuleItem>) -> Flat {
        let statements = items.into_iter().filter_map(|item| self.statement(module, item)).collect();
        let mut flat = Flat { naming: Vec::new(), statements };
        for statement in &mut flat.statements {
            if let Stmt::Decl(declaration) = statement {
                flat.naming.extend(self.named(module, declaration));
            }
        }
        flat
    }

    fn statement(&self, module: usize, item: ModuleItem) -> Option<Stmt> {
        let default = || self.graph.modules[module].default.clone();
        match item {
            ModuleItem::Stmt(statement) => Some(statement),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => Some(export.decl.into()),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultExpr(export)) => {
                let mut value = *export.expr;
                self.name_anonymous(&mut value, &"default".into());
                Some(constant(default(), value))
            }
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) => match export.decl {
                DefaultDecl::Class(class) => {
                    let ident = class.ident.unwrap_or_else(default);
                    Some(Decl::Class(ClassDecl { ident, declare: false, class: class.class }).into())
                }
                DefaultDecl::Fn(function) => {
                    let ident = function.ident.unwrap_or_else(default);
                    Some(Decl::Fn(FnDecl { ident, declare: false, function: function.function }).into())
                }
                DefaultDecl::TsInterfaceDecl(_) => None,
            },
            ModuleItem::ModuleDecl(_) => None,
        }
    }

    /// Sees to the name of what is declared under another one; functions need a statement for it.
    fn named(&self, module: usize, declaration: &mut Decl) -> Option<Stmt> {
        match declaration {
            Decl::Fn(function) => {
                let name = self.authors_name(module, &function.ident)?;
                let arguments = vec![function.ident.clone().into(), Expr::from(name.as_str())];
                Some(self.graph.runtime.call("named", arguments).into_stmt())
            }
            Decl::Class(class) => {
                let name = self.authors_name(module, &class.ident)?;
                self.name_class(&mut class.class, &name);
                None
            }
            Decl::Var(variables) => {
                for declarator in &mut variables.decls {
                    if let (Pat::Ident(binding), Some(value)) = (&declarator.name, &mut declarator.init)
                        && let Some(name) = self.renames.authors_name(&binding.id)
                    {
                        self.name_anonymous(value, name);
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn authors_name(&self, module: usize, ident: &Ident) -> Option<Atom> {
        if ident.to_id() == self.graph.modules[module].default.to_id() {
            return Some("default".into());
        }
        self.renames.authors_name(ident).cloned()
    }

    /// A function or class without a name of its own takes that of its variable.
    fn name_anonymous(&self, value: &mut Expr, name: &Atom) {
        match value {
            Expr::Paren(inner) => self.name_anonymous(&mut inner.expr, name),
            Expr::Class(class) if class.ident.is_none() => self.name_class(&mut class.class, name),
            Expr::Fn(FnExpr { ident: None, .. }) | Expr::Arrow(_) => {
                let function = value.take();
                *value = self.graph.runtime.call("named", vec![function, Expr::from(name.as_str())]);
            }
            _ => {}
        }
    }

    /// Before its static members are made, which may read it.
    fn name_class(&self, class: &mut Class, name: &Atom) {
        if class.body.iter().any(is_static_name) {
            return;
        }
        let this = ThisExpr { span: DUMMY_SP };
        let naming = self.graph.runtime.call("named", vec![this.into(), Expr::from(name.as_str())]);
        let body = BlockStmt { stmts: vec![naming.into_stmt()], ..BlockStmt::default() };
        class.body.insert(0, ClassMember::StaticBlock(StaticBlock { span: DUMMY_SP, body }));
    }
}

fn is_static_name(member: &ClassMember) -> bool {
    let is_name = |key: &PropName| match key {
        PropName::Ident(ident) => &*ident.sym == "name",
        PropName::Str(text) => text.value == "name",
        PropName::Computed(_) => true,
        _ => false,
    };
    match member {
        ClassMember::Method(method) => method.is_static && is_name(&method.key),
        ClassMember::ClassProp(property) => property.is_static && is_name(&property.key),
        _ => false,
    }
}
