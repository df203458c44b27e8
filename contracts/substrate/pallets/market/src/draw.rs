//! Draws, as pure functions of a seed.

use crate::{Index, Replay, TaskId};
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
        let place = number((seed, step as u32)) % left;
        pool.swap(step, step + place as usize);
    }
    pool.truncate(count);
    pool
}

/// The segments of a run that its panel replays: the first places of a shuffle of all, where step
/// `i` uses `blake2_256(seed ++ b"segment" ++ i as u32)`.
///
/// Only the places that were swapped are kept, so that a long run costs what a short one does.
pub fn segments(seed: [u8; 32], replay: Replay) -> Vec<u32> {
    let all = replay.checkpoints.saturating_sub(1);
    let count = u32::from(replay.segments).min(all);
    let mut moved = Vec::<(u32, u32)>::new();
    let mut drawn = Vec::new();
    for step in 0..count {
        let left = u128::from(all - step);
        // Less than `left`, which is a u32.
        let place = step + (number((seed, *b"segment", step)) % left) as u32;
        let at = |place| moved.iter().rev().find(|(from, _)| *from == place).map_or(place, |m| m.1);
        let (taken, first) = (at(place), at(step));
        moved.push((place, first));
        drawn.push(taken);
    }
    drawn
}

/// The largest odd number of seats that `available` members can fill, at most `wanted`.
pub fn odd_seats(available: usize, wanted: usize) -> usize {
    match available.min(wanted) {
        seats if seats % 2 == 0 => seats.saturating_sub(1),
        seats => seats,
    }
}

/// The first 16 bytes of a hash, little endian.
fn number(of: impl Encode) -> u128 {
    let hash = of.using_encoded(blake2_256);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    u128::from_le_bytes(bytes)
}
