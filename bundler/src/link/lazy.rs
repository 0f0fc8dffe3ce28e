//! A module that runs only when an `import()` asks for it, as a generator: called, it has its functions and shows
//! its bindings, as a module that is linked; resumed, it runs. So its bindings are its own, and are unset until then.

use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::ExprFactory;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

/// `scope` is the variable through which others see `bindings`; `before` runs first, as soon as it is called.
pub fn generator(scope: Ident, bindings: &[Ident], before: Vec<Stmt>, body: Vec<Stmt>) -> Expr {
    let mut awaits = Awaits(false);
    body.visit_with(&mut awaits);
    let target = SimpleAssignTarget::Ident(scope.into());
    let mut stmts = before;
    stmts.push(getters(bindings).make_assign_to(AssignOp::Assign, target.into()).into_stmt());
    stmts.push(YieldExpr { span: DUMMY_SP, arg: None, delegate: false }.into_stmt());
    stmts.extend(body);
    let function = Function {
        body: Some(FunctionBody { span: DUMMY_SP, stmts }),
        is_generator: true,
        is_async: awaits.0,
        ..Function::default()
    };
    FnExpr { ident: None, function: Box::new(function) }.into()
}

fn getters(bindings: &[Ident]) -> Expr {
    let getter = |binding: &Ident| {
        let result = ReturnStmt { span: DUMMY_SP, arg: Some(Box::new(binding.clone().into())) };
        let body = FunctionBody { span: DUMMY_SP, stmts: vec![result.into()] };
        let function = Function { body: Some(body), ..Function::default() };
        let key = PropName::Ident(IdentName::new(binding.sym.clone(), DUMMY_SP));
        let getter = GetterProp { span: DUMMY_SP, key, function: Box::new(function) };
        PropOrSpread::Prop(Box::new(getter.into()))
    };
    ObjectLit { span: DUMMY_SP, props: bindings.iter().map(getter).collect() }.into()
}

/// Whether a module waits at its top level.
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
