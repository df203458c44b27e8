//! What accounts can do.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
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
}
