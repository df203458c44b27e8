//! Objections to what a leader published.

use crate::{meeting::Meeting, AccountOf, Config, Error, Event, Nodes, Number, Pallet, SwarmId};
use frame_support::{dispatch::DispatchResult, ensure};
use sp_runtime::Saturating;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_object(who: AccountOf<T>, id: SwarmId, number: Number) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        let mut node = Self::node(id, &who)?;
        let newest = meeting.swarm.newest.as_ref().filter(|merged| merged.round == number);
        let arrivals = newest.ok_or(Error::<T>::NotNewest)?.arrivals;
        ensure!(node.round == number, Error::<T>::NotInRound);
        ensure!(node.objected != number, Error::<T>::AlreadyObjected);
        node.objected = number;
        Nodes::<T>::insert(id, &who, node);
        meeting.swarm.objections.saturating_inc();
        Self::deposit_event(Event::Objected { swarm: id, round: number, who });
        if meeting.swarm.objections > arrivals / 2 {
            meeting.overturn();
        }
        meeting.save();
        Ok(())
    }
}

impl<T: Config> Meeting<T> {
    /// Has the model before the newest be the newest again, and the leader of that lead no more.
    /// A round that is under way went on from it, and is void.
    fn overturn(&mut self) {
        let swarm = &mut self.swarm;
        let Some(overturned) = core::mem::replace(&mut swarm.newest, swarm.previous.take()) else {
            return;
        };
        swarm.objections = 0;
        Pallet::<T>::change_node(self.id, &overturned.leader, |node| node.willing = false);
        let (swarm, round) = (self.id, overturned.round);
        Pallet::<T>::deposit_event(Event::MergedOverturned { swarm, round });
        self.void();
    }
}
