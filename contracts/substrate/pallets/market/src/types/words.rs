//! The enumerations that tasks, results and events share.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

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

/// Who may take a slot.
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
pub enum Access {
    /// Anyone with the reputation that the task asks for.
    #[codec(index = 0)]
    Open,
    /// Whom the creator has invited.
    #[codec(index = 1)]
    Invited,
}

/// What a member, and then its panel, found.
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
    /// The task's own code crashed or ran out of time: never a pass, never the contributor's fault.
    #[codec(index = 2)]
    Inconclusive,
    /// The member's own machine could not judge: a vote for nothing, and never a panel's verdict.
    #[codec(index = 3)]
    Crashed,
}

impl Verdict {
    /// Whether it says what the result is worth.
    pub fn is_definite(self) -> bool {
        matches!(self, Verdict::Pass | Verdict::Fail)
    }
}

/// What a finding comes to, by who pays whom.
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
pub enum Outcome {
    /// The creator pays the contributor and the committee.
    #[codec(index = 0)]
    Accepted,
    /// Found failing: the contributor pays the committee.
    #[codec(index = 1)]
    Failed,
    /// The creator rejects what the committee did not find failing, and pays the committee.
    #[codec(index = 2)]
    Overruled,
    /// No verdict: the creator pays the committee.
    #[codec(index = 3)]
    Inconclusive,
}

/// Whose held money pays a fee.
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
    /// Those who lost an appeal.
    #[codec(index = 2)]
    Appeal,
    /// The creator's, for a jury: what a slot holds for its committee, and that did not earn.
    #[codec(index = 3)]
    Slot,
}

impl Outcome {
    /// What a verdict comes to when nobody contradicts it.
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Outcome::Accepted,
            Verdict::Fail => Outcome::Failed,
            Verdict::Inconclusive | Verdict::Crashed => Outcome::Inconclusive,
        }
    }

    /// Whether it is better for the contributor than `other`.
    pub fn is_better_than(self, other: Self) -> bool {
        self.rank() > other.rank()
    }

    fn rank(self) -> u8 {
        match self {
            Outcome::Failed => 0,
            Outcome::Overruled | Outcome::Inconclusive => 1,
            Outcome::Accepted => 2,
        }
    }
}
