//! Namespaces that are declared in several places are one: what each exports is in scope in all of them. swc makes a
//! function of each place and knows only the exports of its own; so names of the others are qualified before it does.

use std::collections::{HashMap, HashSet};

use swc_core::atoms::Atom;
use swc_core::ecma::ast::{
    AssignPatProp, AssignTarget, AssignTargetPat, BindingIdent, Decl, Expr, Id, Ident, IdentName,
    JSXElementName, JSXMemberExpr, JSXObject, KeyValuePatProp, KeyValueProp, MemberExpr, MemberProp,
    ModuleDecl, ModuleItem, ObjectPatProp, Pat, Program, Prop, PropName, SimpleAssignTarget, TsModuleDecl,
    TsModuleName, TsNamespaceBody,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitMut, VisitMutWith, VisitWith};

/// From the outermost namespace inwards; the outermost by its identity, the others by their names.
type Place = (Id, Vec<Atom>);

/// Needs what `resolve` found out about each identifier.
pub fn qualify(program: &mut Program) {
    let mut exports = Exports::default();
    program.visit_with(&mut exports);
    if exports.times.values().all(|times| *times < 2) {
        return;
    }
    program.visit_mut_with(&mut Qualify { exports: exports.names, open: Vec::new() });
}

/// What the places of each namespace export, and in how many places each is declared.
#[derive(Default)]
struct Exports {
    names: HashMap<Place, HashSet<Atom>>,
    times: HashMap<Place, usize>,
    open: Option<Place>,
}

impl Exports {
    fn enter(&mut self, id: &Ident, body: &TsNamespaceBody) {
        let outer = self.open.clone();
        let place = inner(outer.as_ref(), id);
        if let Some(outer) = &outer {
            self.names.entry(outer.clone()).or_default();
        }
        *self.times.entry(place.clone()).or_default() += 1;
        self.open = Some(place.clone());
        match body {
            TsNamespaceBody::TsModuleBlock(block) => {
                let names = block.body.iter().flat_map(exported);
                self.names.entry(place).or_default().extend(names);
                block.body.visit_with(self);
            }
            TsNamespaceBody::TsNamespaceDecl(nested) => {
                self.names.entry(place).or_default().insert(nested.id.sym.clone());
                self.enter(&nested.id, &nested.body);
            }
        }
        self.open = outer;
    }
}

impl Visit for Exports {
    fn visit_ts_module_decl(&mut self, module: &TsModuleDecl) {
        if let (TsModuleName::Ident(id), Some(body), false) = (&module.id, &module.body, module.declare) {
            self.enter(id, body);
        }
    }
}

fn inner(outer: Option<&Place>, id: &Ident) -> Place {
    match outer {
        Some((root, names)) => (root.clone(), [names.as_slice(), std::slice::from_ref(&id.sym)].concat()),
        None => (id.to_id(), Vec::new()),
    }
}

fn exported(item: &ModuleItem) -> Vec<Atom> {
    let ModuleItem::ModuleDecl(declared) = item else { return Vec::new() };
    match declared {
        ModuleDecl::ExportDecl(export) => match &export.decl {
            Decl::Var(var) => {
                let ids: Vec<Id> = find_pat_ids(&var.decls);
                ids.into_iter().map(|(name, _)| name).collect()
            }
            Decl::Fn(function) => vec![function.ident.sym.clone()],
            Decl::Class(class) => vec![class.ident.sym.clone()],
            Decl::TsEnum(declared) => vec![declared.id.sym.clone()],
            Decl::TsModule(module) => module.id.as_ident().map(|id| id.sym.clone()).into_iter().collect(),
            _ => Vec::new(),
        },
        ModuleDecl::TsImportEquals(import) if import.is_export => vec![import.id.sym.clone()],
        _ => Vec::new(),
    }
}

struct Qualify {
    exports: HashMap<Place, HashSet<Atom>>,
    open: Vec<Open>,
}

/// A namespace around what is looked at.
struct Open {
    id: Ident,
    place: Place,
    /// What is declared inside this place of it, at any depth, is meant by its own name.
    declared: HashSet<Id>,
}

impl Qualify {
    fn enter(&mut self, id: &Ident, body: &mut TsNamespaceBody) {
        let mut declared = Declared::default();
        body.visit_with(&mut declared);
        let place = inner(self.open.last().map(|open| &open.place), id);
        self.open.push(Open { id: id.clone(), place, declared: declared.0 });
        match body {
            TsNamespaceBody::TsModuleBlock(block) => block.body.visit_mut_children_with(self),
            TsNamespaceBody::TsNamespaceDecl(nested) => {
                let id = nested.id.clone();
                self.enter(&id, &mut nested.body);
            }
        }
        self.open.pop();
    }

    /// The namespace that a name is exported by in another place than this one.
    fn owner(&self, name: &Ident) -> Option<Ident> {
        let id = name.to_id();
        for open in self.open.iter().rev() {
            if open.declared.contains(&id) {
                return None;
            }
            if self.exports.get(&open.place).is_some_and(|names| names.contains(&name.sym)) {
                return Some(Ident { span: name.span, ..open.id.clone() });
            }
        }
        None
    }

    fn member(&self, name: &Ident) -> Option<MemberExpr> {
        let owner = self.owner(name)?;
        let prop = MemberProp::Ident(IdentName::new(name.sym.clone(), name.span));
        Some(MemberExpr { span: name.span, obj: Box::new(Expr::Ident(owner)), prop })
    }
}

impl VisitMut for Qualify {
    fn visit_mut_ts_module_decl(&mut self, module: &mut TsModuleDecl) {
        if let (TsModuleName::Ident(id), Some(body), false) = (&module.id, &mut module.body, module.declare) {
            self.enter(&id.clone(), body);
        }
    }

    fn visit_mut_expr(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Ident(name) => {
                if let Some(member) = self.member(name) {
                    *expr = Expr::Member(member);
                }
            }
            _ => expr.visit_mut_children_with(self),
        }
    }

    fn visit_mut_prop(&mut self, prop: &mut Prop) {
        match prop {
            Prop::Shorthand(name) => {
                if let Some(member) = self.member(name) {
                    let key = PropName::Ident(IdentName::new(name.sym.clone(), name.span));
                    *prop = Prop::KeyValue(KeyValueProp { key, value: Box::new(Expr::Member(member)) });
                }
            }
            _ => prop.visit_mut_children_with(self),
        }
    }

    fn visit_mut_simple_assign_target(&mut self, target: &mut SimpleAssignTarget) {
        match target {
            SimpleAssignTarget::Ident(BindingIdent { id, .. }) => {
                if let Some(member) = self.member(id) {
                    *target = SimpleAssignTarget::Member(member);
                }
            }
            _ => target.visit_mut_children_with(self),
        }
    }

    /// A pattern that is assigned to; one that declares holds only names of its own.
    fn visit_mut_assign_target(&mut self, target: &mut AssignTarget) {
        target.visit_mut_children_with(self);
        if let AssignTarget::Pat(pattern) = target {
            match pattern {
                AssignTargetPat::Array(array) => {
                    array.elems.iter_mut().flatten().for_each(|element| self.qualify_target(element));
                }
                AssignTargetPat::Object(object) => {
                    object.props.iter_mut().for_each(|prop| self.qualify_property(prop));
                }
                AssignTargetPat::Invalid(_) => {}
            }
        }
    }

    fn visit_mut_jsx_element_name(&mut self, name: &mut JSXElementName) {
        if let JSXElementName::Ident(ident) = name
            && let Some(owner) = self.owner(ident)
        {
            let prop = IdentName::new(ident.sym.clone(), ident.span);
            let member = JSXMemberExpr { span: ident.span, obj: JSXObject::Ident(owner), prop };
            *name = JSXElementName::JSXMemberExpr(member);
        }
    }
}

impl Qualify {
    fn qualify_target(&mut self, target: &mut Pat) {
        match target {
            Pat::Ident(BindingIdent { id, .. }) => {
                if let Some(member) = self.member(id) {
                    *target = Pat::Expr(Box::new(Expr::Member(member)));
                }
            }
            Pat::Array(array) => {
                array.elems.iter_mut().flatten().for_each(|element| self.qualify_target(element));
            }
            Pat::Object(object) => object.props.iter_mut().for_each(|prop| self.qualify_property(prop)),
            Pat::Assign(assign) => self.qualify_target(&mut assign.left),
            Pat::Rest(rest) => self.qualify_target(&mut rest.arg),
            Pat::Expr(_) | Pat::Invalid(_) => {}
        }
    }

    fn qualify_property(&mut self, prop: &mut ObjectPatProp) {
        match prop {
            ObjectPatProp::KeyValue(pair) => self.qualify_target(&mut pair.value),
            ObjectPatProp::Rest(rest) => self.qualify_target(&mut rest.arg),
            ObjectPatProp::Assign(AssignPatProp { key, value, span }) => {
                let Some(member) = self.member(&key.id) else { return };
                let target = Pat::Expr(Box::new(Expr::Member(member)));
                let key = PropName::Ident(IdentName::new(key.sym.clone(), key.span));
                let value = match value.take() {
                    Some(default) => {
                        swc_core::ecma::ast::AssignPat { span: *span, left: Box::new(target), right: default }
                            .into()
                    }
                    None => target,
                };
                *prop = ObjectPatProp::KeyValue(KeyValuePatProp { key, value: Box::new(value) });
            }
        }
    }
}

/// Every name that is declared inside.
#[derive(Default)]
struct Declared(HashSet<Id>);

impl Visit for Declared {
    fn visit_binding_ident(&mut self, name: &BindingIdent) {
        self.0.insert(name.to_id());
    }

    fn visit_decl(&mut self, declared: &Decl) {
        match declared {
            Decl::Fn(function) => drop(self.0.insert(function.ident.to_id())),
            Decl::Class(class) => drop(self.0.insert(class.ident.to_id())),
            Decl::TsEnum(declared) => drop(self.0.insert(declared.id.to_id())),
            Decl::TsModule(module) => drop(module.id.as_ident().map(|id| self.0.insert(id.to_id()))),
            _ => {}
        }
        declared.visit_children_with(self);
    }

    fn visit_ts_import_equals_decl(&mut self, import: &swc_core::ecma::ast::TsImportEqualsDecl) {
        self.0.insert(import.id.to_id());
    }

    fn visit_simple_assign_target(&mut self, target: &SimpleAssignTarget) {
        // What is assigned to is not declared by that.
        if !matches!(target, SimpleAssignTarget::Ident(_)) {
            target.visit_children_with(self);
        }
    }

    fn visit_assign_target_pat(&mut self, _: &AssignTargetPat) {}

    fn visit_fn_expr(&mut self, function: &swc_core::ecma::ast::FnExpr) {
        self.0.extend(function.ident.as_ref().map(Ident::to_id));
        function.visit_children_with(self);
    }

    fn visit_class_expr(&mut self, class: &swc_core::ecma::ast::ClassExpr) {
        self.0.extend(class.ident.as_ref().map(Ident::to_id));
        class.visit_children_with(self);
    }
}
