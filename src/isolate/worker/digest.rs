//! Digests and keyed digests, for crypto.subtle and node:crypto.

use hmac::{Hmac, Mac};
use md5::Md5;
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_256};

use super::natives::bare;
use crate::limits;

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("bytesMax", limits::CRYPTO_BYTES_MAX)?;
    native.set("digest", Function::new(ctx.clone(), digest)?)?;
    native.set("hmac", Function::new(ctx.clone(), hmac)?)?;
    native.set("sameBytes", Function::new(ctx.clone(), same_bytes)?)?;
    Ok(native)
}

fn digest<'js>(ctx: Ctx<'js>, algorithm: String, bytes: TypedArray<'js, u8>) -> Result<TypedArray<'js, u8>> {
    let bytes = seen(&bytes);
    let digest = match algorithm.as_str() {
        "MD5" => Md5::digest(bytes).to_vec(),
        "SHA-1" => Sha1::digest(bytes).to_vec(),
        "SHA-224" => Sha224::digest(bytes).to_vec(),
        "SHA-256" => Sha256::digest(bytes).to_vec(),
        "SHA-384" => Sha384::digest(bytes).to_vec(),
        "SHA-512" => Sha512::digest(bytes).to_vec(),
        "SHA-512/256" => Sha512_256::digest(bytes).to_vec(),
        other => return Err(unknown(&ctx, other)),
    };
    TypedArray::new_copy(ctx, digest)
}

fn hmac<'js>(
    ctx: Ctx<'js>,
    algorithm: String,
    key: TypedArray<'js, u8>,
    bytes: TypedArray<'js, u8>,
) -> Result<TypedArray<'js, u8>> {
    let (key, bytes) = (seen(&key), seen(&bytes));
    let code = match algorithm.as_str() {
        "MD5" => code_of::<Hmac<Md5>>(key, bytes),
        "SHA-1" => code_of::<Hmac<Sha1>>(key, bytes),
        "SHA-224" => code_of::<Hmac<Sha224>>(key, bytes),
        "SHA-256" => code_of::<Hmac<Sha256>>(key, bytes),
        "SHA-384" => code_of::<Hmac<Sha384>>(key, bytes),
        "SHA-512" => code_of::<Hmac<Sha512>>(key, bytes),
        "SHA-512/256" => code_of::<Hmac<Sha512_256>>(key, bytes),
        other => return Err(unknown(&ctx, other)),
    };
    TypedArray::new_copy(ctx, code)
}

fn code_of<M: Mac + hmac::digest::KeyInit>(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut mac = <M as Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(bytes);
    mac.finalize().into_bytes().to_vec()
}

/// In a time that does not tell where they differ.
fn same_bytes(one: TypedArray<'_, u8>, other: TypedArray<'_, u8>) -> bool {
    same(seen(&one), seen(&other))
}

pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[allow(unsafe_code)]
pub fn seen<'a>(bytes: &'a TypedArray<'_, u8>) -> &'a [u8] {
    // SAFETY: no JavaScript runs, and nothing is freed, while the natives look at the bytes.
    unsafe { bytes.as_bytes() }.unwrap_or_default()
}

fn unknown(ctx: &Ctx<'_>, algorithm: &str) -> rquickjs::Error {
    Exception::throw_type(ctx, &format!("there is no digest {algorithm}"))
}
