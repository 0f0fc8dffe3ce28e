//! Dependencies from an npm registry: resolved, fetched, checked and kept, without Node. What is installed here
//! is only ever read; there is no code that would run any of it.

mod asker;
mod blame;
mod claims;
mod config;
mod explain;
mod fetch;
mod integrity;
mod keyed;
mod lock;
mod loose;
mod memo;
mod metadata;
mod name;
mod outcome;
mod pack;
mod packument;
mod problem;
mod requirements;
mod resolve;
mod seed;
mod spec;
mod store;
mod tarball;
mod touch;
mod unpack;
mod unpacked;
mod workplace;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::Semaphore;

pub use config::NpmConfig;
pub use lock::{Lock, LockedPackage};
pub use problem::{InstallError, InstallProblem, ProblemCode};
pub use requirements::Requirements;

use crate::limits;
use crate::package::{Package, PackageFiles, PackageId, Packages};
use crate::progress::{OnStep, Step};
use fetch::Fetch;
use integrity::Integrity;
use memo::Memo;
use metadata::MetadataCache;
use resolve::Resolution;
use store::{Form, Store};
use tarball::{Tarballs, Wanted};

pub struct NpmOptions {
    /// Where packages and metadata are kept. Made when it is first needed; several processes may share it.
    pub store: PathBuf,
    pub config: NpmConfig,
    /// Only what is kept, of any age.
    pub offline: bool,
}

/// A client of registries, and the store of what came from them. Clones share everything.
#[derive(Clone)]
pub struct Npm(Arc<Inner>);

struct Inner {
    config: NpmConfig,
    offline: bool,
    store: Arc<Store>,
    metadata: Arc<MetadataCache>,
    tarballs: Tarballs,
    memo: Memo,
    resolutions: Semaphore,
}

#[derive(Clone, Debug)]
pub struct Installed {
    pub packages: Packages,
    /// Gives the same packages again.
    pub lock: Lock,
    /// What the author may want to know; nothing that prevents a build.
    pub warnings: Vec<InstallProblem>,
}

/// By what their tarballs hash to: two names may have the same content.
type Files = BTreeMap<Integrity, Arc<PackageFiles>>;

impl Npm {
    /// Touches neither disk nor network.
    pub fn new(options: NpmOptions) -> Npm {
        let NpmOptions { store, config, offline } = options;
        let store = Arc::new(Store::new(store));
        let fetch = Arc::new(Fetch::new(config.clone()));
        let metadata = Arc::new(MetadataCache::new(store.clone(), fetch.clone(), offline));
        let tarballs = Tarballs::new(store.clone(), fetch, metadata.clone(), offline);
        let memo = Memo::new(store.clone());
        let resolutions = Semaphore::new(limits::RESOLUTIONS_MAX);
        Npm(Arc::new(Inner { config, offline, store, metadata, tarballs, memo, resolutions }))
    }

    /// Everything that is required, at hand. A lock of the same requirements decides; without one, the registry
    /// is asked for what is newest.
    pub async fn install(
        &self,
        requirements: &Requirements,
        lock: Option<&Lock>,
        on_step: OnStep<'_>,
    ) -> Result<Installed, InstallError> {
        within_time(self.0.install(requirements, lock, on_step)).await
    }

    /// One package of exactly this content, such as a platform package with a program; nothing is resolved.
    pub async fn pinned(
        &self,
        name: &str,
        version: &str,
        integrity: &str,
        on_step: OnStep<'_>,
    ) -> Result<Arc<PackageFiles>, InstallError> {
        within_time(self.0.pinned(name, version, integrity, on_step)).await
    }
}

async fn within_time<T>(work: impl Future<Output = Result<T, InstallError>>) -> Result<T, InstallError> {
    tokio::time::timeout(limits::INSTALL_TIME_MAX, work).await.unwrap_or_else(|_| {
        let message = format!("installing took longer than {} s", limits::INSTALL_TIME_MAX.as_secs());
        let hint = "what has come is kept: append the source again to go on";
        Err(InstallProblem::new(ProblemCode::InstallTimeout, message).hint(hint).into())
    })
}

impl Inner {
    async fn install(
        self: &Arc<Self>,
        requirements: &Requirements,
        lock: Option<&Lock>,
        on_step: OnStep<'_>,
    ) -> Result<Installed, InstallError> {
        if let Some(complaint) = lock.and_then(Lock::complaint) {
            let message = format!("the lock cannot be used: {complaint}");
            let hint = "give the lock as a bundle has it, or leave it out";
            return Err(InstallProblem::new(ProblemCode::BadLock, message).hint(hint).into());
        }
        if requirements.is_empty() {
            let lock = Lock::new(requirements.clone(), BTreeMap::new(), BTreeMap::new());
            return Ok(Installed { packages: Packages::default(), lock, warnings: Vec::new() });
        }
        let given = lock.filter(|lock| lock.requirements == *requirements);
        let resolution = match given {
            Some(lock) => Arc::new(Resolution { lock: lock.clone(), warnings: Vec::new() }),
            None => self.resolved(requirements, lock, on_step).await?,
        };
        let files = self.collect(&resolution.lock, on_step).await?;
        let packages = assembled(&resolution.lock, files);
        if let Some(lock) = given {
            claims::check(lock, &packages, &self.metadata).await?;
        }
        Ok(Installed { packages, lock: resolution.lock.clone(), warnings: resolution.warnings.clone() })
    }

    async fn pinned(
        self: &Arc<Self>,
        name: &str,
        version: &str,
        integrity: &str,
        on_step: OnStep<'_>,
    ) -> Result<Arc<PackageFiles>, InstallError> {
        let Some(integrity) = Integrity::parse(integrity) else {
            let message = format!("`{integrity}` is no integrity of `{name}@{version}`");
            return Err(InstallProblem::new(ProblemCode::IntegrityMissing, message).into());
        };
        let (name, version) = (name.to_owned(), version.to_owned());
        let wanted = Wanted { name, version, integrity, tarball: None, form: Form::Folder };
        let files = self.fetched(vec![wanted.clone()], None, on_step).await?;
        files.into_values().next().ok_or_else(|| InstallError::Machinery(format!("{wanted} has vanished")))
    }

    async fn resolved(
        self: &Arc<Self>,
        requirements: &Requirements,
        lock: Option<&Lock>,
        on_step: OnStep<'_>,
    ) -> Result<Arc<Resolution>, InstallError> {
        let key = Memo::key(&self.config, requirements, lock)?;
        if let Some(resolution) = self.memo.in_memory(&key, self.offline) {
            return Ok(resolution);
        }
        let _turn = self.memo.turns.turn(key.clone()).await;
        let (inner, at) = (self.clone(), key.clone());
        if let Some(resolution) = blocking(move || inner.remembered(&at)).await? {
            return Ok(resolution);
        }
        on_step(Step::Resolving);
        let _permit = self.resolutions.acquire().await.expect("the semaphore is never closed");
        let resolution = Arc::new(resolve::resolve(&self.metadata, &self.config, requirements, lock).await?);
        self.memo.remember(&key, &resolution);
        let (inner, written) = (self.clone(), resolution.clone());
        blocking(move || inner.memo.write(&key, &written)).await?;
        Ok(resolution)
    }

    fn remembered(&self, key: &str) -> Option<Arc<Resolution>> {
        if let Some(resolution) = self.memo.in_memory(key, self.offline) {
            return Some(resolution);
        }
        let resolution = self.memo.on_disk(key, self.offline)?;
        self.memo.remember(key, &resolution);
        Some(resolution)
    }

    async fn collect(self: &Arc<Self>, lock: &Lock, on_step: OnStep<'_>) -> Result<Files, InstallError> {
        let wanted = lock.packages.iter().map(|(id, package)| {
            let Some(integrity) = Integrity::parse(&package.integrity) else {
                let message = format!("the lock has no integrity of `{id}`");
                return Err(InstallProblem::new(ProblemCode::IntegrityMissing, message));
            };
            let (name, version) = (package.name.clone(), package.version.clone());
            Ok(Wanted { name, version, integrity, tarball: package.tarball.clone(), form: Form::Pack })
        });
        let wanted = wanted.collect::<Result<Vec<Wanted>, InstallProblem>>()?;
        self.fetched(wanted, Some(lock), on_step).await
    }

    /// What is not in the store is fetched, all at once; how many at a time, the requests' bound says.
    async fn fetched(
        self: &Arc<Self>,
        wanted: Vec<Wanted>,
        lock: Option<&Lock>,
        on_step: OnStep<'_>,
    ) -> Result<Files, InstallError> {
        let inner = self.clone();
        let (mut files, missing) = blocking(move || inner.at_hand(wanted)).await?;
        let total = missing.len();
        if total == 0 {
            return Ok(files);
        }
        on_step(Step::Downloading { done: 0, total });
        let downloads = missing.into_iter().map(|(integrity, wanted)| async move {
            let files = self.tarballs.of(&wanted).await.map_err(|error| blamed(error, &wanted, lock))?;
            Ok::<_, InstallError>((integrity, files))
        });
        let mut downloads: FuturesUnordered<_> = downloads.collect();
        let mut done = 0;
        while let Some(download) = downloads.next().await {
            files.extend([download?]);
            done += 1;
            on_step(Step::Downloading { done, total });
        }
        Ok(files)
    }

    /// What is in the store, and what is not.
    fn at_hand(&self, wanted: Vec<Wanted>) -> (Files, BTreeMap<Integrity, Wanted>) {
        let mut files = BTreeMap::new();
        let mut missing = BTreeMap::new();
        for wanted in wanted {
            match self.store.find(wanted.form, &wanted.integrity) {
                Some(found) => drop(files.insert(wanted.integrity, found)),
                None => drop(missing.insert(wanted.integrity.clone(), wanted)),
            }
        }
        (files, missing)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, InstallError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| InstallError::Machinery(format!("looking into the store: {error}")))
}

/// Whoever it is about, the author can only change a dependency of their own.
fn blamed(error: InstallError, wanted: &Wanted, lock: Option<&Lock>) -> InstallError {
    let InstallError::Problems(mut problems) = error else { return error };
    if let Some(root) = lock.and_then(|lock| lock.root_of(&wanted.name, &wanted.version)) {
        problems.iter_mut().for_each(|problem| problem.dependency = Some(root.to_owned()));
    }
    InstallError::Problems(problems)
}

fn assembled(lock: &Lock, files: Files) -> Packages {
    let package = |(id, locked): (&PackageId, &LockedPackage)| {
        let files = files.get(&Integrity::parse(&locked.integrity)?)?.clone();
        let package = Package {
            name: locked.name.clone(),
            version: locked.version.clone(),
            integrity: locked.integrity.clone(),
            dependencies: locked.dependencies.clone(),
            files,
        };
        Some((id.clone(), package))
    };
    Packages { roots: lock.roots.clone(), packages: lock.packages.iter().filter_map(package).collect() }
}
