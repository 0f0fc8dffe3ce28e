//! The key that secrets are encrypted under: given by whoever starts the server, or in a file that only its
//! owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub type Key = Zeroizing<[u8; 32]>;

/// A key as a person gives it: 32 bytes in hexadecimal or base64, or a passphrase.
pub fn given(text: &str) -> Key {
    let text = text.trim();
    encoded(text).unwrap_or_else(|| stretched(text))
}

/// The one in the file; None when there is no file.
pub fn read(file: &Path) -> Result<Option<Key>, String> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read it: {error}")),
    };
    let io = |error: std::io::Error| format!("cannot read it: {error}");
    let mode = opened.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(file = %file.display(), mode = format!("{mode:o}"), "others could read the key of the secrets: its mode is now 600");
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))
            .map_err(|error| format!("others can read it, and its mode cannot be made 600: {error}"))?;
    }
    let mut text = Zeroizing::new(String::new());
    opened.take(4_096).read_to_string(&mut text).map_err(io)?;
    encoded(text.trim()).map(Some).ok_or_else(|| "it has no key of 32 bytes in hexadecimal".to_string())
}

/// A new one, on the disk before it is used.
pub fn make(file: &Path) -> Result<Key, String> {
    let mut key = Key::default();
    getrandom::fill(&mut *key).map_err(|error| format!("the system has no random numbers: {error}"))?;
    let text = Zeroizing::new(key.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n");
    let write = || {
        let mut created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        created.write_all(text.as_bytes())?;
        created.sync_all()?;
        file.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error: std::io::Error| format!("cannot make {}: {error}", file.display()))?;
    Ok(key)
}

fn encoded(text: &str) -> Option<Key> {
    let bytes = if text.len() == 64 {
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        (0..32).map(|index| byte(2 * index)).collect::<Option<Vec<u8>>>()?
    } else {
        STANDARD.decode(text).ok()?
    };
    let bytes = Zeroizing::new(bytes);
    <[u8; 32]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

/// PBKDF2 with HMAC-SHA-256: each guess at a passphrase costs as much as this.
fn stretched(passphrase: &str) -> Key {
    const ROUNDS: u32 = 200_000;
    let mac =
        <Hmac<Sha256> as Mac>::new_from_slice(passphrase.as_bytes()).expect("HMAC takes keys of any length");
    let next = |input: &[u8]| -> [u8; 32] { mac.clone().chain_update(input).finalize().into_bytes().into() };
    let mut block = next(b"millrace secrets\0\0\0\x01");
    let mut key = Zeroizing::new(block);
    for _ in 1..ROUNDS {
        block = next(&block);
        key.iter_mut().zip(block).for_each(|(byte, other)| *byte ^= other);
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_in_every_form() {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
        let bytes: Vec<u8> = (0..32).collect();
        assert_eq!(given(hex).as_slice(), bytes);
        assert_eq!(given(&format!(" {} \n", STANDARD.encode(&bytes))).as_slice(), bytes);
        assert_ne!(given("a passphrase"), given("a passphrasf"));
        assert_eq!(given("a passphrase"), given("a passphrase"));
    }

    #[test]
    fn a_key_file_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        assert_eq!(read(&file).unwrap(), None);
        let made = make(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(read(&file).unwrap(), Some(made));
        assert!(make(&file).is_err(), "a key that is there is not replaced");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        read(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "short").unwrap();
        assert!(read(&file).is_err());
    }
}
