//! The draw of a leader, as a pure function of a block's hash.

use crate::{Number, SwarmId};
use codec::Encode;
use sp_io::hashing::blake2_256;

/// The place that is drawn of `candidates`, at least one: the first 16 bytes, little endian, of
/// `blake2_256(anchor hash ++ swarm ++ round ++ attempt)`, each SCALE-encoded, modulo `candidates`.
/// Of 2¹²⁸ values the bias towards low places is nothing.
pub fn place(
    anchor: impl Encode,
    swarm: SwarmId,
    round: Number,
    attempt: u32,
    candidates: u32,
) -> u32 {
    let hash = (anchor, swarm, round, attempt).using_encoded(blake2_256);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    // Less than `candidates`, which is a u32.
    (u128::from_le_bytes(bytes) % u128::from(candidates)) as u32
}
