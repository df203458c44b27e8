//! # Market
//!
//! A marketplace for machine learning: tasks with their reward in escrow, contributors who take
//! slots and send results, committees that validate them, and settlement.
//!
//! ## Overview
//!
//! A *creator* posts a *task* with [`Call::create_task`]; reward and fees of every *slot* are held
//! from it at once. A *contributor* takes a slot with [`Call::accept_task`] against a bond, works,
//! and sends its result with [`Call::submit_result`]. The hash of the next block, which the
//! contributor cannot know, draws a *committee* from the aggregators in office; anyone may trigger
//! that with [`Call::draw_committee`]. The members [`Call::attest`] a verdict and a score. With
//! AutoAccept and CustomAccept the committee's verdict ends the submission; with ManualAccept the
//! creator decides by [`Call::accept_result`] or [`Call::reject_result`], and if it stays silent
//! the verdict does.
//!
//! Nobody waits for ever: each state ends at a moment in time, after which anyone may
//! [`Call::settle`] it. A deadline is the last moment at which the call it limits is possible;
//! settling is possible from the next millisecond on. `docs/protocol.md` has all calls in one table;
//! each costs the same however many tasks and submissions there are.
//!
//! ### Where the money goes
//!
//! Every held unit leaves by exactly one of: reward, fee, refund, forfeit; `outcome.rs` has the
//! table of who is paid by whom.
//!
//! A slot that would open again in a task that is over is refunded. A payment that its receiver's
//! account cannot take (it would be below the existential deposit) is forfeited, so that nothing
//! is ever stuck.
//!
//! ### Terminology
//!
//! - **Slot**: one result wanted, with its reward and one fee per committee member in escrow.
//! - **Bond**: what a contributor has at stake; at least the fees of one committee.
//! - **Anchor**: the block whose hash draws a committee.
//! - **Round**: 0 for the first committee; 1 once absent members are replaced, which happens once.
//! - **Forfeit**: held money that goes to [`Config::OnForfeit`], the treasury.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod aliases;
mod case;
mod committee;
mod draw;
mod escrow;
mod outcome;
mod results;
mod settle;
mod tally;
mod tasks;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use aliases::*;
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{BalancedHold, MutateHold},
            OnUnbalanced, Time,
        },
    };
    use frame_system::pallet_prelude::*;
    use pallet_aggregators::Office;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Holds escrow and bonds, and pays.
        type Currency: MutateHold<AccountOf<Self>, Reason = Self::RuntimeHoldReason>
            + BalancedHold<AccountOf<Self>>;

        /// The runtime's hold reasons, this pallet's among them.
        type RuntimeHoldReason: From<HoldReason>;

        /// Unix milliseconds.
        type Time: Time<Moment = Millis>;

        /// The aggregators: whom to draw, and whom to tell of duties.
        type Office: Office<AccountOf<Self>>;

        /// Takes forfeited money.
        type OnForfeit: OnUnbalanced<CreditOf<Self>>;

        /// The least bond of a contributor.
        #[pallet::constant]
        type MinimumBond: Get<BalanceOf<Self>>;

        /// Milliseconds in which a committee can be drawn.
        #[pallet::constant]
        type DrawPeriod: Get<Millis>;

        /// Milliseconds in which a committee can attest.
        #[pallet::constant]
        type AttestationPeriod: Get<Millis>;

        /// The shortest time that terms can set.
        #[pallet::constant]
        type MinimumDuration: Get<Millis>;

        /// The longest time that terms can set.
        #[pallet::constant]
        type MaximumDuration: Get<Millis>;

        /// The most slots of a task.
        #[pallet::constant]
        type MaxSlots: Get<u32>;

        /// Weights of this pallet's calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Rewards and fees of a creator's tasks.
        #[codec(index = 0)]
        Escrow,
        /// Bonds of a contributor's submissions.
        #[codec(index = 1)]
        Bond,
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The number of the next task.
    #[pallet::storage]
    pub type NextTaskId<T> = StorageValue<_, TaskId, ValueQuery>;

    /// The tasks.
    #[pallet::storage]
    pub type Tasks<T: Config> = StorageMap<_, Blake2_128Concat, TaskId, TaskOf<T>>;

    /// The submissions of each task.
    #[pallet::storage]
    pub type Submissions<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Twox64Concat, Index, SubmissionOf<T>>;

    /// Of each task, the contributors' submissions that have not ended.
    #[pallet::storage]
    pub type Assignments<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Blake2_128Concat, AccountOf<T>, Index>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A task was posted and `escrow` is held from its creator.
        TaskCreated { task: TaskId, creator: AccountOf<T>, escrow: BalanceOf<T> },
        /// A contributor took a slot and `bond` is held from it.
        TaskAccepted {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            bond: BalanceOf<T>,
            deadline: Millis,
        },
        /// A result was sent; the hash of block `anchor` draws its committee.
        ResultSubmitted {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            cid: Cid,
            digest: [u8; 32],
            anchor: BlockNumberFor<T>,
        },
        /// Members were drawn, who can attest until then.
        CommitteeDrawn {
            task: TaskId,
            index: Index,
            round: u8,
            members: BoundedVec<AccountOf<T>, ConstU32<MAX_COMMITTEE>>,
            until: Millis,
        },
        /// Members are to be drawn anew, by the hash of block `anchor`.
        DrawPostponed { task: TaskId, index: Index, anchor: BlockNumberFor<T>, until: Millis },
        /// A member attested.
        Attested {
            task: TaskId,
            index: Index,
            member: AccountOf<T>,
            verdict: Verdict,
            score: u32,
            report: Cid,
        },
        /// A member did not attest in time.
        MemberAbsent { task: TaskId, index: Index, member: AccountOf<T> },
        /// The seat of an absent member went to another, or to nobody.
        MemberReplaced {
            task: TaskId,
            index: Index,
            absent: AccountOf<T>,
            replacement: Option<AccountOf<T>>,
        },
        /// The committee's verdict and score stand.
        ResultValidated { task: TaskId, index: Index, verdict: Verdict, score: u32 },
        /// A result was accepted and its reward paid.
        ResultAccepted {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            reward: BalanceOf<T>,
        },
        /// A result was rejected, or ended inconclusive.
        ResultRejected {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            verdict: Verdict,
            reason: Reason,
        },
        /// A member was paid for its attestation.
        FeePaid {
            task: TaskId,
            index: Index,
            member: AccountOf<T>,
            amount: BalanceOf<T>,
            source: FeeSource,
        },
        /// What a contributor had at stake, or what is left of it, went back to it.
        BondReturned { task: TaskId, index: Index, contributor: AccountOf<T>, amount: BalanceOf<T> },
        /// A contributor gave its slot back.
        AssignmentAbandoned { task: TaskId, index: Index, contributor: AccountOf<T> },
        /// A contributor let its deadline pass and lost its bond.
        AssignmentExpired {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            forfeited: BalanceOf<T>,
        },
        /// What was held for a task and is not needed any more went back to its creator.
        EscrowRefunded { task: TaskId, creator: AccountOf<T>, amount: BalanceOf<T> },
        /// The creator paid fees of a result that it rejected, and holds them again for the slot.
        EscrowRefilled { task: TaskId, creator: AccountOf<T>, amount: BalanceOf<T> },
        /// Held money went to the treasury.
        Forfeited { who: AccountOf<T>, amount: BalanceOf<T> },
        /// The creator took back the open slots.
        TaskWithdrawn { task: TaskId },
        /// The time to accept is over and the open slots are refunded.
        TaskExpired { task: TaskId },
        /// No slot is open or in work.
        TaskCompleted { task: TaskId },
        /// The creator published the model that a task led to.
        ModelPublished { task: TaskId, model: Cid },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// There is no such task.
        UnknownTask,
        /// There is no such submission.
        UnknownSubmission,
        /// The parent task does not exist.
        UnknownParent,
        /// The parent task has no published model to continue from.
        ParentNotPublished,
        /// Every slot of the task is taken.
        TaskFull,
        /// The time to accept the task is over.
        TaskExpired,
        /// The creator withdrew the task.
        TaskWithdrawn,
        /// Every slot of the task has ended.
        TaskCompleted,
        /// Only the task's creator may do this.
        NotCreator,
        /// The creator cannot work on its own task.
        CreatorCannotContribute,
        /// The account has an open submission to this task already.
        AlreadyAssigned,
        /// The account has no open submission to this task.
        NotAssigned,
        /// The result was sent already.
        AlreadySubmitted,
        /// The time for this is over.
        DeadlinePassed,
        /// The submission does not wait for validation.
        NotPendingValidation,
        /// The submission does not wait for its creator.
        NotValidated,
        /// The committee has been drawn already.
        CommitteeAlreadyDrawn,
        /// The committee has not been drawn, or its anchor block has no hash yet.
        CommitteeNotReady,
        /// Nobody in office can be drawn.
        NoEligibleAggregator,
        /// The account has no seat on the committee.
        NotCommitteeMember,
        /// The member has attested already.
        AlreadyAttested,
        /// Only ManualAccept tasks are decided by their creator.
        NotManual,
        /// Not a content identifier of version 1 in base32.
        InvalidCid,
        /// A score is at most a million parts per million.
        InvalidScore,
        /// A committee has an odd number of members, 1 to 9.
        InvalidCommitteeSize,
        /// No slots, or too many.
        InvalidSlots,
        /// The expiry is past, too near or too far.
        InvalidExpiry,
        /// The working time is too short or too long.
        InvalidWorkingTime,
        /// The review time is too short or too long.
        InvalidReviewTime,
        /// Nothing here is past its deadline.
        NothingToSettle,
        /// There is no accepted result to make a model of.
        NothingAccepted,
        /// Reward, fee and slots come to more money than there can be.
        AmountOverflow,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Post a task. Anyone; holds `slots × (reward + fee × committee_size)` as escrow.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create_task())]
        pub fn create_task(origin: OriginFor<T>, terms: TermsOf<T>) -> DispatchResult {
            Self::do_create_task(ensure_signed(origin)?, terms)
        }

        /// Take a slot. Anyone but the creator, once at a time; holds the bond.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::accept_task())]
        pub fn accept_task(origin: OriginFor<T>, task: TaskId) -> DispatchResult {
            Self::do_accept_task(ensure_signed(origin)?, task)
        }

        /// Send the result. The contributor, until its deadline.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::submit_result())]
        pub fn submit_result(
            origin: OriginFor<T>,
            task: TaskId,
            cid: Cid,
            digest: [u8; 32],
        ) -> DispatchResult {
            Self::do_submit_result(ensure_signed(origin)?, task, cid, digest)
        }

        /// Draw the committee, or replace its absent members. Anyone, once the anchor block has a
        /// hash. If the chain has forgotten that hash, a block to come becomes the anchor.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::draw_committee())]
        pub fn draw_committee(origin: OriginFor<T>, task: TaskId, index: Index) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_draw_committee(task, index)
        }

        /// Say what the result is worth. A member, once, until the attestation deadline.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::attest())]
        pub fn attest(
            origin: OriginFor<T>,
            task: TaskId,
            index: Index,
            verdict: Verdict,
            score: u32,
            report: Cid,
        ) -> DispatchResult {
            let attestation = Attestation { verdict, score, report };
            Self::do_attest(ensure_signed(origin)?, task, index, attestation)
        }

        /// Accept a validated result and pay its reward. The creator of a ManualAccept task, until
        /// the review deadline.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::accept_result())]
        pub fn accept_result(origin: OriginFor<T>, task: TaskId, index: Index) -> DispatchResult {
            Self::do_accept_result(ensure_signed(origin)?, task, index)
        }

        /// Reject a validated result. The creator of a ManualAccept task, until the review
        /// deadline.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::reject_result())]
        pub fn reject_result(
            origin: OriginFor<T>,
            task: TaskId,
            index: Index,
            reason: Reason,
        ) -> DispatchResult {
            Self::do_reject_result(ensure_signed(origin)?, task, index, reason)
        }

        /// Publish the model that the task led to, or a better one. The creator, once a result is
        /// accepted.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::publish_model())]
        pub fn publish_model(origin: OriginFor<T>, task: TaskId, model: Cid) -> DispatchResult {
            Self::do_publish_model(ensure_signed(origin)?, task, model)
        }

        /// Give the slot back and have the bond returned. The contributor, before it sent a result
        /// and until its deadline.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::abandon())]
        pub fn abandon(origin: OriginFor<T>, task: TaskId) -> DispatchResult {
            Self::do_abandon(ensure_signed(origin)?, task)
        }

        /// Take back the open slots. The creator; work in progress goes on to its end.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::withdraw_task())]
        pub fn withdraw_task(origin: OriginFor<T>, task: TaskId) -> DispatchResult {
            Self::do_withdraw_task(ensure_signed(origin)?, task)
        }

        /// End what is past its deadline: of a submission, or without an index of the task itself.
        /// Anyone.
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::settle())]
        pub fn settle(origin: OriginFor<T>, task: TaskId, index: Option<Index>) -> DispatchResult {
            ensure_signed(origin)?;
            match index {
                None => Self::do_settle_task(task),
                Some(index) => Self::do_settle_submission(task, index),
            }
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            let (least, most) = (T::MinimumDuration::get(), T::MaximumDuration::get());
            assert!(0 < least && least <= most, "no duration is possible");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
