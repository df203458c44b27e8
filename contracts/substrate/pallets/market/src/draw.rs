//! The draw of a committee, as a pure function of a seed.

use crate::{Index, TaskId};
use alloc::vec::Vec;
use codec::Encode;
use sp_io::hashing::blake2_256;

/// What a draw starts from: `blake2_256(anchor hash ++ task ++ index ++ round)`, each SCALE-encoded.
pub fn seed<Hash: Encode>(anchor: Hash, task: TaskId, index: Index, round: u8) -> [u8; 32] {
    (anchor, task, index, round).using_encoded(blake2_256)
}

/// Draws `count` of `pool` without replacement: the first steps of a Fisher-Yates shuffle. Step
/// `i` swaps place `i` with place `i + r mod (n - i)`, where `r` is the first 16 bytes, little
/// endian, of `blake2_256(seed ++ i as u32)`; of 2¹²⁸ values the bias towards low places is
/// nothing.
pub fn draw<Member>(seed: [u8; 32], mut pool: Vec<Member>, count: usize) -> Vec<Member> {
    let count = count.min(pool.len());
    for step in 0..count {
        let left = (pool.len() - step) as u128;
        pool.swap(step, step + (number(seed, step as u32) % left) as usize);
    }
    pool.truncate(count);
    pool
}

/// The largest odd number of seats that `available` members can fill, at most `wanted`.
pub fn odd_seats(available: usize, wanted: usize) -> usize {
    match available.min(wanted) {
        seats if seats % 2 == 0 => seats.saturating_sub(1),
        seats => seats,
    }
}

fn number(seed: [u8; 32], step: u32) -> u128 {
    let hash = (seed, step).using_encoded(blake2_256);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(bytes)
}
