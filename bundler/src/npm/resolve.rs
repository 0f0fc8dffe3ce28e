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
use super::blame::Dispensable;
use super::explain;
use super::lock::Lock;
use super::metadata::{MetadataCache, MetadataError};
use super::outcome::locked;
use super::problem::{InstallError, InstallProblem, ProblemCode};
use super::requirements::{Requirements, Root};
use super::{NpmConfig, seed};
use crate::limits;

/// What was decided, and what the author may want to know about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Resolution {
    pub lock: Lock,
    pub warnings: Vec<InstallProblem>,
}

pub(super) async fn resolve(
    metadata: &MetadataCache,
    config: &NpmConfig,
    requirements: &Requirements,
    preferred: Option<&Lock>,
) -> Result<Resolution, InstallError> {
    let (questions, asked) = mpsc::unbounded_channel();
    let (done, finished) = oneshot::channel();
    let (requirements, config, preferred) = (requirements.clone(), config.clone(), preferred.cloned());
    // The resolver is not `Send`; its thread ends soon after nobody answers it any more.
    let thread =
        std::thread::Builder::new().name("npm-resolve".to_owned()).stack_size(limits::RESOLVER_STACK_BYTES);
    let spawned = thread.spawn(move || {
        let work = Work { requirements, config, preferred, asker: Asker::new(questions) };
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
    config: NpmConfig,
    preferred: Option<Lock>,
    asker: Asker,
}

impl Work {
    async fn run(mut self) -> Result<Resolution, InstallError> {
        let mut roots = self.requirements.roots()?;
        let versions =
            NpmVersionResolver { overrides: Arc::new(self.requirements.overrides()?), ..Default::default() };
        for _ in 0..limits::RESOLUTION_ROUNDS_MAX {
            self.asker.decided.clear();
            let result = self.once(&roots, &versions).await;
            let round = Round { asker: &self.asker, roots: &roots };
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
            if !self.can_do_without(&failures, &mut roots) {
                let problems = failures.into_iter().map(|failure| failure.problem);
                return Err(InstallError::Problems(problems.collect()));
            }
        }
        let message = "too many optional dependencies cannot be had";
        Err(InstallProblem::new(ProblemCode::VersionNotFound, message).into())
    }

    /// Whether there is something to leave out, so that another round may succeed.
    fn can_do_without(&mut self, failures: &[Failure], roots: &mut Vec<Root>) -> bool {
        // A version that is preferred may be gone.
        if self.preferred.take().is_some() {
            return true;
        }
        let dispensable: Vec<Dispensable> =
            failures.iter().flat_map(|failure| failure.dispensable.clone()).collect();
        if self.asker.leave_out(dispensable) {
            return true;
        }
        let before = roots.len();
        let fails = |root: &Root| {
            failures.iter().any(|failure| failure.avoidable && failure.root.as_ref() == Some(&root.name))
        };
        roots.retain(|root| !(root.optional && fails(root)));
        roots.len() < before
    }

    async fn once(&self, roots: &[Root], versions: &NpmVersionResolver) -> AddPkgReqsResult {
        let requests: Vec<PackageReq> = roots.iter().map(|root| root.request.clone()).collect();
        let options =
            AddPkgReqsOptions { package_reqs: &requests, version_resolver: versions, should_dedup: true };
        seed::snapshot(self.preferred.as_ref())
            .add_pkg_reqs(&self.asker, options, Some(&self.asker.decided))
            .await
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
    /// What is optional for someone and fails with it.
    dispensable: BTreeSet<Dispensable>,
}

struct Round<'a> {
    asker: &'a Asker,
    roots: &'a [Root],
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
        let chain = match root {
            Some(_) => None,
            None => self.asker.decided.chain(self.asker, resolved, &reason.culprit),
        };
        let root =
            root.map(|root| root.name.clone()).or_else(|| chain.as_ref().map(|chain| chain.root.clone()));
        let problem = explain::problem(&reason, root.as_deref(), chain.as_ref());
        let dispensable = match reason.avoidable {
            true => self.asker.decided.dispensable(self.asker, &reason.culprit),
            false => BTreeSet::new(),
        };
        Failure { problem, machinery: reason.machinery, root, avoidable: reason.avoidable, dispensable }
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
