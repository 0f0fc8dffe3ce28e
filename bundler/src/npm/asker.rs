//! The resolver's questions for metadata. It computes on a thread of its own; the answers come from tasks.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use deno_npm::registry::{NpmPackageInfo, NpmRegistryApi, NpmRegistryPackageInfoLoadError};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use tokio::sync::{mpsc, oneshot};

use super::metadata::{Info, MetadataError};
use super::problem::{InstallProblem, ProblemCode};
use super::{name, spec};
use crate::limits::PACKAGES_MAX;

pub(super) struct Question {
    pub name: String,
    pub answer: oneshot::Sender<Answer>,
}

pub(super) type Answer = Result<Info, MetadataError>;

pub(super) struct Asker {
    questions: mpsc::UnboundedSender<Question>,
    asked: RefCell<HashMap<String, Shared<LocalBoxFuture<'static, Answer>>>>,
    /// Names that are optional somewhere and cannot be had: there, nobody asks for them any more.
    absent: RefCell<BTreeSet<String>>,
}

impl Asker {
    pub(super) fn new(questions: mpsc::UnboundedSender<Question>) -> Asker {
        Asker { questions, asked: RefCell::default(), absent: RefCell::default() }
    }

    /// Whether there was a name that was not absent before.
    pub(super) fn leave_out(&self, names: impl IntoIterator<Item = String>) -> bool {
        let mut absent = self.absent.borrow_mut();
        let before = absent.len();
        absent.extend(names);
        absent.len() > before
    }

    /// What has been answered already.
    pub(super) fn known(&self, name: &str) -> Option<Answer> {
        let answer = self.asked.borrow().get(name)?.peek()?.clone();
        Some(answer.map(|info| self.without_absent(info)))
    }

    /// A question that failed for another reason than that there is no such package.
    pub(super) fn failure(&self) -> Option<(String, MetadataError)> {
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
        if !absent.iter().any(|name| source.is_none_or(|source| source.contains(name.as_str()))) {
            return info;
        }
        let mut changed = NpmPackageInfo::clone(&info);
        let versions: Vec<_> = changed.versions.keys().cloned().collect();
        for version in versions {
            let Some(release) = changed.versions.get_mut(&version) else { continue };
            let gone = release.optional_dependencies.iter();
            let gone = gone.filter(|(key, value)| absent.contains(spec::aliased(key, value).0));
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
        Box::pin(async move {
            match answer.await {
                Ok(info) => Ok(self.without_absent(info)),
                Err(MetadataError::NotFound { .. }) => {
                    Err(NpmRegistryPackageInfoLoadError::PackageNotExists { package_name: name.to_owned() })
                }
                // The reason is kept here, by name.
                Err(_) => {
                    let reason = deno_error::JsErrorBox::generic("no metadata");
                    Err(NpmRegistryPackageInfoLoadError::LoadError(Arc::new(reason)))
                }
            }
        })
    }
}

fn complaint(name: &str, asked: usize) -> Option<InstallProblem> {
    if asked >= PACKAGES_MAX {
        let message = format!("the dependencies come to more than {PACKAGES_MAX} packages");
        return Some(InstallProblem::new(ProblemCode::TooManyPackages, message));
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
