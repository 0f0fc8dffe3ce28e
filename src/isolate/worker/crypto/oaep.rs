//! The padding of RSA-OAEP, with labels of any bytes.

use sha1::digest::{Digest, FixedOutputReset};

use super::super::digest::same;

/// The padded message, as long as the modulus; none when it does not fit.
pub fn pad<D: Digest + FixedOutputReset>(
    message: &[u8],
    label: &[u8],
    seed: &[u8],
    bytes: usize,
) -> Option<Vec<u8>> {
    let hash = D::digest(label);
    let zeros = bytes.checked_sub(message.len() + 2 * hash.len() + 2)?;
    let mut seed = seed.get(..hash.len())?.to_vec();
    let mut block = hash.to_vec();
    block.resize(hash.len() + zeros, 0);
    block.push(1);
    block.extend_from_slice(message);
    mask::<D>(&mut block, &seed);
    mask::<D>(&mut seed, &block);
    Some([&[0][..], &seed, &block].concat())
}

/// The message; none when the padding is not what it should be. All of it is looked at before that is said.
pub fn unpad<D: Digest + FixedOutputReset>(padded: &[u8], label: &[u8]) -> Option<Vec<u8>> {
    let hash = D::digest(label);
    let (first, rest) = padded.split_first()?;
    let (seed, block) = rest.split_at_checked(hash.len())?;
    let (mut seed, mut block) = (seed.to_vec(), block.to_vec());
    mask::<D>(&mut seed, &block);
    mask::<D>(&mut block, &seed);
    let (found, message) = block.split_at_checked(hash.len())?;
    let mut good = u8::from(*first == 0) & u8::from(same(found, &hash));
    let mut searching = 1u8;
    let mut start = 0;
    for (at, byte) in message.iter().enumerate() {
        let one = u8::from(*byte == 1);
        start |= (at + 1) * usize::from(searching & one);
        good &= 1 ^ (searching & (1 ^ one) & u8::from(*byte != 0));
        searching &= 1 ^ one;
    }
    (good & (1 ^ searching) == 1).then(|| message[start..].to_vec())
}

/// MGF1.
fn mask<D: Digest + FixedOutputReset>(bytes: &mut [u8], seed: &[u8]) {
    for (number, part) in bytes.chunks_mut(<D as Digest>::output_size()).enumerate() {
        let block = D::new().chain_update(seed).chain_update((number as u32).to_be_bytes()).finalize();
        part.iter_mut().zip(block).for_each(|(byte, mask)| *byte ^= mask);
    }
}
