//! Every end of a submission, and who is paid by whom.

use super::*;

fn assert_members_paid(id: TaskId, index: Index) {
    for seat in submission(id, index).committee {
        assert_eq!((gain(seat.member), seat.paid), (FEE as i128, true));
        assert_eq!(profile(seat.member).duties, 0);
    }
}

#[test]
fn accepted_pays_contributor_and_members_from_escrow() {
    run(|| {
        let (id, index) = paid(terms());
        assert_members_paid(id, index);
        assert_eq!((gain(CONTRIBUTOR), purse(CONTRIBUTOR).bond), (REWARD as i128, 0));
        assert_eq!((gain(CREATOR), purse(CREATOR).escrow), (-(SLOT as i128), 2 * SLOT));
        let found = task(id);
        assert_eq!((found.open_slots, found.active, found.accepted), (2, 0, 1));
        assert_eq!(found.status, TaskStatus::InProgress);
        assert_eq!(Assignments::<Test>::get(id, CONTRIBUTOR), None);
        let finding = Finding { verdict: PASS, score: SCORE };
        let ended = SubmissionState::Accepted { finding, unpaid: false, ended_at: START };
        assert_eq!(state(id, index), ended);
        let (contributor, reward, asset, paid) = (CONTRIBUTOR, REWARD, None, true);
        let event = Event::ResultAccepted { task: id, index, contributor, reward, asset, paid };
        assert!(has_event(event));
    });
}

#[test]
fn the_last_accepted_result_completes_the_task() {
    run(|| {
        let (id, _) = paid(Terms { slots: 1, ..terms() });
        assert_eq!((task(id).status, task(id).ended_at), (TaskStatus::Completed, Some(START)));
        assert_eq!(purse(CREATOR).escrow, 0);
    });
}

#[test]
fn places_that_nobody_could_take_cost_nothing() {
    run(|| {
        put_in_office(&[10]);
        paid(terms());
        assert_eq!(gain(CREATOR), -((REWARD + FEE) as i128));
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
    });
}

#[test]
fn only_those_within_majority_and_tolerance_earn() {
    run(|| {
        let five = Terms { committee_size: 5, ..terms() };
        let (id, index, members) = under_validation(five);
        let near = SCORE + 10_000;
        let far = SCORE - 10_001;
        let findings = [(PASS, SCORE), (PASS, near), (PASS, far), (FAIL, SCORE), (CRASHED, SCORE)];
        judge(id, index, &findings);
        release(id, index);
        let gains: Vec<_> = members.iter().map(|member| gain(*member)).collect();
        assert_eq!(gains, [FEE as i128, FEE as i128, 0, 0, 0]);
        assert_eq!(gain(CREATOR), -((REWARD + 2 * FEE) as i128));
        assert!(members.iter().all(|member| profile(*member).bond == OFFICE_BOND));
    });
}

#[test]
fn failed_costs_the_contributor_the_fees() {
    for strategy in [ValidationStrategy::AutoAccept, ValidationStrategy::CustomAccept] {
        run(|| {
            let (id, index) = judged(Terms { strategy, ..terms() }, FAIL);
            assert_members_paid(id, index);
            assert_eq!(gain(CONTRIBUTOR), -3 * FEE as i128);
            assert_eq!(purse(CONTRIBUTOR).bond, 0);
            assert_eq!((gain(CREATOR), purse(CREATOR).escrow), (0, 3 * SLOT));
            assert_eq!((task(id).open_slots, task(id).active), (3, 0));
            let SubmissionState::Rejected { finding, outcome, .. } = state(id, index) else {
                panic!()
            };
            assert_eq!(finding, Finding { verdict: FAIL, score: SCORE });
            assert_eq!(outcome, Outcome::Failed);
        });
    }
}

#[test]
fn fees_that_nobody_earned_stay_with_the_contributor() {
    run(|| {
        let (id, index, _) = under_validation(terms());
        judge(id, index, &[(FAIL, 0), (FAIL, 0), (PASS, SCORE)]);
        assert_eq!(gain(CONTRIBUTOR), -2 * FEE as i128);
    });
}

#[test]
fn a_creator_that_rejects_a_failing_result_pays_nothing() {
    run(|| {
        let (id, index) = judged(manual(), FAIL);
        assert_ok!(reject(id, index));
        assert_members_paid(id, index);
        assert_eq!(gain(CONTRIBUTOR), -3 * FEE as i128);
        assert_eq!((gain(CREATOR), purse(CREATOR).escrow), (0, 3 * SLOT));
    });
}

#[test]
fn a_creator_that_overrules_pays_the_members_once_nobody_appeals() {
    for verdict in [PASS, INCONCLUSIVE] {
        run(|| {
            let (id, index) = judged(manual(), verdict);
            assert_ok!(reject(id, index));
            assert!(has_event(Event::Overruled { task: id, index, counter: APPEAL_BOND }));
            assert_eq!(purse(CREATOR).appeal, APPEAL_BOND);
            settle_after(APPEAL_PERIOD, id, index);
            assert_members_paid(id, index);
            assert_eq!((gain(CONTRIBUTOR), purse(CONTRIBUTOR).bond), (0, 0));
            assert_eq!((gain(CREATOR), purse(CREATOR).appeal), (-3 * FEE as i128, 0));
            assert_eq!(purse(CREATOR).escrow, 3 * SLOT, "the slot is funded again");
            assert_eq!((task(id).open_slots, task(id).active), (3, 0));
            let SubmissionState::Rejected { outcome, reason: said, .. } = state(id, index) else {
                panic!()
            };
            assert_eq!((outcome, said), (Outcome::Overruled, reason()));
        });
    }
}

#[test]
fn overruling_takes_what_an_appeal_would_cost() {
    run(|| {
        let (id, index) = judged(manual(), PASS);
        let spare = Balances::free_balance(CREATOR) - ED - APPEAL_BOND + 1;
        assert_ok!(Balances::transfer_allow_death(signed(CREATOR), 40, spare));
        assert_noop!(reject(id, index), Error::<Test>::AppealUnaffordable);
        // The verdict decides when the creator has nothing more to say.
        pass(REVIEW + 1);
        settle(id, index);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
    });
}

#[test]
fn a_creator_that_cannot_fill_up_loses_the_slot() {
    run(|| {
        let (id, index, _) = under_validation(terms());
        let spare = Balances::free_balance(CREATOR) - ED - 3 * FEE + 1;
        assert_ok!(Balances::transfer_allow_death(signed(CREATOR), 40, spare));
        judge_all(id, index, INCONCLUSIVE);
        assert_members_paid(id, index);
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
        assert_eq!(purse(CREATOR).free, ED + 3 * FEE - 1 + REWARD);
        assert_eq!((task(id).open_slots, task(id).active), (2, 0));
        assert_eq!(task(id).status, TaskStatus::InProgress);
    });
}

#[test]
fn a_rejected_slot_of_a_task_that_is_over_is_refunded() {
    run(|| {
        let (id, index) = judged(manual(), PASS);
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        assert_ok!(reject(id, index));
        settle_after(APPEAL_PERIOD, id, index);
        assert_members_paid(id, index);
        assert_eq!((gain(CREATOR), purse(CREATOR).escrow), (-3 * FEE as i128, 0));
        assert_eq!(task(id).status, TaskStatus::Withdrawn);
        assert_eq!(task(id).ended_at, Some(Market::now()));
    });
}

#[test]
fn a_creator_can_accept_what_the_committee_failed() {
    run(|| {
        let (id, index) = judged(manual(), FAIL);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        release(id, index);
        assert_members_paid(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -(SLOT as i128));
    });
}

#[test]
fn inconclusive_costs_the_creator_what_the_slot_holds_for_it_and_nothing_else() {
    run(|| {
        let (id, index) = judged(terms(), INCONCLUSIVE);
        assert_members_paid(id, index);
        assert_eq!((gain(CONTRIBUTOR), gain(CREATOR)), (0, -3 * FEE as i128));
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT, "the rest is refunded");
        assert_eq!((task(id).open_slots, task(id).active, task(id).accepted), (2, 0, 0));
    });
}

#[test]
fn nobody_earns_where_no_verdict_stands() {
    for findings in [
        [(PASS, SCORE), (FAIL, SCORE), (INCONCLUSIVE, 0)],
        [(CRASHED, 0), (CRASHED, 0), (CRASHED, 0)],
        [(PASS, SCORE), (CRASHED, 0), (CRASHED, 0)],
    ] {
        run(|| {
            let (id, index, members) = under_validation(terms());
            judge(id, index, &findings);
            for member in members {
                assert_eq!((gain(member), profile(member).bond), (0, OFFICE_BOND));
                assert_eq!(record(member, Role::Aggregator).rejected, 0);
            }
            assert_eq!((gain(CONTRIBUTOR), gain(CREATOR)), (0, 0));
            let SubmissionState::Rejected { outcome, .. } = state(id, index) else { panic!() };
            assert_eq!(outcome, Outcome::Inconclusive);
        });
    }
}

#[test]
fn an_expired_assignment_forfeits_the_bond_and_frees_the_slot() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        settle_after(WORKING, id, index);
        assert_eq!(gain(CONTRIBUTOR), -(BOND as i128));
        assert_eq!(treasury_gain(), BOND);
        assert_eq!((task(id).open_slots, task(id).active), (3, 0));
        assert_eq!(state(id, index), SubmissionState::Expired { ended_at: Market::now() });
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
        assert_eq!(
            (task(id).status, task(id).ended_at),
            (TaskStatus::Expired, Some(Market::now()))
        );
        assert_eq!((gain(CREATOR), purse(CREATOR).escrow), (0, 0));
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
            let (id, index) = judged(manual(), verdict);
            settle_after(REVIEW, id, index);
            if verdict == PASS {
                release(id, index);
            }
            assert_members_paid(id, index);
            assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (creator, contributor));
        });
    }
}

#[test]
fn a_challenge_window_delays_every_outcome_and_changes_none() {
    for (verdict, creator, contributor) in [
        (PASS, -(SLOT as i128), REWARD as i128),
        (FAIL, 0, -3 * FEE as i128),
        (INCONCLUSIVE, -3 * FEE as i128, 0),
    ] {
        run(|| {
            let (id, index) = judged(challenged(), verdict);
            let finding = Finding { verdict, score: SCORE };
            let window = Window::Challenge {
                until: START + CHALLENGE,
                outcome: Outcome::of(verdict),
                reason: Reason::default(),
                counter: 0,
            };
            assert_eq!(state(id, index), SubmissionState::Validated { finding, window });
            assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
            settle_after(CHALLENGE, id, index);
            if verdict == PASS {
                release(id, index);
            }
            assert_members_paid(id, index);
            assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (creator, contributor));
        });
    }
}
