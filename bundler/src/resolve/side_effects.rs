//! What a package says about its modules: whether one does anything beside giving its exports.

use oxc_resolver::{PackageJson, SideEffects};

/// None when the package says nothing.
pub(super) fn of(package: &PackageJson, path: &str) -> Option<bool> {
    let folder = package.directory().to_str()?;
    let inside = path.strip_prefix(folder)?.trim_start_matches('/');
    Some(match package.side_effects()? {
        SideEffects::Bool(value) => value,
        SideEffects::String(glob) => matches(glob, inside),
        SideEffects::Array(globs) => globs.iter().any(|glob| matches(glob, inside)),
    })
}

/// A pattern without a folder means files of that name anywhere.
fn matches(glob: &str, inside: &str) -> bool {
    let glob = glob.trim_start_matches("./").trim_start_matches('/');
    match glob.contains('/') {
        true => fast_glob::glob_match(glob, inside),
        false => fast_glob::glob_match(format!("**/{glob}"), inside),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn globs() {
        for (glob, inside, expected) in [
            ("*.css", "a/b.css", true),
            ("./index.js", "index.js", true),
            ("./index.js", "lib/other.js", false),
            ("./dist/**/*.js", "dist/a/b.js", true),
            ("dist/*.js", "dist/a/b.js", false),
            ("**/register.{js,mjs}", "lib/register.mjs", true),
            ("[", "x", false),
        ] {
            assert_eq!(super::matches(glob, inside), expected, "{glob} {inside}");
        }
    }
}
