//! What crypto.subtle and node:crypto compute in Rust, beside digests: ciphers, derivations, curves and RSA. The
//! checks that the standard asks of names, uses and formats are the prelude's; here are bytes in and bytes out.
//!
//! A native cannot be interrupted. So whatever takes long comes in slices, which the prelude calls for one after the
//! other, and the rest is bounded by `limits.rs`.

mod ciphers;
mod curves;
mod derivations;
mod edwards;
mod oaep;
mod random;
mod rsa;
mod rsa_search;
mod scrypt;

use rquickjs::{Ctx, Exception, Object, Result, TypedArray};

pub fn ciphers<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    ciphers::group(ctx)
}

pub fn derivations<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    derivations::group(ctx)
}

pub fn curves<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = curves::group(ctx)?;
    edwards::add(&native, ctx)?;
    Ok(native)
}

pub fn rsa<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    rsa::group(ctx)
}

/// Nothing says why something could not be done: that would tell about keys.
type Made<'js> = Result<Option<TypedArray<'js, u8>>>;

fn made<'js>(ctx: Ctx<'js>, bytes: Option<Vec<u8>>) -> Made<'js> {
    bytes.map(|bytes| TypedArray::new_copy(ctx, bytes)).transpose()
}

fn unknown(ctx: &Ctx<'_>, what: &str, name: &str) -> rquickjs::Error {
    Exception::throw_type(ctx, &format!("there is no {what} {name}"))
}

/// The same work for each digest.
macro_rules! by_digest {
    ($ctx:expr, $hash:expr, $digest:ident => $work:expr) => {
        match $hash.as_str() {
            "SHA-1" => {
                type $digest = sha1::Sha1;
                $work
            }
            "SHA-256" => {
                type $digest = sha2::Sha256;
                $work
            }
            "SHA-384" => {
                type $digest = sha2::Sha384;
                $work
            }
            "SHA-512" => {
                type $digest = sha2::Sha512;
                $work
            }
            other => return Err($crate::isolate::worker::crypto::unknown(&$ctx, "digest", other)),
        }
    };
}

use by_digest;
