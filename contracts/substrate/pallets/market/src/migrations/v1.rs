//! What version 1 of the marketplace stored, where that differs from what is stored now.

use crate::{
    AccountOf, BalanceOf, Cid, Config, FeeSource, Index, Millis, ModelType, Pallet, Reason,
    StorageType, TaskId, TaskStatus, TaskType, ValidationStrategy, Verdict, MAX_COMMITTEE,
};
use codec::{Decode, Encode};
use frame_support::{storage_alias, traits::ConstU32, Blake2_128Concat, BoundedVec, Twox64Concat};
use frame_system::pallet_prelude::BlockNumberFor;

#[storage_alias]
pub type Tasks<T: Config> = StorageMap<Pallet<T>, Blake2_128Concat, TaskId, TaskOf<T>>;

#[storage_alias]
pub type Submissions<T: Config> =
    StorageDoubleMap<Pallet<T>, Blake2_128Concat, TaskId, Twox64Concat, Index, SubmissionOf<T>>;

pub type TaskOf<T> = Task<AccountOf<T>, BalanceOf<T>>;
pub type SubmissionOf<T> = Submission<AccountOf<T>, BalanceOf<T>, BlockNumberFor<T>>;

#[derive(Encode, Decode, Clone)]
pub struct Terms<Balance> {
    pub task_type: TaskType,
    pub strategy: ValidationStrategy,
    pub model_type: ModelType,
    pub storage: StorageType,
    pub bundle: Cid,
    pub reward: Balance,
    pub fee: Balance,
    pub committee_size: u8,
    pub slots: u32,
    pub expires_at: Millis,
    pub working_time: Millis,
    pub review_time: Millis,
    pub parent: Option<TaskId>,
}

#[derive(Encode, Decode)]
pub struct Task<AccountId, Balance> {
    pub creator: AccountId,
    pub terms: Terms<Balance>,
    pub open_slots: u32,
    pub active: u32,
    pub accepted: u32,
    pub submissions: Index,
    pub created_at: Millis,
    pub published: Option<Cid>,
    pub status: TaskStatus,
}

#[derive(Encode, Decode)]
pub struct Submission<AccountId, Balance, BlockNumber> {
    pub contributor: AccountId,
    pub bond: Balance,
    pub accepted_at: Millis,
    pub work: Option<Work>,
    pub committee: BoundedVec<Seat<AccountId>, ConstU32<MAX_COMMITTEE>>,
    pub fees: Fees,
    pub state: SubmissionState<BlockNumber>,
}

#[derive(Encode, Decode)]
pub struct Work {
    pub cid: Cid,
    pub digest: [u8; 32],
    pub submitted_at: Millis,
}

#[derive(Encode, Decode, Clone)]
pub struct Seat<AccountId> {
    pub member: AccountId,
    pub attestation: Option<Attestation>,
    pub paid: bool,
}

#[derive(Encode, Decode, Clone)]
pub struct Attestation {
    pub verdict: Verdict,
    pub score: u32,
    pub report: Cid,
}

#[derive(Encode, Decode)]
pub enum SubmissionState<BlockNumber> {
    #[codec(index = 0)]
    Assigned { deadline: Millis },
    #[codec(index = 1)]
    PendingValidation { phase: Phase<BlockNumber>, round: u8 },
    #[codec(index = 2)]
    Validated { verdict: Verdict, score: u32, review_until: Millis, attest_until: Millis },
    #[codec(index = 3)]
    Accepted { verdict: Verdict, score: u32 },
    #[codec(index = 4)]
    Rejected { verdict: Verdict, score: u32, reason: Reason },
    #[codec(index = 5)]
    Expired,
}

#[derive(Encode, Decode)]
pub enum Phase<BlockNumber> {
    #[codec(index = 0)]
    Drawing { anchor: BlockNumber, until: Millis },
    #[codec(index = 1)]
    Attesting { until: Millis },
}

/// What became of the committee's fees.
#[derive(Encode, Decode)]
pub enum Fees {
    /// Who pays them is not known before the submission ends.
    #[codec(index = 0)]
    Undecided,
    /// Seats without an attestation could still earn theirs until then.
    #[codec(index = 1)]
    Due { source: FeeSource, until: Millis },
    /// Every fee is paid or back where it came from.
    #[codec(index = 2)]
    Settled,
}

impl<Balance: sp_runtime::traits::AtLeast32BitUnsigned + Copy> Terms<Balance> {
    /// The fees of `members`.
    pub fn fees(&self, members: u32) -> Balance {
        self.fee.saturating_mul(members.into())
    }
}

impl<AccountId, Balance, BlockNumber> Submission<AccountId, Balance, BlockNumber> {
    /// How many members have not attested.
    pub fn silent(&self) -> u32 {
        self.committee.iter().filter(|seat| seat.attestation.is_none()).count() as u32
    }
}
