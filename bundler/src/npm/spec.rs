//! What stands behind a dependency's name: a range or tag in a registry, perhaps of another package. All else
//! is refused, with the reason.

use deno_semver::package::PackageReq;
use deno_semver::{StackString, VersionReq};

use super::name;
use super::problem::{InstallProblem, ProblemCode};
use crate::limits::RANGE_BYTES_MAX;

/// `npm:name@range` names another package than the one under which it is imported.
pub(super) fn parse(key: &str, value: &str) -> Result<PackageReq, InstallProblem> {
    let named = |problem: InstallProblem| problem.about(key);
    if let Some(complaint) = name::complaint(key) {
        return Err(named(invalid_name(key, &complaint)));
    }
    let value = value.trim();
    if value.len() > RANGE_BYTES_MAX {
        let message = format!("the version of `{key}` has more than {RANGE_BYTES_MAX} characters");
        return Err(named(InstallProblem::new(ProblemCode::InvalidVersionRange, message)));
    }
    if let Some(refusal) = refusal(value) {
        return Err(named(refused(&format!("`{key}`"), value, refusal)));
    }
    let (name, range) = aliased(key, value);
    if let Some(complaint) = name::complaint(name) {
        return Err(named(invalid_name(name, &complaint)));
    }
    match VersionReq::parse_from_npm(range) {
        Ok(version_req) => Ok(PackageReq { name: StackString::from_str(name), version_req }),
        Err(_) => Err(named(invalid_range(key, value))),
    }
}

/// The package that is meant, and its range.
pub(super) fn aliased<'a>(key: &'a str, value: &'a str) -> (&'a str, &'a str) {
    let Some(target) = value.strip_prefix("npm:") else {
        return (key, value);
    };
    match target.rsplit_once('@') {
        Some((name, range)) if !name.is_empty() => (name, range),
        _ => (target, "*"),
    }
}

/// Why something that is not from a registry is not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Git,
    Url,
    Local,
    Workspace,
    Other,
}

/// Nothing for what a registry can answer.
pub(super) fn refusal(value: &str) -> Option<Refusal> {
    let value = value.trim();
    if value.starts_with("npm:") {
        return None;
    }
    if ["./", "../", "/", "~/"].iter().any(|start| value.starts_with(start)) || value == "." || value == ".."
    {
        return Some(Refusal::Local);
    }
    let scheme = value.split_once(':').filter(|(scheme, _)| !scheme.contains(['/', '#', ' ']));
    if let Some((scheme, _)) = scheme {
        return Some(match scheme.to_ascii_lowercase().as_str() {
            "git" | "github" | "gitlab" | "bitbucket" | "gist" => Refusal::Git,
            scheme if scheme.starts_with("git+") || scheme.starts_with("git@") => Refusal::Git,
            "http" | "https" => Refusal::Url,
            "file" | "link" | "portal" => Refusal::Local,
            "workspace" | "catalog" => Refusal::Workspace,
            _ => Refusal::Other,
        });
    }
    // `user/repository` is short for GitHub.
    value.contains('/').then_some(Refusal::Git)
}

/// `who` is the dependency as a phrase: "`a`", or "`a`, which `b@1.0.0` asks for,".
pub(super) fn refused(who: &str, value: &str, refusal: Refusal) -> InstallProblem {
    let (reason, hint) = match refusal {
        Refusal::Git => (
            "is a git repository: only packages of an npm registry are installed, because only they come \
             with an integrity and need no build script",
            "publish it to a registry, or put its files among the sources",
        ),
        Refusal::Url => (
            "is a URL: only packages of an npm registry are installed, because what a URL answers can \
             change at any time",
            "name a version of the registry, such as \"^1.0.0\"",
        ),
        Refusal::Local => (
            "is a path: the server does not read packages from its disk",
            "put its files among the sources and import them with a relative path",
        ),
        Refusal::Workspace => (
            "refers to a workspace, and there is none here",
            "name a version of the registry, such as \"^1.0.0\", or put its files among the sources",
        ),
        Refusal::Other => (
            "has a scheme that is not known here: only packages of an npm registry are installed",
            "name a version of the registry, such as \"^1.0.0\"",
        ),
    };
    let message = format!("{who} (`{value}`) {reason}");
    InstallProblem::new(ProblemCode::UnsupportedDependency, message).hint(hint)
}

fn invalid_name(name: &str, complaint: &str) -> InstallProblem {
    let message = format!("`{}` is not the name of a package: {complaint}", name.escape_debug());
    InstallProblem::new(ProblemCode::InvalidPackageName, message)
}

fn invalid_range(key: &str, value: &str) -> InstallProblem {
    let message = format!("`{value}` of `{key}` is neither a version range nor a dist-tag");
    InstallProblem::new(ProblemCode::InvalidVersionRange, message)
        .hint("for example \"1.2.3\", \"^1.2.0\", \"1.x || 2.x\" or \"latest\"")
}

#[cfg(test)]
mod tests {
    use super::{Refusal, parse, refusal};

    #[test]
    fn what_a_registry_can_answer() {
        let cases = [
            ("zod", "^4", "zod@^4"),
            ("zod", "", "zod@"),
            ("zod", "latest", "zod@latest"),
            ("zod", " 1.x || >=2.0.0-rc.1 <3 ", "zod@1.x || >=2.0.0-rc.1 <3"),
            ("old", "npm:zod@3", "zod@3"),
            ("old", "npm:@a/b@next", "@a/b@next"),
            ("old", "npm:@a/b", "@a/b"),
        ];
        for (key, value, expected) in cases {
            assert_eq!(parse(key, value).unwrap().to_string(), expected, "{key}: {value}");
        }
    }

    #[test]
    fn what_it_cannot() {
        let cases = [
            ("git+ssh://git@github.com/a/b.git#v1", Refusal::Git),
            ("git://x/y", Refusal::Git),
            ("github:a/b", Refusal::Git),
            ("git@github.com:a/b.git", Refusal::Git),
            ("a/b", Refusal::Git),
            ("a/b#semver:^1", Refusal::Git),
            ("https://x/y.tgz", Refusal::Url),
            ("HTTP://x/y.tgz", Refusal::Url),
            ("file:../x", Refusal::Local),
            ("link:x", Refusal::Local),
            ("../x", Refusal::Local),
            ("/etc/passwd", Refusal::Local),
            ("~/x", Refusal::Local),
            ("workspace:*", Refusal::Workspace),
            ("catalog:", Refusal::Workspace),
            ("jsr:@std/path@1", Refusal::Other),
        ];
        for (value, expected) in cases {
            assert_eq!(refusal(value), Some(expected), "{value}");
            let problem = parse("x", value).unwrap_err();
            assert_eq!(problem.code.as_str(), "unsupported-dependency");
            assert_eq!(problem.dependency.as_deref(), Some("x"));
            assert!(problem.message.contains(value), "{}", problem.message);
        }
    }

    #[test]
    fn nonsense() {
        for (key, value, code) in [
            ("../x", "1", "invalid-package-name"),
            ("x", "npm:../y@1", "invalid-package-name"),
            ("x", "not a range!", "invalid-version-range"),
            ("x", "npm:y@not a range!", "invalid-version-range"),
        ] {
            assert_eq!(parse(key, value).unwrap_err().code.as_str(), code, "{key}: {value}");
        }
    }
}
