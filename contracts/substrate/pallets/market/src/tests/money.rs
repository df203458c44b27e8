//! Money that is hard to move: empty accounts, vote locks, free work.

use super::*;
use frame_support::traits::{
    fungible::MutateHold, tokens::Precision, LockableCurrency, WithdrawReasons,
};

/// A result to judge of a task of version 1, which asked for no least fee.
fn without_fees(terms: TermsOf<Test>) -> (TaskId, Index, Vec<AccountId>) {
    let id = create(Terms { fee: 1, committee_size: 3, ..terms });
    let fees = 3 * 3;
    Tasks::<Test>::mutate(id, |task| task.as_mut().unwrap().terms.fee = 0);
    let (reason, exact) = (HoldReason::Escrow.into(), Precision::Exact);
    assert_ok!(Balances::release(&reason, &CREATOR, fees, exact));
    let index = accept(id, CONTRIBUTOR);
    submit(id, CONTRIBUTOR);
    let members = draw(id, index);
    hand(id, index);
    (id, index, members)
}

#[test]
fn vote_locks_do_not_hold_up_what_is_owed() {
    run(|| {
        let (id, index, _) = under_validation(terms());
        for who in [CREATOR, CONTRIBUTOR] {
            Balances::set_lock(*b"election", &who, WEALTH, WithdrawReasons::all());
        }
        judge_all(id, index, PASS);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        let (_, index) = judged(terms(), FAIL);
        assert_eq!(index, 0);
    });
}

#[test]
fn work_without_reward_and_fee_comes_to_its_end() {
    for verdict in [PASS, FAIL, INCONCLUSIVE] {
        run(|| {
            let (id, index, _) = without_fees(Terms { reward: 0, ..terms() });
            judge_all(id, index, verdict);
            if verdict == PASS {
                release(id, index);
            }
            assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
            assert!(submission(id, index).committee.iter().all(|seat| seat.paid));
        });
    }
}

#[test]
fn an_appeal_over_work_without_fees_costs_nobody_anything() {
    run(|| {
        let (id, index, _) = without_fees(challenged());
        judge_all(id, index, FAIL);
        assert_ok!(Market::appeal(signed(CONTRIBUTOR), id, index));
        assert_eq!(purse(CONTRIBUTOR).appeal, MINIMUM_BOND);
        hand(id, index);
        judge_all(id, index, FAIL);
        assert_eq!(gain(CONTRIBUTOR), 0);
    });
}

#[test]
fn what_an_empty_account_cannot_take_is_forfeited() {
    run(|| {
        let low = Terms { fee: ED - 1, bond: MINIMUM_BOND, ..terms() };
        let (id, index) = judged(low, PASS);
        // No account that sits on a committee can be emptied; make one by force.
        let gone = members(id, index)[0];
        let held = Balances::balance_on_hold(&pallet_aggregators::HoldReason::Bond.into(), &gone);
        let free = Balances::free_balance(gone);
        frame_system::Account::<Test>::mutate(gone, |account| account.data.free = 0);
        release(id, index);
        assert_eq!(treasury_gain(), ED - 1);
        assert!(has_event(Event::Forfeited { who: CREATOR, amount: ED - 1 }));
        frame_system::Account::<Test>::mutate(gone, |account| account.data.free = free);
        assert_eq!(Balances::total_balance(&gone), held + free);
    });
}

#[test]
fn the_whole_supply_can_be_a_bond() {
    run(|| {
        let id = create(Terms { bond: Balance::MAX, ..terms() });
        assert_noop!(
            Market::accept_task(signed(CONTRIBUTOR), id),
            sp_runtime::TokenError::FundsUnavailable
        );
    });
}
