//! Thousands of random calls by many accounts, with time and blocks moving.
//!
//! After each call the total issuance is what it was, and every hold and count is what it should
//! be. In the end every swarm winds down, whoever has vanished: nothing stays held or stored.

mod calls;
#[path = "../../../../market/src/tests/stateful/dice.rs"]
mod dice;

use super::*;
use dice::Dice;
use frame_support::storage::with_storage_layer;
use sp_runtime::traits::Dispatchable;
use std::{collections::BTreeMap, ops::RangeInclusive};

const PLAYS: u64 = 4;
const CALLS: usize = 1_200;
const PEOPLE: RangeInclusive<AccountId> = 1..=12;
const OWNERS: RangeInclusive<AccountId> = 50..=52;

/// How often each event happened, and each error.
type Times = BTreeMap<String, u32>;

#[test]
fn nothing_is_made_lost_miscounted_or_stuck() {
    let mut times = BTreeMap::new();
    for seed in 1..=PLAYS {
        println!("seed {seed}");
        run(|| play(seed, &mut times));
    }
    assert_all_happened(&times);
}

fn play(seed: u64, times: &mut Times) {
    let mut dice = Dice(seed);
    let issuance = Balances::total_issuance();
    for _ in 0..CALLS {
        let (who, call) = calls::random(&mut dice);
        // As an extrinsic: what fails leaves nothing behind.
        let _ = with_storage_layer(|| call.dispatch(signed(who)).map_err(|error| error.error));
        assert_eq!(Hive::do_try_state(), Ok(()));
        if dice.chance(35) {
            end_block(&mut dice, times);
        }
    }
    assert_eq!(Balances::total_issuance(), issuance);
    wind_down(&mut dice);
    end_block(&mut dice, times);
    for who in PEOPLE.chain(OWNERS) {
        assert_eq!(Balances::total_balance_on_hold(&who), 0, "holds of {who} are stuck");
    }
    let prefix = sp_io::hashing::twox_128(b"Hive");
    let mut keys = 0;
    let mut key = prefix.to_vec();
    while let Some(next) = sp_io::storage::next_key(&key).filter(|next| next.starts_with(&prefix)) {
        keys += 1;
        key = next;
    }
    // The number of the next swarm.
    assert_eq!(keys, 1, "something stays stored");
    assert_eq!(Balances::total_issuance(), issuance);
}

/// Counts the events, and moves on in blocks and time.
fn end_block(dice: &mut Dice, times: &mut Times) {
    for event in events() {
        let name = format!("{event:?}");
        let name = name.trim_start_matches("Event::").split(' ').next().unwrap();
        *times.entry(name.to_string()).or_default() += 1;
    }
    System::reset_events();
    next_blocks(if dice.chance(1) { HASHES + 3 } else { 1 });
    let most = if dice.chance(6) { 4 * TIMEOUT } else { 9_000 };
    pass(dice.below(most));
}

/// Some owners close their swarms, and members of others leave them; anyone does the rest.
fn wind_down(dice: &mut Dice) {
    for (id, swarm) in Swarms::<Test>::iter().collect::<Vec<_>>() {
        let has_vanished = dice.chance(50);
        if has_vanished {
            for who in Seats::<Test>::iter_key_prefix(id).collect::<Vec<_>>() {
                assert_ok!(Hive::give_up_seat(signed(who), id));
                assert_ok!(Hive::do_try_state());
            }
            assert!(!Rounds::<Test>::contains_key(id));
        }
        if swarm.closed.is_none() {
            assert_ok!(Hive::close(signed(swarm.owner), id));
        }
        // No round outlives its candidates.
        for _ in 0..3 * swarm.terms.max_peers {
            pass(10 * MOST_WAIT);
            next_blocks(if dice.chance(30) { HASHES + 3 } else { 1 });
            if Rounds::<Test>::contains_key(id) {
                assert_ok!(Hive::advance(signed(ANYONE), id));
            }
        }
        for who in Seats::<Test>::iter_key_prefix(id).collect::<Vec<_>>() {
            if dice.chance(30) {
                // Where it is due.
                let _ = Hive::collect_price(signed(ANYONE), id, who);
            }
            assert_ok!(Hive::clear_seat(signed(ANYONE), id, who));
            assert_ok!(Hive::do_try_state());
        }
        assert_ok!(Hive::remove(signed(ANYONE), id));
    }
}

/// The play was worth it: everything that can happen did, more than twice.
fn assert_all_happened(times: &Times) {
    use scale_info::TypeInfo;
    let scale_info::TypeDef::Variant(all) = Event::<Test>::type_info().type_def else {
        panic!("events are variants");
    };
    for event in all.variants {
        let often = times.get(event.name).copied().unwrap_or_default();
        assert!(often > 2, "{} happened {often} times: {times:?}", event.name);
    }
}
