//! Who can be drawn as leader: a list without gaps, from which any place can be taken at once.

use crate::{meeting::Meeting, AccountOf, Candidates, Config, NodeOf, Pallet, RoundOf, SwarmId};
use sp_runtime::Saturating;

impl<T: Config> Meeting<T> {
    /// Enters a node that arrived in the round and is willing to lead.
    pub fn enter_candidate(&mut self, who: &AccountOf<T>, node: &mut NodeOf<T>) {
        node.candidate = None;
        let Some(round) = self.round.as_mut().filter(|_| node.willing && !node.barred) else {
            return;
        };
        Candidates::<T>::insert(self.id, round.candidates, who);
        node.candidate = Some(round.candidates);
        round.candidates.saturating_inc();
    }

    /// Takes a node out that does not stand any more.
    pub fn withdraw_candidate(&mut self, node: &mut NodeOf<T>) {
        let has_arrived = self.has_arrived(node);
        let (Some(place), Some(round)) = (node.candidate.take(), &mut self.round) else { return };
        if has_arrived {
            take::<T>(self.id, round, place);
        }
    }
}

/// Takes who is at `place`; the last one takes its place. The node's own record is the caller's.
pub(crate) fn take<T: Config>(
    id: SwarmId,
    round: &mut RoundOf<T>,
    place: u32,
) -> Option<AccountOf<T>> {
    let taken = Candidates::<T>::take(id, place);
    round.candidates.saturating_dec();
    if place != round.candidates {
        if let Some(last) = Candidates::<T>::take(id, round.candidates) {
            Pallet::<T>::change_node(id, &last, |node| node.candidate = Some(place));
            Candidates::<T>::insert(id, place, last);
        }
    }
    taken
}
