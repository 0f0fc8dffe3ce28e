//! Signatures of webhooks (Standard Webhooks): HMAC-SHA256 under a secret that somebody has set, or under a key of
//! the subscription's own, which is derived from the key of the secrets and stored nowhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::target::{self, Target};
use super::super::{Caller, EgressError};
use super::{SecretError, Secrets};

/// What the keys of this scheme begin with when they are written down.
const PREFIX: &str = "whsec_";

impl Secrets {
    /// The value of a `webhook-signature` for a message to `url`.
    pub fn sign(
        &self,
        caller: &Caller,
        secret: Option<&str>,
        url: &str,
        message: &[&[u8]],
    ) -> Result<String, EgressError> {
        let key = match secret {
            Some(name) => {
                let kept = self.find(&caller.project, name)?;
                // Whoever has a signature can try guesses at the key: it is for the secret's hosts, too.
                kept.check_host(&Target::of(&target::parse(url)?)?)?;
                key_of(&kept.value)
            }
            None => self.own_key(caller).map_err(|error| {
                EgressError::new(EgressError::SECRET_UNKNOWN, format!("cannot sign: {error}"))
            })?,
        };
        Ok(format!("v1,{}", STANDARD.encode(mac(&key, message))))
    }

    /// The key of a subscription that names none, as its receiver is to be given it.
    pub fn signing_secret(&self, caller: &Caller) -> Result<String, SecretError> {
        let key = self.own_key(caller)?;
        Ok(format!("{PREFIX}{}", STANDARD.encode(&*key)))
    }

    /// Another one for each subscription: who receives one's webhooks cannot forge another's.
    fn own_key(&self, caller: &Caller) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let root = self.0.vault.key().map_err(SecretError::Store)?;
        let Caller { project, stream, slug, .. } = caller;
        let purpose = format!("millrace webhook signing\0{project}\0{stream}\0{slug}");
        Ok(Zeroizing::new(mac(&*root, &[purpose.as_bytes()]).to_vec()))
    }
}

/// As the verifiers read a key: base64 behind the prefix, with or without it. What is no base64 is taken as it is.
fn key_of(secret: &str) -> Zeroizing<Vec<u8>> {
    let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
    Zeroizing::new(STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec()))
}

fn mac(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in message {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the scheme's own specification.
    #[test]
    fn the_known_vector() {
        let key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let message: [&[u8]; 3] =
            [b"msg_p5jXN8AQM9LWM0D4loKWxJek", b".1614265330.", br#"{"test": 2432232314}"#];
        assert_eq!(STANDARD.encode(mac(&key, &message)), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(key_of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), key);
        assert_eq!(&**key_of("not base64!"), b"not base64!");
    }
}
