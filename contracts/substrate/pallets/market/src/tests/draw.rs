//! Draws as functions.

use crate::{
    draw::{draw, odd_seats, seed, segments},
    Replay,
};
use codec::Encode;
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

/// What [`segments`] computes, with all places written down.
fn dense(seed: [u8; 32], replay: Replay) -> Vec<u32> {
    let mut places: Vec<u32> = (0..replay.checkpoints - 1).collect();
    let count = places.len().min(replay.segments.into());
    for step in 0..count {
        let hash = (seed, *b"segment", step as u32).using_encoded(sp_io::hashing::blake2_256);
        let number = u128::from_le_bytes(hash[..16].try_into().unwrap());
        let left = (places.len() - step) as u128;
        places.swap(step, step + (number % left) as usize);
    }
    places.truncate(count);
    places
}

#[test]
fn segments_are_the_first_of_a_shuffle() {
    for n in 0..400u32 {
        let seed = sp_io::hashing::blake2_256(&n.to_le_bytes());
        // Short runs, where places are swapped more than once, and long ones.
        let checkpoints = if n % 2 == 0 { 2 + n % 20 } else { 2 + n * 10 };
        let replay = Replay { checkpoints, segments: (1 + n % 16) as u8 };
        assert_eq!(segments(seed, replay), dense(seed, replay), "{replay:?}");
    }
}

#[test]
fn all_segments_of_a_short_run_are_replayed() {
    let replay = Replay { checkpoints: 17, segments: 16 };
    let drawn: BTreeSet<_> = segments([3; 32], replay).into_iter().collect();
    assert_eq!(drawn, (0..16).collect());
}

#[test]
fn no_segment_is_replayed_twice() {
    for n in 0..200u8 {
        let drawn = segments([n; 32], Replay { checkpoints: 4096, segments: 16 });
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 16);
        assert!(drawn.iter().all(|segment| *segment < 4095));
    }
}
