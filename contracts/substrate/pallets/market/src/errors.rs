//! The rules that a call can break.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
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
}
