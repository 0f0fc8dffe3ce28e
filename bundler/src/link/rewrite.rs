//! A module's references in terms of the whole script: imported names become those of their exporters, accesses
//! to namespaces what they mean, and `import()` a call.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use swc_core::atoms::Atom;
use swc_core::common::util::take::Take;
use swc_core::common::{DUMMY_SP, Span, SyntaxContext};
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::{ExprFactory, quote_ident};
use swc_core::ecma::visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

use super::bind::{Binding, Bound, exports, external_stars};
use super::graph::Graph;
use super::module::{To, What};
use super::names::Renames;
use super::requests::Requests;
use crate::transpile::{call_attribute_type, literal};
use crate::{Diagnostic, Severity};

pub struct Rewrite<'a, 'b> {
    pub graph: &'a Graph<'b>,
    pub bound: &'a Bound,
    pub renames: &'a Renames,
    pub requests: Requests,
    pub warnings: Vec<Diagnostic>,
    unresolved: SyntaxContext,
    /// Modules that run when they are asked for: others see their bindings through a variable.
    lazy: &'a BTreeSet<usize>,
    /// The module that is being rewritten; none where the script itself speaks.
    module: Option<usize>,
    /// What each namespace holds, once asked.
    exports: HashMap<usize, BTreeMap<Atom, Binding>>,
}

impl<'a, 'b> Rewrite<'a, 'b> {
    pub fn new(
        graph: &'a Graph<'b>,
        bound: &'a Bound,
        renames: &'a Renames,
        unresolved: SyntaxContext,
        lazy: &'a BTreeSet<usize>,
    ) -> Rewrite<'a, 'b> {
        Rewrite {
            graph,
            bound,
            renames,
            requests: Requests::default(),
            warnings: Vec::new(),
            unresolved,
            lazy,
            module: None,
            exports: HashMap::new(),
        }
    }

    pub fn rewrite(&mut self, module: usize, body: &mut Vec<ModuleItem>) {
        self.module = Some(module);
        body.visit_mut_with(self);
        self.module = None;
    }

    /// How the script writes what a name means.
    pub fn expression(&mut self, binding: &Binding, span: Span) -> Expr {
        match binding {
            Binding::Local(module, id) => self.local(*module, id, span),
            Binding::Key(module, key) => {
                let id = self.graph.modules[*module].default.to_id();
                property(self.local(*module, &id, span), key, span)
            }
            Binding::Namespace(module) => self.namespace(*module, span).into(),
            Binding::External(name, what) => {
                let ident = self.requests.external_binding(name, what);
                Ident { span, ..ident }.into()
            }
        }
    }

    /// A variable of a module's top level, as that module itself writes it.
    pub fn own(&self, id: &Id) -> Ident {
        Ident::new(self.renames.new_name(id).unwrap_or(&id.0).clone(), DUMMY_SP, id.1)
    }

    /// A variable of a module's top level.
    pub fn local(&mut self, module: usize, id: &Id, span: Span) -> Expr {
        let ident = Ident { span, ..self.own(id) };
        if self.lazy.contains(&module) && self.module != Some(module) {
            let scope = self.requests.scope(module, &self.graph.modules[module].name);
            return property(scope.into(), &ident.sym, span);
        }
        ident.into()
    }

    pub fn namespace(&mut self, module: usize, span: Span) -> Ident {
        let ident = self.requests.namespace(module, &self.graph.modules[module].name);
        Ident { span, ..ident }
    }

    pub fn exports_of(&mut self, module: usize) -> &BTreeMap<Atom, Binding> {
        self.exports.entry(module).or_insert_with(|| exports(self.graph, module))
    }

    fn imported(&self, ident: &Ident) -> Option<&'a Binding> {
        self.bound.imports.get(&ident.to_id())
    }

    /// `ns.name` where `ns` is an imported namespace and nothing else could be meant.
    fn member(&mut self, access: &MemberExpr) -> Option<Expr> {
        let Binding::Namespace(module) = self.imported(access.obj.as_ident()?)? else { return None };
        let name: Atom = match &access.prop {
            MemberProp::Ident(name) => name.sym.clone(),
            MemberProp::Computed(computed) => literal(&computed.expr)?.value.as_str()?.into(),
            MemberProp::PrivateName(_) => return None,
        };
        if let Some(binding) = self.exports_of(*module).get(&name).cloned() {
            return Some(self.expression(&binding, access.span));
        }
        if self.graph.modules[*module].has_any_key || !external_stars(self.graph, *module).is_empty() {
            return None;
        }
        // Whatever is inherited by nobody: a namespace has no prototype.
        let message =
            format!("`{}` has no export `{name}`, so this is undefined", self.graph.modules[*module].name);
        let mut warning = self.graph.diagnostic(self.module?, access.prop_span(), "missing-export", message);
        warning.severity = Severity::Warning;
        self.warnings.push(warning);
        Some(*Expr::undefined(access.span))
    }

    fn import_call(&mut self, call: &CallExpr) -> Option<Expr> {
        let specifier = literal(&call.args.first()?.expr)?.value.to_string_lossy().into_owned();
        let request = (specifier, call_attribute_type(&call.args));
        match self.graph.modules[self.module?].to.get(&request)? {
            To::Module(target) => {
                let function = self.requests.dynamic(*target, &self.graph.modules[*target].name);
                Some(function.as_call(call.span, Vec::new()))
            }
            To::External(name) => {
                let argument = Expr::from(name.as_str()).as_arg();
                Some(CallExpr { args: vec![argument], ..call.clone() }.into())
            }
        }
    }

    fn require_call(&mut self, call: &CallExpr) -> Option<Expr> {
        let name = call.callee.as_expr()?.as_ident()?;
        if &*name.sym != "require" || name.ctxt != self.unresolved {
            return None;
        }
        let specifier = literal(&call.args.first()?.expr)?.value.to_string_lossy().into_owned();
        match self.graph.modules[self.module?].to.get(&(specifier, None))? {
            To::Module(target) => {
                let module = &self.graph.modules[*target];
                let is_value = module.is_data || module.has_any_key;
                Some(if is_value {
                    self.local(*target, &module.default.to_id(), call.span)
                } else {
                    self.namespace(*target, call.span).into()
                })
            }
            To::External(name) => {
                let what = What::Namespace;
                Some(self.requests.external_binding(&name.clone(), &what).into())
            }
        }
    }

    /// `data.key()` would pass the data as `this`, which an imported function never gets.
    fn called(&mut self, function: &mut Box<Expr>) {
        let was_member = function.is_member();
        function.visit_mut_with(self);
        if !was_member && function.is_member() {
            let exprs = vec![Box::new(Expr::from(0.0)), Box::new(function.as_mut().take())];
            let sequence = SeqExpr { span: DUMMY_SP, exprs };
            **function = ParenExpr { span: DUMMY_SP, expr: Box::new(sequence.into()) }.into();
        }
    }

    /// The name of a variable in a pattern or declaration.
    fn rename(&self, ident: &mut Ident) {
        if let Some(name) = self.renames.new_name(&ident.to_id()) {
            ident.sym = name.clone();
        }
    }

    fn is_renamed(&self, ident: &Ident) -> bool {
        self.renames.new_name(&ident.to_id()).is_some()
    }
}

trait PropSpan {
    fn prop_span(&self) -> Span;
}

impl PropSpan for MemberExpr {
    fn prop_span(&self) -> Span {
        swc_core::common::Spanned::span(&self.prop)
    }
}

/// `object.key`, or `object["key"]` where the key is no name.
pub fn property(object: Expr, key: &Atom, span: Span) -> Expr {
    let prop = match Ident::verify_symbol(key) {
        Ok(()) => MemberProp::Ident(quote_ident!(key.clone())),
        Err(_) if *key == "default" => MemberProp::Ident(quote_ident!("default")),
        Err(_) => MemberProp::Computed(ComputedPropName {
            span: DUMMY_SP,
            expr: Box::new(Expr::from(key.as_str())),
        }),
    };
    MemberExpr { span, obj: Box::new(object), prop }.into()
}

impl VisitMut for Rewrite<'_, '_> {
    noop_visit_mut_type!();

    fn visit_mut_expr(&mut self, expression: &mut Expr) {
        let replaced = match expression {
            Expr::Ident(ident) => self.imported(ident).map(|binding| self.expression(binding, ident.span)),
            Expr::Member(access) if is_node_env(access, self.unresolved) => Some(Expr::from("production")),
            Expr::Member(access) => self.member(access),
            Expr::Call(call) if call.callee.is_import() => self.import_call(call),
            Expr::Call(call) => self.require_call(call),
            _ => None,
        };
        match replaced {
            Some(replaced) => *expression = replaced,
            None => expression.visit_mut_children_with(self),
        }
    }

    fn visit_mut_callee(&mut self, callee: &mut Callee) {
        match callee {
            Callee::Expr(function) => self.called(function),
            Callee::Super(_) | Callee::Import(_) => {}
        }
    }

    fn visit_mut_tagged_tpl(&mut self, template: &mut TaggedTpl) {
        self.called(&mut template.tag);
        template.tpl.visit_mut_with(self);
    }

    /// Deleting and counting what a namespace holds must fail when it runs, so it stays an access.
    fn visit_mut_unary_expr(&mut self, unary: &mut UnaryExpr) {
        match &mut *unary.arg {
            Expr::Member(access) if unary.op == UnaryOp::Delete => access.visit_mut_children_with(self),
            _ => unary.visit_mut_children_with(self),
        }
    }

    fn visit_mut_update_expr(&mut self, update: &mut UpdateExpr) {
        match &mut *update.arg {
            Expr::Member(access) => access.visit_mut_children_with(self),
            _ => update.visit_mut_children_with(self),
        }
    }

    fn visit_mut_pat(&mut self, pattern: &mut Pat) {
        match pattern {
            Pat::Expr(expression) => match &mut **expression {
                Expr::Member(access) => access.visit_mut_children_with(self),
                _ => expression.visit_mut_with(self),
            },
            _ => pattern.visit_mut_children_with(self),
        }
    }

    fn visit_mut_ident(&mut self, ident: &mut Ident) {
        self.rename(ident);
    }

    fn visit_mut_prop(&mut self, property: &mut Prop) {
        if let Prop::Shorthand(ident) = property
            && (self.imported(ident).is_some() || self.is_renamed(ident))
        {
            let key = PropName::Ident(IdentName::new(ident.sym.clone(), ident.span));
            let mut value: Box<Expr> = Box::new(ident.clone().into());
            value.visit_mut_with(self);
            *property = KeyValueProp { key, value }.into();
            return;
        }
        property.visit_mut_children_with(self);
    }

    fn visit_mut_object_pat_prop(&mut self, property: &mut ObjectPatProp) {
        if let ObjectPatProp::Assign(assign) = property
            && self.is_renamed(&assign.key.id)
        {
            let key = PropName::Ident(IdentName::new(assign.key.id.sym.clone(), assign.key.id.span));
            let mut name = assign.key.clone();
            self.rename(&mut name.id);
            let value = match assign.value.take() {
                None => Pat::Ident(name),
                Some(mut default) => {
                    default.visit_mut_with(self);
                    AssignPat { span: assign.span, left: Box::new(Pat::Ident(name)), right: default }.into()
                }
            };
            *property = ObjectPatProp::KeyValue(KeyValuePatProp { key, value: Box::new(value) });
            return;
        }
        property.visit_mut_children_with(self);
    }

    /// Export lists are made anew.
    fn visit_mut_named_export(&mut self, _: &mut NamedExport) {}

    fn visit_mut_import_decl(&mut self, _: &mut ImportDecl) {}
}

/// `process.env.NODE_ENV`, which is "production" in every bundle.
fn is_node_env(access: &MemberExpr, unresolved: SyntaxContext) -> bool {
    let is = |prop: &MemberProp, name: &str| prop.as_ident().is_some_and(|prop| &*prop.sym == name);
    let Some(env) = access.obj.as_member() else { return false };
    is(&access.prop, "NODE_ENV")
        && is(&env.prop, "env")
        && env.obj.as_ident().is_some_and(|object| &*object.sym == "process" && object.ctxt == unresolved)
}
