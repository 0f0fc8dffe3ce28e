//! What stands around a place of a file, in the function to which it belongs: calls, members and loops, outermost first.

use std::ops::Range;

use swc_core::common::{BytePos, Span, Spanned as _};
use swc_core::ecma::ast::{
    ArrowExpr, Bool, CallExpr, Callee, Constructor, DoWhileStmt, Expr, ForInStmt, ForOfStmt, ForStmt,
    Function, Lit, MemberExpr, MemberProp, NewExpr, OptCall, StaticBlock, TaggedTpl, ThrowStmt, WhileStmt,
};
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

#[derive(Debug)]
pub struct Site {
    pub span: Range<usize>,
    /// What an author would point at: the callee's last name, `new`, the property.
    pub at: usize,
    /// The name called, or of the property.
    pub name: Option<String>,
    /// It is the operand of a `throw`.
    pub thrown: bool,
    kind: SiteKind,
}

#[derive(Debug, PartialEq)]
enum SiteKind {
    Call,
    New,
    Member,
}

impl Site {
    pub fn is_call(&self) -> bool {
        self.kind != SiteKind::Member
    }

    pub fn is_new(&self) -> bool {
        self.kind == SiteKind::New
    }

    pub fn is_member(&self, property: &str) -> bool {
        self.kind == SiteKind::Member && self.name.as_deref() == Some(property)
    }
}

#[derive(Debug)]
pub struct Loop {
    pub span: Range<usize>,
    /// Its condition is never false.
    pub endless: bool,
}

pub struct Nodes {
    byte: usize,
    start: BytePos,
    pub sites: Vec<Site>,
    pub loops: Vec<Loop>,
    thrown: Option<Span>,
    /// The function of the place has been seen to its end.
    complete: bool,
}

impl Nodes {
    /// `start` is where the file begins among the positions of its source map.
    pub fn around(byte: usize, start: BytePos) -> Nodes {
        Nodes { byte, start, sites: Vec::new(), loops: Vec::new(), thrown: None, complete: false }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let at = |position: BytePos| position.0.saturating_sub(self.start.0) as usize;
        at(span.lo)..at(span.hi)
    }

    /// Enters a function if the place is in it, and forgets what is around that; passes it by if not.
    fn enter(&mut self, span: Span, node: &impl VisitWith<Nodes>) {
        if !self.complete && self.range(span).contains(&self.byte) {
            self.sites.clear();
            self.loops.clear();
            node.visit_children_with(self);
            self.complete = true;
        }
    }

    fn site(&mut self, span: Span, kind: SiteKind, at: Span, name: Option<String>) {
        let thrown = self.thrown == Some(span);
        let (span, at) = (self.range(span), self.range(at).start);
        if !self.complete && span.contains(&self.byte) {
            self.sites.push(Site { span, at, name, thrown, kind });
        }
    }

    fn call(&mut self, span: Span, callee: &Expr) {
        let (at, name) = called(callee);
        self.site(span, SiteKind::Call, at, name);
    }

    fn found_loop(&mut self, span: Span, condition: Option<&Expr>, may_lack: bool) {
        let endless = match condition {
            Some(Expr::Lit(Lit::Bool(Bool { value, .. }))) => *value,
            Some(Expr::Lit(Lit::Num(number))) => number.value != 0.0,
            Some(_) => false,
            None => may_lack,
        };
        if self.complete {
            return;
        }
        let span = self.range(span);
        self.loops.push(Loop { span, endless });
    }
}

/// Where the last name of what is called stands, and the name.
fn called(callee: &Expr) -> (Span, Option<String>) {
    match callee {
        Expr::Ident(name) => (name.span, Some(name.sym.to_string())),
        Expr::Member(member) => property(&member.prop),
        Expr::SuperProp(_) => (callee.span(), None),
        Expr::OptChain(chain) => match chain.base.as_member() {
            Some(member) => property(&member.prop),
            None => (callee.span(), None),
        },
        Expr::Paren(inner) => called(&inner.expr),
        Expr::TsAs(inner) => called(&inner.expr),
        Expr::TsNonNull(inner) => called(&inner.expr),
        Expr::TsInstantiation(inner) => called(&inner.expr),
        _ => (callee.span(), None),
    }
}

fn property(property: &MemberProp) -> (Span, Option<String>) {
    match property {
        MemberProp::Ident(name) => (name.span, Some(name.sym.to_string())),
        MemberProp::PrivateName(name) => (name.span, Some(name.name.to_string())),
        MemberProp::Computed(computed) => {
            let name = match &*computed.expr {
                Expr::Lit(Lit::Str(text)) => Some(text.value.to_string_lossy().into_owned()),
                _ => None,
            };
            (computed.expr.span(), name)
        }
    }
}

impl Visit for Nodes {
    noop_visit_type!();

    fn visit_function(&mut self, node: &Function) {
        self.enter(node.span, node);
    }

    fn visit_arrow_expr(&mut self, node: &ArrowExpr) {
        self.enter(node.span, node);
    }

    fn visit_constructor(&mut self, node: &Constructor) {
        self.enter(node.span, node);
    }

    fn visit_static_block(&mut self, node: &StaticBlock) {
        self.enter(node.span, node);
    }

    fn visit_throw_stmt(&mut self, node: &ThrowStmt) {
        self.thrown = Some(node.arg.span());
        node.visit_children_with(self);
    }

    fn visit_call_expr(&mut self, node: &CallExpr) {
        match &node.callee {
            Callee::Expr(callee) => self.call(node.span, callee),
            Callee::Super(callee) => self.site(node.span, SiteKind::Call, callee.span, None),
            Callee::Import(_) => {}
        }
        node.visit_children_with(self);
    }

    fn visit_opt_call(&mut self, node: &OptCall) {
        self.call(node.span, &node.callee);
        node.visit_children_with(self);
    }

    fn visit_new_expr(&mut self, node: &NewExpr) {
        let name = called(&node.callee).1;
        self.site(node.span, SiteKind::New, node.span, name);
        node.visit_children_with(self);
    }

    fn visit_tagged_tpl(&mut self, node: &TaggedTpl) {
        self.call(node.span, &node.tag);
        node.visit_children_with(self);
    }

    fn visit_member_expr(&mut self, node: &MemberExpr) {
        let (at, name) = property(&node.prop);
        self.site(node.span, SiteKind::Member, at, name);
        node.visit_children_with(self);
    }

    fn visit_while_stmt(&mut self, node: &WhileStmt) {
        self.found_loop(node.span, Some(&node.test), false);
        node.visit_children_with(self);
    }

    fn visit_do_while_stmt(&mut self, node: &DoWhileStmt) {
        self.found_loop(node.span, Some(&node.test), false);
        node.visit_children_with(self);
    }

    fn visit_for_stmt(&mut self, node: &ForStmt) {
        self.found_loop(node.span, node.test.as_deref(), true);
        node.visit_children_with(self);
    }

    fn visit_for_in_stmt(&mut self, node: &ForInStmt) {
        self.found_loop(node.span, None, false);
        node.visit_children_with(self);
    }

    fn visit_for_of_stmt(&mut self, node: &ForOfStmt) {
        self.found_loop(node.span, None, false);
        node.visit_children_with(self);
    }
}
