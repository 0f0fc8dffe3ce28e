//! AES, in its modes: counter, cipher block chaining, Galois/counter, and key wrapping.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::generic_array::GenericArray;
use aes::cipher::{
    BlockCipher, BlockDecryptMut, BlockEncrypt, BlockEncryptMut, KeyInit, KeyIvInit, StreamCipher,
};
use aes::{Aes128, Aes192, Aes256};
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};

use super::super::digest::{same, seen};
use super::super::natives::bare;
use super::{Made, made};

const BLOCK: usize = 16;

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("aesCtr", Function::new(ctx.clone(), aes_ctr)?)?;
    native.set("aesCbc", Function::new(ctx.clone(), aes_cbc)?)?;
    native.set("aesGcm", Function::new(ctx.clone(), aes_gcm)?)?;
    native.set("aesKw", Function::new(ctx.clone(), aes_kw)?)?;
    Ok(native)
}

/// The same work for each length of a key; none when it has another one.
macro_rules! by_key {
    ($key:expr, $aes:ident => $work:expr) => {
        match $key.len() {
            16 => {
                type $aes = Aes128;
                $work
            }
            24 => {
                type $aes = Aes192;
                $work
            }
            32 => {
                type $aes = Aes256;
                $work
            }
            _ => None,
        }
    };
}

// --- counter mode -----------------------------------------------------------------------------------------

/// Of the counter block, the last `bits` count, and begin anew at zero.
fn aes_ctr<'js>(
    ctx: Ctx<'js>,
    key: TypedArray<'js, u8>,
    counter: TypedArray<'js, u8>,
    bits: u32,
    data: TypedArray<'js, u8>,
) -> Made<'js> {
    let (key, counter) = (seen(&key), seen(&counter));
    let done = <[u8; BLOCK]>::try_from(counter).ok().and_then(|counter| {
        let mut bytes = seen(&data).to_vec();
        by_key!(key, Aes => ctr::<Aes>(key, counter, bits, &mut bytes))?;
        Some(bytes)
    });
    made(ctx, done)
}

fn ctr<C>(key: &[u8], counter: [u8; BLOCK], bits: u32, bytes: &mut [u8]) -> Option<()>
where
    C: BlockEncryptMut
        + BlockCipher
        + KeyInit
        + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
    ctr::Ctr128BE<C>: KeyIvInit + StreamCipher,
{
    let mask = if bits >= 128 { u128::MAX } else { (1 << bits) - 1 };
    let start = u128::from_be_bytes(counter);
    let blocks = bytes.len().div_ceil(BLOCK) as u128;
    let before_wrap = (mask - (start & mask)).saturating_add(1);
    // A counter that came around would give the same blocks again.
    if bits < 128 && blocks > mask + 1 {
        return None;
    }
    let split =
        bytes.len().min(usize::try_from(before_wrap.saturating_mul(BLOCK as u128)).unwrap_or(usize::MAX));
    let (first, second) = bytes.split_at_mut(split);
    for (part, from) in [(first, start), (second, start & !mask)] {
        let mut cipher = ctr::Ctr128BE::<C>::new_from_slices(key, &from.to_be_bytes()).ok()?;
        cipher.try_apply_keystream(part).ok()?;
    }
    Some(())
}

// --- cipher block chaining --------------------------------------------------------------------------------

fn aes_cbc<'js>(
    ctx: Ctx<'js>,
    key: TypedArray<'js, u8>,
    iv: TypedArray<'js, u8>,
    data: TypedArray<'js, u8>,
    encrypts: bool,
) -> Made<'js> {
    let (key, iv, data) = (seen(&key), seen(&iv), seen(&data));
    let done = by_key!(key, Aes => if encrypts {
        let cipher = cbc::Encryptor::<Aes>::new_from_slices(key, iv).ok();
        cipher.map(|cipher| cipher.encrypt_padded_vec_mut::<Pkcs7>(data))
    } else {
        let cipher = cbc::Decryptor::<Aes>::new_from_slices(key, iv).ok();
        cipher.and_then(|cipher| cipher.decrypt_padded_vec_mut::<Pkcs7>(data).ok())
    });
    made(ctx, done)
}

// --- Galois/counter mode, with vectors and tags of any length ---------------------------------------------

/// The tag stands behind what is encrypted. None when it does not fit what is decrypted.
fn aes_gcm<'js>(
    ctx: Ctx<'js>,
    key: TypedArray<'js, u8>,
    iv: TypedArray<'js, u8>,
    associated: TypedArray<'js, u8>,
    tag_bytes: usize,
    data: TypedArray<'js, u8>,
    encrypts: bool,
) -> Made<'js> {
    let (key, iv, associated, data) = (seen(&key), seen(&iv), seen(&associated), seen(&data));
    let done = by_key!(key, Aes => gcm::<Aes>(key, iv, associated, tag_bytes, data, encrypts));
    made(ctx, done)
}

fn gcm<C>(
    key: &[u8],
    iv: &[u8],
    associated: &[u8],
    tag_bytes: usize,
    data: &[u8],
    encrypts: bool,
) -> Option<Vec<u8>>
where
    C: BlockEncryptMut
        + BlockEncrypt
        + BlockCipher
        + KeyInit
        + aes::cipher::BlockSizeUser<BlockSize = aes::cipher::consts::U16>,
    ctr::Ctr32BE<C>: KeyIvInit + StreamCipher,
{
    let cipher = C::new_from_slice(key).ok()?;
    let mut hash_key = GenericArray::default();
    cipher.encrypt_block(&mut hash_key);
    let hash = GHash::new(&hash_key);
    let first = first_counter(hash.clone(), iv);
    let mut stream = ctr::Ctr32BE::<C>::new_from_slices(key, &first).ok()?;
    // The first block of the stream is the mask of the tag.
    let mut mask = [0; BLOCK];
    stream.try_apply_keystream(&mut mask).ok()?;
    let tag_of = |encrypted: &[u8]| {
        let mut tag = authenticated(hash.clone(), associated, encrypted);
        tag.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
        tag
    };
    if encrypts {
        let mut bytes = data.to_vec();
        stream.try_apply_keystream(&mut bytes).ok()?;
        let tag = tag_of(&bytes);
        bytes.extend_from_slice(tag.get(..tag_bytes)?);
        return Some(bytes);
    }
    let (encrypted, tag) = data.split_at_checked(data.len().checked_sub(tag_bytes)?)?;
    if !same(tag_of(encrypted).get(..tag_bytes)?, tag) {
        return None;
    }
    let mut bytes = encrypted.to_vec();
    stream.try_apply_keystream(&mut bytes).ok()?;
    Some(bytes)
}

fn first_counter(mut hash: GHash, iv: &[u8]) -> [u8; BLOCK] {
    if let Ok(short) = <[u8; 12]>::try_from(iv) {
        let mut counter = [0; BLOCK];
        counter[..12].copy_from_slice(&short);
        counter[15] = 1;
        return counter;
    }
    hash.update_padded(iv);
    hash.update(&[lengths(0, iv.len())]);
    hash.finalize().into()
}

fn authenticated(mut hash: GHash, associated: &[u8], encrypted: &[u8]) -> [u8; BLOCK] {
    hash.update_padded(associated);
    hash.update_padded(encrypted);
    hash.update(&[lengths(associated.len(), encrypted.len())]);
    hash.finalize().into()
}

/// In bits.
fn lengths(one: usize, other: usize) -> ghash::Block {
    let mut block = ghash::Block::default();
    block[..8].copy_from_slice(&(one as u64 * 8).to_be_bytes());
    block[8..].copy_from_slice(&(other as u64 * 8).to_be_bytes());
    block
}

// --- key wrapping -----------------------------------------------------------------------------------------

fn aes_kw<'js>(ctx: Ctx<'js>, key: TypedArray<'js, u8>, data: TypedArray<'js, u8>, wraps: bool) -> Made<'js> {
    let (key, data) = (seen(&key), seen(&data));
    let done = by_key!(key, Aes => {
        let wrapping = aes_kw::Kek::<Aes>::new(GenericArray::from_slice(key));
        if wraps { wrapping.wrap_vec(data).ok() } else { wrapping.unwrap_vec(data).ok() }
    });
    made(ctx, done)
}
