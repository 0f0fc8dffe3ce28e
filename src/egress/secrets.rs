//! Secrets: what a processor may send and never see. They are in memory while the server runs, and in one
//! encrypted file of the data folder (`secrets/file.rs`).

mod file;
mod key;
mod signing;
mod value;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::EgressError;
use super::mask::Mask;
use super::policy::Policy;
use super::reference;
use super::target::Target;
use crate::event::{HostRule, Project, Timestamp};
use crate::limits::{
    SECRET_DESCRIPTION_CHARS_MAX, SECRET_HOSTS_MAX, SECRET_MASKED_BYTES_MIN, SECRET_NAME_CHARS_MAX,
    SECRET_VALUE_BYTES_MAX, SECRETS_MAX, SECRETS_PER_PROJECT_MAX,
};

pub use file::OpenSecretsError;
pub use value::Value;

pub struct SecretsOptions {
    /// The data folder.
    pub folder: PathBuf,
    /// None: the key is in a file of the folder, made when the first secret is.
    pub key: Option<String>,
}

/// A secret to be set; an earlier one of the same name is replaced.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSecret {
    pub name: String,
    pub value: Value,
    /// Where it may go. None: to whatever host a request that names it is for.
    #[serde(default)]
    pub hosts: Vec<HostRule>,
    #[serde(default)]
    pub description: Option<String>,
}

/// What may be shown of a secret: everything but its value.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    pub name: String,
    pub hosts: Vec<HostRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Full(String),
    /// The disk, or the key, which somebody has taken away.
    #[error("the secret was not stored: {0}")]
    Store(String),
}

/// The server's secrets; cheap to clone.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    vault: file::Vault,
    /// Held while a change is written, so that changes are written one after the other.
    writing: tokio::sync::Mutex<()>,
    known: Mutex<BTreeMap<String, Known>>,
}

/// The secrets of a project, by name.
#[derive(Clone, Default)]
struct Known {
    secrets: BTreeMap<String, Arc<Kept>>,
    /// Of all values that are long enough; made again when one changes.
    mask: Option<Mask>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    project: String,
    name: String,
    value: Value,
    hosts: Vec<HostRule>,
    description: Option<String>,
    created_at_ms: i64,
    updated_at_ms: i64,
}

/// Header values on their way out.
pub struct Substituted {
    /// Name, value, and whether a secret is in it.
    pub headers: Vec<(String, String, bool)>,
    pub sent: Vec<Sent>,
}

/// A secret that went out.
#[derive(Clone)]
pub struct Sent(Arc<Kept>);

impl Secrets {
    /// Reads and decrypts; blocks for the disk.
    pub fn open(options: SecretsOptions) -> Result<Secrets, OpenSecretsError> {
        let (vault, kept) = file::Vault::open(options)?;
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for kept in kept {
            let project = known.entry(kept.project.clone()).or_default();
            project.secrets.insert(kept.name.clone(), Arc::new(kept));
        }
        for project in known.values_mut() {
            project.mask = mask(&project.secrets, &[]);
        }
        Ok(Secrets(Arc::new(Inner {
            vault,
            writing: tokio::sync::Mutex::default(),
            known: Mutex::new(known),
        })))
    }

    /// On the disk when this returns.
    pub async fn set(&self, project: &Project, secret: NewSecret) -> Result<Secret, SecretError> {
        check(&secret)?;
        let _writing = self.0.writing.lock().await;
        let mut all = self.known().clone();
        let count: usize = all.values().map(|known| known.secrets.len()).sum();
        let known = all.entry(project.to_string()).or_default();
        let earlier = known.secrets.get(&secret.name).cloned();
        if earlier.is_none() && (known.secrets.len() >= SECRETS_PER_PROJECT_MAX || count >= SECRETS_MAX) {
            return Err(SecretError::Full(format!(
                "project {project} has as many secrets as it may ({SECRETS_PER_PROJECT_MAX} each, {SECRETS_MAX} in all): remove one first"
            )));
        }
        let now = Timestamp::now();
        let kept = Arc::new(Kept {
            project: project.to_string(),
            name: secret.name,
            value: secret.value,
            hosts: secret.hosts,
            description: secret.description,
            created_at_ms: earlier.map_or(now.as_millis(), |earlier| earlier.created_at_ms),
            updated_at_ms: now.as_millis(),
        });
        known.secrets.insert(kept.name.clone(), kept.clone());
        known.mask = mask(&known.secrets, &[]);
        self.store(all).await?;
        Ok(kept.shown())
    }

    /// Whether there was one; it is gone from the disk when this returns.
    pub async fn remove(&self, project: &Project, name: &str) -> Result<bool, SecretError> {
        let _writing = self.0.writing.lock().await;
        let mut all = self.known().clone();
        let Some(known) = all.get_mut(project.as_str()) else { return Ok(false) };
        if known.secrets.remove(name).is_none() {
            return Ok(false);
        }
        known.mask = mask(&known.secrets, &[]);
        self.store(all).await?;
        Ok(true)
    }

    /// Those of a project, by name.
    pub fn list(&self, project: &Project) -> Vec<Secret> {
        let known = self.known();
        let secrets = known.get(project.as_str()).map(|known| &known.secrets);
        secrets.into_iter().flat_map(BTreeMap::values).map(|kept| kept.shown()).collect()
    }

    /// The headers with every reference replaced by its value, if all of them may go there.
    pub(super) fn substitute(
        &self,
        project: &Project,
        policy: &Policy,
        target: &Target,
        headers: &[(String, String)],
    ) -> Result<Substituted, EgressError> {
        let mut substituted = Substituted { headers: Vec::with_capacity(headers.len()), sent: Vec::new() };
        for (name, value) in headers {
            let mut text = Zeroizing::new(String::new());
            let mut from = 0;
            for reference in reference::find(value) {
                let kept = self.find(project, &reference.name)?;
                kept.check_target(policy, target)?;
                text.push_str(&value[from..reference.start]);
                text.push_str(&kept.value);
                from = reference.end;
                substituted.sent.push(Sent(kept));
            }
            let secret = from > 0;
            text.push_str(&value[from..]);
            substituted.headers.push((name.clone(), std::mem::take(&mut *text), secret));
        }
        Ok(substituted)
    }

    /// For an answer to a request that had these secrets: it is searched for the project's others too, which may
    /// have been sent there before.
    pub(super) fn mask(&self, project: &Project, sent: &[Sent]) -> Option<Mask> {
        let known = self.known();
        let project = known.get(project.as_str());
        let is_masked = |sent: &Sent| {
            sent.0.value.len() >= SECRET_MASKED_BYTES_MIN
                && project
                    .and_then(|known| known.secrets.get(&sent.0.name))
                    .is_some_and(|kept| Arc::ptr_eq(kept, &sent.0))
        };
        if sent.iter().all(is_masked) {
            return project.and_then(|known| known.mask.clone());
        }
        let none = BTreeMap::new();
        mask(project.map_or(&none, |known| &known.secrets), sent)
    }

    fn find(&self, project: &Project, name: &str) -> Result<Arc<Kept>, EgressError> {
        let known = self.known();
        let found = known.get(project.as_str()).and_then(|known| known.secrets.get(name));
        found.cloned().ok_or_else(|| {
            EgressError::new(
                EgressError::SECRET_UNKNOWN,
                format!("there is no secret {name:?} in project {project}: set it with `millrace secrets set {name}`"),
            )
        })
    }

    /// Writes, and only then is it so.
    async fn store(&self, all: BTreeMap<String, Known>) -> Result<(), SecretError> {
        let kept: Vec<Arc<Kept>> = all.values().flat_map(|known| known.secrets.values().cloned()).collect();
        let inner = self.0.clone();
        let written = tokio::task::spawn_blocking(move || inner.vault.write(&kept)).await;
        written.unwrap_or_else(|_| Err("the server is going down".into())).map_err(SecretError::Store)?;
        *self.known() = all;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.0.known.lock().expect("nothing panics while it holds the secrets")
    }
}

impl Kept {
    fn shown(&self) -> Secret {
        Secret {
            name: self.name.clone(),
            hosts: self.hosts.clone(),
            description: self.description.clone(),
            created_at: Timestamp::from_millis(self.created_at_ms),
            updated_at: Timestamp::from_millis(self.updated_at_ms),
        }
    }

    fn check_host(&self, target: &Target) -> Result<(), EgressError> {
        let name = &self.name;
        if !self.hosts.is_empty() && !self.hosts.iter().any(|rule| rule.names(&target.host, target.port)) {
            let hosts: Vec<&str> = self.hosts.iter().map(HostRule::as_str).collect();
            return Err(not_allowed(format!(
                "secret {name:?} may not be sent to {}, only to {}: set it again with that host if it is meant",
                target.rule(),
                hosts.join(", ")
            )));
        }
        Ok(())
    }

    fn check_target(&self, policy: &Policy, target: &Target) -> Result<(), EgressError> {
        self.check_host(target)?;
        let name = &self.name;
        if !target.tls && !policy.is_named(target) {
            return Err(not_allowed(format!(
                "secret {name:?} would go to {} without encryption: use https, or name the host with --egress-allow",
                target.rule()
            )));
        }
        Ok(())
    }
}

fn not_allowed(why: String) -> EgressError {
    EgressError::new(EgressError::SECRET_NOT_ALLOWED, why)
}

fn mask(secrets: &BTreeMap<String, Arc<Kept>>, sent: &[Sent]) -> Option<Mask> {
    let long = secrets.values().filter(|kept| kept.value.len() >= SECRET_MASKED_BYTES_MIN);
    let all = long.chain(sent.iter().map(|sent| &sent.0));
    Mask::new(all.map(|kept| (kept.name.as_str(), &*kept.value)))
}

fn check(secret: &NewSecret) -> Result<(), SecretError> {
    let invalid = |why: String| Err(SecretError::Invalid(why));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let NewSecret { name, value, hosts, description } = secret;
    if name.is_empty() || name.len() > SECRET_NAME_CHARS_MAX || !name.chars().all(is_name) {
        return invalid(format!(
            "`name` must be 1 to {SECRET_NAME_CHARS_MAX} characters of a-z, A-Z, 0-9, _, - and ., as in OPENAI_API_KEY"
        ));
    }
    if value.is_empty() || value.len() > SECRET_VALUE_BYTES_MAX {
        return invalid(format!("`value` must have 1 to {SECRET_VALUE_BYTES_MAX} bytes"));
    }
    if value.chars().any(char::is_control) || value.trim() != &**value {
        return invalid(
            "`value` goes into a header: it may have no line breaks, and no space around it".into(),
        );
    }
    if hosts.len() > SECRET_HOSTS_MAX {
        return invalid(format!("`hosts` may have {SECRET_HOSTS_MAX} entries"));
    }
    if description.as_ref().is_some_and(|text| text.chars().count() > SECRET_DESCRIPTION_CHARS_MAX) {
        return invalid(format!("`description` may have {SECRET_DESCRIPTION_CHARS_MAX} characters"));
    }
    Ok(())
}
