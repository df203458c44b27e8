//! Swarms: made, changed, closed and forgotten.

use crate::{
    meeting::Meeting, AccountOf, Config, Error, Event, HoldReason, Lateness, Memory, NextSwarm,
    Pallet, RoundOf, Stage, Swarm, SwarmId, SwarmOf, Swarms, TermsOf,
};
use codec::MaxEncodedLen;
use frame_support::{dispatch::DispatchResult, ensure};
use sp_runtime::Saturating;

impl<T: Config> Pallet<T> {
    /// Swarm `id`.
    pub(crate) fn swarm(id: SwarmId) -> Result<SwarmOf<T>, Error<T>> {
        Swarms::<T>::get(id).ok_or(Error::<T>::UnknownSwarm)
    }

    /// Swarm `id`, if it is `owner`'s.
    pub(crate) fn owned(id: SwarmId, owner: &AccountOf<T>) -> Result<SwarmOf<T>, Error<T>> {
        let swarm = Self::swarm(id)?;
        ensure!(swarm.owner == *owner, Error::<T>::NotOwner);
        Ok(swarm)
    }

    pub(crate) fn do_create(owner: AccountOf<T>, terms: TermsOf<T>) -> DispatchResult {
        Self::ensure_sound(&terms)?;
        // With its round, and what it remembers.
        let bytes = SwarmOf::<T>::max_encoded_len()
            + RoundOf::<T>::max_encoded_len()
            + Memory::max_encoded_len();
        let deposit = Self::take_deposit(HoldReason::Swarm, &owner, bytes)?;
        let id = NextSwarm::<T>::mutate(|next| {
            let id = *next;
            next.saturating_inc();
            id
        });
        let swarm = Swarm {
            owner: owner.clone(),
            terms,
            seats: 0,
            nodes: 0,
            present: 0,
            snapshots: 0,
            round: 1,
            newest: None,
            previous: None,
            since: 0,
            turn: 0,
            objections: 0,
            others: 0,
            closed: None,
            deposit,
        };
        Swarms::<T>::insert(id, swarm);
        Self::deposit_event(Event::SwarmCreated { swarm: id, owner });
        Ok(())
    }

    pub(crate) fn do_set_terms(
        owner: AccountOf<T>,
        id: SwarmId,
        terms: TermsOf<T>,
    ) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        ensure!(meeting.swarm.owner == owner, Error::<T>::NotOwner);
        ensure!(meeting.swarm.closed.is_none(), Error::<T>::SwarmClosed);
        Self::ensure_sound(&terms)?;
        ensure!(meeting.swarm.seats <= terms.max_peers, Error::<T>::SeatsAboveLimit);
        if let Some(round) = &meeting.round {
            // One that waits for more than there are might wait for ever.
            let waits = matches!(round.stage, Stage::Collecting { deadline: None });
            ensure!(waits, Error::<T>::RoundUnderWay);
            meeting.void();
        }
        meeting.swarm.terms = terms;
        meeting.save();
        Self::deposit_event(Event::SwarmChanged { swarm: id });
        Ok(())
    }

    pub(crate) fn do_close(owner: AccountOf<T>, id: SwarmId) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        ensure!(meeting.swarm.owner == owner, Error::<T>::NotOwner);
        ensure!(meeting.swarm.closed.is_none(), Error::<T>::SwarmClosed);
        meeting.swarm.closed = Some(meeting.now);
        Self::deposit_event(Event::SwarmClosed { swarm: id });
        meeting.review();
        meeting.save();
        Ok(())
    }

    pub(crate) fn do_remove(id: SwarmId) -> DispatchResult {
        let swarm = Self::swarm(id)?;
        ensure!(swarm.closed.is_some(), Error::<T>::NotClosed);
        ensure!(swarm.seats == 0, Error::<T>::SeatsLeft);
        Swarms::<T>::remove(id);
        Lateness::<T>::remove(id);
        Self::give_back(HoldReason::Swarm, &swarm.owner, swarm.deposit)?;
        Self::deposit_event(Event::SwarmRemoved { swarm: id });
        Ok(())
    }
}
