//! What nodes say of themselves.

use super::*;

fn tell(who: AccountId, certificate: &[u8], address: &str, weightage: u8) -> DispatchResult {
    let certificate = certificate.to_vec().try_into().unwrap();
    let address = address.as_bytes().to_vec().try_into().unwrap();
    Hive::register(signed(who), SWARM, certificate, address, weightage, true)
}

#[test]
fn a_node_is_its_certificate_address_and_weight() {
    run(|| {
        create(terms());
        assert_ok!(take_seat(1));
        assert_ok!(tell(1, b"der", "node.example:443", 50));
        let identity = sp_io::hashing::sha2_256(b"der");
        assert_eq!(last_event(), Event::NodeRegistered { swarm: SWARM, who: 1, identity });
        let node = node(1);
        assert_eq!((node.identity, node.weightage, node.willing), (identity, 50, true));
        assert_eq!((node.presence, node.round, node.arrived), (Presence::Registered, 0, 0));
        assert_eq!(Certificates::<Test>::get(SWARM, 1).unwrap().into_inner(), b"der");
        assert_eq!(held(HoldReason::Node, 1), node.deposit);
        assert!(node.deposit > DEPOSIT_BASE + u128::from(MAX_CERTIFICATE));
        assert_eq!((swarm().nodes, swarm().present), (1, 0));
    });
}

#[test]
fn only_who_has_a_seat_has_a_node() {
    run(|| {
        create(terms());
        assert_noop!(register(1, true), Error::<Test>::NoSeat);
        assert_ok!(take_seat(1));
        assert_noop!(Hive::ready(signed(1), SWARM), Error::<Test>::NotRegistered);
        assert_noop!(try_arrive(1), Error::<Test>::NotRegistered);
        let finish = Hive::finish(signed(1), SWARM, Presence::Active);
        assert_noop!(finish, Error::<Test>::NotRegistered);
        assert_noop!(Hive::mark_absent(signed(2), SWARM, 1), Error::<Test>::NotRegistered);
        assert_noop!(Hive::object(signed(1), SWARM, 1), Error::<Test>::NotRegistered);
    });
}

#[test]
fn what_a_node_says_has_to_be_possible() {
    run(|| {
        create(terms());
        assert_ok!(take_seat(1));
        assert_noop!(tell(1, b"", "host:1", 1), Error::<Test>::BadCertificate);
        assert_noop!(tell(1, b"der", "host:1", 0), Error::<Test>::BadWeightage);
        assert_noop!(tell(1, b"der", "host:1", 51), Error::<Test>::BadWeightage);
        for address in
            ["", "host", ":80", "host:", "host:0", "host:65536", "host:-1", "a b:80", "host:http"]
        {
            assert_noop!(tell(1, b"der", address, 1), Error::<Test>::BadAddress);
        }
        for address in ["host:1", "127.0.0.1:65535", "[::1]:443"] {
            assert_ok!(tell(1, b"der", address, 1));
        }
    });
}

#[test]
fn a_node_changes_its_certificate_and_keeps_what_it_did() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        merged(&[1, 2, 3]);
        let (before, free_before) = (node(1), free(1));
        assert_ok!(tell(1, b"another", "elsewhere:1", 3));
        let after = node(1);
        assert_ne!(after.identity, before.identity);
        assert_eq!(Certificates::<Test>::get(SWARM, 1).unwrap().into_inner(), b"another");
        assert_eq!((after.round, after.cid, after.arrived), (1, before.cid, before.arrived));
        assert_eq!((after.presence, after.deposit), (Presence::Ready, before.deposit));
        assert_eq!((free(1), swarm().nodes), (free_before, 3));
    });
}

#[test]
fn what_has_arrived_weighs_what_it_did_until_its_round_has_ended() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        arrive(1);
        assert_noop!(tell(1, b"der", "host:1", 11), Error::<Test>::RoundUnderWay);
        assert_ok!(tell(1, b"der", "host:2", 10));
        assert_ok!(tell(2, b"red", "host:1", 11));
        [2, 3].into_iter().for_each(arrive);
        assert_ok!(try_publish(draw()));
        assert_ok!(tell(1, b"der", "host:1", 11));
        assert_eq!((node(1).weightage, node(2).weightage), (11, 11));
    });
}

#[test]
fn who_is_not_willing_any_more_is_no_candidate() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        assert_eq!(round().candidates, 2);
        assert_ok!(register(1, false));
        assert_eq!((round().candidates, round().arrivals), (1, 2));
        // Not before its next round.
        assert_ok!(register(1, true));
        assert_eq!(round().candidates, 1);
        arrive(3);
        assert_ne!(draw(), 1);
    });
}

#[test]
fn a_leader_that_is_not_willing_any_more_may_still_publish() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let leader = led(&[1, 2, 3]);
        assert_ok!(register(leader, false));
        assert_ok!(try_publish(leader));
    });
}
