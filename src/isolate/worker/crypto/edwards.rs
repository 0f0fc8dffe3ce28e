//! Ed25519 and X25519. A private key is its seed, a public one its 32 bytes.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use p256::pkcs8::{ObjectIdentifier, PrivateKeyInfo, spki::SubjectPublicKeyInfoRef};
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use x25519_dalek::{PublicKey, StaticSecret};

use super::super::digest::seen;
use super::{Made, made};

pub fn add<'js>(native: &Object<'js>, ctx: &Ctx<'js>) -> Result<()> {
    native.set("edPublic", Function::new(ctx.clone(), ed_public)?)?;
    native.set("edSign", Function::new(ctx.clone(), ed_sign)?)?;
    native.set("edVerify", Function::new(ctx.clone(), ed_verify)?)?;
    native.set("xPublic", Function::new(ctx.clone(), x_public)?)?;
    native.set("xShared", Function::new(ctx.clone(), x_shared)?)?;
    native.set("okpFromPkcs8", Function::new(ctx.clone(), okp_from_pkcs8)?)?;
    native.set("okpFromSpki", Function::new(ctx.clone(), okp_from_spki)?)?;
    native.set("okpToPkcs8", Function::new(ctx.clone(), okp_to_pkcs8)?)?;
    native.set("okpToSpki", Function::new(ctx.clone(), okp_to_spki)?)
}

fn array<const N: usize>(bytes: &TypedArray<'_, u8>) -> Option<[u8; N]> {
    seen(bytes).try_into().ok()
}

fn ed_public<'js>(ctx: Ctx<'js>, seed: TypedArray<'js, u8>) -> Made<'js> {
    let public = array(&seed).map(|seed| SigningKey::from_bytes(&seed).verifying_key().to_bytes().to_vec());
    made(ctx, public)
}

fn ed_sign<'js>(ctx: Ctx<'js>, seed: TypedArray<'js, u8>, data: TypedArray<'js, u8>) -> Made<'js> {
    let signature =
        array(&seed).map(|seed| SigningKey::from_bytes(&seed).sign(seen(&data)).to_bytes().to_vec());
    made(ctx, signature)
}

/// Points of a small order are refused: they verify more than one message.
fn ed_verify(public: TypedArray<'_, u8>, data: TypedArray<'_, u8>, signature: TypedArray<'_, u8>) -> bool {
    let key = array(&public).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    let signature = array(&signature).map(|bytes| Signature::from_bytes(&bytes));
    matches!((key, signature), (Some(key), Some(signature)) if key.verify_strict(seen(&data), &signature).is_ok())
}

fn x_public<'js>(ctx: Ctx<'js>, private: TypedArray<'js, u8>) -> Made<'js> {
    let public = array::<32>(&private).map(|private| PublicKey::from(&StaticSecret::from(private)));
    made(ctx, public.map(|public| public.to_bytes().to_vec()))
}

/// None when the other's key contributes nothing to the secret.
fn x_shared<'js>(ctx: Ctx<'js>, private: TypedArray<'js, u8>, public: TypedArray<'js, u8>) -> Made<'js> {
    let shared = array::<32>(&private).zip(array::<32>(&public)).and_then(|(private, public)| {
        let shared = StaticSecret::from(private).diffie_hellman(&PublicKey::from(public));
        shared.was_contributory().then(|| shared.as_bytes().to_vec())
    });
    made(ctx, shared)
}

// --- the formats of both, which differ by a number --------------------------------------------------------

fn identifier(name: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(if name == "X25519" { "1.3.101.110" } else { "1.3.101.112" })
}

fn okp_from_pkcs8<'js>(ctx: Ctx<'js>, name: String, der: TypedArray<'js, u8>) -> Made<'js> {
    let info =
        PrivateKeyInfo::try_from(seen(&der)).ok().filter(|info| info.algorithm.oid == identifier(&name));
    let private = info.filter(|info| info.algorithm.parameters.is_none()).and_then(|info| {
        // The key is an octet string within one.
        info.private_key.strip_prefix(&[0x04, 32]).filter(|key| key.len() == 32).map(<[u8]>::to_vec)
    });
    made(ctx, private)
}

fn okp_from_spki<'js>(ctx: Ctx<'js>, name: String, der: TypedArray<'js, u8>) -> Made<'js> {
    let info = SubjectPublicKeyInfoRef::try_from(seen(&der)).ok();
    let info =
        info.filter(|info| info.algorithm.oid == identifier(&name) && info.algorithm.parameters.is_none());
    let public = info.and_then(|info| info.subject_public_key.as_bytes().map(<[u8]>::to_vec));
    made(ctx, public.filter(|public| public.len() == 32))
}

fn okp_to_pkcs8<'js>(ctx: Ctx<'js>, name: String, private: TypedArray<'js, u8>) -> Made<'js> {
    let number = if name == "X25519" { 0x6e } else { 0x70 };
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, number, 4, 0x22, 4, 0x20];
    der.extend_from_slice(seen(&private));
    made(ctx, Some(der))
}

fn okp_to_spki<'js>(ctx: Ctx<'js>, name: String, public: TypedArray<'js, u8>) -> Made<'js> {
    let number = if name == "X25519" { 0x6e } else { 0x70 };
    let mut der = vec![0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, number, 3, 0x21, 0];
    der.extend_from_slice(seen(&public));
    made(ctx, Some(der))
}
