//! Private names that no class declares or one declares twice, `super` where nothing is above, and `delete`
//! of a variable.

use std::collections::HashMap;

use swc_core::atoms::Atom;
use swc_core::ecma::ast::*;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::Findings;

pub(super) fn check(program: &Program, findings: &mut Findings<'_>) {
    let mut members = Members { private: Vec::new(), above: Above::default(), derived: false, findings };
    program.visit_with(&mut members);
}

/// What `super` may mean in some place.
#[derive(Clone, Copy, Default)]
struct Above {
    property: bool,
    call: bool,
}

const NOTHING: Above = Above { property: false, call: false };
const PROPERTY: Above = Above { property: true, call: false };

struct Members<'a, 'b> {
    /// The private names of the classes around, innermost last.
    private: Vec<HashMap<Atom, Half>>,
    above: Above,
    /// Whether the innermost class extends another.
    derived: bool,
    findings: &'a mut Findings<'b>,
}

/// A getter and a setter may share a private name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Getter(bool),
    Setter(bool),
    Whole,
}

impl Members<'_, '_> {
    fn with(&mut self, above: Above, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.above, above);
        visit(self);
        self.above = before;
    }

    fn private_names(&mut self, class: &Class) -> HashMap<Atom, Half> {
        let mut names = HashMap::new();
        for member in &class.body {
            let Some((key, half)) = private_member(member) else { continue };
            let completes = |known: &Half| matches!((*known, half), (Half::Getter(a), Half::Setter(b)) | (Half::Setter(a), Half::Getter(b)) if a == b);
            match names.get(&key.name) {
                None => {
                    names.insert(key.name.clone(), half);
                }
                Some(known) if completes(known) => {
                    names.insert(key.name.clone(), Half::Whole);
                }
                Some(_) => {
                    let message = format!("the class declares `#{}` twice", key.name);
                    self.findings.add(key.span, "redeclared", message, None);
                }
            }
        }
        names
    }
}

fn private_member(member: &ClassMember) -> Option<(&PrivateName, Half)> {
    match member {
        ClassMember::PrivateProp(property) => Some((&property.key, Half::Whole)),
        ClassMember::AutoAccessor(AutoAccessor { key: Key::Private(key), .. }) => Some((key, Half::Whole)),
        // Without a body it is an overload.
        ClassMember::PrivateMethod(method) if method.function.body.is_some() => Some((
            &method.key,
            match method.kind {
                MethodKind::Getter => Half::Getter(method.is_static),
                MethodKind::Setter => Half::Setter(method.is_static),
                MethodKind::Method => Half::Whole,
            },
        )),
        _ => None,
    }
}

impl Visit for Members<'_, '_> {
    noop_visit_type!();

    fn visit_class(&mut self, class: &Class) {
        class.super_class.visit_with(self);
        let names = self.private_names(class);
        self.private.push(names);
        let derived = std::mem::replace(&mut self.derived, class.super_class.is_some());
        class.body.visit_with(self);
        self.derived = derived;
        self.private.pop();
        class.decorators.visit_with(self);
    }

    fn visit_private_name(&mut self, name: &PrivateName) {
        if self.private.iter().any(|names| names.contains_key(&name.name)) {
            return;
        }
        let message = format!("no class around declares `#{}`", name.name);
        self.findings.add(name.span, "undeclared-private-name", message, None);
    }

    fn visit_constructor(&mut self, constructor: &Constructor) {
        let above = Above { property: true, call: self.derived };
        self.with(above, |members| constructor.visit_children_with(members));
    }

    fn visit_class_method(&mut self, method: &ClassMethod) {
        method.key.visit_with(self);
        self.with(PROPERTY, |members| method.function.visit_children_with(members));
    }

    fn visit_private_method(&mut self, method: &PrivateMethod) {
        self.with(PROPERTY, |members| method.function.visit_children_with(members));
    }

    fn visit_class_prop(&mut self, property: &ClassProp) {
        property.key.visit_with(self);
        property.decorators.visit_with(self);
        self.with(PROPERTY, |members| property.value.visit_with(members));
    }

    fn visit_private_prop(&mut self, property: &PrivateProp) {
        property.decorators.visit_with(self);
        self.with(PROPERTY, |members| property.value.visit_with(members));
    }

    fn visit_auto_accessor(&mut self, accessor: &AutoAccessor) {
        accessor.decorators.visit_with(self);
        self.with(PROPERTY, |members| accessor.value.visit_with(members));
    }

    fn visit_static_block(&mut self, block: &StaticBlock) {
        self.with(PROPERTY, |members| block.visit_children_with(members));
    }

    fn visit_method_prop(&mut self, method: &MethodProp) {
        method.key.visit_with(self);
        self.with(PROPERTY, |members| method.function.visit_children_with(members));
    }

    fn visit_getter_prop(&mut self, getter: &GetterProp) {
        getter.key.visit_with(self);
        self.with(PROPERTY, |members| getter.function.visit_children_with(members));
    }

    fn visit_setter_prop(&mut self, setter: &SetterProp) {
        setter.key.visit_with(self);
        self.with(PROPERTY, |members| setter.function.visit_children_with(members));
    }

    /// Of a declaration or an expression: methods have been dealt with.
    fn visit_function(&mut self, function: &Function) {
        self.with(NOTHING, |members| function.visit_children_with(members));
    }

    fn visit_super(&mut self, word: &Super) {
        if !self.above.call {
            let hint = "only the constructor of a class that extends another may call it".to_owned();
            self.findings.add(
                word.span,
                "misplaced-super",
                "`super()` has nothing to call here".to_owned(),
                Some(hint),
            );
        }
    }

    fn visit_super_prop_expr(&mut self, access: &SuperPropExpr) {
        if !self.above.property {
            let message = "`super` means nothing outside of a method".to_owned();
            self.findings.add(access.obj.span, "misplaced-super", message, None);
        }
        access.prop.visit_with(self);
    }

    fn visit_unary_expr(&mut self, unary: &UnaryExpr) {
        if let (UnaryOp::Delete, Expr::Ident(ident)) = (unary.op, &*unary.arg) {
            let message = format!("`{}` is a variable: only properties can be deleted", ident.sym);
            self.findings.add(unary.span, "delete-of-variable", message, None);
        }
        unary.visit_children_with(self);
    }
}
