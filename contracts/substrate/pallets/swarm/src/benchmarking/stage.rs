//! The stage of the benchmarks: texts as long, and a memory as full, as there can be.

use crate::{
    draw, AccountOf, Admission, BalanceOf, Certificate, Cid, Config, Lateness, LeftOutOf,
    MergeMethod, Millis, NetAddress, Nodes, Number, Pallet, Rounds, Stage as Standing, SwarmId,
    SwarmOf, Swarms, Terms, TermsOf, MAX_ADDRESS, MAX_CERTIFICATE, MAX_LEFT_OUT, MEMORY,
    MISSED_ROUNDS,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::account;
use frame_support::{
    traits::{fungible::Mutate as _, Get},
    BoundedVec,
};
use frame_system::{pallet_prelude::OriginFor, RawOrigin};
use sp_runtime::{
    traits::{Hash, One},
    Saturating,
};

/// A runtime whose clock can be set.
pub trait Stage: Config + pallet_timestamp::Config<Moment = Millis> {}

impl<T> Stage for T where T: Config + pallet_timestamp::Config<Moment = Millis> {}

pub const START: Millis = 1_800_000_000_000;
/// The swarm.
pub const SWARM: SwarmId = 0;
/// So many that one who leaves is hardly the last.
pub const MEMBERS: u32 = 16;

pub fn cid() -> Cid {
    let mut text = vec![b'a'; 64];
    text[0] = b'b';
    BoundedVec::truncate_from(text)
}

pub fn certificate() -> Certificate {
    BoundedVec::truncate_from(vec![1; MAX_CERTIFICATE as usize])
}

pub fn address() -> NetAddress {
    let mut text = vec![b'a'; MAX_ADDRESS as usize];
    text[120..122].copy_from_slice(b":1");
    text.truncate(122);
    BoundedVec::truncate_from(text)
}

pub fn left_out<T: Config>(count: u32) -> LeftOutOf<T> {
    let faults = (0..count.min(MAX_LEFT_OUT))
        .map(|number| (account("left out", number, 0), crate::Fault::Unreachable));
    BoundedVec::truncate_from(faults.collect::<Vec<_>>())
}

pub fn by<T: Config>(who: &AccountOf<T>) -> OriginFor<T> {
    RawOrigin::Signed(who.clone()).into()
}

pub fn price<T: Config>() -> BalanceOf<T> {
    T::DepositBase::get()
}

pub fn rich<T: Stage>(name: &'static str, number: u32) -> AccountOf<T> {
    let who = account(name, number, 0);
    let each = T::DepositBase::get().saturating_add(T::DepositPerByte::get());
    T::Currency::set_balance(&who, each.saturating_mul(1_000_000u32.into()));
    who
}

pub fn owner<T: Config>() -> AccountOf<T> {
    account("owner", 0, 0)
}

pub fn member<T: Config>(number: u32) -> AccountOf<T> {
    account("member", number, 0)
}

pub fn set_time<T: Stage>(now: Millis) {
    pallet_timestamp::Now::<T>::put(now);
}

pub fn terms<T: Config>(min_peers: u32) -> TermsOf<T> {
    Terms {
        config: cid(),
        merge: MergeMethod::GeoMedian,
        min_peers,
        max_peers: T::MaxPeers::get(),
        admission: Admission::Sale,
        price: price::<T>(),
        quorum_wait: T::MinimumWait::get(),
        leader_timeout: T::MinimumWait::get(),
        spread: 30,
        max_weightage: crate::MAX_WEIGHTAGE,
    }
}

pub fn swarm<T: Config>() -> SwarmOf<T> {
    Swarms::<T>::get(SWARM).expect("there is one")
}

/// A swarm that remembers much, with so large a quorum.
pub fn create<T: Stage>(min_peers: u32) {
    set_time::<T>(START);
    frame_system::Pallet::<T>::set_block_number(One::one());
    let owner = rich::<T>("owner", 0);
    Pallet::<T>::create(by::<T>(&owner), terms::<T>(min_peers)).expect("it can pay");
    let late: Vec<_> = (0..MEMORY).map(|number| number.wrapping_mul(7_919) % 1_000).collect();
    Lateness::<T>::insert(SWARM, BoundedVec::truncate_from(late));
}

pub fn register<T: Stage>(who: &AccountOf<T>, willing: bool) {
    Pallet::<T>::register(by::<T>(who), SWARM, certificate(), address(), 100, willing)
        .expect("it has a seat");
}

pub fn join<T: Stage>(number: u32) -> AccountOf<T> {
    let who = rich::<T>("member", number);
    Pallet::<T>::take_seat(by::<T>(&who), SWARM, price::<T>()).expect("it can pay");
    register::<T>(&who, true);
    Pallet::<T>::ready(by::<T>(&who), SWARM).expect("it is registered");
    who
}

pub fn arrive<T: Stage>(who: &AccountOf<T>) {
    let swarm = swarm::<T>();
    Pallet::<T>::arrive(by::<T>(who), SWARM, swarm.round, swarm.base(), cid())
        .expect("it is ready");
}

pub fn let_prices_be_due<T: Stage>() {
    set_time::<T>(START + T::PriceWait::get());
}

/// The owner has the price of the seat of `who`.
pub fn collect<T: Stage>(who: &AccountOf<T>) {
    let_prices_be_due::<T>();
    Pallet::<T>::collect_price(by::<T>(who), SWARM, who.clone()).expect("it is due");
}

/// As many have arrived as make a quorum; there are that many nodes, and so many more.
pub fn arrived<T: Stage>(count: u32, more: u32) {
    create::<T>(count);
    let members: Vec<_> = (0..count).map(join::<T>).collect();
    (count..count + more).for_each(|number| {
        join::<T>(number);
    });
    members.iter().for_each(arrive::<T>);
}

/// The round's leader, drawn among [`MEMBERS`].
pub fn led<T: Stage>() -> AccountOf<T> {
    arrived::<T>(MEMBERS, 0);
    later::<T>();
    draw::<T>()
}

/// Has the latest block a hash, and begins another. Neither the first leader that it draws among
/// [`MEMBERS`] nor the second is the last candidate, so that another takes its place.
pub fn later<T: Stage>() {
    let block = frame_system::Pallet::<T>::block_number();
    let moves = |hash: T::Hash, attempt: u32| {
        let candidates = MEMBERS - attempt;
        draw::place(hash, SWARM, 1, attempt, candidates) + 1 < candidates
    };
    let anchor = (0u32..)
        .map(|number| T::Hashing::hash_of(&number))
        .find(|hash| moves(*hash, 0) && moves(*hash, 1))
        .expect("most do");
    frame_system::BlockHash::<T>::insert(block, anchor);
    frame_system::Pallet::<T>::set_block_number(block + One::one());
}

pub fn draw<T: Stage>() -> AccountOf<T> {
    Pallet::<T>::advance(by::<T>(&owner::<T>()), SWARM).expect("the anchor has a hash");
    match Rounds::<T>::get(SWARM).map(|round| round.stage) {
        Some(Standing::Merging { leader, .. }) => leader,
        _ => panic!("there are candidates"),
    }
}

/// The quorum is smaller by one, so that the round goes on without one of its nodes.
pub fn relax<T: Config>() {
    Swarms::<T>::mutate_extant(SWARM, |swarm| swarm.terms.min_peers = MEMBERS - 1);
}

/// Two models were published.
pub fn published<T: Stage>() -> AccountOf<T> {
    let leader = led::<T>();
    publish::<T>(&leader);
    (0..MEMBERS).for_each(|number| arrive::<T>(&member::<T>(number)));
    later::<T>();
    let leader = draw::<T>();
    publish::<T>(&leader);
    leader
}

pub fn publish<T: Stage>(leader: &AccountOf<T>) {
    let (round, none) = (swarm::<T>().round, left_out::<T>(0));
    Pallet::<T>::publish(by::<T>(leader), SWARM, round, cid(), MEMBERS, none)
        .expect("it is the leader");
}

/// So many rounds go by that who was not there is absent.
pub fn let_rounds_pass<T: Config>() {
    Swarms::<T>::mutate_extant(SWARM, |swarm| swarm.round += MISSED_ROUNDS);
}

/// Has `who` be marked as absent.
pub fn be_absent<T: Config>(who: &AccountOf<T>) {
    Pallet::<T>::change_node(SWARM, who, |node| node.presence = crate::Presence::Absent);
}

pub fn arrivals<T: Config>() -> Option<u32> {
    Rounds::<T>::get(SWARM).map(|round| round.arrivals)
}

/// The last round in which `who` arrived.
pub fn round_of<T: Config>(who: &AccountOf<T>) -> Number {
    Nodes::<T>::get(SWARM, who).map_or(0, |node| node.round)
}

#[cfg(test)]
pub fn empty() -> sp_io::TestExternalities {
    use sp_runtime::BuildStorage;
    let genesis = frame_system::GenesisConfig::<crate::mock::Test>::default();
    genesis.build_storage().unwrap().into()
}
