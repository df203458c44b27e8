//! From what was found to the end of a submission, and who is paid by whom.
//!
//! | outcome | reward | fees that were earned | bond | slot |
//! |---|---|---|---|---|
//! | Accepted, the key released | contributor, from escrow | from escrow, a jury's that nobody else paid too | returned | closed |
//! | Accepted, but nobody released it | stays | none | returned | open again |
//! | Failed | stays | from the bond | the rest is returned | open again |
//! | Overruled | stays | from escrow, filled up again by the creator | returned | open again; closed and refunded if the creator cannot fill up |
//! | Inconclusive | stays | from escrow, a jury's that nobody else paid too | returned | closed and refunded; open again if nobody earned a fee |
//! | expired | stays | none | forfeited | open again |

use crate::{
    case::Case, tally::tally, Assignments, BalanceOf, Config, Error, Event, FeeSource, Finding,
    HoldReason, Index, Outcome, Pallet, Reason, Rule, SubmissionState, TaskId, ValidationStrategy,
    Window,
};
use frame_support::{dispatch::DispatchResult, ensure, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_reputation::{Deed, Reputation, Role};
use sp_runtime::{traits::Zero, Saturating};

/// What was found, and what that comes to.
pub(crate) struct Ruling {
    pub finding: Finding,
    pub outcome: Outcome,
    /// The creator's, if it gave one.
    pub reason: Reason,
}

impl Ruling {
    /// A ruling for which nobody gave a reason.
    pub fn new(finding: Finding, outcome: Outcome) -> Self {
        Ruling { finding, outcome, reason: Reason::default() }
    }
}

impl<T: Config> Pallet<T> {
    /// The committee has spoken: the creator decides where it may, else the verdict.
    pub(crate) fn conclude(case: &mut Case<T>) -> DispatchResult {
        let finding = tally(&case.submission.committee, Rule::Committee).finding;
        Self::announce(case, finding, false);
        if case.task.terms.strategy == ValidationStrategy::ManualAccept {
            let window = Window::Review { until: case.after(case.task.terms.review_time) };
            case.submission.state = SubmissionState::Validated { finding, window };
            return Ok(());
        }
        Self::rule(case, Ruling::new(finding, Outcome::of(finding.verdict)))
    }

    /// Says what a panel found.
    pub(crate) fn announce(case: &Case<T>, Finding { verdict, score }: Finding, jury: bool) {
        let (task, index) = (case.id, case.index);
        Self::deposit_event(Event::ResultValidated { task, index, verdict, score, jury });
    }

    /// A ruling takes effect, after a time for appeals where there is one. There always is one
    /// where the creator overruled the committee: it puts up what the appeal will cost.
    pub(crate) fn rule(case: &mut Case<T>, ruling: Ruling) -> DispatchResult {
        let (task, index) = (case.id, case.index);
        let mut time = case.task.terms.challenge_time;
        let mut counter = Zero::zero();
        if ruling.outcome == Outcome::Overruled {
            time = time.max(T::AppealPeriod::get());
            counter = Self::appeal_bond(case, Self::jury_size(case));
            Self::hold(HoldReason::Appeal, &case.task.creator, counter)
                .map_err(|_| Error::<T>::AppealUnaffordable)?;
            Self::deposit_event(Event::Overruled { task, index, counter });
        }
        if time.is_zero() {
            return Self::take_effect(case, ruling);
        }
        let Ruling { finding, outcome, reason } = ruling;
        let window = Window::Challenge { until: case.after(time), outcome, reason, counter };
        case.submission.state = SubmissionState::Validated { finding, window };
        Ok(())
    }

    /// A ruling that nobody can appeal against any more: ends the submission, or has the key
    /// released.
    pub(crate) fn take_effect(case: &mut Case<T>, ruling: Ruling) -> DispatchResult {
        if ruling.outcome != Outcome::Accepted {
            return Self::reject(case, ruling);
        }
        if !case.is_sealed() {
            return Self::accept(case, ruling.finding);
        }
        let window = Window::Release { until: case.after(T::ReleasePeriod::get()) };
        case.submission.state = SubmissionState::Validated { finding: ruling.finding, window };
        Ok(())
    }

    /// Pays for a result, of which the creator has the key.
    pub(crate) fn accept(case: &mut Case<T>, finding: Finding) -> DispatchResult {
        let (task, index) = (case.id, case.index);
        let spent = Self::pay_panels(case)?;
        Self::return_rest_of_bond(case)?;
        let (creator, contributor) =
            (case.task.creator.clone(), case.submission.contributor.clone());
        let (reward, asset) = (case.task.terms.reward, case.task.terms.asset);
        let paid = match asset {
            None => {
                Self::pay(HoldReason::Escrow, &creator, &contributor, reward)?;
                T::Reputation::earned(&contributor, Role::Contributor, reward);
                T::Reputation::earned(&creator, Role::Creator, reward);
                true
            }
            Some(asset) => Self::pay_asset(asset, &creator, &contributor, reward).is_ok(),
        };
        T::Reputation::note(&contributor, Role::Contributor, Deed::Accepted);
        T::Reputation::note(&creator, Role::Creator, Deed::Accepted);

        let rest = case.task.terms.slot_fees().saturating_sub(spent);
        Self::refund(task, &mut case.task, rest, Zero::zero())?;
        case.task.accepted.saturating_inc();
        Self::close_slot(task, &mut case.task, case.now);
        Self::close(case, SubmissionState::Accepted { finding, unpaid: !paid, ended_at: case.now });
        Self::deposit_event(Event::ResultAccepted {
            task,
            index,
            contributor,
            reward,
            asset,
            paid,
        });
        Ok(())
    }

    /// Ends a submission without a reward.
    pub(crate) fn reject(case: &mut Case<T>, ruling: Ruling) -> DispatchResult {
        let Ruling { finding, outcome, reason } = ruling;
        let (task, index) = (case.id, case.index);
        let contributor = case.submission.contributor.clone();
        let spent = match outcome {
            Outcome::Accepted => {
                Self::report_withheld(case);
                Zero::zero()
            }
            Outcome::Failed => {
                Self::pay_fees(case, FeeSource::Bond)?;
                T::Reputation::note(&contributor, Role::Contributor, Deed::Rejected);
                Zero::zero()
            }
            Outcome::Overruled => {
                T::Reputation::note(&case.task.creator, Role::Creator, Deed::Rejected);
                Self::pay_fees(case, FeeSource::Escrow)?
            }
            Outcome::Inconclusive => Self::pay_panels(case)?,
        };
        Self::return_rest_of_bond(case)?;
        // A result on which the task's code crashes costs what its slot holds, and nothing else.
        if outcome == Outcome::Inconclusive && !spent.is_zero() {
            Self::refund_slot(task, &mut case.task, spent, case.now)?;
        } else {
            Self::reopen_slot(task, &mut case.task, spent, case.now)?;
        }
        let ended_at = case.now;
        let state =
            SubmissionState::Rejected { finding, outcome, reason: reason.clone(), ended_at };
        Self::close(case, state);
        let verdict = finding.verdict;
        Self::deposit_event(Event::ResultRejected {
            task,
            index,
            contributor,
            outcome,
            verdict,
            reason,
        });
        Ok(())
    }

    /// The contributor let a deadline pass: it loses its bond, and the slot is free.
    pub(crate) fn expire_submission(case: &mut Case<T>) -> DispatchResult {
        let (task, index) = (case.id, case.index);
        let contributor = case.submission.contributor.clone();
        let forfeited = core::mem::replace(&mut case.submission.bond, Zero::zero());
        Self::forfeit(HoldReason::Bond, &contributor, forfeited);
        T::Reputation::note(&contributor, Role::Contributor, Deed::Expired);
        Self::reopen_slot(task, &mut case.task, Zero::zero(), case.now)?;
        Self::close(case, SubmissionState::Expired { ended_at: case.now });
        Self::deposit_event(Event::AssignmentExpired { task, index, contributor, forfeited });
        Ok(())
    }

    /// What every end has in common.
    fn close(case: &mut Case<T>, state: SubmissionState<BalanceOf<T>, BlockNumberFor<T>>) {
        case.relieve_all();
        Assignments::<T>::remove(case.id, &case.submission.contributor);
        case.submission.state = state;
    }

    /// Tries again to pay a reward that its asset did not allow to be paid.
    pub(crate) fn do_claim_reward(id: TaskId, index: Index) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        let SubmissionState::Accepted { unpaid, .. } = &mut case.submission.state else {
            return Err(Error::<T>::NothingUnpaid.into());
        };
        ensure!(core::mem::take(unpaid), Error::<T>::NothingUnpaid);
        let terms = &case.task.terms;
        let (reward, asset) = (terms.reward, terms.asset.ok_or(Error::<T>::NothingUnpaid)?);
        let contributor = case.submission.contributor.clone();
        Self::pay_asset(asset, &case.task.creator, &contributor, reward)?;
        case.save();
        Self::deposit_event(Event::RewardClaimed { task: id, index, contributor, reward });
        Ok(())
    }
}
