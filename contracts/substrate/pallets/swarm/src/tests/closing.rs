//! Swarms that end.

use super::*;

fn close() {
    assert_ok!(Hive::close(signed(OWNER), SWARM));
}

fn clear(who: AccountId) -> DispatchResult {
    Hive::clear_seat(signed(ANYONE), SWARM, who)
}

fn remove() -> DispatchResult {
    Hive::remove(signed(ANYONE), SWARM)
}

#[test]
fn a_closed_swarm_takes_nobody_and_opens_nothing() {
    run(|| {
        gathered(terms(), &[1, 2]);
        assert_ok!(take_seat(3));
        assert_noop!(Hive::close(signed(1), SWARM), Error::<Test>::NotOwner);
        close();
        assert_eq!(last_event(), Event::SwarmClosed { swarm: SWARM });
        let closed = DispatchError::from(Error::<Test>::SwarmClosed);
        assert_noop!(Hive::close(signed(OWNER), SWARM), closed);
        assert_noop!(Hive::set_terms(signed(OWNER), SWARM, terms()), closed);
        assert_noop!(Hive::grant_seat(signed(OWNER), SWARM, 4), closed);
        assert_noop!(take_seat(4), closed);
        assert_noop!(register(3, true), closed);
        assert_ok!(Hive::finish(signed(2), SWARM, Presence::Inactive));
        assert_noop!(Hive::ready(signed(2), SWARM), closed);
        assert_noop!(try_arrive(1), closed);
        // What is there can still say something else of itself.
        assert_ok!(register(1, false));
    });
}

#[test]
fn a_round_that_can_end_does() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        close();
        arrive(3);
        let leader = draw();
        assert_noop!(clear(1), Error::<Test>::RoundUnderWay);
        assert_ok!(try_publish(leader));
        assert_noop!(try_arrive(1), Error::<Test>::SwarmClosed);
        assert_ok!(clear(1));
    });
}

#[test]
fn a_round_that_waits_for_more_is_void_once_the_swarm_is_closed() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3]);
        arrive(1);
        close();
        assert_eq!(last_event(), Event::RoundVoided { swarm: SWARM, round: 1 });
        assert!(!is_open());
    });
}

#[test]
fn a_round_of_a_closed_swarm_that_loses_its_quorum_is_void() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        close();
        assert!(is_open());
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert!(!is_open());
    });
}

#[test]
fn anyone_clears_a_closed_swarm_and_every_deposit_goes_back() {
    run(|| {
        gathered(terms(), &[1, 2]);
        assert_ok!(Hive::grant_seat(signed(OWNER), SWARM, 3));
        merged(&[1, 2]);
        assert_noop!(clear(1), Error::<Test>::NotClosed);
        assert_noop!(remove(), Error::<Test>::NotClosed);
        close();
        assert_noop!(clear(9), Error::<Test>::NoSeat);
        for who in [1, 2, 3] {
            assert_noop!(remove(), Error::<Test>::SeatsLeft);
            assert_ok!(clear(who));
            assert_eq!(last_event(), Event::SeatEnded { swarm: SWARM, who, refunded: 0 });
        }
        assert_ok!(remove());
        assert_eq!(last_event(), Event::SwarmRemoved { swarm: SWARM });
        for who in [1, 2, 3, OWNER] {
            assert_eq!(free(who), WEALTH);
        }
        assert_eq!(Swarms::<Test>::iter().count() + Nodes::<Test>::iter().count(), 0);
        assert_eq!(Lateness::<Test>::iter().count() + Candidates::<Test>::iter().count(), 0);
        assert_eq!(Certificates::<Test>::iter().count() + Rounds::<Test>::iter().count(), 0);
        create(terms());
        assert_eq!(last_event(), Event::SwarmCreated { swarm: 1, owner: OWNER });
    });
}

#[test]
fn members_of_a_swarm_whose_owner_vanished_leave_it() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        merged(&[1, 2, 3]);
        arrive(1);
        for who in [1, 2, 3] {
            assert_ok!(Hive::give_up_seat(signed(who), SWARM));
            assert_eq!(free(who), WEALTH);
        }
        assert_eq!((swarm().seats, swarm().nodes, is_open()), (0, 0, false));
    });
}
