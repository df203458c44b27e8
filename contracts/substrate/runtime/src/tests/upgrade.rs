//! From chains of older versions to this one: of version 1 with everything under way, and on to the
//! end; of version 3, which knew no swarms.

use super::{elect, new_chain, signed, swarm, terms};
use crate::{
    AllPalletsWithSystem, Balances, Executive, Market, Runtime, RuntimeHoldReason, System,
};
use frame_support::{
    assert_ok,
    traits::{
        fungible::{InspectHold, Mutate},
        GetStorageVersion, StorageVersion, TryState, TryStateSelect, UpgradeCheckSelect,
    },
};
use frame_system::{LastRuntimeUpgrade, LastRuntimeUpgradeInfo};
use pallet_aggregators::Profiles;
use pallet_market::{
    HoldReason, Phase, SubmissionState, Submissions, TaskStatus, Tasks, Window, MILLION,
};
use sp_core::{bytes::from_hex, storage::Storage};
use sp_io::hashing::twox_128;
use std::collections::BTreeMap;

/// Made by scripts/lib/make_fixture_v1.py, which says what is in which task.
const STATE: &str = include_str!("state_v1.json");

fn old_chain() -> sp_io::TestExternalities {
    let state: BTreeMap<String, String> = serde_json::from_str(STATE).unwrap();
    let bytes = |text: &str| from_hex(text).unwrap();
    let top = state.iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
    Storage { top, ..Default::default() }.into()
}

fn upgraded() -> sp_io::TestExternalities {
    let mut chain = old_chain();
    chain.execute_with(|| {
        // Checks before, migrates, checks after.
        Executive::try_runtime_upgrade(UpgradeCheckSelect::All).unwrap();
    });
    chain
}

fn state_of(task: u64) -> SubmissionState<u128, u32> {
    Submissions::<Runtime>::get(task, 0).unwrap().state
}

fn duties() -> u32 {
    Profiles::<Runtime>::iter_values().map(|profile| profile.duties).sum()
}

/// All that is held for a reason.
fn held(reason: HoldReason) -> u128 {
    let reason: RuntimeHoldReason = reason.into();
    frame_system::Account::<Runtime>::iter_keys()
        .map(|who| Balances::balance_on_hold(&reason, &who))
        .sum()
}

#[test]
fn every_state_of_version_1_has_one_in_version_2() {
    old_chain().execute_with(|| {
        assert_eq!(Market::on_chain_storage_version(), StorageVersion::new(0));
    });
    upgraded().execute_with(|| {
        assert_eq!(Market::on_chain_storage_version(), StorageVersion::new(2));
        assert!(matches!(state_of(1), SubmissionState::Expired { .. }));
        for (task, round) in [(2, 0), (7, 0)] {
            let SubmissionState::PendingValidation { phase: Phase::Drawing { .. }, round: found } =
                state_of(task)
            else {
                panic!("task {task} is not drawing");
            };
            assert_eq!(found, round);
        }
        for (task, round, seats) in [(3, 1, 2), (8, 0, 3)] {
            let submission = Submissions::<Runtime>::get(task, 0).unwrap();
            let SubmissionState::PendingValidation {
                phase: Phase::Committing { .. },
                round: found,
            } = submission.state
            else {
                panic!("task {task} is not committing");
            };
            assert_eq!((found, submission.committee.len()), (round, seats));
            assert!(submission.committee.iter().all(|seat| seat.is_absent() && seat.on_duty));
        }
        let review = Submissions::<Runtime>::get(9, 0).unwrap();
        assert_eq!(review.committee.len(), 2);
        let window = |state| match state {
            SubmissionState::Validated { window: Window::Review { until }, .. } => Some(until),
            _ => None,
        };
        assert_eq!(window(review.state), Some(1_796_955_012_000));
        assert!(matches!(state_of(4), SubmissionState::Accepted { unpaid: false, .. }));
        assert!(matches!(state_of(10), SubmissionState::Accepted { .. }));
        assert!(matches!(state_of(11), SubmissionState::Rejected { .. }));
        for task in [6, 12, 13] {
            assert!(matches!(state_of(task), SubmissionState::Assigned { .. }));
        }
        // Seats of the tasks 3, 8 and 9, and no others.
        assert_eq!(duties(), 2 + 3 + 2);
    });
}

#[test]
fn terms_of_version_1_get_the_defaults() {
    upgraded().execute_with(|| {
        let task = Tasks::<Runtime>::get(6).unwrap();
        assert_eq!((task.terms.tolerance, task.terms.reader), (MILLION, [0; 32]));
        assert_eq!(task.terms.bond, Submissions::<Runtime>::get(6, 0).unwrap().bond);
        assert_eq!((task.stored, task.deposit, task.ended_at), (1, 0, None));
        let over = Tasks::<Runtime>::get(4).unwrap();
        assert_eq!((over.status, over.ended_at.is_some()), (TaskStatus::Completed, true));
    });
}

#[test]
fn an_upgrade_moves_no_money_but_fees_that_nobody_can_earn_any_more() {
    let before = old_chain().execute_with(|| (held(HoldReason::Escrow), held(HoldReason::Bond)));
    let after = upgraded().execute_with(|| (held(HoldReason::Escrow), held(HoldReason::Bond)));
    let fee = crate::UNIT / 2;
    assert_eq!((before.0 - after.0, before.1 - after.1), (fee, fee));
}

#[test]
fn an_upgrade_happens_once() {
    upgraded().execute_with(|| {
        let before = sp_io::storage::root(Default::default());
        Executive::try_runtime_upgrade(UpgradeCheckSelect::All).unwrap();
        assert_eq!(before, sp_io::storage::root(Default::default()));
    });
}

#[test]
fn what_was_under_way_comes_to_its_end_and_nothing_stays_held() {
    upgraded().execute_with(|| {
        let issuance = Balances::total_issuance();
        let mut now = pallet_timestamp::Now::<Runtime>::get();
        for _ in 0..60 {
            now += 24 * 3_600_000;
            pallet_timestamp::Now::<Runtime>::put(now);
            for task in 0..14 {
                for index in [None, Some(0), Some(1)] {
                    let _ = Market::settle(signed(3), task, index);
                }
            }
            let pallets = ["Market", "Aggregators", "Balances", "Reputation", "Swarm"];
            let select = TryStateSelect::Only(pallets.map(|name| name.into()).to_vec());
            AllPalletsWithSystem::try_state(System::block_number(), select).unwrap();
        }
        assert_eq!((held(HoldReason::Escrow), held(HoldReason::Bond), duties()), (0, 0, 0));
        assert_eq!(Balances::total_issuance(), issuance);
        for task in 0..14 {
            assert!(Tasks::<Runtime>::get(task).unwrap().ended_at.is_some(), "task {task}");
        }
        pallet_timestamp::Now::<Runtime>::put(now + 60 * 24 * 3_600_000);
        for task in 0..14 {
            let _ = Market::clear(signed(3), task, Some(0));
            assert_ok!(Market::clear(signed(3), task, None));
        }
        assert_eq!(Tasks::<Runtime>::iter_keys().count(), 0);
    });
}

#[test]
fn after_an_upgrade_from_version_1_there_are_swarms() {
    upgraded().execute_with(ensure_swarms);
}

#[test]
fn an_upgrade_from_version_3_changes_nothing_that_was_there() {
    let mut chain = new_chain();
    chain.execute_with(|| {
        super::advance_to(1);
        elect(&[10, 11], &[10, 11]);
        assert_ok!(Market::create_task(signed(1), terms()));
        assert_ok!(Market::accept_task(signed(2), 0));
        let version = |number: u32| LastRuntimeUpgradeInfo {
            spec_version: number.into(),
            spec_name: "decentralml".into(),
        };
        LastRuntimeUpgrade::<Runtime>::put(version(3));
        let _ = sp_io::storage::clear_prefix(&twox_128(b"Swarm"), None);
        let before = money_and_work();
        Executive::try_runtime_upgrade(UpgradeCheckSelect::PreAndPost).unwrap();
        assert_eq!(
            LastRuntimeUpgrade::<Runtime>::get(),
            Some(version(crate::VERSION.spec_version))
        );
        assert!(before.len() > 40 && money_and_work() == before);
        ensure_swarms();
    });
}

/// All that the pallets of version 3 store, but for System's bookkeeping.
fn money_and_work() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let pallets = ["Assets", "Elections", "Aggregators", "Balances", "Market", "Reputation"];
    let mut prefixes: Vec<_> =
        pallets.iter().map(|name| twox_128(name.as_bytes()).to_vec()).collect();
    prefixes.push([twox_128(b"System"), twox_128(b"Account")].concat());
    let mut found = BTreeMap::new();
    for prefix in prefixes {
        let mut key = prefix.clone();
        while let Some(next) =
            sp_io::storage::next_key(&key).filter(|next| next.starts_with(&prefix))
        {
            found.insert(next.clone(), sp_io::storage::get(&next).unwrap().to_vec());
            key = next;
        }
    }
    found
}

/// A round of a swarm, with its invariants.
fn ensure_swarms() {
    let members = [2, 3, 4];
    for who in [1, 2, 3, 4, 9] {
        let who = super::account(who);
        let _ = <Balances as Mutate<_>>::mint_into(&who, 100 * crate::UNIT);
    }
    let id = swarm::gathered(&members);
    swarm::merged(id, &members);
    assert_eq!(pallet_swarm::Swarms::<Runtime>::get(id).unwrap().base(), 1);
    let select = TryStateSelect::Only(vec!["Swarm".into()]);
    AllPalletsWithSystem::try_state(System::block_number(), select).unwrap();
}
