//! What anyone can settle, and when.

use super::*;

fn nothing_to_settle(id: TaskId, index: Option<Index>) {
    assert_noop!(Market::settle(signed(OTHER), id, index), Error::<Test>::NothingToSettle);
}

#[test]
fn an_expired_task_refunds_its_open_slots() {
    run(|| {
        let id = create(terms());
        accept(id, CONTRIBUTOR);
        pass(LIFE);
        nothing_to_settle(id, None);
        pass(1);
        assert_ok!(Market::settle(signed(OTHER), id, None));
        assert_eq!(task(id).status, TaskStatus::Expired);
        assert_eq!(purse(CREATOR).escrow, SLOT);
        nothing_to_settle(id, None);
    });
}

#[test]
fn a_task_without_open_slots_does_not_expire() {
    run(|| {
        let (id, index, members) = under_validation(Terms { slots: 1, ..terms() });
        pass(ATTESTATION_PERIOD);
        pallet_timestamp::Now::<Test>::put(START + ATTESTATION_PERIOD);
        for member in members {
            attest(id, index, member, PASS, 1);
        }
        pass(LIFE + 1);
        nothing_to_settle(id, None);
        assert_eq!(task(id).status, TaskStatus::Completed);
    });
}

#[test]
fn unknown_things_cannot_be_settled() {
    run(|| {
        assert_noop!(Market::settle(signed(OTHER), 0, None), Error::<Test>::UnknownTask);
        let id = create(terms());
        assert_noop!(Market::settle(signed(OTHER), id, Some(0)), Error::<Test>::UnknownSubmission);
    });
}

#[test]
fn without_anybody_to_judge_a_result_ends_inconclusive_and_free_of_charge() {
    run(|| {
        put_in_office(&[]);
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        submit(id, CONTRIBUTOR);
        pass(DRAW_PERIOD);
        nothing_to_settle(id, Some(index));
        pass(1);
        settle(id, index);
        let reason = Reason::default();
        let state = SubmissionState::Rejected { verdict: INCONCLUSIVE, score: 0, reason };
        assert_eq!(submission(id, index).state, state);
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
        assert_eq!(purse(CONTRIBUTOR).bond, 0);
        assert_eq!(task(id).open_slots, 3, "nothing was paid, so the slot is open again");
    });
}

#[test]
fn without_anybody_to_judge_a_manual_task_is_for_its_creator() {
    run(|| {
        put_in_office(&[]);
        let id = create(manual());
        let index = accept(id, CONTRIBUTOR);
        submit(id, CONTRIBUTOR);
        pass(DRAW_PERIOD + 1);
        settle(id, index);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (-(REWARD as i128), REWARD as i128));
    });
}

#[test]
fn absent_members_are_replaced_once_and_reported() {
    run(|| {
        let (id, index, first) = under_validation(terms());
        attest(id, index, first[1], PASS, 400_000);
        pass(ATTESTATION_PERIOD);
        nothing_to_settle(id, Some(index));
        pass(1);
        settle(id, index);
        assert_eq!(submission(id, index).committee[0].member, first[0], "until it is replaced");
        assert_eq!((missed(first[0]), missed(first[1]), missed(first[2])), (1, 0, 1));
        assert_eq!(duties(first[0]), 0);
        assert_noop!(try_attest(id, index, first[0], PASS, 0), Error::<Test>::CommitteeNotReady);

        assert_noop!(
            Market::draw_committee(signed(OTHER), id, index),
            Error::<Test>::CommitteeNotReady
        );
        let second = draw(id, index);
        assert_eq!(second.len(), 3);
        assert_eq!(second[1], first[1]);
        assert!(!first.contains(&second[0]) && !first.contains(&second[2]));
        let absent = first[0];
        let replacement = Some(second[0]);
        assert!(has_event(Event::MemberReplaced { task: id, index, absent, replacement }));
        assert_noop!(try_attest(id, index, first[0], PASS, 0), Error::<Test>::NotCommitteeMember);

        attest(id, index, second[0], PASS, 600_000);
        let state = SubmissionState::Accepted { verdict: PASS, score: 500_000 };
        assert_eq!(submission(id, index).state, state);
    });
}

#[test]
fn seats_for_which_nobody_is_left_are_dropped() {
    run(|| {
        put_in_office(&[10, 11, 12]);
        let (id, index, first) = under_validation(terms());
        attest(id, index, first[2], FAIL, 0);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        put_in_office(&[10, 11, 12, 14]);
        let second = draw(id, index);
        assert_eq!(second, [14, first[2]]);
        let absent = first[1];
        assert!(has_event(Event::MemberReplaced { task: id, index, absent, replacement: None }));
        attest(id, index, 14, FAIL, 0);
        assert_eq!(gain(CONTRIBUTOR), -2 * FEE as i128);
    });
}

#[test]
fn the_second_round_decides_by_what_there_is() {
    run(|| {
        let (id, index, first) = under_validation(terms());
        attest(id, index, first[0], PASS, 700_000);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        let second = draw(id, index);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        let state = SubmissionState::Accepted { verdict: PASS, score: 700_000 };
        assert_eq!(submission(id, index).state, state);
        assert_eq!(members(id, index), [first[0]]);
        assert_eq!((missed(second[1]), missed(second[2])), (1, 1));
        assert_eq!(gain(CREATOR), -((REWARD + FEE) as i128));
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
    });
}

#[test]
fn a_second_round_that_nobody_can_be_drawn_for_decides_by_the_first() {
    run(|| {
        put_in_office(&[10, 11, 12]);
        let (id, index, first) = under_validation(terms());
        attest(id, index, first[0], FAIL, 1);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        next_blocks(2);
        assert_noop!(
            Market::draw_committee(signed(OTHER), id, index),
            Error::<Test>::NoEligibleAggregator
        );
        pass(DRAW_PERIOD + 1);
        settle(id, index);
        let reason = Reason::default();
        let state = SubmissionState::Rejected { verdict: FAIL, score: 1, reason };
        assert_eq!(submission(id, index).state, state);
        assert_eq!(gain(first[0]), FEE as i128);
        assert_eq!(missed(first[1]), 1, "an absence counts once");
    });
}

#[test]
fn a_committee_that_never_shows_up_costs_nobody_anything() {
    run(|| {
        let (id, index, _) = under_validation(terms());
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        draw(id, index);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
        assert_eq!(task(id).open_slots, 3);
        assert_eq!(MEMBERS.map(missed).iter().sum::<u32>(), 5);
        nothing_to_settle(id, Some(index));
    });
}

#[test]
fn fees_that_nobody_earned_go_back_to_the_creator() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        attest(id, index, members[0], PASS, 1);
        attest(id, index, members[1], PASS, 1);
        pass(ATTESTATION_PERIOD);
        nothing_to_settle(id, Some(index));
        pass(1);
        assert_noop!(try_attest(id, index, members[2], PASS, 1), Error::<Test>::DeadlinePassed);
        settle(id, index);
        assert_eq!(purse(CREATOR).escrow, 2 * SLOT);
        assert_eq!(gain(CREATOR), -((REWARD + 2 * FEE) as i128));
        assert_eq!((missed(members[2]), duties(members[2])), (1, 0));
        nothing_to_settle(id, Some(index));
    });
}

#[test]
fn fees_that_nobody_earned_go_back_to_the_contributor() {
    run(|| {
        let (id, index, members) = under_validation(terms());
        attest(id, index, members[0], FAIL, 1);
        attest(id, index, members[1], FAIL, 1);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        assert_eq!(purse(CONTRIBUTOR).bond, 0);
        assert_eq!(gain(CONTRIBUTOR), -2 * FEE as i128);
        assert_eq!(submission(id, index).bond, 0);
    });
}

#[test]
fn silent_members_need_not_wait_for_the_creator() {
    run(|| {
        let (id, index, members) = under_validation(manual());
        attest(id, index, members[0], PASS, 1);
        attest(id, index, members[1], PASS, 1);
        nothing_to_settle(id, Some(index));
        assert_eq!(duties(members[2]), 1);
        pass(ATTESTATION_PERIOD + 1);
        settle(id, index);
        assert_eq!((missed(members[2]), duties(members[2])), (1, 0));
        nothing_to_settle(id, Some(index));
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_eq!(gain(CREATOR), -((REWARD + 2 * FEE) as i128));
        assert_eq!(submission(id, index).fees, Fees::Settled);
    });
}

#[test]
fn a_member_can_attest_while_the_creator_reviews() {
    run(|| {
        let (id, index, members) = under_validation(manual());
        attest(id, index, members[0], PASS, 1);
        attest(id, index, members[1], PASS, 1);
        attest(id, index, members[2], PASS, 1);
        assert_eq!(gain(members[2]), 0, "who pays is not known yet");
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        assert_eq!(gain(members[2]), FEE as i128);
    });
}

#[test]
fn a_creator_that_decides_early_leaves_late_members_their_fee() {
    run(|| {
        let (id, index, members) = under_validation(manual());
        attest(id, index, members[0], PASS, 1);
        attest(id, index, members[1], PASS, 1);
        assert_ok!(Market::reject_result(signed(CREATOR), id, index, Reason::default()));
        assert_eq!(purse(CREATOR).escrow, 3 * SLOT + FEE);
        assert_ok!(Market::do_try_state());
        attest(id, index, members[2], PASS, 1);
        assert_eq!(gain(members[2]), FEE as i128);
        assert_eq!(purse(CREATOR).escrow, 3 * SLOT);
    });
}
