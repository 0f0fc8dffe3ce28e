//! The resolver's questions for metadata. It computes on a thread of its own; the answers come from tasks.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use deno_npm::registry::{NpmPackageInfo, NpmRegistryApi, NpmRegistryPackageInfoLoadError};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use tokio::sync::{mpsc, oneshot};

use super::blame::{Decided, Dispensable};
use super::metadata::{Info, MetadataError};
use super::problem::{InstallProblem, ProblemCode};
use super::{name, seed, spec};
use crate::limits::PACKAGES_MAX;

pub(super) struct Question {
    pub name: String,
    pub answer: oneshot::Sender<Answer>,
}

pub(super) type Answer = Result<Info, MetadataError>;

pub(super) struct Asker {
    questions: mpsc::UnboundedSender<Question>,
    asked: RefCell<HashMap<String, Shared<LocalBoxFuture<'static, Answer>>>>,
    /// What is optional somewhere and cannot be had: there, nobody asks for it any more.
    absent: RefCell<BTreeSet<Dispensable>>,
    /// What the resolver makes of the answers.
    pub(super) decided: Decided,
}

impl Asker {
    pub(super) fn new(questions: mpsc::UnboundedSender<Question>) -> Asker {
        Asker {
            questions,
            asked: RefCell::default(),
            absent: RefCell::default(),
            decided: Decided::default(),
        }
    }

    /// Whether there was one that was not absent before.
    pub(super) fn leave_out(&self, dispensable: impl IntoIterator<Item = Dispensable>) -> bool {
        let mut absent = self.absent.borrow_mut();
        let before = absent.len();
        absent.extend(dispensable);
        absent.len() > before
    }

    /// What has been answered already.
    pub(super) fn known(&self, name: &str) -> Option<Answer> {
        let answer = self.asked.borrow().get(name)?.peek()?.clone();
        Some(answer.map(|info| self.without_absent(info)))
    }

    /// A question that failed for another reason than that there is no such package.
    pub(super) fn failure(&self) -> Option<(String, MetadataError)> {
        if self.decided.count() > PACKAGES_MAX {
            return Some((String::new(), MetadataError::Problem(too_many())));
        }
        let asked = self.asked.borrow();
        let failures = asked.iter().filter_map(|(name, answer)| match answer.peek()? {
            Err(error) if !matches!(error, MetadataError::NotFound { .. }) => {
                Some((name.clone(), error.clone()))
            }
            _ => None,
        });
        failures.min_by(|(a, _), (b, _)| a.cmp(b))
    }

    fn ask(&self, name: &str) -> Shared<LocalBoxFuture<'static, Answer>> {
        let mut asked = self.asked.borrow_mut();
        if let Some(answer) = asked.get(name) {
            return answer.clone();
        }
        if name == seed::NAME {
            return futures_util::future::ready(Ok(seed::info())).boxed_local().shared();
        }
        let answer = match complaint(name, asked.len()) {
            Some(problem) => futures_util::future::ready(Err(MetadataError::Problem(problem))).boxed_local(),
            None => sent(&self.questions, name).boxed_local(),
        };
        asked.entry(name.to_owned()).or_insert_with(|| answer.shared()).clone()
    }

    fn without_absent(&self, info: Info) -> Info {
        let absent = self.absent.borrow();
        let source = info.lazy_packument_source_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok());
        // Mostly nobody has any of them: looking into the text is quicker than parsing every version.
        if !absent.iter().any(|(name, _)| source.is_none_or(|source| source.contains(name.as_str()))) {
            return info;
        }
        let mut changed = NpmPackageInfo::clone(&info);
        let versions: Vec<_> = changed.versions.keys().cloned().collect();
        for version in versions {
            let Some(release) = changed.versions.get_mut(&version) else { continue };
            let gone = release.optional_dependencies.iter();
            let gone = gone.filter(|(key, value)| {
                let (name, range) = spec::aliased(key, value);
                absent.contains(&(name.to_owned(), range.trim().to_owned()))
            });
            let gone: Vec<_> = gone.map(|(key, _)| key.clone()).collect();
            for key in gone {
                release.optional_dependencies.remove(&key);
                release.dependencies.remove(&key);
            }
        }
        Arc::new(changed)
    }
}

/// The trait is written with a macro that makes this of an `async fn`.
impl NpmRegistryApi for Asker {
    fn package_info<'own, 'name, 'all>(
        &'own self,
        name: &'name str,
    ) -> Pin<Box<dyn Future<Output = Result<Info, NpmRegistryPackageInfoLoadError>> + 'all>>
    where
        'own: 'all,
        'name: 'all,
        Self: 'all,
    {
        let answer = self.ask(name);
        // Asked for every dependency, known or not: a good place to stop someone who has no end.
        let too_many = self.decided.count() > PACKAGES_MAX;
        Box::pin(async move {
            if too_many {
                return Err(failed());
            }
            match answer.await {
                Ok(info) => Ok(self.without_absent(info)),
                Err(MetadataError::NotFound { .. }) => {
                    Err(NpmRegistryPackageInfoLoadError::PackageNotExists { package_name: name.to_owned() })
                }
                // The reason is kept here, by name.
                Err(_) => Err(failed()),
            }
        })
    }
}

fn failed() -> NpmRegistryPackageInfoLoadError {
    NpmRegistryPackageInfoLoadError::LoadError(Arc::new(deno_error::JsErrorBox::generic("no metadata")))
}

fn too_many() -> InstallProblem {
    let message = format!("the dependencies come to more than {PACKAGES_MAX} packages");
    InstallProblem::new(ProblemCode::TooManyPackages, message)
}

fn complaint(name: &str, asked: usize) -> Option<InstallProblem> {
    if asked >= PACKAGES_MAX {
        return Some(too_many());
    }
    let complaint = name::complaint(name)?;
    let message = format!("`{}` is not the name of a package: {complaint}", name.escape_debug());
    Some(InstallProblem::new(ProblemCode::InvalidPackageName, message))
}

fn sent(questions: &mpsc::UnboundedSender<Question>, name: &str) -> impl Future<Output = Answer> + use<> {
    let (answer, answered) = oneshot::channel();
    // Fails when nobody waits for the resolution any more, and then nobody answers.
    let _ = questions.send(Question { name: name.to_owned(), answer });
    async move {
        answered.await.unwrap_or_else(|_| Err(MetadataError::Machinery("nobody waits any more".to_owned())))
    }
}
