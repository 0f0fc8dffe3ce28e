//! RSA: signatures (PKCS #1 v1.5 and PSS), encryption (OAEP), and keys. A private key is its PKCS #8, a public one its
//! SPKI.

use ::rsa::pkcs1v15::Pkcs1v15Sign;
use ::rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ::rsa::pss::Pss;
use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use ::rsa::{BigUint, RsaPrivateKey, RsaPublicKey, hazmat};
use rquickjs::{Class, Ctx, Function, Object, Result, TypedArray};

use super::super::digest::seen;
use super::super::natives::bare;
use super::random::System;
use super::rsa_search::Search;
use super::{Made, by_digest, made, oaep};
use crate::limits;

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("bitsMax", limits::RSA_BITS_MAX)?;
    native.set("search", Function::new(ctx.clone(), search)?)?;
    native.set("fromPkcs8", Function::new(ctx.clone(), from_pkcs8)?)?;
    native.set("fromSpki", Function::new(ctx.clone(), from_spki)?)?;
    native.set("fromParts", Function::new(ctx.clone(), from_parts)?)?;
    native.set("parts", Function::new(ctx.clone(), parts)?)?;
    native.set("publicOf", Function::new(ctx.clone(), public_of)?)?;
    native.set("sign", Function::new(ctx.clone(), sign)?)?;
    native.set("verify", Function::new(ctx.clone(), verify)?)?;
    native.set("encrypt", Function::new(ctx.clone(), encrypt)?)?;
    native.set("decrypt", Function::new(ctx.clone(), decrypt)?)?;
    Ok(native)
}

fn search<'js>(ctx: Ctx<'js>, bits: usize, exponent: TypedArray<'js, u8>) -> Result<Class<'js, Search>> {
    let search = Search::new(bits.min(limits::RSA_BITS_MAX), BigUint::from_bytes_be(seen(&exponent)));
    Class::instance(ctx, search)
}

// --- keys -------------------------------------------------------------------------------------------------

fn private(der: &TypedArray<'_, u8>) -> Option<RsaPrivateKey> {
    RsaPrivateKey::from_pkcs8_der(bounded(der)?).ok().filter(usable)
}

/// Of numbers that are no primes not all parts are to be had, and without them each use would take many times longer.
fn usable(key: &RsaPrivateKey) -> bool {
    key.n().bits() <= limits::RSA_BITS_MAX && key.dp().is_some() && key.crt_coefficient().is_some()
}

fn public(der: &TypedArray<'_, u8>) -> Option<RsaPublicKey> {
    RsaPublicKey::from_public_key_der(bounded(der)?).ok()
}

fn bounded<'a>(der: &'a TypedArray<'_, u8>) -> Option<&'a [u8]> {
    Some(seen(der)).filter(|der| der.len() <= limits::RSA_KEY_BYTES_MAX)
}

pub fn private_der(key: &RsaPrivateKey) -> Option<Vec<u8>> {
    Some(key.to_pkcs8_der().ok()?.as_bytes().to_vec())
}

fn public_der(key: &RsaPublicKey) -> Option<Vec<u8>> {
    Some(key.to_public_key_der().ok()?.as_bytes().to_vec())
}

fn from_pkcs8<'js>(ctx: Ctx<'js>, der: TypedArray<'js, u8>) -> Made<'js> {
    made(ctx, private(&der).and_then(|key| private_der(&key)))
}

fn from_spki<'js>(ctx: Ctx<'js>, der: TypedArray<'js, u8>) -> Made<'js> {
    made(ctx, public(&der).and_then(|key| public_der(&key)))
}

fn public_of<'js>(ctx: Ctx<'js>, der: TypedArray<'js, u8>) -> Made<'js> {
    made(ctx, private(&der).and_then(|key| public_der(&key.to_public_key())))
}

/// Of `n` and `e`; of a private key, all its numbers in the order of `parts`.
fn from_parts<'js>(ctx: Ctx<'js>, parts: Vec<TypedArray<'js, u8>>) -> Made<'js> {
    let number = |part: &TypedArray<'js, u8>| BigUint::from_bytes_be(seen(part));
    let small = parts.iter().all(|part| seen(part).len() <= limits::RSA_BITS_MAX / 8 + 1);
    let der = match parts.as_slice() {
        _ if !small => None,
        [n, e] => RsaPublicKey::new(number(n), number(e)).ok().and_then(|key| public_der(&key)),
        [n, e, d, p, q, dp, dq, qi] => {
            let primes = vec![number(p), number(q)];
            let key = RsaPrivateKey::from_components(number(n), number(e), number(d), primes).ok();
            let key = key.filter(|key| {
                usable(key)
                    && key.dp() == Some(&number(dp))
                    && key.dq() == Some(&number(dq))
                    && key.crt_coefficient() == Some(number(qi))
            });
            key.and_then(|key| private_der(&key))
        }
        _ => None,
    };
    made(ctx, der)
}

/// The numbers of a key, as a JWK has them: `n` and `e`, and of a private key `d`, `p`, `q`, `dp`, `dq` and `qi`.
fn parts<'js>(ctx: Ctx<'js>, der: TypedArray<'js, u8>, is_private: bool) -> Result<Vec<TypedArray<'js, u8>>> {
    let numbers = if is_private {
        private(&der).and_then(|key| {
            let [p, q] = key.primes() else { return None };
            let (dp, dq) = (key.dp()?.clone(), key.dq()?.clone());
            let qi = key.crt_coefficient()?;
            Some(vec![key.n().clone(), key.e().clone(), key.d().clone(), p.clone(), q.clone(), dp, dq, qi])
        })
    } else {
        public(&der).map(|key| vec![key.n().clone(), key.e().clone()])
    };
    numbers.unwrap_or_default().iter().map(|n| TypedArray::new_copy(ctx.clone(), n.to_bytes_be())).collect()
}

// --- signatures -------------------------------------------------------------------------------------------

/// With a length of the salt it is PSS.
fn sign<'js>(
    ctx: Ctx<'js>,
    der: TypedArray<'js, u8>,
    hash: String,
    salt: Option<usize>,
    digest: TypedArray<'js, u8>,
) -> Made<'js> {
    let key = private(&der);
    let digest = seen(&digest);
    let signature = by_digest!(ctx, hash, D => key.and_then(|key| match salt {
        Some(salt) => key.sign_with_rng(&mut System, Pss::new_with_salt::<D>(salt), digest).ok(),
        None => key.sign_with_rng(&mut System, Pkcs1v15Sign::new::<D>(), digest).ok(),
    }));
    made(ctx, signature)
}

fn verify<'js>(
    ctx: Ctx<'js>,
    der: TypedArray<'js, u8>,
    hash: String,
    salt: Option<usize>,
    digest: TypedArray<'js, u8>,
    signature: TypedArray<'js, u8>,
) -> Result<bool> {
    let key = public(&der);
    let (digest, signature) = (seen(&digest), seen(&signature));
    Ok(by_digest!(ctx, hash, D => key.is_some_and(|key| match salt {
        Some(salt) => key.verify(Pss::new_with_salt::<D>(salt), digest, signature).is_ok(),
        None => key.verify(Pkcs1v15Sign::new::<D>(), digest, signature).is_ok(),
    })))
}

// --- encryption -------------------------------------------------------------------------------------------

fn encrypt<'js>(
    ctx: Ctx<'js>,
    der: TypedArray<'js, u8>,
    hash: String,
    label: TypedArray<'js, u8>,
    seed: TypedArray<'js, u8>,
    message: TypedArray<'js, u8>,
) -> Made<'js> {
    let (label, seed, message) = (seen(&label), seen(&seed), seen(&message));
    let encrypted = by_digest!(ctx, hash, D => public(&der).and_then(|key| {
        let padded = oaep::pad::<D>(message, label, seed, key.size())?;
        let encrypted = hazmat::rsa_encrypt(&key, &BigUint::from_bytes_be(&padded)).ok()?;
        as_long_as(encrypted, key.size())
    }));
    made(ctx, encrypted)
}

fn decrypt<'js>(
    ctx: Ctx<'js>,
    der: TypedArray<'js, u8>,
    hash: String,
    label: TypedArray<'js, u8>,
    encrypted: TypedArray<'js, u8>,
) -> Made<'js> {
    let (label, encrypted) = (seen(&label), seen(&encrypted));
    let message = by_digest!(ctx, hash, D => private(&der).and_then(|key| {
        let number = BigUint::from_bytes_be(encrypted);
        if encrypted.len() != key.size() || number >= *key.n() {
            return None;
        }
        let padded = hazmat::rsa_decrypt_and_check(&key, Some(&mut System), &number).ok()?;
        oaep::unpad::<D>(&as_long_as(padded, key.size())?, label)
    }));
    made(ctx, message)
}

/// With zeros in front.
fn as_long_as(number: BigUint, bytes: usize) -> Option<Vec<u8>> {
    let number = number.to_bytes_be();
    let mut padded = vec![0; bytes.checked_sub(number.len())?];
    padded.extend_from_slice(&number);
    Some(padded)
}
