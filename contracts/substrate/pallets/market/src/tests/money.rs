//! Money that is hard to move: empty accounts, vote locks, free work.

use super::*;
use frame_support::traits::{LockableCurrency, WithdrawReasons};

#[test]
fn a_fee_that_an_empty_account_cannot_take_is_forfeited() {
    run(|| {
        let (id, index, members) = under_validation(Terms { fee: ED - 1, ..manual() });
        for member in &members {
            attest(id, index, *member, PASS, 1);
        }
        // The first member leaves everything before the creator decides.
        put_in_office(&[]);
        let gone = members[0];
        assert_ok!(Aggregators::deregister(signed(gone)));
        assert_ok!(Balances::transfer_all(signed(gone), 40, false));
        assert_eq!(Balances::total_balance(&gone), 0);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_eq!(treasury_gain(), ED - 1);
        assert!(has_event(Event::Forfeited { who: CREATOR, amount: ED - 1 }));
        assert_eq!(gain(members[1]), (ED - 1) as i128);
    });
}

#[test]
fn a_fee_above_the_existential_deposit_revives_an_account() {
    run(|| {
        let (id, index) = under_review(PASS);
        let gone = members(id, index)[0];
        put_in_office(&[]);
        assert_ok!(Aggregators::deregister(signed(gone)));
        assert_ok!(Balances::transfer_all(signed(gone), 40, false));
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_eq!(Balances::free_balance(gone), FEE);
    });
}

#[test]
fn vote_locks_do_not_hold_up_what_is_owed() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        for who in [CREATOR, CONTRIBUTOR] {
            Balances::set_lock(*b"election", &who, WEALTH, WithdrawReasons::all());
        }
        for member in &members {
            attest(id, index, *member, PASS, 1);
        }
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -(SLOT as i128));
    });
}

#[test]
fn a_bond_is_forfeited_in_full_even_if_nothing_else_is_left() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        let spare = Balances::free_balance(CONTRIBUTOR) - ED;
        assert_ok!(Balances::transfer_allow_death(signed(CONTRIBUTOR), 40, spare));
        pass(WORKING + 1);
        settle(id, index);
        assert_eq!(treasury_gain(), BOND);
        assert_eq!(Balances::total_balance(&CONTRIBUTOR), ED);
    });
}

#[test]
fn free_work_moves_no_money() {
    run(|| {
        let (id, index, members) = under_validation(Terms { reward: 0, fee: 0, ..terms() });
        assert_eq!(purse(CREATOR).escrow, 0);
        assert_eq!(purse(CONTRIBUTOR).bond, MINIMUM_BOND);
        attest(id, index, members[0], PASS, 1);
        attest(id, index, members[1], PASS, 1);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
    });
}

#[test]
fn a_large_bond_is_forfeited_to_a_small_treasury() {
    run(|| {
        let id = create(Terms { fee: 50_000, slots: 1, ..terms() });
        let index = accept(id, CONTRIBUTOR);
        pass(WORKING + 1);
        settle(id, index);
        assert_eq!(treasury_gain(), 150_000);
    });
}
