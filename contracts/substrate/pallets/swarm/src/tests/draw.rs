//! The draw of leaders.

use super::*;
use crate::draw::place;
use sp_io::hashing::blake2_256;
use std::collections::{BTreeMap, BTreeSet};

fn anchor(number: u32) -> [u8; 32] {
    blake2_256(&number.to_le_bytes())
}

#[test]
fn everyone_is_drawn_as_often_as_everyone_else() {
    const DRAWS: u32 = 60_000;
    for candidates in [1, 2, 3, 7, 12, 100] {
        let mut drawn = vec![0u32; candidates as usize];
        for number in 0..DRAWS {
            drawn[place(anchor(number), 3, 8, 0, candidates) as usize] += 1;
        }
        let fair = f64::from(DRAWS) / f64::from(candidates);
        let squares: f64 =
            drawn.iter().map(|times| (f64::from(*times) - fair).powi(2) / fair).sum();
        // Five standard deviations of the chi-squared distribution.
        let freedom = f64::from(candidates - 1);
        assert!(squares <= freedom + 5.0 * (2.0 * freedom).sqrt(), "{candidates}: {squares}");
    }
}

#[test]
fn swarm_round_and_attempt_are_draws_of_their_own() {
    let of = |swarm, round, attempt| place(anchor(1), swarm, round, attempt, u32::MAX);
    let places: BTreeSet<_> = (0..10)
        .flat_map(|number| [of(number.into(), 99, 99), of(99, number, 99), of(99, 99, number)])
        .collect();
    assert_eq!(places.len(), 30);
}

#[test]
fn anybody_can_compute_a_draw() {
    run(|| {
        gathered(quorum_of(3), &[1, 2, 3]);
        [3, 1, 2].into_iter().for_each(arrive);
        let block = System::block_number();
        let leader = draw();
        let hash = System::block_hash(block);
        let mut bytes = hash.as_bytes().to_vec();
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
        let number: [u8; 16] = blake2_256(&bytes)[..16].try_into().unwrap();
        let expected = [3, 1, 2][(u128::from_le_bytes(number) % 3) as usize];
        assert_eq!(leader, expected);
    });
}

#[test]
fn everybody_leads_at_times() {
    run(|| {
        let members = [1, 2, 3, 4, 5];
        gathered(terms(), &members);
        let mut times = BTreeMap::new();
        for _ in 0..200 {
            *times.entry(merged(&members)).or_insert(0) += 1;
        }
        assert!(members.iter().all(|who| (20..=65).contains(&times[who])), "{times:?}");
    });
}

#[test]
fn who_is_not_willing_never_leads() {
    run(|| {
        create(terms());
        join(1);
        join_as(2, false);
        join_as(3, false);
        for _ in 0..20 {
            assert_eq!(merged(&[1, 2, 3]), 1);
        }
    });
}

#[test]
fn the_block_of_the_last_arrival_draws_in_a_later_block_only() {
    run(|| {
        gathered(terms(), &[1, 2]);
        [1, 2].into_iter().for_each(arrive);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        next_blocks(1);
        advance();
        assert!(leader().is_some());
    });
}

#[test]
fn a_hash_that_the_chain_forgot_is_replaced_by_one_to_come() {
    run(|| {
        gathered(terms(), &[1, 2]);
        [1, 2].into_iter().for_each(arrive);
        next_blocks(HASHES + 5);
        advance();
        let anchor = System::block_number();
        assert_eq!(round().stage, Stage::Drawing { anchor });
        let collected = Event::RoundCollected { swarm: SWARM, round: 1, arrivals: 2, anchor };
        assert_eq!(last_event(), collected);
        assert_noop!(try_advance(), Error::<Test>::NothingDue);
        let leader = draw();
        // And again, where a leader is to be replaced.
        next_blocks(HASHES + 5);
        pass(TIMEOUT + 1);
        advance();
        assert!(matches!(round().stage, Stage::Drawing { .. }));
        assert_eq!(draw(), 3 - leader);
    });
}
