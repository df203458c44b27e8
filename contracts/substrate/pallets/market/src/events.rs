//! What happens, told to those outside.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
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
}
