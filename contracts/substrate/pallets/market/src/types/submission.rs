//! Submissions: a contributor's slot, from assignment to its end.

use super::{Cid, Committee, Digest, Finding, Millis, Outcome, Phase, Reason, Wrap};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// One contributor's slot, from assignment to its end.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Submission<AccountId, Balance, BlockNumber> {
    pub contributor: AccountId,
    /// What is still held from the contributor as its bond.
    pub bond: Balance,
    /// Held from the contributor for storing this.
    pub deposit: Balance,
    pub accepted_at: Millis,
    /// The block in which the slot was taken; the hash of the next one orders the training's data.
    pub accepted_in: BlockNumber,
    /// The result, once sent.
    pub work: Option<Work>,
    /// Of the first draw: it also says which segments are replayed.
    pub seed: Option<Digest>,
    pub committee: Committee<AccountId>,
    /// The result's key for the task's reader, once released.
    pub key: Option<Wrap>,
    pub state: SubmissionState<Balance, BlockNumber>,
}

/// A result that was sent.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Work {
    pub cid: Cid,
    /// SHA-256 of the plain result's manifest.
    pub digest: Digest,
    /// Nothing for results of tasks of version 1 only.
    pub seal: Option<Seal>,
    pub trace: Option<Trace>,
    pub submitted_at: Millis,
}

/// What a sealed result says of its key.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
)]
pub struct Seal {
    /// `blake2_256` of the key.
    pub key_digest: Digest,
    /// `blake2_256` of the key's wrap for the task's reader.
    pub release: Digest,
}

/// What a result commits to of its training.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
)]
pub struct Trace {
    /// Of the Merkle tree over the checkpoints.
    pub root: Digest,
    pub checkpoints: u32,
}

/// Where a submission stands, with what only that state has.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub enum SubmissionState<Balance, BlockNumber> {
    /// In work until the deadline.
    #[codec(index = 0)]
    Assigned { deadline: Millis },
    /// Sent; its committee judges. `round` is 0 for the first committee and 1 once absent members
    /// are replaced.
    #[codec(index = 1)]
    PendingValidation { phase: Phase<BlockNumber>, round: u8 },
    /// The committee has spoken.
    #[codec(index = 2)]
    Validated { finding: Finding, window: Window<Balance> },
    /// Paid; `unpaid` while the reward's asset did not allow it.
    #[codec(index = 3)]
    Accepted { finding: Finding, unpaid: bool, ended_at: Millis },
    /// Ended without a reward.
    #[codec(index = 4)]
    Rejected { finding: Finding, outcome: Outcome, reason: Reason, ended_at: Millis },
    /// The contributor sent no result, or not its key, in time.
    #[codec(index = 5)]
    Expired { ended_at: Millis },
    /// All in office judge again.
    #[codec(index = 6)]
    Appealed { finding: Finding, outcome: Outcome, reason: Reason, phase: Phase<BlockNumber> },
}

/// What a validated result waits for.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub enum Window<Balance> {
    /// ManualAccept only: the creator's decision.
    #[codec(index = 0)]
    Review { until: Millis },
    /// An appeal. `counter` is what a creator that overruled the committee has at stake.
    #[codec(index = 1)]
    Challenge { until: Millis, outcome: Outcome, reason: Reason, counter: Balance },
    /// Its key: whoever releases it has the reward and the fees paid.
    #[codec(index = 2)]
    Release { until: Millis },
}

impl<Balance, BlockNumber> SubmissionState<Balance, BlockNumber> {
    /// When it ended, if it has.
    pub fn ended_at(&self) -> Option<Millis> {
        match self {
            SubmissionState::Accepted { ended_at, .. }
            | SubmissionState::Rejected { ended_at, .. }
            | SubmissionState::Expired { ended_at } => Some(*ended_at),
            _ => None,
        }
    }
}
