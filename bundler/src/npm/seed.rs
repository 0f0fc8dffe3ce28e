//! An earlier lock as a preference: the resolver begins with its versions as if they had been decided, and
//! keeps each one that a range still allows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use deno_npm::NpmPackageId;
use deno_npm::registry::{NpmPackageInfo, NpmPackageVersionInfo};
use deno_npm::resolution::{
    NpmResolutionSnapshot, SerializedNpmResolutionSnapshot, SerializedNpmResolutionSnapshotPackage,
};
use deno_semver::package::{PackageNv, PackageReq};
use deno_semver::{StackString, Version, VersionReq};

use super::lock::Lock;
use super::metadata::Info;

/// The package that seems to ask for all of them. No registry has one of this name: it is none.
pub(super) const NAME: &str = ".lock";
const VERSION: &str = "0.0.0";

/// Where the resolver begins. Without a lock, or with one that makes no sense, at nothing.
pub(super) fn snapshot(lock: Option<&Lock>) -> NpmResolutionSnapshot {
    lock.and_then(seeded).unwrap_or_default()
}

fn seeded(lock: &Lock) -> Option<NpmResolutionSnapshot> {
    let own = NpmPackageId { nv: version(NAME, VERSION)?, peer_dependencies: Default::default() };
    let mut locked = BTreeMap::new();
    for package in lock.packages.values() {
        let nv = version(&package.name, &package.version)?;
        locked.insert(nv.to_string(), NpmPackageId { nv, peer_dependencies: Default::default() });
    }
    let request = PackageReq {
        name: StackString::from_str(NAME),
        version_req: VersionReq::parse_from_npm(VERSION).ok()?,
    };
    let dependencies = locked.iter().map(|(name, id)| (StackString::from_str(name), id.clone())).collect();
    let mut packages = vec![package(own.clone(), dependencies)];
    packages.extend(locked.into_values().map(|id| package(id, HashMap::new())));
    let snapshot =
        SerializedNpmResolutionSnapshot { root_packages: HashMap::from([(request, own)]), packages };
    Some(NpmResolutionSnapshot::new(snapshot.into_valid().ok()?))
}

fn version(name: &str, version: &str) -> Option<PackageNv> {
    Some(PackageNv { name: StackString::from_str(name), version: Version::parse_from_npm(version).ok()? })
}

/// What the versions depend on is still to be found out.
fn package(
    id: NpmPackageId,
    dependencies: HashMap<StackString, NpmPackageId>,
) -> SerializedNpmResolutionSnapshotPackage {
    SerializedNpmResolutionSnapshotPackage {
        id,
        system: Default::default(),
        dist: None,
        dependencies,
        optional_dependencies: HashSet::new(),
        optional_peer_dependencies: HashSet::new(),
        extra: None,
        is_deprecated: false,
        has_bin: false,
        has_scripts: false,
    }
}

/// The metadata of the package that there is not.
pub(super) fn info() -> Info {
    let mut info = NpmPackageInfo { name: StackString::from_str(NAME), ..Default::default() };
    if let Ok(version) = Version::parse_from_npm(VERSION) {
        let release = NpmPackageVersionInfo { version: version.clone(), ..Default::default() };
        info.versions.insert(version, release);
    }
    Arc::new(info)
}
