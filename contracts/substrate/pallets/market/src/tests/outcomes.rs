//! How a submission ends: one test for each row of the table in `docs/protocol.md`, and its
//! variants.

use super::*;

fn reject(id: TaskId, index: Index) {
    let reason = b"not what I meant".to_vec().try_into().unwrap();
    assert_ok!(Market::reject_result(signed(CREATOR), id, index, reason));
}

fn all_attest(id: TaskId, index: Index, verdict: Verdict) {
    for member in members(id, index) {
        attest(id, index, member, verdict, 250_000);
    }
}

/// Each of the three members has its fee.
fn assert_members_paid(id: TaskId, index: Index) {
    let committee = submission(id, index).committee;
    assert!(committee.iter().all(|seat| seat.paid && gain(seat.member) == FEE as i128));
}

#[test]
fn accepted_pays_contributor_and_members_from_escrow() {
    run(|| {
        let (id, index, _) = under_validation(terms());
        all_attest(id, index, PASS);
        assert_members_paid(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(purse(CONTRIBUTOR).bond, 0);
        assert_eq!(gain(CREATOR), -(SLOT as i128));
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
        let found = task(id);
        assert_eq!((found.open_slots, found.active, found.accepted), (2, 0, 1));
        assert_eq!(found.status, TaskStatus::InProgress);
        assert_eq!(Assignments::<Test>::get(id, CONTRIBUTOR), None);
    });
}

#[test]
fn the_last_accepted_result_completes_the_task() {
    run(|| {
        let (id, index, _) = under_validation(Terms { slots: 1, ..terms() });
        all_attest(id, index, PASS);
        assert_eq!(task(id).status, TaskStatus::Completed);
        assert_eq!(purse(CREATOR).escrow, 0);
    });
}

#[test]
fn places_that_nobody_could_take_cost_nothing() {
    run(|| {
        put_in_office(&[10]);
        let (id, index, _) = under_validation(terms());
        all_attest(id, index, PASS);
        assert_eq!(gain(CREATOR), -((REWARD + FEE) as i128));
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
    });
}

#[test]
fn rejected_on_a_failing_verdict_costs_the_contributor_the_fees() {
    for strategy in [ValidationStrategy::AutoAccept, ValidationStrategy::CustomAccept] {
        run(|| {
            let (id, index, _) = under_validation(Terms { strategy, ..terms() });
            all_attest(id, index, FAIL);
            assert_members_paid(id, index);
            assert_eq!(gain(CONTRIBUTOR), -3 * FEE as i128);
            assert_eq!(purse(CONTRIBUTOR).bond, 0);
            assert_eq!(
                purse(CREATOR),
                Purse { free: WEALTH - 3 * SLOT, escrow: 3 * SLOT, bond: 0 }
            );
            assert_eq!((task(id).open_slots, task(id).active), (3, 0));
            let reason = Reason::default();
            let state = SubmissionState::Rejected { verdict: FAIL, score: 250_000, reason };
            assert_eq!(submission(id, index).state, state);
        });
    }
}

#[test]
fn the_rest_of_the_bond_is_returned() {
    run(|| {
        put_in_office(&[10]);
        let (id, index, _) = under_validation(terms());
        all_attest(id, index, FAIL);
        assert_eq!(gain(CONTRIBUTOR), -(FEE as i128));
        assert_eq!(purse(CONTRIBUTOR).bond, 0);
    });
}

#[test]
fn a_late_member_of_a_failing_result_is_paid_from_the_bond() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        attest(id, index, members[0], FAIL, 0);
        attest(id, index, members[1], FAIL, 0);
        assert_eq!(purse(CONTRIBUTOR).bond, FEE);
        assert_eq!(submission(id, index).bond, FEE);
        assert_ok!(Market::do_try_state());
        attest(id, index, members[2], FAIL, 0);
        assert_members_paid(id, index);
        assert_eq!(purse(CONTRIBUTOR).bond, 0);
    });
}

#[test]
fn a_creator_that_rejects_a_failing_result_pays_nothing() {
    run(|| {
        let (id, index) = under_review(FAIL);
        reject(id, index);
        assert_members_paid(id, index);
        assert_eq!(gain(CONTRIBUTOR), -3 * FEE as i128);
        assert_eq!((gain(CREATOR), purse(CREATOR).escrow), (0, 3 * SLOT));
        assert_eq!(task(id).open_slots, 3);
    });
}

#[test]
fn a_creator_that_rejects_against_the_verdict_pays_the_members() {
    for verdict in [PASS, INCONCLUSIVE] {
        run(|| {
            let (id, index) = under_review(verdict);
            reject(id, index);
            assert_members_paid(id, index);
            assert_eq!(gain(CONTRIBUTOR), 0);
            assert_eq!(purse(CONTRIBUTOR).bond, 0);
            assert_eq!(gain(CREATOR), -3 * FEE as i128);
            assert_eq!(purse(CREATOR).escrow, 3 * SLOT, "the slot is funded again");
            assert_eq!((task(id).open_slots, task(id).active), (3, 0));
        });
    }
}

#[test]
fn a_creator_that_cannot_fill_up_loses_the_slot() {
    run(|| {
        let (id, index) = under_review(PASS);
        let spare = Balances::free_balance(CREATOR) - ED - 1;
        assert_ok!(Balances::transfer_allow_death(signed(CREATOR), 40, spare));
        reject(id, index);
        assert_members_paid(id, index);
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
        assert_eq!(purse(CREATOR).free, ED + 1 + REWARD);
        assert_eq!((task(id).open_slots, task(id).active), (2, 0));
    });
}

#[test]
fn a_rejected_slot_of_a_task_that_is_over_is_refunded() {
    run(|| {
        let (id, index) = under_review(PASS);
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        reject(id, index);
        assert_members_paid(id, index);
        assert_eq!(purse(CREATOR), Purse { free: WEALTH - 3 * FEE, escrow: 0, bond: 0 });
        assert_eq!(task(id).status, TaskStatus::Withdrawn);
    });
}

#[test]
fn a_creator_can_accept_what_the_committee_failed() {
    run(|| {
        let (id, index) = under_review(FAIL);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_members_paid(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -(SLOT as i128));
    });
}

#[test]
fn inconclusive_costs_the_creator_the_fees_and_closes_the_slot() {
    run(|| {
        let (id, index, _) = under_validation(terms());
        all_attest(id, index, INCONCLUSIVE);
        assert_members_paid(id, index);
        assert_eq!(gain(CONTRIBUTOR), 0);
        assert_eq!(gain(CREATOR), -3 * FEE as i128);
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT, "the reward is refunded");
        assert_eq!((task(id).open_slots, task(id).active, task(id).accepted), (2, 0, 0));
    });
}

#[test]
fn members_that_contradict_each_other_are_inconclusive() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        for (member, verdict) in members.into_iter().zip([PASS, FAIL, INCONCLUSIVE]) {
            attest(id, index, member, verdict, 250_000);
        }
        assert_members_paid(id, index);
        let reason = Reason::default();
        let state = SubmissionState::Rejected { verdict: INCONCLUSIVE, score: 250_000, reason };
        assert_eq!(submission(id, index).state, state);
    });
}

#[test]
fn an_expired_assignment_forfeits_the_bond_and_frees_the_slot() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        pass(WORKING);
        assert_noop!(
            Market::settle(signed(OTHER), id, Some(index)),
            Error::<Test>::NothingToSettle
        );
        pass(1);
        settle(id, index);
        assert_eq!(gain(CONTRIBUTOR), -(BOND as i128));
        assert_eq!(treasury_gain(), BOND);
        assert_eq!((task(id).open_slots, task(id).active), (3, 0));
        assert_eq!(submission(id, index).state, SubmissionState::Expired);
        assert_eq!(accept(id, CONTRIBUTOR), index + 1);
    });
}

#[test]
fn a_slot_that_frees_after_expiry_ends_the_task_and_refunds_all_that_is_open() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        pass(LIFE + 1);
        settle(id, index);
        assert_eq!(task(id).status, TaskStatus::Expired);
        assert_eq!(purse(CREATOR), Purse { free: WEALTH, escrow: 0, bond: 0 });
    });
}

#[test]
fn a_silent_creator_leaves_it_to_the_verdict() {
    for (verdict, creator, contributor) in [
        (PASS, -(SLOT as i128), REWARD as i128),
        (FAIL, 0, -3 * FEE as i128),
        (INCONCLUSIVE, -3 * FEE as i128, 0),
    ] {
        run(|| {
            let (id, index) = under_review(verdict);
            assert_noop!(
                Market::settle(signed(OTHER), id, Some(index)),
                Error::<Test>::NothingToSettle
            );
            pass(REVIEW + 1);
            settle(id, index);
            assert_members_paid(id, index);
            assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (creator, contributor));
        });
    }
}
