//! Swarms with the runtime's blocks, hashes and money.

use super::{account, advance_to, new_chain, signed, WEALTH};
use crate::{AccountId, Balances, Runtime, Swarm, System, UNIT};
use frame_support::assert_ok;
use pallet_swarm::{
    Admission, Cid, MergeMethod, Rounds, Seats, Stage, SwarmId, Swarms, Terms, WeightInfo,
};

const PRICE: u128 = 2 * UNIT;

fn cid() -> Cid {
    b"bafyupdate".to_vec().try_into().unwrap()
}

/// The number of a new swarm of account 1, with nodes of these.
pub(super) fn gathered(members: &[u8]) -> SwarmId {
    let terms = Terms {
        config: cid(),
        merge: MergeMethod::Mean,
        min_peers: 2,
        max_peers: 10,
        admission: Admission::Sale,
        price: PRICE,
        quorum_wait: 30_000,
        leader_timeout: 60_000,
        spread: 30,
        max_weightage: 100,
    };
    assert_ok!(Swarm::create(signed(1), terms));
    let id = pallet_swarm::NextSwarm::<Runtime>::get() - 1;
    for who in members {
        assert_ok!(Swarm::take_seat(signed(*who), id, PRICE));
        let (certificate, address) = (vec![*who; 700], b"10.0.0.1:443".to_vec());
        let (certificate, address) = (certificate.try_into().unwrap(), address.try_into().unwrap());
        assert_ok!(Swarm::register(signed(*who), id, certificate, address, 10, true));
        assert_ok!(Swarm::ready(signed(*who), id));
    }
    id
}

/// One round from the first arrival to the model.
pub(super) fn merged(id: SwarmId, members: &[u8]) {
    let swarm = Swarms::<Runtime>::get(id).unwrap();
    for who in members {
        assert_ok!(Swarm::arrive(signed(*who), id, swarm.round, swarm.base(), cid()));
    }
    advance_to(System::block_number() + 1);
    assert_ok!(Swarm::advance(signed(9), id));
    let leader = leader(id);
    let (origin, left_out) = (crate::RuntimeOrigin::signed(leader), Default::default());
    assert_ok!(Swarm::publish(origin, id, swarm.round, cid(), 3, left_out));
}

fn leader(id: SwarmId) -> AccountId {
    match Rounds::<Runtime>::get(id).unwrap().stage {
        Stage::Merging { leader, .. } => leader,
        stage => panic!("nobody leads: {stage:?}"),
    }
}

#[test]
fn a_swarm_merges_and_ends_and_every_deposit_goes_back() {
    new_chain().execute_with(|| {
        advance_to(1);
        let issuance = Balances::total_issuance();
        let id = gathered(&[2, 3, 4]);
        merged(id, &[2, 3, 4]);
        merged(id, &[4, 3, 2]);
        assert_eq!(Swarms::<Runtime>::get(id).unwrap().base(), 2);
        assert_ok!(Swarm::revoke_seat(signed(1), id, account(2)));
        let due = Seats::<Runtime>::get(id, account(3)).unwrap().due.unwrap();
        pallet_timestamp::Now::<Runtime>::put(due - 1);
        assert!(Swarm::collect_price(signed(9), id, account(3)).is_err());
        pallet_timestamp::Now::<Runtime>::put(due);
        assert_ok!(Swarm::collect_price(signed(9), id, account(3)));
        assert_ok!(Swarm::close(signed(1), id));
        for who in [3, 4] {
            assert_ok!(Swarm::clear_seat(signed(9), id, account(who)));
        }
        assert_ok!(Swarm::remove(signed(9), id));
        let free = |who| Balances::free_balance(account(who));
        assert_eq!([free(1), free(2)], [WEALTH + 2 * PRICE, WEALTH]);
        assert_eq!([free(3), free(4)], [WEALTH - PRICE; 2]);
        assert_eq!(Balances::total_issuance(), issuance);
    });
}

#[test]
fn a_round_of_a_thousand_nodes_fits_into_a_few_blocks() {
    type Weights = <Runtime as pallet_swarm::Config>::WeightInfo;
    let limits: frame_system::limits::BlockWeights =
        <Runtime as frame_system::Config>::BlockWeights::get();
    let share = |weight: frame_support::weights::Weight| {
        weight.ref_time() as f64 / limits.max_block.ref_time() as f64
    };
    assert!(1_000.0 * share(Weights::arrive()) < 3.0);
    let dearest = Weights::revoke_seat().max(Weights::finish()).max(Weights::advance());
    assert!(share(dearest) < 0.01);
}
