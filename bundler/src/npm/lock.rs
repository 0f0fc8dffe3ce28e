//! A resolution in a form that lasts: it builds the same tree again without asking what is newest. It comes
//! back from outside, so everything in it is checked before it is used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use deno_semver::Version;
use serde::{Deserialize, Serialize};

use super::integrity::Integrity;
use super::name;
use super::requirements::Requirements;
use crate::limits;
use crate::package::PackageId;

const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lock {
    version: u32,
    /// What was asked for: a lock is as good as a resolution only for the same.
    pub(super) requirements: Requirements,
    pub(super) roots: BTreeMap<String, PackageId>,
    pub(super) packages: BTreeMap<PackageId, LockedPackage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockedPackage {
    pub name: String,
    pub version: String,
    pub integrity: String,
    /// Only where it is not the registry's usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tarball: Option<String>,
    /// By the name under which it is imported.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<String, PackageId>,
}

impl Lock {
    pub(super) fn new(
        requirements: Requirements,
        roots: BTreeMap<String, PackageId>,
        packages: BTreeMap<PackageId, LockedPackage>,
    ) -> Lock {
        Lock { version: VERSION, requirements, roots, packages }
    }

    /// What was resolved, by id.
    pub fn packages(&self) -> &BTreeMap<PackageId, LockedPackage> {
        &self.packages
    }

    /// The root dependency with which a package comes.
    pub(super) fn root_of(&self, name: &str, version: &str) -> Option<&str> {
        let mut seen = BTreeSet::new();
        let mut waiting: VecDeque<(&str, &PackageId)> =
            self.roots.iter().map(|(root, id)| (root.as_str(), id)).collect();
        while let Some((root, id)) = waiting.pop_front() {
            let Some(package) = self.packages.get(id).filter(|_| seen.insert(id)) else { continue };
            if package.name == name && package.version == version {
                return Some(root);
            }
            waiting.extend(package.dependencies.values().map(|id| (root, id)));
        }
        None
    }

    /// Why this cannot be the lock of a resolution.
    pub fn complaint(&self) -> Option<String> {
        if self.version != VERSION {
            return Some(format!(
                "it has version {}, and this server writes version {VERSION}",
                self.version
            ));
        }
        if self.packages.len() > limits::PACKAGES_MAX {
            return Some(format!("it has more than {} packages", limits::PACKAGES_MAX));
        }
        let missing = |id: &&PackageId| !self.packages.contains_key(*id);
        if let Some(id) = self.roots.values().find(missing) {
            return Some(format!("`{id}` is not in it"));
        }
        if let Some(name) = self.requirements.dependencies.keys().find(|name| !self.roots.contains_key(*name))
        {
            return Some(format!("`{name}` is not in it"));
        }
        let undeclared = |name: &&String| !self.requirements.names().any(|known| known == name.as_str());
        if let Some(name) = self.roots.keys().find(undeclared) {
            return Some(format!("nobody asked for `{name}`"));
        }
        self.packages.iter().find_map(|(id, package)| {
            let absent = package.dependencies.values().find(missing);
            absent.map(|absent| format!("`{absent}` is not in it")).or_else(|| package.complaint(id))
        })
    }
}

impl LockedPackage {
    fn complaint(&self, id: &PackageId) -> Option<String> {
        let wrong = |what: &str| Some(format!("`{}` has {what}", id.0.escape_debug()));
        if name::complaint(&self.name).is_some() {
            return wrong("a name that is none");
        }
        // Only the form that is written: what parses loosely would still reach a URL as it is.
        let parsed = Version::parse_from_npm(&self.version);
        if parsed.is_ok_and(|version| version.to_string() != self.version)
            || Version::parse_from_npm(&self.version).is_err()
        {
            return wrong("a version that is none");
        }
        let rest = id.0.strip_prefix(&self.name).and_then(|rest| rest.strip_prefix('@'));
        let variant = rest.and_then(|rest| rest.strip_prefix(self.version.as_str()));
        if !variant.is_some_and(is_variant) {
            return wrong("another name or version than its id says");
        }
        if Integrity::parse(&self.integrity).is_none_or(|integrity| integrity.to_string() != self.integrity) {
            let integrity: String = self.integrity.chars().take(limits::INTEGRITY_SHOWN_CHARS_MAX).collect();
            return wrong(&format!(
                "the integrity {integrity:?}, which is none: it must be as `sha512-…` in base64"
            ));
        }
        if self.dependencies.keys().any(|alias| name::complaint(alias).is_some()) {
            return wrong("a dependency with a name that is none");
        }
        None
    }
}

/// The id of a package, made distinct where the same version appears with other peers: `variant` is then all
/// that tells them apart.
pub(super) fn id(name: &str, version: &str, variant: Option<&str>) -> PackageId {
    let variant = variant.map(|variant| format!("~{}", &super::integrity::digest(variant.as_bytes())[..8]));
    PackageId(format!("{name}@{version}{}", variant.unwrap_or_default()))
}

fn is_variant(text: &str) -> bool {
    let digits = text.strip_prefix('~').unwrap_or("00000000");
    (text.is_empty() || text.starts_with('~'))
        && digits.len() == 8
        && digits.bytes().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Lock;

    fn lock() -> Value {
        let integrity = format!("sha512-{}==", "A".repeat(86));
        json!({
            "version": 1,
            "requirements": {"dependencies": {"a": "^1"}},
            "roots": {"a": "@s/a@1.0.0"},
            "packages": {
                "@s/a@1.0.0": {"name": "@s/a", "version": "1.0.0", "integrity": integrity, "dependencies": {"b": "b@2.0.0-rc.1~0123abcd"}},
                "b@2.0.0-rc.1~0123abcd": {"name": "b", "version": "2.0.0-rc.1", "integrity": integrity}
            }
        })
    }

    fn complaint(lock: Value) -> Option<String> {
        serde_json::from_value::<Lock>(lock).unwrap().complaint()
    }

    #[test]
    fn a_lock_comes_back_the_same() {
        let value = lock();
        let parsed: Lock = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&parsed).unwrap(), value);
        assert_eq!(parsed.complaint(), None);
    }

    #[test]
    fn what_is_not_believed() {
        let changes: [(&str, Value); 17] = [
            ("/version", json!(2)),
            ("/roots/a", json!("c@1.0.0")),
            ("/roots", json!({})),
            ("/roots", json!({"a": "@s/a@1.0.0", "z": "@s/a@1.0.0"})),
            ("/packages/@s~1a@1.0.0/name", json!("../a")),
            ("/packages/@s~1a@1.0.0/name", json!("other")),
            ("/packages/@s~1a@1.0.0/version", json!("1.0.0/../../x")),
            ("/packages/@s~1a@1.0.0/version", json!("v1.0.0")),
            ("/packages/@s~1a@1.0.0/integrity", json!("sha512-../../../etc")),
            ("/packages/@s~1a@1.0.0/integrity", json!("")),
            ("/packages/@s~1a@1.0.0/integrity", json!("garbage")),
            ("/packages/@s~1a@1.0.0/integrity", json!("md5-1B2M2Y8AsgTpgAmY7PhCfg==")),
            ("/packages/@s~1a@1.0.0/integrity", json!(format!("sha512-{}==", "A".repeat(42)))),
            ("/packages/@s~1a@1.0.0/integrity", json!(format!("SHA512-{}==", "A".repeat(86)))),
            ("/packages/@s~1a@1.0.0/integrity", json!(format!("sha512-{}== garbage", "A".repeat(86)))),
            ("/packages/@s~1a@1.0.0/dependencies", json!({"../b": "b@2.0.0-rc.1~0123abcd"})),
            ("/packages/@s~1a@1.0.0/dependencies", json!({"b": "b@2.0.0"})),
        ];
        for (place, value) in changes {
            let mut changed = lock();
            *changed.pointer_mut(place).unwrap() = value.clone();
            assert!(complaint(changed).is_some(), "{place} = {value}");
        }
    }
}
