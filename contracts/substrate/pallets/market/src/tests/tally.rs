//! The tally as a function.

use super::{cid, FAIL, INCONCLUSIVE, PASS};
use crate::{tally::tally, Attestation, Seat, Verdict};

type Given = Option<(Verdict, u32)>;

fn seats(given: &[Given]) -> Vec<Seat<u8>> {
    let attestation = |given: &Given| {
        given.map(|(verdict, score)| Attestation { verdict, score, report: cid("r") })
    };
    given.iter().map(|given| Seat { attestation: attestation(given), ..Seat::new(0) }).collect()
}

#[test]
fn a_majority_of_the_seats_decides_at_once() {
    assert_eq!(tally(&seats(&[Some((PASS, 9)), Some((PASS, 3)), None]), false), Some((PASS, 6)));
    assert_eq!(tally(&seats(&[Some((FAIL, 2)), None, Some((FAIL, 2))]), false), Some((FAIL, 2)));
    assert_eq!(tally(&seats(&[Some((PASS, 1))]), false), Some((PASS, 1)));
}

#[test]
fn without_a_majority_the_others_are_waited_for() {
    assert_eq!(tally(&seats(&[Some((PASS, 9)), None, None]), false), None);
    assert_eq!(tally(&seats(&[Some((PASS, 9)), Some((FAIL, 9)), None]), false), None);
    assert_eq!(tally(&seats(&[None, None, None]), false), None);
}

#[test]
fn three_opinions_are_inconclusive() {
    let three = [Some((PASS, 9)), Some((FAIL, 1)), Some((INCONCLUSIVE, 4))];
    assert_eq!(tally(&seats(&three), false), Some((INCONCLUSIVE, 4)));
}

#[test]
fn the_score_is_the_median_of_those_who_agree() {
    let five =
        [Some((PASS, 70)), Some((FAIL, 1)), Some((PASS, 90)), Some((PASS, 80)), Some((FAIL, 2))];
    assert_eq!(tally(&seats(&five), false), Some((PASS, 80)));
}

#[test]
fn once_closed_the_majority_of_attestations_decides() {
    assert_eq!(tally(&seats(&[Some((FAIL, 5)), None, None]), true), Some((FAIL, 5)));
    let tie = [Some((PASS, 5)), Some((FAIL, 5)), None];
    assert_eq!(tally(&seats(&tie), true), Some((INCONCLUSIVE, 0)));
    let most = [Some((PASS, 1)), Some((PASS, 2)), Some((FAIL, 3)), None, None];
    assert_eq!(tally(&seats(&most), true), Some((PASS, 1)));
    assert_eq!(tally(&seats(&[None, None, None]), true), Some((INCONCLUSIVE, 0)));
    assert_eq!(tally(&seats(&[]), true), Some((INCONCLUSIVE, 0)));
}
