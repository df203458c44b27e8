//! Deposits, and clearing what has ended.

use super::*;
use codec::MaxEncodedLen;

fn clear(id: TaskId, index: Option<Index>) -> DispatchResult {
    Market::clear(signed(OTHER), id, index)
}

fn clear_access(id: TaskId, accounts: &[AccountId]) -> DispatchResult {
    Market::clear_access(signed(OTHER), id, accounts.to_vec().try_into().unwrap())
}

#[test]
fn a_deposit_is_a_base_and_a_price_for_each_byte() {
    run(|| {
        let (id, index) = submitted(terms());
        let of = |bytes: usize| DEPOSIT_BASE + bytes as Balance;
        assert_eq!(task(id).deposit, of(TaskOf::<Test>::max_encoded_len()));
        let found = submission(id, index).deposit;
        assert_eq!(found, of(SubmissionOf::<Test>::max_encoded_len()));
        assert_eq!(purse(CREATOR).deposit, task(id).deposit);
        assert_eq!(purse(CONTRIBUTOR).deposit, found);
    });
}

#[test]
fn a_deposit_must_be_at_hand() {
    run(|| {
        let id = create(terms());
        let spare = WEALTH - ED - BOND - 10;
        assert_ok!(Balances::transfer_allow_death(signed(CONTRIBUTOR), 40, spare));
        let poor = Market::accept_task(signed(CONTRIBUTOR), id);
        assert_noop!(poor, sp_runtime::TokenError::FundsUnavailable);
    });
}

#[test]
fn what_ended_is_cleared_by_anyone_once_everybody_could_read_it() {
    run(|| {
        let (id, index) = paid(Terms { slots: 1, ..terms() });
        assert_noop!(clear(id, Some(index)), Error::<Test>::TooEarly);
        pass(RETENTION_PERIOD);
        assert_noop!(clear(id, Some(index)), Error::<Test>::TooEarly);
        assert_noop!(clear(id, None), Error::<Test>::StillStored);
        pass(1);
        assert_ok!(clear(id, Some(index)));
        assert_eq!(purse(CONTRIBUTOR).deposit, 0);
        assert!(has_event(Event::SubmissionCleared { task: id, index }));
        assert_eq!(Submissions::<Test>::get(id, index), None);
        assert_ok!(clear(id, None));
        assert_eq!(purse(CREATOR).deposit, 0);
        assert!(has_event(Event::TaskCleared { task: id }));
        assert_eq!(Tasks::<Test>::get(id), None);
        assert_noop!(clear(id, None), Error::<Test>::UnknownTask);
        assert_eq!(create(terms()), id + 1, "numbers are not used again");
    });
}

#[test]
fn what_has_not_ended_is_not_cleared() {
    run(|| {
        let (id, index) = judged(manual(), PASS);
        pass(RETENTION_PERIOD + 1);
        assert_noop!(clear(id, Some(index)), Error::<Test>::NotEnded);
        assert_noop!(clear(id, Some(9)), Error::<Test>::UnknownSubmission);
        assert_noop!(clear(9, Some(0)), Error::<Test>::UnknownTask);
        assert_noop!(clear(id, None), Error::<Test>::NotEnded);
        assert_noop!(clear_access(id, &[10]), Error::<Test>::NotEnded);
        // Withdrawn, but with work in progress.
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        assert_noop!(clear(id, None), Error::<Test>::NotEnded);
    });
}

#[test]
fn a_task_is_kept_for_a_while_even_if_nobody_took_part() {
    run(|| {
        let id = create(terms());
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        assert_noop!(clear(id, None), Error::<Test>::TooEarly);
        pass(RETENTION_PERIOD + 1);
        assert_ok!(clear(id, None));
        assert_eq!(purse(CREATOR), Purse { free: WEALTH, ..purse(40) });
    });
}

#[test]
fn a_submission_can_be_cleared_while_its_task_goes_on() {
    run(|| {
        let (id, index) = judged(terms(), FAIL);
        pass(RETENTION_PERIOD + 1);
        assert_ok!(clear(id, Some(index)));
        assert_eq!((task(id).stored, task(id).submissions), (0, 1));
        assert_eq!(accept(id, CONTRIBUTOR), index + 1);
    });
}

#[test]
fn invitations_and_shares_of_a_task_that_ended_are_cleared_at_once() {
    run(|| {
        let id = create(Terms { access: Access::Invited, ..terms() });
        let accounts = vec![OTHER, 4].try_into().unwrap();
        assert_ok!(Market::invite(signed(CREATOR), id, accounts));
        assert_ok!(Market::share_key(signed(CREATOR), id, wraps(&[10])));
        assert_ok!(Market::share_key(signed(10), id, wraps(&[11])));
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        pass(RETENTION_PERIOD + 1);
        assert_noop!(clear(id, None), Error::<Test>::StillStored);
        assert_noop!(clear_access(9, &[10]), Error::<Test>::UnknownTask);
        assert_ok!(clear_access(id, &[OTHER, 4, 10, 5]));
        assert_eq!(task(id).stored, 1);
        assert_ok!(clear_access(id, &[11]));
        assert_eq!((purse(10).deposit, purse(CREATOR).deposit), (0, task(id).deposit));
        assert_ok!(clear(id, None));
    });
}

#[test]
fn a_task_of_version_1_has_no_deposit_to_return() {
    run(|| {
        let id = create(terms());
        let deposit = task(id).deposit;
        Tasks::<Test>::mutate(id, |task| task.as_mut().unwrap().deposit = 0);
        let reason = HoldReason::Deposit.into();
        let exact = frame_support::traits::tokens::Precision::Exact;
        use frame_support::traits::fungible::MutateHold;
        Balances::release(&reason, &CREATOR, deposit, exact).unwrap();
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        pass(RETENTION_PERIOD + 1);
        assert_ok!(clear(id, None));
        assert_eq!(gain(CREATOR), 0);
    });
}
