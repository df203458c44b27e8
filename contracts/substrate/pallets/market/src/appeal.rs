//! Appeals: all in office judge again, and the loser pays them for it.
//!
//! | the jury's verdict | the outcome | the appellant's bond | the creator's counter-deposit | committee members that were wrong |
//! |---|---|---|---|---|
//! | stands, and is what the appellant wanted | the jury's | returned | pays the jury, if the creator had overruled | slashed; that pays the jury, else what the slot holds for those that could not judge |
//! | stands, and is not | the jury's | pays the jury | returned | slashed; that pays the jury |
//! | Inconclusive, on a creator's appeal | as it was | pays the jury | returned | nothing |
//! | does not stand | as it was | returned | returned | nothing |
//! | never came: the contributor handed no key | Expired, if the creator appealed against Accepted or Inconclusive; else as it was | forfeited, if it is the contributor's | returned | nothing |

use crate::{
    case::Case, commitments, jury::Losers, outcome::Ruling, tally::tally, AccountOf, Appeal,
    AppealOf, BalanceOf, Config, Error, Event, Expected, GoldOf, HoldReason, Index, Jury, Outcome,
    Pallet, Phase, Rule, Seat, SubmissionState, TaskId, Window, MAX_JURY,
};
use alloc::vec::Vec;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get, BoundedVec};
use pallet_aggregators::Office;
use pallet_reputation::{Deed, Reputation, Role};
use sp_runtime::traits::Zero;

/// An outcome that can be appealed against now.
struct Challenged<T: Config> {
    case: Case<T>,
    ruling: Ruling,
    counter: BalanceOf<T>,
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_appeal(who: AccountOf<T>, id: TaskId, index: Index) -> DispatchResult {
        let challenged = Self::challenged(id, index)?;
        let case = &challenged.case;
        let is_creator = who == case.task.creator;
        ensure!(is_creator || who == case.submission.contributor, Error::<T>::NotParty);
        let can_be_bettered = match challenged.ruling.outcome {
            Outcome::Accepted => is_creator,
            Outcome::Failed | Outcome::Overruled => !is_creator,
            Outcome::Inconclusive => true,
        };
        ensure!(can_be_bettered, Error::<T>::CannotAppeal);
        Self::call_jury(challenged, who, None)
    }

    /// The creator shows that it planted the result, and what it is worth.
    pub(crate) fn do_open_gold(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        gold: GoldOf<T>,
    ) -> DispatchResult {
        let challenged = Self::challenged(id, index)?;
        let case = &challenged.case;
        ensure!(who == case.task.creator, Error::<T>::NotCreator);
        let committed = case.task.terms.golds.contains(&commitments::gold(&gold));
        let is_its = gold.contributor == case.submission.contributor;
        ensure!(committed && is_its && gold.verdict.is_definite(), Error::<T>::UnknownGold);
        let expected = Expected { verdict: gold.verdict, low: gold.low, high: gold.high };
        let contradicted = !expected.is_near(challenged.ruling.finding, case.task.terms.tolerance);
        ensure!(contradicted, Error::<T>::GoldAgrees);
        Self::call_jury(challenged, who, Some(expected))
    }

    /// What can be appealed against, if it can.
    fn challenged(id: TaskId, index: Index) -> Result<Challenged<T>, Error<T>> {
        let case = Case::<T>::load(id, index)?;
        let SubmissionState::Validated {
            finding,
            window: Window::Challenge { until, outcome, reason, counter },
        } = &case.submission.state
        else {
            return Err(Error::<T>::NotChallengeable);
        };
        ensure!(case.now <= *until, Error::<T>::DeadlinePassed);
        let ruling = Ruling { finding: *finding, outcome: *outcome, reason: reason.clone() };
        let counter = *counter;
        Ok(Challenged { case, ruling, counter })
    }

    /// Has all in office judge.
    fn call_jury(
        challenged: Challenged<T>,
        appellant: AccountOf<T>,
        gold: Option<Expected>,
    ) -> DispatchResult {
        let Challenged { mut case, ruling, counter } = challenged;
        let (task, index) = (case.id, case.index);
        let members = BoundedVec::<_, _>::truncate_from(Self::impartial(&case));
        ensure!(!members.is_empty(), Error::<T>::NoEligibleAggregator);
        let bond = Self::appeal_bond(&case, members.len() as u32);
        Self::hold(HoldReason::Appeal, &appellant, bond)
            .map_err(|_| Error::<T>::AppealUnaffordable)?;
        members.iter().for_each(T::Office::seat);
        let jury = Self::seats(&case, &members);
        Self::deposit_event(Event::Appealed {
            task,
            index,
            appellant: appellant.clone(),
            bond,
            gold: gold.is_some(),
            jury: members,
        });
        case.appeal = Some(Appeal { appellant, bond, counter, gold, jury });
        let Ruling { finding, outcome, reason } = ruling;
        // Until when, is said next.
        let phase = Phase::Sealing { until: case.now };
        case.submission.state = SubmissionState::Appealed { finding, outcome, reason, phase };
        Self::open_sealing(&mut case);
        case.save();
        Ok(())
    }

    /// Seats on a jury. Members of the committee have the key already.
    fn seats(case: &Case<T>, members: &[AccountOf<T>]) -> Jury<AccountOf<T>> {
        let known = |member: &AccountOf<T>| {
            case.submission.committee.iter().find(|seat| seat.member == *member)?.wrap
        };
        let seats: Vec<_> = members
            .iter()
            .map(|member| Seat { wrap: known(member), ..Seat::new(member.clone()) })
            .collect();
        BoundedVec::truncate_from(seats)
    }

    /// How many would judge an appeal now.
    pub(crate) fn jury_size(case: &Case<T>) -> u32 {
        (Self::impartial(case).len() as u32).min(MAX_JURY)
    }

    /// What an appeal costs whoever loses it, at most.
    pub(crate) fn appeal_bond(case: &Case<T>, jury: u32) -> BalanceOf<T> {
        case.task.terms.fees(jury).max(T::MinimumBond::get())
    }

    /// The jury has spoken, or has nothing to say.
    pub(crate) fn end_appeal(case: &mut Case<T>) -> DispatchResult {
        let Some((ruling, mut appeal)) = Self::appealed(case) else { return Ok(()) };
        let found = tally(&appeal.jury, Rule::Jury);
        Self::announce(case, found.finding, true);
        let Some(finding) = found.standing() else {
            Self::close_appeal(case, appeal, false)?;
            return Self::take_effect(case, ruling);
        };

        let by_creator = appeal.appellant == case.task.creator;
        let before = ruling.outcome;
        let ruling = match Self::is_decisive(&case.task, &appeal, finding) {
            true => Ruling { finding, outcome: Outcome::of(finding.verdict), ..ruling },
            false => ruling,
        };
        let outcome = ruling.outcome;
        let gold = appeal.gold.filter(|gold| gold.agrees(finding));
        let upheld = match by_creator {
            true => gold.is_some() || before.is_better_than(outcome),
            false => outcome.is_better_than(before),
        };
        let losers = Losers {
            appellant: !upheld,
            overruler: before == Outcome::Overruled && outcome == Outcome::Accepted,
            contributor: by_creator && upheld && outcome == Outcome::Failed,
        };
        if losers.overruler || (by_creator && losers.appellant) {
            T::Reputation::note(&case.task.creator, Role::Creator, Deed::Overturned);
        }
        let slashed = Self::slash_overturned(case, finding, gold);
        Self::pay_jury(case, &mut appeal, finding, slashed, losers);
        Self::close_appeal(case, appeal, upheld)?;
        Self::take_effect(case, ruling)
    }

    /// The contributor did not hand the key to the jury.
    pub(crate) fn settle_sealed_appeal(case: &mut Case<T>) -> DispatchResult {
        let Some((ruling, mut appeal)) = Self::appealed(case) else { return Ok(()) };
        let by_creator = appeal.appellant == case.task.creator;
        if !by_creator {
            T::Reputation::note(&appeal.appellant, Role::Contributor, Deed::Expired);
            let bond = core::mem::replace(&mut appeal.bond, Zero::zero());
            Self::forfeit(HoldReason::Appeal, &appeal.appellant, bond);
        }
        // Who was failed already need not show its result again.
        let is_hidden =
            by_creator && matches!(ruling.outcome, Outcome::Accepted | Outcome::Inconclusive);
        Self::close_appeal(case, appeal, is_hidden)?;
        if is_hidden {
            return Self::expire_submission(case);
        }
        Self::take_effect(case, ruling)
    }

    /// What is appealed against, and the appeal itself, taken out of the case.
    fn appealed(case: &mut Case<T>) -> Option<(Ruling, AppealOf<T>)> {
        let SubmissionState::Appealed { finding, outcome, reason, .. } = &case.submission.state
        else {
            return None;
        };
        let ruling = Ruling { finding: *finding, outcome: *outcome, reason: reason.clone() };
        Some((ruling, case.appeal.take()?))
    }

    /// Gives back what is left of bond and counter-deposit. The jury's seats are kept: they say
    /// what the committee has earned, and who knows the key.
    fn close_appeal(case: &mut Case<T>, mut appeal: AppealOf<T>, upheld: bool) -> DispatchResult {
        let (task, index) = (case.id, case.index);
        let bond = core::mem::replace(&mut appeal.bond, Zero::zero());
        let counter = core::mem::replace(&mut appeal.counter, Zero::zero());
        Self::give_back(HoldReason::Appeal, &appeal.appellant, bond)?;
        Self::give_back(HoldReason::Appeal, &case.task.creator, counter)?;
        appeal.jury.iter_mut().for_each(crate::case::relieve::<T>);
        let appellant = appeal.appellant.clone();
        Self::deposit_event(Event::AppealEnded { task, index, appellant, upheld });
        case.appeal = Some(appeal);
        Ok(())
    }
}
