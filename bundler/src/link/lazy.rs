//! A module that runs only when an `import()` asks for it: what it declares is declared outside, so that others
//! see it, and what it does becomes a function.

use swc_core::common::{DUMMY_SP, util::take::Take};
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::{ExprFactory, for_each_binding_ident, private_ident};
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith, noop_visit_mut_type, noop_visit_type};

pub struct Deferred {
    /// Functions are there from the start, as in any module.
    pub functions: Vec<Stmt>,
    /// What is set when it runs.
    pub names: Vec<Ident>,
    pub body: Vec<Stmt>,
    pub is_async: bool,
}

pub fn defer(statements: Vec<Stmt>) -> Deferred {
    let mut deferred =
        Deferred { functions: Vec::new(), names: Vec::new(), body: Vec::new(), is_async: false };
    let mut awaits = Awaits::default();
    statements.visit_with(&mut awaits);
    deferred.is_async = awaits.0;
    for statement in statements {
        deferred.take(statement);
    }
    let mut variables = Variables { names: Vec::new() };
    deferred.body.visit_mut_with(&mut variables);
    deferred.names.append(&mut variables.names);
    let mut seen = std::collections::HashSet::new();
    deferred.names.retain(|name| seen.insert(name.to_id()));
    deferred
}

impl Deferred {
    fn take(&mut self, statement: Stmt) {
        match statement {
            Stmt::Decl(Decl::Fn(function)) => self.functions.push(Decl::Fn(function).into()),
            Stmt::Decl(Decl::Class(class)) => {
                self.names.push(class.ident.clone());
                let left = SimpleAssignTarget::Ident(class.ident.clone().into());
                let value = ClassExpr { ident: Some(class.ident), class: class.class };
                self.body.push(assignment(left.into(), value.into()));
            }
            Stmt::Decl(Decl::Var(variables)) => self.declared(*variables),
            Stmt::Decl(Decl::Using(using)) => self.disposed(*using),
            other => self.body.push(other),
        }
    }

    fn declared(&mut self, variables: VarDecl) {
        for_each_binding_ident(&variables.decls, |binding| self.names.push(binding.id.clone()));
        let lexical = variables.kind != VarDeclKind::Var;
        for declarator in variables.decls {
            let value = match declarator.init {
                Some(value) => *value,
                // `let x;` sets it, `var x;` does not.
                None if lexical => *Expr::undefined(DUMMY_SP),
                None => continue,
            };
            self.body.push(assigned(declarator.name, value));
        }
    }

    /// `using x = value` keeps its resource in the function and shows it outside.
    fn disposed(&mut self, mut using: UsingDecl) {
        for declarator in &mut using.decls {
            let (Pat::Ident(name), Some(value)) = (&mut declarator.name, &mut declarator.init) else {
                continue;
            };
            let inner = private_ident!(name.id.sym.clone());
            let outer = std::mem::replace(&mut name.id, inner);
            let left = SimpleAssignTarget::Ident(outer.clone().into());
            let inner = value.as_mut().take();
            **value = inner.make_assign_to(AssignOp::Assign, left.into());
            self.names.push(outer);
        }
        self.body.push(Decl::Using(Box::new(using)).into());
    }
}

fn assigned(pattern: Pat, value: Expr) -> Stmt {
    match AssignTarget::try_from(pattern) {
        Ok(target) => assignment(target, value),
        // Declarations hold no other patterns than assignments do.
        Err(_) => value.into_stmt(),
    }
}

fn assignment(target: AssignTarget, value: Expr) -> Stmt {
    value.make_assign_to(AssignOp::Assign, target).into_stmt()
}

/// `var` in blocks and loops: it belongs to the module all the same.
struct Variables {
    names: Vec<Ident>,
}

impl Variables {
    /// The declaration as an expression that sets what it set.
    fn expression(&mut self, variables: VarDecl) -> Option<Box<Expr>> {
        for_each_binding_ident(&variables.decls, |binding| self.names.push(binding.id.clone()));
        let values = variables.decls.into_iter().filter_map(|declarator| {
            let target = AssignTarget::try_from(declarator.name).ok()?;
            Some(Box::new(declarator.init?.make_assign_to(AssignOp::Assign, target)))
        });
        let mut values: Vec<Box<Expr>> = values.collect();
        match values.len() {
            0 => None,
            1 => values.pop(),
            _ => Some(Box::new(SeqExpr { span: DUMMY_SP, exprs: values }.into())),
        }
    }
}

impl VisitMut for Variables {
    noop_visit_mut_type!();

    fn visit_mut_stmt(&mut self, statement: &mut Stmt) {
        statement.visit_mut_children_with(self);
        if let Stmt::Decl(Decl::Var(variables)) = statement
            && variables.kind == VarDeclKind::Var
        {
            let variables = *variables.take();
            *statement = match self.expression(variables) {
                Some(expression) => expression.into_stmt(),
                None => Stmt::Empty(EmptyStmt { span: DUMMY_SP }),
            };
        }
    }

    fn visit_mut_for_stmt(&mut self, statement: &mut ForStmt) {
        statement.visit_mut_children_with(self);
        if let Some(VarDeclOrExpr::VarDecl(variables)) = &mut statement.init
            && variables.kind == VarDeclKind::Var
        {
            let variables = *variables.take();
            statement.init = self.expression(variables).map(VarDeclOrExpr::Expr);
        }
    }

    fn visit_mut_for_head(&mut self, head: &mut ForHead) {
        head.visit_mut_children_with(self);
        if let ForHead::VarDecl(variables) = head
            && variables.kind == VarDeclKind::Var
        {
            let mut variables = *variables.take();
            for_each_binding_ident(&variables.decls, |binding| self.names.push(binding.id.clone()));
            if let Some(declarator) = variables.decls.pop() {
                *head = ForHead::Pat(Box::new(declarator.name));
            }
        }
    }

    // Their variables are their own.
    fn visit_mut_function(&mut self, _: &mut Function) {}

    fn visit_mut_arrow_expr(&mut self, _: &mut ArrowExpr) {}

    fn visit_mut_constructor(&mut self, _: &mut Constructor) {}

    fn visit_mut_static_block(&mut self, _: &mut StaticBlock) {}
}

/// Whether a module waits at its top level.
#[derive(Default)]
struct Awaits(bool);

impl Visit for Awaits {
    noop_visit_type!();

    fn visit_await_expr(&mut self, _: &AwaitExpr) {
        self.0 = true;
    }

    fn visit_for_of_stmt(&mut self, statement: &ForOfStmt) {
        self.0 |= statement.is_await;
        statement.visit_children_with(self);
    }

    fn visit_using_decl(&mut self, using: &UsingDecl) {
        self.0 |= using.is_await;
        using.visit_children_with(self);
    }

    fn visit_function(&mut self, _: &Function) {}

    fn visit_arrow_expr(&mut self, _: &ArrowExpr) {}

    fn visit_constructor(&mut self, _: &Constructor) {}
}
