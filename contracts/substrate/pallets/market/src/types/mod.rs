//! The words of the marketplace, as the chain stores them.

mod panel;
mod submission;
mod task;
mod words;

pub use panel::*;
pub use submission::*;
pub use task::*;
pub use words::*;

use frame_support::{traits::ConstU32, BoundedVec};

/// Number of a task, from 0.
pub type TaskId = u64;
/// Number of a submission within its task, from 0.
pub type Index = u32;
/// Number of an asset.
pub type AssetId = u32;
/// Unix milliseconds, or a number of milliseconds.
pub type Millis = u64;
/// A digest.
pub type Digest = [u8; 32];
/// A key of 32 bytes, sealed to an X25519 key: `docs/sealing.md`.
pub type Wrap = [u8; 80];

/// The most members of a committee.
pub const MAX_COMMITTEE: u32 = 9;
/// The most members of a jury.
pub const MAX_JURY: u32 = 16;
/// The most accounts that one call can give something to or take something from.
pub const MAX_PARTIES: u32 = 16;
/// The most golds of a task.
pub const MAX_GOLDS: u32 = 4;
/// The most checkpoints of a run.
pub const MAX_CHECKPOINTS: u32 = 4096;
/// The most segments of a run that are replayed.
pub const MAX_SEGMENTS: u8 = 16;
/// A whole, in parts per million.
pub const MILLION: u32 = 1_000_000;

/// A content identifier: version 1 in base32 text (`bafy…`).
pub type Cid = BoundedVec<u8, ConstU32<64>>;
/// Why a creator rejected a result, in its own words. Empty where nobody spoke.
pub type Reason = BoundedVec<u8, ConstU32<256>>;
/// The members who validate one result.
pub type Committee<AccountId> = BoundedVec<Seat<AccountId>, ConstU32<MAX_COMMITTEE>>;
/// All in office, who judge an appeal.
pub type Jury<AccountId> = BoundedVec<Seat<AccountId>, ConstU32<MAX_JURY>>;
/// Commitments to what a creator knows of results that it plants.
pub type Golds = BoundedVec<Digest, ConstU32<MAX_GOLDS>>;
/// Keys of a result or a validation set, each wrapped for one account.
pub type Wraps<AccountId> = BoundedVec<(AccountId, Wrap), ConstU32<MAX_PARTIES>>;
/// Accounts that a call is about.
pub type Parties<AccountId> = BoundedVec<AccountId, ConstU32<MAX_PARTIES>>;

/// Whether `cid` looks like a CID of version 1 in base32: its multibase prefix, its version, and
/// nothing but base32 letters. Whether there is content behind it, no chain can know.
pub fn is_cid(cid: &[u8]) -> bool {
    cid.starts_with(b"ba") && cid.iter().all(|c| matches!(c, b'a'..=b'z' | b'2'..=b'7'))
}
