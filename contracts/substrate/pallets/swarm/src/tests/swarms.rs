//! Making swarms, and changing their terms.

use super::*;

#[test]
fn a_swarm_has_a_number_an_owner_and_a_deposit() {
    run(|| {
        create(terms());
        assert_eq!(last_event(), Event::SwarmCreated { swarm: 0, owner: OWNER });
        create(quorum_of(3));
        assert_eq!(last_event(), Event::SwarmCreated { swarm: 1, owner: OWNER });
        assert_eq!(NextSwarm::<Test>::get(), 2);
        let found = swarm();
        assert_eq!((found.owner, found.round, found.newest.clone()), (OWNER, 1, None));
        assert_eq!((found.seats, found.nodes, found.present, found.closed), (0, 0, 0, None));
        assert!(found.deposit > DEPOSIT_BASE + 300);
        assert_eq!(held(HoldReason::Swarm, OWNER), 2 * found.deposit);
    });
}

#[test]
fn who_cannot_pay_the_deposit_makes_no_swarm() {
    run(|| {
        assert!(Hive::create(signed(77), terms()).is_err());
        assert_eq!(NextSwarm::<Test>::get(), 0);
    });
}

#[test]
fn terms_that_cannot_be_are_refused() {
    run(|| {
        let bad = |terms, error: Error<Test>| {
            assert_noop!(Hive::create(signed(OWNER), terms), error);
        };
        let sold = Terms { admission: Admission::Sale, price: 7, ..terms() };
        bad(Terms { config: cid("NO"), ..terms() }, Error::BadCid);
        bad(quorum_of(0), Error::BadMinPeers);
        bad(quorum_of(9), Error::BadMinPeers);
        bad(Terms { max_peers: 0, ..terms() }, Error::BadMinPeers);
        bad(Terms { max_peers: MAX_PEERS + 1, ..terms() }, Error::BadMaxPeers);
        bad(Terms { price: 7, ..terms() }, Error::BadPrice);
        bad(Terms { admission: Admission::Invited, ..sold.clone() }, Error::BadPrice);
        bad(Terms { price: 0, ..sold }, Error::BadPrice);
        bad(Terms { quorum_wait: LEAST_WAIT - 1, ..terms() }, Error::BadWait);
        bad(Terms { quorum_wait: MOST_WAIT + 1, ..terms() }, Error::BadWait);
        bad(Terms { leader_timeout: LEAST_WAIT - 1, ..terms() }, Error::BadTimeout);
        bad(Terms { leader_timeout: MOST_WAIT + 1, ..terms() }, Error::BadTimeout);
        bad(Terms { spread: MAX_SPREAD + 1, ..terms() }, Error::BadSpread);
        bad(Terms { max_weightage: 0, ..terms() }, Error::BadWeightage);
        bad(Terms { max_weightage: MAX_WEIGHTAGE + 1, ..terms() }, Error::BadWeightage);
    });
}

#[test]
fn terms_at_their_bounds_can_be() {
    run(|| {
        let (spread, max_peers) = (MAX_SPREAD, MAX_PEERS);
        let (quorum_wait, leader_timeout) = (LEAST_WAIT, MOST_WAIT);
        let wide = Terms { spread, max_peers, quorum_wait, leader_timeout, ..terms() };
        create(Terms { min_peers: MAX_PEERS, ..wide });
        create(Terms { min_peers: 1, max_peers: 1, spread: 0, ..terms() });
        create(Terms { admission: Admission::Sale, price: 1, ..terms() });
    });
}

#[test]
fn its_owner_changes_the_terms_between_rounds() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let changed = Terms { merge: MergeMethod::GeoMedian, ..quorum_of(3) };
        let change = |who, terms| Hive::set_terms(signed(who), SWARM, terms);
        assert_noop!(change(1, changed.clone()), Error::<Test>::NotOwner);
        assert_noop!(change(OWNER, quorum_of(0)), Error::<Test>::BadMinPeers);
        let narrow = Terms { max_peers: 2, ..terms() };
        assert_noop!(change(OWNER, narrow), Error::<Test>::SeatsAboveLimit);
        assert_ok!(change(OWNER, changed.clone()));
        assert_eq!(last_event(), Event::SwarmChanged { swarm: SWARM });
        assert_eq!(swarm().terms, changed);
        merged(&[1, 2, 3]);
        assert_ok!(change(OWNER, terms()));
    });
}

#[test]
fn terms_stay_while_a_round_has_its_quorum() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        let change = || Hive::set_terms(signed(OWNER), SWARM, quorum_of(1));
        [1, 2].into_iter().for_each(arrive);
        assert_noop!(change(), Error::<Test>::RoundUnderWay);
        arrive(3);
        assert_noop!(change(), Error::<Test>::RoundUnderWay);
        draw();
        assert_noop!(change(), Error::<Test>::RoundUnderWay);
    });
}

#[test]
fn terms_can_be_relaxed_where_a_round_waits_for_more_than_there_are() {
    run(|| {
        gathered(quorum_of(5), &[1, 2]);
        [1, 2].into_iter().for_each(arrive);
        assert_eq!(deadline(), None);
        assert_ok!(Hive::set_terms(signed(OWNER), SWARM, terms()));
        assert!(events().contains(&Event::RoundVoided { swarm: SWARM, round: 1 }));
        assert!(!is_open());
        merged(&[1, 2]);
        assert_eq!(swarm().base(), 2);
    });
}

#[test]
fn of_a_swarm_that_is_not_there_nothing_can_be_asked() {
    run(|| {
        let unknown = DispatchError::from(Error::<Test>::UnknownSwarm);
        assert_noop!(Hive::set_terms(signed(OWNER), 9, terms()), unknown);
        assert_noop!(Hive::grant_seat(signed(OWNER), 9, 1), unknown);
        assert_noop!(Hive::take_seat(signed(1), 9, 0), unknown);
        assert_noop!(Hive::revoke_seat(signed(OWNER), 9, 1), unknown);
        assert_noop!(Hive::give_up_seat(signed(1), 9), unknown);
        let (certificate, address) = (certificate(1), address());
        assert_noop!(Hive::register(signed(1), 9, certificate, address, 1, true), unknown);
        assert_noop!(Hive::ready(signed(1), 9), unknown);
        assert_noop!(Hive::arrive(signed(1), 9, 1, 0, cid("a")), unknown);
        assert_noop!(Hive::advance(signed(1), 9), unknown);
        assert_noop!(Hive::step_down(signed(1), 9, 1), unknown);
        let left_out = LeftOut::default();
        assert_noop!(Hive::publish(signed(1), 9, 1, cid("a"), 1, left_out), unknown);
        assert_noop!(Hive::object(signed(1), 9, 1), unknown);
        assert_noop!(Hive::mark_absent(signed(1), 9, 2), unknown);
        assert_noop!(Hive::finish(signed(1), 9, Presence::Active), unknown);
        assert_noop!(Hive::close(signed(OWNER), 9), unknown);
        assert_noop!(Hive::clear_seat(signed(1), 9, 2), unknown);
        assert_noop!(Hive::remove(signed(1), 9), unknown);
    });
}
