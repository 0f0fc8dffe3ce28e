//! The resolver's failures in words for the author: what, who asks for it, and what there is instead.

use deno_npm::registry::{NpmDependencyEntryErrorSource, NpmRegistryPackageInfoLoadError};
use deno_npm::resolution::{NpmPackageVersionResolutionError, NpmResolutionError, UnmetPeerDepDiagnostic};
use deno_semver::package::PackageNv;
use deno_semver::{Version, VersionReq};

use super::asker::Asker;
use super::blame::{Chain, Culprit};
use super::config::token_key;
use super::metadata::MetadataError;
use super::problem::{InstallProblem, ProblemCode};
use super::spec;
use crate::limits::VERSIONS_SHOWN;

/// Why something could not be had, without who asked for it.
pub(super) struct Reason {
    pub culprit: Culprit,
    pub problem: InstallProblem,
    pub machinery: Option<String>,
    /// Whether optional dependencies may fail like this without anybody minding.
    pub avoidable: bool,
}

pub(super) fn reason(error: &NpmResolutionError, asker: &Asker) -> Reason {
    match error {
        NpmResolutionError::Registry(NpmRegistryPackageInfoLoadError::PackageNotExists { package_name }) => {
            not_found(package_name, asker)
        }
        NpmResolutionError::Registry(NpmRegistryPackageInfoLoadError::LoadError(_)) => not_loaded(asker),
        NpmResolutionError::Resolution(error) => no_version(error, asker),
        NpmResolutionError::DependencyEntry(error) => {
            let who = format!("`{}`, which `{}` asks for,", error.key, error.parent_nv);
            let problem = match (&error.source, spec::refusal(&error.value)) {
                (NpmDependencyEntryErrorSource::NpmVersionReqParseError(_), None) => {
                    let message = format!("`{}` is no version range: {who} has it", error.value);
                    InstallProblem::new(ProblemCode::InvalidVersionRange, message)
                        .hint("use another version of the package that asks for it")
                }
                (_, refusal) => spec::refused(&who, &error.value, refusal.unwrap_or(spec::Refusal::Other))
                    .hint(format!("use another version of `{}`, or do without it", error.parent_nv.name)),
            };
            let mut reason = plain(&error.parent_nv.name, problem);
            reason.culprit.version = Some(error.parent_nv.version.clone());
            reason
        }
    }
}

fn plain(package: &str, problem: InstallProblem) -> Reason {
    let culprit = Culprit { name: package.to_owned(), ..Culprit::default() };
    Reason { culprit, problem, machinery: None, avoidable: true }
}

fn not_found(package: &str, asker: &Asker) -> Reason {
    let registry = match asker.known(package) {
        Some(Err(MetadataError::NotFound { registry })) => Some(registry),
        _ => None,
    };
    let host = registry.as_ref().map_or("", |registry| registry.as_str());
    let message = format!("there is no package `{package}` in the registry {host}");
    let mut hint = "check its spelling".to_owned();
    if let Some(registry) = registry.filter(|_| package.starts_with('@')) {
        hint += &format!("; if it is private, set `{}` in .npmrc", token_key(&registry));
    }
    plain(package, InstallProblem::new(ProblemCode::PackageNotFound, message).hint(hint))
}

fn not_loaded(asker: &Asker) -> Reason {
    let Some((package, error)) = asker.failure() else {
        let machinery = "metadata could not be read, and nobody knows why".to_owned();
        let problem = InstallProblem::new(ProblemCode::RegistryAnswer, machinery.clone());
        return Reason { machinery: Some(machinery), avoidable: false, ..plain("", problem) };
    };
    match error {
        MetadataError::Problem(problem) => {
            let avoidable =
                matches!(problem.code, ProblemCode::RegistryDenied | ProblemCode::InvalidPackageName);
            Reason { avoidable, ..plain(&package, problem) }
        }
        MetadataError::Machinery(machinery) => {
            let problem = InstallProblem::new(ProblemCode::RegistryAnswer, machinery.clone());
            Reason { machinery: Some(machinery), avoidable: false, ..plain(&package, problem) }
        }
        MetadataError::NotFound { .. } => not_found(&package, asker),
    }
}

fn no_version(error: &NpmPackageVersionResolutionError, asker: &Asker) -> Reason {
    use NpmPackageVersionResolutionError::*;
    let (package, range, message) = match error {
        VersionReqNotMatched { package_name, version_req, .. } => {
            let range = version_req.version_text().to_owned();
            (
                package_name.to_string(),
                Some(range.clone()),
                format!("no version of `{package_name}` satisfies `{range}`"),
            )
        }
        DistTagNotFound { package_name, dist_tag }
        | DistTagVersionNotFound { package_name, dist_tag, .. } => {
            let message = format!("`{package_name}` has no dist-tag `{dist_tag}`");
            (package_name.to_string(), Some(dist_tag.clone()), message)
        }
        VersionNotFound(not_found) => {
            let version = &not_found.0;
            (
                version.name.to_string(),
                None,
                format!("there is no version {} of `{}`", version.version, version.name),
            )
        }
        // Policies that are not switched on.
        DistTagVersionTooNew { package_name, .. } | TrustPolicyDowngrade { package_name, .. } => {
            (package_name.to_string(), None, error.to_string())
        }
    };
    let mut problem = InstallProblem::new(ProblemCode::VersionNotFound, message);
    problem.hint = offer(&package, range.as_deref(), asker);
    let mut reason = plain(&package, problem);
    reason.culprit.range = range;
    reason
}

/// What there is instead: the newest versions, the nearest one, and the tags.
fn offer(package: &str, range: Option<&str>, asker: &Asker) -> Option<String> {
    let info = asker.known(package)?.ok()?;
    let mut versions: Vec<&Version> = info.versions.keys().collect();
    if versions.is_empty() {
        return Some("all its versions have been taken back".to_owned());
    }
    versions.sort_by(|a, b| b.cmp(a));
    let released: Vec<&Version> = versions.iter().copied().filter(|version| version.pre.is_empty()).collect();
    let shown = if released.is_empty() { &versions } else { &released };
    let newest: Vec<String> = shown.iter().take(VERSIONS_SHOWN).map(|version| version.to_string()).collect();
    let mut hint = format!("its newest versions are {}", newest.join(", "));
    let major = range.and_then(first_number);
    let nearest = major.and_then(|major| versions.iter().find(|version| version.major == major));
    if let Some(nearest) =
        nearest.map(|version| version.to_string()).filter(|version| !newest.contains(version))
    {
        hint += &format!("; the nearest is {nearest}");
    }
    let mut tags: Vec<_> = info.dist_tags.iter().map(|(tag, version)| format!("{tag} {version}")).collect();
    // `latest` is what most want.
    tags.sort_by_key(|tag| (!tag.starts_with("latest "), tag.clone()));
    if !tags.is_empty() {
        tags.truncate(VERSIONS_SHOWN);
        hint += &format!("; its dist-tags: {}", tags.join(", "));
    }
    Some(hint)
}

fn first_number(range: &str) -> Option<u64> {
    let digits = range.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// With who asks for it, which is all that the author can change.
pub(super) fn problem(reason: &Reason, root: Option<&str>, chain: Option<&Chain>) -> InstallProblem {
    let mut problem = reason.problem.clone();
    problem.dependency = root.map(str::to_owned);
    if let Some(chain) = chain {
        let through: Vec<String> = chain.through.iter().map(|version| format!("`{version}`")).collect();
        problem.message += &format!(" (asked for by {})", through.join(" → "));
    }
    problem
}

/// Peers that have another version than was asked for: they may work all the same.
pub(super) fn unmet_peers(
    unmet: &[UnmetPeerDepDiagnostic],
    roots: &[(String, PackageNv)],
) -> Vec<InstallProblem> {
    let warning = |unmet: &UnmetPeerDepDiagnostic| {
        let asking = unmet.ancestors.first().map(ToString::to_string).unwrap_or_default();
        let PeerRequest { name, range } =
            PeerRequest::of(&unmet.dependency.name, &unmet.dependency.version_req);
        let message = format!("`{asking}` asks for `{name}@{range}` beside it, and gets {}", unmet.resolved);
        let top = unmet.ancestors.last();
        let root = roots.iter().find(|(_, version)| Some(version) == top).map(|(name, _)| name.clone());
        let problem = InstallProblem::new(ProblemCode::UnmetPeer, message);
        let hint = format!("if something fails there, use a version of `{name}` that satisfies `{range}`");
        InstallProblem { dependency: root, ..problem.hint(hint) }
    };
    let mut warnings: Vec<InstallProblem> = unmet.iter().map(warning).collect();
    warnings.sort_by(|a, b| (&a.message, &a.dependency).cmp(&(&b.message, &b.dependency)));
    warnings.dedup_by(|a, b| a.message == b.message);
    warnings
}

struct PeerRequest<'a> {
    name: &'a str,
    range: &'a str,
}

impl<'a> PeerRequest<'a> {
    fn of(name: &'a str, range: &'a VersionReq) -> PeerRequest<'a> {
        PeerRequest { name, range: range.version_text() }
    }
}
