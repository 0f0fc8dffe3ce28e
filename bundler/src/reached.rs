//! What a file on this machine leads to: the author's files that it imports, also those that only types use, and what
//! these import in turn. Packages are left out; whether any is asked for is told.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use oxc_resolver::Resolver;
use swc_core::common::SourceMap;
use swc_core::common::sync::Lrc;
use swc_core::ecma::ast::*;
use swc_core::ecma::visit::{Visit, VisitWith};

use crate::install::PROVIDED;
use crate::limits::{FILE_BYTES_MAX, FILES_MAX};
use crate::project::{is_code, is_declaration};
use crate::resolve;
use crate::transpile::{compile, literal, readable, syntax};
use crate::tree::split_name;

#[derive(Debug, Default)]
pub struct Reached {
    /// By their places on this machine, links followed; the entry is one of them.
    pub files: BTreeMap<PathBuf, String>,
    /// An import leads to none of the author's files.
    pub needs_packages: bool,
}

/// What the processor of a file calls itself, if its text says so.
pub fn own_slug(name: &str, text: &str) -> Option<String> {
    Asked::of(name, text).slug
}

/// What is missing or cannot be understood is left for the build to tell about; what is there has to be text. Ends at a
/// number of files that no build takes.
pub fn reached(entry: &Path) -> io::Result<Reached> {
    let entry = fs::canonicalize(entry)?;
    let mut found = Reached::default();
    // What a tsconfig.json somewhere above says may be unreadable; the second does without it.
    let resolvers = [true, false].map(|with_tsconfig| Resolver::new(resolve::author_on_disk(with_tsconfig)));
    let asked = found.take(&entry, text_of(&entry)?);
    let mut waiting = VecDeque::from([(entry, asked)]);
    while let Some((importer, asked)) = waiting.pop_front() {
        for specifier in asked.specifiers {
            let mut looked_up = resolvers.iter().map(|resolver| look_up(resolver, &importer, &specifier));
            let Some(path) = looked_up.find_map(|path| path.filter(|path| !is_installed(path))) else {
                found.needs_packages |= is_foreign(&specifier);
                continue;
            };
            for path in [Some(path.clone()), declarations_of(&path)].into_iter().flatten() {
                if found.files.contains_key(&path) || found.files.len() > FILES_MAX {
                    continue;
                }
                let asked = found.take(&path, text_of(&path)?);
                waiting.push_back((path, asked));
            }
        }
    }
    Ok(found)
}

impl Reached {
    fn take(&mut self, path: &Path, text: String) -> Asked {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let asked =
            if is_code(&name) || is_declaration(&name) { Asked::of(&name, &text) } else { Asked::default() };
        self.files.insert(path.to_path_buf(), text);
        asked
    }
}

fn look_up(resolver: &Resolver, importer: &Path, specifier: &str) -> Option<PathBuf> {
    let found = resolver.resolve_file(importer, specifier).ok()?;
    Some(found.path().to_path_buf())
}

fn is_installed(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "node_modules")
}

/// Neither a path nor something that the server brings along.
fn is_foreign(specifier: &str) -> bool {
    let is_path = specifier.starts_with(['.', '/', '#']);
    !is_path && !specifier.starts_with("node:") && !PROVIDED.contains(&split_name(specifier).0)
}

/// `words.d.ts` beside `words.js`.
fn declarations_of(path: &Path) -> Option<PathBuf> {
    let typed = match path.extension()?.to_str()? {
        "js" | "jsx" => "d.ts",
        "mjs" => "d.mts",
        "cjs" => "d.cts",
        _ => return None,
    };
    Some(path.with_extension(typed)).filter(|path| path.is_file())
}

/// The error names the file, which need not be the one that somebody has asked for.
fn text_of(path: &Path) -> io::Result<String> {
    let named = |why: String| io::Error::other(format!("{}: {why}", path.display()));
    let size = fs::metadata(path).map_err(|error| named(error.to_string()))?.len();
    if size > FILE_BYTES_MAX as u64 {
        return Err(named(format!("it has {size} bytes; a file may have {FILE_BYTES_MAX}")));
    }
    fs::read_to_string(path).map_err(|error| named(format!("it is no text ({error})")))
}

/// What one file says.
#[derive(Debug, Default)]
struct Asked {
    specifiers: Vec<String>,
    slug: Option<String>,
}

impl Asked {
    /// Of a file with mistakes as much as can be read.
    fn of(name: &str, text: &str) -> Asked {
        let read = compile(name, || {
            let (_, language) = readable(name, text)?;
            let map: Lrc<SourceMap> = Lrc::default();
            let mut asked = Asked { specifiers: references(text), slug: None };
            if let Ok(parsed) = syntax::parse(&map, name, text, language) {
                parsed.program.visit_with(&mut asked);
            }
            Ok(asked)
        });
        read.unwrap_or_default()
    }

    fn ask_literally(&mut self, argument: &Expr) {
        literal(argument).iter().for_each(|specifier| self.ask(specifier));
    }

    fn ask(&mut self, specifier: &Str) {
        self.specifiers.push(specifier.value.to_string_lossy().into_owned());
    }
}

/// `/// <reference path="…" />`
fn references(text: &str) -> Vec<String> {
    let path = |line: &str| {
        let (_, rest) = line.strip_prefix("///")?.split_once("path=")?;
        let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let path = rest[1..].split(quote).next()?;
        Some(if path.starts_with('.') { path.to_owned() } else { format!("./{path}") })
    };
    text.lines()
        .filter(|line| line.contains("<reference"))
        .filter_map(|line| path(line.trim_start()))
        .collect()
}

impl Visit for Asked {
    fn visit_import_decl(&mut self, import: &ImportDecl) {
        self.ask(&import.src);
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        export.src.iter().for_each(|specifier| self.ask(specifier));
    }

    fn visit_export_all(&mut self, export: &ExportAll) {
        self.ask(&export.src);
    }

    fn visit_ts_import_type(&mut self, import: &TsImportType) {
        import.visit_children_with(self);
        self.ask(&import.arg);
    }

    fn visit_ts_external_module_ref(&mut self, module: &TsExternalModuleRef) {
        self.ask(&module.expr);
    }

    fn visit_export_default_expr(&mut self, export: &ExportDefaultExpr) {
        export.visit_children_with(self);
        self.slug = self.slug.take().or_else(|| slug_in(&export.expr));
    }

    fn visit_call_expr(&mut self, call: &CallExpr) {
        call.visit_children_with(self);
        let Some(argument) = call.args.first() else { return };
        match &call.callee {
            Callee::Import(_) => self.ask_literally(&argument.expr),
            Callee::Expr(callee) => match callee.as_ident().map(|name| &*name.sym) {
                Some("require") => self.ask_literally(&argument.expr),
                Some("defineProcessor") => {
                    self.slug = self.slug.take().or_else(|| slug_in(&argument.expr));
                }
                _ => {}
            },
            Callee::Super(_) => {}
        }
    }
}

/// The `slug` of a definition, or of what makes one.
fn slug_in(definition: &Expr) -> Option<String> {
    match definition {
        Expr::Object(object) => object.props.iter().find_map(|property| {
            let pair = property.as_prop()?.as_key_value()?;
            let is_slug = pair.key.as_ident().is_some_and(|key| &*key.sym == "slug");
            let text = literal(&pair.value).filter(|_| is_slug)?;
            Some(text.value.to_string_lossy().into_owned())
        }),
        Expr::Paren(inner) => slug_in(&inner.expr),
        Expr::TsSatisfies(inner) => slug_in(&inner.expr),
        Expr::TsAs(inner) => slug_in(&inner.expr),
        Expr::Arrow(ArrowExpr { body, .. }) => match &**body {
            ArrowFunctionBody::Expr(made) => slug_in(made),
            ArrowFunctionBody::FunctionBody(body) => slug_returned(body),
        },
        Expr::Fn(FnExpr { function, .. }) => slug_returned(function.body.as_ref()?),
        _ => None,
    }
}

fn slug_returned(body: &FunctionBody) -> Option<String> {
    body.stmts.iter().rev().find_map(|statement| slug_in(statement.as_return_stmt()?.arg.as_deref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files, the entry first; then the names reached, whether packages are needed, and the slug.
    type Case =
        (&'static [(&'static str, &'static str)], &'static [&'static str], bool, Option<&'static str>);

    const CASES: &[Case] = &[
        (&[("a.js", "export default {}"), ("b.js", "")], &["a.js"], false, None),
        (
            &[
                (
                    "x/a.ts",
                    "import { b } from './b.ts'; import type { T } from '../types'; export * from './c.js'",
                ),
                ("x/b.ts", "export const b = import('./d')"),
                ("x/c.ts", "import z from 'zod'; import './a'"),
                ("x/d/index.tsx", "const e = require('../e.json')"),
                ("x/e.json", "{}"),
                ("types.d.ts", ""),
                ("x/unused.ts", ""),
            ],
            &["types.d.ts", "x/a.ts", "x/b.ts", "x/c.ts", "x/d/index.tsx", "x/e.json"],
            true,
            None,
        ),
        (
            &[
                (
                    "a.ts",
                    "import text from './p.md' with { type: 'text' }; let x: import('./t').T; import m from './m.mjs'",
                ),
                ("p.md", "import './no.ts'"),
                ("t.ts", "import e = require('./e'); /* at the end */"),
                ("e.cts", ""),
                ("m.mjs", ""),
                ("m.d.mts", ""),
            ],
            &["a.ts", "e.cts", "m.d.mts", "m.mjs", "p.md", "t.ts"],
            false,
            None,
        ),
        (
            &[
                ("a.ts", "import { f } from '@/f'; import 'millrace'; import 'node:fs'; import './gone.ts'"),
                ("tsconfig.json", r#"{ "compilerOptions": { "paths": { "@/*": ["./lib/*"] } } }"#),
                ("lib/f.ts", ""),
            ],
            &["a.ts", "lib/f.ts"],
            false,
            None,
        ),
        (
            &[
                ("a.ts", "import x from 'x'; import './b'"),
                ("tsconfig.json", r#"{ "extends": "@nobody/here" }"#),
                ("node_modules/x/index.js", ""),
                ("b.ts", "import {"),
            ],
            &["a.ts", "b.ts"],
            true,
            None,
        ),
        (
            &[
                (
                    "a.ts",
                    "/// <reference path='g.d.ts' />\nexport const p = defineProcessor(() => ({ slug: 'agent' }))",
                ),
                ("g.d.ts", ""),
            ],
            &["a.ts", "g.d.ts"],
            false,
            Some("agent"),
        ),
        (
            &[(
                "a.ts",
                "const a = { slug: 'no' }; export default defineProcessor(() => { const b = 1; return { slug: `yes` } })",
            )],
            &["a.ts"],
            false,
            Some("yes"),
        ),
        (
            &[("a.js", "export default { slug: 'mine', reduce() { return { slug: 'no' } } }")],
            &["a.js"],
            false,
            Some("mine"),
        ),
    ];

    #[test]
    fn what_is_no_text_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [("b.ts", vec![0xff, 0xfe]), ("c.txt", vec![b' '; FILE_BYTES_MAX + 1])] {
            fs::write(folder.path().join(name), bytes).unwrap();
            let entry = folder.path().join("a.ts");
            fs::write(&entry, format!("import './{name}'")).unwrap();
            let message = reached(&entry).unwrap_err().to_string();
            assert!(message.contains(name) && !message.contains("a.ts"), "{message}");
        }
    }

    #[test]
    fn what_files_lead_to() {
        for (files, expected, needs_packages, slug) in CASES {
            let folder = tempfile::tempdir().unwrap();
            let root = fs::canonicalize(folder.path()).unwrap();
            for (name, text) in *files {
                fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
                fs::write(root.join(name), text).unwrap();
            }
            let found = reached(&root.join(files[0].0)).unwrap();
            let names = found.files.keys().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap());
            assert_eq!(names.collect::<Vec<_>>(), *expected, "{files:?}");
            let own = own_slug(files[0].0, files[0].1);
            assert_eq!((found.needs_packages, own.as_deref()), (*needs_packages, *slug), "{files:?}");
        }
    }
}
