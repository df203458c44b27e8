//! The draw as a function.

use crate::draw::{draw, odd_seats, seed};
use std::collections::BTreeSet;

#[test]
fn a_seed_draws_the_same_members_every_time() {
    let pool: Vec<u8> = (0..13).collect();
    let first = draw([1; 32], pool.clone(), 5);
    assert_eq!(first, draw([1; 32], pool.clone(), 5));
    assert_ne!(first, draw([2; 32], pool, 5));
}

#[test]
fn nobody_is_drawn_twice() {
    for n in 0..200u8 {
        let drawn = draw([n; 32], (0..13).collect::<Vec<u8>>(), 9);
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 9);
    }
}

#[test]
fn no_more_are_drawn_than_there_are() {
    assert_eq!(draw([0; 32], vec![4, 5], 9).len(), 2);
    assert_eq!(draw([0; 32], Vec::<u8>::new(), 3), Vec::<u8>::new());
}

#[test]
fn everybody_is_drawn_equally_often() {
    let mut counts = [0u32; 13];
    for n in 0..6_000u64 {
        for member in draw(seed([0; 32], n, 0, 0), (0..13).collect::<Vec<usize>>(), 3) {
            counts[member] += 1;
        }
    }
    // 6000 × 3 / 13 = 1385 expected, with a standard deviation of 33.
    assert!(counts.iter().all(|count| (1_220..1_550).contains(count)), "{counts:?}");
}

#[test]
fn every_input_changes_the_seed() {
    let seeds = [
        seed([0u8; 32], 0, 0, 0),
        seed([1u8; 32], 0, 0, 0),
        seed([0u8; 32], 1, 0, 0),
        seed([0u8; 32], 0, 1, 0),
        seed([0u8; 32], 0, 0, 1),
    ];
    assert_eq!(seeds.iter().collect::<BTreeSet<_>>().len(), seeds.len());
}

#[test]
fn seats_are_odd_and_at_most_what_is_wanted() {
    for (available, wanted, seats) in
        [(0, 3, 0), (1, 3, 1), (2, 3, 1), (3, 3, 3), (4, 5, 3), (5, 5, 5), (13, 9, 9), (8, 9, 7)]
    {
        assert_eq!(odd_seats(available, wanted), seats, "{available} of {wanted}");
    }
}
