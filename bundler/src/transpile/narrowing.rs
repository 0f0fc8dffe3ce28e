//! `import { z } from "zod"`, where `z` is all of another module: as `import * as z from` that module. It means the
//! same, and lets a linker leave out what nobody names of it.

use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::*;

/// The module whose namespace an import gives, by the specifier and the name in it; none where it gives anything else.
pub type Namespaces<'a> = &'a (dyn Fn(&str, &str) -> Option<String> + Sync);

/// Needs a tree from which types, and imports that only they used, are gone.
pub(super) fn narrow(program: &mut Program, namespaces: Namespaces<'_>) {
    let Program::Module(module) = program else { return };
    let mut body = Vec::with_capacity(module.body.len());
    for item in std::mem::take(&mut module.body) {
        match item {
            ModuleItem::ModuleDecl(ModuleDecl::Import(import)) if import.with.is_none() => {
                let split = split(import, namespaces);
                body.extend(split.map(|import| ModuleItem::ModuleDecl(ModuleDecl::Import(import))));
            }
            other => body.push(other),
        }
    }
    module.body = body;
}

fn split(mut import: ImportDecl, namespaces: Namespaces<'_>) -> impl Iterator<Item = ImportDecl> {
    let source = import.src.value.to_string_lossy().into_owned();
    let span = import.span;
    let (mut kept, mut found) = (Vec::new(), Vec::new());
    for specifier in std::mem::take(&mut import.specifiers) {
        let name = match &specifier {
            ImportSpecifier::Named(named) if !named.is_type_only => imported_name(named),
            ImportSpecifier::Default(_) => "default".to_owned(),
            _ => {
                kept.push(specifier);
                continue;
            }
        };
        match namespaces(&source, &name) {
            Some(module) => found.push((specifier.local().clone(), module)),
            None => kept.push(specifier),
        }
    }
    import.specifiers = kept;
    // One that named nothing is there for what the module does; one that has lost its names is not.
    let rest = (found.is_empty() || !import.specifiers.is_empty()).then_some(import);
    let found = found.into_iter().map(move |(local, module)| ImportDecl {
        span,
        specifiers: vec![ImportSpecifier::Namespace(ImportStarAsSpecifier { span: local.span, local })],
        src: Box::new(Str { span: DUMMY_SP, value: module.into(), raw: None }),
        type_only: false,
        with: None,
        phase: ImportPhase::Evaluation,
    });
    rest.into_iter().chain(found)
}

/// The name in the other module.
pub(super) fn imported_name(specifier: &ImportNamedSpecifier) -> String {
    match &specifier.imported {
        Some(name) => name.atom().to_string(),
        None => specifier.local.sym.to_string(),
    }
}
