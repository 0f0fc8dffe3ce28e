//! From requirements to a lock: which versions, and who gets which. `deno_npm` decides; here is what it leaves
//! open: what is optional and cannot be had, what is for some machine only, and words for what went wrong.

use std::collections::BTreeSet;
use std::sync::Arc;

use deno_npm::resolution::{
    AddPkgReqsOptions, AddPkgReqsResult, NpmResolutionError, NpmResolutionSnapshot, NpmVersionResolver,
};
use deno_semver::package::{PackageNv, PackageReq};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::asker::{Asker, Question};
use super::blame::{Culprit, Decided};
use super::explain;
use super::lock::Lock;
use super::metadata::{MetadataCache, MetadataError};
use super::outcome::locked;
use super::problem::{InstallError, InstallProblem, ProblemCode};
use super::requirements::{Requirements, Root};
use crate::limits;

/// What was decided, and what the author may want to know about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Resolution {
    pub lock: Lock,
    pub warnings: Vec<InstallProblem>,
}

pub(super) async fn resolve(
    metadata: &MetadataCache,
    config: &super::NpmConfig,
    requirements: &Requirements,
) -> Result<Resolution, InstallError> {
    let (questions, asked) = mpsc::unbounded_channel();
    let (done, finished) = oneshot::channel();
    let (requirements, config) = (requirements.clone(), config.clone());
    // The resolver is not `Send`; its thread ends soon after nobody answers it any more.
    let spawned = std::thread::Builder::new().name("npm-resolve".to_owned()).spawn(move || {
        let work = Work { requirements, config, asker: Asker::new(questions) };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let result = runtime.map_err(|error| InstallError::disk("resolving dependencies", &error));
        let _ = done.send(result.and_then(|runtime| runtime.block_on(work.run())));
    });
    spawned.map_err(|error| InstallError::disk("no thread to resolve dependencies on", &error))?;
    answer(metadata, asked, finished).await
}

/// Until the resolver has finished.
async fn answer(
    metadata: &MetadataCache,
    mut asked: mpsc::UnboundedReceiver<Question>,
    mut finished: oneshot::Receiver<Result<Resolution, InstallError>>,
) -> Result<Resolution, InstallError> {
    let mut answers = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(question) = asked.recv() => answers.push(async move {
                let answer = metadata.of(&question.name).await;
                let _ = question.answer.send(answer);
            }),
            Some(()) = answers.next() => {}
            result = &mut finished => {
                let panicked = "the resolver broke off; this is a bug of the server's";
                return result.unwrap_or_else(|_| Err(InstallError::Machinery(panicked.to_owned())));
            }
        }
    }
}

struct Work {
    requirements: Requirements,
    config: super::NpmConfig,
    asker: Asker,
}

impl Work {
    async fn run(self) -> Result<Resolution, InstallError> {
        let mut roots = self.requirements.roots()?;
        let versions =
            NpmVersionResolver { overrides: Arc::new(self.requirements.overrides()?), ..Default::default() };
        for _ in 0..limits::RESOLUTION_ROUNDS_MAX {
            let decided = Decided::default();
            let result = self.once(&roots, &versions, &decided).await;
            let round = Round { asker: &self.asker, roots: &roots, decided: &decided };
            let failures = match round.judge(result) {
                Ok((snapshot, warnings)) => {
                    let lock = locked(&self.requirements, &roots, &snapshot, &self.asker, &self.config)?;
                    return Ok(Resolution { lock, warnings });
                }
                Err(failures) => failures,
            };
            if let Some(error) = failures.iter().find_map(|failure| failure.machinery.clone()) {
                return Err(InstallError::Machinery(error));
            }
            // Again without what is optional, until nothing changes.
            let before = roots.len();
            let dropped: BTreeSet<&str> =
                failures.iter().filter(|f| f.avoidable).filter_map(|f| f.root.as_deref()).collect();
            let dropped: BTreeSet<String> = dropped.into_iter().map(str::to_owned).collect();
            roots.retain(|root| !(root.optional && dropped.contains(&root.name)));
            let absent: BTreeSet<String> =
                failures.iter().flat_map(|failure| failure.optional.clone()).collect();
            if !self.asker.leave_out(absent) && roots.len() == before {
                return Err(InstallError::Problems(
                    failures.into_iter().map(|failure| failure.problem).collect(),
                ));
            }
        }
        let message = "too many optional dependencies cannot be had";
        Err(InstallProblem::new(ProblemCode::VersionNotFound, message).into())
    }

    async fn once(
        &self,
        roots: &[Root],
        versions: &NpmVersionResolver,
        decided: &Decided,
    ) -> AddPkgReqsResult {
        let requests: Vec<PackageReq> = roots.iter().map(|root| root.request.clone()).collect();
        let options =
            AddPkgReqsOptions { package_reqs: &requests, version_resolver: versions, should_dedup: true };
        NpmResolutionSnapshot::default().add_pkg_reqs(&self.asker, options, Some(decided)).await
    }
}

/// Something that a round could not have.
struct Failure {
    problem: InstallProblem,
    machinery: Option<String>,
    /// The root dependency that leads to it.
    root: Option<String>,
    /// Not having it is no reason to give up where it is optional.
    avoidable: bool,
    /// Names that are optional for someone and fail with it.
    optional: BTreeSet<String>,
}

struct Round<'a> {
    asker: &'a Asker,
    roots: &'a [Root],
    decided: &'a Decided,
}

impl Round<'_> {
    fn judge(
        &self,
        result: AddPkgReqsResult,
    ) -> Result<(NpmResolutionSnapshot, Vec<InstallProblem>), Vec<Failure>> {
        let roots = self.roots.iter().zip(&result.results);
        let resolved: Vec<(String, PackageNv)> = roots
            .clone()
            .filter_map(|(root, version)| Some((root.name.clone(), version.as_ref().ok()?.clone())))
            .collect();
        let failed: Vec<Failure> = roots
            .filter_map(|(root, version)| Some(self.failure(version.as_ref().err()?, Some(root), &resolved)))
            .collect();
        if !failed.is_empty() {
            return Err(failed);
        }
        match result.dep_graph_result {
            Ok(snapshot) => {
                let warnings = explain::unmet_peers(&result.unmet_peer_diagnostics, &resolved);
                Ok((snapshot, warnings))
            }
            Err(error) => Err(vec![self.failure(&error, None, &resolved)]),
        }
    }

    fn failure(
        &self,
        error: &NpmResolutionError,
        root: Option<&Root>,
        resolved: &[(String, PackageNv)],
    ) -> Failure {
        let reason = explain::reason(error, self.asker);
        let culprit = Culprit { name: &reason.package, range: reason.range.as_deref() };
        let chain = match root {
            Some(_) => None,
            None => self.decided.chain(self.asker, resolved, &culprit),
        };
        let root =
            root.map(|root| root.name.clone()).or_else(|| chain.as_ref().map(|chain| chain.root.clone()));
        let problem = explain::problem(&reason, root.as_deref(), chain.as_ref());
        let optional = match reason.avoidable {
            true => self.decided.optional_for_someone(self.asker, &reason.package),
            false => BTreeSet::new(),
        };
        Failure { problem, machinery: reason.machinery, root, avoidable: reason.avoidable, optional }
    }
}

impl From<MetadataError> for InstallError {
    fn from(error: MetadataError) -> InstallError {
        match error {
            MetadataError::Machinery(message) => InstallError::Machinery(message),
            MetadataError::Problem(problem) => problem.into(),
            MetadataError::NotFound { registry } => InstallProblem::new(
                ProblemCode::PackageNotFound,
                format!("the package is not in the registry {registry}"),
            )
            .into(),
        }
    }
}
