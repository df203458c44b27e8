//! The tally as a function.

use super::{cid, CRASHED, FAIL, INCONCLUSIVE, PASS};
use crate::{
    tally::{earns, tally, Rule, Tally},
    Attestation, Finding, Seat, Verdict,
};

type Given = Option<(Verdict, u32)>;

fn seats(given: &[Given]) -> Vec<Seat<u8>> {
    let attestation = |given: &Given| {
        given.map(|(verdict, score)| Attestation {
            verdict,
            score,
            report: cid("r"),
            segment: None,
        })
    };
    given.iter().map(|given| Seat { attestation: attestation(given), ..Seat::new(0) }).collect()
}

fn stands(verdict: Verdict, score: u32) -> Tally {
    Tally { finding: Finding { verdict, score }, stands: true }
}

fn nothing(score: u32) -> Tally {
    Tally { finding: Finding { verdict: INCONCLUSIVE, score }, stands: false }
}

fn committee(given: &[Given]) -> Tally {
    tally(&seats(given), Rule::Committee)
}

fn jury(given: &[Given]) -> Tally {
    tally(&seats(given), Rule::Jury)
}

#[test]
fn more_than_half_of_a_committees_attestations_decide() {
    assert_eq!(committee(&[Some((PASS, 1))]), stands(PASS, 1));
    assert_eq!(committee(&[Some((PASS, 9)), Some((FAIL, 1)), Some((PASS, 3))]), stands(PASS, 6));
    assert_eq!(committee(&[Some((FAIL, 2)), None, Some((FAIL, 2))]), stands(FAIL, 2));
    let tie = [Some((PASS, 5)), Some((FAIL, 5)), None];
    assert_eq!(committee(&tie), nothing(0));
}

#[test]
fn half_of_a_committees_seats_must_have_attested() {
    assert_eq!(committee(&[Some((FAIL, 5)), None]), stands(FAIL, 5));
    assert_eq!(committee(&[Some((FAIL, 5)), None, None]), nothing(0));
    assert_eq!(committee(&[None, None, None]), nothing(0));
    assert_eq!(committee(&[]), nothing(0));
}

#[test]
fn three_opinions_are_inconclusive_and_none_stands() {
    let three = [Some((PASS, 9)), Some((FAIL, 1)), Some((INCONCLUSIVE, 4))];
    assert_eq!(committee(&three), nothing(4));
}

#[test]
fn most_can_find_a_result_inconclusive() {
    let most = [Some((INCONCLUSIVE, 0)), Some((FAIL, 1)), Some((INCONCLUSIVE, 4))];
    assert_eq!(committee(&most), stands(INCONCLUSIVE, 2));
}

#[test]
fn the_score_is_the_median_of_those_who_agree() {
    let five =
        [Some((PASS, 70)), Some((FAIL, 1)), Some((PASS, 90)), Some((PASS, 80)), Some((FAIL, 2))];
    assert_eq!(committee(&five), stands(PASS, 80));
    let most = [Some((PASS, u32::MAX)), Some((PASS, u32::MAX))];
    assert_eq!(committee(&most), stands(PASS, u32::MAX));
}

#[test]
fn a_crash_is_a_vote_for_nothing() {
    assert_eq!(committee(&[Some((CRASHED, 0)); 3]), nothing(0));
    assert_eq!(committee(&[Some((PASS, 1)), Some((CRASHED, 0))]), nothing(0));
    let one = [Some((PASS, 1)), Some((CRASHED, 0)), Some((PASS, 1))];
    assert_eq!(committee(&one), stands(PASS, 1));
}

#[test]
fn more_than_half_of_all_seats_of_a_jury_decide() {
    let four = [Some((PASS, 1)), Some((PASS, 3)), None, None];
    assert_eq!(jury(&four), nothing(0));
    assert_eq!(committee(&four), stands(PASS, 2));
    let five = [Some((PASS, 1)), Some((PASS, 3)), None, None, Some((PASS, 5))];
    assert_eq!(jury(&five), stands(PASS, 3));
}

#[test]
fn who_agrees_within_the_tolerance_earns() {
    let panel = Finding { verdict: PASS, score: 500 };
    let earns = |verdict, score| {
        let said = Attestation { verdict, score, report: cid("r"), segment: None };
        earns(&said, panel, 10)
    };
    for score in [490, 500, 510] {
        assert!(earns(PASS, score), "{score}");
    }
    for score in [0, 489, 511, u32::MAX] {
        assert!(!earns(PASS, score), "{score}");
    }
    assert!(!earns(FAIL, 500) && !earns(CRASHED, 500));
}
