//! After a resolution failed: who asked for what could not be had, and whether anybody misses it.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use deno_npm::registry::{NpmDependencyEntry, NpmPackageVersionInfo};
use deno_npm::resolution::Reporter;
use deno_semver::package::{PackageNv, PackageReq};

use super::asker::Asker;

/// The versions that the resolver has decided on so far.
#[derive(Debug, Default)]
pub(super) struct Decided(Mutex<HashSet<PackageNv>>);

impl Reporter for Decided {
    fn on_resolved(&self, _request: &PackageReq, version: &PackageNv) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(version.clone());
    }
}

/// What cannot be had: a package, and perhaps only some range of it.
pub(super) struct Culprit<'a> {
    pub name: &'a str,
    pub range: Option<&'a str>,
}

/// Who asks for it, from the author's own dependency on.
pub(super) struct Chain {
    pub root: String,
    pub through: Vec<PackageNv>,
}

impl Decided {
    /// The shortest way from one of the roots; none if a root itself is meant.
    pub(super) fn chain(
        &self,
        asker: &Asker,
        roots: &[(String, PackageNv)],
        culprit: &Culprit<'_>,
    ) -> Option<Chain> {
        let decided = self.sorted();
        let mut seen = HashSet::new();
        let mut waiting: VecDeque<(String, Vec<PackageNv>)> =
            roots.iter().map(|(name, version)| (name.clone(), vec![version.clone()])).collect();
        while let Some((root, path)) = waiting.pop_front() {
            let Some(last) = path.last().filter(|last| seen.insert((*last).clone())) else { continue };
            for entry in entries(asker, last) {
                let range = entry.version_req.version_text();
                if entry.name.as_str() == culprit.name && culprit.range.is_none_or(|wanted| wanted == range) {
                    return Some(Chain { root, through: path });
                }
                let fits = |version: &PackageNv| {
                    let any = entry.version_req.tag().is_some();
                    version.name == entry.name && (any || entry.version_req.matches(&version.version))
                };
                let next = decided.iter().filter(|version| fits(version));
                waiting.extend(
                    next.map(|next| (root.clone(), [&path[..], std::slice::from_ref(next)].concat())),
                );
            }
        }
        None
    }

    /// The names that are optional for someone and do not work without the culprit.
    pub(super) fn optional_for_someone(&self, asker: &Asker, culprit: &str) -> BTreeSet<String> {
        let decided = self.sorted();
        let releases: Vec<(&PackageNv, Vec<(String, bool)>)> =
            decided.iter().map(|version| (version, names(asker, version))).collect();
        let mut broken = BTreeSet::from([culprit.to_owned()]);
        loop {
            let before = broken.len();
            for (version, dependencies) in &releases {
                if dependencies.iter().any(|(name, optional)| !optional && broken.contains(name)) {
                    broken.insert(version.name.to_string());
                }
            }
            if broken.len() == before {
                break;
            }
        }
        let all = releases.iter().flat_map(|(_, dependencies)| dependencies);
        all.filter(|(name, optional)| *optional && broken.contains(name))
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn sorted(&self) -> Vec<PackageNv> {
        let mut decided: Vec<PackageNv> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        decided.sort();
        decided
    }
}

fn with_release<T>(
    asker: &Asker,
    version: &PackageNv,
    with: impl FnOnce(&NpmPackageVersionInfo) -> T,
) -> Option<T> {
    let info = asker.known(&version.name)?.ok()?;
    info.versions.get(&version.version).map(with)
}

fn entries(asker: &Asker, version: &PackageNv) -> Vec<NpmDependencyEntry> {
    let mut entries = with_release(asker, version, |release| {
        release.dependencies_as_entries(&version.name).unwrap_or_default()
    })
    .unwrap_or_default();
    entries.sort();
    entries
}

/// The packages that a version depends on, and whether it could do without.
fn names(asker: &Asker, version: &PackageNv) -> Vec<(String, bool)> {
    let named = with_release(asker, version, |release| {
        let entries = release.dependencies_as_entries(&version.name).unwrap_or_default();
        let named = entries.iter().filter(|entry| !entry.kind.is_optional_peer()).map(|entry| {
            let optional = release.optional_dependencies.contains_key(&entry.bare_specifier);
            (entry.name.to_string(), optional)
        });
        named.collect()
    });
    named.unwrap_or_default()
}
