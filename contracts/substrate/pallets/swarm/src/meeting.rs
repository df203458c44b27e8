//! A swarm with its round, as a call works on them.

use crate::{
    AccountOf, Config, Error, Event, Lateness, Millis, NodeOf, Pallet, Presence, RoundOf, Rounds,
    Stage, SwarmId, SwarmOf, Swarms,
};
use frame_support::traits::{Get, Time};
use sp_runtime::Saturating;

/// A swarm and the round that is under way, if one is, loaded at `now`. Changes last once
/// [`Meeting::save`]d.
pub(crate) struct Meeting<T: Config> {
    pub id: SwarmId,
    pub swarm: SwarmOf<T>,
    pub round: Option<RoundOf<T>>,
    pub now: Millis,
}

impl<T: Config> Meeting<T> {
    /// Reads them.
    pub fn load(id: SwarmId) -> Result<Self, Error<T>> {
        let swarm = Pallet::<T>::swarm(id)?;
        Ok(Meeting { id, swarm, round: Rounds::<T>::get(id), now: T::Time::now() })
    }

    /// Writes them back.
    pub fn save(self) {
        Swarms::<T>::insert(self.id, self.swarm);
        Rounds::<T>::set(self.id, self.round);
    }

    /// Whether a node arrived in the round that is under way.
    pub fn has_arrived(&self, node: &NodeOf<T>) -> bool {
        self.round.as_ref().is_some_and(|round| round.number == node.round)
    }

    /// Has a node stand somewhere else, and tells.
    pub fn set_presence(&mut self, who: &AccountOf<T>, node: &mut NodeOf<T>, presence: Presence) {
        self.count(node, Some(presence));
        node.presence = presence;
        let (swarm, who) = (self.id, who.clone());
        Pallet::<T>::deposit_event(Event::PresenceChanged { swarm, who, presence });
    }

    /// Counts a node among those that rounds wait for, or merge without waiting: as what it is
    /// from now on, or not at all.
    pub fn count(&mut self, node: &NodeOf<T>, after: Option<Presence>) {
        let has_arrived = self.has_arrived(node);
        let mut round = self.round.as_mut().filter(|_| !has_arrived);
        let waiting = round.as_mut().map(|round| &mut round.waiting);
        let is_awaited = after.is_some_and(Presence::is_awaited);
        shift(node.presence.is_awaited(), is_awaited, Some(&mut self.swarm.present));
        shift(node.presence.is_awaited(), is_awaited, waiting);
        // What a round merges is settled with its collection.
        let snapshots =
            round.filter(|round| round.is_collecting()).map(|round| &mut round.snapshots);
        let is_merged = |presence: Presence| presence.is_merged() && node.cid.is_some();
        let (was_merged, is_merged) = (is_merged(node.presence), after.is_some_and(is_merged));
        shift(was_merged, is_merged, Some(&mut self.swarm.snapshots));
        shift(was_merged, is_merged, snapshots);
    }

    /// Does to the round what follows from who is there and who is waited for: a deadline, the end
    /// of its collection, or its own.
    pub fn review(&mut self) {
        let (terms, closed) = (&self.swarm.terms, self.swarm.closed.is_some());
        let Some(round) = &mut self.round else { return };
        let has_quorum = round.has_quorum(terms.min_peers);
        match &mut round.stage {
            Stage::Collecting { deadline } if !has_quorum && round.arrivals > 0 && !closed => {
                *deadline = None;
            }
            _ if !has_quorum => self.void(),
            Stage::Collecting { .. } if round.waiting == 0 => self.collect(),
            Stage::Collecting { deadline } if deadline.is_none() => {
                *deadline = Some(crate::deadline::deadline(
                    round.opened,
                    self.now,
                    &Lateness::<T>::get(self.id),
                    terms.spread,
                    T::MinimumWait::get(),
                    terms.quorum_wait,
                ));
            }
            _ => (),
        }
    }

    /// Ends the round's collection: the hash of this block, which nobody knows yet, draws a leader.
    pub fn collect(&mut self) {
        let Some(round) = &mut self.round else { return };
        let anchor = frame_system::Pallet::<T>::block_number();
        round.stage = Stage::Drawing { anchor };
        let (swarm, round, arrivals) = (self.id, round.number, round.arrivals);
        Pallet::<T>::deposit_event(Event::RoundCollected { swarm, round, arrivals, anchor });
    }

    /// Ends the round without a model.
    pub fn void(&mut self) {
        let Some(round) = self.round.take() else { return };
        self.swarm.round.saturating_inc();
        let (swarm, round) = (self.id, round.number);
        Pallet::<T>::deposit_event(Event::RoundVoided { swarm, round });
    }
}

/// Moves a count by one, where something has become so or is so no longer.
fn shift(was: bool, is: bool, count: Option<&mut u32>) {
    let Some(count) = count else { return };
    match (was, is) {
        (false, true) => count.saturating_inc(),
        (true, false) => count.saturating_dec(),
        _ => (),
    }
}
