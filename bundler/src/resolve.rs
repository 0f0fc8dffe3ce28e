//! Which file an import means. Node's rules as bundlers read them for a browser-like place, over the tree of one
//! source; what the host provides, the built-in modules of Node and what cannot be imported are decided here too.

mod builtins;
mod hint;
mod known;
mod nearest;
mod options;
mod problem;
mod side_effects;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use oxc_resolver::{ModuleType, Resolution, ResolveError, ResolverGeneric};

pub use self::known::{Answers, Known};
pub use self::nearest::nearest;
pub(crate) use options::author_on_disk;
pub use problem::ResolveProblem;

use crate::package::PackageId;
use crate::transpile::is_tried;
use crate::tree::{Tree, TreeFileSystem, split_name};

/// How a module asks for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Import,
    Require,
    DynamicImport,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// A file of the tree.
    File {
        path: String,
        /// What its package says of it: `Some(false)` when nothing is lost if none of its exports is used.
        side_effects: Option<bool>,
        /// Its package says that its scripts are ES modules (`"type": "module"`): what such a one imports by default
        /// from a CommonJS module is all of its exports, as in Node. An author's file is read as TypeScript reads it.
        is_module: bool,
    },
    /// A module that the isolate has under this name.
    External { name: String },
    /// Replaced by nothing: the package says that it does without it here.
    Empty,
    /// Missing, and a package asks for it in a way that may fail when it runs: `require` in a `try`, an `import()` for
    /// another platform. It becomes a module that throws.
    Absent(ResolveProblem),
    /// One of Node's that no isolate has, and a package counts on it. It becomes a module that refuses to be used.
    Lacking(ResolveProblem),
}

/// What such a problem is called.
pub const LACKING_BUILTIN: &str = "lacking-builtin";

/// What the host brings along.
#[derive(Clone, Debug, Default)]
pub struct Provided {
    /// Modules that the isolate has: what they are imported as, and what they are called there.
    pub modules: BTreeMap<String, String>,
    /// The built-in modules of Node that the isolate offers, without `node:`.
    pub builtins: BTreeMap<String, Builtin>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// The isolate has it under this name.
    External(String),
    /// A file of an installed package stands in for it.
    File { package: PackageId, path: String },
}

pub struct Resolver {
    tree: Arc<Tree>,
    provided: Arc<Provided>,
    author: PerKind,
    package: PerKind,
    known: Option<Arc<Answers>>,
}

/// One cache, and the options that differ by the kind of an import.
struct PerKind {
    import: ResolverGeneric<TreeFileSystem>,
    require: ResolverGeneric<TreeFileSystem>,
}

impl Resolver {
    pub fn new(tree: Arc<Tree>, provided: Arc<Provided>) -> Resolver {
        let files = TreeFileSystem(tree.clone());
        let first = ResolverGeneric::new_with_file_system(files, options::author(Kind::Import));
        let with = |options| first.clone_with_options(options);
        let package = PerKind {
            import: with(options::package(Kind::Import)),
            require: with(options::package(Kind::Require)),
        };
        let author = PerKind { require: with(options::author(Kind::Require)), import: first };
        Resolver { tree, provided, author, package, known: None }
    }

    /// With what is known of its packages, which must be those of the tree.
    pub fn knowing(self, known: Arc<Answers>) -> Resolver {
        Resolver { known: Some(known), ..self }
    }

    pub fn tree(&self) -> &Arc<Tree> {
        &self.tree
    }

    /// `importer` is the path of a file of the tree.
    pub fn resolve(&self, importer: &str, specifier: &str, kind: Kind) -> Result<Resolved, ResolveProblem> {
        if let Some(name) = self.provided.modules.get(specifier) {
            return Ok(Resolved::External { name: name.clone() });
        }
        if let Some(found) = self.known.as_ref().and_then(|known| known.find(importer, specifier, kind)) {
            return Ok(found);
        }
        let found = match self.look_up(importer, specifier, kind) {
            Err(problem) if !self.tree.is_authors(importer) => {
                self.done_without(importer, specifier, kind, problem)
            }
            found => found,
        };
        if let (Some(known), Ok(found)) = (&self.known, &found) {
            known.keep(importer, specifier, kind, found);
        }
        found
    }

    /// A package may never come to what it asks for in vain.
    fn done_without(
        &self,
        importer: &str,
        specifier: &str,
        kind: Kind,
        problem: ResolveProblem,
    ) -> Result<Resolved, ResolveProblem> {
        let is_builtin = problem.code == problem::UNAVAILABLE_BUILTIN && builtins::is_nodes(bare(specifier));
        match kind {
            Kind::Import if is_builtin => Ok(Resolved::Lacking(problem.lacking())),
            Kind::Require if is_builtin && !self.is_tried(importer, specifier) => {
                Ok(Resolved::Lacking(problem.lacking()))
            }
            Kind::Import => Err(problem),
            Kind::Require | Kind::DynamicImport => Ok(Resolved::Absent(problem)),
        }
    }

    fn is_tried(&self, importer: &str, specifier: &str) -> bool {
        let text = self.tree.read(importer).ok();
        text.is_some_and(|text| is_tried(importer, &String::from_utf8_lossy(&text), specifier))
    }

    fn look_up(&self, importer: &str, specifier: &str, kind: Kind) -> Result<Resolved, ResolveProblem> {
        self.refuse_unsupported(importer, specifier)?;
        match self.find(importer, specifier, kind) {
            Ok(resolution) => self.file(&resolution),
            Err(ResolveError::Ignored(_)) => Ok(Resolved::Empty),
            Err(ResolveError::NotFound(_)) if self.is_builtin(importer, specifier) => {
                self.builtin(importer, specifier)
            }
            Err(error) => match self.find_hoisted(importer, specifier, kind) {
                Some(resolution) => self.file(&resolution),
                None => Err(self.explain(importer, specifier, &error)),
            },
        }
    }

    /// Some packages import what others depend on, and nobody notices where npm has laid all of it side by side.
    fn find_hoisted(&self, importer: &str, specifier: &str, kind: Kind) -> Option<Resolution> {
        let name = split_name(specifier).0;
        let is_bare = !specifier.starts_with(['.', '/', '#']);
        if !is_bare || self.tree.is_authors(importer) || self.installed(importer, name).is_some() {
            return None;
        }
        let shelf = self.tree.shelf_of(name)?;
        self.find(&format!("{shelf}/importer.js"), specifier, kind).ok()
    }

    fn find(&self, importer: &str, specifier: &str, kind: Kind) -> Result<Resolution, ResolveError> {
        let rules = if self.tree.is_authors(importer) { &self.author } else { &self.package };
        let rules = if kind == Kind::Require { &rules.require } else { &rules.import };
        // Input is anybody's package.json: a panic of the library is that import's failure, not the server's.
        let ask = |specifier: &str| {
            catch_unwind(AssertUnwindSafe(|| rules.resolve_file(importer, specifier)))
                .unwrap_or(Err(ResolveError::Unimplemented("this import")))
        };
        let found = ask(specifier);
        // `process/` is how code asks for the package instead of the built-in module.
        match (found, specifier.strip_suffix('/')) {
            (Err(_), Some(bare)) if !bare.starts_with(['.', '/', '#']) && !bare.is_empty() => ask(bare),
            (found, _) => found,
        }
    }

    fn file(&self, resolution: &Resolution) -> Result<Resolved, ResolveProblem> {
        let path = resolution.path().to_string_lossy().into_owned();
        if path.ends_with(".node") {
            return Err(problem::native_addon(&self.tree.shown(&path)));
        }
        let package_json = resolution.package_json();
        let side_effects = package_json.and_then(|package_json| side_effects::of(package_json, &path));
        let is_module = resolution.module_type() == Some(ModuleType::Module) && !self.tree.is_authors(&path);
        Ok(Resolved::File { path, side_effects, is_module })
    }

    /// Whether a bare specifier means a built-in module: none is installed under that name.
    fn is_builtin(&self, importer: &str, specifier: &str) -> bool {
        if specifier.starts_with("node:") {
            return true;
        }
        let name = specifier.trim_end_matches('/');
        (builtins::is_nodes(name) || self.provided.builtins.contains_key(name))
            && self.installed(importer, split_name(name).0).is_none()
    }

    fn builtin(&self, importer: &str, specifier: &str) -> Result<Resolved, ResolveProblem> {
        let name = bare(specifier);
        match self.provided.builtins.get(name) {
            Some(Builtin::External(name)) => Ok(Resolved::External { name: name.clone() }),
            Some(Builtin::File { package, path }) => {
                let folder = self.tree.package_folder(package);
                let path = folder.map(|folder| format!("{folder}/{path}"));
                match path.and_then(|path| self.tree.real_path(&path)) {
                    // Whatever the package says of its files: a built-in module that is imported is wanted.
                    Some(path) => Ok(Resolved::File { path, side_effects: None, is_module: true }),
                    None => Err(problem::broken_builtin(name, package)),
                }
            }
            None => Err(self.unavailable_builtin(importer, specifier, name)),
        }
    }

    /// The folder under which an importer finds a package.
    fn installed(&self, importer: &str, name: &str) -> Option<String> {
        let mut folder = importer;
        while let Some((parent, _)) = folder.rsplit_once('/') {
            folder = parent;
            let found = format!("{folder}/node_modules/{name}");
            if self.tree.is_dir(&found) {
                return Some(found);
            }
        }
        None
    }
}

/// The name of a built-in module without what may stand around it.
pub(crate) fn bare(specifier: &str) -> &str {
    specifier.strip_prefix("node:").unwrap_or(specifier).trim_end_matches('/')
}
