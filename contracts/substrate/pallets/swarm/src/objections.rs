//! Objections to what a leader published.
//!
//! Who arrived in a model's round can object until it goes on from the model; more than half of them
//! overturn it. Where all who have a model are gone, so few may be left that they cannot. Once nobody
//! has gone on from it for as long as a leader has, any that rounds wait for may object, too, and as
//! many as a round needs overturn it: they could publish another in a round without the rest.

use crate::{meeting::Meeting, AccountOf, Config, Error, Event, Nodes, Number, Pallet, SwarmId};
use frame_support::{dispatch::DispatchResult, ensure};
use sp_runtime::Saturating;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_object(who: AccountOf<T>, id: SwarmId, number: Number) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        let mut node = Self::node(id, &who)?;
        ensure!(meeting.swarm.base() == number && number > 0, Error::<T>::NotNewest);
        let took_part = node.round == number;
        let may_object = took_part || node.presence.is_awaited() && meeting.is_deserted();
        ensure!(may_object, Error::<T>::NotInRound);
        ensure!(node.objected != meeting.swarm.turn, Error::<T>::AlreadyObjected);
        node.objected = meeting.swarm.turn;
        Nodes::<T>::insert(id, &who, node);
        let swarm = &mut meeting.swarm;
        let count = if took_part { &mut swarm.objections } else { &mut swarm.others };
        count.saturating_inc();
        Self::deposit_event(Event::Objected { swarm: id, round: number, who });
        if meeting.is_rejected() {
            meeting.overturn();
        }
        meeting.save();
        Ok(())
    }
}

impl<T: Config> Meeting<T> {
    /// Another model is the newest from now on.
    pub fn turn(&mut self) {
        let swarm = &mut self.swarm;
        (swarm.since, swarm.objections, swarm.others) = (self.now, 0, 0);
        swarm.turn.saturating_inc();
    }

    /// Whether nobody has gone on from the newest model for as long as a leader has.
    fn is_deserted(&self) -> bool {
        let until = self.swarm.since.saturating_add(self.swarm.terms.leader_timeout);
        self.round.is_none() && self.now > until
    }

    /// Whether so many object to the newest model that it has to go.
    pub fn is_rejected(&self) -> bool {
        let swarm = &self.swarm;
        let Some(newest) = &swarm.newest else { return false };
        let all = swarm.objections.saturating_add(swarm.others);
        // They could have a round of their own: snapshots count for its quorum.
        let is_quorum = all > 0 && all.saturating_add(swarm.snapshots) >= swarm.terms.min_peers;
        swarm.objections > newest.arrivals / 2 || self.is_deserted() && is_quorum
    }

    /// Has the model before the newest be the newest again, and the leader of that lead no more.
    /// A round that is under way went on from it, and is void.
    pub fn overturn(&mut self) {
        let swarm = &mut self.swarm;
        let Some(overturned) = core::mem::replace(&mut swarm.newest, swarm.previous.take()) else {
            return;
        };
        self.turn();
        Pallet::<T>::change_node(self.id, &overturned.leader, |node| node.barred = true);
        let (swarm, round) = (self.id, overturned.round);
        Pallet::<T>::deposit_event(Event::MergedOverturned { swarm, round });
        self.void();
    }
}
