//! How appeals end: what the jury finds, and who pays for it.

use super::*;
use pallet_reputation::Role;

const HALF: i128 = OFFICE_BOND as i128 / 2;

fn appeal(who: AccountId, id: TaskId, index: Index) {
    assert_ok!(Market::appeal(signed(who), id, index));
}

/// An appeal on which the jury can judge. The committee of three was unanimous.
fn appealed(who: AccountId, terms: TermsOf<Test>, verdict: Verdict) -> (TaskId, Index) {
    let (id, index) = judged(terms, verdict);
    appeal(who, id, index);
    hand(id, index);
    (id, index)
}

/// The creator overruled a Pass, against which the contributor appeals.
fn overruled() -> (TaskId, Index) {
    let (id, index) = judged(manual(), PASS);
    assert_ok!(reject(id, index));
    appeal(CONTRIBUTOR, id, index);
    hand(id, index);
    (id, index)
}

fn outcome(id: TaskId, index: Index) -> Outcome {
    match state(id, index) {
        SubmissionState::Rejected { outcome, .. } => outcome,
        SubmissionState::Validated { window: Window::Release { .. }, .. } => Outcome::Accepted,
        other => panic!("{other:?}"),
    }
}

fn assert_appeal_ended(id: TaskId, index: Index, appellant: AccountId, upheld: bool) {
    assert!(has_event(Event::AppealEnded { task: id, index, appellant, upheld }));
    assert_eq!((purse(CREATOR).appeal, purse(CONTRIBUTOR).appeal), (0, 0));
}

/// Members of the committee, and those in office besides.
fn in_and_out(id: TaskId, index: Index) -> (Vec<AccountId>, Vec<AccountId>) {
    let inside = members(id, index);
    let outside = MEMBERS.into_iter().filter(|who| !inside.contains(who)).collect();
    (inside, outside)
}

#[test]
fn a_contributor_that_wins_is_paid_and_the_committee_slashed() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        let (inside, outside) = in_and_out(id, index);
        judge_all(id, index, PASS);
        assert_eq!(outcome(id, index), Outcome::Accepted);
        assert_appeal_ended(id, index, CONTRIBUTOR, true);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        // The committee's fees were not earned; its bonds paid the jury, which it was part of.
        assert_eq!(gain(CREATOR), -(REWARD as i128));
        for member in &inside {
            assert_eq!(gain(*member), FEE as i128 - HALF);
        }
        for member in &outside {
            assert_eq!(gain(*member), FEE as i128);
        }
        assert_eq!(treasury_gain() as i128, 3 * HALF - APPEAL_BOND as i128);
        assert!(MEMBERS.iter().all(|member| profile(*member).duties == 0));
        assert_eq!(Appeals::<Test>::get(id, index), None);
    });
}

#[test]
fn any_of_the_jury_can_release_the_key() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        judge_all(id, index, PASS);
        let (_, outside) = in_and_out(id, index);
        assert_ok!(Market::release_key(signed(outside[0]), id, index, RELEASE));
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
    });
}

#[test]
fn a_contributor_that_loses_pays_the_jury() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        let (inside, outside) = in_and_out(id, index);
        judge_all(id, index, FAIL);
        assert_eq!(outcome(id, index), Outcome::Failed);
        assert_appeal_ended(id, index, CONTRIBUTOR, false);
        assert_eq!(gain(CONTRIBUTOR), -((3 * FEE + APPEAL_BOND) as i128));
        assert_eq!((gain(CREATOR), treasury_gain()), (0, 0));
        for member in inside {
            assert_eq!(gain(member), 2 * FEE as i128);
        }
        for member in outside {
            assert_eq!(gain(member), FEE as i128);
        }
    });
}

#[test]
fn what_the_jury_did_not_earn_goes_back_to_who_lost() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        let five = [(FAIL, SCORE), (FAIL, SCORE), (FAIL, SCORE), (PASS, SCORE), (CRASHED, 0)];
        judge(id, index, &five);
        assert_eq!(outcome(id, index), Outcome::Failed);
        assert_eq!(gain(CONTRIBUTOR), -(6 * FEE as i128));
    });
}

#[test]
fn a_creator_that_wins_pays_nothing_and_the_colluding_committee_does() {
    run(|| {
        let (id, index) = appealed(CREATOR, challenged(), PASS);
        let (inside, outside) = in_and_out(id, index);
        judge_all(id, index, FAIL);
        assert_eq!(outcome(id, index), Outcome::Failed);
        assert_appeal_ended(id, index, CREATOR, true);
        // Nobody on the committee found what the jury found: no fee is due from the bond.
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
        for member in &inside {
            assert_eq!(gain(*member), FEE as i128 - HALF);
            assert_eq!(profile(*member).bond, OFFICE_BOND / 2);
        }
        for member in outside {
            assert_eq!(gain(member), FEE as i128);
        }
    });
}

#[test]
fn an_honest_minority_of_the_committee_earns_after_all() {
    run(|| {
        let (id, index, members) = under_validation(challenged());
        judge(id, index, &[(PASS, SCORE), (FAIL, 0), (PASS, SCORE)]);
        appeal(CREATOR, id, index);
        hand(id, index);
        judge(id, index, &[(FAIL, 0); 5]);
        assert_eq!(outcome(id, index), Outcome::Failed);
        assert_eq!(gain(CONTRIBUTOR), -(FEE as i128));
        assert_eq!(gain(members[1]), 2 * FEE as i128);
        assert_eq!(gain(members[0]), FEE as i128 - HALF);
    });
}

#[test]
fn a_creator_that_loses_pays_the_jury_and_the_reward() {
    run(|| {
        let (id, index) = appealed(CREATOR, challenged(), PASS);
        judge_all(id, index, PASS);
        assert_eq!(outcome(id, index), Outcome::Accepted);
        assert_appeal_ended(id, index, CREATOR, false);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -((SLOT + APPEAL_BOND) as i128));
        assert_eq!(treasury_gain(), 0);
    });
}

#[test]
fn a_creator_whose_overruling_falls_pays_reward_fees_and_jury() {
    run(|| {
        let (id, index) = overruled();
        assert_eq!(purse(CREATOR).appeal, APPEAL_BOND);
        judge_all(id, index, PASS);
        assert_eq!(outcome(id, index), Outcome::Accepted);
        assert_appeal_ended(id, index, CONTRIBUTOR, true);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -((SLOT + APPEAL_BOND) as i128));
        let (inside, _) = in_and_out(id, index);
        assert!(inside.iter().all(|member| gain(*member) == 2 * FEE as i128));
    });
}

#[test]
fn a_creator_that_overruled_rightly_pays_nothing() {
    run(|| {
        let (id, index) = overruled();
        let (inside, outside) = in_and_out(id, index);
        judge_all(id, index, FAIL);
        assert_eq!(outcome(id, index), Outcome::Failed);
        assert_appeal_ended(id, index, CONTRIBUTOR, false);
        assert_eq!(gain(CREATOR), 0);
        // The committee that passed it pays the jury before the contributor has to.
        assert_eq!(gain(CONTRIBUTOR), 0);
        assert!(inside.iter().all(|member| gain(*member) == FEE as i128 - HALF));
        assert!(outside.iter().all(|member| gain(*member) == FEE as i128));
    });
}

#[test]
fn a_jury_without_a_verdict_leaves_everything_as_it_was() {
    run(|| {
        for (findings, committee) in [
            // Two of five are not more than half of all seats, whatever the others say.
            ([(PASS, 1), (PASS, 1), (FAIL, 1), (INCONCLUSIVE, 1), (CRASHED, 1)], FAIL),
            ([(CRASHED, 1); 5], FAIL),
        ] {
            let before = (gain(CONTRIBUTOR), gain(CREATOR), treasury_gain());
            let (id, index) = appealed(CONTRIBUTOR, challenged(), committee);
            judge(id, index, &findings);
            assert_eq!(outcome(id, index), Outcome::Failed);
            assert_appeal_ended(id, index, CONTRIBUTOR, false);
            let fees = 3 * FEE as i128;
            let after = (before.0 - fees, before.1, before.2);
            assert_eq!((gain(CONTRIBUTOR), gain(CREATOR), treasury_gain()), after);
            assert!(MEMBERS.iter().all(|member| profile(*member).bond == OFFICE_BOND));
        }
    });
}

#[test]
fn a_contributor_can_appeal_against_inconclusive() {
    for (verdict, upheld, result) in [
        (PASS, true, Outcome::Accepted),
        (FAIL, false, Outcome::Failed),
        (INCONCLUSIVE, false, Outcome::Inconclusive),
    ] {
        run(|| {
            let (id, index) = appealed(CONTRIBUTOR, challenged(), INCONCLUSIVE);
            judge_all(id, index, verdict);
            assert_eq!(outcome(id, index), result);
            assert_appeal_ended(id, index, CONTRIBUTOR, upheld);
        });
    }
}

#[test]
fn a_creator_can_appeal_against_inconclusive() {
    for (verdict, upheld, result) in [
        (FAIL, true, Outcome::Failed),
        (PASS, false, Outcome::Accepted),
        (INCONCLUSIVE, false, Outcome::Inconclusive),
    ] {
        run(|| {
            let (id, index) = appealed(CREATOR, challenged(), INCONCLUSIVE);
            judge_all(id, index, verdict);
            assert_eq!(outcome(id, index), result);
            assert_appeal_ended(id, index, CREATOR, upheld);
            // Who could not judge has said nothing that could be wrong.
            assert!(members(id, index).iter().all(|who| profile(*who).bond == OFFICE_BOND));
        });
    }
}

#[test]
fn a_jury_that_cannot_judge_does_not_take_back_what_passed() {
    run(|| {
        let (id, index) = appealed(CREATOR, challenged(), PASS);
        judge_all(id, index, INCONCLUSIVE);
        assert_appeal_ended(id, index, CREATOR, false);
        assert_eq!(outcome(id, index), Outcome::Accepted);
        let committee = members(id, index);
        assert!(committee.iter().all(|who| profile(*who).bond == OFFICE_BOND));
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        // The creator paid the reward, its committee, and the jury it called for nothing.
        let fees = (committee.len() + MEMBERS.len()) as i128 * FEE as i128;
        assert_eq!(gain(CREATOR), -(REWARD as i128) - fees);
    });
}

#[test]
fn a_jury_that_finds_junk_is_paid_from_what_the_bond_holds_beyond_what_the_committee_earned() {
    run(|| {
        let (id, index) = appealed(CREATOR, challenged(), INCONCLUSIVE);
        judge_all(id, index, FAIL);
        assert_appeal_ended(id, index, CREATOR, true);
        let fees = MEMBERS.len() as i128 * FEE as i128;
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, -fees));
        assert!(MEMBERS.iter().all(|member| gain(*member) == FEE as i128));
    });
}

#[test]
fn junk_that_friends_call_inconclusive_cannot_be_hidden_from_the_jury() {
    run(|| {
        let (id, index) = judged(challenged(), INCONCLUSIVE);
        appeal(CREATOR, id, index);
        settle_after(SEALING_PERIOD, id, index);
        assert_appeal_ended(id, index, CREATOR, true);
        assert_eq!((gain(CONTRIBUTOR), gain(CREATOR)), (-(BOND as i128), 0));
    });
}

#[test]
fn a_committee_without_a_verdict_is_not_overturned() {
    run(|| {
        let (id, index, members) = under_validation(challenged());
        judge(id, index, &[(PASS, SCORE), (FAIL, SCORE), (INCONCLUSIVE, SCORE)]);
        appeal(CONTRIBUTOR, id, index);
        hand(id, index);
        judge_all(id, index, PASS);
        release(id, index);
        assert!(members.iter().all(|member| profile(*member).bond == OFFICE_BOND));
        // Who was right earns its fee from escrow; what is left of that pays the jury.
        let share = 2 * FEE as i128 / 5;
        assert_eq!(gain(members[0]), FEE as i128 + share);
        assert_eq!((gain(members[1]), gain(members[2])), (share, share));
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -(SLOT as i128));
    });
}

#[test]
fn a_jury_that_upholds_against_a_committee_that_could_not_judge_is_paid_from_the_slot() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), INCONCLUSIVE);
        judge_all(id, index, PASS);
        assert!(MEMBERS.iter().all(|member| gain(*member) == 0), "before the key is released");
        release(id, index);
        let share = 3 * FEE / 5;
        for member in MEMBERS {
            assert_eq!(gain(member), share as i128);
            let (amount, source) = (share, FeeSource::Slot);
            assert!(has_event(Event::FeePaid { task: id, index, member, amount, source }));
            assert_eq!(record(member, Role::Aggregator).earned, share);
            assert_eq!(record(member, Role::Aggregator).accepted, 1_000);
        }
        assert_eq!((gain(CONTRIBUTOR), gain(CREATOR)), (REWARD as i128, -(SLOT as i128)));
    });
}

#[test]
fn a_jury_takes_no_more_from_a_slot_than_its_fees() {
    run(|| {
        let large = Terms { committee_size: 5, ..challenged() };
        put_in_office(&[10, 11, 12, 13, 14]);
        let (id, index) = judged(large, INCONCLUSIVE);
        put_in_office(&[10, 11, 12]);
        appeal(CONTRIBUTOR, id, index);
        judge(id, index, &[(PASS, SCORE), (PASS, SCORE), (CRASHED, 0)]);
        release(id, index);
        // Two earned their fee; the fees of three go back.
        assert_eq!((gain(10), gain(11), gain(12)), (FEE as i128, FEE as i128, 0));
        assert_eq!(gain(CREATOR), -((REWARD + 2 * FEE) as i128));
    });
}

#[test]
fn a_jury_whose_result_nobody_releases_is_not_paid_from_the_slot() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), INCONCLUSIVE);
        judge_all(id, index, PASS);
        settle_after(RELEASE_PERIOD, id, index);
        assert!(MEMBERS.iter().all(|member| gain(*member) == 0));
        assert_eq!((gain(CREATOR), task(id).open_slots), (0, 3));
    });
}

#[test]
fn a_jury_that_finds_what_failed_inconclusive_is_paid_from_the_slot() {
    run(|| {
        let (id, index) = appealed(CONTRIBUTOR, challenged(), FAIL);
        judge_all(id, index, INCONCLUSIVE);
        assert_eq!(outcome(id, index), Outcome::Inconclusive);
        assert_appeal_ended(id, index, CONTRIBUTOR, true);
        assert!(MEMBERS.iter().all(|member| gain(*member) == 3 * FEE as i128 / 5));
        // As ever where a result costs fees and has no verdict, its slot is closed.
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (-(3 * FEE as i128), 0));
        assert_eq!((purse(CREATOR).escrow, task(id).open_slots), (2 * SLOT, 2));
    });
}

#[test]
fn a_jury_that_finds_junk_is_paid_from_a_bond_that_covers_no_more_than_the_committee() {
    run(|| {
        let terms = Terms { bond: 3 * FEE, ..challenged() };
        let (id, index, _) = under_validation(terms);
        judge(id, index, &[(FAIL, SCORE), (PASS, SCORE), (INCONCLUSIVE, 0)]);
        appeal(CREATOR, id, index);
        hand(id, index);
        judge_all(id, index, FAIL);
        // The one on the committee that was right, and from the rest all of the jury.
        let share = 2 * FEE as i128 / 5;
        let gains: i128 = MEMBERS.iter().map(|member| gain(*member)).sum();
        assert_eq!(gains, FEE as i128 + 5 * share);
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, -(FEE as i128) - 5 * share));
    });
}

#[test]
fn a_jury_whose_members_cannot_all_be_paid_shares_alike() {
    run(|| {
        // An overruling whose counter-deposit was for three, before two more came into office.
        put_in_office(&[10, 11, 12]);
        let (id, index) = judged(manual(), PASS);
        assert_ok!(reject(id, index));
        let counter = 3 * FEE;
        assert_eq!(purse(CREATOR).appeal, counter);
        put_in_office(&MEMBERS);
        appeal(CONTRIBUTOR, id, index);
        hand(id, index);
        judge_all(id, index, PASS);
        let share = (counter / 5) as i128;
        assert_eq!((gain(13), gain(14)), (share, share));
        assert_eq!(gain(CONTRIBUTOR), 0, "an appeal that was won costs nothing");
    });
}

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
