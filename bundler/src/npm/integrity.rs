//! What a tarball's bytes must hash to, as registries and lock files write it: `sha512-…` in base64.

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest;

/// Ordered by strength: where a registry gives several, the strongest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Integrity {
    algorithm: Algorithm,
    digest: Vec<u8>,
}

impl Integrity {
    /// Nothing if there is none that we can check.
    pub(super) fn parse(text: &str) -> Option<Integrity> {
        let known = text.split_ascii_whitespace().filter_map(Integrity::parse_one);
        // `max_by_key` takes the last of equals, a registry's first is what npm shows.
        known.rev().max_by_key(|integrity| integrity.algorithm)
    }

    /// Of packages from before 2017, which have no other.
    pub(super) fn of_shasum(hex: &str) -> Option<Integrity> {
        Integrity::checked(Algorithm::Sha1, from_hex(hex)?)
    }

    fn parse_one(text: &str) -> Option<Integrity> {
        let (name, rest) = text.split_once('-')?;
        let algorithm = match name {
            "sha1" => Algorithm::Sha1,
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return None,
        };
        // Options may follow behind a question mark.
        let base64 = rest.split_once('?').map_or(rest, |(digest, _)| digest);
        Integrity::checked(algorithm, STANDARD.decode(base64).ok()?)
    }

    fn checked(algorithm: Algorithm, digest: Vec<u8>) -> Option<Integrity> {
        let length = match algorithm {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        };
        (digest.len() == length).then_some(Integrity { algorithm, digest })
    }

    /// Where a package with this content lies below the store's packages.
    pub(super) fn folder(&self) -> PathBuf {
        let hex = to_hex(&self.digest);
        let (start, rest) = hex.split_at(2);
        [self.algorithm.name(), start, rest].iter().collect()
    }

    pub(super) fn hasher(&self) -> Hasher {
        match self.algorithm {
            Algorithm::Sha1 => Hasher::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Hasher::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => Hasher::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => Hasher::Sha512(sha2::Sha512::new()),
        }
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.algorithm.name(), STANDARD.encode(&self.digest))
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }
}

/// Computes the integrity of what actually came, in the algorithm of what was promised.
pub(super) enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha1(hasher) => hasher.update(bytes),
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Integrity {
        let (algorithm, digest) = match self {
            Hasher::Sha1(hasher) => (Algorithm::Sha1, hasher.finalize().to_vec()),
            Hasher::Sha256(hasher) => (Algorithm::Sha256, hasher.finalize().to_vec()),
            Hasher::Sha384(hasher) => (Algorithm::Sha384, hasher.finalize().to_vec()),
            Hasher::Sha512(hasher) => (Algorithm::Sha512, hasher.finalize().to_vec()),
        };
        Integrity { algorithm, digest }
    }
}

/// The SHA-256 of some bytes, in hexadecimal: for names of files.
pub(super) fn digest(bytes: &[u8]) -> String {
    to_hex(&sha2::Sha256::digest(bytes))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::Integrity;

    const SHA1: &str = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

    #[test]
    fn the_strongest_counts() {
        let mut hasher = Integrity::parse(SHA1).unwrap().hasher();
        hasher.update(b"");
        assert_eq!(hasher.finish().to_string(), SHA1);

        let sha512 = format!("sha512-{}", "A".repeat(86) + "==");
        let both = format!("{SHA1} {sha512}?option=1 md5-abc=");
        assert_eq!(Integrity::parse(&both).unwrap().to_string(), sha512);
    }

    #[test]
    fn shasums() {
        let empty = Integrity::of_shasum("da39a3ee5e6b4b0d3255bfef95601890afd80709").unwrap();
        assert_eq!(empty.to_string(), SHA1);
        for bad in [
            "",
            "da39",
            "../../../../../../etc/passwd0000000000000",
            "zz39a3ee5e6b4b0d3255bfef95601890afd80709",
        ] {
            assert_eq!(Integrity::of_shasum(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_no_integrity() {
        for bad in ["", "sha512", "sha512-", "sha512-../../x", "md5-1B2M2Y8AsgTpgAmY7PhCfg==", "sha1-AAAA"] {
            assert_eq!(Integrity::parse(bad), None, "{bad}");
        }
    }
}
