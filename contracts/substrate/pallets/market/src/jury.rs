//! What a jury's verdict costs the committee, and who pays the jury.

use crate::{
    case::{relieve, Case},
    tally::{earns, tally},
    AppealOf, BalanceOf, Config, CreditOf, Event, Expected, FeeSource, Finding, HoldReason, Pallet,
    Rule,
};
use frame_support::traits::{Imbalance, OnUnbalanced};
use pallet_aggregators::{Misconduct, Office};
use pallet_reputation::{Deed, Reputation, Role};
use sp_runtime::{traits::Zero, Saturating};

impl<T: Config> Pallet<T> {
    /// Slashes the members whose verdict was the committee's and is wrong: it is not the jury's
    /// or, where the jury confirmed a `gold`, not what the gold says. A minority is never slashed.
    pub(crate) fn slash_overturned(
        case: &mut Case<T>,
        jury: Finding,
        gold: Option<Expected>,
    ) -> CreditOf<T> {
        let mut slashed = CreditOf::<T>::zero();
        let Some(own) = tally(&case.submission.committee, Rule::Committee).standing() else {
            return slashed;
        };
        for seat in case.submission.committee.iter_mut().filter(|seat| seat.on_duty) {
            let Some(found) = seat.attestation.as_ref().map(|found| found.finding()) else {
                continue;
            };
            let is_wrong = match gold {
                Some(gold) => !gold.agrees(found),
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

    /// Pays the members of the jury that earned their fee: from what was slashed, then from the
    /// counter-deposit of a creator whose overruling fell, then from the bond of an appellant that
    /// lost; as far as that goes, to all alike. The rest of what was slashed goes to the treasury.
    pub(crate) fn pay_jury(
        case: &mut Case<T>,
        appeal: &mut AppealOf<T>,
        finding: Finding,
        slashed: CreditOf<T>,
        is_lost: bool,
        overruling_fell: bool,
    ) {
        let (task, index) = (case.id, case.index);
        let (fee, tolerance) = (case.task.terms.fee, case.task.terms.tolerance);
        let has_earned = |seat: &crate::Seat<_>| {
            seat.attestation.as_ref().is_some_and(|found| earns(found, finding, tolerance))
        };
        let earners = appeal.jury.iter().filter(|seat| has_earned(seat)).count() as u32;
        let due = case.task.terms.fees(earners);
        let mut pot = slashed;
        if overruling_fell {
            Self::fill(&mut pot, due, &case.task.creator, &mut appeal.counter);
        }
        if is_lost {
            Self::fill(&mut pot, due, &appeal.appellant, &mut appeal.bond);
        }
        let share = match earners {
            0 => Zero::zero(),
            earners => fee.min(pot.peek() / earners.into()),
        };
        for seat in appeal.jury.iter_mut() {
            if !has_earned(seat) {
                if let Some(found) = &seat.attestation {
                    Self::note_outside(&seat.member, found.verdict);
                }
                continue;
            }
            seat.paid = true;
            Self::note_fee(&seat.member, share);
            if share.is_zero() {
                continue;
            }
            let (part, rest) = core::mem::take(&mut pot).split(share);
            pot = rest;
            Self::give(&seat.member, part);
            let (member, amount, source) = (seat.member.clone(), share, FeeSource::Appeal);
            Self::deposit_event(Event::FeePaid { task, index, member, amount, source });
        }
        T::OnForfeit::on_unbalanced(pot);
    }

    /// Takes from a `stake` that is held for an appeal what the pot lacks.
    fn fill(
        pot: &mut CreditOf<T>,
        due: BalanceOf<T>,
        who: &crate::AccountOf<T>,
        stake: &mut BalanceOf<T>,
    ) {
        let amount = due.saturating_sub(pot.peek()).min(*stake);
        stake.saturating_reduce(amount);
        pot.subsume(Self::take(HoldReason::Appeal, who, amount));
    }
}
