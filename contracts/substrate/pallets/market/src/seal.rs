//! Sealed results: handing the key to a panel, and releasing it to the creator.

use crate::{
    case::Case, AccountOf, Config, Error, Event, Index, Pallet, Parties, Phase, SubmissionState,
    TaskId, Window, Wrap, WrapsOf,
};
use frame_support::{dispatch::DispatchResult, ensure};
use sp_io::hashing::blake2_256;

impl<T: Config> Pallet<T> {
    /// Gives the members that wait for it the key, all in one call, so that a contributor cannot
    /// choose who judges.
    pub(crate) fn do_hand_key(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        wraps: WrapsOf<T>,
    ) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        ensure!(who == case.submission.contributor, Error::<T>::NotAssigned);
        let Phase::Sealing { until } = *case.phase().map_err(|_| Error::<T>::NotSealing)? else {
            return Err(Error::<T>::NotSealing.into());
        };
        ensure!(case.now <= until, Error::<T>::DeadlinePassed);
        let mut members = Parties::default();
        for (member, wrap) in wraps {
            let seat = case
                .panel_mut()
                .iter_mut()
                .find(|seat| seat.member == member && seat.wrap.is_none())
                .ok_or(Error::<T>::WrongRecipient)?;
            seat.wrap = Some(wrap);
            // At most as many as were given, which fit.
            let _ = members.try_push(member);
        }
        ensure!(case.panel().iter().all(|seat| seat.wrap.is_some()), Error::<T>::WrapMissing);
        Self::deposit_event(Event::KeyHanded { task: id, index, members });
        Self::open_committing(&mut case);
        case.save();
        Ok(())
    }

    /// Shows the creator the key of an accepted result, which pays everybody.
    pub(crate) fn do_release_key(
        who: AccountOf<T>,
        id: TaskId,
        index: Index,
        wrap: Wrap,
    ) -> DispatchResult {
        let mut case = Case::<T>::load(id, index)?;
        let (finding, until) = match case.submission.state {
            SubmissionState::Validated { finding, window: Window::Release { until } } => {
                (finding, until)
            }
            _ => return Err(Error::<T>::NotReleasing.into()),
        };
        ensure!(Self::knows_key(&case, &who), Error::<T>::NotParty);
        let seal = case.submission.work.as_ref().and_then(|work| work.seal);
        let release = seal.ok_or(Error::<T>::NotReleasing)?.release;
        ensure!(blake2_256(&wrap) == release, Error::<T>::WrongKey);
        ensure!(case.now <= until, Error::<T>::DeadlinePassed);
        case.submission.key = Some(wrap);
        Self::deposit_event(Event::KeyReleased { task: id, index, by: who, wrap });
        Self::accept(&mut case, finding)?;
        case.save();
        Ok(())
    }

    /// Whether `who` was handed the key, or made it.
    fn knows_key(case: &Case<T>, who: &AccountOf<T>) -> bool {
        let jury = case.appeal.iter().flat_map(|appeal| appeal.jury.iter());
        *who == case.submission.contributor
            || case.submission.committee.iter().chain(jury).any(|seat| seat.member == *who)
    }
}
