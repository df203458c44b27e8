//! How long rounds wait for stragglers.

use super::*;
use crate::deadline::{deadline as of, expected, missed, remember};

const SECOND: Millis = 1_000;

#[test]
fn with_little_to_learn_from_a_round_waits_as_long_as_it_may() {
    assert_eq!(expected(&[100; 7], 30), None);
    assert_eq!(of(0, 500, &[100; 7], 30, SECOND, WAIT), 500 + WAIT);
}

#[test]
fn a_deadline_is_the_median_and_a_multiple_of_the_deviation() {
    // Median 4500; deviations 500 500 1500 1500 2500 2500 3500 3500, their median 2000.
    let late = [1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000];
    assert_eq!(expected(&late, 30), Some(4_500 + 6_000));
    assert_eq!(expected(&late, 0), Some(4_500));
    assert_eq!(expected(&late, 15), Some(4_500 + 3_000));
    assert_eq!(of(100_000, 102_000, &late, 30, SECOND, WAIT), 110_500);
    // Of an odd number, the one in the middle.
    assert_eq!(expected(&[9, 1, 5, 5, 5, 5, 5, 5, 5], 1_000), Some(5));
}

#[test]
fn one_that_is_always_late_does_not_move_it() {
    let mut late = [1_000; 32];
    late[..10].fill(60_000);
    assert_eq!(expected(&late, 30), Some(1_000));
}

#[test]
fn a_deadline_stays_between_its_bounds() {
    assert_eq!(of(0, 5_000, &[100; 8], 30, SECOND, WAIT), 6_000);
    assert_eq!(of(0, 5_000, &[100_000; 8], 30, SECOND, WAIT), 5_000 + WAIT);
    assert_eq!(of(0, 5_000, &[100; 8], 30, SECOND, 200), 5_200);
    let most = Millis::MAX;
    assert_eq!(of(most, most, &[u32::MAX; 8], MAX_SPREAD, SECOND, most), most);
}

#[test]
fn who_was_missed_counts_as_twice_as_late_but_not_without_end() {
    assert_eq!(missed(1_000, 4_000, WAIT), 6_000);
    assert_eq!(missed(0, 100_000, WAIT), 100_000 + WAIT);
    assert_eq!(missed(5_000, 4_000, WAIT), 0);
}

#[test]
fn the_oldest_are_forgotten() {
    let mut memory = Memory::default();
    for late in 0..40 {
        remember(&mut memory, late, 1);
    }
    assert_eq!(memory.to_vec(), (8..40).collect::<Vec<u32>>());
    remember(&mut memory, Millis::MAX, 2);
    assert_eq!(memory[29..], [39, u32::MAX, u32::MAX]);
    remember(&mut memory, 7, u32::MAX);
    assert_eq!(memory.to_vec(), [7; 32]);
    remember(&mut memory, 8, 0);
    assert_eq!(memory.to_vec(), [7; 32]);
}

/// Nodes arrive so many milliseconds after the first; how long the round waits after its quorum.
fn wait(members: &[(AccountId, Millis)]) -> Millis {
    let opened = now();
    for (who, late) in members {
        set_time(opened + late);
        arrive(*who);
    }
    let wait = deadline().unwrap() - now();
    pass(wait + 1);
    advance();
    let leader = draw();
    assert_ok!(try_publish(leader));
    wait
}

#[test]
fn a_swarm_learns_how_late_its_nodes_are() {
    run(|| {
        // Five that come within two seconds, and one that never does.
        let five = [(1, 0), (2, 500), (3, 1_000), (4, 1_500), (5, 2_000)];
        gathered(quorum_of(5), &[1, 2, 3, 4, 5, 6]);
        assert_eq!(wait(&five), WAIT);
        let learnt: Vec<_> = (0..12).map(|_| wait(&five)).collect();
        // Median 1250 and three deviations of 750 from the opening: 3500, of which 2000 are over.
        assert!(learnt[4..].iter().all(|wait| *wait < 4_000), "{learnt:?}");
        assert!(learnt.iter().all(|wait| *wait >= LEAST_WAIT));
    });
}

#[test]
fn a_deadline_that_is_too_short_for_many_grows_again() {
    run(|| {
        let fast = [(1, 0), (2, 10), (3, 20)];
        gathered(quorum_of(3), &[1, 2, 3]);
        for _ in 0..12 {
            merged(&[1, 2, 3]);
        }
        [4, 5, 6, 7].into_iter().for_each(join);
        assert_eq!(wait(&fast), LEAST_WAIT);
        let waits: Vec<_> = (0..8).map(|_| wait(&fast)).collect();
        assert!(waits.iter().any(|wait| *wait > 10 * LEAST_WAIT), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= WAIT), "{waits:?}");
    });
}

#[test]
fn a_quorum_that_is_lost_and_had_again_has_a_new_deadline() {
    run(|| {
        gathered(terms(), &[1, 2, 3]);
        [1, 2].into_iter().for_each(arrive);
        assert_eq!(deadline(), Some(START + WAIT));
        assert_ok!(Hive::give_up_seat(signed(2), SWARM));
        assert_eq!((deadline(), round().arrivals), (None, 1));
        join(4);
        pass(5_000);
        arrive(3);
        assert_eq!(deadline(), Some(START + 5_000 + WAIT));
    });
}
