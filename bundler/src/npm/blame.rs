//! After a resolution failed: who asked for what could not be had, and whether anybody misses it.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use deno_npm::registry::NpmDependencyEntry;
use deno_npm::resolution::Reporter;
use deno_semver::Version;
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

/// What cannot be had: a package, or some range of it, or some version.
#[derive(Clone, Debug, Default)]
pub(super) struct Culprit {
    pub name: String,
    pub range: Option<String>,
    pub version: Option<Version>,
}

impl Culprit {
    fn is_meant_by(&self, entry: &NpmDependencyEntry) -> bool {
        entry.name.as_str() == self.name
            && self.range.as_ref().is_none_or(|range| range == entry.version_req.version_text())
            && self.version.as_ref().is_none_or(|version| may_become(entry, version))
    }
}

/// A dependency that its package could do without: a name and a range.
pub(super) type Dispensable = (String, String);

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
        culprit: &Culprit,
    ) -> Option<Chain> {
        let decided = self.sorted();
        let mut seen = HashSet::new();
        let mut waiting: VecDeque<(String, Vec<PackageNv>)> =
            roots.iter().map(|(name, version)| (name.clone(), vec![version.clone()])).collect();
        while let Some((root, path)) = waiting.pop_front() {
            let Some(last) = path.last().filter(|last| seen.insert((*last).clone())) else { continue };
            for entry in entries(asker, last) {
                if culprit.is_meant_by(&entry) {
                    return Some(Chain { root, through: path });
                }
                let next = decided
                    .iter()
                    .filter(|next| next.name == entry.name && may_become(&entry, &next.version));
                waiting.extend(
                    next.map(|next| (root.clone(), [&path[..], std::slice::from_ref(next)].concat())),
                );
            }
        }
        None
    }

    /// What packages could do without, and what does not work without the culprit.
    pub(super) fn dispensable(&self, asker: &Asker, culprit: &Culprit) -> BTreeSet<Dispensable> {
        let releases: Vec<(PackageNv, Vec<NpmDependencyEntry>, HashSet<String>)> =
            self.sorted().into_iter().map(|version| with_entries(asker, version)).collect();
        let mut broken: HashSet<&PackageNv> = HashSet::new();
        let is_broken = |broken: &HashSet<&PackageNv>, entry: &NpmDependencyEntry| {
            let leads_there =
                |version: &&PackageNv| version.name == entry.name && may_become(entry, &version.version);
            culprit.is_meant_by(entry) || broken.iter().any(leads_there)
        };
        loop {
            let before = broken.len();
            for (version, entries, optional) in &releases {
                let mut needed =
                    entries.iter().filter(|entry| !optional.contains(entry.bare_specifier.as_str()));
                if needed.any(|entry| !entry.kind.is_optional_peer() && is_broken(&broken, entry)) {
                    broken.insert(version);
                }
            }
            if broken.len() == before {
                break;
            }
        }
        let all = releases
            .iter()
            .flat_map(|(_, entries, optional)| entries.iter().map(move |entry| (entry, optional)));
        let dispensable = all.filter(|(entry, optional)| {
            optional.contains(entry.bare_specifier.as_str()) && is_broken(&broken, entry)
        });
        dispensable
            .map(|(entry, _)| (entry.name.to_string(), entry.version_req.version_text().to_owned()))
            .collect()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn sorted(&self) -> Vec<PackageNv> {
        let mut decided: Vec<PackageNv> =
            self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        decided.sort();
        decided
    }
}

/// Whether a version may be what the resolver takes for an entry.
fn may_become(entry: &NpmDependencyEntry, version: &Version) -> bool {
    entry.version_req.tag().is_some() || entry.version_req.matches(version)
}

fn entries(asker: &Asker, version: &PackageNv) -> Vec<NpmDependencyEntry> {
    with_entries(asker, version.clone()).1
}

/// What a version depends on, and under which names it could do without.
fn with_entries(asker: &Asker, version: PackageNv) -> (PackageNv, Vec<NpmDependencyEntry>, HashSet<String>) {
    let info = asker.known(&version.name).and_then(Result::ok);
    let Some(release) = info.as_ref().and_then(|info| info.versions.get(&version.version)) else {
        return (version, Vec::new(), HashSet::new());
    };
    let mut entries = release.dependencies_as_entries(&version.name).unwrap_or_default();
    entries.sort();
    let optional = release.optional_dependencies.keys().map(ToString::to_string).collect();
    (version, entries, optional)
}
