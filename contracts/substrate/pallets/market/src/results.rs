//! Results: sending them, and the creator's decision.

use crate::{
    case::Case, is_cid, outcome::Outcome, AccountOf, Assignments, Cid, Config, Error, Event, Index,
    Millis, Pallet, Phase, Reason, SubmissionState, TaskId, ValidationStrategy, Verdict, Work,
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};

/// What a creator decides on: verdict, score, and until when members can attest.
type Finding = (Verdict, u32, Millis);

impl<T: Config> Pallet<T> {
    pub(crate) fn do_submit_result(
        contributor: AccountOf<T>,
        id: TaskId,
        cid: Cid,
        digest: [u8; 32],
    ) -> DispatchResult {
        ensure!(is_cid(&cid), Error::<T>::InvalidCid);
        let (mut case, deadline) = Self::assignment(&contributor, id)?;
        let (index, now) = (case.index, case.now);
        ensure!(now <= deadline, Error::<T>::DeadlinePassed);
        case.submission.work = Some(Work { cid: cid.clone(), digest, submitted_at: now });
        let anchor = Self::next_block();
        let phase = Phase::Drawing { anchor, until: now.saturating_add(T::DrawPeriod::get()) };
        case.submission.state = SubmissionState::PendingValidation { phase, round: 0 };
        case.save();
        let event = Event::ResultSubmitted { task: id, index, contributor, cid, digest, anchor };
        Self::deposit_event(event);
        Ok(())
    }

    /// The contributor's assignment that waits for its result, and its deadline.
    pub(crate) fn assignment(
        contributor: &AccountOf<T>,
        id: TaskId,
    ) -> Result<(Case<T>, Millis), Error<T>> {
        Self::task(id)?;
        let index = Assignments::<T>::get(id, contributor).ok_or(Error::<T>::NotAssigned)?;
        let case = Case::<T>::load(id, index)?;
        match case.submission.state {
            SubmissionState::Assigned { deadline } => Ok((case, deadline)),
            _ => Err(Error::<T>::AlreadySubmitted),
        }
    }

    pub(crate) fn do_accept_result(who: AccountOf<T>, id: TaskId, index: Index) -> DispatchResult {
        let (mut case, (verdict, score, attest_until)) = Self::under_review(who, id, index)?;
        let found = (verdict, score);
        Self::finish(&mut case, Outcome::Accepted, found, attest_until, Reason::default())?;
        case.save();
        Ok(())
    }

    pub(crate) fn do_reject_result(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        reason: Reason,
    ) -> DispatchResult {
        let (mut case, (verdict, score, attest_until)) = Self::under_review(who, id, index)?;
        let outcome = match verdict {
            Verdict::Fail => Outcome::Failed,
            Verdict::Pass | Verdict::Inconclusive => Outcome::Overruled,
        };
        Self::finish(&mut case, outcome, (verdict, score), attest_until, reason)?;
        case.save();
        Ok(())
    }

    /// The submission that `who`, its creator, may decide now.
    fn under_review(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
    ) -> Result<(Case<T>, Finding), Error<T>> {
        let case = Case::<T>::load(id, index)?;
        ensure!(who == case.task.creator, Error::<T>::NotCreator);
        let strategy = case.task.terms.strategy;
        ensure!(strategy == ValidationStrategy::ManualAccept, Error::<T>::NotManual);
        let SubmissionState::Validated { verdict, score, review_until, attest_until } =
            case.submission.state
        else {
            return Err(Error::<T>::NotValidated);
        };
        ensure!(case.now <= review_until, Error::<T>::DeadlinePassed);
        Ok((case, (verdict, score, attest_until)))
    }
}
