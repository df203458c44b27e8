//! How a submission ends, and who is paid by whom.
//!
//! | a submission ends as | reward | fees of members that attested | bond | slot |
//! |---|---|---|---|---|
//! | accepted | contributor | from escrow | returned | closed |
//! | rejected on a failing verdict | stays | from the bond | the rest is returned | open again |
//! | rejected against the verdict | stays | from escrow, filled up again by the creator | returned | open again; closed and refunded if the creator cannot fill up |
//! | inconclusive | refunded | from escrow | returned | closed if fees were paid, else open again |
//! | expired | stays | none | forfeited | open again |

use crate::{
    case::Case, Assignments, Config, Event, FeeSource, Fees, HoldReason, Pallet, Reason,
    SubmissionState, ValidationStrategy, Verdict,
};
use frame_support::dispatch::DispatchResult;
use sp_runtime::{traits::Zero, Saturating};

/// The ends of a result, by who pays whom.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The creator pays the contributor and the committee.
    Accepted,
    /// The committee found it failing: the contributor pays the committee.
    Failed,
    /// The creator rejects what the committee did not find failing, and pays the committee.
    Overruled,
    /// No verdict: the creator pays the committee.
    Inconclusive,
}

impl Outcome {
    /// What a verdict comes to when nobody contradicts it.
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Outcome::Accepted,
            Verdict::Fail => Outcome::Failed,
            Verdict::Inconclusive => Outcome::Inconclusive,
        }
    }

    fn fee_source(self) -> FeeSource {
        match self {
            Outcome::Failed => FeeSource::Bond,
            _ => FeeSource::Escrow,
        }
    }
}

impl<T: Config> Pallet<T> {
    /// The committee has spoken: ends the submission, or hands it to its creator.
    /// `attest_until` is when its last members can attest.
    pub(crate) fn conclude(
        case: &mut Case<T>,
        verdict: Verdict,
        score: u32,
        attest_until: u64,
    ) -> DispatchResult {
        let (task, index) = (case.id, case.index);
        Self::deposit_event(Event::ResultValidated { task, index, verdict, score });
        if case.task.terms.strategy == ValidationStrategy::ManualAccept {
            let review_until = case.now.saturating_add(case.task.terms.review_time);
            case.submission.state =
                SubmissionState::Validated { verdict, score, review_until, attest_until };
            return Ok(());
        }
        Self::finish(case, Outcome::of(verdict), (verdict, score), attest_until, Reason::default())
    }

    /// Ends a submission: pays what is earned, returns what is not needed, frees or closes the
    /// slot, and keeps back the fees that members can still earn until `attest_until`.
    pub(crate) fn finish(
        case: &mut Case<T>,
        outcome: Outcome,
        (verdict, score): (Verdict, u32),
        attest_until: u64,
        reason: Reason,
    ) -> DispatchResult {
        let (task, index) = (case.id, case.index);
        let source = outcome.fee_source();
        let paid = Self::pay_fees(case, source)?;
        let due = Self::fees_still_due(case, source, attest_until);
        Self::return_bond(case, if source == FeeSource::Bond { due } else { 0 })?;

        let contributor = case.submission.contributor.clone();
        let terms = &case.task.terms;
        let (reward, spent) = (terms.reward, terms.fees(paid + due));
        match outcome {
            Outcome::Accepted => {
                Self::pay(HoldReason::Escrow, &case.task.creator, &contributor, reward)?;
                let rest = terms.slot_hold().saturating_sub(reward).saturating_sub(spent);
                Self::refund(task, &case.task, rest)?;
                case.task.accepted += 1;
                Self::close_slot(task, &mut case.task);
            }
            Outcome::Failed => Self::reopen_slot(task, &mut case.task, case.now)?,
            Outcome::Overruled | Outcome::Inconclusive => {
                let whole = spent.is_zero()
                    || outcome == Outcome::Overruled
                        && case.task.is_live(case.now)
                        && Self::refill(task, &case.task, spent)?;
                if whole {
                    Self::reopen_slot(task, &mut case.task, case.now)?;
                } else {
                    let rest = case.task.terms.slot_hold().saturating_sub(spent);
                    Self::refund(task, &case.task, rest)?;
                    Self::close_slot(task, &mut case.task);
                }
            }
        }

        Assignments::<T>::remove(task, &contributor);
        if outcome == Outcome::Accepted {
            case.submission.state = SubmissionState::Accepted { verdict, score };
            Self::deposit_event(Event::ResultAccepted { task, index, contributor, reward });
        } else {
            let state = SubmissionState::Rejected { verdict, score, reason: reason.clone() };
            case.submission.state = state;
            let event = Event::ResultRejected { task, index, contributor, verdict, reason };
            Self::deposit_event(event);
        }
        Ok(())
    }

    /// Says what becomes of the fees of silent members, and returns how many can still earn one.
    fn fees_still_due(case: &mut Case<T>, source: FeeSource, until: u64) -> u32 {
        let silent = case.silent_seats();
        if silent > 0 && case.now <= until {
            case.submission.fees = Fees::Due { source, until };
            return silent;
        }
        Self::report_absent(case);
        case.submission.fees = Fees::Settled;
        0
    }

    /// Returns the bond but for the fees of `due` members.
    fn return_bond(case: &mut Case<T>, due: u32) -> DispatchResult {
        let kept = case.task.terms.fees(due);
        let amount = case.submission.bond.saturating_sub(kept);
        case.submission.bond = kept;
        Self::bond_returned(case, amount)
    }

    /// Gives `amount` of the bond back to the contributor.
    pub(crate) fn bond_returned(case: &Case<T>, amount: crate::BalanceOf<T>) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        let contributor = case.submission.contributor.clone();
        Self::give_back(HoldReason::Bond, &contributor, amount)?;
        let (task, index) = (case.id, case.index);
        Self::deposit_event(Event::BondReturned { task, index, contributor, amount });
        Ok(())
    }
}
