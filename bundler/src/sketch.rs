//! A project looked through with nothing at hand but itself: which modules its entry reaches, what is wrong with them,
//! and whether it needs any package. Everything is told at once, and nothing outside is touched.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::failure::{BundleError, Failure, Stage};
use crate::install::{self, PROVIDED, PROVIDED_EXPORTS};
use crate::link::{self, Input, Target, Unresolved};
use crate::linking::sha256;
use crate::manifest::{self, Manifest};
use crate::npm::Installed;
use crate::package::{PackageId, Packages};
use crate::project::{self, is_code, is_declaration};
use crate::resolve::{Kind, Provided, ResolveProblem, Resolved, Resolver, nearest};
use crate::transpile::{self, ComputedImport, Import, ImportKind, Options, Place, TsConfig};
use crate::tree::{AUTHOR, Tree, split_name};
use crate::{Bundle, Diagnostic, Project};

pub struct Sketch {
    pub project: Arc<Project>,
    pub manifest: Option<Manifest>,
    pub entry: String,
    pub options: Options,
    /// What tsconfig.json asks for in vain.
    warnings: Vec<Diagnostic>,
    /// The author's modules that run.
    pub modules: BTreeSet<String>,
    /// Some of them imports a package.
    pub needs_packages: bool,
    /// The names under which package.json declares packages.
    declared: BTreeSet<String>,
}

/// The path of an author's file in the tree.
pub fn author_path(name: &str) -> String {
    format!("{AUTHOR}/{name}")
}

/// The name of an author's file by its path in the tree.
fn author_name(path: &str) -> Option<String> {
    path.strip_prefix(AUTHOR)?.strip_prefix('/').map(str::to_string)
}

fn kind_of(kind: ImportKind) -> Kind {
    match kind {
        ImportKind::Static | ImportKind::Reexport => Kind::Import,
        ImportKind::Dynamic => Kind::DynamicImport,
        ImportKind::Require => Kind::Require,
    }
}

impl Sketch {
    pub fn of(project: Arc<Project>, provided: &Arc<Provided>) -> Result<Sketch, BundleError> {
        let refused = |stage, diagnostics| Err(BundleError::Failed(Failure { stage, diagnostics }));
        let misnamed = project::check(&project);
        if !misnamed.is_empty() {
            return refused(Stage::Parse, misnamed);
        }
        let manifest = match Manifest::of(&project) {
            Ok(manifest) => manifest,
            Err(diagnostic) => return refused(Stage::Parse, vec![diagnostic]),
        };
        let entry = match project::entry(&project, manifest.as_ref().map(|manifest| &manifest.value)) {
            Ok(entry) => entry,
            Err(diagnostic) => return refused(Stage::Parse, vec![diagnostic]),
        };
        let declared = match &manifest {
            Some(manifest) => install::requirements(manifest)?.names().map(str::to_string).collect(),
            None => BTreeSet::new(),
        };
        let TsConfig { options, warnings, .. } = match TsConfig::read(&project.files, "tsconfig.json") {
            Ok(config) => config,
            Err(diagnostics) => return refused(Stage::Parse, diagnostics),
        };
        let mut sketch = Sketch {
            project,
            manifest,
            entry,
            options,
            warnings,
            modules: BTreeSet::new(),
            needs_packages: false,
            declared,
        };
        let mut walk = Walk {
            no_processor: None,
            naming: None,
            resolver: Resolver::new(Arc::new(sketch.tree(&sketch.placeholders())), provided.clone()),
            mistakes: Vec::new(),
            unresolved: Vec::new(),
        };
        walk.follow_all(&mut sketch);
        if !walk.mistakes.is_empty() {
            return refused(Stage::Parse, walk.mistakes);
        }
        if !walk.unresolved.is_empty() {
            return refused(Stage::Resolve, walk.unresolved);
        }
        if let Some(diagnostic) = walk.no_processor {
            return refused(Stage::Parse, vec![diagnostic]);
        }
        if let Some(naming) = walk.naming {
            let project = Arc::make_mut(&mut sketch.project);
            project.files.entry(sketch.entry.clone()).or_default().push_str(&naming);
        }
        Ok(sketch)
    }

    /// One module of the author's own files, in process.
    pub fn link(&self, provided: &Arc<Provided>) -> Result<Bundle, BundleError> {
        let resolver = Resolver::new(Arc::new(self.tree(&self.placeholders())), provided.clone());
        let resolve = |importer: &str, specifier: &str, kind: ImportKind| {
            let found = resolver.resolve(&author_path(importer), specifier, kind_of(kind));
            match found {
                Ok(Resolved::File { path, .. }) => Ok(Target::File(author_name(&path).unwrap_or(path))),
                Ok(Resolved::External { name }) => Ok(Target::External(name)),
                Ok(Resolved::Empty) => Ok(Target::Empty),
                Ok(Resolved::Absent(problem) | Resolved::Lacking(problem)) | Err(problem) => {
                    Err(Unresolved {
                        code: problem.code.into(),
                        message: problem.message,
                        hint: problem.hint,
                    })
                }
            }
        };
        let input = Input {
            entry: &self.entry,
            files: &self.project.files,
            options: &self.options,
            resolve: &resolve,
            wants_processor: true,
        };
        let linked = link::link(&input)
            .map_err(|diagnostics| BundleError::Failed(Failure { stage: Stage::Link, diagnostics }))?;
        Ok(Bundle {
            sha256: sha256(&linked.script),
            script: linked.script,
            source_map: linked.source_map,
            dependencies: BTreeMap::new(),
            lock: None,
            warnings: linked.warnings.into_iter().map(Diagnostic::as_warning).collect(),
        })
    }

    /// The author's files, with these packages.
    pub fn tree(&self, packages: &Packages) -> Tree {
        let files = self.project.files.iter().map(|(name, text)| (name.clone(), Bytes::from(text.clone())));
        let manifest =
            self.manifest.as_ref().map(|it| (manifest::FILE.to_string(), Bytes::from(it.text.clone())));
        Tree::new(files.filter(|(name, _)| name != manifest::FILE).chain(manifest), packages)
    }

    /// The declared packages by name alone, so that hints know of them.
    fn placeholders(&self) -> Packages {
        let roots = self.declared.iter().map(|name| (name.clone(), PackageId(name.clone())));
        Packages { roots: roots.collect(), packages: BTreeMap::new() }
    }

    /// A package that is declared, but for development only.
    fn in_development(&self, specifier: &str, problem: ResolveProblem) -> ResolveProblem {
        let name = split_name(specifier).0;
        let development = self.manifest.as_ref().and_then(|manifest| manifest.value.get("devDependencies"));
        if problem.code != "undeclared-dependency" || development.is_none_or(|it| it.get(name).is_none()) {
            return problem;
        }
        ResolveProblem {
            code: problem.code,
            message: format!("`{name}` is imported, but package.json declares it for development only"),
            hint: Some(format!("move `{name}` from devDependencies to dependencies")),
        }
    }

    /// What is worth a word before anything is linked.
    pub fn warnings(&self, installed: Option<&Installed>) -> Vec<Diagnostic> {
        let mut warnings: Vec<Diagnostic> =
            self.warnings.iter().cloned().map(Diagnostic::as_warning).collect();
        if let (Some(manifest), Some(installed)) = (&self.manifest, installed) {
            warnings.extend(install::warnings(manifest, installed));
        }
        warnings
    }

    pub fn declares_packages(&self) -> bool {
        !self.declared.is_empty()
    }

    /// Whether package.json declares packages for when it runs, not only types.
    pub fn depends(&self) -> bool {
        self.declared.iter().any(|name| !name.starts_with("@types/"))
    }

    /// Whether there is anything for a type checker.
    pub fn has_types(&self) -> bool {
        self.modules.iter().any(|name| [".ts", ".tsx", ".mts", ".cts"].iter().any(|it| name.ends_with(it)))
    }

    /// What is to be checked: what runs, and the author's declarations.
    pub fn sources(&self) -> Vec<String> {
        let declarations = self.project.files.keys().filter(|name| is_declaration(name));
        self.modules.iter().chain(declarations).cloned().collect()
    }
}

/// From the entry through every import that leads to another file of the author's.
struct Walk {
    resolver: Resolver,
    no_processor: Option<Diagnostic>,
    naming: Option<String>,
    mistakes: Vec<Diagnostic>,
    unresolved: Vec<Diagnostic>,
}

impl Walk {
    fn follow_all(&mut self, sketch: &mut Sketch) {
        let project = sketch.project.clone();
        let mut waiting = VecDeque::from([sketch.entry.clone()]);
        while let Some(name) = waiting.pop_front() {
            if !sketch.modules.insert(name.clone()) {
                continue;
            }
            let Some(text) = project.files.get(&name) else { continue };
            // What is no code has no imports.
            if !is_code(&name) {
                continue;
            }
            match transpile::inspect(&name, text, &sketch.options) {
                Ok(found) => {
                    if name == sketch.entry {
                        (self.no_processor, self.naming) = (found.no_processor, found.naming);
                    }
                    for computed in found.computed_imports.iter().filter(|it| it.kind == ImportKind::Dynamic)
                    {
                        self.unresolved.push(computed_import(&name, text, computed));
                    }
                    for import in &found.imports {
                        waiting.extend(self.follow(sketch, &name, text, import));
                    }
                }
                Err(mistakes) => {
                    self.mistakes.extend(mistakes);
                    // What it imports may have mistakes, too: all are told at once.
                    waiting.extend(relative_texts(text).filter_map(|it| self.find(&name, it)));
                }
            }
        }
    }

    /// The author's module that an import leads to.
    fn follow(&mut self, sketch: &mut Sketch, name: &str, text: &str, import: &Import) -> Option<String> {
        let specifier = import.specifier.as_str();
        if PROVIDED.contains(&specifier) {
            self.unresolved.extend(missing_exports(name, text, import));
        }
        let is_relative = specifier.starts_with(['.', '/']);
        if !is_relative && sketch.declared.contains(split_name(specifier).0) {
            sketch.needs_packages = true;
            return None;
        }
        match self.resolver.resolve(&author_path(name), specifier, kind_of(import.kind)) {
            Ok(Resolved::File { path, .. }) => author_name(&path),
            Ok(_) => None,
            // What package.json or tsconfig.json map to a package is for the linker to find.
            Err(_) if !is_relative && sketch.declares_packages() && specifier.starts_with('#') => {
                sketch.needs_packages = true;
                None
            }
            Err(problem) => {
                let problem = sketch.in_development(specifier, problem);
                self.unresolved.push(unresolved(name, text, import, problem));
                None
            }
        }
    }
}

impl Walk {
    fn find(&self, name: &str, specifier: &str) -> Option<String> {
        let found = self.resolver.resolve(&author_path(name), specifier, Kind::Import).ok()?;
        let Resolved::File { path, .. } = found else { return None };
        author_name(&path)
    }
}

/// What stands in quotes and looks like a relative path, of a text that cannot be parsed.
fn relative_texts(text: &str) -> impl Iterator<Item = &str> {
    let quoted = ['"', '\'']
        .into_iter()
        .flat_map(|quote| text.lines().flat_map(move |line| line.split(quote).skip(1).step_by(2)));
    quoted.filter(|text| text.starts_with("./") || text.starts_with("../"))
}

/// There are no modules at run time but those that were linked.
fn computed_import(name: &str, text: &str, import: &ComputedImport) -> Diagnostic {
    let message =
        "an import() must name its module as a literal: a bundle has no other modules to choose from";
    let hint = "write one `import(\"./name\")` for each, as in a table of functions";
    let place = import.place;
    Diagnostic {
        end_line: Some(place.end_line),
        end_column: Some(place.end_column),
        ..Diagnostic::error("dynamic-import", message, name, text, (place.line, place.column)).with_hint(hint)
    }
}

/// The names that are imported of our own module, and that it does not have.
fn missing_exports(name: &str, text: &str, import: &Import) -> impl Iterator<Item = Diagnostic> {
    let missing = import.names.iter().filter(|(export, _)| !PROVIDED_EXPORTS.contains(&export.as_str()));
    missing.map(move |(export, place)| {
        let message = format!("`{}` has no export `{export}`", import.specifier);
        let hint = match nearest(export, PROVIDED_EXPORTS.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it exports `{}`, and types", PROVIDED_EXPORTS.join("`, `")),
        };
        Diagnostic {
            end_line: Some(place.end_line),
            end_column: Some(place.end_column),
            ..Diagnostic::error("missing-export", message, name, text, (place.line, place.column))
                .with_hint(hint)
        }
    })
}

fn unresolved(name: &str, text: &str, import: &Import, problem: ResolveProblem) -> Diagnostic {
    let Place { line, column, end_line, end_column } = import.place;
    Diagnostic {
        end_line: Some(end_line),
        end_column: Some(end_column),
        hint: problem.hint,
        ..Diagnostic::error(problem.code, problem.message, name, text, (line, column))
    }
}
