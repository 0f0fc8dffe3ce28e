//! What the author could write instead.

use super::nearest::{distance, nearest};
use super::problem::enumerate;
use super::{Resolver, builtins};
use crate::tree::AUTHOR;

/// The scheme of a URL, if it is one.
pub(super) fn scheme(specifier: &str) -> Option<&str> {
    let (scheme, _) = specifier.split_once(':')?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}

impl Resolver {
    /// For a relative import that leads nowhere.
    pub(super) fn hint_for_relative(&self, importer: &str, specifier: &str) -> Option<String> {
        let inside = importer.strip_prefix(AUTHOR)?.strip_prefix('/')?;
        let wanted = joined(inside, specifier);
        let found = self.nearest_file(&wanted)?;
        Some(format!("did you mean `{}`?", relative(inside, found)))
    }

    /// For something that would be a file if it were relative.
    pub(super) fn hint_for_path(&self, importer: &str, path: &str) -> Option<String> {
        let inside = importer.strip_prefix(AUTHOR)?.strip_prefix('/')?;
        let wanted = bare(path);
        let found = self.tree.author_files().find(|file| bare(file) == wanted)?;
        Some(format!("for a file of the source, write `{}`", relative(inside, found)))
    }

    /// For what looks like a path under another name.
    pub(super) fn hint_for_alias(&self, importer: &str, specifier: &str) -> Option<String> {
        if let Some(path) = specifier.strip_prefix("@/").or_else(|| specifier.strip_prefix("~/")) {
            let other = "or define the alias under `compilerOptions.paths` in tsconfig.json";
            let hint = self
                .hint_for_path(importer, path)
                .or_else(|| self.hint_for_path(importer, &format!("src/{path}")));
            return Some(format!("{}, {other}", hint.unwrap_or_else(|| "write a relative path".into())));
        }
        self.hint_for_path(importer, specifier)
    }

    /// For a package that is not declared.
    pub(super) fn hint_for_package(&self, name: &str) -> String {
        let declared = self.tree.author_dependencies();
        let provided = self.provided.modules.keys().map(String::as_str);
        let builtins = self.provided.builtins.keys().map(String::as_str);
        let meant = match nearest(name, declared.chain(provided).chain(builtins)) {
            Some(meant) => format!("did you mean `{meant}`? otherwise "),
            None => String::new(),
        };
        match self.tree.is_file("/p/package.json") {
            true => format!(
                "{meant}add `\"{name}\": \"latest\"` or a range such as `\"^1.2.3\"` to its `dependencies`"
            ),
            false => format!(
                "{meant}give the source a package.json: `{{\"dependencies\": {{\"{name}\": \"latest\"}}}}`"
            ),
        }
    }

    /// For a path inside a package that is not there.
    pub(super) fn hint_for_subpath(&self, name: &str, subpath: &str, folder: &str) -> Option<String> {
        let mut subpaths = self.subpaths(folder);
        if subpaths.is_empty() {
            return Some(format!("import `{name}` itself"));
        }
        subpaths.sort_by_cached_key(|candidate| distance(subpath, candidate));
        Some(format!("it has `{name}` and {}", enumerate(&within(name, &subpaths))))
    }

    /// For a package that cannot be imported as such.
    pub(super) fn hint_for_missing_entry(&self, name: &str, folder: &str) -> String {
        let subpaths = self.subpaths(folder);
        match subpaths.is_empty() {
            true => "it may hold nothing but types: import it with `import type`, or use another package"
                .to_owned(),
            false => format!("it has {}", enumerate(&within(name, &subpaths))),
        }
    }

    pub(super) fn nearest_builtin(&self, name: &str) -> Option<&str> {
        let available = self.provided.builtins.keys().map(String::as_str);
        if builtins::is_nodes(name) {
            return None;
        }
        nearest(name, available.chain(builtins::names()))
    }

    fn nearest_file(&self, wanted: &str) -> Option<&str> {
        let files: Vec<&str> = self.tree.author_files().filter(|file| !file.ends_with(".d.ts")).collect();
        let named = |wanted: &str| files.iter().copied().find(|file| bare(file) == wanted);
        let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        let wanted = bare(wanted);
        // The same name with another extension or in another folder is likelier than a slip.
        named(&wanted)
            .or_else(|| files.iter().copied().find(|file| last(&bare(file)) == last(&wanted)))
            .or_else(|| {
                let names: Vec<String> = files.iter().map(|file| bare(file)).collect();
                named(nearest(&wanted, names.iter().map(String::as_str))?)
            })
    }
}

fn within(name: &str, subpaths: &[String]) -> Vec<String> {
    subpaths.iter().map(|subpath| format!("{name}/{subpath}")).collect()
}

/// A path without what may be left out of an import, in lower case.
fn bare(path: &str) -> String {
    let extensions = [".tsx", ".mts", ".cts", ".ts", ".jsx", ".mjs", ".cjs", ".js"];
    let path = path.to_lowercase();
    let bare = extensions.iter().find_map(|extension| path.strip_suffix(extension)).unwrap_or(&path);
    bare.strip_suffix("/index").unwrap_or(bare).to_owned()
}

/// Where a relative specifier leads, seen from a file; as far as it goes up, no further than the source.
fn joined(file: &str, specifier: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// How one file of the source imports another.
fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = from.split('/').collect();
    let shown = match to.rsplit_once('.') {
        Some((bare, "ts" | "tsx" | "js" | "jsx")) => bare,
        _ => to,
    };
    let to: Vec<&str> = shown.split('/').collect();
    let common = from[..from.len() - 1].iter().zip(&to[..to.len() - 1]).take_while(|(a, b)| a == b).count();
    let up = from.len() - 1 - common;
    let start = if up == 0 { "./".to_owned() } else { "../".repeat(up) };
    format!("{start}{}", to[common..].join("/"))
}

#[cfg(test)]
mod tests {
    use super::{joined, relative, scheme};

    #[test]
    fn paths() {
        for (from, to, expected) in [
            ("main.ts", "lib/a.ts", "./lib/a"),
            ("lib/b.ts", "lib/a.json", "./a.json"),
            ("lib/x/b.ts", "main.ts", "../../main"),
            ("lib/b.ts", "other/a.mts", "../other/a.mts"),
        ] {
            assert_eq!(relative(from, to), expected);
        }
        assert_eq!(joined("lib/x/b.ts", "../a.ts"), "lib/a.ts");
        assert_eq!(joined("b.ts", "../../a"), "a");
    }

    #[test]
    fn schemes() {
        for (specifier, expected) in [
            ("https://x/y", Some("https")),
            ("node:fs", Some("node")),
            ("zod", None),
            ("@scope/a:b", None),
            ("./a:b", None),
        ] {
            assert_eq!(scheme(specifier), expected, "{specifier}");
        }
    }
}
