//! Jurors and appellants that do not do their part.

use super::*;

#[test]
fn absent_jurors_are_reported_and_still_counted() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        for who in [10, 11] {
            commit(id, index, who, PASS, SCORE);
        }
        settle_after(COMMIT_PERIOD, id, index);
        let late = try_reveal(id, index, 12, says(PASS, SCORE));
        assert_noop!(late, Error::<Test>::NotCommitted);
        for who in [10, 11] {
            reveal(id, index, who, PASS, SCORE);
        }
        for absent in [12, 13, 14] {
            assert!(has_event(Event::MemberAbsent { task: id, index, member: absent }));
            assert_eq!(profile(absent).missed, 1);
        }
        // Two of five are not more than half.
        assert_eq!(outcome(id, index), Outcome::Failed);
        assert!(MEMBERS.iter().all(|member| profile(*member).duties == 0));
    });
}

#[test]
fn jurors_that_do_not_open_their_commitments_lose_a_part_of_their_bonds() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        for who in MEMBERS {
            commit(id, index, who, PASS, SCORE);
        }
        for who in [10, 11, 12] {
            reveal(id, index, who, PASS, SCORE);
        }
        settle_after(REVEAL_PERIOD, id, index);
        assert_eq!(outcome(id, index), Outcome::Accepted);
        for lazy in [13, 14] {
            assert!(has_event(Event::MemberUnrevealed { task: id, index, member: lazy }));
            assert!(profile(lazy).bond <= OFFICE_BOND - OFFICE_BOND / 5);
        }
    });
}

#[test]
fn a_jury_that_says_nothing_leaves_everything_as_it_was() {
    run(|| {
        let (id, index) = appealed(CREATOR, challenged(), PASS);
        settle_after(COMMIT_PERIOD, id, index);
        assert_eq!(outcome(id, index), Outcome::Accepted);
        assert_appeal_ended(id, index, CREATOR, false);
        assert!(MEMBERS.iter().all(|member| profile(*member).missed == 1));
        release(id, index);
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (-(SLOT as i128), REWARD as i128));
    });
}

#[test]
fn an_appellant_that_hands_no_key_loses_its_bond() {
    run(|| {
        let (id, index) = judged(challenged(), FAIL);
        appeal(CONTRIBUTOR, id, index);
        settle_after(SEALING_PERIOD, id, index);
        assert_eq!(outcome(id, index), Outcome::Failed);
        assert_appeal_ended(id, index, CONTRIBUTOR, false);
        assert_eq!(gain(CONTRIBUTOR), -((3 * FEE + APPEAL_BOND) as i128));
        assert_eq!(treasury_gain(), APPEAL_BOND);
        assert!(MEMBERS.iter().all(|member| profile(*member).duties == 0));
    });
}

#[test]
fn a_contributor_that_hides_its_result_from_the_jury_loses_its_bond() {
    run(|| {
        let (id, index) = judged(challenged(), PASS);
        appeal(CREATOR, id, index);
        settle_after(SEALING_PERIOD, id, index);
        assert_eq!(state(id, index), SubmissionState::Expired { ended_at: Market::now() });
        assert_appeal_ended(id, index, CREATOR, true);
        assert_eq!((gain(CONTRIBUTOR), gain(CREATOR)), (-(BOND as i128), 0));
        assert_eq!(treasury_gain(), BOND);
        assert_eq!(Appeals::<Test>::get(id, index), None);
        assert!(MEMBERS.iter().all(|member| profile(*member).duties == 0));
    });
}

#[test]
fn an_appeal_goes_on_when_its_task_is_withdrawn_or_expired() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        assert_ok!(Market::withdraw_task(signed(CREATOR), id));
        judge_all(id, index, PASS);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(purse(CREATOR).escrow, 0);

        let soon = Terms { expires_at: Market::now() + 1_000, ..challenged() };
        let (id, index) = appealed(CONTRIBUTOR, soon, FAIL);
        pass(1_001);
        assert_ok!(Market::settle(signed(OTHER), id, None));
        judge_all(id, index, FAIL);
        assert_eq!(purse(CREATOR).escrow, 0);
        assert_ne!(task(id).ended_at, None);
    });
}

#[test]
fn slashed_members_are_not_paid_again_and_can_leave() {
    run(|| {
        let (id, index) = appealed(CREATOR, challenged(), PASS);
        let (inside, _) = in_and_out(id, index);
        judge_all(id, index, FAIL);
        put_in_office(&[]);
        for member in inside {
            assert!(!submission(id, index).committee.iter().any(|seat| seat.paid));
            assert_ok!(Aggregators::deregister(signed(member)));
        }
    });
}

#[test]
fn an_accepted_result_whose_key_nobody_releases_after_an_appeal_is_the_committees_fault() {
    run(|| {
        let (id, index) = appealed(CREATOR, challenged(), PASS);
        judge_all(id, index, PASS);
        settle_after(RELEASE_PERIOD, id, index);
        let (inside, outside) = in_and_out(id, index);
        assert!(inside.iter().all(|member| profile(*member).bond == OFFICE_BOND * 4 / 5));
        assert!(outside.iter().all(|member| profile(*member).bond == OFFICE_BOND));
        assert_eq!(Appeals::<Test>::get(id, index), None);
    });
}
