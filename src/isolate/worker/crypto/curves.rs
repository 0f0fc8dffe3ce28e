//! The NIST curves: P-256, P-384 and P-521. A private key is its scalar, a public one its uncompressed point.

use ::rsa::signature::hazmat::{PrehashVerifier, RandomizedPrehashSigner};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use super::super::digest::seen;
use super::super::natives::bare;
use super::random::System;
use super::{Made, made, unknown};

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("ecPublic", Function::new(ctx.clone(), ec_public)?)?;
    native.set("ecPoint", Function::new(ctx.clone(), ec_point)?)?;
    native.set("ecFromPkcs8", Function::new(ctx.clone(), ec_from_pkcs8)?)?;
    native.set("ecFromSpki", Function::new(ctx.clone(), ec_from_spki)?)?;
    native.set("ecToPkcs8", Function::new(ctx.clone(), ec_to_pkcs8)?)?;
    native.set("ecToSpki", Function::new(ctx.clone(), ec_to_spki)?)?;
    native.set("ecSign", Function::new(ctx.clone(), ec_sign)?)?;
    native.set("ecVerify", Function::new(ctx.clone(), ec_verify)?)?;
    native.set("ecShared", Function::new(ctx.clone(), ec_shared)?)?;
    Ok(native)
}

/// The same work on each curve, by the crate that has it.
macro_rules! on_curve {
    ($ctx:expr, $curve:expr, $at:ident => $work:expr) => {
        match $curve.as_str() {
            "P-256" => {
                use p256 as $at;
                $work
            }
            "P-384" => {
                use p384 as $at;
                $work
            }
            "P-521" => {
                use p521 as $at;
                $work
            }
            other => return Err(unknown(&$ctx, "curve", other)),
        }
    };
}

/// The point of a scalar; none when it is no scalar of the curve.
fn ec_public<'js>(ctx: Ctx<'js>, curve: String, scalar: TypedArray<'js, u8>) -> Made<'js> {
    let scalar = seen(&scalar);
    let point = on_curve!(ctx, curve, at => at::SecretKey::from_slice(scalar)
        .ok()
        .map(|key| key.public_key().to_encoded_point(false).as_bytes().to_vec()));
    made(ctx, point)
}

/// A point in any of its forms, uncompressed; none when it is not on the curve.
fn ec_point<'js>(ctx: Ctx<'js>, curve: String, point: TypedArray<'js, u8>) -> Made<'js> {
    let point = seen(&point);
    let point = on_curve!(ctx, curve, at => at::PublicKey::from_sec1_bytes(point)
        .ok()
        .map(|key| key.to_encoded_point(false).as_bytes().to_vec()));
    made(ctx, point)
}

fn ec_from_pkcs8<'js>(ctx: Ctx<'js>, curve: String, der: TypedArray<'js, u8>) -> Made<'js> {
    let der = seen(&der);
    let scalar = on_curve!(ctx, curve, at => at::SecretKey::from_pkcs8_der(der)
        .ok()
        .map(|key| key.to_bytes().to_vec()));
    made(ctx, scalar)
}

fn ec_from_spki<'js>(ctx: Ctx<'js>, curve: String, der: TypedArray<'js, u8>) -> Made<'js> {
    let der = seen(&der);
    let point = on_curve!(ctx, curve, at => at::PublicKey::from_public_key_der(der)
        .ok()
        .map(|key| key.to_encoded_point(false).as_bytes().to_vec()));
    made(ctx, point)
}

fn ec_to_pkcs8<'js>(ctx: Ctx<'js>, curve: String, scalar: TypedArray<'js, u8>) -> Made<'js> {
    let scalar = seen(&scalar);
    let der = on_curve!(ctx, curve, at => at::SecretKey::from_slice(scalar)
        .ok()
        .and_then(|key| Some(key.to_pkcs8_der().ok()?.as_bytes().to_vec())));
    made(ctx, der)
}

fn ec_to_spki<'js>(ctx: Ctx<'js>, curve: String, point: TypedArray<'js, u8>) -> Made<'js> {
    let point = seen(&point);
    let der = on_curve!(ctx, curve, at => at::PublicKey::from_sec1_bytes(point)
        .ok()
        .and_then(|key| Some(key.to_public_key_der().ok()?.as_bytes().to_vec())));
    made(ctx, der)
}

/// As `r` and `s`, one behind the other.
fn ec_sign<'js>(
    ctx: Ctx<'js>,
    curve: String,
    scalar: TypedArray<'js, u8>,
    digest: TypedArray<'js, u8>,
) -> Made<'js> {
    let (scalar, digest) = (seen(&scalar), seen(&digest));
    let signature = on_curve!(ctx, curve, at => at::ecdsa::SigningKey::from_slice(scalar).ok().and_then(|key| {
        let digest = fitted(digest, scalar.len());
        let signature: at::ecdsa::Signature = key.sign_prehash_with_rng(&mut System, &digest).ok()?;
        Some(signature.to_bytes().to_vec())
    }));
    made(ctx, signature)
}

fn ec_verify<'js>(
    ctx: Ctx<'js>,
    curve: String,
    point: TypedArray<'js, u8>,
    digest: TypedArray<'js, u8>,
    signature: TypedArray<'js, u8>,
) -> Result<bool> {
    let (point, digest, signature) = (seen(&point), seen(&digest), seen(&signature));
    let digest = fitted(digest, point.len() / 2);
    Ok(on_curve!(ctx, curve, at => {
        let key = at::ecdsa::VerifyingKey::from_sec1_bytes(point);
        let signature = at::ecdsa::Signature::from_slice(signature);
        matches!((key, signature), (Ok(key), Ok(signature)) if key.verify_prehash(&digest, &signature).is_ok())
    }))
}

/// A digest as the number that is signed: its first bytes, or zeros in front of it. The crates refuse short ones.
fn fitted(digest: &[u8], bytes: usize) -> Vec<u8> {
    let digest = digest.get(..bytes).unwrap_or(digest);
    let mut fitted = vec![0; bytes - digest.len()];
    fitted.extend_from_slice(digest);
    fitted
}

fn ec_shared<'js>(
    ctx: Ctx<'js>,
    curve: String,
    scalar: TypedArray<'js, u8>,
    point: TypedArray<'js, u8>,
) -> Made<'js> {
    let (scalar, point) = (seen(&scalar), seen(&point));
    let shared = on_curve!(ctx, curve, at => {
        match (at::SecretKey::from_slice(scalar), at::PublicKey::from_sec1_bytes(point)) {
            (Ok(own), Ok(other)) => {
                let shared = at::ecdh::diffie_hellman(own.to_nonzero_scalar(), other.as_affine());
                Some(shared.raw_secret_bytes().to_vec())
            }
            _ => None,
        }
    });
    made(ctx, shared)
}
