//! The invariants, checked over the whole state.

use crate::{
    AccountOf, BalanceOf, Candidates, Certificates, Config, HoldReason, Lateness, NodeOf, Nodes,
    Pallet, RoundOf, Rounds, Seats, Stage, SwarmId, SwarmOf, Swarms,
};
use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::InspectHold as _};
use sp_io::hashing::sha2_256;
use sp_runtime::{traits::Zero, Saturating, TryRuntimeError};

/// What should be held from accounts.
type Owed<T> = BTreeMap<AccountOf<T>, BalanceOf<T>>;
/// The nodes of a swarm.
type Members<T> = BTreeMap<AccountOf<T>, NodeOf<T>>;

/// What should be held, by reason.
struct Ledger<T: Config> {
    swarms: Owed<T>,
    seats: Owed<T>,
    nodes: Owed<T>,
    prices: Owed<T>,
}

impl<T: Config> Pallet<T> {
    /// Every hold is what is owed, and every count is what it counts.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut ledger = Ledger::<T> {
            swarms: BTreeMap::new(),
            seats: BTreeMap::new(),
            nodes: BTreeMap::new(),
            prices: BTreeMap::new(),
        };
        for (id, swarm) in Swarms::<T>::iter() {
            ledger.enter(id, &swarm)?;
            let members: Members<T> = Nodes::<T>::iter_prefix(id).collect();
            ensure_members::<T>(id, &swarm, &members)?;
            ensure_models::<T>(&swarm)?;
            if let Some(round) = Rounds::<T>::get(id) {
                ensure_round::<T>(&swarm, &round, &members)?;
                ensure_candidates::<T>(id, &round, &members)?;
            }
        }
        ensure_of_known_swarms::<T>()?;
        ledger.ensure_held()
    }
}

/// Who is a member is what the swarm says.
fn ensure_members<T: Config>(
    id: SwarmId,
    swarm: &SwarmOf<T>,
    members: &Members<T>,
) -> Result<(), TryRuntimeError> {
    let seats = Seats::<T>::iter_key_prefix(id).count() as u32;
    ensure!(seats == swarm.seats, "seats are not as many as were counted");
    ensure!(seats <= swarm.terms.max_peers, "there are more seats than the terms allow");
    ensure!(members.len() as u32 == swarm.nodes, "nodes are not as many as were counted");
    let awaited = members.values().filter(|node| node.presence.is_awaited()).count() as u32;
    ensure!(awaited == swarm.present, "nodes present are not as many as were counted");
    let snapshots = members.values().filter(|node| is_snapshot(node)).count() as u32;
    ensure!(snapshots == swarm.snapshots, "snapshots are not as many as were counted");
    let current = Rounds::<T>::contains_key(id);
    for (who, node) in members {
        ensure!(Seats::<T>::contains_key(id, who), "a node has no seat");
        let certificate = Certificates::<T>::get(id, who).ok_or("a node has no certificate")?;
        ensure!(node.identity == sha2_256(&certificate), "an identity is another certificate's");
        ensure!(node.round <= swarm.round, "a node arrived in a round to come");
        ensure!(current || node.round < swarm.round, "a node arrived in no round");
        ensure!(node.seen >= node.round, "a node did not see where it arrived");
        ensure!(node.cid.is_some() == (node.round > 0), "a node has no update, or arrived nowhere");
    }
    let certificates = Certificates::<T>::iter_key_prefix(id).count();
    ensure!(certificates == members.len(), "there are certificates without nodes");
    for (place, _) in Candidates::<T>::iter_prefix(id) {
        ensure!(place < swarm.nodes, "a place among candidates outlives its node");
    }
    Ok(())
}

fn is_snapshot<Balance>(node: &crate::Node<Balance>) -> bool {
    node.presence.is_merged() && node.cid.is_some()
}

/// What was published is of rounds that were.
fn ensure_models<T: Config>(swarm: &SwarmOf<T>) -> Result<(), TryRuntimeError> {
    ensure!(swarm.round > swarm.base(), "the newest model is of a round to come");
    let of = |merged: &Option<_>| merged.as_ref().map(|merged: &crate::MergedOf<T>| merged.round);
    ensure!(
        swarm.previous.is_none() || of(&swarm.previous) < of(&swarm.newest),
        "the previous model is newer than the newest"
    );
    let voters = swarm.newest.as_ref().map_or(0, |merged| merged.arrivals);
    ensure!(swarm.objections <= voters / 2, "the newest model should be overturned");
    Ok(())
}

/// A round counts its nodes, and stands where they have brought it.
fn ensure_round<T: Config>(
    swarm: &SwarmOf<T>,
    round: &RoundOf<T>,
    members: &Members<T>,
) -> Result<(), TryRuntimeError> {
    ensure!(round.number == swarm.round, "another round is under way");
    let has_arrived = |node: &&NodeOf<T>| node.round == round.number;
    let arrivals = members.values().filter(has_arrived).count() as u32;
    ensure!(arrivals == round.arrivals, "arrivals are not as many as were counted");
    let is_missed = |node: &&NodeOf<T>| node.presence.is_awaited() && !has_arrived(node);
    let waiting = members.values().filter(is_missed).count() as u32;
    ensure!(waiting == round.waiting, "a round waits for more or fewer than it thinks");
    let has_quorum = round.has_quorum(swarm.terms.min_peers);
    if round.is_collecting() {
        let standing = |node: &&NodeOf<T>| is_snapshot(node) && !has_arrived(node);
        let snapshots = members.values().filter(standing).count() as u32;
        ensure!(snapshots == round.snapshots, "a round merges more or fewer snapshots");
    }
    match &round.stage {
        Stage::Collecting { deadline } => {
            ensure!(arrivals > 0, "a round is open for nobody");
            ensure!(deadline.is_some() == has_quorum, "a deadline without a quorum, or none");
            ensure!(!has_quorum || waiting > 0, "a round waits for nobody");
            ensure!(swarm.closed.is_none() || has_quorum, "a closed swarm waits for more arrivals");
        }
        Stage::Drawing { .. } => ensure!(has_quorum, "a leader is drawn for too few"),
        Stage::Merging { leader, .. } => {
            ensure!(has_quorum, "too few are merged");
            let node = members.get(leader).ok_or("the leader has no node")?;
            ensure!(has_arrived(&node), "the leader has not arrived");
            ensure!(node.candidate.is_none(), "the leader is a candidate");
            ensure!(node.presence.may_arrive(), "the leader has ended its training");
        }
    }
    Ok(())
}

/// Candidates and their places are the same.
fn ensure_candidates<T: Config>(
    id: SwarmId,
    round: &RoundOf<T>,
    members: &Members<T>,
) -> Result<(), TryRuntimeError> {
    let stands = |node: &&NodeOf<T>| node.round == round.number && node.candidate.is_some();
    let standing = members.values().filter(stands).count() as u32;
    ensure!(standing == round.candidates, "candidates are not as many as were counted");
    for place in 0..round.candidates {
        let who = Candidates::<T>::get(id, place).ok_or("a place among candidates is empty")?;
        let node = members.get(&who).ok_or("a candidate has no node")?;
        let is_there = node.candidate == Some(place) && node.round == round.number;
        ensure!(is_there, "a candidate has another place");
        ensure!(node.willing && !node.barred, "a candidate may not lead");
        ensure!(node.presence.may_arrive(), "a candidate has ended its training");
    }
    Ok(())
}

impl<T: Config> Ledger<T> {
    fn enter(&mut self, id: SwarmId, swarm: &SwarmOf<T>) -> Result<(), TryRuntimeError> {
        owe::<T>(&mut self.swarms, &swarm.owner, swarm.deposit);
        for (who, seat) in Seats::<T>::iter_prefix(id) {
            ensure!(seat.paid.is_zero() || seat.payer == who, "a seat was paid by another");
            owe::<T>(&mut self.seats, &seat.payer, seat.deposit);
            if seat.due.is_some() {
                ensure!(!seat.paid.is_zero(), "nothing is on hold for a seat");
                owe::<T>(&mut self.prices, &who, seat.paid);
            }
        }
        for (who, node) in Nodes::<T>::iter_prefix(id) {
            owe::<T>(&mut self.nodes, &who, node.deposit);
        }
        Ok(())
    }

    /// Compares with what is held.
    fn ensure_held(mut self) -> Result<(), TryRuntimeError> {
        for who in frame_system::Account::<T>::iter_keys() {
            for (reason, owed) in [
                (HoldReason::Swarm, &mut self.swarms),
                (HoldReason::Seat, &mut self.seats),
                (HoldReason::Node, &mut self.nodes),
                (HoldReason::Price, &mut self.prices),
            ] {
                let held = T::Currency::balance_on_hold(&reason.into(), &who);
                let owed = owed.remove(&who).unwrap_or_default();
                ensure!(held == owed, "a hold is not what is owed");
            }
        }
        let all = [self.swarms, self.seats, self.nodes, self.prices];
        let lost = all.into_iter().any(|owed| !owed.is_empty());
        ensure!(!lost, "what is owed is not held");
        Ok(())
    }
}

/// Nothing is stored of swarms that are gone.
fn ensure_of_known_swarms<T: Config>() -> Result<(), TryRuntimeError> {
    let ids = Seats::<T>::iter_keys()
        .map(|key| key.0)
        .chain(Nodes::<T>::iter_keys().map(|key| key.0))
        .chain(Certificates::<T>::iter_keys().map(|key| key.0))
        .chain(Candidates::<T>::iter_keys().map(|key| key.0))
        .chain(Rounds::<T>::iter_keys())
        .chain(Lateness::<T>::iter_keys());
    for id in ids {
        ensure!(Swarms::<T>::contains_key(id), "something is stored of a swarm that is gone");
    }
    Ok(())
}

fn owe<T: Config>(owed: &mut Owed<T>, who: &AccountOf<T>, amount: BalanceOf<T>) {
    owed.entry(who.clone()).or_default().saturating_accrue(amount);
}
