//! A package's metadata as registries write it, cut down to what resolving needs. What is left is regular,
//! whatever the registry sent: the resolver need not expect anything else.

use std::borrow::Cow;
use std::collections::BTreeMap;

use deno_semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::integrity::Integrity;
use super::loose::Loose;
use super::{name, spec};
use crate::limits::RANGE_BYTES_MAX;

/// Marks a version that is for some operating system, processor or C library: an isolate is none of them.
const NATIVE: &str = "native";

/// The JSON that the resolver is given, and that is kept on disk.
pub(super) fn reduced(name: &str, text: &str) -> Result<String, String> {
    if !text.trim_start().starts_with('{') {
        return Err("it is not an object".to_owned());
    }
    let sent: Sent = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut versions = BTreeMap::new();
    for (version, release) in &sent.versions {
        // Versions that are no versions, and releases that are no releases, cannot be asked for.
        let Some(version) = canonical(version) else { continue };
        let Ok(release) = serde_json::from_str::<Release>(release.get()) else { continue };
        if release.is_sane() {
            versions.insert(version, release);
        }
    }
    let tags = sent.dist_tags.texts().into_iter().filter_map(|(tag, version)| {
        let version = canonical(&version)?;
        versions.contains_key(&version).then_some((tag, version))
    });
    let dist_tags = tags.collect();
    let versions =
        versions.iter().map(|(version, release)| (version.as_str(), release.kept(version))).collect();
    serde_json::to_string(&Kept { name, dist_tags, versions }).map_err(|error| error.to_string())
}

/// Without what says nothing about precedence: two versions that only differ there would be the same.
fn canonical(version: &str) -> Option<String> {
    let version = Version::parse_from_npm(version).ok()?;
    Some(Version { build: Default::default(), ..version }.to_string())
}

/// Whether a version, as the resolver sees it, is for some machine.
pub(super) fn is_native(os: &[deno_semver::SmallStackString]) -> bool {
    os.iter().any(|mark| mark.as_str() == NATIVE)
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow, default, rename = "dist-tags")]
    dist_tags: Loose<'a>,
    #[serde(borrow, default)]
    versions: BTreeMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
struct Release<'a> {
    #[serde(default)]
    dependencies: Loose<'a>,
    #[serde(default)]
    optional_dependencies: Loose<'a>,
    #[serde(default)]
    peer_dependencies: Loose<'a>,
    #[serde(default)]
    peer_dependencies_meta: Loose<'a>,
    #[serde(default)]
    bundle_dependencies: Loose<'a>,
    #[serde(default)]
    bundled_dependencies: Loose<'a>,
    #[serde(default)]
    os: Loose<'a>,
    #[serde(default)]
    cpu: Loose<'a>,
    #[serde(default)]
    libc: Loose<'a>,
    #[serde(default)]
    dist: Loose<'a>,
}

type Texts<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

#[derive(Serialize)]
struct Kept<'a> {
    name: &'a str,
    #[serde(rename = "dist-tags")]
    dist_tags: BTreeMap<Cow<'a, str>, String>,
    versions: BTreeMap<&'a str, KeptRelease<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeptRelease<'a> {
    version: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    dependencies: Texts<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    optional_dependencies: Texts<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    peer_dependencies: Texts<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    peer_dependencies_meta: BTreeMap<Cow<'a, str>, OptionalPeer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bundle_dependencies: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    os: Vec<&'static str>,
    dist: Dist<'a>,
}

#[derive(Serialize)]
struct OptionalPeer {
    optional: bool,
}

#[derive(Serialize)]
struct Dist<'a> {
    tarball: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<String>,
}

impl<'a> Release<'a> {
    /// No range is so long that reading it would take long.
    fn is_sane(&self) -> bool {
        let sections = [&self.dependencies, &self.optional_dependencies, &self.peer_dependencies];
        let mut ranges = sections.into_iter().flat_map(Loose::entries);
        ranges.all(|(_, range)| !matches!(range, Loose::Text(text) if text.len() > RANGE_BYTES_MAX))
    }

    fn kept(&self, version: &'a str) -> KeptRelease<'a> {
        let mut dependencies = self.dependencies.texts();
        let mut optional_dependencies = self.optional_dependencies.texts();
        // Nobody misses an optional dependency that would be refused.
        optional_dependencies.retain(|name, value| {
            let wanted = is_askable(name, value);
            if !wanted {
                dependencies.remove(name);
            }
            wanted
        });
        let bundle_dependencies = [&self.bundle_dependencies, &self.bundled_dependencies];
        let bundle_dependencies = bundle_dependencies.into_iter().flat_map(|bundled| match bundled {
            Loose::Truth(true) => dependencies.keys().cloned().collect(),
            _ => bundled.list(),
        });
        let peer_dependencies = self.peer_dependencies.texts();
        let optional_peers = self.peer_dependencies_meta.entries().filter(|(name, meta)| {
            let optional =
                meta.entries().any(|(key, value)| key == "optional" && matches!(value, Loose::Truth(true)));
            optional && peer_dependencies.contains_key(*name)
        });
        let peer_dependencies_meta =
            optional_peers.map(|(name, _)| (name.clone(), OptionalPeer { optional: true })).collect();
        let native = [&self.os, &self.cpu, &self.libc].into_iter().any(restricts);
        KeptRelease {
            version,
            bundle_dependencies: bundle_dependencies.collect(),
            dependencies,
            optional_dependencies,
            peer_dependencies,
            peer_dependencies_meta,
            os: native.then_some(NATIVE).into_iter().collect(),
            dist: self.dist(),
        }
    }

    fn dist(&self) -> Dist<'a> {
        let mut dist = self.dist.texts();
        let integrity = dist.get("integrity").and_then(|text| Integrity::parse(text));
        let integrity = integrity.or_else(|| Integrity::of_shasum(dist.get("shasum")?));
        let integrity = integrity.map(|integrity| integrity.to_string());
        Dist { tarball: dist.remove("tarball").unwrap_or_default(), integrity }
    }
}

/// Whether a registry could answer for this dependency.
fn is_askable(key: &str, value: &str) -> bool {
    spec::refusal(value).is_none() && name::complaint(spec::aliased(key, value).0).is_none()
}

/// Whether a list of platforms names one that must be there; those that must not be are no hindrance.
fn restricts(platforms: &Loose<'_>) -> bool {
    platforms.list().iter().any(|platform| !platform.starts_with('!') && platform != "any")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::reduced;

    fn reduce(sent: Value) -> Value {
        serde_json::from_str(&reduced("a", &sent.to_string()).unwrap()).unwrap()
    }

    #[test]
    fn what_is_kept() {
        let kept = reduce(json!({
            "name": "impostor",
            "readme": "x",
            "dist-tags": {"latest": "1.0.0", "gone": "9.0.0", "odd": 1},
            "versions": {
                "1.0.0": {
                    "dependencies": {"b": "^1", "c": "file:../c", "d": 1, "native": "1", "e": "a/b"},
                    "optionalDependencies": {"native": "1", "e": "a/b"},
                    "peerDependencies": {"p": "1", "q": "1"},
                    "peerDependenciesMeta": {"p": {"optional": true}, "q": {"optional": false}, "r": {"optional": true}},
                    "bundleDependencies": true,
                    "os": ["!win32"],
                    "dist": {"tarball": "https://x/a.tgz", "integrity": "nonsense", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}
                },
                "2.0.0": {"dependencies": [], "os": "any", "libc": ["musl"], "dist": {"integrity": "nonsense"}},
                "not a version": {},
                "3.0.0": "not a release"
            }
        }));
        let expected = json!({
            "name": "a",
            "dist-tags": {"latest": "1.0.0"},
            "versions": {
                "1.0.0": {
                    "version": "1.0.0",
                    "dependencies": {"b": "^1", "c": "file:../c", "native": "1"},
                    "optionalDependencies": {"native": "1"},
                    "peerDependencies": {"p": "1", "q": "1"},
                    "peerDependenciesMeta": {"p": {"optional": true}},
                    "bundleDependencies": ["b", "c", "native"],
                    "dist": {"tarball": "https://x/a.tgz", "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="}
                },
                "2.0.0": {"version": "2.0.0", "os": ["native"], "dist": {"tarball": ""}}
            }
        });
        assert_eq!(kept, expected);
    }

    /// The resolver takes it for granted that it can read what was kept.
    #[test]
    fn the_resolver_can_read_it() {
        let strange = json!({
            "quote\"\\\\": "1", "newline\n\t\u{0}": "^1", "é😀": "}{][\"", "a": "\\\\\"", "": "", "__proto__": "1"
        });
        let release = json!({
            "version": "lies", "dependencies": strange, "optionalDependencies": strange, "peerDependencies": strange,
            "peerDependenciesMeta": {"a": {"optional": true}}, "bundleDependencies": ["quote\"\\\\"], "os": ["darwin"],
            "dist": {"tarball": "\"}]}", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}
        });
        let versions = ["1.0.0", "v2.0.0", "=3.0.0", "4.0.0-a.b+build", "5.0.0+x", "01.2.3"];
        let versions: Value = versions.iter().map(|version| (version.to_string(), release.clone())).collect();
        let sent =
            json!({"name": "\"", "dist-tags": {"latest": "1.0.0", "odd\"": "2.0.0"}, "versions": versions});
        let kept = reduced("a", &sent.to_string()).unwrap();
        let info = deno_npm::registry::NpmPackageInfo::from_packument_bytes(kept.into_bytes()).unwrap();
        assert_eq!(info.versions.len(), 6);
        for version in info.versions.keys() {
            assert_eq!(info.versions.get(version).map(|release| &release.version), Some(version));
        }
    }

    #[test]
    fn what_is_no_metadata() {
        assert_eq!(reduce(json!({"error": "not found"}))["versions"], json!({}));
        for bad in ["", "<html>", "[]", "{\"versions\": []}", "null"] {
            assert!(reduced("a", bad).is_err(), "{bad}");
        }
    }
}
