//! Names that are exported twice, or without being declared.

use std::collections::{HashMap, HashSet};

use swc_core::atoms::Atom;
use swc_core::common::Span;
use swc_core::ecma::ast::*;

use super::Findings;
use crate::transpile::names::{self, nearest};

pub(super) fn check(program: &Program, findings: &mut Findings<'_>) {
    let Program::Module(module) = program else { return };
    let declared: HashSet<Atom> = names::top_level(module).collect();
    let mut exported: HashMap<Atom, Span> = HashMap::new();
    let declarations = module.body.iter().filter_map(ModuleItem::as_module_decl);
    for declaration in declarations {
        match declaration {
            ModuleDecl::ExportDecl(export) => {
                for name in names::values(&export.decl) {
                    // Declared twice is another complaint.
                    exported.entry(name.sym).or_insert(name.span);
                }
            }
            ModuleDecl::ExportDefaultDecl(export) if names::has_value(&export.decl) => {
                once(&mut exported, "default".into(), export.span, findings);
            }
            ModuleDecl::ExportDefaultExpr(export) => {
                once(&mut exported, "default".into(), export.span, findings);
            }
            ModuleDecl::ExportNamed(export) if !export.type_only => {
                specifiers(export, &declared, &mut exported, findings);
            }
            _ => {}
        }
    }
}

fn specifiers(
    export: &NamedExport,
    declared: &HashSet<Atom>,
    exported: &mut HashMap<Atom, Span>,
    findings: &mut Findings<'_>,
) {
    for specifier in &export.specifiers {
        if let ExportSpecifier::Named(named) = specifier {
            if named.is_type_only {
                continue;
            }
            let local = named.orig.atom().into_owned();
            if export.src.is_none() && !declared.contains(&local) {
                let message = format!("`{local}` is exported, but this file does not declare it");
                let hint = nearest(&local, declared.iter().map(|name| &**name));
                let hint = hint.map(|name| format!("did you mean `{name}`?"));
                findings.add(named.span, "undeclared-export", message, hint);
            }
        }
        let (name, span) = names::exported_as(specifier);
        once(exported, name, span, findings);
    }
}

fn once(exported: &mut HashMap<Atom, Span>, name: Atom, span: Span, findings: &mut Findings<'_>) {
    let Some(first) = exported.get(&name) else {
        exported.insert(name, span);
        return;
    };
    let hint = format!("the first time is in {}", findings.spot(*first));
    let message = match &*name {
        "default" => "the file has two default exports".to_owned(),
        name => format!("`{name}` is exported twice"),
    };
    findings.add(span, "duplicate-export", message, Some(hint));
}
