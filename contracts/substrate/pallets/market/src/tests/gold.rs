//! Planted results.

use super::*;

const HALF: Balance = OFFICE_BOND / 2;

fn gold(verdict: Verdict, low: u32, high: u32) -> GoldOf<Test> {
    Gold { contributor: CONTRIBUTOR, verdict, low, high, salt: [8; 32] }
}

fn with_golds(golds: &[GoldOf<Test>]) -> TermsOf<Test> {
    let golds: Vec<_> = golds.iter().map(crate::commitments::gold).collect();
    Terms { golds: golds.try_into().unwrap(), ..challenged() }
}

fn open(id: TaskId, index: Index, gold: &GoldOf<Test>) -> DispatchResult {
    Market::open_gold(signed(CREATOR), id, index, gold.clone())
}

#[test]
fn a_lazy_majority_that_passes_planted_junk_is_slashed() {
    run(|| {
        let junk = gold(FAIL, 0, 1_000_000);
        let (id, index, members) = under_validation(with_golds(std::slice::from_ref(&junk)));
        judge(id, index, &[(PASS, SCORE), (PASS, SCORE), (INCONCLUSIVE, 0)]);
        assert_ok!(open(id, index, &junk));
        assert_eq!(purse(CREATOR).appeal, APPEAL_BOND);
        let expected = Expected { verdict: FAIL, low: 0, high: 1_000_000 };
        assert_eq!(Appeals::<Test>::get(id, index).unwrap().gold, Some(expected));
        hand(id, index);
        judge_all(id, index, FAIL);
        let (appellant, upheld) = (CREATOR, true);
        assert!(has_event(Event::AppealEnded { task: id, index, appellant, upheld }));
        for (member, left) in members.iter().zip([HALF, HALF, OFFICE_BOND]) {
            assert_eq!(profile(*member).bond, left);
        }
        let failed = pallet_aggregators::Event::Misconducted {
            who: members[0],
            misconduct: pallet_aggregators::Misconduct::FailedGold,
            missed: 0,
            slashed: HALF,
        };
        System::assert_has_event(RuntimeEvent::Aggregators(failed));
        // Nobody gains from accusing: not a planck beyond what was held.
        assert_eq!((gain(CREATOR), gain(CONTRIBUTOR)), (0, 0));
    });
}

#[test]
fn a_score_outside_what_the_creator_knows_is_a_failure_too() {
    run(|| {
        let good = gold(PASS, 900_000, 1_000_000);
        let (id, index, members) = under_validation(with_golds(std::slice::from_ref(&good)));
        judge(id, index, &[(PASS, 500_000), (PASS, 500_000), (PASS, 950_000)]);
        assert_ok!(open(id, index, &good));
        hand(id, index);
        judge(id, index, &[(PASS, 950_000); 5]);
        for (member, left) in members.iter().zip([HALF, HALF, OFFICE_BOND]) {
            assert_eq!(profile(*member).bond, left);
        }
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        // One of the committee found what the jury found.
        assert_eq!(gain(CREATOR), -((REWARD + FEE) as i128));
    });
}

#[test]
fn a_gold_that_the_jury_does_not_confirm_is_an_appeal_that_was_lost() {
    run(|| {
        let wrong = gold(FAIL, 0, 1_000_000);
        let (id, index) = judged(with_golds(std::slice::from_ref(&wrong)), PASS);
        assert_ok!(open(id, index, &wrong));
        hand(id, index);
        judge_all(id, index, PASS);
        let (appellant, upheld) = (CREATOR, false);
        assert!(has_event(Event::AppealEnded { task: id, index, appellant, upheld }));
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert_eq!(gain(CREATOR), -((SLOT + APPEAL_BOND) as i128));
        assert!(MEMBERS.iter().all(|member| profile(*member).bond == OFFICE_BOND));
    });
}

#[test]
fn a_creator_cannot_use_a_gold_to_keep_a_contributor_from_appealing() {
    run(|| {
        // Bribed members failed an honest result; the creator opens a gold that agrees with neither.
        let trick = gold(PASS, 0, 0);
        let (id, index) = judged(with_golds(std::slice::from_ref(&trick)), FAIL);
        assert_ok!(open(id, index, &trick));
        hand(id, index);
        judge_all(id, index, PASS);
        release(id, index);
        assert_eq!(gain(CONTRIBUTOR), REWARD as i128);
        assert!(members(id, index).iter().all(|member| profile(*member).bond == HALF));
    });
}

#[test]
fn who_was_failed_already_loses_no_more_by_not_handing_its_key_again() {
    run(|| {
        let trick = gold(PASS, 0, 1_000_000);
        let (id, index) = judged(with_golds(std::slice::from_ref(&trick)), FAIL);
        assert_ok!(open(id, index, &trick));
        settle_after(SEALING_PERIOD, id, index);
        assert_eq!(gain(CONTRIBUTOR), -3 * FEE as i128);
        assert_eq!((gain(CREATOR), purse(CREATOR).appeal), (0, 0));
        assert_eq!(record(CONTRIBUTOR, Role::Contributor).expired, 0);
    });
}

#[test]
fn a_gold_says_what_a_result_is_worth_and_no_closer_than_the_tolerance() {
    run(|| {
        let vague = gold(INCONCLUSIVE, 0, 0);
        let near = gold(PASS, SCORE - TOLERANCE, SCORE - TOLERANCE);
        let far = gold(PASS, SCORE - TOLERANCE - 1, SCORE - TOLERANCE - 1);
        let golds = [vague.clone(), near.clone(), far.clone()];
        let (id, index) = judged(with_golds(&golds), PASS);
        assert_noop!(open(id, index, &vague), Error::<Test>::UnknownGold);
        assert_noop!(open(id, index, &near), Error::<Test>::GoldAgrees);
        assert_ok!(open(id, index, &far));
    });
}

#[test]
fn who_can_open_which_gold() {
    run(|| {
        let (junk, good) = (gold(FAIL, 0, 0), gold(PASS, 0, 1_000_000));
        let of_another = Gold { contributor: OTHER, ..gold(FAIL, 0, 0) };
        let golds = [junk.clone(), good.clone(), of_another.clone()];
        let (id, index, _) = under_validation(with_golds(&golds));
        assert_noop!(open(9, 0, &junk), Error::<Test>::UnknownTask);
        assert_noop!(open(id, 9, &junk), Error::<Test>::UnknownSubmission);
        assert_noop!(open(id, index, &junk), Error::<Test>::NotChallengeable);
        judge_all(id, index, PASS);
        let by_other = Market::open_gold(signed(OTHER), id, index, junk.clone());
        assert_noop!(by_other, Error::<Test>::NotCreator);
        for unknown in [
            of_another,
            Gold { salt: [9; 32], ..junk.clone() },
            Gold { verdict: INCONCLUSIVE, ..junk.clone() },
            Gold { high: 1, ..junk.clone() },
        ] {
            assert_noop!(open(id, index, &unknown), Error::<Test>::UnknownGold);
        }
        assert_noop!(open(id, index, &good), Error::<Test>::GoldAgrees);
        pass(CHALLENGE + 1);
        assert_noop!(open(id, index, &junk), Error::<Test>::DeadlinePassed);
        set_time(START + CHALLENGE);
        let spare = Balances::free_balance(CREATOR) - ED - 1;
        assert_ok!(Balances::transfer_allow_death(signed(CREATOR), 40, spare));
        assert_noop!(open(id, index, &junk), Error::<Test>::AppealUnaffordable);
    });
}
