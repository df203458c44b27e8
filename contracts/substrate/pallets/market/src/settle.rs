//! Settlement: what anyone may do once a deadline has passed.

use crate::{
    case::Case, outcome::Outcome, tally::tally, Assignments, Config, Error, Event, FeeSource, Fees,
    HoldReason, Index, Pallet, Phase, Reason, SubmissionState, TaskId, Verdict,
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use sp_runtime::traits::Zero;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_settle_submission(id: TaskId, index: Index) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        match case.submission.state {
            SubmissionState::Assigned { deadline } => Self::settle_assigned(&mut case, deadline),
            SubmissionState::PendingValidation { phase: Phase::Drawing { until, .. }, .. } => {
                Self::settle_drawing(&mut case, until)
            }
            SubmissionState::PendingValidation { phase: Phase::Attesting { until }, round } => {
                Self::settle_attesting(&mut case, until, round)
            }
            SubmissionState::Validated { verdict, score, review_until, attest_until } => {
                Self::settle_review(&mut case, (verdict, score), review_until, attest_until)
            }
            SubmissionState::Accepted { .. }
            | SubmissionState::Rejected { .. }
            | SubmissionState::Expired => Self::settle_fees(&mut case),
        }?;
        case.save();
        Ok(())
    }

    /// The contributor sent nothing: its bond is forfeited and the slot free.
    fn settle_assigned(case: &mut Case<T>, deadline: u64) -> DispatchResult {
        ensure!(case.now > deadline, Error::<T>::NothingToSettle);
        let (task, index) = (case.id, case.index);
        let contributor = case.submission.contributor.clone();
        let forfeited = core::mem::replace(&mut case.submission.bond, Zero::zero());
        Self::forfeit(HoldReason::Bond, &contributor, forfeited);
        Self::reopen_slot(task, &mut case.task, case.now)?;
        Assignments::<T>::remove(task, &contributor);
        case.submission.fees = Fees::Settled;
        case.submission.state = SubmissionState::Expired;
        Self::deposit_event(Event::AssignmentExpired { task, index, contributor, forfeited });
        Ok(())
    }

    /// Nobody could be drawn: what is known decides, which in the first round is nothing.
    fn settle_drawing(case: &mut Case<T>, until: u64) -> DispatchResult {
        ensure!(case.now > until, Error::<T>::NothingToSettle);
        // Silent members of the first round were reported when their time was over.
        case.submission.committee.retain(|seat| !seat.is_silent());
        Self::conclude_closed(case, until)
    }

    /// Members are absent: others take their seats, once; then what is known decides.
    fn settle_attesting(case: &mut Case<T>, until: u64, round: u8) -> DispatchResult {
        ensure!(case.now > until, Error::<T>::NothingToSettle);
        Self::report_absent(case);
        if round == 0 {
            let until = case.now.saturating_add(T::DrawPeriod::get());
            Self::start_draw(case, until, 1);
            return Ok(());
        }
        case.submission.committee.retain(|seat| !seat.is_silent());
        Self::conclude_closed(case, until)
    }

    /// Concludes by the attestations there are.
    fn conclude_closed(case: &mut Case<T>, until: u64) -> DispatchResult {
        let (verdict, score) =
            tally(&case.submission.committee, true).unwrap_or((Verdict::Inconclusive, 0));
        Self::conclude(case, verdict, score, until)
    }

    /// The creator stayed silent: the verdict decides. Before that, members that stayed silent
    /// lose their seats, so that they need not wait for the creator.
    fn settle_review(
        case: &mut Case<T>,
        found: (Verdict, u32),
        review_until: u64,
        attest_until: u64,
    ) -> DispatchResult {
        if case.now > review_until {
            return Self::finish(
                case,
                Outcome::of(found.0),
                found,
                attest_until,
                Reason::default(),
            );
        }
        ensure!(case.now > attest_until && case.silent_seats() > 0, Error::<T>::NothingToSettle);
        Self::report_absent(case);
        case.submission.committee.retain(|seat| !seat.is_silent());
        Ok(())
    }

    /// Fees that nobody earned go back to where they came from.
    fn settle_fees(case: &mut Case<T>) -> DispatchResult {
        let Fees::Due { source, until } = case.submission.fees else {
            return Err(Error::<T>::NothingToSettle.into());
        };
        ensure!(case.now > until, Error::<T>::NothingToSettle);
        Self::report_absent(case);
        let amount = case.task.terms.fees(case.silent_seats());
        match source {
            FeeSource::Escrow => Self::refund(case.id, &case.task, amount)?,
            FeeSource::Bond => {
                case.submission.bond = Zero::zero();
                Self::bond_returned(case, amount)?;
            }
        }
        case.submission.fees = Fees::Settled;
        Ok(())
    }
}
