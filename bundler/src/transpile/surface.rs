//! What a package's module exports that is not its own: another module's export, or all of another module.

use std::collections::HashMap;

use swc_core::atoms::Atom;
use swc_core::common::SourceMap;
use swc_core::common::sync::Lrc;
use swc_core::ecma::ast::*;

use super::source::{Language, Source};
use super::{names, nesting, syntax};

/// What an exported name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Whatever the module itself makes of it.
    Own,
    /// All exports of another module, as an object.
    Namespace(String),
    /// This export of another module.
    Export { specifier: String, name: String },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    pub names: HashMap<String, Origin>,
    /// `export * from`.
    pub stars: Vec<String>,
}

/// None of a text that is no ES module, or that cannot be read.
pub fn surface(name: &str, text: &str) -> Option<Surface> {
    let language = Language { typescript: false, jsx: false, commonjs: false, ..Language::of("a.js")? };
    nesting::check(&Source::new(name, text), false).ok()?;
    let map: Lrc<SourceMap> = Lrc::default();
    let parsed = syntax::parse(&map, name, text, language).ok()?;
    let Program::Module(module) = parsed.program else { return None };
    let declarations = || module.body.iter().filter_map(ModuleItem::as_module_decl);
    declarations().next()?;
    // An import may stand behind the export of what it binds.
    let imported: HashMap<Atom, Origin> =
        declarations().filter_map(ModuleDecl::as_import).flat_map(imported).collect();
    let mut surface = Surface::default();
    declarations().for_each(|declaration| surface.add(declaration, &imported));
    Some(surface)
}

fn imported(import: &ImportDecl) -> impl Iterator<Item = (Atom, Origin)> {
    import.specifiers.iter().map(|specifier| {
        let named = |name: String| Origin::Export { specifier: text(&import.src), name };
        let origin = match specifier {
            // What attributes make of a file is not looked into.
            _ if import.with.is_some() => Origin::Own,
            ImportSpecifier::Namespace(_) => Origin::Namespace(text(&import.src)),
            ImportSpecifier::Default(_) => named("default".to_owned()),
            ImportSpecifier::Named(one) => named(super::narrowing::imported_name(one)),
        };
        (specifier.local().sym.clone(), origin)
    })
}

impl Surface {
    fn add(&mut self, declaration: &ModuleDecl, imported: &HashMap<Atom, Origin>) {
        let of_local = |name: &Atom| imported.get(name).cloned().unwrap_or(Origin::Own);
        match declaration {
            ModuleDecl::ExportDecl(export) => {
                let own = names::values(&export.decl).into_iter().map(|it| (it.sym.to_string(), Origin::Own));
                self.names.extend(own);
            }
            ModuleDecl::ExportDefaultExpr(export) => {
                let origin = export.expr.as_ident().map_or(Origin::Own, |name| of_local(&name.sym));
                self.names.insert("default".to_owned(), origin);
            }
            ModuleDecl::ExportDefaultDecl(_) => drop(self.names.insert("default".to_owned(), Origin::Own)),
            ModuleDecl::ExportAll(export) => self.stars.push(text(&export.src)),
            ModuleDecl::ExportNamed(export) => {
                for specifier in &export.specifiers {
                    let origin = match (specifier, export.src.as_deref()) {
                        _ if export.with.is_some() => Origin::Own,
                        (ExportSpecifier::Namespace(_), Some(source)) => Origin::Namespace(text(source)),
                        (ExportSpecifier::Named(one), Some(source)) => {
                            Origin::Export { specifier: text(source), name: one.orig.atom().to_string() }
                        }
                        (ExportSpecifier::Named(one), None) => of_local(&one.orig.atom()),
                        _ => Origin::Own,
                    };
                    self.names.insert(names::exported_as(specifier).0.to_string(), origin);
                }
            }
            _ => {}
        }
    }
}

fn text(specifier: &Str) -> String {
    specifier.value.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Origin, surface};

    #[test]
    fn origins() {
        let export = |specifier: &str, name: &str| Origin::Export {
            specifier: specifier.to_owned(),
            name: name.to_owned(),
        };
        let space = |specifier: &str| Origin::Namespace(specifier.to_owned());
        let cases = [
            ("export { a }; import * as a from './x'", "a", Some(space("./x"))),
            ("import * as a from './x'; export default a", "default", Some(space("./x"))),
            ("export * as a from './x'", "a", Some(space("./x"))),
            ("export { b as a } from './x'", "a", Some(export("./x", "b"))),
            ("import { b as c } from './x'; export { c as a }", "a", Some(export("./x", "b"))),
            ("import a from './x'; export { a }", "a", Some(export("./x", "default"))),
            ("import * as a from './x' with { type: 'json' }; export { a }", "a", Some(Origin::Own)),
            ("export const a = 1", "a", Some(Origin::Own)),
            ("export default function a() {}", "default", Some(Origin::Own)),
            ("import * as b from './x'; export default b.c", "default", Some(Origin::Own)),
            ("export * from './x'", "a", None),
        ];
        for (text, name, expected) in cases {
            assert_eq!(surface("a.js", text).unwrap().names.get(name), expected.as_ref(), "{text}");
        }
        assert_eq!(surface("a.js", "export * from './x'").unwrap().stars, ["./x"]);
        for text in ["exports.a = 1", "export {", ""] {
            assert_eq!(surface("a.js", text), None, "{text}");
        }
    }
}
