//! What the members of a committee earn, and what becomes of a bond.

use crate::{
    case::{relieve, Case},
    tally::{earns, tally},
    AccountOf, BalanceOf, Config, Event, FeeSource, Finding, HoldReason, Index, Pallet, Rule,
    TaskId, Verdict,
};
use frame_support::dispatch::DispatchResult;
use pallet_aggregators::Misconduct;
use pallet_reputation::{Deed, Reputation, Role};
use sp_runtime::{
    traits::{Saturating, Zero},
    DispatchError,
};

impl<T: Config> Pallet<T> {
    /// The finding by which the committee is paid, if a verdict stands: that of a jury that
    /// decided, else its own.
    pub(crate) fn measure(case: &Case<T>) -> Option<Finding> {
        let own = tally(&case.submission.committee, Rule::Committee).standing();
        let jury = case.appeal.as_ref().and_then(|appeal| {
            let found = tally(&appeal.jury, Rule::Jury).standing()?;
            Self::is_decisive(&case.task, appeal, found).then_some(found)
        });
        jury.or(own)
    }

    /// Pays the members that earned their fee, notes how all of them did, and ends their duties.
    /// Returns what was paid.
    pub(crate) fn pay_fees(
        case: &mut Case<T>,
        source: FeeSource,
    ) -> Result<BalanceOf<T>, DispatchError> {
        let (task, index) = (case.id, case.index);
        let (fee, tolerance) = (case.task.terms.fee, case.task.terms.tolerance);
        let measure = Self::measure(case);
        let (payer, reason) = match source {
            FeeSource::Bond => (case.submission.contributor.clone(), HoldReason::Bond),
            _ => (case.task.creator.clone(), HoldReason::Escrow),
        };
        let mut spent = BalanceOf::<T>::zero();
        // Those who lost their duty have nothing to earn: they were slashed.
        for seat in case.submission.committee.iter_mut().filter(|seat| seat.on_duty) {
            relieve::<T>(seat);
            let (Some(found), Some(measure)) = (&seat.attestation, measure) else { continue };
            if !earns(found, measure, tolerance) {
                Self::note_outside(&seat.member, found.verdict);
                continue;
            }
            seat.paid = true;
            Self::note_fee(&seat.member, fee);
            if !fee.is_zero() {
                Self::pay(reason, &payer, &seat.member, fee)?;
                spent.saturating_accrue(fee);
                let (member, amount) = (seat.member.clone(), fee);
                Self::deposit_event(Event::FeePaid { task, index, member, amount, source });
            }
        }
        if source == FeeSource::Bond {
            case.submission.bond.saturating_reduce(spent);
        }
        Ok(spent)
    }

    /// Nobody released the key: the members that passed the result, and would have earned their
    /// fee, kept it. Others have not vouched for what the contributor said of the key; there may be
    /// none to release.
    pub(crate) fn report_withheld(case: &mut Case<T>) {
        let tolerance = case.task.terms.tolerance;
        let Some(measure) = Self::measure(case) else { return };
        for seat in case.submission.committee.iter_mut().filter(|seat| seat.on_duty) {
            let Some(found) = &seat.attestation else { continue };
            if found.verdict == Verdict::Pass && earns(found, measure, tolerance) {
                Self::punish(seat, Misconduct::Withheld);
            }
        }
    }

    /// Pays from the slot's escrow what the panels earned: the committee first, and a jury that
    /// nobody paid from what that left. Returns what was paid.
    pub(crate) fn pay_panels(case: &mut Case<T>) -> Result<BalanceOf<T>, DispatchError> {
        let of_committee = Self::pay_fees(case, FeeSource::Escrow)?;
        let spare = case.task.terms.slot_fees().saturating_sub(of_committee);
        let of_jury = Self::pay_unpaid_jury(case, spare)?;
        Ok(of_committee.saturating_add(of_jury))
    }

    /// Gives what is left of the bond back to the contributor.
    pub(crate) fn return_rest_of_bond(case: &mut Case<T>) -> DispatchResult {
        let amount = core::mem::replace(&mut case.submission.bond, Zero::zero());
        Self::return_bond(case.id, case.index, &case.submission.contributor, amount)
    }

    /// Gives `amount` of a bond back to the contributor.
    pub(crate) fn return_bond(
        task: TaskId,
        index: Index,
        contributor: &AccountOf<T>,
        amount: BalanceOf<T>,
    ) -> DispatchResult {
        if amount.is_zero() {
            return Ok(());
        }
        Self::give_back(HoldReason::Bond, contributor, amount)?;
        let contributor = contributor.clone();
        Self::deposit_event(Event::BondReturned { task, index, contributor, amount });
        Ok(())
    }

    /// Notes that a member earned a fee.
    pub(crate) fn note_fee(member: &AccountOf<T>, fee: BalanceOf<T>) {
        T::Reputation::note(member, Role::Aggregator, Deed::Accepted);
        T::Reputation::earned(member, Role::Aggregator, fee);
    }

    /// Notes that a member's finding was outside the majority or the tolerance. A machine that
    /// could not judge is nobody's fault.
    pub(crate) fn note_outside(member: &AccountOf<T>, verdict: Verdict) {
        if verdict != Verdict::Crashed {
            T::Reputation::note(member, Role::Aggregator, Deed::Rejected);
        }
    }
}
