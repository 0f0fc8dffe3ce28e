//! The search for the two primes of an RSA key. It takes as long as chance wants, so it comes in slices.

use ::rsa::rand_core::RngCore;
use ::rsa::{BigUint, RsaPrivateKey};
use num_bigint_dig::prime::probably_prime;
use rquickjs::class::Trace;
use rquickjs::{Ctx, JsLifetime, Result, TypedArray};

use super::random::System;
use super::rsa::private_der;
use crate::limits;

/// As FIPS 186 asks of random numbers of 512 bits; of longer ones it asks for fewer. A test by Lucas comes on top.
const ROUNDS: usize = 7;
/// How often a pair of primes may turn out not to fit: the exponent may share a factor with every other one.
const PAIRS_MAX: u32 = 64;

#[derive(Trace, JsLifetime)]
#[rquickjs::class]
pub struct Search {
    bits: usize,
    #[qjs(skip_trace)]
    exponent: BigUint,
    #[qjs(skip_trace)]
    first: Option<BigUint>,
    pairs: u32,
    hopeless: bool,
}

impl Search {
    pub fn new(bits: usize, exponent: BigUint) -> Search {
        Search { bits, exponent, first: None, pairs: 0, hopeless: false }
    }

    fn candidate(bits: usize) -> BigUint {
        let mut bytes = vec![0; bits.div_ceil(8)];
        System.fill_bytes(&mut bytes);
        let spare = bytes.len() * 8 - bits;
        if let Some(first) = bytes.first_mut() {
            *first &= 0xff >> spare;
        }
        // The two highest bits are set, so that the product of two has all its bits; the lowest, because it is odd.
        let number = BigUint::from_bytes_be(&bytes);
        let high = BigUint::from(3u8) << (bits - 2);
        (number | high) | BigUint::from(1u8)
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let half = if self.first.is_some() { self.bits / 2 } else { self.bits - self.bits / 2 };
        for _ in 0..limits::RSA_CANDIDATES {
            let candidate = Search::candidate(half);
            if has_small_factor(&candidate) || !probably_prime(&candidate, ROUNDS) {
                continue;
            }
            let Some(first) = self.first.take() else {
                self.first = Some(candidate);
                return None;
            };
            if let Ok(key) = RsaPrivateKey::from_p_q(first, candidate, self.exponent.clone()) {
                return private_der(&key);
            }
            self.pairs += 1;
            self.hopeless = self.pairs == PAIRS_MAX;
            return None;
        }
        None
    }
}

#[rquickjs::methods]
impl Search {
    /// A slice of the search; the key, as PKCS #8, when it is found.
    fn run<'js>(&mut self, ctx: Ctx<'js>) -> Result<Option<TypedArray<'js, u8>>> {
        super::made(ctx, self.next())
    }

    /// Whether no key has this exponent.
    #[qjs(get)]
    fn hopeless(&self) -> bool {
        self.hopeless
    }
}

/// Most numbers have one, and it is found far more quickly than by the test for primes.
fn has_small_factor(number: &BigUint) -> bool {
    /// The product of the odd primes up to 53 fits 64 bits.
    const PRODUCT: u64 = 16_294_579_238_595_022_365;
    let rest = number % BigUint::from(PRODUCT);
    let rest = rest.to_bytes_be().iter().fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
    [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53].iter().any(|prime| rest % prime == 0)
}
