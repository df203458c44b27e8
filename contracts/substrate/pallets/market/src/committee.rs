//! Committees: the draw, and the replacement of absent members.

use crate::{
    case::Case, draw, AccountOf, Config, Error, Event, Index, Pallet, Phase, Seat, SubmissionState,
    TaskId,
};
use alloc::vec::Vec;
use frame_support::{dispatch::DispatchResult, ensure, BoundedVec};
use pallet_aggregators::Office;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_draw_committee(id: TaskId, index: Index) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        let SubmissionState::PendingValidation { phase, round } = &case.submission.state else {
            return Err(Error::<T>::NotPendingValidation.into());
        };
        let Phase::Drawing { anchor, until } = *phase else {
            return Err(Error::<T>::CommitteeAlreadyDrawn.into());
        };
        let round = *round;
        ensure!(case.now <= until, Error::<T>::DeadlinePassed);
        let block = frame_system::Pallet::<T>::block_number();
        ensure!(block > anchor, Error::<T>::CommitteeNotReady);
        let hash = frame_system::Pallet::<T>::block_hash(anchor);
        if hash == Default::default() {
            // Forgotten: the chain keeps the hashes of its latest blocks only.
            case.start_draw(until, round);
        } else {
            Self::seat_members(&mut case, draw::seed(hash, id, index, round), round)?;
        }
        case.save();
        Ok(())
    }

    /// Seats those drawn: the whole committee, or in the second round the replacements of absent
    /// members, in their places.
    fn seat_members(case: &mut Case<T>, seed: [u8; 32], round: u8) -> DispatchResult {
        let mut pool = Self::impartial(case);
        let committee = &mut case.submission.committee;
        pool.retain(|who| committee.iter().all(|seat| seat.member != *who));
        ensure!(!pool.is_empty(), Error::<T>::NoEligibleAggregator);
        let seats = match round {
            0 => draw::odd_seats(pool.len(), case.task.terms.committee_size.into()),
            _ => committee.iter().filter(|seat| seat.is_absent()).count(),
        };
        let members = BoundedVec::truncate_from(draw::draw(seed, pool, seats));
        members.iter().for_each(T::Office::seat);
        case.submission.seed.get_or_insert(seed);

        let (task, index) = (case.id, case.index);
        let mut drawn = members.iter().cloned();
        for seat in committee.iter_mut().filter(|seat| seat.is_absent()) {
            let replacement = drawn.next();
            let absent = seat.member.clone();
            if let Some(member) = &replacement {
                *seat = Seat::new(member.clone());
            }
            Self::deposit_event(Event::MemberReplaced { task, index, absent, replacement });
        }
        // Seats for which nobody was left; in the first round there are none yet.
        committee.retain(|seat| seat.on_duty);
        for member in drawn {
            // At most `committee_size` members, which fit.
            let _ = committee.try_push(Seat::new(member));
        }
        let until = Self::open_sealing(case);
        Self::deposit_event(Event::CommitteeDrawn { task, index, round, members, until });
        Ok(())
    }

    /// Those who can be drawn now and are not a party to the submission, in order.
    pub(crate) fn impartial(case: &Case<T>) -> Vec<AccountOf<T>> {
        let (creator, contributor) = (&case.task.creator, &case.submission.contributor);
        let mut pool = T::Office::eligible();
        pool.retain(|who| who != creator && who != contributor);
        pool
    }
}
