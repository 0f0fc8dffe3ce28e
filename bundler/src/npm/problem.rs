//! What keeps dependencies from being installed, in words for the author.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstallError {
    /// The author's, the registry's or the network's: at least one.
    #[error("{}", .0.first().map_or("nothing can be installed", |problem| problem.message.as_str()))]
    Problems(Vec<InstallProblem>),
    /// This machine's trouble, such as a full disk: the same dependencies may install later.
    #[error("{0}")]
    Machinery(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstallProblem {
    pub code: ProblemCode,
    /// The root dependency that it is about, by its name in `package.json`.
    pub dependency: Option<String>,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// A section of `package.json` has the wrong shape.
    InvalidDependencies,
    InvalidPackageName,
    InvalidVersionRange,
    InvalidOverrides,
    /// Something that is not from a registry: git, files, links, workspaces, URLs.
    UnsupportedDependency,
    PackageNotFound,
    VersionNotFound,
    RegistryUnavailable,
    RegistryDenied,
    /// The registry answered with something that makes no sense.
    RegistryAnswer,
    IntegrityMismatch,
    IntegrityMissing,
    PackageTooLarge,
    PackageUnreadable,
    TooManyPackages,
    NpmConfig,
    Offline,
    InstallTimeout,
    /// A warning: a peer has another version than was asked for.
    UnmetPeer,
    /// The lock that was given is none of ours, or was changed since.
    BadLock,
}

impl ProblemCode {
    /// As in diagnostics.
    pub fn as_str(self) -> &'static str {
        match self {
            ProblemCode::InvalidDependencies => "invalid-dependencies",
            ProblemCode::InvalidPackageName => "invalid-package-name",
            ProblemCode::InvalidVersionRange => "invalid-version-range",
            ProblemCode::InvalidOverrides => "invalid-overrides",
            ProblemCode::UnsupportedDependency => "unsupported-dependency",
            ProblemCode::PackageNotFound => "package-not-found",
            ProblemCode::VersionNotFound => "version-not-found",
            ProblemCode::RegistryUnavailable => "registry-unavailable",
            ProblemCode::RegistryDenied => "registry-denied",
            ProblemCode::RegistryAnswer => "registry-answer",
            ProblemCode::IntegrityMismatch => "integrity-mismatch",
            ProblemCode::IntegrityMissing => "integrity-missing",
            ProblemCode::PackageTooLarge => "package-too-large",
            ProblemCode::PackageUnreadable => "package-unreadable",
            ProblemCode::TooManyPackages => "too-many-packages",
            ProblemCode::NpmConfig => "npm-config",
            ProblemCode::Offline => "offline",
            ProblemCode::InstallTimeout => "install-timeout",
            ProblemCode::UnmetPeer => "unmet-peer",
            ProblemCode::BadLock => "bad-lock",
        }
    }
}

impl InstallProblem {
    pub(super) fn new(code: ProblemCode, message: impl Into<String>) -> InstallProblem {
        InstallProblem { code, dependency: None, message: message.into(), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> InstallProblem {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn about(mut self, dependency: &str) -> InstallProblem {
        self.dependency = Some(dependency.to_owned());
        self
    }
}

impl From<InstallProblem> for InstallError {
    fn from(problem: InstallProblem) -> InstallError {
        InstallError::Problems(vec![problem])
    }
}

impl InstallError {
    /// Trouble of this machine's disk, and what it was about.
    pub(super) fn disk(what: &str, error: &std::io::Error) -> InstallError {
        InstallError::Machinery(format!("{what}: {error}"))
    }
}
