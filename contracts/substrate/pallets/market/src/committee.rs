//! Committees: the draw and the attestations.

use crate::{
    case::Case, draw, is_cid, tally::tally, AccountOf, Attestation, Config, Error, Event,
    FeeSource, Fees, HoldReason, Index, Pallet, Phase, Seat, SubmissionState, TaskId, MAX_SCORE,
};
use alloc::vec::Vec;
use frame_support::{dispatch::DispatchResult, ensure, traits::Get, BoundedVec};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_aggregators::{Misconduct, Office};
use sp_runtime::{traits::One, traits::Zero, Saturating};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_draw_committee(id: TaskId, index: Index) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        let (anchor, until, round) = match case.submission.state {
            SubmissionState::PendingValidation {
                phase: Phase::Drawing { anchor, until },
                round,
            } => (anchor, until, round),
            SubmissionState::PendingValidation { .. } => {
                return Err(Error::<T>::CommitteeAlreadyDrawn.into())
            }
            _ => return Err(Error::<T>::NotPendingValidation.into()),
        };
        ensure!(case.now <= until, Error::<T>::DeadlinePassed);
        ensure!(Self::current_block() > anchor, Error::<T>::CommitteeNotReady);
        let hash = frame_system::Pallet::<T>::block_hash(anchor);
        if hash == Default::default() {
            // Forgotten: the chain keeps the hashes of its latest blocks only.
            Self::start_draw(&mut case, until, round);
        } else {
            Self::seat_members(&mut case, draw::seed(hash, id, index, round), round)?;
        }
        case.save();
        Ok(())
    }

    /// Has the next block's hash draw members.
    pub(crate) fn start_draw(case: &mut Case<T>, until: u64, round: u8) {
        let (task, index) = (case.id, case.index);
        let anchor = Self::next_block();
        let phase = Phase::Drawing { anchor, until };
        case.submission.state = SubmissionState::PendingValidation { phase, round };
        Self::deposit_event(Event::DrawPostponed { task, index, anchor, until });
    }

    /// The block after this one, whose hash nobody knows.
    pub(crate) fn next_block() -> BlockNumberFor<T> {
        Self::current_block().saturating_add(One::one())
    }

    fn current_block() -> BlockNumberFor<T> {
        frame_system::Pallet::<T>::block_number()
    }

    /// Seats those drawn: the whole committee, or in the second round the replacements of silent
    /// members, in their places.
    fn seat_members(case: &mut Case<T>, seed: [u8; 32], round: u8) -> DispatchResult {
        let (id, index) = (case.id, case.index);
        let (creator, contributor) = (&case.task.creator, &case.submission.contributor);
        let committee = &mut case.submission.committee;
        let pool: Vec<_> = T::Office::eligible()
            .into_iter()
            .filter(|who| who != creator && who != contributor)
            .filter(|who| committee.iter().all(|seat| seat.member != *who))
            .collect();
        ensure!(!pool.is_empty(), Error::<T>::NoEligibleAggregator);
        let seats = match round {
            0 => draw::odd_seats(pool.len(), case.task.terms.committee_size.into()),
            _ => committee.iter().filter(|seat| seat.is_silent()).count(),
        };
        let members = BoundedVec::truncate_from(draw::draw(seed, pool, seats));
        members.iter().for_each(T::Office::seat);

        let mut drawn = members.iter().cloned();
        for seat in committee.iter_mut().filter(|seat| seat.is_silent()) {
            let replacement = drawn.next();
            let absent = seat.member.clone();
            if let Some(member) = &replacement {
                seat.member = member.clone();
            }
            Self::deposit_event(Event::MemberReplaced { task: id, index, absent, replacement });
        }
        // Seats for which nobody was left; in the first round there are none yet.
        committee.retain(|seat| !seat.is_silent() || members.contains(&seat.member));
        for member in drawn {
            // At most `committee_size` members, which fit.
            let _ = committee.try_push(Seat::new(member));
        }
        let until = case.now.saturating_add(T::AttestationPeriod::get());
        let phase = Phase::Attesting { until };
        case.submission.state = SubmissionState::PendingValidation { phase, round };
        Self::deposit_event(Event::CommitteeDrawn { task: id, index, round, members, until });
        Ok(())
    }

    pub(crate) fn do_attest(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        attestation: Attestation,
    ) -> DispatchResult {
        ensure!(attestation.score <= MAX_SCORE, Error::<T>::InvalidScore);
        ensure!(is_cid(&attestation.report), Error::<T>::InvalidCid);
        let mut case = Case::<T>::load(id, index)?;
        let until = Self::attestation_deadline(&case)?;
        let seat = case
            .submission
            .committee
            .iter_mut()
            .find(|seat| seat.member == who)
            .ok_or(Error::<T>::NotCommitteeMember)?;
        ensure!(seat.is_silent(), Error::<T>::AlreadyAttested);
        ensure!(case.now <= until, Error::<T>::DeadlinePassed);
        let Attestation { verdict, score, report } = attestation.clone();
        seat.attestation = Some(attestation);
        T::Office::relieve(&who);
        let member = who;
        Self::deposit_event(Event::Attested { task: id, index, member, verdict, score, report });

        match (&case.submission.state, &case.submission.fees) {
            (SubmissionState::PendingValidation { .. }, _) => {
                if let Some((verdict, score)) = tally(&case.submission.committee, false) {
                    Self::conclude(&mut case, verdict, score, until)?;
                }
            }
            (_, Fees::Due { source, .. }) => {
                let source = *source;
                Self::pay_fees(&mut case, source)?;
                if case.silent_seats() == 0 {
                    case.submission.fees = Fees::Settled;
                }
            }
            // The creator decides first who pays.
            _ => (),
        }
        case.save();
        Ok(())
    }

    /// Until when members can attest, if they can at all.
    fn attestation_deadline(case: &Case<T>) -> Result<u64, Error<T>> {
        match (&case.submission.state, &case.submission.fees) {
            (SubmissionState::PendingValidation { phase: Phase::Attesting { until }, .. }, _) => {
                Ok(*until)
            }
            (SubmissionState::PendingValidation { .. }, _) => Err(Error::<T>::CommitteeNotReady),
            (SubmissionState::Validated { attest_until, .. }, _) => Ok(*attest_until),
            (_, Fees::Due { until, .. }) => Ok(*until),
            _ => Err(Error::<T>::NotPendingValidation),
        }
    }

    /// Pays every member that attested and has not been paid. Returns how many were.
    pub(crate) fn pay_fees(
        case: &mut Case<T>,
        source: FeeSource,
    ) -> Result<u32, sp_runtime::DispatchError> {
        let amount = case.task.terms.fee;
        let (payer, reason) = match source {
            FeeSource::Escrow => (case.task.creator.clone(), HoldReason::Escrow),
            FeeSource::Bond => (case.submission.contributor.clone(), HoldReason::Bond),
        };
        let (task, index) = (case.id, case.index);
        let mut paid = 0;
        for seat in &mut case.submission.committee {
            if seat.is_silent() || seat.paid {
                continue;
            }
            seat.paid = true;
            paid += 1;
            if amount.is_zero() {
                continue;
            }
            if source == FeeSource::Bond {
                case.submission.bond.saturating_reduce(amount);
            }
            Self::pay(reason, &payer, &seat.member, amount)?;
            let member = seat.member.clone();
            Self::deposit_event(Event::FeePaid { task, index, member, amount, source });
        }
        Ok(paid)
    }

    /// Reports the members that let their deadline pass.
    pub(crate) fn report_absent(case: &Case<T>) {
        let (task, index) = (case.id, case.index);
        for seat in case.submission.committee.iter().filter(|seat| seat.is_silent()) {
            T::Office::report(&seat.member, Misconduct::Absent);
            let member = seat.member.clone();
            Self::deposit_event(Event::MemberAbsent { task, index, member });
        }
    }
}
