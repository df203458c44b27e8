//! What anyone may do once a deadline has passed, and what not.

use super::*;

fn try_settle(id: TaskId, index: Option<Index>) -> DispatchResult {
    Market::settle(signed(OTHER), id, index)
}

#[test]
fn what_is_unknown_or_not_over_cannot_be_settled() {
    run(|| {
        assert_noop!(try_settle(0, None), Error::<Test>::UnknownTask);
        assert_noop!(try_settle(0, Some(0)), Error::<Test>::UnknownTask);
        let id = create(terms());
        assert_noop!(try_settle(id, Some(0)), Error::<Test>::UnknownSubmission);
        pass(LIFE);
        assert_noop!(try_settle(id, None), Error::<Test>::NothingToSettle);
        pass(1);
        assert_ok!(try_settle(id, None));
        assert_noop!(try_settle(id, None), Error::<Test>::NothingToSettle);
    });
}

#[test]
fn what_has_ended_cannot_be_settled() {
    run(|| {
        let (accepted, failed) = (paid(terms()), judged(terms(), FAIL));
        let (id, index) = submitted(terms());
        draw(id, index);
        pass(SEALING_PERIOD + 1);
        settle(id, index);
        pass(LIFE);
        for (id, index) in [accepted, failed, (id, index)] {
            assert_noop!(try_settle(id, Some(index)), Error::<Test>::NothingToSettle);
        }
    });
}

#[test]
fn a_task_that_is_over_with_work_in_progress_goes_on_to_its_end() {
    run(|| {
        let id = create(Terms { expires_at: Market::now() + 1_000, ..terms() });
        let index = accept(id, CONTRIBUTOR);
        pass(1_001);
        assert_ok!(try_settle(id, None));
        assert_eq!((task(id).status, task(id).ended_at), (TaskStatus::Expired, None));
        assert_eq!(purse(CREATOR).escrow, SLOT);
        submit(id, CONTRIBUTOR);
        draw(id, index);
        hand(id, index);
        judge_all(id, index, PASS);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(
            (task(id).status, task(id).ended_at),
            (TaskStatus::Expired, Some(Market::now()))
        );
    });
}

#[test]
fn a_task_whose_slots_are_all_taken_has_nothing_to_settle() {
    run(|| {
        let id = create(Terms { slots: 1, ..terms() });
        accept(id, CONTRIBUTOR);
        pass(LIFE + 1);
        assert_noop!(try_settle(id, None), Error::<Test>::NothingToSettle);
    });
}

#[test]
fn a_result_that_nobody_could_judge_is_inconclusive() {
    run(|| {
        put_in_office(&[]);
        let (id, index) = submitted(terms());
        settle_after(DRAW_PERIOD, id, index);
        let SubmissionState::Rejected { finding, outcome, .. } = state(id, index) else { panic!() };
        assert_eq!(finding, Finding { verdict: INCONCLUSIVE, score: 0 });
        assert_eq!(outcome, Outcome::Inconclusive);
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
        assert_eq!(task(id).open_slots, 3);
    });
}

#[test]
fn a_creator_can_accept_a_result_that_nobody_could_judge() {
    run(|| {
        put_in_office(&[]);
        let (id, index) = submitted(manual());
        settle_after(DRAW_PERIOD, id, index);
        assert_ok!(Market::accept_result(signed(CREATOR), id, index));
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
    });
}

#[test]
fn two_committees_that_say_nothing_are_inconclusive() {
    run(|| {
        let (id, index, first) = under_validation(terms());
        settle_after(COMMIT_PERIOD, id, index);
        let second = draw(id, index);
        hand(id, index);
        settle_after(COMMIT_PERIOD, id, index);
        let SubmissionState::Rejected { outcome, .. } = state(id, index) else { panic!() };
        assert_eq!(outcome, Outcome::Inconclusive);
        assert!(members(id, index).is_empty());
        for member in first.iter().chain(&second) {
            assert_eq!(profile(*member).duties, 0);
        }
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
    });
}

#[test]
fn who_commits_in_the_second_round_decides() {
    run(|| {
        let (id, index, first) = under_validation(terms());
        commit(id, index, first[0], FAIL, 0);
        settle_after(COMMIT_PERIOD, id, index);
        draw(id, index);
        hand(id, index);
        settle_after(COMMIT_PERIOD, id, index);
        assert_eq!(members(id, index), [first[0]], "the absent lose their seats");
        reveal(id, index, first[0], FAIL, 0);
        assert_eq!(gain(CONTRIBUTOR), -(FEE as i128));
    });
}

#[test]
fn after_all_deadlines_settle_alone_empties_every_hold_but_deposits() {
    // One submission left in each state.
    run(|| {
        let id = create(Terms { slots: 4, ..manual() });
        accept(id, CONTRIBUTOR);
        let mut ids = vec![id];
        ids.push(submitted(manual()).0);
        let sealing = submitted(terms());
        draw(sealing.0, sealing.1);
        ids.push(sealing.0);
        ids.push(under_validation(terms()).0);
        let (revealing, index, members) = under_validation(terms());
        for member in members {
            commit(revealing, index, member, PASS, 1);
        }
        ids.push(revealing);
        ids.push(judged(manual(), PASS).0);
        ids.push(judged(challenged(), PASS).0);
        ids.push(judged(terms(), PASS).0);
        let (overruled, index) = judged(manual(), PASS);
        assert_ok!(reject(overruled, index));
        ids.push(overruled);
        let (appealed, index) = judged(challenged(), FAIL);
        assert_ok!(Market::appeal(signed(CONTRIBUTOR), appealed, index));
        ids.push(appealed);
        for _ in 0..8 {
            pass(LIFE + 1);
            for id in &ids {
                let _ = try_settle(*id, Some(0));
                let _ = try_settle(*id, None);
            }
        }
        for who in 1..=40 {
            let Purse { escrow, bond, appeal, .. } = purse(who);
            assert_eq!((escrow, bond, appeal), (0, 0, 0), "of {who}");
        }
        for id in ids {
            assert_ne!(task(id).ended_at, None);
        }
    });
}
