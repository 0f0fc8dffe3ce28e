//! What the resolver found, as a lock: without packages for machines that an isolate is not, with an integrity
//! for everything, and under ids that say no more than needed.

use std::collections::{BTreeMap, BTreeSet};

use deno_npm::registry::NpmPackageVersionDistInfoIntegrity;
use deno_npm::resolution::NpmResolutionSnapshot;
use deno_npm::{NpmPackageId, NpmResolutionPackage};
use deno_semver::package::PackageNv;

use super::asker::Asker;
use super::config::NpmConfig;
use super::lock::{Lock, LockedPackage, id};
use super::packument::is_native;
use super::problem::{InstallError, InstallProblem, ProblemCode};
use super::requirements::{Requirements, Root};
use super::spec::{self, Refusal};
use crate::limits::PACKAGES_MAX;
use crate::package::PackageId;

pub(super) fn locked(
    requirements: &Requirements,
    roots: &[Root],
    snapshot: &NpmResolutionSnapshot,
    asker: &Asker,
    config: &NpmConfig,
) -> Result<Lock, InstallError> {
    let root_packages: BTreeMap<&str, &NpmResolutionPackage> = roots
        .iter()
        .filter_map(|root| Some((root, snapshot.resolve_pkg_from_pkg_req(&root.request).ok()?)))
        .filter(|(root, package)| !(root.optional && is_native(&package.system.os)))
        .map(|(root, package)| (root.name.as_str(), package))
        .collect();
    let reached = reached(&root_packages, snapshot)?;
    let ids = ids(reached.keys().copied());
    let mut problems = Vec::new();
    let mut packages = BTreeMap::new();
    for (package_id, found) in &reached {
        problems.extend(local_dependency(&found.package.id.nv, asker).map(|problem| found.blame(problem)));
        match found.locked(&ids, config) {
            Ok(locked) => drop(packages.insert(ids[*package_id].clone(), locked)),
            Err(problem) => problems.push(found.blame(problem)),
        }
    }
    if !problems.is_empty() {
        return Err(InstallError::Problems(problems));
    }
    let roots = root_packages.iter().map(|(name, package)| (name.to_string(), ids[&package.id].clone()));
    Ok(Lock::new(requirements.clone(), roots.collect(), packages))
}

struct Found<'a> {
    package: &'a NpmResolutionPackage,
    /// The author's dependency that leads to it.
    root: &'a str,
    dependencies: BTreeMap<&'a str, &'a NpmPackageId>,
}

/// Everything that is used, without optional packages for some machine.
fn reached<'a>(
    roots: &BTreeMap<&'a str, &'a NpmResolutionPackage>,
    snapshot: &'a NpmResolutionSnapshot,
) -> Result<BTreeMap<&'a NpmPackageId, Found<'a>>, InstallProblem> {
    let mut reached = BTreeMap::new();
    let mut waiting: Vec<(&str, &NpmResolutionPackage)> =
        roots.iter().rev().map(|(name, package)| (*name, *package)).collect();
    while let Some((root, package)) = waiting.pop() {
        if reached.contains_key(&package.id) {
            continue;
        }
        let used =
            package.dependencies.iter().filter_map(|(name, id)| Some((name, snapshot.package_from_id(id)?)));
        let used = used.filter(|(name, target)| {
            !(package.optional_dependencies.contains(*name) && is_native(&target.system.os))
        });
        let used: BTreeMap<&str, &NpmResolutionPackage> =
            used.map(|(name, target)| (name.as_str(), target)).collect();
        waiting.extend(used.values().rev().map(|target| (root, *target)));
        let dependencies = used.iter().map(|(name, target)| (*name, &target.id)).collect();
        reached.insert(&package.id, Found { package, root, dependencies });
        if reached.len() > PACKAGES_MAX {
            let message = format!("the dependencies come to more than {PACKAGES_MAX} packages");
            return Err(InstallProblem::new(ProblemCode::TooManyPackages, message).about(root));
        }
    }
    Ok(reached)
}

/// The peers of a package are told in its id only where the same version appears with others.
fn ids<'a>(all: impl Iterator<Item = &'a NpmPackageId>) -> BTreeMap<&'a NpmPackageId, PackageId> {
    let mut variants: BTreeMap<&PackageNv, BTreeSet<&NpmPackageId>> = BTreeMap::new();
    for id in all {
        variants.entry(&id.nv).or_default().insert(id);
    }
    let named = variants.iter().flat_map(|(version, variants)| {
        variants.iter().map(|package| {
            let variant = (variants.len() > 1).then(|| package.as_serialized());
            (*package, id(&version.name, &version.version.to_string(), variant.as_deref()))
        })
    });
    named.collect()
}

impl Found<'_> {
    fn locked(
        &self,
        ids: &BTreeMap<&NpmPackageId, PackageId>,
        config: &NpmConfig,
    ) -> Result<LockedPackage, InstallProblem> {
        let PackageNv { name, version } = &self.package.id.nv;
        let (name, version) = (name.to_string(), version.to_string());
        let dist = self.package.dist.as_ref();
        let integrity = dist.map(|dist| dist.integrity());
        let Some(NpmPackageVersionDistInfoIntegrity::Integrity { algorithm, base64_hash }) = integrity else {
            let message =
                format!("the registry tells no integrity of `{name}@{version}`, so it is not installed");
            let hint = "use another version of it, or a registry that tells one";
            return Err(InstallProblem::new(ProblemCode::IntegrityMissing, message).hint(hint));
        };
        let declared = dist.map(|dist| dist.tarball.as_str()).filter(|tarball| !tarball.is_empty());
        let usual = config.usual_tarball(&name, &version)?;
        let tarball = declared.map(|declared| config.tarball(&name, declared)).transpose()?;
        let tarball = tarball.filter(|tarball| *tarball != usual).map(String::from);
        let dependencies = self.dependencies.iter().map(|(name, id)| (name.to_string(), ids[id].clone()));
        Ok(LockedPackage {
            name,
            version,
            integrity: format!("{algorithm}-{base64_hash}"),
            tarball,
            dependencies: dependencies.collect(),
        })
    }

    fn blame(&self, problem: InstallProblem) -> InstallProblem {
        problem.about(self.root)
    }
}

/// The resolver skips paths in silence, but the package that asks for one would not work.
fn local_dependency(version: &PackageNv, asker: &Asker) -> Option<InstallProblem> {
    let info = asker.known(&version.name)?.ok()?;
    let release = info.versions.get(&version.version)?;
    let bundled = release.bundle_dependencies();
    let mut wanted: Vec<_> =
        release.dependencies.iter().filter(|(name, _)| !bundled.contains(name)).collect();
    wanted.sort();
    let local = wanted.into_iter().find(|(_, value)| spec::refusal(value) == Some(Refusal::Local));
    local.map(|(name, value)| {
        spec::refused(&format!("`{name}`, which `{version}` asks for,"), value, Refusal::Local)
            .hint(format!("use another version of `{}`, or do without it", version.name))
    })
}
