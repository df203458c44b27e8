//! A committee of one opinion: which side wins an appeal, and who pays.

use super::*;

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
