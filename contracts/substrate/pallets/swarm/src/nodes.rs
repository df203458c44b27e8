//! Nodes: what they say of themselves, and where they stand.

use crate::{
    meeting::Meeting, terms::is_address, AccountOf, Certificate, Certificates, Config, Error,
    Event, HoldReason, NetAddress, Node, NodeOf, Nodes, Number, Pallet, Presence, SwarmId,
    MISSED_ROUNDS,
};
use codec::MaxEncodedLen;
use frame_support::{dispatch::DispatchResult, ensure};
use sp_io::hashing::sha2_256;
use sp_runtime::Saturating;

impl<T: Config> Pallet<T> {
    /// The node of `who`.
    pub(crate) fn node(id: SwarmId, who: &AccountOf<T>) -> Result<NodeOf<T>, Error<T>> {
        Nodes::<T>::get(id, who).ok_or(Error::<T>::NotRegistered)
    }

    /// Changes the node of `who`, if it has one.
    pub(crate) fn change_node(
        id: SwarmId,
        who: &AccountOf<T>,
        change: impl FnOnce(&mut NodeOf<T>),
    ) {
        Nodes::<T>::mutate(id, who, |node| node.as_mut().map(change));
    }

    pub(crate) fn do_register(
        who: AccountOf<T>,
        id: SwarmId,
        certificate: Certificate,
        address: NetAddress,
        weightage: u8,
        willing: bool,
    ) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        ensure!(!certificate.is_empty(), Error::<T>::BadCertificate);
        ensure!(is_address(&address), Error::<T>::BadAddress);
        let weights = 1..=meeting.swarm.terms.max_weightage;
        ensure!(weights.contains(&weightage), Error::<T>::BadWeightage);
        let identity = sha2_256(&certificate);
        let known = Nodes::<T>::get(id, &who);
        let mut node = match known {
            Some(node) => {
                // The round's leaders, one after another, merge the same.
                let may_weigh = node.weightage == weightage || !meeting.has_arrived(&node);
                ensure!(may_weigh, Error::<T>::RoundUnderWay);
                Node { identity, address, weightage, willing, ..node }
            }
            None => {
                Self::ensure_seated(id, &who)?;
                ensure!(meeting.swarm.closed.is_none(), Error::<T>::SwarmClosed);
                meeting.swarm.nodes.saturating_inc();
                // With its certificate, and its place among candidates.
                let bytes = NodeOf::<T>::max_encoded_len()
                    + Certificate::max_encoded_len()
                    + AccountOf::<T>::max_encoded_len();
                Node {
                    identity,
                    address,
                    weightage,
                    willing,
                    barred: false,
                    presence: Presence::Registered,
                    round: 0,
                    cid: None,
                    arrived: 0,
                    seen: 0,
                    candidate: None,
                    objected: 0,
                    deposit: Self::take_deposit(HoldReason::Node, &who, bytes)?,
                }
            }
        };
        if !willing {
            meeting.withdraw_candidate(&mut node);
        }
        Nodes::<T>::insert(id, &who, node);
        Certificates::<T>::insert(id, &who, certificate);
        meeting.save();
        Self::deposit_event(Event::NodeRegistered { swarm: id, who, identity });
        Ok(())
    }

    pub(crate) fn do_ready(who: AccountOf<T>, id: SwarmId) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        let mut node = Self::node(id, &who)?;
        ensure!(meeting.swarm.closed.is_none(), Error::<T>::SwarmClosed);
        ensure!(node.presence != Presence::Ready, Error::<T>::AlreadyReady);
        meeting.excuse(&mut node);
        meeting.set_presence(&who, &mut node, Presence::Ready);
        Nodes::<T>::insert(id, &who, node);
        meeting.review();
        meeting.save();
        Ok(())
    }

    pub(crate) fn do_mark_absent(id: SwarmId, who: AccountOf<T>) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        let mut node = Self::node(id, &who)?;
        ensure!(node.presence.is_awaited(), Error::<T>::NotReady);
        let ended = meeting.swarm.round.saturating_sub(1);
        let missed = ended.saturating_sub(node.seen);
        ensure!(missed >= MISSED_ROUNDS, Error::<T>::StillPresent);
        meeting.set_presence(&who, &mut node, Presence::Absent);
        Nodes::<T>::insert(id, &who, node);
        meeting.review();
        meeting.save();
        Ok(())
    }

    pub(crate) fn do_finish(who: AccountOf<T>, id: SwarmId, presence: Presence) -> DispatchResult {
        let mut meeting = Meeting::<T>::load(id)?;
        let mut node = Self::node(id, &who)?;
        ensure!(presence.is_an_end(), Error::<T>::BadPresence);
        ensure!(node.presence != Presence::Registered, Error::<T>::NotReady);
        let leads = presence == Presence::Active;
        if leads {
            meeting.excuse(&mut node);
        } else {
            meeting.withdraw_candidate(&mut node);
        }
        meeting.set_presence(&who, &mut node, presence);
        Nodes::<T>::insert(id, &who, node);
        meeting.review();
        if !leads {
            meeting.relieve(&who);
        }
        meeting.save();
        Ok(())
    }
}

impl<T: Config> Meeting<T> {
    /// Has a node that was not waited for have missed nothing so far. One that was there before
    /// has one round left to arrive in: else it could be waited for without ever arriving.
    fn excuse(&self, node: &mut NodeOf<T>) {
        let past = self.latest_past();
        let seen = match node.presence {
            Presence::Registered => past,
            Presence::Ready | Presence::Active => return,
            _ => past.saturating_sub(MISSED_ROUNDS.saturating_sub(1)),
        };
        node.seen = node.seen.max(seen);
    }

    /// The latest round in which nobody new can arrive.
    fn latest_past(&self) -> Number {
        match &self.round {
            Some(round) if !round.is_collecting() => round.number,
            _ => self.swarm.round.saturating_sub(1),
        }
    }

    /// Has another lead if `who` does.
    pub fn relieve(&mut self, who: &AccountOf<T>) {
        if self.round.as_ref().is_some_and(|round| round.is_led_by(who)) {
            self.replace_leader();
        }
    }

    /// Forgets a node. What it brought to the round goes with it.
    pub fn remove_node(&mut self, who: &AccountOf<T>) -> DispatchResult {
        let Some(mut node) = Nodes::<T>::take(self.id, who) else { return Ok(()) };
        Certificates::<T>::remove(self.id, who);
        self.withdraw_candidate(&mut node);
        self.count(&node, None);
        if self.has_arrived(&node) {
            if let Some(round) = &mut self.round {
                round.arrivals.saturating_dec();
            }
        }
        self.swarm.nodes.saturating_dec();
        // There are fewer candidates than nodes: if anything is there, it is of rounds before.
        crate::Candidates::<T>::remove(self.id, self.swarm.nodes);
        Pallet::<T>::give_back(HoldReason::Node, who, node.deposit)?;
        self.review();
        self.relieve(who);
        Ok(())
    }
}
