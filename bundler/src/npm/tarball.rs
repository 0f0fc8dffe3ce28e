//! A package that is not in the store yet: fetched, held against its integrity, and only then unpacked.

use std::fs::File;
use std::io::{Seek, Write};
use std::sync::Arc;

use tokio::sync::Semaphore;
use url::Url;

use super::config::same_origin;
use super::fetch::{Answer, Fetch, Request, Sink};
use super::integrity::{Hasher, Integrity};
use super::keyed::Keyed;
use super::metadata::{MetadataCache, MetadataError};
use super::problem::{InstallError, InstallProblem, ProblemCode};
use super::store::{Form, Store};
use super::unpack::UnpackError;
use crate::limits;
use crate::package::PackageFiles;

const ACCEPT: &str = "application/octet-stream, */*; q=0.1";

/// What is to be had.
#[derive(Clone)]
pub(super) struct Wanted {
    pub name: String,
    pub version: String,
    pub integrity: Integrity,
    /// As a lock says it; none for the registry's usual place.
    pub tarball: Option<String>,
    pub form: Form,
}

pub(super) struct Tarballs {
    store: Arc<Store>,
    fetch: Arc<Fetch>,
    metadata: Arc<MetadataCache>,
    offline: bool,
    turns: Keyed<Integrity>,
    /// Unpacking computes: more at once than there are processors would only hinder each other.
    unpacking: Semaphore,
}

impl Tarballs {
    pub(super) fn new(
        store: Arc<Store>,
        fetch: Arc<Fetch>,
        metadata: Arc<MetadataCache>,
        offline: bool,
    ) -> Tarballs {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let unpacking = Semaphore::new(processors);
        Tarballs { store, fetch, metadata, offline, turns: Keyed::default(), unpacking }
    }

    /// From the store, or fetched into it.
    pub(super) async fn of(&self, wanted: &Wanted) -> Result<Arc<PackageFiles>, InstallError> {
        let _turn = self.turns.turn(wanted.integrity.clone()).await;
        let (store, form, integrity) = (self.store.clone(), wanted.form, wanted.integrity.clone());
        if let Some(files) = blocking(move || Ok(store.find(form, &integrity))).await? {
            return Ok(files);
        }
        if self.offline {
            return Err(offline(wanted).into());
        }
        let download = self.download(wanted).await?;
        let _permit = self.unpacking.acquire().await.expect("the semaphore is never closed");
        let (store, wanted) = (self.store.clone(), wanted.clone());
        blocking(move || download.checked(&wanted).and_then(|file| unpacked(&store, &wanted, file))).await
    }

    async fn download(&self, wanted: &Wanted) -> Result<Download, InstallError> {
        let registry = self.fetch.config().registry(&wanted.name)?;
        let url = self.address(wanted, &registry).await?;
        let what = format!("the tarball of {wanted}");
        let request = Request { what: &what, url: url.clone(), registry, accept: ACCEPT, etag: None };
        let workplace = self.store.workplace().map_err(|error| disk(wanted, &error))?;
        let sink = || {
            // Without a name from the beginning: whatever happens, nothing is left of it.
            let file = tempfile::tempfile_in(workplace.folder()).map_err(|error| disk(wanted, &error))?;
            Ok(Download { wanted: wanted.clone(), file, size: 0, hasher: wanted.integrity.hasher() })
        };
        match self.fetch.get(&request, sink).await? {
            Answer::Whole { sink, .. } => Ok(sink),
            Answer::NotFound | Answer::NotModified => {
                let message = format!("the registry has no tarball of {wanted} at {url}");
                let hint = "the version may have been taken back: allow another one";
                Err(InstallProblem::new(ProblemCode::PackageNotFound, message).hint(hint).into())
            }
        }
    }

    /// A lock comes from outside: it may say where at its registry a tarball is, but nobody is made to ask
    /// another host because of it. There, the registry itself is asked.
    async fn address(&self, wanted: &Wanted, registry: &Url) -> Result<Url, InstallError> {
        let config = self.fetch.config();
        let Some(tarball) = &wanted.tarball else {
            return Ok(config.usual_tarball(&wanted.name, &wanted.version)?);
        };
        let told = config.tarball(&wanted.name, tarball)?;
        if same_origin(&told, registry) {
            return Ok(told);
        }
        let info = self.metadata.of(&wanted.name).await.map_err(|error| match error {
            MetadataError::NotFound { registry } => {
                let message = format!("there is no package `{}` in the registry {registry}", wanted.name);
                InstallProblem::new(ProblemCode::PackageNotFound, message).into()
            }
            error => InstallError::from(error),
        })?;
        let release = info.versions.keys().find(|version| version.to_string() == wanted.version);
        let dist =
            release.and_then(|version| info.versions.get(version)).and_then(|release| release.dist.as_ref());
        match dist.map(|dist| dist.tarball.as_str()).filter(|tarball| !tarball.is_empty()) {
            Some(declared) => Ok(config.tarball(&wanted.name, declared)?),
            None => Ok(config.usual_tarball(&wanted.name, &wanted.version)?),
        }
    }
}

struct Download {
    wanted: Wanted,
    file: File,
    size: u64,
    hasher: Hasher,
}

impl Sink for Download {
    fn take(&mut self, piece: &[u8]) -> Result<(), InstallError> {
        self.size += piece.len() as u64;
        if self.size > limits::TARBALL_BYTES_MAX {
            let max = limits::TARBALL_BYTES_MAX / 1_000_000;
            let message = format!("{} is too large: its tarball has more than {max} MB", self.wanted);
            return Err(InstallProblem::new(ProblemCode::PackageTooLarge, message).into());
        }
        self.hasher.update(piece);
        // Into the page cache: quicker than a hand-over to another thread would be.
        self.file.write_all(piece).map_err(|error| disk(&self.wanted, &error))
    }
}

impl Download {
    fn checked(self, wanted: &Wanted) -> Result<File, InstallError> {
        let came = self.hasher.finish();
        if came != wanted.integrity {
            let message = format!(
                "the tarball of {wanted} is not what was promised: expected {}, got {came}; nothing of it is kept",
                wanted.integrity
            );
            let hint = "the registry or something on the way to it has changed it: do not use it before you know why";
            return Err(InstallProblem::new(ProblemCode::IntegrityMismatch, message).hint(hint).into());
        }
        let mut file = self.file;
        file.rewind().map_err(|error| disk(wanted, &error))?;
        Ok(file)
    }
}

fn unpacked(store: &Store, wanted: &Wanted, tarball: File) -> Result<Arc<PackageFiles>, InstallError> {
    store.add(wanted.form, &wanted.integrity, tarball).map_err(|error| {
        let problem =
            |code| InstallProblem::new(code, format!("{wanted} cannot be installed: {error}")).into();
        match &error {
            UnpackError::TooLarge(_) => problem(ProblemCode::PackageTooLarge),
            UnpackError::Unreadable(_) => problem(ProblemCode::PackageUnreadable),
            UnpackError::Disk(reason) => disk(wanted, reason),
        }
    })
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}@{}`", self.name, self.version)
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, InstallError> + Send + 'static,
) -> Result<T, InstallError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(InstallError::Machinery(format!("unpacking packages: {error}"))))
}

fn disk(wanted: &Wanted, error: &std::io::Error) -> InstallError {
    InstallError::disk(&format!("{wanted} cannot be stored"), error)
}

fn offline(wanted: &Wanted) -> InstallProblem {
    let message = format!("{wanted} is not in the store, and the network is not used (--offline)");
    InstallProblem::new(ProblemCode::Offline, message)
        .hint("build it once without --offline; then all is kept")
}
