//! Metadata of packages, kept on disk: what is new is not asked for again, what is older is asked for with
//! its mark, so that a registry need not send what is known.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deno_npm::registry::NpmPackageInfo;
use serde::{Deserialize, Serialize};
use url::Url;

use super::config::token_key;
use super::fetch::{Answer, Fetch, Request, Sink};
use super::integrity;
use super::keyed::Keyed;
use super::packument::reduced;
use super::problem::{InstallError, InstallProblem, ProblemCode};
use super::store::Store;
use super::touch::{is_fresh, touch};
use crate::limits;

/// What installing needs suffices, where a registry has it; the whole otherwise.
const ACCEPT: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*; q=0.1";

pub(super) struct MetadataCache {
    store: Arc<Store>,
    fetch: Arc<Fetch>,
    offline: bool,
    turns: Keyed<String>,
}

pub(super) type Info = Arc<NpmPackageInfo>;

#[derive(Clone, Debug)]
pub(super) enum MetadataError {
    NotFound { package: String, registry: Url },
    Problem(InstallProblem),
    Machinery(String),
}

/// The first line of a file; the metadata follows.
#[derive(Serialize, Deserialize)]
struct Head {
    name: String,
    registry: String,
    etag: Option<String>,
    /// Of the metadata: the resolver relies on what was written.
    checksum: u32,
}

struct Kept {
    head: Head,
    body: Vec<u8>,
    fresh: bool,
}

impl MetadataCache {
    pub(super) fn new(store: Arc<Store>, fetch: Arc<Fetch>, offline: bool) -> MetadataCache {
        MetadataCache { store, fetch, offline, turns: Keyed::default() }
    }

    /// `name` is a valid one.
    pub(super) async fn of(&self, name: &str) -> Result<Info, MetadataError> {
        let registry = self.fetch.config().registry(name)?;
        let file = self.file(&registry, name);
        let _turn = self.turns.turn(file.display().to_string()).await;
        let kept = {
            let (file, registry, name) = (file.clone(), registry.clone(), name.to_owned());
            blocking(move || Ok(read(&file, &registry, &name))).await?
        };
        match kept {
            Some(kept) if kept.fresh || self.offline => parsed(name, kept.body).await,
            None if self.offline => Err(MetadataError::Problem(offline(name))),
            kept => self.ask(name, registry, file, kept).await,
        }
    }

    async fn ask(
        &self,
        name: &str,
        registry: Url,
        file: PathBuf,
        kept: Option<Kept>,
    ) -> Result<Info, MetadataError> {
        let url = format!("{registry}{}", name.replace('/', "%2f"));
        let url = Url::parse(&url).map_err(|_| unreadable(name, &registry, "its address is not a URL"))?;
        let what = format!("the metadata of `{name}`");
        let etag = kept.as_ref().and_then(|kept| kept.head.etag.as_deref());
        let request = Request { what: &what, url, registry: registry.clone(), accept: ACCEPT, etag };
        match self.fetch.get(&request, || Ok(Text { what: what.clone(), bytes: Vec::new() })).await? {
            Answer::NotFound => Err(MetadataError::NotFound { package: name.to_owned(), registry }),
            Answer::NotModified => {
                // Only as good as the clock of its file: failing to set it costs one more question.
                let _ = blocking(move || Ok(touch(&file))).await?;
                let body = kept.map(|kept| kept.body).unwrap_or_default();
                parsed(name, body).await
            }
            Answer::Whole { sink, etag } => {
                let head = Head { name: name.to_owned(), registry: registry.to_string(), etag, checksum: 0 };
                let store = self.store.clone();
                let body = blocking(move || keep(&store, &file, head, sink.bytes)).await?;
                parsed(name, body).await
            }
        }
    }

    fn file(&self, registry: &Url, name: &str) -> PathBuf {
        let registry = &integrity::digest(registry.as_str().as_bytes())[..16];
        // `+` stands in no name.
        let file = format!("{}.json", name.replace('/', "+"));
        self.store.folder().join("metadata").join(registry).join(file)
    }
}

struct Text {
    what: String,
    bytes: Vec<u8>,
}

impl Sink for Text {
    fn take(&mut self, piece: &[u8]) -> Result<(), InstallError> {
        if self.bytes.len() + piece.len() > limits::METADATA_BYTES_MAX {
            let message = format!("{} has more than {} bytes", self.what, limits::METADATA_BYTES_MAX);
            return Err(InstallProblem::new(ProblemCode::RegistryAnswer, message).into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

/// Whatever is wrong with the file, it counts as missing.
fn read(file: &Path, registry: &Url, name: &str) -> Option<Kept> {
    let fresh = is_fresh(file, limits::METADATA_FRESH);
    let mut bytes = fs::read(file).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let body = bytes.split_off(end + 1);
    let right = head.name == name && head.registry == registry.as_str() && head.checksum == checksum(&body);
    right.then_some(Kept { head, body, fresh })
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn keep(store: &Store, file: &Path, mut head: Head, sent: Vec<u8>) -> Result<Vec<u8>, MetadataError> {
    let (name, registry) = (head.name.clone(), head.registry.clone());
    let wrong = |reason: &str| MetadataError::Problem(garbled(&name, &registry, reason));
    let text = String::from_utf8(sent).map_err(|_| wrong("it is not UTF-8"))?;
    let body = reduced(&name, &text).map_err(|reason| wrong(&reason))?;
    head.checksum = checksum(body.as_bytes());
    let disk = |error: std::io::Error| {
        MetadataError::Machinery(format!("the metadata of `{name}` cannot be stored: {error}"))
    };
    let line = serde_json::to_string(&head).map_err(|error| disk(error.into()))?;
    let workplace = store.workplace().map_err(disk)?;
    workplace.write(file, format!("{line}\n{body}").as_bytes()).map_err(disk)?;
    Ok(body.into_bytes())
}

async fn parsed(name: &str, body: Vec<u8>) -> Result<Info, MetadataError> {
    let name = name.to_owned();
    blocking(move || {
        let info = NpmPackageInfo::from_packument_bytes(body);
        let info = info
            .map_err(|reason| MetadataError::Machinery(format!("the kept metadata of `{name}`: {reason}")))?;
        Ok(Arc::new(info))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MetadataError> + Send + 'static,
) -> Result<T, MetadataError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(MetadataError::Machinery(format!("reading metadata: {error}"))))
}

fn offline(name: &str) -> InstallProblem {
    let message = format!("the metadata of `{name}` is not at hand, and the network is not used (--offline)");
    InstallProblem::new(ProblemCode::Offline, message)
        .hint("build it once without --offline; then all is kept")
}

fn unreadable(name: &str, registry: &Url, reason: &str) -> MetadataError {
    MetadataError::Problem(garbled(name, registry.as_str(), reason))
}

fn garbled(name: &str, registry: &str, reason: &str) -> InstallProblem {
    let message =
        format!("the registry {registry} answers for `{name}` with something that is no metadata: {reason}");
    InstallProblem::new(ProblemCode::RegistryAnswer, message).hint("check `registry` in the server's .npmrc")
}

/// A package that does not exist, or that we may not know of.
fn not_found(package: &str, registry: &Url) -> InstallProblem {
    let mut hint = "check its spelling".to_owned();
    if package.starts_with('@') {
        hint += &format!("; if it is private, set `{}` in the server's .npmrc", token_key(registry));
    }
    let message = format!("there is no package `{package}` in the registry {registry}");
    InstallProblem::new(ProblemCode::PackageNotFound, message).hint(hint)
}

impl From<MetadataError> for InstallError {
    fn from(error: MetadataError) -> InstallError {
        match error {
            MetadataError::Machinery(message) => InstallError::Machinery(message),
            MetadataError::Problem(problem) => problem.into(),
            MetadataError::NotFound { package, registry } => not_found(&package, &registry).into(),
        }
    }
}

impl From<InstallProblem> for MetadataError {
    fn from(problem: InstallProblem) -> MetadataError {
        MetadataError::Problem(problem)
    }
}

impl From<InstallError> for MetadataError {
    fn from(error: InstallError) -> MetadataError {
        match error {
            InstallError::Machinery(message) => MetadataError::Machinery(message),
            InstallError::Problems(problems) => match problems.into_iter().next() {
                Some(problem) => MetadataError::Problem(problem),
                None => MetadataError::Machinery("a request failed without a reason".to_owned()),
            },
        }
    }
}
