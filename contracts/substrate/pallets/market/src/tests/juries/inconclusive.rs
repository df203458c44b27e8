//! Committees and juries that cannot judge, and what juries are paid from.

use super::*;

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
