//! Seats: given, taken, taken away and given up. What they cost is in `prices`.

use super::*;

fn invited() -> TermsOf<Test> {
    Terms { admission: Admission::Invited, ..terms() }
}

fn grant(who: AccountId) -> DispatchResult {
    Hive::grant_seat(signed(OWNER), SWARM, who)
}

fn revoke(who: AccountId) -> DispatchResult {
    Hive::revoke_seat(signed(OWNER), SWARM, who)
}

#[test]
fn anyone_takes_a_seat_of_an_open_swarm_for_a_deposit() {
    run(|| {
        create(terms());
        assert_ok!(take_seat(1));
        assert_eq!(last_event(), Event::SeatGranted { swarm: SWARM, who: 1, paid: 0 });
        let seat = Seats::<Test>::get(SWARM, 1).unwrap();
        assert_eq!((seat.paid, seat.payer), (0, 1));
        assert_eq!((held(HoldReason::Seat, 1), free(1)), (seat.deposit, WEALTH - seat.deposit));
        assert_eq!(swarm().seats, 1);
        assert_noop!(take_seat(1), Error::<Test>::SeatTaken);
        assert_ok!(take_seat(OWNER));
    });
}

#[test]
fn seats_by_invitation_are_granted_by_the_owner_who_pays_the_deposit() {
    run(|| {
        create(invited());
        assert_noop!(take_seat(1), Error::<Test>::NotInvited);
        assert_noop!(Hive::grant_seat(signed(1), SWARM, 1), Error::<Test>::NotOwner);
        assert_ok!(grant(1));
        assert_noop!(grant(1), Error::<Test>::SeatTaken);
        let deposit = Seats::<Test>::get(SWARM, 1).unwrap().deposit;
        assert_eq!((held(HoldReason::Seat, OWNER), free(1)), (deposit, WEALTH));
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert_eq!((held(HoldReason::Seat, OWNER), free(1)), (0, WEALTH));
    });
}

#[test]
fn who_has_nothing_can_be_granted_a_seat_and_leave_it() {
    run(|| {
        create(invited());
        assert_ok!(grant(777));
        assert_ok!(Hive::give_up_seat(signed(777), SWARM));
        assert_eq!(free(777), 0);
    });
}

#[test]
fn a_seat_ends_with_its_node_and_every_deposit_goes_back() {
    let ends: [fn(AccountId) -> DispatchResult; 2] =
        [revoke, |who| Hive::give_up_seat(signed(who), SWARM)];
    for end in ends {
        run(|| {
            gathered(terms(), &[1]);
            assert_noop!(Hive::revoke_seat(signed(1), SWARM, 1), Error::<Test>::NotOwner);
            assert_noop!(end(2), Error::<Test>::NoSeat);
            assert_ok!(end(1));
            assert_eq!(last_event(), Event::SeatEnded { swarm: SWARM, who: 1, refunded: 0 });
            assert_eq!((held(HoldReason::Seat, 1), held(HoldReason::Node, 1)), (0, 0));
            assert_eq!(free(1), WEALTH);
            assert!(!Nodes::<Test>::contains_key(SWARM, 1));
            assert!(!Certificates::<Test>::contains_key(SWARM, 1));
            assert_eq!((swarm().seats, swarm().nodes), (0, 0));
        });
    }
}

#[test]
fn a_swarm_has_no_more_seats_than_its_terms_say() {
    run(|| {
        create(Terms { max_peers: 2, ..terms() });
        assert_ok!(take_seat(1));
        assert_ok!(grant(2));
        assert_noop!(take_seat(3), Error::<Test>::SwarmFull);
        assert_noop!(grant(3), Error::<Test>::SwarmFull);
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert_ok!(take_seat(3));
    });
}

#[test]
fn a_seat_can_be_had_again() {
    run(|| {
        gathered(terms(), &[1, 2]);
        merged(&[1, 2]);
        assert_ok!(revoke(1));
        join(1);
        assert_eq!((node(1).round, node(1).cid), (0, None));
        merged(&[1, 2]);
        assert_eq!(swarm().base(), 2);
    });
}
