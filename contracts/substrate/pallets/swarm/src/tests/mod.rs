//! Tests, by what they are about; here what they share.

mod closing;
mod deadline;
mod draw;
mod errors;
mod failures;
mod nodes;
mod objections;
mod presence;
mod prices;
mod rounds;
mod seats;
mod stateful;
mod swarms;

pub(super) use crate::{mock::*, *};
pub(super) use frame_support::{
    assert_noop, assert_ok,
    traits::fungible::{Inspect, InspectHold},
};
pub(super) use sp_runtime::{DispatchError, DispatchResult};

pub(super) const OWNER: AccountId = 50;
/// Who is nobody in particular.
pub(super) const ANYONE: AccountId = 60;
pub(super) const WAIT: Millis = 30_000;
pub(super) const TIMEOUT: Millis = 60_000;
pub(super) const SWARM: SwarmId = 0;

pub(super) fn cid(name: &str) -> Cid {
    format!("bafy{name}").into_bytes().try_into().unwrap()
}

pub(super) fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

/// Two to eight peers, open to all.
pub(super) fn terms() -> TermsOf<Test> {
    Terms {
        config: cid("config"),
        merge: MergeMethod::Mean,
        min_peers: 2,
        max_peers: 8,
        admission: Admission::Open,
        price: 0,
        quorum_wait: WAIT,
        leader_timeout: TIMEOUT,
        spread: 30,
        max_weightage: 50,
    }
}

pub(super) fn quorum_of(min_peers: u32) -> TermsOf<Test> {
    Terms { min_peers, ..terms() }
}

/// The first swarm of the chain, with these terms.
pub(super) fn create(terms: TermsOf<Test>) {
    assert_ok!(Hive::create(signed(OWNER), terms));
}

pub(super) fn swarm() -> SwarmOf<Test> {
    Swarms::<Test>::get(SWARM).unwrap()
}

pub(super) fn round() -> RoundOf<Test> {
    Rounds::<Test>::get(SWARM).unwrap()
}

pub(super) fn node(who: AccountId) -> NodeOf<Test> {
    Nodes::<Test>::get(SWARM, who).unwrap()
}

pub(super) fn presence(who: AccountId) -> Presence {
    node(who).presence
}

pub(super) fn certificate(who: AccountId) -> Certificate {
    vec![who as u8; 600].try_into().unwrap()
}

pub(super) fn address() -> NetAddress {
    b"10.0.0.7:4433".to_vec().try_into().unwrap()
}

pub(super) fn take_seat(who: AccountId) -> DispatchResult {
    Hive::take_seat(signed(who), SWARM, 0)
}

pub(super) fn register(who: AccountId, willing: bool) -> DispatchResult {
    Hive::register(signed(who), SWARM, certificate(who), address(), 10, willing)
}

/// A node that rounds wait for.
pub(super) fn join(who: AccountId) {
    join_as(who, true);
}

pub(super) fn join_as(who: AccountId, willing: bool) {
    assert_ok!(take_seat(who));
    assert_ok!(register(who, willing));
    assert_ok!(Hive::ready(signed(who), SWARM));
}

/// A swarm whose nodes are ready.
pub(super) fn gathered(terms: TermsOf<Test>, members: &[AccountId]) {
    create(terms);
    members.iter().for_each(|who| join(*who));
}

pub(super) fn update(who: AccountId) -> Cid {
    let letter = char::from(b'a' + (who % 26) as u8);
    cid(&format!("update{letter}"))
}

/// Arrives in the round that is open or comes next, from the newest model.
pub(super) fn try_arrive(who: AccountId) -> DispatchResult {
    let swarm = swarm();
    Hive::arrive(signed(who), SWARM, swarm.round, swarm.base(), update(who))
}

pub(super) fn arrive(who: AccountId) {
    assert_ok!(try_arrive(who));
}

pub(super) fn try_advance() -> DispatchResult {
    Hive::advance(signed(ANYONE), SWARM)
}

pub(super) fn advance() {
    assert_ok!(try_advance());
}

/// Draws, a block after the anchor. Returns the leader.
pub(super) fn draw() -> AccountId {
    next_blocks(1);
    advance();
    leader().unwrap()
}

pub(super) fn leader() -> Option<AccountId> {
    match Rounds::<Test>::get(SWARM)?.stage {
        Stage::Merging { leader, .. } => Some(leader),
        _ => None,
    }
}

/// All of them arrive, and one is drawn as leader: that one.
pub(super) fn led(members: &[AccountId]) -> AccountId {
    members.iter().for_each(|who| arrive(*who));
    draw()
}

pub(super) fn try_publish(who: AccountId) -> DispatchResult {
    let (round, left_out) = (swarm().round, LeftOut::default());
    Hive::publish(signed(who), SWARM, round, cid("merged"), 2, left_out)
}

/// A round from the first arrival to the model. Returns who led it.
pub(super) fn merged(members: &[AccountId]) -> AccountId {
    let leader = led(members);
    assert_ok!(try_publish(leader));
    leader
}

pub(super) fn deadline() -> Option<Millis> {
    match round().stage {
        Stage::Collecting { deadline } => deadline,
        stage => panic!("collection is over: {stage:?}"),
    }
}

/// Whether a round is under way.
pub(super) fn is_open() -> bool {
    Rounds::<Test>::contains_key(SWARM)
}

pub(super) fn held(reason: HoldReason, who: AccountId) -> Balance {
    Balances::balance_on_hold(&reason.into(), &who)
}

pub(super) fn free(who: AccountId) -> Balance {
    Balances::balance(&who)
}

/// The pallet's events so far, oldest first.
pub(super) fn events() -> Vec<Event<Test>> {
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::Hive(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// What happened last.
pub(super) fn last_event() -> Event<Test> {
    events().pop().unwrap()
}
