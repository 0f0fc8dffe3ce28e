//! scrypt (RFC 7914), in slices: that of the crates cannot be interrupted. The table that makes it costly lies in the isolate's
//! own memory, which is counted there; it comes with each call.

use hmac::Hmac;
use rquickjs::class::Trace;
use rquickjs::{Class, Ctx, Exception, JsLifetime, Result, TypedArray};
use salsa20::SalsaCore;
use salsa20::cipher::StreamCipherCore as _;
use salsa20::cipher::typenum::U4;
use sha2::Sha256;

use super::super::digest::seen;
use super::derivations::{Iterated as _, Work};
use super::{Made, made};
use crate::limits;

/// Words of one salsa block.
const WORDS: usize = 16;

/// `cost` and `blocks` and `lanes` are N, r and p of the standard.
pub fn scrypt<'js>(
    ctx: Ctx<'js>,
    password: TypedArray<'js, u8>,
    salt: TypedArray<'js, u8>,
    cost: u32,
    blocks: usize,
    lanes: usize,
    length: usize,
) -> Result<Class<'js, Scrypt>> {
    let bytes = blocks.checked_mul(lanes).and_then(|product| product.checked_mul(8 * WORDS));
    let bounded = bytes.is_some_and(|bytes| bytes > 0 && bytes <= limits::SCRYPT_BLOCK_BYTES_MAX);
    if !cost.is_power_of_two() || cost < 2 || !bounded {
        return Err(Exception::throw_range(&ctx, "scrypt cannot have these parameters"));
    }
    let password = seen(&password).to_vec();
    let filled = filling(&password, seen(&salt), bytes.unwrap_or_default());
    Class::instance(
        ctx,
        Scrypt {
            lanes: words(&filled),
            password,
            mixed: vec![0; 2 * blocks * WORDS],
            cost,
            lane: 0,
            step: 0,
            words: 2 * blocks * WORDS,
            length: length.min(limits::DERIVED_BYTES_MAX),
        },
    )
}

fn filling(password: &[u8], salt: &[u8], length: usize) -> Vec<u8> {
    let mut work = Work::<Hmac<Sha256>>::new(password, salt, 1, length);
    loop {
        if let Some(bytes) = work.run(limits::DERIVATION_STEPS) {
            return bytes;
        }
    }
}

/// One under way.
#[derive(Trace, JsLifetime)]
#[rquickjs::class]
pub struct Scrypt {
    #[qjs(skip_trace)]
    lanes: Vec<u32>,
    #[qjs(skip_trace)]
    password: Vec<u8>,
    /// Where a step puts what it makes of a lane.
    #[qjs(skip_trace)]
    mixed: Vec<u32>,
    cost: u32,
    lane: usize,
    /// Within the lane: the first half fills the table, the second reads it in the order that its words give.
    step: u32,
    words: usize,
    length: usize,
}

#[rquickjs::methods]
impl Scrypt {
    /// A slice of the work; the bytes when it is done. The table is `cost` times as long as a lane.
    #[allow(unsafe_code)]
    fn run<'js>(&mut self, ctx: Ctx<'js>, table: TypedArray<'js, u8>) -> Made<'js> {
        let Some(raw) = table.as_raw() else { return Ok(None) };
        if raw.len() < self.cost as usize * self.words * 4 {
            return Err(Exception::throw_range(&ctx, "the table is too short"));
        }
        // SAFETY: no JavaScript runs, and nothing is freed or resized, while this slice of the work is done.
        let table = unsafe { &mut *raw.as_ptr() };
        let mut left = (limits::SCRYPT_SALSA_STEPS / (self.words / WORDS)).max(1);
        while self.lane * self.words < self.lanes.len() {
            let lane = &mut self.lanes[self.lane * self.words..(self.lane + 1) * self.words];
            while self.step < 2 * self.cost {
                if left == 0 {
                    return Ok(None);
                }
                left -= 1;
                mix(lane, table, self.step, self.cost, &mut self.mixed);
                self.step += 1;
            }
            self.lane += 1;
            self.step = 0;
        }
        let salt: Vec<u8> = self.lanes.iter().flat_map(|word| word.to_le_bytes()).collect();
        made(ctx, Some(filling(&self.password, &salt, self.length)))
    }
}

/// A step of ROMix.
fn mix(lane: &mut [u32], table: &mut [u8], step: u32, cost: u32, mixed: &mut [u32]) {
    let bytes = lane.len() * 4;
    let at = if step < cost { step } else { lane[lane.len() - WORDS] & (cost - 1) };
    let row = table[at as usize * bytes..][..bytes].chunks_exact_mut(4).zip(lane.iter_mut());
    if step < cost {
        row.for_each(|(place, word)| place.copy_from_slice(&word.to_le_bytes()));
    } else {
        row.for_each(|(place, word)| *word ^= word_of(place));
    }
    mix_blocks(lane, mixed);
}

/// BlockMix: each block is added to the one before it and stirred; those of even places go in front.
fn mix_blocks(lane: &mut [u32], mixed: &mut [u32]) {
    let mut last = [0; WORDS];
    last.copy_from_slice(&lane[lane.len() - WORDS..]);
    for (at, block) in lane.chunks_exact(WORDS).enumerate() {
        last.iter_mut().zip(block).for_each(|(word, other)| *word ^= other);
        stir(&mut last);
        let place = at / 2 * WORDS + at % 2 * lane.len() / 2;
        mixed[place..place + WORDS].copy_from_slice(&last);
    }
    lane.copy_from_slice(mixed);
}

/// Salsa20/8.
fn stir(block: &mut [u32; WORDS]) {
    let mut bytes = [0; WORDS * 4];
    SalsaCore::<U4>::from_raw_state(*block).write_keystream_block((&mut bytes).into());
    block.iter_mut().zip(bytes.chunks_exact(4)).for_each(|(word, bytes)| *word = word_of(bytes));
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(word_of).collect()
}

fn word_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("a word has four bytes"))
}
