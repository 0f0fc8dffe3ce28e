//! Assignments to what cannot be assigned to: constants and imports.

use std::collections::HashMap;

use swc_core::ecma::ast::*;
use swc_core::ecma::utils::for_each_binding_ident;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::Findings;

pub(super) fn check(program: &Program, findings: &mut Findings<'_>) {
    let mut fixed = Fixed::default();
    program.visit_with(&mut fixed);
    if !fixed.0.is_empty() {
        program.visit_with(&mut Assignments { fixed, findings });
    }
}

/// What each binding that keeps its value is.
#[derive(Default)]
struct Fixed(HashMap<Id, &'static str>);

impl Visit for Fixed {
    noop_visit_type!();

    fn visit_import_decl(&mut self, import: &ImportDecl) {
        for specifier in &import.specifiers {
            self.0.insert(specifier.local().to_id(), "an import");
        }
    }

    fn visit_var_decl(&mut self, variables: &VarDecl) {
        if variables.kind == VarDeclKind::Const && !variables.declare {
            for_each_binding_ident(&variables.decls, |binding| {
                self.0.insert(binding.to_id(), "a constant");
            });
        }
        variables.visit_children_with(self);
    }

    fn visit_using_decl(&mut self, using: &UsingDecl) {
        for_each_binding_ident(&using.decls, |binding| {
            self.0.insert(binding.to_id(), "a constant");
        });
        using.visit_children_with(self);
    }
}

struct Assignments<'a, 'b> {
    fixed: Fixed,
    findings: &'a mut Findings<'b>,
}

impl Assignments<'_, '_> {
    fn assigned(&mut self, ident: &Ident) {
        if let Some(what) = self.fixed.0.get(&ident.to_id()) {
            let message = format!("`{}` is {what} and cannot be assigned to", ident.sym);
            let hint = (*what == "a constant").then(|| "declare it with `let`".to_owned());
            self.findings.add(ident.span, "assignment-to-constant", message, hint);
        }
    }

    fn assigned_pattern<N: VisitWith<Targets>>(&mut self, pattern: &N) {
        let mut targets = Targets::default();
        pattern.visit_with(&mut targets);
        targets.0.iter().for_each(|ident| self.assigned(ident));
    }
}

/// The variables that a pattern sets; what its defaults and keys read is none of that.
#[derive(Default)]
struct Targets(Vec<Ident>);

impl Visit for Targets {
    noop_visit_type!();

    fn visit_binding_ident(&mut self, binding: &BindingIdent) {
        self.0.push(binding.id.clone());
    }

    fn visit_expr(&mut self, _: &Expr) {}

    fn visit_prop_name(&mut self, _: &PropName) {}
}

impl Visit for Assignments<'_, '_> {
    noop_visit_type!();

    fn visit_assign_expr(&mut self, assign: &AssignExpr) {
        match &assign.left {
            AssignTarget::Simple(SimpleAssignTarget::Ident(binding)) => self.assigned(&binding.id),
            AssignTarget::Pat(pattern) => self.assigned_pattern(pattern),
            _ => {}
        }
        assign.visit_children_with(self);
    }

    fn visit_update_expr(&mut self, update: &UpdateExpr) {
        if let Expr::Ident(ident) = &*update.arg {
            self.assigned(ident);
        }
        update.visit_children_with(self);
    }

    fn visit_for_head(&mut self, head: &ForHead) {
        match head {
            ForHead::Pat(pattern) => match &**pattern {
                Pat::Expr(expression) => {
                    if let Expr::Ident(ident) = &**expression {
                        self.assigned(ident);
                    }
                }
                pattern => self.assigned_pattern(pattern),
            },
            other => other.visit_children_with(self),
        }
    }
}
