//! Keys from passwords and from other keys: PBKDF2 and HKDF; `scrypt` is beside.

use hkdf::Hkdf;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use rquickjs::class::Trace;
use rquickjs::{Class, Ctx, Function, JsLifetime, Object, Result, TypedArray};

use super::super::digest::seen;
use super::super::natives::bare;
use super::scrypt::scrypt;
use super::{Made, by_digest, made};
use crate::limits;

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("derivedBytesMax", limits::DERIVED_BYTES_MAX)?;
    native.set("pbkdf2", Function::new(ctx.clone(), pbkdf2)?)?;
    native.set("hkdf", Function::new(ctx.clone(), hkdf)?)?;
    native.set("scrypt", Function::new(ctx.clone(), scrypt)?)?;
    native.set("scryptBlockBytesMax", limits::SCRYPT_BLOCK_BYTES_MAX)?;
    Ok(native)
}

// --- PBKDF2 -----------------------------------------------------------------------------------------------

fn pbkdf2<'js>(
    ctx: Ctx<'js>,
    hash: String,
    password: TypedArray<'js, u8>,
    salt: TypedArray<'js, u8>,
    iterations: u32,
    length: usize,
) -> Result<Class<'js, Derivation>> {
    let (password, salt) = (seen(&password), seen(&salt));
    let length = length.min(limits::DERIVED_BYTES_MAX);
    let work = by_digest!(ctx, hash, D => {
        Box::new(Work::<Hmac<D>>::new(password, salt, iterations, length)) as Box<dyn Iterated>
    });
    Class::instance(ctx, Derivation { work })
}

/// A derivation under way.
#[derive(Trace, JsLifetime)]
#[rquickjs::class]
pub struct Derivation {
    #[qjs(skip_trace)]
    work: Box<dyn Iterated>,
}

#[rquickjs::methods]
impl Derivation {
    /// A slice of the work; the bytes when it is done.
    fn run<'js>(&mut self, ctx: Ctx<'js>) -> Made<'js> {
        made(ctx, self.work.run(limits::DERIVATION_STEPS))
    }
}

pub trait Iterated {
    fn run(&mut self, steps: u32) -> Option<Vec<u8>>;
}

pub struct Work<M> {
    keyed: M,
    /// After the salt, with which each block begins.
    salted: M,
    iterations: u32,
    length: usize,
    derived: Vec<u8>,
    /// Of the block that is being derived: the last code, their sum, and how many are left.
    code: Vec<u8>,
    sum: Vec<u8>,
    left: u32,
}

impl<M: Mac + KeyInit + Clone + 'static> Work<M> {
    pub fn new(password: &[u8], salt: &[u8], iterations: u32, length: usize) -> Work<M> {
        let keyed = <M as Mac>::new_from_slice(password).expect("HMAC takes a key of any length");
        let mut work = Work {
            salted: keyed.clone().chain_update(salt),
            keyed,
            iterations,
            length,
            derived: Vec::new(),
            code: Vec::new(),
            sum: Vec::new(),
            left: 0,
        };
        work.begin_block();
        work
    }

    fn begin_block(&mut self) {
        let number = (self.derived.len() / M::output_size()) as u32 + 1;
        let mac = self.salted.clone().chain_update(number.to_be_bytes());
        self.code = mac.finalize().into_bytes().to_vec();
        self.sum = self.code.clone();
        self.left = self.iterations.saturating_sub(1);
    }
}

impl<M: Mac + KeyInit + Clone + 'static> Iterated for Work<M> {
    fn run(&mut self, steps: u32) -> Option<Vec<u8>> {
        let mut steps = steps;
        while self.derived.len() < self.length {
            let now = self.left.min(steps);
            for _ in 0..now {
                let code = self.keyed.clone().chain_update(&self.code).finalize().into_bytes();
                self.code.copy_from_slice(&code);
                self.sum.iter_mut().zip(&code).for_each(|(sum, byte)| *sum ^= byte);
            }
            self.left -= now;
            steps -= now;
            if self.left > 0 || steps == 0 {
                return None;
            }
            steps -= 1;
            self.derived.extend_from_slice(&self.sum);
            self.begin_block();
        }
        self.derived.truncate(self.length);
        Some(std::mem::take(&mut self.derived))
    }
}

// --- HKDF -------------------------------------------------------------------------------------------------

/// None when more is asked for than can be derived.
fn hkdf<'js>(
    ctx: Ctx<'js>,
    hash: String,
    key: TypedArray<'js, u8>,
    salt: TypedArray<'js, u8>,
    info: TypedArray<'js, u8>,
    length: usize,
) -> Made<'js> {
    let (key, salt, info) = (seen(&key), seen(&salt), seen(&info));
    let mut bytes = vec![0; length.min(limits::DERIVED_BYTES_MAX)];
    let done = by_digest!(ctx, hash, D => Hkdf::<D>::new(Some(salt), key).expand(info, &mut bytes));
    made(ctx, done.is_ok().then_some(bytes))
}
