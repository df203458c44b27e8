//! What a jury's verdict costs the committee, and who pays the jury.
//!
//! Who lost pays at once. Where nobody did, as a committee that could not judge was not wrong, the
//! jury is paid when the submission ends, from what the slot's escrow holds for the committee and
//! that did not earn.

use crate::{
    case::{relieve, Case},
    tally::{has_earned, tally},
    AppealOf, BalanceOf, Config, CreditOf, Event, Expected, FeeSource, Finding, HoldReason, Pallet,
    Rule, Seat, TaskOf,
};
use frame_support::traits::{Imbalance, OnUnbalanced};
use pallet_aggregators::{Misconduct, Office};
use pallet_reputation::{Deed, Reputation, Role};
use sp_runtime::{traits::Zero, DispatchError, Saturating};

/// Who lost an appeal, and pays the jury for it.
#[derive(Clone, Copy)]
pub(crate) struct Losers {
    /// Who appealed: its bond.
    pub appellant: bool,
    /// A creator whose overruling fell: its counter-deposit.
    pub overruler: bool,
    /// A contributor whose result failed on the creator's appeal: what its bond holds beyond what
    /// the committee earned.
    pub contributor: bool,
}

impl<T: Config> Pallet<T> {
    /// Whether a jury's finding decides. That the task's own code, which is the creator's, did not
    /// run for the jury proves nothing that would help the creator.
    pub(crate) fn is_decisive(task: &TaskOf<T>, appeal: &AppealOf<T>, found: Finding) -> bool {
        found.verdict.is_definite() || appeal.appellant != task.creator
    }

    /// Slashes the members whose verdict was the committee's and is wrong: the opposite of the
    /// jury's or, where the jury confirmed a `gold`, further than the tolerance from what the gold
    /// says. A minority is never slashed, nor who could not judge.
    pub(crate) fn slash_overturned(
        case: &mut Case<T>,
        jury: Finding,
        gold: Option<Expected>,
    ) -> CreditOf<T> {
        let mut slashed = CreditOf::<T>::zero();
        let Some(own) = tally(&case.submission.committee, Rule::Committee).standing() else {
            return slashed;
        };
        if !own.verdict.is_definite() || !jury.verdict.is_definite() {
            return slashed;
        }
        let tolerance = case.task.terms.tolerance;
        for seat in case.submission.committee.iter_mut().filter(|seat| seat.on_duty) {
            let Some(found) = seat.attestation.as_ref().map(|found| found.finding()) else {
                continue;
            };
            let is_wrong = match gold {
                Some(gold) => !gold.is_near(found, tolerance),
                None => found.verdict != jury.verdict,
            };
            if found.verdict != own.verdict || !is_wrong {
                continue;
            }
            let misconduct = match gold {
                Some(_) => Misconduct::FailedGold,
                None => Misconduct::Overturned,
            };
            slashed.subsume(T::Office::report(&seat.member, misconduct));
            T::Reputation::note(&seat.member, Role::Aggregator, Deed::Overturned);
            relieve::<T>(seat);
        }
        slashed
    }

    /// Pays the members of the jury that earned their fee: from what was slashed, then from what
    /// the losers have at stake; as far as that goes, to all alike. The rest of what was slashed
    /// goes to the treasury.
    pub(crate) fn pay_jury(
        case: &mut Case<T>,
        appeal: &mut AppealOf<T>,
        finding: Finding,
        slashed: CreditOf<T>,
        losers: Losers,
    ) {
        let (task, index) = (case.id, case.index);
        let (fee, tolerance) = (case.task.terms.fee, case.task.terms.tolerance);
        let is_right = |seat: &Seat<_>| has_earned(seat, finding, tolerance);
        let earners = appeal.jury.iter().filter(|seat| is_right(seat)).count() as u32;
        let due = case.task.terms.fees(earners);
        let mut pot = slashed;
        let stake = HoldReason::Appeal;
        if losers.overruler {
            Self::fill(&mut pot, due, stake, &case.task.creator, &mut appeal.counter);
        }
        if losers.appellant {
            Self::fill(&mut pot, due, stake, &appeal.appellant, &mut appeal.bond);
        }
        if losers.contributor {
            let committee = case.submission.committee.iter();
            let right = committee.filter(|seat| seat.on_duty && is_right(seat)).count() as u32;
            let (bond, kept) = (&mut case.submission.bond, case.task.terms.fees(right));
            let mut spare = bond.saturating_sub(kept);
            let all = spare;
            let contributor = &case.submission.contributor;
            Self::fill(&mut pot, due, HoldReason::Bond, contributor, &mut spare);
            bond.saturating_reduce(all.saturating_sub(spare));
        }
        let share = match earners {
            0 => Zero::zero(),
            earners => fee.min(pot.peek() / earners.into()),
        };
        for seat in appeal.jury.iter_mut() {
            if !is_right(seat) {
                if let Some(found) = &seat.attestation {
                    Self::note_outside(&seat.member, found.verdict);
                }
                continue;
            }
            Self::note_fee(&seat.member, share);
            if share.is_zero() {
                continue;
            }
            seat.paid = true;
            let (part, rest) = core::mem::take(&mut pot).split(share);
            pot = rest;
            Self::give(&seat.member, part);
            let (member, amount, source) = (seat.member.clone(), share, FeeSource::Appeal);
            Self::deposit_event(Event::FeePaid { task, index, member, amount, source });
        }
        T::OnForfeit::on_unbalanced(pot);
    }

    /// Pays those who earned a fee on a jury that nobody paid, as far as `spare` goes, which the
    /// slot's escrow holds; to all alike. Returns what was paid.
    pub(crate) fn pay_unpaid_jury(
        case: &mut Case<T>,
        spare: BalanceOf<T>,
    ) -> Result<BalanceOf<T>, DispatchError> {
        let (task, index) = (case.id, case.index);
        let (fee, tolerance) = (case.task.terms.fee, case.task.terms.tolerance);
        let mut spent = BalanceOf::<T>::zero();
        let Some(appeal) = &mut case.appeal else { return Ok(spent) };
        let Some(finding) = tally(&appeal.jury, Rule::Jury).standing() else { return Ok(spent) };
        let is_owed = |seat: &Seat<_>| !seat.paid && has_earned(seat, finding, tolerance);
        let owed = appeal.jury.iter().filter(|seat| is_owed(seat)).count() as u32;
        let share = match owed {
            0 => Zero::zero(),
            owed => fee.min(spare / owed.into()),
        };
        if share.is_zero() {
            return Ok(spent);
        }
        for seat in appeal.jury.iter_mut().filter(|seat| is_owed(seat)) {
            Self::pay(HoldReason::Escrow, &case.task.creator, &seat.member, share)?;
            spent.saturating_accrue(share);
            seat.paid = true;
            T::Reputation::earned(&seat.member, Role::Aggregator, share);
            let (member, amount, source) = (seat.member.clone(), share, FeeSource::Slot);
            Self::deposit_event(Event::FeePaid { task, index, member, amount, source });
        }
        Ok(spent)
    }

    /// Takes from a `stake` that is held what the pot lacks.
    fn fill(
        pot: &mut CreditOf<T>,
        due: BalanceOf<T>,
        reason: HoldReason,
        who: &crate::AccountOf<T>,
        stake: &mut BalanceOf<T>,
    ) {
        let amount = due.saturating_sub(pot.peek()).min(*stake);
        stake.saturating_reduce(amount);
        pot.subsume(Self::take(reason, who, amount));
    }
}
