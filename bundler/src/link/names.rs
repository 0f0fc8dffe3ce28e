//! Names for the top level of a script that holds many modules: the authors' own, as far as there is no clash.

use std::collections::{HashMap, HashSet};

use swc_core::atoms::Atom;
use swc_core::common::SyntaxContext;
use swc_core::ecma::ast::*;
use swc_core::ecma::visit::{Visit, VisitWith, noop_visit_type};

use super::module::Module;

/// What is not called any more what its author called it.
#[derive(Debug, Default)]
pub struct Renames {
    new: HashMap<Id, Atom>,
    /// The author's name, by the new one.
    authors: HashMap<Id, Atom>,
}

impl Renames {
    /// Names that a module takes for the host's are nobody's to declare.
    pub fn of(modules: &[Module], unresolved: SyntaxContext) -> Renames {
        let mut globals = Globals { unresolved, names: HashSet::new() };
        for module in modules {
            module.body.visit_with(&mut globals);
        }
        let mut taken = globals.names;
        let mut renames = Renames::default();
        for module in modules {
            let mut declared =
                Declared { top_level: module.top_level, names: Vec::new(), seen: HashSet::new() };
            module.body.visit_with(&mut declared);
            for name in declared.names {
                let free = free(&name, &taken);
                taken.insert(free.clone());
                if free != name {
                    renames.authors.insert((free.clone(), module.top_level), name.clone());
                    renames.new.insert((name, module.top_level), free);
                }
            }
        }
        renames
    }

    pub fn new_name(&self, id: &Id) -> Option<&Atom> {
        self.new.get(id)
    }

    /// What an author called what is declared under a new name.
    pub fn authors_name(&self, ident: &Ident) -> Option<&Atom> {
        self.authors.get(&ident.to_id())
    }
}

fn free(name: &Atom, taken: &HashSet<Atom>) -> Atom {
    if !taken.contains(name) {
        return name.clone();
    }
    let numbered = (2_u32..).map(|number| Atom::from(format!("{name}{number}")));
    numbered.into_iter().find(|candidate| !taken.contains(candidate)).unwrap_or_else(|| name.clone())
}

struct Globals {
    unresolved: SyntaxContext,
    names: HashSet<Atom>,
}

impl Visit for Globals {
    noop_visit_type!();

    fn visit_ident(&mut self, ident: &Ident) {
        if ident.ctxt == self.unresolved {
            self.names.insert(ident.sym.clone());
        }
    }
}

/// Declarations of a module's top level, wherever they stand; imports are somebody else's.
struct Declared {
    top_level: SyntaxContext,
    names: Vec<Atom>,
    seen: HashSet<Atom>,
}

impl Declared {
    fn add(&mut self, ident: &Ident) {
        if ident.ctxt == self.top_level && self.seen.insert(ident.sym.clone()) {
            self.names.push(ident.sym.clone());
        }
    }
}

impl Visit for Declared {
    noop_visit_type!();

    fn visit_import_decl(&mut self, _: &ImportDecl) {}

    fn visit_binding_ident(&mut self, binding: &BindingIdent) {
        self.add(&binding.id);
    }

    fn visit_assign_pat_prop(&mut self, property: &AssignPatProp) {
        self.add(&property.key.id);
        property.value.visit_with(self);
    }

    fn visit_fn_decl(&mut self, function: &FnDecl) {
        self.add(&function.ident);
        function.function.visit_with(self);
    }

    fn visit_class_decl(&mut self, class: &ClassDecl) {
        self.add(&class.ident);
        class.class.visit_with(self);
    }

    fn visit_fn_expr(&mut self, function: &FnExpr) {
        // `export default function name() {}` is one of those.
        function.ident.iter().for_each(|ident| self.add(ident));
        function.function.visit_with(self);
    }

    fn visit_class_expr(&mut self, class: &ClassExpr) {
        class.ident.iter().for_each(|ident| self.add(ident));
        class.class.visit_with(self);
    }
}
