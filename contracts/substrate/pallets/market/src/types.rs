//! The words of the marketplace, as the chain stores them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::traits::AtLeast32BitUnsigned;

/// Number of a task, from 0.
pub type TaskId = u64;
/// Number of a submission within its task, from 0.
pub type Index = u32;
/// Unix milliseconds, or a number of milliseconds.
pub type Millis = u64;

/// The most members of a committee.
pub const MAX_COMMITTEE: u32 = 9;
/// Scores are parts per million.
pub const MAX_SCORE: u32 = 1_000_000;

/// A content identifier: version 1 in base32 text (`bafy…`).
pub type Cid = BoundedVec<u8, ConstU32<64>>;
/// Why a creator rejected a result, in its own words. Empty where nobody spoke.
pub type Reason = BoundedVec<u8, ConstU32<256>>;
/// The members who validate one result.
pub type Committee<AccountId> = BoundedVec<Seat<AccountId>, ConstU32<MAX_COMMITTEE>>;

/// Who is asked to work, and what for.
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
pub enum TaskType {
    /// Labels for given items.
    #[codec(index = 0)]
    DataAnnotators,
    /// A given model, trained on data of one's own.
    #[codec(index = 1)]
    ModelContributor,
    /// A new model.
    #[codec(index = 2)]
    ModelEngineer,
}

/// How the verdict on a result becomes its end.
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
pub enum ValidationStrategy {
    /// The committee's verdict, from measuring the result as the bundle says, decides at once.
    #[codec(index = 0)]
    AutoAccept,
    /// The creator decides, and if it stays silent the committee's verdict does.
    #[codec(index = 1)]
    ManualAccept,
    /// The committee's verdict, from running the creator's own validator, decides at once.
    #[codec(index = 2)]
    CustomAccept,
}

/// What the model works on.
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
pub enum ModelType {
    #[codec(index = 0)]
    Text,
    #[codec(index = 1)]
    MultiModal,
    #[codec(index = 2)]
    Vision,
    #[codec(index = 3)]
    Audio,
}

/// Where the contents behind the CIDs are kept.
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
pub enum StorageType {
    #[codec(index = 0)]
    IPFS,
    #[codec(index = 1)]
    Crust,
    #[codec(index = 2)]
    S3,
    #[codec(index = 3)]
    GCP,
    #[codec(index = 4)]
    Azure,
}

/// Where a task stands.
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
pub enum TaskStatus {
    /// Nobody has taken a slot yet.
    #[codec(index = 0)]
    Created,
    /// Slots were taken, and slots are open or in work.
    #[codec(index = 1)]
    InProgress,
    /// No slot is open or in work.
    #[codec(index = 2)]
    Completed,
    /// The creator took back the open slots; work in progress went on to its end.
    #[codec(index = 3)]
    Withdrawn,
    /// The time to accept is over and the open slots are refunded; work in progress went on.
    #[codec(index = 4)]
    Expired,
}

/// What a member, and then the committee, found.
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
pub enum Verdict {
    #[codec(index = 0)]
    Pass,
    #[codec(index = 1)]
    Fail,
    /// The validator crashed or ran out of time: never a pass, never the contributor's fault.
    #[codec(index = 2)]
    Inconclusive,
}

/// Whose held money pays the committee.
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
pub enum FeeSource {
    /// The creator's.
    #[codec(index = 0)]
    Escrow,
    /// The contributor's.
    #[codec(index = 1)]
    Bond,
}

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
    /// Paid for an accepted result.
    pub reward: Balance,
    /// Paid to each committee member that attests.
    pub fee: Balance,
    /// Members that validate one result: odd, 1 to 9.
    pub committee_size: u8,
    /// Results wanted.
    pub slots: u32,
    /// The last moment at which a slot can be taken.
    pub expires_at: Millis,
    /// From taking a slot to the deadline of its result.
    pub working_time: Millis,
    /// What a creator has to decide a validated result (ManualAccept).
    pub review_time: Millis,
    /// The task whose published model this one continues from.
    pub parent: Option<TaskId>,
}

/// A task, and how many of its slots are in which state.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Task<AccountId, Balance> {
    pub creator: AccountId,
    pub terms: Terms<Balance>,
    /// Funded slots that nobody holds.
    pub open_slots: u32,
    /// Slots in work, in validation or in review.
    pub active: u32,
    /// Accepted results.
    pub accepted: u32,
    /// Submission indices handed out; the next one.
    pub submissions: Index,
    pub created_at: Millis,
    /// The next model, once the creator has published it.
    pub published: Option<Cid>,
    pub status: TaskStatus,
}

/// One contributor's slot, from assignment to its end.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Submission<AccountId, Balance, BlockNumber> {
    pub contributor: AccountId,
    /// What is still held from the contributor.
    pub bond: Balance,
    pub accepted_at: Millis,
    /// The result, once sent.
    pub work: Option<Work>,
    pub committee: Committee<AccountId>,
    pub fees: Fees,
    pub state: SubmissionState<BlockNumber>,
}

/// A result that was sent.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Work {
    pub cid: Cid,
    /// SHA-256 of the result's manifest.
    pub digest: [u8; 32],
    pub submitted_at: Millis,
}

/// One place on a committee.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Seat<AccountId> {
    pub member: AccountId,
    pub attestation: Option<Attestation>,
    /// Whether the member has its fee.
    pub paid: bool,
}

/// What a member found.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Attestation {
    pub verdict: Verdict,
    /// Parts per million.
    pub score: u32,
    /// The report that explains it.
    pub report: Cid,
}

/// Where a submission stands, with what only that state has.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub enum SubmissionState<BlockNumber> {
    /// In work until the deadline.
    #[codec(index = 0)]
    Assigned { deadline: Millis },
    /// Sent. `round` is 0 for the first committee and 1 once absent members are replaced.
    #[codec(index = 1)]
    PendingValidation { phase: Phase<BlockNumber>, round: u8 },
    /// ManualAccept only: the committee has spoken and the creator decides. Members that have not
    /// attested may do so until `attest_until`.
    #[codec(index = 2)]
    Validated { verdict: Verdict, score: u32, review_until: Millis, attest_until: Millis },
    #[codec(index = 3)]
    Accepted { verdict: Verdict, score: u32 },
    #[codec(index = 4)]
    Rejected { verdict: Verdict, score: u32, reason: Reason },
    /// The deadline passed without a result.
    #[codec(index = 5)]
    Expired,
}

/// What a sent result waits for.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub enum Phase<BlockNumber> {
    /// The hash of block `anchor`, which draws the committee.
    #[codec(index = 0)]
    Drawing { anchor: BlockNumber, until: Millis },
    /// The committee's attestations.
    #[codec(index = 1)]
    Attesting { until: Millis },
}

/// What became of the committee's fees.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub enum Fees {
    /// Who pays them is not known before the submission ends.
    #[codec(index = 0)]
    Undecided,
    /// Seats without an attestation can still earn theirs until then.
    #[codec(index = 1)]
    Due { source: FeeSource, until: Millis },
    /// Every fee is paid or back where it came from.
    #[codec(index = 2)]
    Settled,
}

impl<Balance: AtLeast32BitUnsigned + Copy> Terms<Balance> {
    /// The fees of `members`.
    pub fn fees(&self, members: u32) -> Balance {
        self.fee.saturating_mul(members.into())
    }

    /// What is held for one slot.
    pub fn slot_hold(&self) -> Balance {
        self.reward.saturating_add(self.fees(self.committee_size.into()))
    }

    /// What is held for all slots; nothing if that is more than there can be.
    pub fn escrow(&self) -> Option<Balance> {
        let fees = self.fee.checked_mul(&u32::from(self.committee_size).into())?;
        self.reward.checked_add(&fees)?.checked_mul(&self.slots.into())
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

impl<AccountId> Seat<AccountId> {
    /// A seat that was just drawn.
    pub fn new(member: AccountId) -> Self {
        Seat { member, attestation: None, paid: false }
    }

    /// Whether nothing came from its member.
    pub fn is_silent(&self) -> bool {
        self.attestation.is_none()
    }
}

/// Whether `cid` looks like a CID of version 1 in base32: its multibase prefix, its version, and
/// nothing but base32 letters. Whether there is content behind it, no chain can know.
pub fn is_cid(cid: &[u8]) -> bool {
    cid.starts_with(b"ba") && cid.iter().all(|c| matches!(c, b'a'..=b'z' | b'2'..=b'7'))
}
