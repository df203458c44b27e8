//! Seats and the money in them.

use super::*;

const PRICE: Balance = 5_000;

fn sold() -> TermsOf<Test> {
    Terms { admission: Admission::Sale, price: PRICE, ..terms() }
}

fn invited() -> TermsOf<Test> {
    Terms { admission: Admission::Invited, ..terms() }
}

fn grant(who: AccountId) -> DispatchResult {
    Hive::grant_seat(signed(OWNER), SWARM, who)
}

fn buy(who: AccountId, at_most: Balance) -> DispatchResult {
    Hive::take_seat(signed(who), SWARM, at_most)
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
fn a_seat_is_sold_for_its_price_and_no_more() {
    run(|| {
        create(sold());
        let before = free(OWNER);
        assert_noop!(buy(1, PRICE - 1), Error::<Test>::PriceTooHigh);
        assert_noop!(buy(OWNER, PRICE), Error::<Test>::OwnSeat);
        assert_ok!(buy(1, 2 * PRICE));
        assert_eq!(last_event(), Event::SeatGranted { swarm: SWARM, who: 1, paid: PRICE });
        let seat = Seats::<Test>::get(SWARM, 1).unwrap();
        assert_eq!((seat.paid, seat.payer), (PRICE, 1));
        assert_eq!(free(OWNER), before + PRICE);
        assert_eq!(free(1), WEALTH - PRICE - seat.deposit);
        assert_ok!(grant(OWNER));
        assert_ok!(grant(2));
        assert_eq!(free(2), WEALTH);
    });
}

#[test]
fn who_cannot_pay_price_and_deposit_gets_no_seat() {
    run(|| {
        create(sold());
        assert_ok!(Balances::transfer_allow_death(signed(40), 777, PRICE + ED));
        let (before, owner) = (free(777), free(OWNER));
        assert!(frame_support::storage::with_storage_layer(|| buy(777, PRICE)).is_err());
        assert_eq!((free(777), free(OWNER)), (before, owner));
        assert!(!Seats::<Test>::contains_key(SWARM, 777));
    });
}

#[test]
fn a_revoked_seat_brings_its_price_back() {
    run(|| {
        create(sold());
        assert_ok!(buy(1, PRICE));
        assert_ok!(register(1, true));
        assert_noop!(Hive::revoke_seat(signed(1), SWARM, 1), Error::<Test>::NotOwner);
        assert_noop!(revoke(2), Error::<Test>::NoSeat);
        let owner = free(OWNER);
        assert_ok!(revoke(1));
        assert_eq!(last_event(), Event::SeatEnded { swarm: SWARM, who: 1, refunded: PRICE });
        assert_eq!((free(1), free(OWNER)), (WEALTH, owner - PRICE));
        assert_eq!((held(HoldReason::Seat, 1), held(HoldReason::Node, 1)), (0, 0));
        assert!(!Nodes::<Test>::contains_key(SWARM, 1));
        assert!(!Certificates::<Test>::contains_key(SWARM, 1));
        assert_eq!((swarm().seats, swarm().nodes), (0, 0));
    });
}

#[test]
fn a_price_is_what_it_was_when_the_seat_was_sold() {
    run(|| {
        create(sold());
        assert_ok!(buy(1, PRICE));
        assert_ok!(Hive::set_terms(signed(OWNER), SWARM, Terms { price: 3 * PRICE, ..sold() }));
        let before = free(1);
        assert_ok!(revoke(1));
        assert_eq!(free(1) - before - (WEALTH - PRICE - before), PRICE);
    });
}

#[test]
fn an_owner_that_cannot_pay_the_price_back_cannot_revoke() {
    run(|| {
        create(sold());
        assert_ok!(buy(1, PRICE));
        assert_ok!(Balances::transfer_allow_death(signed(OWNER), 2, free(OWNER) - PRICE));
        let ended = frame_support::storage::with_storage_layer(|| revoke(1));
        assert!(ended.is_err());
        assert!(Seats::<Test>::contains_key(SWARM, 1));
        // It has to keep what an account needs.
        assert_ok!(Balances::transfer_allow_death(signed(2), OWNER, ED));
        assert_ok!(revoke(1));
        assert_eq!(free(OWNER), ED);
    });
}

#[test]
fn who_gives_its_seat_up_gets_deposits_back_but_no_price() {
    run(|| {
        create(sold());
        assert_ok!(buy(1, PRICE));
        assert_ok!(register(1, true));
        assert_noop!(Hive::give_up_seat(signed(2), SWARM), Error::<Test>::NoSeat);
        assert_ok!(Hive::give_up_seat(signed(1), SWARM));
        assert_eq!(last_event(), Event::SeatEnded { swarm: SWARM, who: 1, refunded: 0 });
        assert_eq!(free(1), WEALTH - PRICE);
    });
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
