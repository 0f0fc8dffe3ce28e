//! Why an import leads nowhere, in words for the author.

use oxc_resolver::ResolveError;
use serde_json::Value;

use super::{LACKING_BUILTIN, Resolver, builtins, hint};
use crate::limits::NAMES_SHOWN_MAX;
use crate::package::PackageId;
use crate::tree::split_name;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ResolveProblem {
    /// Stable, kebab-case.
    pub code: &'static str,
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

pub(super) const UNAVAILABLE_BUILTIN: &str = "unavailable-builtin";

impl ResolveProblem {
    /// Of a built-in module that is missed only when something uses it.
    pub(super) fn lacking(self) -> ResolveProblem {
        let message = format!("{}: what uses it there fails when it runs", self.message);
        ResolveProblem { code: LACKING_BUILTIN, message, hint: self.hint }
    }

    pub(super) fn new(code: &'static str, message: String, hint: Option<String>) -> ResolveProblem {
        ResolveProblem { code, message, hint }
    }
}

pub(super) fn native_addon(shown: &str) -> ResolveProblem {
    let message = format!("{shown} is a native addon: compiled code for Node, which an isolate cannot load");
    let hint = "use a package that is written in JavaScript, or call a service over fetch".to_owned();
    ResolveProblem::new("native-addon", message, Some(hint))
}

pub(super) fn broken_builtin(name: &str, package: &PackageId) -> ResolveProblem {
    let message =
        format!("the built-in module node:{name} should come from {package}, which does not have it");
    ResolveProblem::new(UNAVAILABLE_BUILTIN, message, None)
}

/// The packages by which others find, or build, their compiled code.
const ADDON_LOADERS: [&str; 7] = [
    "@mapbox/node-pre-gyp",
    "bindings",
    "node-gyp-build",
    "node-gyp-build-optional-packages",
    "node-pre-gyp",
    "nan",
    "prebuild-install",
];

/// How the names of packages end that are compiled code for one platform, of which every family of such has some.
const PLATFORMS: [&str; 4] = ["linux-x64", "linux-x64-gnu", "darwin-arm64", "win32-x64"];

impl Resolver {
    /// What is never looked up: URLs, absolute paths, nothing.
    pub(super) fn refuse_unsupported(&self, importer: &str, specifier: &str) -> Result<(), ResolveProblem> {
        if specifier.is_empty() {
            let message = "an import must name a module, and this one is empty".to_owned();
            return Err(ResolveProblem::new("unresolved-import", message, None));
        }
        if specifier.starts_with('/') {
            let message = format!("`{specifier}` is an absolute path, and a source has no such place");
            let hint = self.hint_for_path(importer, specifier.trim_start_matches('/'));
            let hint = hint.unwrap_or_else(|| "write a path relative to this file, such as `./lib/a`".into());
            return Err(ResolveProblem::new("absolute-import", message, Some(hint)));
        }
        match hint::scheme(specifier) {
            None | Some("node") => Ok(()),
            Some("npm" | "jsr") => {
                let message = format!("`{specifier}` is another runtime's way to name a package");
                let hint = "import it by its bare name, and declare that in the dependencies of package.json";
                Err(ResolveProblem::new("url-import", message, Some(hint.into())))
            }
            Some(_) => {
                let message = format!("`{specifier}` is a URL, and modules are not fetched from URLs");
                let hint = "declare the package in the dependencies of package.json and import it by name, \
                            or copy the file into the source";
                Err(ResolveProblem::new("url-import", message, Some(hint.into())))
            }
        }
    }

    pub(super) fn explain(&self, importer: &str, specifier: &str, error: &ResolveError) -> ResolveProblem {
        match error {
            ResolveError::PackagePathNotExported { subpath, package_path, .. } => {
                self.not_exported(subpath, &package_path.to_string_lossy())
            }
            ResolveError::PackageImportNotDefined(name, _) => {
                let message = format!("`{name}` is not defined under `imports` in package.json");
                ResolveProblem::new("unresolved-import", message, None)
            }
            ResolveError::Json(error) => {
                let file = self.tree.shown(&error.path.to_string_lossy());
                let message = format!("{file} is not valid JSON: {}", error.message);
                ResolveProblem::new("invalid-package-json", message, None)
            }
            ResolveError::TsconfigNotFound(path) => {
                let path = self.tree.shown(&path.to_string_lossy());
                let message = format!("tsconfig.json extends {path}, which does not exist");
                ResolveProblem::new("invalid-tsconfig", message, None)
            }
            ResolveError::TsconfigLoadFailed { path, source } => {
                let message =
                    format!("{} is not valid: {}", self.tree.shown(&path.to_string_lossy()), json(source));
                ResolveProblem::new("invalid-tsconfig", message, None)
            }
            ResolveError::TsconfigSelfReference(_) | ResolveError::TsconfigCircularExtend(_) => {
                let message = "tsconfig.json extends or references itself".to_owned();
                ResolveProblem::new("invalid-tsconfig", message, None)
            }
            ResolveError::NotFound(_) | ResolveError::MatchedAliasNotFound(..) => {
                self.not_found(importer, specifier)
            }
            other => self.invalid_package(importer, specifier, other),
        }
    }

    fn not_found(&self, importer: &str, specifier: &str) -> ResolveProblem {
        if specifier.starts_with('.') || specifier.starts_with('#') {
            return self.missing_file(importer, specifier);
        }
        let (name, subpath) = split_name(specifier);
        match self.installed(importer, name) {
            Some(folder) => self.missing_in_package(name, subpath, &folder),
            None => self.undeclared(importer, specifier, name),
        }
    }

    fn missing_file(&self, importer: &str, specifier: &str) -> ResolveProblem {
        let message = format!("`{specifier}` leads to no file, seen from {}", self.tree.shown(importer));
        let hint = self.hint_for_relative(importer, specifier);
        ResolveProblem::new("unresolved-import", message, hint)
    }

    fn missing_in_package(&self, name: &str, subpath: &str, folder: &str) -> ResolveProblem {
        if subpath.is_empty() {
            let message = format!(
                "package `{name}` has no entry: neither `exports`, `module`, `main` nor index.js leads to a file"
            );
            let hint = self.hint_for_missing_entry(name, folder);
            return ResolveProblem::new("missing-entry", message, Some(hint));
        }
        let message = format!("package `{name}` has no file for `{name}/{subpath}`");
        ResolveProblem::new("unresolved-import", message, self.hint_for_subpath(name, subpath, folder))
    }

    fn not_exported(&self, subpath: &str, folder: &str) -> ResolveProblem {
        let name = self.tree.shown(folder);
        let subpath = subpath.trim_start_matches('.').trim_start_matches('/');
        if subpath.is_empty() {
            let message = format!("package `{name}` exports nothing that fits an isolate");
            let hint = "its `exports` have none of the conditions import, module, worker, browser, default";
            return ResolveProblem::new("missing-entry", message, Some(hint.into()));
        }
        let message = format!("package `{name}` does not export `{name}/{subpath}`");
        ResolveProblem::new("unexported-subpath", message, self.hint_for_subpath(&name, subpath, folder))
    }

    fn undeclared(&self, importer: &str, specifier: &str, name: &str) -> ResolveProblem {
        if !self.tree.is_authors(importer) {
            let from = self.tree.shown(importer);
            let package = split_name(&from).0;
            if let Some(range) = self.peer_of(importer, name) {
                let message = format!(
                    "package `{package}` imports `{name}`, which it leaves to those who want it (an optional peer dependency)"
                );
                let hint = format!("add `\"{name}\": \"{range}\"` to the `dependencies` of package.json");
                return ResolveProblem::new("undeclared-dependency", message, Some(hint));
            }
            let message =
                format!("package `{package}` imports `{name}`, which is not among its dependencies");
            let hint = format!("its own package.json lacks it: use another version of `{package}`");
            return ResolveProblem::new("undeclared-dependency", message, Some(hint));
        }
        if let Some(hint) = self.hint_for_alias(importer, specifier) {
            let message = format!("`{specifier}` is neither a package nor a file");
            return ResolveProblem::new("unresolved-import", message, Some(hint));
        }
        let message = format!("`{name}` is imported, but package.json does not declare it");
        ResolveProblem::new("undeclared-dependency", message, Some(self.hint_for_package(name)))
    }

    pub(super) fn unavailable_builtin(&self, importer: &str, specifier: &str, name: &str) -> ResolveProblem {
        if let Some(package) = self.native_addon_of(importer) {
            let shown = format!("package `{package}`, which imports the built-in module `{specifier}`,");
            return native_addon(&shown);
        }
        let meant = self
            .nearest_builtin(name)
            .map(|meant| format!("did you mean `node:{meant}`? "))
            .unwrap_or_default();
        let from = match self.tree.is_authors(importer) {
            true => String::new(),
            false => format!(", which package `{}` imports,", split_name(&self.tree.shown(importer)).0),
        };
        let message = match builtins::is_nodes(name) {
            true => format!("the built-in module `{specifier}`{from} is not available in an isolate"),
            false => format!("there is no built-in module `{specifier}`"),
        };
        let available: Vec<&str> = self.provided.builtins.keys().map(String::as_str).collect();
        let available = match available.is_empty() {
            true => "none of Node's built-in modules is available".to_owned(),
            false => format!("available are: {}", available.join(", ")),
        };
        ResolveProblem::new(UNAVAILABLE_BUILTIN, message, Some(format!("{meant}{available}")))
    }

    /// The package.json of the importer's package.
    fn manifest_of(&self, importer: &str) -> Option<Value> {
        let folder = self.tree.folder_of(importer)?;
        let text = self.tree.read(&format!("{folder}/package.json")).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The range of a peer that the importer's package names. One that must be there has been installed.
    fn peer_of(&self, importer: &str, name: &str) -> Option<String> {
        let package = self.manifest_of(importer)?;
        package["peerDependencies"][name].as_str().map(str::to_owned)
    }

    /// The name of the importer's package, if that is compiled code for Node, or loads such code of another package.
    fn native_addon_of(&self, importer: &str) -> Option<String> {
        let package = self.manifest_of(importer)?;
        let name = package["name"].as_str()?;
        let builds = package["gypfile"] == true || package["binary"].is_object();
        let loads = |name: &str| package["dependencies"].get(name).is_some();
        let optional = package["optionalDependencies"].as_object().into_iter().flatten();
        // One package for each platform, and one of them installed.
        let mut platforms = optional.filter(|(name, _)| PLATFORMS.iter().any(|end| name.ends_with(end)));
        let builds = builds || platforms.next().is_some();
        (builds || ADDON_LOADERS.contains(&name) || ADDON_LOADERS.iter().any(|loader| loads(loader)))
            .then(|| name.to_owned())
    }

    fn invalid_package(&self, importer: &str, specifier: &str, error: &ResolveError) -> ResolveProblem {
        let (name, _) = split_name(specifier);
        let folder = self.installed(importer, name).and_then(|folder| self.tree.real_path(&folder));
        let reason = match &folder {
            Some(folder) => error.to_string().replace(folder, name),
            None => error.to_string(),
        };
        let message = format!("`{specifier}` cannot be resolved: {reason}");
        ResolveProblem::new("invalid-package", message, None)
    }

    /// The subpaths that a package exports, or the files that it has when it exports all.
    pub(super) fn subpaths(&self, folder: &str) -> Vec<String> {
        let exports = self
            .tree
            .read(&format!("{folder}/package.json"))
            .ok()
            .and_then(|text| serde_json::from_slice::<Value>(&text).ok())
            .and_then(|mut package| package.get_mut("exports").map(Value::take));
        let mut subpaths: Vec<String> = match exports {
            Some(Value::Object(exports)) if exports.keys().any(|key| key.starts_with('.')) => {
                let shown = exports.iter().filter(|(_, target)| !target.is_null()).map(|(key, _)| key);
                shown.filter_map(|key| key.strip_prefix("./")).map(str::to_owned).collect()
            }
            Some(Value::Null) | None => self.tree.entries(folder).0,
            Some(_) => Vec::new(),
        };
        // Those are there, and no code imports them.
        subpaths.retain(|subpath| {
            subpath != "package.json" && !subpath.ends_with(".d.ts") && !subpath.ends_with(".md")
        });
        subpaths
    }
}

/// Where in a file JSON is wrong, when that is what is wrong.
fn json(error: &ResolveError) -> String {
    match error {
        ResolveError::Json(error) => {
            format!("{} (line {}, column {})", error.message, error.line, error.column)
        }
        other => other.to_string(),
    }
}

/// A list for a sentence, cut when it is long.
pub(super) fn enumerate(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMES_SHOWN_MAX).map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(NAMES_SHOWN_MAX);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
