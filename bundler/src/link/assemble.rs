//! The script itself: imports, namespaces, what waits, the modules in order, the entry's exports.

use std::collections::{BTreeMap, BTreeSet};

use swc_core::atoms::Atom;
use swc_core::common::sync::Lrc;
use swc_core::common::util::take::Take;
use swc_core::common::{DUMMY_SP, Mark, SourceMap, Spanned, SyntaxContext};
use swc_core::ecma::ast::*;
use swc_core::ecma::transforms::base::fixer::fixer;
use swc_core::ecma::transforms::base::helpers::inject_helpers;
use swc_core::ecma::transforms::base::hygiene::hygiene;
use swc_core::ecma::utils::{ExprFactory, private_ident};

use super::Linked;
use super::bind::{Bound, external_stars};
use super::flatten::{Flat, Flatten};
use super::graph::Graph;
use super::lazy::generator;
use super::module::{Export, To, stem};
use super::names::Renames;
use super::order::{Order, order};
use super::rewrite::Rewrite;
use crate::transpile::emit;
use crate::{Diagnostic, transpile::Source};

pub fn assemble(
    mut graph: Graph<'_>,
    bound: Bound,
    map: &Lrc<SourceMap>,
    unresolved: Mark,
) -> Result<Linked, Vec<Diagnostic>> {
    let global = SyntaxContext::empty().apply_mark(unresolved);
    let renames = Renames::of(&graph.modules, global);
    let mut bodies: Vec<Vec<ModuleItem>> =
        graph.modules.iter_mut().map(|module| module.body.take()).collect();
    let order = order(&graph);
    let mut rewrite = Rewrite::new(&graph, &bound, &renames, global, &order.lazy);
    for (index, body) in bodies.iter_mut().enumerate() {
        rewrite.rewrite(index, body);
    }
    let flatten = Flatten { graph: &graph, renames: &renames };
    let bodies =
        bodies.into_iter().enumerate().map(|(index, body)| flatten.statements(index, body)).collect();
    let mut script = Script { graph: &graph, bound: &bound, order: &order, rewrite, bodies };
    let items = script.items();
    let Script { rewrite, .. } = script;
    let mut warnings = rewrite.warnings;
    warnings.extend(graph.warnings.iter().cloned());
    let module = Module { span: DUMMY_SP, body: items, shebang: None };
    let written = finish(Program::Module(module), map, unresolved).map_err(|message| {
        let name = &graph.modules[0].name;
        vec![Source::new(name, "").diagnostic(0, 0, "compiler-failure", message)]
    })?;
    let run = order.eager.iter().chain(&order.lazy).map(|index| graph.modules[*index].name.clone());
    Ok(Linked {
        script: written.code,
        source_map: written.map,
        files: run.filter(|name| !name.is_empty()).collect(),
        externals: rewrite.requests.external_names(),
        exports: bound.entry.keys().map(ToString::to_string).collect(),
        warnings: super::graph::sorted(warnings),
    })
}

fn finish(mut program: Program, map: &Lrc<SourceMap>, unresolved: Mark) -> Result<emit::Transpiled, String> {
    inject_helpers(unresolved).process(&mut program);
    hygiene().process(&mut program);
    fixer(None).process(&mut program);
    emit::emit(&program, map)
}

struct Script<'a, 'b> {
    graph: &'a Graph<'b>,
    bound: &'a Bound,
    order: &'a Order,
    rewrite: Rewrite<'a, 'b>,
    /// Of the modules, taken as they are written.
    bodies: Vec<Flat>,
}

impl Script<'_, '_> {
    fn items(&mut self) -> Vec<ModuleItem> {
        for module in &self.graph.modules {
            for request in &module.requests {
                if let Some(To::External(name)) = module.to.get(request) {
                    self.rewrite.requests.external(name);
                }
            }
        }
        let exports = self.exports();
        let dynamic = self.dynamic();
        // Reading one namespace may need another.
        let mut namespaces = self.namespaces();
        let mut statements: Vec<Stmt> = Vec::new();
        for index in &self.order.eager {
            statements.append(&mut self.bodies[*index].naming);
        }
        let is_built_before = |module: &usize| !self.graph.modules[*module].has_any_key;
        statements
            .extend(namespaces.extract_if(.., |module, _| is_built_before(module)).map(|(_, built)| built));
        statements.extend(dynamic.top);
        for index in &self.order.eager {
            statements.append(&mut self.bodies[*index].statements);
            // Which names it has, only its run shows.
            statements.extend(namespaces.remove(index));
            statements.extend(dynamic.ends.get(index).cloned());
        }
        let mut items = self.rewrite.requests.imports();
        items.extend(self.graph.runtime.statements().into_iter().chain(statements).map(ModuleItem::Stmt));
        items.extend(exports);
        items
    }

    /// `export { … }` of the entry's names, each with what it needs.
    fn exports(&mut self) -> Vec<ModuleItem> {
        let mut items = Vec::new();
        let mut specifiers = Vec::new();
        for (name, binding) in &self.bound.entry {
            let local = match self.rewrite.expression(binding, DUMMY_SP) {
                Expr::Ident(ident) => ident,
                other => {
                    let ident = private_ident!(name.clone());
                    items.push(ModuleItem::Stmt(constant(ident.clone(), other)));
                    ident
                }
            };
            specifiers.push(ExportSpecifier::Named(ExportNamedSpecifier {
                span: DUMMY_SP,
                exported: Some(exported_name(name)),
                orig: ModuleExportName::Ident(local),
                is_type_only: false,
            }));
        }
        for star in &self.bound.entry_stars {
            let source = Box::new(star.as_str().into());
            let export = ExportAll { span: DUMMY_SP, src: source, type_only: false, with: None };
            items.push(ModuleDecl::ExportAll(export).into());
        }
        let list = NamedExport { span: DUMMY_SP, specifiers, src: None, type_only: false, with: None };
        items.push(ModuleDecl::ExportNamed(list).into());
        items
    }

    fn namespaces(&mut self) -> BTreeMap<usize, Stmt> {
        let mut written = BTreeMap::new();
        loop {
            let wanted = self.rewrite.requests.namespaces();
            let next = wanted.iter().find(|(module, _)| !written.contains_key(*module));
            let Some((module, ident)) = next.map(|(module, ident)| (*module, ident.clone())) else {
                return written;
            };
            let value = self.namespace(module);
            written.insert(module, constant(ident, value));
        }
    }

    /// An object with a getter for each export, so that bindings stay alive and unset ones fail.
    fn namespace(&mut self, module: usize) -> Expr {
        let exports = self.rewrite.exports_of(module).clone();
        let mut getters = ObjectLit::default();
        for (name, binding) in &exports {
            let read = self.rewrite.expression(binding, DUMMY_SP).into_lazy_arrow(Vec::new());
            let pair = KeyValueProp { key: key(name), value: Box::new(read.into()) };
            getters.props.push(PropOrSpread::Prop(Box::new(pair.into())));
        }
        let mut arguments = vec![getters.into()];
        for external in external_stars(self.graph, module) {
            let what = super::module::What::Namespace;
            arguments.push(self.rewrite.requests.external_binding(&external, &what).into());
        }
        if self.graph.modules[module].has_any_key {
            let default = self.graph.modules[module].default.to_id();
            arguments.push(self.rewrite.local(module, &default, DUMMY_SP));
        }
        self.graph.runtime.call("namespace", arguments)
    }

    fn dynamic(&mut self) -> Dynamic {
        let mut dynamic = Dynamic::default();
        let mut waiting: BTreeMap<usize, Ident> = BTreeMap::new();
        for index in &self.order.lazy {
            let module = private_ident!(stem(&self.graph.modules[*index].name));
            dynamic.top.extend(self.waiting(*index, module.clone()));
            waiting.insert(*index, module);
        }
        for (target, load) in &self.order.loads {
            let name = &self.graph.modules[*target].name;
            let function = self.rewrite.requests.dynamic(*target, name);
            let namespace = self.rewrite.namespace(*target, DUMMY_SP).into_lazy_arrow(Vec::new());
            let runtime = &self.graph.runtime;
            let is_running = load.is_empty() && !self.graph.modules[*target].is_data;
            let body = if is_running {
                // It runs anyway: wait until it has.
                let evaluation = private_ident!(format!("{}_evaluation", stem(name)));
                dynamic.top.push(constant(evaluation.clone(), runtime.call("evaluation", Vec::new())));
                let method =
                    |name: &str| evaluation.clone().make_member(IdentName::new(name.into(), DUMMY_SP));
                dynamic.ends.insert(*target, method("end").as_call(DUMMY_SP, Vec::new()).into_stmt());
                let then = method("ended").make_member(IdentName::new("then".into(), DUMMY_SP));
                then.as_call(DUMMY_SP, vec![namespace.as_arg()])
            } else {
                let modules = load.iter().filter_map(|index| waiting.get(index).cloned());
                let elems = modules.map(|module| Some(module.as_arg())).collect();
                runtime.call("load", vec![ArrayLit { span: DUMMY_SP, elems }.into(), namespace.into()])
            };
            dynamic.top.push(constant(function, body.into_lazy_arrow(Vec::new()).into()));
        }
        dynamic
    }

    /// A module that waits, as a constant, and the variable that shows its bindings.
    fn waiting(&mut self, index: usize, ident: Ident) -> Vec<Stmt> {
        let module = &self.graph.modules[index];
        let Flat { naming, mut statements } = std::mem::take(&mut self.bodies[index]);
        let mut variables = vec![self.rewrite.requests.scope(index, &module.name)];
        if module.has_any_key {
            let namespace = self.rewrite.namespace(index, DUMMY_SP);
            let target = SimpleAssignTarget::Ident(namespace.clone().into());
            let value = self.namespace(index);
            statements.push(value.make_assign_to(AssignOp::Assign, target.into()).into_stmt());
            variables.push(namespace);
        }
        let own = |export: &Export| match export {
            Export::Local(id) if !module.imports.contains_key(id) => Some(id.clone()),
            _ => None,
        };
        let ids: BTreeSet<Id> = module.exports.values().filter_map(own).collect();
        let bindings: Vec<Ident> = ids.iter().map(|id| self.rewrite.own(id)).collect();
        let generator = generator(variables[0].clone(), &bindings, naming, statements);
        vec![declared(variables), constant(ident, self.graph.runtime.call("lazy", vec![generator]))]
    }
}

fn declared(names: Vec<Ident>) -> Stmt {
    let declarator = |name: Ident| VarDeclarator {
        span: DUMMY_SP,
        name: Pat::Ident(name.into()),
        init: None,
        definite: false,
    };
    let decls = names.into_iter().map(declarator).collect();
    VarDecl { kind: VarDeclKind::Let, decls, ..VarDecl::default() }.into()
}

#[derive(Default)]
struct Dynamic {
    /// What stands before any module.
    top: Vec<Stmt>,
    /// What stands behind a module for whom an `import()` may wait.
    ends: BTreeMap<usize, Stmt>,
}

pub fn constant(name: Ident, value: Expr) -> Stmt {
    let declarator = VarDeclarator {
        span: value.span(),
        name: Pat::Ident(name.into()),
        init: Some(Box::new(value)),
        definite: false,
    };
    VarDecl { kind: VarDeclKind::Const, decls: vec![declarator], ..VarDecl::default() }.into()
}

fn exported_name(name: &Atom) -> ModuleExportName {
    // Keywords are fine as names of exports.
    let is_name = name
        .chars()
        .enumerate()
        .all(|(at, c)| if at == 0 { Ident::is_valid_start(c) } else { Ident::is_valid_continue(c) });
    if is_name {
        ModuleExportName::Ident(Ident::new_no_ctxt(name.clone(), DUMMY_SP))
    } else {
        ModuleExportName::Str(name.clone().into())
    }
}

fn key(name: &Atom) -> PropName {
    let text: Str = name.clone().into();
    if *name == "__proto__" {
        return PropName::Computed(ComputedPropName {
            span: DUMMY_SP,
            expr: Box::new(Expr::Lit(Lit::Str(text))),
        });
    }
    match exported_name(name) {
        ModuleExportName::Ident(ident) => PropName::Ident(ident.into()),
        ModuleExportName::Str(_) => PropName::Str(text),
    }
}
