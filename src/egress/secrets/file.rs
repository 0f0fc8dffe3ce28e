//! The file of secrets: all of them as JSON, encrypted as a whole, so that neither a value nor the hosts that it
//! may go to can be read or changed without the key.
//!
//! | bytes | what                                                   |
//! |-------|--------------------------------------------------------|
//! | 16    | `millrace-secret1`, authenticated with the rest        |
//! | 24    | the nonce, new at each writing                         |
//! | …     | XChaCha20-Poly1305 of the JSON, with its tag of 16     |

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::key::{self, Key};
use super::{Kept, SecretsOptions};

const FILE: &str = "secrets";
const DRAFT: &str = "secrets.new";
const KEY_FILE: &str = "secrets.key";
const MAGIC: &[u8; 16] = b"millrace-secret1";
const NONCE_BYTES: usize = 24;

/// Why a folder's secrets cannot be used. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the secrets in {file} cannot be read: {why}")]
pub struct OpenSecretsError {
    file: PathBuf,
    why: String,
}

pub struct Vault {
    folder: PathBuf,
    /// None until the first secret is set, when no key was given.
    key: Mutex<Option<Key>>,
}

impl Vault {
    pub fn open(options: SecretsOptions) -> Result<(Vault, Vec<Kept>), OpenSecretsError> {
        let SecretsOptions { folder, key: given } = options;
        let file = folder.join(FILE);
        let key_file = folder.join(KEY_FILE);
        let error = |file: &Path, why: String| OpenSecretsError { file: file.into(), why };
        let own = given.is_none();
        let key = match given {
            Some(text) => Some(key::given(&Zeroizing::new(text))),
            None => key::read(&key_file).map_err(|why| error(&key_file, why))?,
        };
        let kept = match fs::read(&file) {
            Ok(bytes) => {
                let Some(key) = &key else {
                    return Err(error(
                        &file,
                        format!(
                            "their key, {KEY_FILE}, is gone; put it back, or give the key as MILLRACE_SECRET_KEY"
                        ),
                    ));
                };
                let source = if own { KEY_FILE } else { "MILLRACE_SECRET_KEY" };
                decrypt(key, &bytes).map_err(|why| {
                    error(&file, format!("{why} (the key is that of {source}); nothing was changed"))
                })?
            }
            Err(cause) if cause.kind() == ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(error(&file, cause.to_string())),
        };
        Ok((Vault { folder, key: Mutex::new(key) }, kept))
    }

    /// All of it or nothing: a draft takes the old file's place once it is on the disk.
    pub fn write(&self, kept: &[Arc<Kept>]) -> Result<(), String> {
        let key = self.key()?;
        let bytes = encrypt(&key, kept)?;
        let draft = self.folder.join(DRAFT);
        let write = || {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&draft, self.folder.join(FILE))?;
            File::open(&self.folder)?.sync_all()
        };
        write().map_err(|error: std::io::Error| format!("cannot write {}: {error}", draft.display()))
    }

    /// Made, and on the disk, when there was none.
    pub fn key(&self) -> Result<Key, String> {
        let mut key = self.key.lock().expect("nothing panics while it holds the key");
        match &*key {
            Some(key) => Ok(key.clone()),
            None => {
                let made = key::make(&self.folder.join(KEY_FILE))?;
                *key = Some(made.clone());
                Ok(made)
            }
        }
    }
}

fn encrypt(key: &Key, kept: &[Arc<Kept>]) -> Result<Vec<u8>, String> {
    let kept: Vec<&Kept> = kept.iter().map(|kept| &**kept).collect();
    let plain = Zeroizing::new(serde_json::to_vec(&kept).map_err(|error| error.to_string())?);
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| format!("the system has no random numbers: {error}"))?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let sealed = cipher
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: &plain, aad: MAGIC })
        .map_err(|_| "the secrets are too large to be encrypted".to_string())?;
    Ok([&MAGIC[..], &nonce, &sealed].concat())
}

fn decrypt(key: &Key, bytes: &[u8]) -> Result<Vec<Kept>, String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("the file is none of this version of millrace")?;
    let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).ok_or("the file is cut off")?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let plain = cipher
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: MAGIC })
        .map_err(|_| "the key is another one, or the file is damaged")?;
    let plain = Zeroizing::new(plain);
    serde_json::from_slice(&plain).map_err(|error| format!("what was encrypted is not understood: {error}"))
}
