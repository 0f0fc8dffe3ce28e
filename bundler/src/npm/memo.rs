//! Whole resolutions, remembered by what was asked: while the registry would answer the same, nobody asks it.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::Serialize;

use super::integrity;
use super::keyed::Keyed;
use super::lock::Lock;
use super::requirements::Requirements;
use super::resolve::Resolution;
use super::store::Store;
use super::touch::is_fresh;
use super::{InstallError, NpmConfig};
use crate::limits;

/// Counts up whenever the same question would be answered differently.
const FORMAT: u32 = 1;

pub(super) struct Memo {
    store: Arc<Store>,
    kept: Mutex<HashMap<String, (Instant, Arc<Resolution>)>>,
    pub(super) turns: Keyed<String>,
}

/// All that a resolution depends on, except what the registries say.
#[derive(Serialize)]
struct Question<'a> {
    format: u32,
    registries: std::collections::BTreeMap<&'a str, &'a str>,
    requirements: &'a Requirements,
    lock: Option<&'a Lock>,
}

impl Memo {
    pub(super) fn new(store: Arc<Store>) -> Memo {
        Memo { store, kept: Mutex::default(), turns: Keyed::default() }
    }

    pub(super) fn key(
        config: &NpmConfig,
        requirements: &Requirements,
        lock: Option<&Lock>,
    ) -> Result<String, InstallError> {
        let question = Question { format: FORMAT, registries: config.registries(), requirements, lock };
        let text =
            serde_json::to_vec(&question).map_err(|error| InstallError::Machinery(error.to_string()))?;
        Ok(integrity::digest(&text))
    }

    pub(super) fn in_memory(&self, key: &str, any_age: bool) -> Option<Arc<Resolution>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, resolution) = kept.get(key)?;
        (any_age || since.elapsed() < limits::METADATA_FRESH).then(|| resolution.clone())
    }

    /// What another process, or this one before a restart, has resolved. Blocks.
    pub(super) fn on_disk(&self, key: &str, any_age: bool) -> Option<Arc<Resolution>> {
        let file = self.file(key);
        if !any_age && !is_fresh(&file, limits::METADATA_FRESH) {
            return None;
        }
        let resolution: Resolution = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
        resolution.lock.complaint().is_none().then(|| Arc::new(resolution))
    }

    pub(super) fn remember(&self, key: &str, resolution: &Arc<Resolution>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= limits::RESOLUTIONS_KEPT_MAX {
            kept.clear();
        }
        kept.insert(key.to_owned(), (Instant::now(), resolution.clone()));
    }

    /// Blocks. Failing costs only time, later.
    pub(super) fn write(&self, key: &str, resolution: &Resolution) {
        let write = || {
            let bytes = serde_json::to_vec(resolution)?;
            self.store.workplace()?.write(&self.file(key), &bytes)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, "a resolution cannot be kept");
        }
    }

    fn file(&self, key: &str) -> PathBuf {
        self.store.folder().join("resolutions").join(format!("{key}.json"))
    }
}
