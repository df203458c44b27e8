//! Which deeds are noted of whom.

use super::*;

/// Thousandths of deeds: accepted, rejected, expired, overturned.
type Deeds = [u32; 4];

const NONE: Deeds = [0; 4];
const GOOD: Deeds = [1, 0, 0, 0];
const BAD: Deeds = [0, 1, 0, 0];
const LATE: Deeds = [0, 0, 1, 0];
const WRONG: Deeds = [0, 0, 0, 1];

/// Deeds, rounded to whole ones: they fade while a test's time passes.
fn deeds(who: AccountId, role: Role) -> Deeds {
    let found = record(who, role);
    [found.accepted, found.rejected, found.expired, found.overturned]
        .map(|count| (count + 500) / 1_000)
}

fn parties() -> (Deeds, Deeds) {
    (deeds(CREATOR, Role::Creator), deeds(CONTRIBUTOR, Role::Contributor))
}

fn of_members(id: TaskId, index: Index) -> Vec<Deeds> {
    members(id, index).into_iter().map(|who| deeds(who, Role::Aggregator)).collect()
}

#[test]
fn a_paid_result_is_good_for_all_who_had_a_part_in_it() {
    run(|| {
        let (id, index) = paid(terms());
        assert_eq!(parties(), (GOOD, GOOD));
        assert_eq!(of_members(id, index), [GOOD; 3]);
        assert_eq!(record(CREATOR, Role::Creator).earned, REWARD);
        assert_eq!(record(CONTRIBUTOR, Role::Contributor).earned, REWARD);
        assert_eq!(record(members(id, index)[0], Role::Aggregator).earned, FEE);
    });
}

#[test]
fn members_outside_the_majority_or_the_tolerance_are_noted_but_not_crashes() {
    run(|| {
        let five = Terms { committee_size: 5, ..terms() };
        let (id, index, _) = under_validation(five);
        let findings = [(PASS, SCORE), (PASS, SCORE), (PASS, 0), (FAIL, SCORE), (CRASHED, 0)];
        judge(id, index, &findings);
        release(id, index);
        assert_eq!(of_members(id, index), [GOOD, GOOD, BAD, BAD, NONE]);
    });
}

#[test]
fn a_failed_result_is_noted_of_its_contributor() {
    run(|| {
        let (id, index) = judged(terms(), FAIL);
        assert_eq!(parties(), (NONE, BAD));
        assert_eq!(of_members(id, index), [GOOD; 3]);
    });
}

#[test]
fn inconclusive_is_nobodys_deed() {
    run(|| {
        judged(terms(), INCONCLUSIVE);
        assert_eq!(parties(), (NONE, NONE));
    });
}

#[test]
fn who_sends_nothing_or_no_key_in_time_is_late() {
    run(|| {
        let id = create(terms());
        let index = accept(id, CONTRIBUTOR);
        pass(WORKING + 1);
        settle(id, index);
        assert_eq!(parties(), (NONE, LATE));
        let (id, index) = submitted(terms());
        draw(id, index);
        pass(SEALING_PERIOD + 1);
        settle(id, index);
        assert_eq!(parties(), (NONE, [0, 0, 2, 0]));
    });
}

#[test]
fn a_creator_is_late_that_says_nothing_in_its_review() {
    run(|| {
        let (id, index) = judged(manual(), FAIL);
        pass(REVIEW + 1);
        settle(id, index);
        assert_eq!(parties().0, LATE);
    });
}

#[test]
fn a_creator_that_rejects_against_the_verdict_is_noted_once_that_stands() {
    run(|| {
        let (id, index) = judged(manual(), PASS);
        assert_ok!(reject(id, index));
        assert_eq!(parties(), (NONE, NONE));
        pass(APPEAL_PERIOD + 1);
        settle(id, index);
        assert_eq!(parties(), (BAD, NONE));
    });
}

#[test]
fn whom_all_in_office_turn_down_is_overturned() {
    run(|| {
        // A creator whose overruling falls.
        let (id, index) = judged(manual(), PASS);
        assert_ok!(reject(id, index));
        assert_ok!(Market::appeal(signed(CONTRIBUTOR), id, index));
        hand(id, index);
        judge_all(id, index, PASS);
        release(id, index);
        assert_eq!(parties(), ([1, 0, 0, 1], GOOD));
    });
    run(|| {
        // A creator whose appeal is lost.
        let (id, index) = judged(challenged(), PASS);
        assert_ok!(Market::appeal(signed(CREATOR), id, index));
        hand(id, index);
        judge_all(id, index, PASS);
        assert_eq!(parties(), (WRONG, NONE));
    });
    run(|| {
        // A committee; each of its members sat on the jury as well, which was right.
        let (id, index) = judged(challenged(), PASS);
        assert_ok!(Market::appeal(signed(CREATOR), id, index));
        hand(id, index);
        judge_all(id, index, FAIL);
        assert_eq!(parties(), (NONE, BAD));
        assert_eq!(of_members(id, index), [[1, 0, 0, 1]; 3]);
    });
}

#[test]
fn absent_unrevealed_and_withheld_are_late() {
    run(|| {
        let (id, index, first) = under_validation(terms());
        pass(COMMIT_PERIOD + 1);
        settle(id, index);
        assert!(first.iter().all(|who| deeds(*who, Role::Aggregator) == LATE));
    });
    run(|| {
        let (id, index, members) = under_validation(terms());
        for who in &members {
            commit(id, index, *who, PASS, SCORE);
        }
        for who in &members[..2] {
            reveal(id, index, *who, PASS, SCORE);
        }
        pass(REVEAL_PERIOD + 1);
        settle(id, index);
        assert_eq!(of_members(id, index), [NONE, NONE, LATE]);
        pass(RELEASE_PERIOD + 1);
        settle(id, index);
        assert_eq!(of_members(id, index), [LATE; 3]);
    });
}
