//! The words of swarms, as the chain stores them.

mod node;
mod round;
mod swarm;
mod words;

pub use node::*;
pub use round::*;
pub use swarm::*;
pub use words::*;

use frame_support::{traits::ConstU32, BoundedVec};

/// Number of a swarm, from 0.
pub type SwarmId = u64;
/// Number of a round within its swarm, from 1.
pub type Number = u32;
/// Unix milliseconds, or a number of milliseconds.
pub type Millis = u64;
/// A digest.
pub type Digest = [u8; 32];

/// The longest certificate.
pub const MAX_CERTIFICATE: u32 = 2048;
/// The longest address of a file server.
pub const MAX_ADDRESS: u32 = 128;
/// The most weight of a node.
pub const MAX_WEIGHTAGE: u8 = 100;
/// The most multiple of the deviation, in tenths.
pub const MAX_SPREAD: u32 = 1_000;
/// The most arrivals that a leader can name as left out.
pub const MAX_LEFT_OUT: u32 = 32;
/// The lateness of how many arrivals a swarm remembers.
pub const MEMORY: u32 = 32;
/// How many rounds a node has to miss before it can be marked as absent.
pub const MISSED_ROUNDS: Number = 3;

/// A content identifier: version 1 in base32 text (`bafy…`).
pub type Cid = BoundedVec<u8, ConstU32<64>>;
/// An X.509 certificate, DER.
pub type Certificate = BoundedVec<u8, ConstU32<MAX_CERTIFICATE>>;
/// Where a file server is, `host:port`.
pub type NetAddress = BoundedVec<u8, ConstU32<MAX_ADDRESS>>;
/// How late the latest arrivals were, in milliseconds from the opening of their rounds, oldest
/// first.
pub type Memory = BoundedVec<u32, ConstU32<MEMORY>>;
/// Arrivals that a leader left out, and why.
pub type LeftOut<AccountId> = BoundedVec<(AccountId, Fault), ConstU32<MAX_LEFT_OUT>>;
