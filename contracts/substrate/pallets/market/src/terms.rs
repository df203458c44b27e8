//! What terms a task can have.

use crate::{
    is_cid, BalanceOf, Config, Error, Millis, Pallet, Tasks, TermsOf, ValidationStrategy,
    MAX_CHECKPOINTS, MAX_SEGMENTS, MILLION,
};
use frame_support::{
    ensure,
    traits::{fungibles::Inspect as _, Get},
};

impl<T: Config> Pallet<T> {
    /// Says what is wrong with terms that a task cannot have.
    pub(crate) fn ensure_sound(terms: &TermsOf<T>, now: Millis) -> Result<(), Error<T>> {
        ensure!(is_cid(&terms.bundle), Error::<T>::InvalidCid);
        let odd = matches!(terms.committee_size, 1 | 3 | 5 | 7 | 9);
        ensure!(odd, Error::<T>::InvalidCommitteeSize);
        ensure!((1..=T::MaxSlots::get()).contains(&terms.slots), Error::<T>::InvalidSlots);
        ensure!(terms.tolerance <= MILLION, Error::<T>::InvalidTolerance);
        ensure!(terms.minimum_reputation <= MILLION, Error::<T>::InvalidReputation);
        ensure!(terms.fee >= T::MinimumFee::get(), Error::<T>::FeeTooSmall);
        ensure!(terms.bond >= Self::least_bond(terms), Error::<T>::BondTooSmall);
        ensure!(terms.is_sealed(), Error::<T>::InvalidReader);
        let replayable = terms.replay.is_none_or(|replay| {
            (2..=MAX_CHECKPOINTS).contains(&replay.checkpoints)
                && (1..=MAX_SEGMENTS).contains(&replay.segments)
                && u32::from(replay.segments) < replay.checkpoints
        });
        ensure!(replayable, Error::<T>::InvalidReplay);
        Self::ensure_possible_times(terms, now)?;
        if let Some(asset) = terms.asset {
            ensure!(T::Assets::asset_exists(asset), Error::<T>::UnknownAsset);
        }
        if let Some(parent) = terms.parent {
            let parent = Tasks::<T>::get(parent).ok_or(Error::<T>::UnknownParent)?;
            ensure!(parent.published.is_some(), Error::<T>::ParentNotPublished);
        }
        Ok(())
    }

    fn ensure_possible_times(terms: &TermsOf<T>, now: Millis) -> Result<(), Error<T>> {
        let possible = T::MinimumDuration::get()..=T::MaximumDuration::get();
        let left = terms.expires_at.checked_sub(now).ok_or(Error::<T>::InvalidExpiry)?;
        ensure!(possible.contains(&left), Error::<T>::InvalidExpiry);
        ensure!(possible.contains(&terms.working_time), Error::<T>::InvalidWorkingTime);
        let window = T::MaximumWindow::get();
        if terms.strategy == ValidationStrategy::ManualAccept {
            let possible = T::MinimumDuration::get()..=window;
            ensure!(possible.contains(&terms.review_time), Error::<T>::InvalidReviewTime);
        }
        ensure!(terms.challenge_time <= window, Error::<T>::InvalidChallengeTime);
        Ok(())
    }

    /// What a contributor has to put at stake: enough to pay a committee for looking at junk.
    fn least_bond(terms: &TermsOf<T>) -> BalanceOf<T> {
        terms.slot_fees().max(T::MinimumBond::get())
    }
}
