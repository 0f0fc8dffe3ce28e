//! Names of packages: what is not one never reaches a URL or a path.

use crate::limits::PACKAGE_NAME_BYTES_MAX;

/// Why this is no package's name, or nothing.
pub(super) fn complaint(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a package has a name".to_owned());
    }
    if name.len() > PACKAGE_NAME_BYTES_MAX {
        return Some(format!("a package's name has at most {PACKAGE_NAME_BYTES_MAX} characters"));
    }
    if matches!(name, "node_modules" | "favicon.ico") {
        return Some(format!("`{name}` cannot be a package's name"));
    }
    match name.strip_prefix('@') {
        None => part_complaint(name),
        Some(scoped) => match scoped.split_once('/') {
            Some((scope, rest)) => part_complaint(scope).or_else(|| part_complaint(rest)),
            None => Some("a name that begins with `@` has the form `@scope/name`".to_owned()),
        },
    }
}

fn part_complaint(part: &str) -> Option<String> {
    if part.is_empty() {
        return Some("a part of the name is empty".to_owned());
    }
    if part.starts_with('.') {
        return Some("no part of a name begins with a dot".to_owned());
    }
    let strange =
        part.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~')))?;
    Some(format!("`{strange}` cannot stand in a package's name"))
}

/// Without its scope.
pub(super) fn unscoped(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::complaint;

    #[test]
    fn names() {
        let long = "a".repeat(215);
        for good in ["zod", "@tanstack/ai", "JSONStream", "lodash.merge", "_private", "a~b", "0"] {
            assert_eq!(complaint(good), None, "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "@a",
            "@/b",
            "@a/",
            "@a/b/c",
            "a b",
            "a\\b",
            "a%2fb",
            "@a/..",
            "é",
            "a\0",
            "node_modules",
            "a@1",
            &long,
        ] {
            assert!(complaint(bad).is_some(), "{bad}");
        }
    }
}
