//! A lock from outside may give one package the name of another: its integrity alone would let that pass. What a
//! package calls itself is held against it, and where the two differ the registry decides, because some packages were
//! published under another name than they bear.

use deno_npm::registry::NpmPackageVersionDistInfoIntegrity;
use deno_semver::Version;

use super::integrity::Integrity;
use super::lock::{Lock, LockedPackage};
use super::metadata::MetadataCache;
use super::problem::{InstallError, InstallProblem, ProblemCode};
use crate::package::{OwnName, Packages};

pub(super) async fn check(
    lock: &Lock,
    packages: &Packages,
    metadata: &MetadataCache,
) -> Result<(), InstallError> {
    let mut problems = Vec::new();
    for (id, package) in &packages.packages {
        let Some(locked) = lock.packages.get(id) else { continue };
        let own = package.files.own_name();
        if !differs(locked, own) || is_published(locked, metadata).await {
            continue;
        }
        let LockedPackage { name, version, .. } = locked;
        let message = format!("the lock calls a package `{name}@{version}` that calls itself `{own}`");
        let hint = "give the `bundle.lock` of a `processor/configured` event as it is there, or leave it out";
        let problem = InstallProblem::new(ProblemCode::BadLock, message).hint(hint);
        let dependency = lock.root_of(name, version).map(str::to_owned);
        problems.push(InstallProblem { dependency, ..problem });
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(InstallError::Problems(problems)),
    }
}

/// What a package does not say of itself is no contradiction; nor is another spelling of a version, nor what was built
/// of it.
fn differs(locked: &LockedPackage, own: &OwnName) -> bool {
    let other_name = own.name.as_ref().is_some_and(|name| !name.eq_ignore_ascii_case(&locked.name));
    let other_version = own.version.as_ref().is_some_and(|own| {
        let parsed = |text: &str| {
            let version = Version::parse_from_npm(text.trim()).ok()?;
            Some((version.major, version.minor, version.patch, version.pre.clone()))
        };
        own.trim() != locked.version && (parsed(own).is_none() || parsed(own) != parsed(&locked.version))
    });
    other_name || other_version
}

/// Whether the registry has just this under that name.
async fn is_published(locked: &LockedPackage, metadata: &MetadataCache) -> bool {
    let Ok(info) = metadata.of(&locked.name).await else { return false };
    let release = info.versions.iter().find(|(version, _)| version.to_string() == locked.version);
    let dist = release.and_then(|(_, release)| release.dist.as_ref());
    let Some(NpmPackageVersionDistInfoIntegrity::Integrity { algorithm, base64_hash }) =
        dist.map(|dist| dist.integrity())
    else {
        return false;
    };
    Integrity::parse(&format!("{algorithm}-{base64_hash}")) == Integrity::parse(&locked.integrity)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{LockedPackage, OwnName, differs};

    #[test]
    fn what_contradicts() {
        let cases = [
            (Some("a"), Some("1.2.3"), false),
            (None, None, false),
            (Some("A"), Some("v1.2.3"), false),
            (Some("a"), Some("1.2.3+build.7"), false),
            (Some("a"), Some(" 1.2.3 "), false),
            (Some("b"), Some("1.2.3"), true),
            (Some("a"), Some("1.2.4"), true),
            (Some("a"), Some("1.2.3-rc.1"), true),
            (Some("a"), Some("not a version"), true),
        ];
        for (name, version, expected) in cases {
            let locked = LockedPackage {
                name: "a".into(),
                version: "1.2.3".into(),
                integrity: String::new(),
                tarball: None,
                dependencies: BTreeMap::new(),
            };
            let own = OwnName { name: name.map(str::to_owned), version: version.map(str::to_owned) };
            assert_eq!(differs(&locked, &own), expected, "{own}");
        }
    }
}
