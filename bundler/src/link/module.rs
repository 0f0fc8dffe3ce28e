//! One module on its way into the script: its tree, and what it imports and exports.

use std::collections::{BTreeMap, HashMap, HashSet};

use swc_core::atoms::Atom;
use swc_core::common::{BytePos, Mark, Span, Spanned, SyntaxContext};
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::private_ident;

use crate::transpile::names;

/// A request as a module writes it: the specifier and the `type` of its attributes.
pub type Request = (String, Option<String>);

/// What an import takes from a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    Name(Atom),
    Namespace,
}

#[derive(Clone, Debug)]
pub struct Import {
    pub request: Request,
    pub what: What,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub enum Export {
    /// A binding of the module itself, or one that it imports.
    Local(Id),
    From(Import),
    /// Of a data module: a property of its value.
    Key,
}

/// Where a request leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum To {
    Module(usize),
    External(String),
}

pub struct Module {
    pub name: String,
    /// Where the file begins among the positions of the source map.
    pub start: BytePos,
    pub typescript: bool,
    /// It is a value and evaluates nothing.
    pub is_data: bool,
    /// Data of which every export may be asked.
    pub has_any_key: bool,
    pub body: Vec<ModuleItem>,
    pub top_level: SyntaxContext,
    /// What is asked for before the module runs, in order.
    pub requests: Vec<Request>,
    /// What an `import()` asks for.
    pub dynamic: Vec<Request>,
    pub to: HashMap<Request, To>,
    pub imports: HashMap<Id, Import>,
    pub exports: BTreeMap<Atom, Export>,
    pub stars: Vec<(Request, Span)>,
    /// Exports that are types and gone.
    pub types: HashSet<Atom>,
    /// What `export default` of something without a name is bound to.
    pub default: Ident,
}

impl Module {
    pub fn new(name: &str, start: BytePos, top_level: Mark, body: Vec<ModuleItem>) -> Module {
        let mut module = Module {
            name: name.to_owned(),
            start,
            typescript: false,
            is_data: false,
            has_any_key: false,
            body: Vec::new(),
            top_level: SyntaxContext::empty().apply_mark(top_level),
            requests: Vec::new(),
            dynamic: Vec::new(),
            to: HashMap::new(),
            imports: HashMap::new(),
            exports: BTreeMap::new(),
            stars: Vec::new(),
            types: HashSet::new(),
            default: private_ident!(format!("{}_default", stem(name))),
        };
        for declaration in body.iter().filter_map(ModuleItem::as_module_decl) {
            module.declared(declaration);
        }
        module.body = body;
        module
    }

    fn request(&mut self, specifier: &Str, with: Option<&ObjectLit>) -> Request {
        let of_type = with.and_then(crate::transpile::attribute_type);
        let request = (specifier.value.to_string_lossy().into_owned(), of_type);
        if !self.requests.contains(&request) {
            self.requests.push(request.clone());
        }
        request
    }

    fn declared(&mut self, declaration: &ModuleDecl) {
        match declaration {
            ModuleDecl::Import(import) => self.imported(import),
            ModuleDecl::ExportDecl(export) => {
                for name in names::values(&export.decl) {
                    self.export(name.sym.clone(), Export::Local(name.to_id()));
                }
            }
            ModuleDecl::ExportDefaultDecl(export) => {
                let ident = match &export.decl {
                    DefaultDecl::Class(class) => class.ident.as_ref(),
                    DefaultDecl::Fn(function) => function.ident.as_ref(),
                    DefaultDecl::TsInterfaceDecl(_) => return,
                };
                let id = ident.unwrap_or(&self.default).to_id();
                self.export("default".into(), Export::Local(id));
            }
            ModuleDecl::ExportDefaultExpr(_) => {
                self.export("default".into(), Export::Local(self.default.to_id()));
            }
            ModuleDecl::ExportNamed(export) => self.exported(export),
            ModuleDecl::ExportAll(export) => {
                let request = self.request(&export.src, export.with.as_deref());
                self.stars.push((request, export.src.span));
            }
            // Types and CommonJS: nothing that a lowered module has.
            ModuleDecl::TsImportEquals(_)
            | ModuleDecl::TsExportAssignment(_)
            | ModuleDecl::TsNamespaceExport(_) => {}
        }
    }

    fn imported(&mut self, import: &ImportDecl) {
        let request = self.request(&import.src, import.with.as_deref());
        for specifier in &import.specifiers {
            let what = match specifier {
                ImportSpecifier::Named(named) => {
                    let imported = named.imported.as_ref();
                    What::Name(imported.map_or(named.local.sym.clone(), |name| name.atom().into_owned()))
                }
                ImportSpecifier::Default(_) => What::Name("default".into()),
                ImportSpecifier::Namespace(_) => What::Namespace,
            };
            let import = Import { request: request.clone(), what, span: specifier.span() };
            self.imports.insert(specifier.local().to_id(), import);
        }
    }

    fn exported(&mut self, export: &NamedExport) {
        let request = export.src.as_ref().map(|source| self.request(source, export.with.as_deref()));
        for specifier in &export.specifiers {
            let (name, _) = names::exported_as(specifier);
            let what = match specifier {
                ExportSpecifier::Named(named) => What::Name(named.orig.atom().into_owned()),
                ExportSpecifier::Namespace(_) => What::Namespace,
                ExportSpecifier::Default(_) => What::Name("default".into()),
            };
            let value = match (&request, specifier) {
                (Some(request), _) => {
                    Export::From(Import { request: request.clone(), what, span: specifier.span() })
                }
                (
                    None,
                    ExportSpecifier::Named(ExportNamedSpecifier {
                        orig: ModuleExportName::Ident(local), ..
                    }),
                ) => Export::Local(local.to_id()),
                // `export {"a b"}` without `from` is a syntax error.
                (None, _) => continue,
            };
            self.export(name, value);
        }
    }

    fn export(&mut self, name: Atom, export: Export) {
        self.exports.insert(name, export);
    }
}

/// A file's name as part of an identifier: `lib/word-count.ts` gives `word_count`.
pub fn stem(name: &str) -> String {
    let base = name.rsplit('/').next().unwrap_or(name);
    let base = base.split('.').find(|part| !part.is_empty()).unwrap_or("module");
    let mut stem: String =
        base.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if stem.starts_with(|c: char| c.is_ascii_digit()) {
        stem.insert(0, '_');
    }
    stem
}
