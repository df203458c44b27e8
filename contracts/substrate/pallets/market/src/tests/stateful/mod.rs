//! Thousands of random calls by many accounts, with time and blocks moving.
//!
//! After each block the total issuance is what it was, and every hold and count is what it should
//! be. In the end, once every deadline has passed, anyone's `settle`, `claim` and `clear` empty every
//! hold and every map.

mod calls;
mod dice;

use super::*;
use dice::Dice;
use sp_runtime::traits::Dispatchable;
use std::{collections::BTreeMap, ops::RangeInclusive};

const PLAYS: u64 = 5;
const CALLS: usize = 2_400;
const PEOPLE: RangeInclusive<AccountId> = 1..=9;
const AGGREGATORS: RangeInclusive<AccountId> = 10..=22;
const MINUTE: Millis = 60_000;

/// How often each event of the market happened.
type Events = BTreeMap<String, u32>;

#[test]
fn money_is_neither_made_nor_lost_nor_stuck() {
    play_all(1..=PLAYS);
}

#[test]
fn money_is_neither_made_nor_lost_nor_stuck_by_other_dice() {
    play_all(PLAYS + 1..=2 * PLAYS);
}

fn play_all(seeds: RangeInclusive<u64>) {
    let mut events = BTreeMap::new();
    for seed in seeds {
        println!("seed {seed}");
        play(seed, &mut events);
    }
    assert_all_happened(&events);
}

/// Plays on a new chain, with dice of its own. A play is short, so that checking the whole state
/// after each block stays cheap.
fn play(seed: u64, events: &mut Events) {
    run(|| {
        let mut dice = Dice(seed);
        let issuance = issued();
        for _ in 0..CALLS {
            let (who, call) = calls::random(&mut dice);
            let _ = call.dispatch(signed(who));
            if dice.chance(10) {
                end_block(&mut dice, events, issuance);
            }
        }
        settle_everything();
        end_block(&mut dice, events, issuance);
        clear_everything();
        end_block(&mut dice, events, issuance);
        for who in 1..=40 {
            let Purse { free, .. } = purse(who);
            let nothing = Purse { free, escrow: 0, bond: 0, appeal: 0, deposit: 0 };
            assert_eq!(purse(who), nothing, "seed {seed}: the holds of {who} are stuck");
        }
        assert_eq!(Tasks::<Test>::iter().count(), 0);
        assert_eq!(Mergers::<Test>::iter().count(), 0);
    });
}

/// Checks the invariants, counts the events, and moves on in blocks and time.
fn end_block(dice: &mut Dice, events: &mut Events, issuance: (Balance, Balance)) {
    assert_eq!(issued(), issuance);
    assert_ok!(Market::do_try_state());
    assert_eq!(owed_duties(), recorded_duties());
    for record in System::events() {
        if let RuntimeEvent::Market(event) = record.event {
            let name = format!("{event:?}");
            let name = name.trim_start_matches("Event::").split(' ').next().unwrap();
            *events.entry(name.to_string()).or_default() += 1;
        }
    }
    System::reset_events();
    next_blocks(if dice.chance(2) { HASHES + 3 } else { 1 });
    let minutes = match dice.below(100) {
        0 => 2_000,
        1..=4 => 100,
        _ => 1,
    };
    pass(dice.below(minutes * MINUTE));
}

/// Anyone settles what can be settled, as often as it takes, and does nothing else.
fn settle_everything() {
    for _ in 0..10 {
        pass(1_000_000_000);
        next_blocks(3);
        for id in Tasks::<Test>::iter_keys().collect::<Vec<_>>() {
            for index in 0..task(id).submissions {
                let _ = Market::settle(signed(OTHER), id, Some(index));
            }
            let _ = Market::settle(signed(OTHER), id, None);
        }
        assert_ok!(Market::do_try_state());
    }
    for who in 1..=40 {
        let Purse { escrow, bond, appeal, .. } = purse(who);
        assert_eq!((escrow, bond, appeal), (0, 0, 0), "the holds of {who} are stuck");
    }
    assert_eq!(Assignments::<Test>::iter().count(), 0);
    assert_eq!(Appeals::<Test>::iter().count(), 0);
}

/// The asset's issuer relents, everybody can have the asset, and anyone claims and clears.
fn clear_everything() {
    let _ = Assets::thaw_asset(signed(ISSUER), ASSET);
    for who in 1..=22 {
        let _ = Assets::thaw(signed(ISSUER), ASSET, who);
        assert_ok!(Assets::transfer(signed(40), ASSET, who, ASSET_MINIMUM));
    }
    for (id, index, _) in Submissions::<Test>::iter().collect::<Vec<_>>() {
        let _ = Market::claim(signed(OTHER), id, Some(index));
        assert_ok!(Market::clear(signed(OTHER), id, Some(index)));
    }
    let invited = Invitations::<Test>::iter_keys();
    for (id, who) in invited.chain(Shares::<Test>::iter_keys()).collect::<Vec<_>>() {
        let accounts = vec![who].try_into().unwrap();
        assert_ok!(Market::clear_access(signed(OTHER), id, accounts));
    }
    for id in Tasks::<Test>::iter_keys().collect::<Vec<_>>() {
        let _ = Market::claim(signed(OTHER), id, None);
        assert_ok!(Market::clear(signed(OTHER), id, None));
    }
}

/// Seats of panels whose members can still be held to account, by member.
fn owed_duties() -> BTreeMap<AccountId, u32> {
    let committees =
        Submissions::<Test>::iter_values().flat_map(|submission| submission.committee.into_inner());
    let juries = Appeals::<Test>::iter_values().flat_map(|appeal| appeal.jury.into_inner());
    let mut owed = BTreeMap::new();
    for seat in committees.chain(juries).filter(|seat| seat.on_duty) {
        *owed.entry(seat.member).or_default() += 1;
    }
    owed
}

fn recorded_duties() -> BTreeMap<AccountId, u32> {
    pallet_aggregators::Profiles::<Test>::iter()
        .map(|(who, profile)| (who, profile.duties))
        .filter(|(_, duties)| *duties > 0)
        .collect()
}

/// The play was worth it: everything that can happen did.
fn assert_all_happened(events: &Events) {
    use scale_info::TypeInfo;
    let scale_info::TypeDef::Variant(all) = Event::<Test>::type_info().type_def else {
        panic!("events are variants");
    };
    for event in all.variants {
        let times = events.get(event.name).copied().unwrap_or_default();
        assert!(times > 0, "{} happened {times} times: {events:?}", event.name);
    }
}
