//! Results: sending them, and the creator's decision.

use crate::{
    case::{next_block, Case},
    is_cid,
    outcome::Ruling,
    AccountOf, Assignments, Cid, Config, Digest, Error, Event, HoldReason, Index, Millis, Outcome,
    Pallet, Phase, Reason, Seal, SubmissionState, TaskId, TermsOf, Trace, ValidationStrategy,
    Verdict, Window, Work,
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_submit_result(
        contributor: AccountOf<T>,
        id: TaskId,
        cid: Cid,
        digest: Digest,
        seal: Option<Seal>,
        trace: Option<Trace>,
    ) -> DispatchResult {
        ensure!(is_cid(&cid), Error::<T>::InvalidCid);
        let (mut case, deadline) = Self::assignment(&contributor, id)?;
        let (index, now) = (case.index, case.now);
        ensure!(now <= deadline, Error::<T>::DeadlinePassed);
        Self::ensure_as_asked(&case.task.terms, seal.is_some(), trace)?;
        let work = Work { cid: cid.clone(), digest, seal, trace, submitted_at: now };
        case.submission.work = Some(work);
        let anchor = next_block::<T>();
        let phase = Phase::Drawing { anchor, until: case.after(T::DrawPeriod::get()) };
        case.submission.state = SubmissionState::PendingValidation { phase, round: 0 };
        case.save();
        let event = Event::ResultSubmitted { task: id, index, contributor, cid, digest, anchor };
        Self::deposit_event(event);
        Ok(())
    }

    /// A result is sealed exactly if it can be, and has the trace that the terms ask for.
    fn ensure_as_asked(
        terms: &TermsOf<T>,
        sealed: bool,
        trace: Option<Trace>,
    ) -> Result<(), Error<T>> {
        ensure!(sealed || !terms.is_sealed(), Error::<T>::SealMissing);
        ensure!(!sealed || terms.is_sealed(), Error::<T>::SealUnexpected);
        match (terms.replay, trace) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(Error::<T>::TraceUnexpected),
            (Some(_), None) => Err(Error::<T>::TraceMissing),
            (Some(replay), Some(trace)) => {
                ensure!(trace.checkpoints == replay.checkpoints, Error::<T>::WrongCheckpoints);
                Ok(())
            }
        }
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

    /// The creator wants the result, whatever was found: in its review, or so as not to wait for
    /// the end of a challenge window.
    pub(crate) fn do_accept_result(who: AccountOf<T>, id: TaskId, index: Index) -> DispatchResult {
        let mut case = Self::own_case(&who, id, index)?;
        let SubmissionState::Validated { finding, window } = &case.submission.state else {
            return Err(Error::<T>::NotValidated.into());
        };
        let (until, counter) = match window {
            Window::Review { until } => (*until, Default::default()),
            Window::Challenge { until, counter, .. } => (*until, *counter),
            Window::Release { .. } => return Err(Error::<T>::NotValidated.into()),
        };
        ensure!(case.now <= until, Error::<T>::DeadlinePassed);
        let finding = *finding;
        Self::give_back(HoldReason::Appeal, &who, counter)?;
        Self::take_effect(&mut case, Ruling::new(finding, Outcome::Accepted))?;
        case.save();
        Ok(())
    }

    pub(crate) fn do_reject_result(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        reason: Reason,
    ) -> DispatchResult {
        let mut case = Self::own_case(&who, id, index)?;
        let strategy = case.task.terms.strategy;
        ensure!(strategy == ValidationStrategy::ManualAccept, Error::<T>::NotManual);
        let SubmissionState::Validated { finding, window: Window::Review { until } } =
            case.submission.state
        else {
            return Err(Error::<T>::NotValidated.into());
        };
        ensure!(case.now <= until, Error::<T>::DeadlinePassed);
        let outcome = match finding.verdict {
            Verdict::Fail => Outcome::Failed,
            _ => Outcome::Overruled,
        };
        Self::rule(&mut case, Ruling { finding, outcome, reason })?;
        case.save();
        Ok(())
    }

    /// A submission to a task of `who`.
    pub(crate) fn own_case(
        who: &AccountOf<T>,
        id: TaskId,
        index: Index,
    ) -> Result<Case<T>, Error<T>> {
        let case = Case::<T>::load(id, index)?;
        ensure!(*who == case.task.creator, Error::<T>::NotCreator);
        Ok(case)
    }
}
