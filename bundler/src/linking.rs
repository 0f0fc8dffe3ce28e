//! Linking with packages: what esbuild asks for, and what it complains about in the author's words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::builds::hex;
use crate::esbuild::{
    BoxFuture, BuildFailure, BuildOutput, BuildRequest, Esbuild, Import, Loaded, Loader, Location, Message,
    Plugin,
};
use crate::failure::{BundleError, Failure, Stage};
use crate::namespaces;
use crate::npm::Installed;
use crate::package::Packages;
use crate::project::is_code;
use crate::resolve::{Kind, Known, LACKING_BUILTIN, Provided, ResolveProblem, Resolved, Resolver};
use crate::sketch::{Sketch, author_path};
use crate::transpile::{self, Options, Place};
use crate::{Bundle, Diagnostic, Project, SourceMap, code_frame};

/// A diagnostic of this code is as much of the machine as of the source.
pub const LINK_TIMEOUT: &str = "link-timeout";

/// One build's files, as esbuild asks for them.
struct Files {
    resolver: Arc<Resolver>,
    options: Options,
    /// From what esbuild has read back to what the author wrote, by the author's name of the file: esbuild's messages
    /// point into the former.
    maps: Mutex<BTreeMap<String, String>>,
    /// What was written for imports of whole modules, by what stands there now.
    narrowed: Mutex<BTreeMap<String, Narrowed>>,
}

struct Narrowed {
    written: String,
    module: Resolved,
}

/// Begins the specifiers of imports that were narrowed; the path of the module follows. No author's file gets as far
/// as here with one of its own, which would be a URL.
const NARROWED: &str = "millrace:module:";

pub async fn link(
    sketch: Sketch,
    esbuild: &Esbuild,
    installed: Option<Installed>,
    provided: &Arc<Provided>,
    known: &Known,
) -> Result<Bundle, BundleError> {
    let none = Packages::default();
    let packages = installed.as_ref().map_or(&none, |installed| &installed.packages);
    let tree = Arc::new(sketch.tree(packages));
    let known = known.of(tree.packages_key());
    let resolver = Resolver::new(tree, provided.clone()).knowing(known);
    let files = Arc::new(Files::new(resolver, sketch.options.clone()));
    let packages = Some(files.resolver.tree().packages_key().to_owned());
    let request = BuildRequest { packages, ..BuildRequest::new(author_path(&sketch.entry), files.clone()) };
    let built = esbuild.build(request).await;
    // Whatever came of it, also a bundle, came of less than the packages have.
    if let Some(damage) = files.resolver.tree().damage() {
        return Err(BundleError::Machinery(damage.to_owned()));
    }
    let output = built.map_err(|failure| files.refused(&sketch.project, failure))?;
    let BuildOutput { code, map, warnings, .. } = output;
    let warnings = files.warnings(&sketch.project, warnings);
    let sha256 = sha256(&code);
    let bundle =
        Bundle { sha256, script: code, source_map: map, dependencies: BTreeMap::new(), lock: None, warnings };
    Ok(with_packages(bundle, installed))
}

/// The bundle, with what it was made of.
pub fn with_packages(bundle: Bundle, installed: Option<Installed>) -> Bundle {
    let Some(Installed { packages: Packages { roots, packages }, lock, .. }) = installed else {
        return bundle;
    };
    let version = |id| packages.get(&id).map(|package| package.version.clone());
    let dependencies = roots.into_iter().filter_map(|(name, id)| Some((name, version(id)?)));
    Bundle { dependencies: dependencies.collect(), lock: Some(lock), ..bundle }
}

pub fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(text.as_bytes()))
}

impl Plugin for Files {
    fn resolve<'a>(
        &'a self,
        importer: &'a str,
        specifier: &'a str,
        kind: Kind,
    ) -> BoxFuture<'a, Result<Resolved, ResolveProblem>> {
        Box::pin(async move {
            match self.module_of(importer, specifier) {
                Some(module) => Ok(module),
                None => self.resolver.resolve(importer, specifier, kind),
            }
        })
    }

    fn load<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Loaded, String>> {
        Box::pin(async move {
            let tree = self.resolver.tree();
            let contents = tree.read(path).map_err(|error| format!("{}: {error}", tree.shown(path)))?;
            if !tree.is_authors(path) || !is_code(path) {
                return Ok(Loaded { contents, loader: None, inline_map: None });
            }
            self.transpiled(path, contents).await
        })
    }

    fn shown(&self, path: &str) -> String {
        self.resolver.tree().shown(path)
    }
}

impl Files {
    fn new(resolver: Resolver, options: Options) -> Files {
        let resolver = Arc::new(resolver);
        Files { resolver, options, maps: Mutex::default(), narrowed: Mutex::default() }
    }

    async fn transpiled(&self, path: &str, contents: Bytes) -> Result<Loaded, String> {
        let (file, options) = (self.shown(path), self.options.clone());
        let (name, importer, resolver) = (file.clone(), path.to_owned(), self.resolver.clone());
        let work = move || {
            let text = String::from_utf8_lossy(&contents);
            let narrowed = Mutex::new(BTreeMap::new());
            let namespaces = |specifier: &str, name: &str| {
                let module = namespaces::find(&resolver, &importer, specifier, name)?;
                let Resolved::File { path, .. } = &module else { return None };
                let now = format!("{NARROWED}{path}");
                let mut narrowed = narrowed.lock().expect("nothing panics while it holds these");
                narrowed.insert(now.clone(), Narrowed { written: specifier.to_owned(), module });
                Some(now)
            };
            // It was parsed before any package was fetched, so this cannot fail for what the author wrote.
            let transpiled = transpile::transpile_narrowed(&name, &text, &options, &namespaces);
            let transpiled = transpiled.map_err(|found| {
                found.into_iter().next().map_or_else(|| format!("{name} cannot be compiled"), |it| it.message)
            })?;
            Ok::<_, String>((transpiled, narrowed.into_inner().unwrap_or_default()))
        };
        let (transpiled, narrowed) =
            tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())??;
        self.narrowed.lock().expect("nothing panics while it holds these").extend(narrowed);
        let contents = Bytes::from(transpiled.code);
        let mut maps = self.maps.lock().expect("nothing panics while it holds the maps");
        maps.insert(file, transpiled.map.clone());
        Ok(Loaded { contents, loader: Some(Loader::Js), inline_map: Some(transpiled.map) })
    }

    /// The module that an import of the author's was narrowed to.
    fn module_of(&self, importer: &str, specifier: &str) -> Option<Resolved> {
        if !specifier.starts_with(NARROWED) || !self.resolver.tree().is_authors(importer) {
            return None;
        }
        let narrowed = self.narrowed.lock().expect("nothing panics while it holds these");
        narrowed.get(specifier).map(|found| found.module.clone())
    }

    /// What the author wrote there.
    fn written(&self, specifier: &str) -> String {
        let narrowed = self.narrowed.lock().expect("nothing panics while it holds these");
        narrowed.get(specifier).map_or(specifier, |found| &found.written).to_owned()
    }
}

fn of_source(project: &Project, code: &str, message: String) -> BundleError {
    BundleError::Failed(Failure {
        stage: Stage::Link,
        diagnostics: vec![Diagnostic::of_source(project, code, message)],
    })
}

impl Files {
    fn refused(&self, project: &Project, failure: BuildFailure) -> BundleError {
        match failure {
            BuildFailure::Messages(messages) => {
                // An import that leads nowhere is told as such, also when only the linker found it.
                let is_resolve = messages.iter().all(|message| message.problem.is_some());
                let stage = if is_resolve { Stage::Resolve } else { Stage::Link };
                let diagnostics =
                    messages.into_iter().map(|message| self.diagnostic(project, message)).collect();
                BundleError::Failed(Failure { stage, diagnostics })
            }
            BuildFailure::Machinery(message) => BundleError::Machinery(message),
            BuildFailure::Cancelled => BundleError::Machinery("the build was cancelled".into()),
            BuildFailure::Timeout(limit) => {
                of_source(project, LINK_TIMEOUT, format!("linking took longer than {} s", limit.as_secs()))
            }
            BuildFailure::TooLarge(message) => of_source(project, "bundle-too-large", message),
        }
    }

    /// Those that are about the author's own files, for nobody can mend a package's; and what packages will miss, once
    /// for each of them.
    fn warnings(&self, project: &Project, warnings: Vec<Message>) -> Vec<Diagnostic> {
        let is_authors = |message: &Message| {
            message.location.as_ref().is_some_and(|at| project.files.contains_key(&at.file))
        };
        let mut missed = BTreeSet::new();
        let own = warnings.into_iter().filter(|message| match &message.problem {
            Some(problem) if problem.code == LACKING_BUILTIN => missed.insert(problem.message.clone()),
            _ => is_authors(message),
        });
        own.map(|message| self.diagnostic(project, message).as_warning()).collect()
    }

    fn diagnostic(&self, project: &Project, message: Message) -> Diagnostic {
        let (code, hint) = match message.problem {
            Some(problem) => (problem.code.to_string(), problem.hint),
            None => (code_of(&message.text, &message.id), None),
        };
        let notes: Vec<&str> = message.notes.iter().map(|note| note.text.as_str()).collect();
        let suggestion = message.location.as_ref().and_then(|location| location.suggestion.as_deref());
        let hint = hint
            .or_else(|| (!notes.is_empty()).then(|| notes.join("\n")))
            .or_else(|| suggestion.map(|it| format!("did you mean {it}?")));
        // What is wrong inside a package is the author's to mend at the import that leads there.
        if let Some(through) = &message.through
            && let Some(place) = self.place_of(project, through)
        {
            let text = project.files.get(&through.file).map(String::as_str).unwrap_or_default();
            let at = message.location.as_ref();
            let inside = at.map(|at| format!(" ({}:{}:{})", at.file, at.line, at.column)).unwrap_or_default();
            return Diagnostic {
                snippet: code_frame(text, place.line, place.column),
                hint,
                end_line: Some(place.end_line),
                end_column: Some(place.end_column),
                ..Diagnostic::error(
                    &code,
                    message.text + &inside,
                    &through.file,
                    text,
                    (place.line, place.column),
                )
            };
        }
        let Some(at) = message.location else {
            return Diagnostic { hint, ..Diagnostic::of_source(project, &code, message.text) };
        };
        let width = at.end_column.saturating_sub(at.column);
        let place = self.original(&at);
        let snippet = match project.files.get(&at.file) {
            Some(text) => code_frame(text, place.0, place.1),
            // A package's: the line is all that is at hand.
            None => code_frame(&at.line_text, 1, at.column),
        };
        Diagnostic {
            snippet,
            hint,
            end_line: Some(place.0),
            end_column: Some(place.1 + width),
            ..Diagnostic::error(&code, message.text, &at.file, "", place)
        }
    }

    /// Where the author's file says what it imports.
    fn place_of(&self, project: &Project, import: &Import) -> Option<Place> {
        let text = project.files.get(&import.file)?;
        let inspected = transpile::inspect(&import.file, text, &self.options).ok()?;
        let written = self.written(&import.specifier);
        inspected.imports.iter().find(|it| it.specifier == written).map(|it| it.place)
    }

    /// Line and column as the author wrote them.
    fn original(&self, at: &Location) -> (u32, u32) {
        let maps = self.maps.lock().expect("nothing panics while it holds the maps");
        let map = maps.get(&at.file).and_then(|map| SourceMap::parse(map));
        let found = map.and_then(|map| map.lookup(at.line, at.column));
        found.map_or((at.line, at.column), |place| (place.line, place.column))
    }
}

/// esbuild has names for its warnings, and none for its errors.
fn code_of(text: &str, id: &str) -> String {
    let known = [("No matching export", "missing-export"), ("Could not resolve", "unresolved-import")];
    match known.iter().find(|(start, _)| text.starts_with(start)) {
        Some((_, code)) => code.to_string(),
        None if id.is_empty() => "link-error".to_string(),
        None => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use serde_json::json;

    use super::*;
    use crate::esbuild::{Binary, EsbuildOptions};
    use crate::package::{Package, PackageFiles, PackageId, ReadFile};
    use crate::testing;
    use crate::tree::tests::installed;

    /// A pack that is listed, and lost one of its files since.
    #[derive(Debug)]
    struct Damaged(&'static str);

    impl ReadFile for Damaged {
        fn read(&self, path: &str) -> io::Result<Bytes> {
            match path {
                lost if lost == self.0 => Err(io::ErrorKind::UnexpectedEof.into()),
                "package.json" => Ok(Bytes::from_static(br#"{"name": "dep", "main": "main.js"}"#)),
                _ => Ok(Bytes::from_static(b"export const a = 1")),
            }
        }
    }

    fn packages(contents: Damaged) -> Packages {
        let sizes = BTreeMap::from([("package.json".to_owned(), 1), ("main.js".to_owned(), 1)]);
        let id = PackageId("dep@1.0.0".into());
        let package = Package {
            name: "dep".into(),
            version: "1.0.0".into(),
            integrity: "sha512-a".into(),
            dependencies: BTreeMap::new(),
            files: Arc::new(PackageFiles::elsewhere(sizes, contents)),
        };
        Packages { roots: [("dep".to_owned(), id.clone())].into(), packages: [(id, package)].into() }
    }

    #[tokio::test]
    async fn a_damaged_pack_is_no_mistake_of_the_author() {
        let esbuild = Esbuild::new(EsbuildOptions::new(Binary::At(testing::esbuild().await)));
        let text = "import { a } from 'dep'\nexport default { a, processEvent() {} }";
        let manifest = json!({"dependencies": {"dep": "1"}});
        let project = Arc::new(Project {
            files: [("main.js".to_owned(), text.to_owned())].into(),
            package_json: Some(manifest.to_string()),
            ..Project::default()
        });
        let provided = Arc::new(Provided::default());
        for lost in ["main.js", "package.json"] {
            let sketch = Sketch::of(project.clone(), &provided).unwrap();
            let installed = Some(installed(packages(Damaged(lost))));
            let outcome = link(sketch, &esbuild, installed, &provided, &Known::default()).await;
            let told = match outcome {
                Err(BundleError::Machinery(told)) => told,
                other => panic!("{lost}: {other:?}"),
            };
            assert!(
                told.starts_with(&format!("`dep/{lost}` cannot be read from the package store")),
                "{told}"
            );
        }
        esbuild.shutdown().await;
    }

    #[tokio::test]
    async fn a_warning_about_the_authors_own_file_comes_with_the_bundle() {
        let esbuild = Esbuild::new(EsbuildOptions::new(Binary::At(testing::esbuild().await)));
        let text = "import { a } from 'dep'\nexport default { a, processEvent() { return a === -0 } }";
        let project = Arc::new(Project {
            files: [("main.js".to_owned(), text.to_owned())].into(),
            package_json: Some(json!({"dependencies": {"dep": "1"}}).to_string()),
            ..Project::default()
        });
        let provided = Arc::new(Provided::default());
        let installed = Some(installed(packages(Damaged("nothing"))));
        let sketch = Sketch::of(project, &provided).unwrap();
        let bundle = link(sketch, &esbuild, installed, &provided, &Known::default()).await.unwrap();
        let told =
            bundle.warnings.iter().map(|it| (it.severity, it.code.as_str(), it.file.as_str(), it.line));
        let expected = [(crate::Severity::Warning, "equals-negative-zero", "main.js", 2)];
        assert_eq!(told.collect::<Vec<_>>(), expected);
        esbuild.shutdown().await;
    }

    /// Who imports what no isolate has finds out when it is used, and its author beforehand.
    #[tokio::test]
    async fn what_packages_will_miss_is_told() {
        let files = [
            ("package.json", r#"{"name": "dep", "type": "module"}"#),
            (
                "index.js",
                "import { readFileSync } from 'node:fs'; import './old.cjs'; import './ready.cjs'; export const a = () => readFileSync('x')",
            ),
            ("old.cjs", "const { Agent } = require('http'); exports.agent = new Agent()"),
            ("ready.cjs", "try { exports.v8 = require('v8') } catch {}"),
        ];
        let packages = crate::tree::tests::packages(&[("dep", "dep@1")], &[("dep@1", "dep", &[], &files)]);
        let text = "import { a } from 'dep'\nexport default { processEvent() { a() } }";
        let project = Arc::new(Project {
            files: [("main.ts".to_owned(), text.to_owned())].into(),
            package_json: Some(json!({"dependencies": {"dep": "1"}}).to_string()),
            ..Project::default()
        });
        let provided = Arc::new(Provided::default());
        let esbuild = Esbuild::new(EsbuildOptions::new(Binary::At(testing::esbuild().await)));
        let sketch = Sketch::of(project, &provided).unwrap();
        let bundle =
            link(sketch, &esbuild, Some(installed(packages)), &provided, &Known::default()).await.unwrap();
        let mut told: Vec<String> = bundle
            .warnings
            .iter()
            .map(|it| format!("{}:{} {} {}", it.file, it.line, it.code, it.message))
            .collect();
        told.sort();
        let line = |module: &str, at: &str| {
            format!(
                "main.ts:1 lacking-builtin the built-in module `{module}`, which package `dep` imports, is not available in an isolate: what uses it there fails when it runs ({at})"
            )
        };
        assert_eq!(told, [line("http", "dep/old.cjs:1:27"), line("node:fs", "dep/index.js:1:30")]);
        let script = &bundle.script;
        assert!(script.contains("Cannot find module 'v8'") && script.contains("node:http"), "{script}");
        esbuild.shutdown().await;
    }
}
