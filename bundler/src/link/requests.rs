//! What the modules of a script ask of the isolate, and of one another by `import()`: merged, and named once.

use std::collections::BTreeMap;

use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::private_ident;

use super::module::{What, stem};

#[derive(Debug, Default)]
pub struct Requests {
    /// Modules of the isolate, and the bindings taken from each.
    externals: BTreeMap<String, BTreeMap<What, Ident>>,
    /// Modules whose namespace is needed as an object.
    namespaces: BTreeMap<usize, Ident>,
    /// Modules that an `import()` asks for, and the function that it becomes.
    dynamic: BTreeMap<usize, Ident>,
    /// Modules that wait, and the variable that shows their bindings.
    scopes: BTreeMap<usize, Ident>,
}

impl Requests {
    /// An import of a module of the isolate, be it for its effects only.
    pub fn external(&mut self, name: &str) -> &mut BTreeMap<What, Ident> {
        self.externals.entry(name.to_owned()).or_default()
    }

    pub fn external_binding(&mut self, module: &str, what: &What) -> Ident {
        let name = match what {
            What::Name(name) if *name == "default" => format!("{}_default", external_stem(module)),
            What::Name(name) if Ident::verify_symbol(name).is_ok() => name.to_string(),
            What::Name(_) => format!("{}_export", external_stem(module)),
            What::Namespace => external_stem(module),
        };
        self.external(module).entry(what.clone()).or_insert_with(|| private_ident!(name)).clone()
    }

    pub fn namespace(&mut self, module: usize, name: &str) -> Ident {
        let ident = || private_ident!(format!("{}_exports", stem(name)));
        self.namespaces.entry(module).or_insert_with(ident).clone()
    }

    pub fn dynamic(&mut self, module: usize, name: &str) -> Ident {
        let ident = || private_ident!(format!("import_{}", stem(name)));
        self.dynamic.entry(module).or_insert_with(ident).clone()
    }

    pub fn scope(&mut self, module: usize, name: &str) -> Ident {
        let ident = || private_ident!(format!("{}_scope", stem(name)));
        self.scopes.entry(module).or_insert_with(ident).clone()
    }

    pub fn namespaces(&self) -> &BTreeMap<usize, Ident> {
        &self.namespaces
    }

    pub fn external_names(&self) -> Vec<String> {
        self.externals.keys().cloned().collect()
    }

    /// One import per module, and another for its namespace.
    pub fn imports(&self) -> Vec<ModuleItem> {
        let mut items = Vec::new();
        for (module, bindings) in &self.externals {
            let (namespaces, names): (Vec<_>, Vec<_>) =
                bindings.iter().partition(|(what, _)| **what == What::Namespace);
            if !names.is_empty() || namespaces.is_empty() {
                let specifiers = names.into_iter().map(|(what, local)| specifier(what, local)).collect();
                items.push(import(module, specifiers));
            }
            for (what, local) in namespaces {
                items.push(import(module, vec![specifier(what, local)]));
            }
        }
        items
    }
}

fn specifier(what: &What, local: &Ident) -> ImportSpecifier {
    let local = local.clone();
    match what {
        What::Namespace => ImportStarAsSpecifier { span: DUMMY_SP, local }.into(),
        What::Name(name) => {
            let imported = match Ident::verify_symbol(name) {
                Ok(()) => ModuleExportName::Ident(Ident::new_no_ctxt(name.clone(), DUMMY_SP)),
                Err(_) if *name == "default" => {
                    ModuleExportName::Ident(Ident::new_no_ctxt(name.clone(), DUMMY_SP))
                }
                Err(_) => ModuleExportName::Str(name.clone().into()),
            };
            ImportNamedSpecifier { span: DUMMY_SP, local, imported: Some(imported), is_type_only: false }
                .into()
        }
    }
}

fn import(module: &str, specifiers: Vec<ImportSpecifier>) -> ModuleItem {
    let source = Box::new(module.into());
    ModuleDecl::Import(ImportDecl {
        span: DUMMY_SP,
        specifiers,
        src: source,
        type_only: false,
        with: None,
        phase: ImportPhase::Evaluation,
    })
    .into()
}

/// `node:fs/promises` gives `promises`.
fn external_stem(module: &str) -> String {
    stem(module.rsplit([':', '/']).next().unwrap_or(module))
}
