//! # Market
//!
//! A marketplace for machine learning that takes nobody's word: tasks with their reward in escrow,
//! contributors who take slots and send sealed results, committees that judge them by commitment,
//! appeals to all in office, and settlement by anyone.
//!
//! ## Overview
//!
//! A *creator* posts a *task* with [`Call::create_task`]; reward and fees of every *slot* are held
//! from it at once. A *contributor* takes a slot with [`Call::accept_task`] against a bond, works,
//! and sends its result, sealed, with [`Call::submit_result`]. The hash of the next block, which the
//! contributor cannot know, draws a *committee* from the aggregators in office; anyone may trigger
//! that with [`Call::draw_committee`]. The contributor hands the members the result's key with
//! [`Call::hand_key`]; they [`Call::commit`] to what they find, and [`Call::reveal`] it once all have.
//!
//! With AutoAccept and CustomAccept the committee's verdict decides; with ManualAccept the creator
//! does, by [`Call::accept_result`] or [`Call::reject_result`], and if it stays silent the verdict.
//! Where the task has a challenge time, or the creator overruled the committee, the other side can
//! [`Call::appeal`]: all in office become the *jury*, which judges as the committee did.
//!
//! An accepted result is paid in the transaction that shows the creator its key,
//! [`Call::release_key`]: nobody keeps a result unpaid, and nobody pays for a key that does not fit.
//!
//! Nobody waits for ever: each state ends at a moment in time, after which anyone may
//! [`Call::settle`] it. A deadline is the last moment at which the call it limits is possible;
//! settling is possible from the next millisecond on. `docs/protocol.md` has all calls in one table;
//! each costs the same however many tasks and submissions there are.
//!
//! ### Where the money goes
//!
//! Every held unit leaves by exactly one of: reward, fee, refund, return, forfeit. `outcome.rs` has
//! the table of who is paid by whom in the end, `appeal.rs` that of who pays for an appeal.
//!
//! A slot that would open again in a task that is over is refunded. A native payment that its
//! receiver's account cannot take (it would be below the existential deposit) is forfeited; a reward
//! in another asset that the asset refuses to pay stays held until [`Call::claim`] succeeds. So
//! nothing is ever stuck, and no payment hinders another.
//!
//! ### Terminology
//!
//! - **Slot**: one result wanted, with its reward and one fee per committee member in escrow.
//! - **Bond**: what a contributor has at stake; at least the fees of one committee.
//! - **Anchor**: the block whose hash draws a committee.
//! - **Round**: 0 for the first committee; 1 once absent members are replaced, which happens once.
//! - **Panel**: a committee, or the jury of an appeal.
//! - **Finding**: a verdict and a score. **Outcome**: what a finding comes to.
//! - **Wrap**: a key, sealed to one reader.
//! - **Gold**: a result that the creator planted, knowing what it is worth.
//! - **Counter**: what a creator puts at stake when it overrules a committee.
//! - **Forfeit**: held money that goes to [`Config::OnForfeit`], the treasury.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod access;
mod aliases;
mod appeal;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod case;
mod commitments;
mod committee;
mod deposits;
mod draw;
mod escrow;
mod fees;
mod jury;
mod merging;
pub mod migrations;
mod outcome;
mod panel;
mod results;
mod seal;
mod settle;
mod slots;
mod tally;
mod tasks;
mod terms;
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
pub use tally::{tally, Rule, Tally};
pub use types::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{BalancedHold, MutateHold},
            fungibles, OnUnbalanced, Time,
        },
    };
    use frame_system::pallet_prelude::*;
    use pallet_aggregators::Office;
    use pallet_reputation::Reputation;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Holds escrow, bonds and deposits, and pays: the native token.
        type Currency: MutateHold<AccountOf<Self>, Reason = Self::RuntimeHoldReason>
            + BalancedHold<AccountOf<Self>>;

        /// Holds rewards in other assets, and pays them.
        type Assets: fungibles::MutateHold<
            AccountOf<Self>,
            AssetId = AssetId,
            Balance = BalanceOf<Self>,
            Reason = Self::RuntimeHoldReason,
        >;

        /// The runtime's hold reasons, this pallet's among them.
        type RuntimeHoldReason: From<HoldReason>;

        /// Unix milliseconds.
        type Time: Time<Moment = Millis>;

        /// The aggregators: whom to draw, and whom to tell of duties and misconduct.
        type Office: Office<AccountOf<Self>, CreditOf<Self>>;

        /// Where deeds are noted.
        type Reputation: Reputation<AccountOf<Self>, BalanceOf<Self>>;

        /// Takes forfeited money, and what aggregators are slashed.
        type OnForfeit: OnUnbalanced<CreditOf<Self>>;

        /// The least bond of a contributor, and of an appeal.
        #[pallet::constant]
        type MinimumBond: Get<BalanceOf<Self>>;

        /// The least fee of a member: nobody is made to work for nothing.
        #[pallet::constant]
        type MinimumFee: Get<BalanceOf<Self>>;

        /// What storing anything costs while it is stored.
        #[pallet::constant]
        type DepositBase: Get<BalanceOf<Self>>;

        /// What each byte costs that it can take, besides.
        #[pallet::constant]
        type DepositPerByte: Get<BalanceOf<Self>>;

        /// Milliseconds in which a committee can be drawn.
        #[pallet::constant]
        type DrawPeriod: Get<Millis>;

        /// Milliseconds in which a contributor can hand a panel its key.
        #[pallet::constant]
        type SealingPeriod: Get<Millis>;

        /// Milliseconds in which members can commit to what they find.
        #[pallet::constant]
        type CommitPeriod: Get<Millis>;

        /// Milliseconds in which members can open their commitments.
        #[pallet::constant]
        type RevealPeriod: Get<Millis>;

        /// Milliseconds in which the key of an accepted result can be released.
        #[pallet::constant]
        type ReleasePeriod: Get<Millis>;

        /// The least milliseconds in which a contributor can appeal against its creator.
        #[pallet::constant]
        type AppealPeriod: Get<Millis>;

        /// Milliseconds for which what has ended stays in storage.
        #[pallet::constant]
        type RetentionPeriod: Get<Millis>;

        /// The shortest time that terms can set.
        #[pallet::constant]
        type MinimumDuration: Get<Millis>;

        /// The longest time that terms can set.
        #[pallet::constant]
        type MaximumDuration: Get<Millis>;

        /// The longest review and challenge times: contributor and members wait for their pay.
        #[pallet::constant]
        type MaximumWindow: Get<Millis>;

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
        /// What the parties of an appeal have at stake.
        #[codec(index = 2)]
        Appeal,
        /// Deposits for what is stored.
        #[codec(index = 3)]
        Deposit,
    }

    #[pallet::pallet]
    #[pallet::storage_version(migrations::STORAGE_VERSION)]
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

    /// The appeals against outcomes of submissions that have not ended.
    #[pallet::storage]
    pub type Appeals<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Twox64Concat, Index, AppealOf<T>>;

    /// Who may take slots of the tasks that are by invitation, with the deposit of each.
    #[pallet::storage]
    pub type Invitations<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Blake2_128Concat, AccountOf<T>, BalanceOf<T>>;

    /// The key of each task's sealed validation set, for those who judge.
    #[pallet::storage]
    pub type Shares<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Blake2_128Concat, AccountOf<T>, ShareOf<T>>;

    /// Who may publish the models of tasks besides their creators.
    #[pallet::storage]
    pub type Mergers<T: Config> = StorageMap<_, Blake2_128Concat, TaskId, MergerOf<T>>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A task was posted and `escrow` of the native token is held from its creator, besides
        /// the rewards in another asset.
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
            digest: Digest,
            anchor: BlockNumberFor<T>,
        },
        /// Members were drawn; what comes next can be done until then.
        CommitteeDrawn {
            task: TaskId,
            index: Index,
            round: u8,
            members: BoundedVec<AccountOf<T>, ConstU32<MAX_COMMITTEE>>,
            until: Millis,
        },
        /// Members are to be drawn anew, by the hash of block `anchor`.
        DrawPostponed { task: TaskId, index: Index, anchor: BlockNumberFor<T>, until: Millis },
        /// The contributor gave members the key of its result.
        KeyHanded { task: TaskId, index: Index, members: PartiesOf<T> },
        /// A member committed to what it found.
        Committed { task: TaskId, index: Index, member: AccountOf<T> },
        /// A member opened its commitment.
        Revealed {
            task: TaskId,
            index: Index,
            member: AccountOf<T>,
            verdict: Verdict,
            score: u32,
            report: Cid,
            segment: Option<u32>,
        },
        /// A member did not commit in time.
        MemberAbsent { task: TaskId, index: Index, member: AccountOf<T> },
        /// A member did not open its commitment in time.
        MemberUnrevealed { task: TaskId, index: Index, member: AccountOf<T> },
        /// The seat of an absent member went to another, or to nobody.
        MemberReplaced {
            task: TaskId,
            index: Index,
            absent: AccountOf<T>,
            replacement: Option<AccountOf<T>>,
        },
        /// A panel has spoken: the committee or, on appeal, the jury.
        ResultValidated { task: TaskId, index: Index, verdict: Verdict, score: u32, jury: bool },
        /// The creator rejects against the verdict, and has `counter` at stake.
        Overruled { task: TaskId, index: Index, counter: BalanceOf<T> },
        /// All in office are to judge again.
        Appealed {
            task: TaskId,
            index: Index,
            appellant: AccountOf<T>,
            bond: BalanceOf<T>,
            gold: bool,
            jury: PartiesOf<T>,
        },
        /// An appeal was upheld, or lost.
        AppealEnded { task: TaskId, index: Index, appellant: AccountOf<T>, upheld: bool },
        /// The key of an accepted result, for the task's reader.
        KeyReleased { task: TaskId, index: Index, by: AccountOf<T>, wrap: Wrap },
        /// A result was accepted and its reward paid, if its asset allowed it.
        ResultAccepted {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            reward: BalanceOf<T>,
            asset: Option<AssetId>,
            paid: bool,
        },
        /// A reward was paid that could not be paid before.
        RewardClaimed {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            reward: BalanceOf<T>,
        },
        /// A result ended without a reward.
        ResultRejected {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            outcome: Outcome,
            verdict: Verdict,
            reason: Reason,
        },
        /// A member was paid for what it found.
        FeePaid {
            task: TaskId,
            index: Index,
            member: AccountOf<T>,
            amount: BalanceOf<T>,
            source: FeeSource,
        },
        /// What a contributor had at stake, or what is left of it, went back to it.
        BondReturned { task: TaskId, index: Index, contributor: AccountOf<T>, amount: BalanceOf<T> },
        /// A contributor gave its slot back, which cost it a part of its bond.
        AssignmentAbandoned {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            forfeited: BalanceOf<T>,
        },
        /// A contributor sent no result, or not its key, in time and lost its bond.
        AssignmentExpired {
            task: TaskId,
            index: Index,
            contributor: AccountOf<T>,
            forfeited: BalanceOf<T>,
        },
        /// What was held for a task and is not needed any more went back to its creator.
        EscrowRefunded {
            task: TaskId,
            creator: AccountOf<T>,
            amount: BalanceOf<T>,
            asset: Option<AssetId>,
        },
        /// The creator paid fees of a result that was not accepted, and holds them again for the
        /// slot.
        EscrowRefilled { task: TaskId, creator: AccountOf<T>, amount: BalanceOf<T> },
        /// Held money went to the treasury.
        Forfeited { who: AccountOf<T>, amount: BalanceOf<T> },
        /// The deposit of something that is not stored any more went back.
        DepositReturned { who: AccountOf<T>, amount: BalanceOf<T> },
        /// The creator took back the open slots.
        TaskWithdrawn { task: TaskId },
        /// The time to accept is over and the open slots are refunded.
        TaskExpired { task: TaskId },
        /// No slot is open or in work.
        TaskCompleted { task: TaskId },
        /// Somebody may publish the task's model besides its creator, or nobody any more.
        MergerAppointed { task: TaskId, merger: Option<AccountOf<T>> },
        /// The creator, or its merger, published the model that a task led to.
        ModelPublished { task: TaskId, model: Cid },
        /// Members were given the key of the task's validation set.
        KeyShared { task: TaskId, by: AccountOf<T>, members: PartiesOf<T> },
        /// A member gave up its share of the validation set's key, for a good one.
        ShareDiscarded { task: TaskId, member: AccountOf<T> },
        /// Accounts may take slots of the task.
        Invited { task: TaskId, accounts: PartiesOf<T> },
        /// Accounts may not take slots of the task any more.
        Uninvited { task: TaskId, accounts: PartiesOf<T> },
        /// A submission that has ended is not stored any more.
        SubmissionCleared { task: TaskId, index: Index },
        /// A task that has ended is not stored any more.
        TaskCleared { task: TaskId },
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
        /// The challenge time is too long.
        InvalidChallengeTime,
        /// A tolerance is at most a million parts per million.
        InvalidTolerance,
        /// A minimum reputation is at most a million parts per million.
        InvalidReputation,
        /// A run has 2 to 4096 checkpoints, of whose segments 1 to 16 are replayed.
        InvalidReplay,
        /// The reader is no key.
        InvalidReader,
        /// The bond does not cover the fees of a committee, or is below the least.
        BondTooSmall,
        /// The fee is below the least.
        FeeTooSmall,
        /// There is no such asset.
        UnknownAsset,
        /// The account cannot have the reward's asset.
        CannotReceive,
        /// The creator has not invited the account.
        NotInvited,
        /// The account's standing is below what the task asks for.
        ReputationTooLow,
        /// The result must be sealed.
        SealMissing,
        /// The task has no reader to whom a result could be sealed.
        SealUnexpected,
        /// The task asks for a trace of the training.
        TraceMissing,
        /// The task asks for no trace.
        TraceUnexpected,
        /// The trace has not as many checkpoints as the task asks for.
        WrongCheckpoints,
        /// The segment is not one that the panel replays.
        SegmentOutsideRun,
        /// No panel waits for the result's key.
        NotSealing,
        /// The panel does not wait for commitments.
        NotCommitting,
        /// The panel does not wait for its members to open their commitments.
        NotRevealing,
        /// A wrap for somebody who does not wait for one.
        WrongRecipient,
        /// A member of the panel would be without the key.
        WrapMissing,
        /// The member has committed already.
        AlreadyCommitted,
        /// The member has not committed to anything.
        NotCommitted,
        /// This is not what the member committed to.
        CommitmentMismatch,
        /// The member has opened its commitment already.
        AlreadyRevealed,
        /// The result does not wait for its key.
        NotReleasing,
        /// The digest of the wrap is not the one that the result promised.
        WrongKey,
        /// There is no outcome here to appeal against.
        NotChallengeable,
        /// The account has no part in this submission.
        NotParty,
        /// No outcome would be better for the caller.
        CannotAppeal,
        /// The account cannot pay for an appeal.
        AppealUnaffordable,
        /// The task's terms hold no such gold for this contributor.
        UnknownGold,
        /// The finding is what the gold says.
        GoldAgrees,
        /// Only the creator and those who have the key can share it.
        NotSharer,
        /// The account has a share already.
        AlreadyShared,
        /// The account has no share.
        NoShare,
        /// The task is not by invitation.
        NotInvitational,
        /// It has not ended.
        NotEnded,
        /// It has not been kept for long enough.
        TooEarly,
        /// Submissions, invitations or shares of the task are still stored.
        StillStored,
        /// Money in the reward's asset is still held for it: claim it first.
        StillUnpaid,
        /// Nothing here could not be paid.
        NothingUnpaid,
        /// Only the creator and the merger that it appointed can publish the task's model.
        NotPublisher,
        /// The creator needs no appointment to merge.
        CreatorCannotMerge,
        /// The task has no merger to dismiss.
        NoMerger,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Post a task. Anyone; holds `slots × fee × committee_size`, and `slots × reward` of the
        /// reward's asset, as escrow, and a deposit.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create_task())]
        pub fn create_task(origin: OriginFor<T>, terms: TermsOf<T>) -> DispatchResult {
            Self::do_create_task(ensure_signed(origin)?, terms)
        }

        /// Take a slot. Anyone whom the task admits but the creator, once at a time; holds the
        /// bond and a deposit.
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
            digest: Digest,
            seal: Option<Seal>,
            trace: Option<Trace>,
        ) -> DispatchResult {
            Self::do_submit_result(ensure_signed(origin)?, task, cid, digest, seal, trace)
        }

        /// Draw the committee, or replace its absent members. Anyone, once the anchor block has a
        /// hash. If the chain has forgotten that hash, a block to come becomes the anchor.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::draw_committee())]
        pub fn draw_committee(origin: OriginFor<T>, task: TaskId, index: Index) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_draw_committee(task, index)
        }

        /// Accept a result and have its key released. The creator: in its review, whatever the
        /// verdict, or in a challenge window, to wait no longer.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::accept_result())]
        pub fn accept_result(origin: OriginFor<T>, task: TaskId, index: Index) -> DispatchResult {
            Self::do_accept_result(ensure_signed(origin)?, task, index)
        }

        /// Reject a result. The creator of a ManualAccept task, until the review deadline; against
        /// a verdict that is not Fail, it has to put up what an appeal would cost.
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

        /// Publish the model that the task led to, or a better one. The creator, which dismisses
        /// its merger with it, or the merger; once a result is accepted.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::publish_model())]
        pub fn publish_model(origin: OriginFor<T>, task: TaskId, model: Cid) -> DispatchResult {
            Self::do_publish_model(ensure_signed(origin)?, task, model)
        }

        /// Give the slot back for a part of the bond: that of the working time that has passed.
        /// The contributor, before it sent a result and until its deadline.
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

        /// Commit to what was found. A member of the committee or jury that judges now, once.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::commit())]
        pub fn commit(
            origin: OriginFor<T>,
            task: TaskId,
            index: Index,
            commitment: Digest,
        ) -> DispatchResult {
            Self::do_commit(ensure_signed(origin)?, task, index, commitment)
        }

        /// Open a commitment. A member that committed, once all have or the time for it is over.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::reveal())]
        pub fn reveal(
            origin: OriginFor<T>,
            task: TaskId,
            index: Index,
            attestation: Attestation,
            salt: [u8; 32],
        ) -> DispatchResult {
            Self::do_reveal(ensure_signed(origin)?, task, index, attestation, salt)
        }

        /// Give each member of the committee or jury that has none its wrap of the result's key,
        /// all in one call. The contributor, until the sealing deadline.
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::hand_key())]
        pub fn hand_key(
            origin: OriginFor<T>,
            task: TaskId,
            index: Index,
            wraps: WrapsOf<T>,
        ) -> DispatchResult {
            Self::do_hand_key(ensure_signed(origin)?, task, index, wraps)
        }

        /// Show the creator the key of an accepted result, which pays reward and fees. The
        /// contributor, or a member of its committee or jury.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::release_key())]
        pub fn release_key(
            origin: OriginFor<T>,
            task: TaskId,
            index: Index,
            wrap: Wrap,
        ) -> DispatchResult {
            Self::do_release_key(ensure_signed(origin)?, task, index, wrap)
        }

        /// Have all in office judge again, against a bond. In a challenge window: the contributor,
        /// unless the outcome is Accepted; the creator, if it is Accepted or Inconclusive.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::appeal())]
        pub fn appeal(origin: OriginFor<T>, task: TaskId, index: Index) -> DispatchResult {
            Self::do_appeal(ensure_signed(origin)?, task, index)
        }

        /// Show that the result was planted, and have all in office judge again, against a bond.
        /// The creator, in a challenge window, where the finding is not what it should be.
        #[pallet::call_index(16)]
        #[pallet::weight(T::WeightInfo::open_gold())]
        pub fn open_gold(
            origin: OriginFor<T>,
            task: TaskId,
            index: Index,
            gold: GoldOf<T>,
        ) -> DispatchResult {
            Self::do_open_gold(ensure_signed(origin)?, task, index, gold)
        }

        /// Give members the key of the task's sealed validation set, against a deposit for each.
        /// The creator, also over what others gave; and who has it already.
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::share_key(shares.len() as u32))]
        pub fn share_key(origin: OriginFor<T>, task: TaskId, shares: WrapsOf<T>) -> DispatchResult {
            Self::do_share_key(ensure_signed(origin)?, task, shares)
        }

        /// Give up one's share of the validation set's key, so that somebody can give a good one.
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::discard_share())]
        pub fn discard_share(origin: OriginFor<T>, task: TaskId) -> DispatchResult {
            Self::do_discard_share(ensure_signed(origin)?, task)
        }

        /// Let accounts take slots of a task that is by invitation, against a deposit for each.
        /// The creator.
        #[pallet::call_index(19)]
        #[pallet::weight(T::WeightInfo::invite(accounts.len() as u32))]
        pub fn invite(
            origin: OriginFor<T>,
            task: TaskId,
            accounts: PartiesOf<T>,
        ) -> DispatchResult {
            Self::do_invite(ensure_signed(origin)?, task, accounts)
        }

        /// Take invitations back. The creator.
        #[pallet::call_index(20)]
        #[pallet::weight(T::WeightInfo::uninvite(accounts.len() as u32))]
        pub fn uninvite(
            origin: OriginFor<T>,
            task: TaskId,
            accounts: PartiesOf<T>,
        ) -> DispatchResult {
            Self::do_uninvite(ensure_signed(origin)?, task, accounts)
        }

        /// Forget what ended some time ago, a submission or without an index the task itself, and
        /// return its deposit. Anyone.
        #[pallet::call_index(21)]
        #[pallet::weight(match index {
            None => T::WeightInfo::clear_task(),
            Some(_) => T::WeightInfo::clear(),
        })]
        pub fn clear(origin: OriginFor<T>, task: TaskId, index: Option<Index>) -> DispatchResult {
            ensure_signed(origin)?;
            match index {
                None => Self::do_clear_task(task),
                Some(index) => Self::do_clear_submission(task, index),
            }
        }

        /// Try again to pay what an asset did not allow to be paid: the reward of a submission or,
        /// without an index, what is due back to the creator. Anyone.
        #[pallet::call_index(22)]
        #[pallet::weight(T::WeightInfo::claim())]
        pub fn claim(origin: OriginFor<T>, task: TaskId, index: Option<Index>) -> DispatchResult {
            ensure_signed(origin)?;
            match index {
                None => Self::do_claim_refund(task),
                Some(index) => Self::do_claim_reward(task, index),
            }
        }

        /// Forget invitations and shares of a task that has ended, and return their deposits.
        /// Anyone.
        #[pallet::call_index(23)]
        #[pallet::weight(T::WeightInfo::clear_access(accounts.len() as u32))]
        pub fn clear_access(
            origin: OriginFor<T>,
            task: TaskId,
            accounts: PartiesOf<T>,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_clear_access(task, accounts)
        }

        /// Let an account publish the task's model besides oneself, against a deposit, instead of
        /// whom it was before; or, without one, nobody any more. The creator.
        #[pallet::call_index(24)]
        #[pallet::weight(T::WeightInfo::appoint_merger())]
        pub fn appoint_merger(
            origin: OriginFor<T>,
            task: TaskId,
            merger: Option<AccountOf<T>>,
        ) -> DispatchResult {
            Self::do_appoint_merger(ensure_signed(origin)?, task, merger)
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            let (least, most) = (T::MinimumDuration::get(), T::MaximumDuration::get());
            assert!(0 < least && least <= most, "no duration is possible");
            let windows = least..=most;
            assert!(windows.contains(&T::MaximumWindow::get()), "no window is possible");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
