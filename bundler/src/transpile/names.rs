//! Names that modules declare and export, and which of them an author may have meant.

use std::collections::HashSet;

use swc_core::atoms::Atom;
use swc_core::common::{Span, Spanned};
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::for_each_binding_ident;

/// Everything that a module's top level declares: values, types and imports.
pub fn top_level(module: &Module) -> impl Iterator<Item = Atom> {
    module.body.iter().flat_map(|item| match item {
        ModuleItem::Stmt(Stmt::Decl(declaration)) => of_declaration(declaration),
        ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => of_declaration(&export.decl),
        ModuleItem::ModuleDecl(ModuleDecl::Import(import)) => {
            import.specifiers.iter().map(|specifier| specifier.local().sym.clone()).collect()
        }
        ModuleItem::ModuleDecl(ModuleDecl::TsImportEquals(import)) => vec![import.id.sym.clone()],
        ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) => match &export.decl {
            DefaultDecl::Class(class) => class.ident.iter().map(|ident| ident.sym.clone()).collect(),
            DefaultDecl::Fn(function) => function.ident.iter().map(|ident| ident.sym.clone()).collect(),
            DefaultDecl::TsInterfaceDecl(interface) => vec![interface.id.sym.clone()],
        },
        // `var` in a block at the top level.
        ModuleItem::Stmt(statement) => hoisted(statement),
        _ => Vec::new(),
    })
}

fn of_declaration(declaration: &Decl) -> Vec<Atom> {
    match declaration {
        Decl::TsInterface(interface) => vec![interface.id.sym.clone()],
        Decl::TsTypeAlias(alias) => vec![alias.id.sym.clone()],
        Decl::TsModule(namespace) => {
            namespace.id.as_ident().map(|ident| ident.sym.clone()).into_iter().collect()
        }
        Decl::Using(using) => {
            let mut names = Vec::new();
            for_each_binding_ident(&using.decls, |binding| names.push(binding.id.sym.clone()));
            names
        }
        Decl::Class(class) => vec![class.ident.sym.clone()],
        Decl::Fn(function) => vec![function.ident.sym.clone()],
        Decl::TsEnum(declaration) => vec![declaration.id.sym.clone()],
        Decl::Var(variables) => bound(variables).into_iter().map(|ident| ident.sym).collect(),
    }
}

fn hoisted(statement: &Stmt) -> Vec<Atom> {
    swc_core::ecma::utils::extract_var_ids(statement).into_iter().map(|ident| ident.sym).collect()
}

fn bound(variables: &VarDecl) -> Vec<Ident> {
    let mut names = Vec::new();
    for_each_binding_ident(&variables.decls, |binding| names.push(binding.id.clone()));
    names
}

/// The names that exist at run time; a namespace may turn out to hold types only.
pub fn values(declaration: &Decl) -> Vec<Ident> {
    match declaration {
        Decl::Class(class) => vec![class.ident.clone()],
        Decl::Fn(function) => vec![function.ident.clone()],
        Decl::Var(variables) => bound(variables),
        Decl::TsEnum(declaration) => vec![declaration.id.clone()],
        Decl::TsModule(namespace) => namespace.id.as_ident().cloned().into_iter().collect(),
        Decl::Using(_) | Decl::TsInterface(_) | Decl::TsTypeAlias(_) => Vec::new(),
    }
}

/// What a module exports that is gone once the types are: a name that is a value too may be among them.
pub fn exported_types(program: &Program) -> HashSet<Atom> {
    let Program::Module(module) = program else { return HashSet::new() };
    let mut declared: HashSet<Atom> = HashSet::new();
    let mut exported: HashSet<Atom> = HashSet::new();
    for item in &module.body {
        match item {
            ModuleItem::Stmt(Stmt::Decl(declaration)) => declared.extend(type_name(declaration)),
            ModuleItem::ModuleDecl(ModuleDecl::ExportDecl(export)) => {
                exported.extend(type_name(&export.decl));
                declared.extend(type_name(&export.decl));
            }
            ModuleItem::ModuleDecl(ModuleDecl::ExportDefaultDecl(export)) if !has_value(&export.decl) => {
                exported.insert("default".into());
            }
            ModuleItem::ModuleDecl(ModuleDecl::Import(import)) => {
                let is_type = |specifier: &&ImportSpecifier| {
                    import.type_only || specifier.as_named().is_some_and(|named| named.is_type_only)
                };
                let types = import.specifiers.iter().filter(is_type);
                declared.extend(types.map(|specifier| specifier.local().sym.clone()));
            }
            _ => {}
        }
    }
    let named = module.body.iter().filter_map(|item| item.as_module_decl()?.as_export_named());
    for export in named {
        for specifier in &export.specifiers {
            let of_type = export.type_only
                || specifier.as_named().is_some_and(|named| {
                    named.is_type_only || export.src.is_none() && declared.contains(&*named.orig.atom())
                });
            if of_type {
                exported.insert(exported_as(specifier).0);
            }
        }
    }
    exported
}

/// Of a declaration that is gone once the types are.
fn type_name(declaration: &Decl) -> Option<Atom> {
    match declaration {
        Decl::TsInterface(interface) => Some(interface.id.sym.clone()),
        Decl::TsTypeAlias(alias) => Some(alias.id.sym.clone()),
        Decl::TsModule(namespace) => namespace.id.as_ident().map(|ident| ident.sym.clone()),
        Decl::TsEnum(declaration) if declaration.declare || declaration.is_const => {
            Some(declaration.id.sym.clone())
        }
        Decl::Class(class) if class.declare => Some(class.ident.sym.clone()),
        Decl::Fn(function) if function.declare => Some(function.ident.sym.clone()),
        _ => None,
    }
}

/// False for interfaces and for the overloads of a function.
pub fn has_value(declaration: &DefaultDecl) -> bool {
    match declaration {
        DefaultDecl::Class(_) => true,
        DefaultDecl::Fn(function) => function.function.body.is_some(),
        DefaultDecl::TsInterfaceDecl(_) => false,
    }
}

pub fn exported_as(specifier: &ExportSpecifier) -> (Atom, Span) {
    match specifier {
        ExportSpecifier::Named(named) => {
            let name = named.exported.as_ref().unwrap_or(&named.orig);
            (name.atom().into_owned(), name.span())
        }
        ExportSpecifier::Namespace(namespace) => (namespace.name.atom().into_owned(), namespace.span),
        ExportSpecifier::Default(default) => ("default".into(), default.span()),
    }
}

/// The candidate that a misspelt name most likely stands for, if one is near enough.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    let near = candidates.filter(|candidate| *candidate != name);
    let near = near.map(|candidate| (distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate));
    near.filter(|(distance, _)| *distance <= allowed).min().map(|(_, candidate)| candidate)
}

/// Insertions, deletions and replacements that make one of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names() {
        let candidates = ["afterAppend", "reduce", "a", "x1"];
        let near = |name| nearest(name, candidates.into_iter());
        assert_eq!(near("afterApend"), Some("afterAppend"));
        assert_eq!(near("Reduce"), Some("reduce"));
        assert_eq!(near("zzz"), None);
        assert_eq!(near("x2"), Some("x1"));
    }
}
