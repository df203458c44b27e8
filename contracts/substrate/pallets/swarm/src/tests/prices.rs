//! The prices of seats: on hold, collected, and given back.

use super::*;
use frame_support::traits::{
    tokens::{Fortitude, Preservation},
    LockableCurrency, WithdrawReasons,
};

const PRICE: Balance = 5_000;

fn sold() -> TermsOf<Test> {
    sold_for(PRICE)
}

fn sold_for(price: Balance) -> TermsOf<Test> {
    Terms { admission: Admission::Sale, price, ..terms() }
}

fn buy(who: AccountId, at_most: Balance) -> DispatchResult {
    Hive::take_seat(signed(who), SWARM, at_most)
}

/// A swarm in which 1 has bought a seat, at [`START`].
fn bought() {
    create(sold());
    assert_ok!(buy(1, PRICE));
}

fn revoke(who: AccountId) -> DispatchResult {
    Hive::revoke_seat(signed(OWNER), SWARM, who)
}

fn give_up(who: AccountId) -> DispatchResult {
    Hive::give_up_seat(signed(who), SWARM)
}

fn close() {
    assert_ok!(Hive::close(signed(OWNER), SWARM));
}

fn clear(who: AccountId) -> DispatchResult {
    Hive::clear_seat(signed(ANYONE), SWARM, who)
}

fn collect(who: AccountId) -> DispatchResult {
    Hive::collect_price(signed(ANYONE), SWARM, who)
}

fn seat(who: AccountId) -> SeatOf<Test> {
    Seats::<Test>::get(SWARM, who).unwrap()
}

/// What somebody has, on hold or not.
fn all_of(who: AccountId) -> Balance {
    Balances::total_balance(&who)
}

/// What happened to the seat of 1 and its price: how much the owner was paid, and how much went
/// back.
fn ended() -> (Option<Balance>, Option<Balance>) {
    let (mut collected, mut refunded) = (None, None);
    for event in events() {
        match event {
            Event::PriceCollected { swarm: SWARM, who: 1, paid } => collected = Some(paid),
            Event::SeatEnded { swarm: SWARM, who: 1, refunded: back } => refunded = Some(back),
            _ => (),
        }
    }
    (collected, refunded)
}

#[test]
fn a_seat_is_sold_for_its_price_and_no_more() {
    run(|| {
        create(sold());
        assert_noop!(buy(1, PRICE - 1), Error::<Test>::PriceTooHigh);
        assert_noop!(buy(OWNER, PRICE), Error::<Test>::OwnSeat);
        assert_ok!(buy(1, 2 * PRICE));
        assert_eq!(last_event(), Event::SeatGranted { swarm: SWARM, who: 1, paid: PRICE });
        let seat = seat(1);
        assert_eq!((seat.paid, seat.due, seat.payer), (PRICE, Some(START + PRICE_WAIT), 1));
        assert_eq!(all_of(OWNER), WEALTH);
        assert_eq!((free(1), held(HoldReason::Price, 1)), (WEALTH - PRICE - seat.deposit, PRICE));
    });
}

#[test]
fn a_granted_seat_has_no_price() {
    run(|| {
        create(sold());
        for who in [OWNER, 2] {
            assert_ok!(Hive::grant_seat(signed(OWNER), SWARM, who));
            assert_eq!((seat(who).paid, seat(who).due), (0, None));
        }
        assert_eq!(free(2), WEALTH);
        pass(PRICE_WAIT);
        assert_noop!(collect(2), Error::<Test>::NothingOnHold);
        assert_ok!(revoke(2));
        assert_eq!(all_of(OWNER), WEALTH);
    });
}

#[test]
fn who_cannot_pay_price_and_deposit_gets_no_seat() {
    run(|| {
        create(sold());
        let short = |has: Balance| {
            assert_ok!(Balances::transfer_allow_death(signed(40), 777, has));
            let bought = frame_support::storage::with_storage_layer(|| buy(777, PRICE));
            assert!(bought.is_err(), "a seat for {has}");
            assert_eq!((free(777), Seats::<Test>::contains_key(SWARM, 777)), (all_of(777), false));
        };
        short(PRICE - 1);
        // With the price, but not the deposit.
        short(1 + ED);
        assert_ok!(Balances::transfer_allow_death(signed(40), 777, WEALTH / 2));
        assert_ok!(buy(777, PRICE));
    });
}

#[test]
fn a_price_is_the_owners_once_it_is_due() {
    run(|| {
        bought();
        let reached = all_of(OWNER);
        assert_noop!(collect(1), Error::<Test>::PriceNotDue);
        pass(PRICE_WAIT - 1);
        assert_noop!(collect(1), Error::<Test>::PriceNotDue);
        pass(1);
        assert_noop!(collect(2), Error::<Test>::NoSeat);
        assert_noop!(Hive::collect_price(signed(1), 9, 1), Error::<Test>::UnknownSwarm);
        assert_ok!(collect(1));
        assert_eq!(last_event(), Event::PriceCollected { swarm: SWARM, who: 1, paid: PRICE });
        assert_eq!((all_of(OWNER), held(HoldReason::Price, 1)), (reached + PRICE, 0));
        assert_eq!((seat(1).paid, seat(1).due), (PRICE, None));
        assert_noop!(collect(1), Error::<Test>::NothingOnHold);
    });
}

#[test]
fn each_seat_has_a_price_of_its_own() {
    run(|| {
        bought();
        pass(PRICE_WAIT / 2);
        assert_ok!(Hive::set_terms(signed(OWNER), SWARM, sold_for(3 * PRICE)));
        assert_ok!(buy(2, 3 * PRICE));
        pass(PRICE_WAIT / 2);
        assert_ok!(collect(1));
        assert_noop!(collect(2), Error::<Test>::PriceNotDue);
        assert_eq!((all_of(OWNER), held(HoldReason::Price, 2)), (WEALTH + PRICE, 3 * PRICE));
    });
}

#[test]
fn a_seat_that_is_revoked_brings_its_price_back_from_hold() {
    // Due or not.
    for wait in [0, 2 * PRICE_WAIT] {
        run(|| {
            bought();
            assert_ok!(register(1, true));
            // Whatever the owner has.
            assert_ok!(Balances::transfer_allow_death(signed(OWNER), 2, free(OWNER) - ED));
            pass(wait);
            assert_ok!(revoke(1));
            assert_eq!(ended(), (None, Some(PRICE)));
            assert_eq!((free(1), free(OWNER)), (WEALTH, ED));
        });
    }
}

#[test]
fn the_owner_pays_back_what_it_has_collected() {
    run(|| {
        bought();
        pass(PRICE_WAIT);
        assert_ok!(collect(1));
        assert_ok!(Hive::set_terms(signed(OWNER), SWARM, sold_for(3 * PRICE)));
        assert_ok!(revoke(1));
        assert_eq!(ended(), (Some(PRICE), Some(PRICE)));
        assert_eq!((free(1), all_of(OWNER)), (WEALTH, WEALTH));
    });
}

#[test]
fn an_owner_that_cannot_pay_a_collected_price_back_cannot_revoke() {
    run(|| {
        bought();
        pass(PRICE_WAIT);
        assert_ok!(collect(1));
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
fn the_price_of_a_seat_that_is_given_up_is_the_owners_at_once() {
    run(|| {
        bought();
        assert_ok!(register(1, true));
        assert_ok!(give_up(1));
        assert_eq!(ended(), (Some(PRICE), Some(0)));
        assert_eq!((free(1), all_of(OWNER)), (WEALTH - PRICE, WEALTH + PRICE));
    });
}

#[test]
fn a_collected_price_does_not_come_back_with_the_seat() {
    let ends: [fn(AccountId) -> DispatchResult; 2] = [give_up, clear];
    for end in ends {
        run(|| {
            bought();
            pass(PRICE_WAIT);
            assert_ok!(collect(1));
            close();
            assert_ok!(end(1));
            assert_eq!(ended(), (Some(PRICE), Some(0)));
            assert_eq!((free(1), all_of(OWNER)), (WEALTH - PRICE, WEALTH + PRICE));
        });
    }
}

#[test]
fn who_bought_a_seat_of_a_swarm_that_was_closed_too_early_loses_nothing() {
    let ends: [fn(AccountId) -> DispatchResult; 3] = [give_up, clear, revoke];
    for end in ends {
        run(|| {
            bought();
            pass(PRICE_WAIT - 1);
            close();
            // To wait does not help the owner.
            pass(10 * PRICE_WAIT);
            assert_noop!(collect(1), Error::<Test>::PriceNotDue);
            assert_ok!(end(1));
            assert_eq!(ended(), (None, Some(PRICE)));
            assert_eq!((free(1), all_of(OWNER)), (WEALTH, WEALTH));
        });
    }
}

#[test]
fn a_price_that_was_due_when_the_swarm_was_closed_is_the_owners() {
    let ends: [fn(AccountId) -> DispatchResult; 3] = [give_up, clear, |who| {
        assert_ok!(collect(who));
        clear(who)
    }];
    for end in ends {
        run(|| {
            bought();
            pass(PRICE_WAIT);
            close();
            assert_ok!(end(1));
            assert_eq!(ended(), (Some(PRICE), Some(0)));
            assert_eq!((free(1), all_of(OWNER)), (WEALTH - PRICE, WEALTH + PRICE));
            assert_ok!(Hive::remove(signed(ANYONE), SWARM));
            assert_eq!(free(OWNER), WEALTH + PRICE);
        });
    }
}

#[test]
fn an_owner_without_anything_else_is_paid_the_smallest_price() {
    let pays: [fn(AccountId) -> DispatchResult; 2] = [collect, give_up];
    for pay in pays {
        run(|| {
            create(sold_for(1));
            assert_ok!(buy(1, 1));
            assert_ok!(Balances::transfer_all(signed(OWNER), 2, false));
            assert_eq!(free(OWNER), ED);
            pass(PRICE_WAIT);
            assert_ok!(pay(1));
            assert_eq!(free(OWNER), ED + 1);
        });
    }
}

#[test]
fn a_frozen_balance_hinders_no_price_on_its_way() {
    let freeze = |who| Balances::set_lock(*b"votes   ", &who, WEALTH, WithdrawReasons::all());
    let pays: [fn(AccountId) -> DispatchResult; 3] = [collect, give_up, revoke];
    for pay in pays {
        run(|| {
            bought();
            [1, OWNER].into_iter().for_each(freeze);
            pass(PRICE_WAIT);
            let before = all_of(1) + all_of(OWNER);
            assert_ok!(pay(1));
            assert_eq!((held(HoldReason::Price, 1), all_of(1) + all_of(OWNER)), (0, before));
        });
    }
}

#[test]
fn a_buyer_that_has_nothing_left_gets_the_smallest_price_back() {
    run(|| {
        create(sold_for(1));
        assert_ok!(buy(1, 1));
        let rest = Balances::reducible_balance(&1, Preservation::Expendable, Fortitude::Polite);
        assert_ok!(Balances::transfer_allow_death(signed(1), 2, rest));
        let deposit = seat(1).deposit;
        assert_eq!(free(1), ED);
        close();
        assert_ok!(clear(1));
        assert_eq!(free(1), ED + deposit + 1);
    });
}
