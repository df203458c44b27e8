//! Tasks and their terms.

use super::{
    Access, AssetId, Cid, Golds, Index, Millis, ModelType, StorageType, TaskId, TaskStatus,
    TaskType, ValidationStrategy, Wrap,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::traits::AtLeast32BitUnsigned;

/// What a creator offers; fixed when the task is created.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Terms<Balance> {
    pub task_type: TaskType,
    pub strategy: ValidationStrategy,
    pub model_type: ModelType,
    pub storage: StorageType,
    /// The assets that contributors run.
    pub bundle: Cid,
    /// Paid for an accepted result, in `asset`.
    pub reward: Balance,
    /// What the reward is paid in; nothing is the native token.
    pub asset: Option<AssetId>,
    /// Paid to each committee member whose finding agrees with the committee's.
    pub fee: Balance,
    /// Members that validate one result: odd, 1 to 9.
    pub committee_size: u8,
    /// By how much a member's score may differ from the panel's, in parts per million.
    pub tolerance: u32,
    /// What a contributor puts at stake; at least the fees of a committee.
    pub bond: Balance,
    /// Results wanted.
    pub slots: u32,
    /// The last moment at which a slot can be taken.
    pub expires_at: Millis,
    /// From taking a slot to the deadline of its result.
    pub working_time: Millis,
    /// What a creator has to decide a validated result (ManualAccept).
    pub review_time: Millis,
    /// In which an outcome can be appealed against; 0 is none.
    pub challenge_time: Millis,
    /// The task whose published model this one continues from.
    pub parent: Option<TaskId>,
    /// X25519 public key to which the keys of accepted results are released. All zeros in tasks of
    /// version 1 only, whose results are not sealed.
    pub reader: [u8; 32],
    pub access: Access,
    /// The standing that a contributor must have, in parts per million; 0 is anyone.
    pub minimum_reputation: u32,
    /// How results show their training, where they must.
    pub replay: Option<Replay>,
    /// What the creator knows of results that it plants, as commitments; see [`super::Gold`].
    pub golds: Golds,
}

/// What a task asks of results whose training is to be replayed.
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
pub struct Replay {
    /// Of the whole run, the one at its start included: 2 to 4096.
    pub checkpoints: u32,
    /// How many of the `checkpoints - 1` segments a panel replays: 1 to 16.
    pub segments: u8,
}

/// A task, and how many of its slots are in which state.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Task<AccountId, Balance> {
    pub creator: AccountId,
    pub terms: Terms<Balance>,
    /// Held from the creator for storing this.
    pub deposit: Balance,
    /// Funded slots that nobody holds.
    pub open_slots: u32,
    /// Slots in work, in validation, in a window or appealed.
    pub active: u32,
    /// Accepted results.
    pub accepted: u32,
    /// Submission indices handed out; the next one.
    pub submissions: Index,
    /// Submissions, invitations and shares of it that are in storage.
    pub stored: u32,
    /// What of its asset is due back to the creator and could not be given back yet.
    pub unreturned: Balance,
    pub created_at: Millis,
    /// When nothing of it was left to happen.
    pub ended_at: Option<Millis>,
    /// The next model, once the creator or its merger has published it.
    pub published: Option<Cid>,
    pub status: TaskStatus,
}

/// The key of a task's sealed validation set, for one account.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Share<AccountId, Balance> {
    pub wrap: Wrap,
    /// Who gave it.
    pub by: AccountId,
    /// Held from the giver for storing this.
    pub deposit: Balance,
}

/// Who merges a task's results, besides its creator.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Merger<AccountId, Balance> {
    pub account: AccountId,
    /// Held from the creator for storing this.
    pub deposit: Balance,
}

impl<Balance: AtLeast32BitUnsigned + Copy> Terms<Balance> {
    /// The fees of `members`.
    pub fn fees(&self, members: u32) -> Balance {
        self.fee.saturating_mul(members.into())
    }

    /// The fees that are held for one slot.
    pub fn slot_fees(&self) -> Balance {
        self.fees(self.committee_size.into())
    }

    /// What is held for one slot in the native token.
    pub fn slot_native(&self) -> Balance {
        match self.asset {
            None => self.reward.saturating_add(self.slot_fees()),
            Some(_) => self.slot_fees(),
        }
    }

    /// What is held for one slot in the asset of the reward, if that is not the native token.
    pub fn slot_asset(&self) -> Balance {
        match self.asset {
            None => Balance::zero(),
            Some(_) => self.reward,
        }
    }

    /// What is held for all slots, native and of the asset; nothing if that is more than there
    /// can be.
    pub fn escrow(&self) -> Option<(Balance, Balance)> {
        let fees = self.fee.checked_mul(&u32::from(self.committee_size).into())?;
        let (native, asset) = match self.asset {
            None => (self.reward.checked_add(&fees)?, Balance::zero()),
            Some(_) => (fees, self.reward),
        };
        let slots = self.slots.into();
        Some((native.checked_mul(&slots)?, asset.checked_mul(&slots)?))
    }

    /// Whether results are sealed to a reader; those of version 1 are not.
    pub fn is_sealed(&self) -> bool {
        self.reader != [0; 32]
    }
}

impl<AccountId, Balance> Task<AccountId, Balance> {
    /// Whether a slot can be taken or open again at `now`.
    pub fn is_live(&self, now: Millis) -> bool {
        self.is_under_way() && now <= self.terms.expires_at
    }

    /// Whether the task is neither completed nor withdrawn nor expired.
    pub fn is_under_way(&self) -> bool {
        matches!(self.status, TaskStatus::Created | TaskStatus::InProgress)
    }
}
