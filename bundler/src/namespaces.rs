//! Which import of an author's gives all of a package's module, as `z` of zod does. What lies between the import and
//! that module must do nothing when it is left out, and must be ES modules: there, all ways to a module mean the same.

use crate::limits::{NAMESPACE_MODULE_BYTES_MAX, NAMESPACE_MODULES_MAX};
use crate::resolve::{Kind, Resolved, Resolver};
use crate::transpile::{Origin, Surface, surface};

/// The module whose namespace `name` of `specifier` is.
pub fn find(resolver: &Resolver, importer: &str, specifier: &str, name: &str) -> Option<Resolved> {
    let mut search = Search { resolver, modules: 0 };
    match search.export(importer, specifier, name) {
        Found::Namespace(module) => Some(module),
        Found::Nothing | Found::Other => None,
    }
}

struct Search<'a> {
    resolver: &'a Resolver,
    /// Read so far.
    modules: usize,
}

#[derive(PartialEq)]
enum Found {
    Namespace(Resolved),
    /// The module has no such export.
    Nothing,
    /// An export of another kind, or one that is not known.
    Other,
}

impl Search<'_> {
    fn export(&mut self, importer: &str, specifier: &str, name: &str) -> Found {
        let module = self.resolver.resolve(importer, specifier, Kind::Import);
        let Ok(Resolved::File { path, side_effects: Some(false), .. }) = module else { return Found::Other };
        let Some(Surface { names, stars }) = self.surface(&path) else { return Found::Other };
        match names.get(name) {
            Some(Origin::Namespace(specifier)) => self.namespace(&path, specifier),
            Some(Origin::Export { specifier, name }) => self.export(&path, specifier, name),
            Some(Origin::Own) => Found::Other,
            // `export *` gives everything but that.
            None if name == "default" => Found::Nothing,
            None => {
                let found = stars.iter().map(|specifier| self.export(&path, specifier, name));
                let mut found = found.filter(|found| *found != Found::Nothing);
                match (found.next(), found.next()) {
                    (Some(found), None) => found,
                    (None, _) => Found::Nothing,
                    // Two that give the name give nothing, unless they mean the same.
                    (Some(_), Some(_)) => Found::Other,
                }
            }
        }
    }

    fn namespace(&mut self, importer: &str, specifier: &str) -> Found {
        match self.resolver.resolve(importer, specifier, Kind::Import) {
            Ok(Resolved::File { path, side_effects, is_module }) if self.surface(&path).is_some() => {
                Found::Namespace(Resolved::File { path, side_effects, is_module })
            }
            _ => Found::Other,
        }
    }

    fn surface(&mut self, path: &str) -> Option<Surface> {
        self.modules += 1;
        let tree = self.resolver.tree();
        if self.modules > NAMESPACE_MODULES_MAX || tree.is_authors(path) {
            return None;
        }
        let text = tree.read(path).ok().filter(|text| text.len() <= NAMESPACE_MODULE_BYTES_MAX)?;
        surface(path, std::str::from_utf8(&text).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::find;
    use crate::esbuild::{Binary, Esbuild, EsbuildOptions};
    use crate::package::Packages;
    use crate::resolve::{Known, Provided, Resolved, Resolver};
    use crate::sketch::Sketch;
    use crate::tree::Tree;
    use crate::tree::tests::{installed, packages};
    use crate::{BundleError, Project, linking, testing};

    const PURE: &str =
        r#"{"name": "dep", "type": "module", "sideEffects": false, "exports": {"./*": "./*"}}"#;

    fn dep(package_json: &str) -> Packages {
        let files = [
            ("package.json", package_json),
            (
                "index.js",
                "import * as z from './all.js'; export * from './all.js'; export { z }; export default z",
            ),
            ("again.js", "export * from './index.js'; export * from './small.js'"),
            ("renamed.js", "export { z as y } from './index.js'"),
            ("twice.js", "export * from './index.js'; export * from './other.js'"),
            ("other.js", "export const z = 1"),
            ("script.js", "import * as z from './common.cjs'; export { z }"),
            ("common.cjs", "exports.a = 1"),
            ("small.js", "export const s = 1"),
            ("all.js", "export * as big from './big.js'; export const used = () => 'used'"),
            ("big.js", "export const unused = 'BIG'"),
            ("leaky.js", "export * as z from './broken.js'"),
            ("broken.js", "import './gone.js'; export const a = 1"),
        ];
        packages(&[("dep", "dep@1")], &[("dep@1", "dep", &[], &files)])
    }

    #[test]
    fn what_is_a_whole_module() {
        let careless = PURE.replace("false", "true");
        let cases = [
            ("dep/index.js", "z", Some("all.js"), PURE),
            ("dep/index.js", "default", Some("all.js"), PURE),
            ("dep/again.js", "z", Some("all.js"), PURE),
            ("dep/renamed.js", "y", Some("all.js"), PURE),
            ("dep/all.js", "big", Some("big.js"), PURE),
            // An export of its own; a default that no `export *` gives; a name that two give; none that is there.
            ("dep/all.js", "used", None, PURE),
            ("dep/again.js", "default", None, PURE),
            ("dep/twice.js", "z", None, PURE),
            ("dep/index.js", "missing", None, PURE),
            // What such a module is to an importer depends on who that is.
            ("dep/script.js", "z", None, PURE),
            // Left out, what lies in between would be missed.
            ("dep/index.js", "z", None, &careless),
        ];
        for (specifier, name, expected, package_json) in cases {
            let tree = Arc::new(Tree::new([("main.ts".to_owned(), "".into())], &dep(package_json)));
            let resolver = Resolver::new(tree, Arc::new(Provided::default()));
            let found = find(&resolver, "/p/main.ts", specifier, name).map(|found| match found {
                Resolved::File { path, .. } => path.rsplit('/').next().unwrap().to_owned(),
                other => panic!("{other:?}"),
            });
            assert_eq!(found.as_deref(), expected, "{name} of {specifier}");
        }
    }

    /// What is in the bundle of this, or the diagnostics.
    async fn built(text: &str) -> String {
        let project = Arc::new(Project {
            files: [("main.ts".to_owned(), text.to_owned())].into(),
            package_json: Some(json!({"dependencies": {"dep": "1"}}).to_string()),
            ..Project::default()
        });
        let installed = installed(dep(PURE));
        let provided = Arc::new(Provided::default());
        let esbuild = Esbuild::new(EsbuildOptions::new(Binary::At(testing::esbuild().await)));
        let sketch = Sketch::of(project, &provided).unwrap();
        let outcome = linking::link(sketch, &esbuild, Some(installed), &provided, &Known::default()).await;
        esbuild.shutdown().await;
        match outcome {
            Ok(bundle) => bundle.script,
            Err(BundleError::Failed(failure)) => {
                let told = failure.diagnostics.iter();
                let told = told.map(|it| format!("{}:{}:{} {}", it.file, it.line, it.column, it.message));
                told.collect::<Vec<_>>().join("\n")
            }
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn only_what_is_named_is_linked() {
        let processor = "export default { processEvent() { return";
        let cases = [
            (format!("import {{ z }} from 'dep/index.js'\n{processor} z.used() }} }}"), false),
            (format!("import y, {{ used }} from 'dep/index.js'\n{processor} [used, y.used] }} }}"), false),
            (format!("import {{ z as y }} from 'dep/again.js'\n{processor} y.used() }} }}"), false),
            (format!("import {{ z }} from 'dep/index.js'\n{processor} z.big.unused }} }}"), true),
            (format!("import {{ z }} from 'dep/index.js'\n{processor} {{ z }} }} }}"), true),
        ];
        for (text, has_all) in cases {
            let script = built(&text).await;
            assert!(script.contains("used"), "{text}\n{script}");
            assert_eq!(script.contains("BIG"), has_all, "{text}\n{script}");
        }
    }

    /// An import that was narrowed leads to what is wrong in its module.
    #[tokio::test]
    async fn trouble_is_told_where_the_author_imports() {
        let text = "import { s } from 'dep/small.js'\nimport { z } from 'dep/leaky.js'\nexport default { s, processEvent() { return z.a } }";
        let told = built(text).await;
        assert!(told.starts_with("main.ts:2:") && told.contains("gone.js"), "{told}");
    }
}
