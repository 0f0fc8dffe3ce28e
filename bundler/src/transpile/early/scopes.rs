//! Names that are declared twice where once is all that is allowed.

use std::collections::HashMap;

use swc_core::atoms::Atom;
use swc_core::common::Span;
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::for_each_binding_ident;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::Findings;
use crate::transpile::source::Language;

pub(super) fn check(program: &Program, language: Language, findings: &mut Findings<'_>) {
    let mut scopes = Scopes { open: Vec::new(), typescript: language.typescript, findings };
    match program {
        Program::Module(module) => scopes.within(Reach::Module, |scopes| module.visit_children_with(scopes)),
        Program::Script(script) => {
            scopes.within(Reach::Function, |scopes| script.visit_children_with(scopes))
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Declared {
    Var,
    Parameter,
    /// `catch (x)`: a `var x` in there is another matter.
    Caught,
    Function,
    /// `let`, `const`, `using`.
    Lexical,
    Class,
    Import,
    Enum,
    Namespace,
}

/// How far up `var` goes: to the nearest scope that is no block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Module,
    Function,
    Block,
}

struct Scope {
    reach: Reach,
    names: HashMap<Atom, (Declared, Span)>,
}

struct Scopes<'a, 'b> {
    open: Vec<Scope>,
    typescript: bool,
    findings: &'a mut Findings<'b>,
}

impl Scopes<'_, '_> {
    fn within(&mut self, reach: Reach, visit: impl FnOnce(&mut Self)) {
        self.open.push(Scope { reach, names: HashMap::new() });
        visit(self);
        self.open.pop();
    }

    fn declare(&mut self, ident: &Ident, declared: Declared) {
        if declared != Declared::Var {
            let innermost = self.open.len().saturating_sub(1);
            return self.declare_in(innermost, ident, declared);
        }
        for index in (0..self.open.len()).rev() {
            self.declare_in(index, ident, declared);
            if self.open[index].reach != Reach::Block {
                break;
            }
        }
    }

    fn declare_in(&mut self, index: usize, ident: &Ident, declared: Declared) {
        let Some(scope) = self.open.get_mut(index) else { return };
        let Some((known, span)) = scope.names.get(&ident.sym).copied() else {
            scope.names.insert(ident.sym.clone(), (declared, ident.span));
            return;
        };
        if may_share(known, declared, scope.reach, self.typescript) {
            return;
        }
        let message = match declared {
            Declared::Parameter => format!("two parameters are named `{}`", ident.sym),
            _ => format!("`{}` is declared twice", ident.sym),
        };
        let hint = format!("its first declaration is in {}", self.findings.spot(span));
        self.findings.add(ident.span, "redeclared", message, Some(hint));
    }

    fn declare_pattern(&mut self, pattern: &Pat, declared: Declared) {
        let mut names = Vec::new();
        for_each_binding_ident(pattern, |binding| names.push(binding.id.clone()));
        names.iter().filter(|name| &*name.sym != "this").for_each(|name| self.declare(name, declared));
    }

    fn function(&mut self, parameters: &[&Pat], visit: impl FnOnce(&mut Self)) {
        self.within(Reach::Function, |scopes| {
            for pattern in parameters {
                scopes.declare_pattern(pattern, Declared::Parameter);
                pattern.visit_with(scopes);
            }
            visit(scopes);
        });
    }
}

/// Whether a second declaration of the same name in the same scope is fine.
fn may_share(known: Declared, new: Declared, reach: Reach, typescript: bool) -> bool {
    use Declared::{Caught, Class, Enum, Function, Import, Namespace, Parameter, Var};
    match (known, new) {
        (Var, Var) | (Caught, Var) | (Parameter, Var) => true,
        (Var | Parameter | Function, Function) | (Function, Var) => reach == Reach::Function,
        // TypeScript merges these.
        (Namespace | Class | Function | Enum, Namespace) | (Namespace, Class | Function | Enum) => true,
        (Enum, Enum) => true,
        // Such an import may be a type only, which goes.
        (Import, other) | (other, Import) => typescript && other != Import,
        _ => false,
    }
}

impl Visit for Scopes<'_, '_> {
    noop_visit_type!();

    fn visit_import_decl(&mut self, import: &ImportDecl) {
        for specifier in import.specifiers.iter().filter(|_| !import.type_only) {
            match specifier {
                ImportSpecifier::Named(named) if named.is_type_only => {}
                other => self.declare(other.local(), Declared::Import),
            }
        }
    }

    fn visit_ts_import_equals_decl(&mut self, import: &TsImportEqualsDecl) {
        if !import.is_type_only {
            self.declare(&import.id, Declared::Import);
        }
    }

    fn visit_var_decl(&mut self, variables: &VarDecl) {
        if variables.declare {
            return;
        }
        let declared = if variables.kind == VarDeclKind::Var { Declared::Var } else { Declared::Lexical };
        for declarator in &variables.decls {
            self.declare_pattern(&declarator.name, declared);
        }
        variables.visit_children_with(self);
    }

    fn visit_using_decl(&mut self, using: &UsingDecl) {
        for declarator in &using.decls {
            self.declare_pattern(&declarator.name, Declared::Lexical);
        }
        using.visit_children_with(self);
    }

    fn visit_fn_decl(&mut self, function: &FnDecl) {
        // Without a body it is an overload or a declaration.
        if !function.declare && function.function.body.is_some() {
            self.declare(&function.ident, Declared::Function);
            function.function.visit_with(self);
        }
    }

    fn visit_class_decl(&mut self, class: &ClassDecl) {
        if !class.declare {
            self.declare(&class.ident, Declared::Class);
            class.class.visit_with(self);
        }
    }

    fn visit_export_default_decl(&mut self, export: &ExportDefaultDecl) {
        match &export.decl {
            DefaultDecl::Class(ClassExpr { ident, class }) => {
                ident.iter().for_each(|ident| self.declare(ident, Declared::Class));
                class.visit_with(self);
            }
            DefaultDecl::Fn(FnExpr { ident, function }) if function.body.is_some() => {
                ident.iter().for_each(|ident| self.declare(ident, Declared::Function));
                function.visit_with(self);
            }
            _ => {}
        }
    }

    fn visit_ts_enum_decl(&mut self, declaration: &TsEnumDecl) {
        if !declaration.declare {
            self.declare(&declaration.id, Declared::Enum);
            declaration.members.visit_with(self);
        }
    }

    fn visit_ts_module_decl(&mut self, namespace: &TsModuleDecl) {
        if let (false, TsModuleName::Ident(name)) = (namespace.declare, &namespace.id) {
            self.declare(name, Declared::Namespace);
            namespace.body.visit_with(self);
        }
    }

    fn visit_ts_module_block(&mut self, block: &TsModuleBlock) {
        self.within(Reach::Module, |scopes| block.visit_children_with(scopes));
    }

    fn visit_function(&mut self, function: &Function) {
        let parameters: Vec<&Pat> = function.params.iter().map(|parameter| &parameter.pat).collect();
        function.decorators.visit_with(self);
        self.function(&parameters, |scopes| {
            function.body.iter().for_each(|body| body.visit_children_with(scopes));
        });
    }

    fn visit_arrow_expr(&mut self, arrow: &ArrowExpr) {
        let parameters: Vec<&Pat> = arrow.params.iter().collect();
        self.function(&parameters, |scopes| match &*arrow.body {
            ArrowFunctionBody::FunctionBody(block) => block.visit_children_with(scopes),
            ArrowFunctionBody::Expr(expression) => expression.visit_with(scopes),
        });
    }

    fn visit_constructor(&mut self, constructor: &Constructor) {
        self.within(Reach::Function, |scopes| {
            for parameter in &constructor.params {
                match parameter {
                    ParamOrTsParamProp::Param(parameter) => {
                        scopes.declare_pattern(&parameter.pat, Declared::Parameter);
                    }
                    ParamOrTsParamProp::TsParamProp(property) => match &property.param {
                        TsParamPropParam::Ident(binding) => scopes.declare(&binding.id, Declared::Parameter),
                        TsParamPropParam::Assign(assign) => {
                            scopes.declare_pattern(&assign.left, Declared::Parameter);
                        }
                    },
                }
            }
            constructor.params.visit_with(scopes);
            constructor.body.iter().for_each(|body| body.visit_children_with(scopes));
        });
    }

    fn visit_static_block(&mut self, block: &StaticBlock) {
        self.within(Reach::Function, |scopes| block.body.visit_children_with(scopes));
    }

    fn visit_block_stmt(&mut self, block: &BlockStmt) {
        self.within(Reach::Block, |scopes| block.visit_children_with(scopes));
    }

    fn visit_switch_stmt(&mut self, switch: &SwitchStmt) {
        switch.discriminant.visit_with(self);
        self.within(Reach::Block, |scopes| switch.cases.visit_with(scopes));
    }

    fn visit_for_stmt(&mut self, statement: &ForStmt) {
        self.within(Reach::Block, |scopes| statement.visit_children_with(scopes));
    }

    fn visit_for_in_stmt(&mut self, statement: &ForInStmt) {
        self.within(Reach::Block, |scopes| statement.visit_children_with(scopes));
    }

    fn visit_for_of_stmt(&mut self, statement: &ForOfStmt) {
        self.within(Reach::Block, |scopes| statement.visit_children_with(scopes));
    }

    fn visit_catch_clause(&mut self, clause: &CatchClause) {
        self.within(Reach::Block, |scopes| {
            if let Some(pattern) = &clause.param {
                let declared = if pattern.is_ident() { Declared::Caught } else { Declared::Lexical };
                scopes.declare_pattern(pattern, declared);
                pattern.visit_with(scopes);
            }
            clause.body.visit_children_with(scopes);
        });
    }
}
