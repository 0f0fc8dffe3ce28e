//! From package.json to packages at hand, or to diagnostics that point into it.

use crate::failure::{BundleError, Failure, Stage};
use crate::manifest::Manifest;
use crate::npm::{InstallError, InstallProblem, Installed, Npm, Requirements};
use crate::progress::OnStep;
use crate::{Diagnostic, Lock};

/// Packages that the server provides itself, whatever package.json asks of them.
pub const PROVIDED: [&str; 2] = ["millrace", "ai-engineer-workshop"];
/// What it exports beside types, what processors are written with first.
pub const PROVIDED_EXPORTS: &[&str] = &[
    "defineProcessor",
    "createEventsClient",
    "MillraceError",
    "HookFailure",
    "PullProcessorRuntime",
    "PushProcessorRuntime",
    // The original's.
    "GenericEventInputSchema",
    "PullSubscriptionPatternProcessorRuntime",
    "PullSubscriptionProcessorRuntime",
    "PushSubscriptionProcessorRuntime",
    "createWorkshopLogger",
    "createWorkshopTestHarness",
    "getDefaultWorkshopPathPrefix",
    "getDiscoveredStreamPath",
    "isMainModule",
    "matchesStreamPattern",
    "normalizePathPrefix",
    "normalizeStreamPattern",
    "os",
    "runIfMain",
    "runWorkshopMain",
    "useProcessorTestHarness",
    "workshopLogger",
    "workshopPathPrefix",
];

/// What the author depends on; the diagnostics are of the stage `install`.
pub fn requirements(manifest: &Manifest) -> Result<Requirements, BundleError> {
    Requirements::beside(&manifest.value, &PROVIDED).map_err(|problems| refused(manifest, problems))
}

pub async fn install(
    npm: &Npm,
    manifest: &Manifest,
    lock: Option<&Lock>,
    on_step: OnStep<'_>,
) -> Result<Installed, BundleError> {
    let requirements = requirements(manifest)?;
    npm.install(&requirements, lock, on_step).await.map_err(|error| match error {
        InstallError::Problems(problems) => refused(manifest, problems),
        InstallError::Machinery(message) => BundleError::Machinery(message),
    })
}

/// What the author may want to know of packages that are at hand.
pub fn warnings(manifest: &Manifest, installed: &Installed) -> Vec<Diagnostic> {
    let found = installed.warnings.iter().cloned();
    found.map(|problem| diagnostic(manifest, problem).as_warning()).collect()
}

fn refused(manifest: &Manifest, problems: Vec<InstallProblem>) -> BundleError {
    let diagnostics = problems.into_iter().map(|problem| diagnostic(manifest, problem)).collect();
    BundleError::Failed(Failure { stage: Stage::Install, diagnostics })
}

fn diagnostic(manifest: &Manifest, problem: InstallProblem) -> Diagnostic {
    let InstallProblem { code, dependency, message, hint } = problem;
    let diagnostic = manifest.diagnostic(code.as_str(), message, dependency.as_deref());
    Diagnostic { hint, ..diagnostic }
}
