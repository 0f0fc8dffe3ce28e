//! Builds that are the same are done once: whoever asks meanwhile waits for the one that runs, and what came of the
//! last ones is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::limits::BUILDS_KEPT_BYTES_MAX;
use crate::{Bundle, BundleError, Failure, Project};

/// What will be the same the next time: a bundle, or a mistake of the author's.
pub type Outcome = Result<Arc<Bundle>, Arc<Failure>>;

#[derive(Default)]
pub struct Builds(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    builds: HashMap<String, Build>,
    /// Counts uses: the build with the smallest number goes first.
    clock: u64,
}

#[derive(Clone, Default)]
struct Build {
    outcome: Arc<OnceCell<Outcome>>,
    used: u64,
}

impl Builds {
    /// The outcome for a project: known, under way, or of `build`. Trouble that may pass is not kept.
    pub async fn outcome(
        &self,
        digest: String,
        build: impl Future<Output = Result<Outcome, BundleError>>,
    ) -> Result<Outcome, BundleError> {
        let cell = self.cell(&digest);
        let outcome = cell.get_or_try_init(|| build).await.cloned();
        drop(cell);
        self.bound();
        outcome
    }

    fn cell(&self, digest: &str) -> Arc<OnceCell<Outcome>> {
        let mut kept = self.kept();
        kept.clock += 1;
        let now = kept.clock;
        let build = kept.builds.entry(digest.to_string()).or_default();
        build.used = now;
        build.outcome.clone()
    }

    /// Drops what was not used for longest, and what never came to be.
    fn bound(&self) {
        let mut kept = self.kept();
        kept.builds.retain(|_, build| build.outcome.initialized() || Arc::strong_count(&build.outcome) > 1);
        let mut total: usize = kept.builds.values().map(Build::bytes).sum();
        while total > BUILDS_KEPT_BYTES_MAX && kept.builds.len() > 1 {
            let oldest =
                kept.builds.iter().min_by_key(|(_, build)| build.used).map(|(digest, _)| digest.clone());
            let Some(build) = oldest.and_then(|digest| kept.builds.remove(&digest)) else { return };
            total -= build.bytes();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Build {
    fn bytes(&self) -> usize {
        match self.outcome.get() {
            Some(Ok(bundle)) => bundle.script.len() + bundle.source_map.len(),
            Some(Err(failure)) => {
                failure.diagnostics.iter().map(|it| it.message.len() + it.snippet.len()).sum()
            }
            None => 0,
        }
    }
}

/// SHA-256 over everything that decides what is built.
pub fn digest(project: &Project) -> String {
    let mut hash = Sha256::new();
    let mut field = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    };
    for (name, text) in &project.files {
        field(name);
        field(text);
    }
    for part in [&project.entry, &project.package_json] {
        field(if part.is_some() { "+" } else { "-" });
        field(part.as_deref().unwrap_or_default());
    }
    let lock = project.lock.as_ref().and_then(|lock| serde_json::to_string(lock).ok());
    field(lock.as_deref().unwrap_or_default());
    hex(&hash.finalize())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;
    use crate::Stage;

    #[tokio::test]
    async fn the_same_is_built_once_and_trouble_is_not_kept() {
        let builds = Builds::default();
        let count = AtomicUsize::new(0);
        let failure = || Failure { stage: Stage::Parse, diagnostics: Vec::new() };
        let build = async || {
            tokio::task::yield_now().await;
            match count.fetch_add(1, Relaxed) {
                0 => Err(BundleError::Machinery("disk".into())),
                _ => Ok(Err(Arc::new(failure()))),
            }
        };
        assert!(builds.outcome("a".into(), build()).await.is_err());
        let (first, second) =
            tokio::join!(builds.outcome("a".into(), build()), builds.outcome("a".into(), build()));
        assert_eq!(first.unwrap().err(), second.unwrap().err());
        assert_eq!(count.load(Relaxed), 2);
    }

    #[test]
    fn each_part_of_a_project_counts() {
        let plain = Project { files: [("a.ts".to_string(), "b".to_string())].into(), ..Project::default() };
        let others = [
            Project { files: [("a.tsb".to_string(), String::new())].into(), ..plain.clone() },
            Project { entry: Some(String::new()), ..plain.clone() },
            Project { package_json: Some(String::new()), ..plain.clone() },
        ];
        assert_eq!(digest(&plain), digest(&plain.clone()));
        assert!(others.iter().all(|other| digest(other) != digest(&plain)));
    }
}
