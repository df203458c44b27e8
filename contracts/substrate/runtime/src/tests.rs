//! The pallets together: from votes to offices to committees to money, and the genesis.

use crate::{
    configs::{Tokens, MEMBERS},
    presets, treasury, AccountId, Aggregators, Assets, Balance, Balances, BalancesConfig,
    Elections, Market, Moment, Runtime, RuntimeGenesisConfig, RuntimeHoldReason, RuntimeOrigin,
    System, EXISTENTIAL_DEPOSIT, UNIT,
};
use frame_support::{
    assert_noop, assert_ok,
    genesis_builder_helper::{build_state, get_preset},
    traits::{
        fungible::NativeOrWithId,
        fungibles::{InspectHold, MutateHold},
        tokens::{Fortitude, Precision, Restriction},
        Get, Hooks,
    },
};
use pallet_market::{
    ModelType, StorageType, Submissions, TaskStatus, TaskType, Tasks, Terms, ValidationStrategy,
    Verdict,
};
use sp_core::H256;
use sp_runtime::BuildStorage;

const WEALTH: Balance = 1_000 * UNIT;

fn account(number: u8) -> AccountId {
    AccountId::new([number; 32])
}

fn signed(number: u8) -> RuntimeOrigin {
    RuntimeOrigin::signed(account(number))
}

fn new_chain() -> sp_io::TestExternalities {
    let mut balances: Vec<_> = (1..=40).map(|number| (account(number), WEALTH)).collect();
    balances.push((treasury(), EXISTENTIAL_DEPOSIT));
    let balances = BalancesConfig { balances, ..Default::default() };
    let genesis = RuntimeGenesisConfig { balances, ..Default::default() };
    sp_io::TestExternalities::new(genesis.build_storage().unwrap())
}

/// Starts blocks up to `number`, each with a hash and a second of its own.
fn advance_to(number: u32) {
    while System::block_number() < number {
        let next = System::block_number() + 1;
        System::initialize(&next, &H256::repeat_byte(next as u8), &Default::default());
        pallet_timestamp::Now::<Runtime>::put(Moment::from(next) * 1_000);
        Elections::on_initialize(next);
    }
}

/// `candidates` register and stand, voter 40 backs `backed` of them, and the term begins.
fn elect(candidates: &[u8], backed: &[u8]) {
    for (count, candidate) in candidates.iter().enumerate() {
        assert_ok!(Aggregators::register(signed(*candidate), Default::default(), [1; 32]));
        assert_ok!(Elections::submit_candidacy(signed(*candidate), count as u32));
    }
    let votes = backed.iter().copied().map(account).collect();
    assert_ok!(Elections::vote(signed(40), votes, 100 * UNIT));
    let term: u32 = <Runtime as pallet_elections_phragmen::Config>::TermDuration::get();
    advance_to(System::block_number() + term);
}

fn in_office() -> Vec<AccountId> {
    pallet_aggregators::InOffice::<Runtime>::get().into_inner()
}

fn terms() -> Terms<Balance> {
    Terms {
        task_type: TaskType::ModelContributor,
        strategy: ValidationStrategy::AutoAccept,
        model_type: ModelType::Vision,
        storage: StorageType::IPFS,
        bundle: b"bafybundle".to_vec().try_into().unwrap(),
        reward: 10 * UNIT,
        fee: UNIT,
        committee_size: 3,
        slots: 1,
        expires_at: 10_000_000,
        working_time: 3_600_000,
        review_time: 0,
        parent: None,
    }
}

#[test]
fn the_elected_are_drawn_and_paid() {
    new_chain().execute_with(|| {
        advance_to(1);
        elect(&[10, 11, 12], &[10, 11, 12]);
        assert_eq!(in_office(), [10, 11, 12].map(account));

        assert_ok!(Market::create_task(signed(1), terms()));
        assert_ok!(Market::accept_task(signed(2), 0));
        let cid: pallet_market::Cid = b"bafyresult".to_vec().try_into().unwrap();
        assert_ok!(Market::submit_result(signed(2), 0, cid.clone(), [0; 32]));
        advance_to(System::block_number() + 2);
        assert_ok!(Market::draw_committee(signed(3), 0, 0));
        let committee = Submissions::<Runtime>::get(0, 0).unwrap().committee;
        assert_eq!(committee.len(), 3);
        let before = Balances::free_balance(&committee[0].member);
        for seat in committee.iter() {
            let member = RuntimeOrigin::signed(seat.member.clone());
            assert_ok!(Market::attest(member, 0, 0, Verdict::Pass, 900_000, cid.clone()));
        }
        assert_eq!(Tasks::<Runtime>::get(0).unwrap().status, TaskStatus::Completed);
        assert_eq!(Balances::free_balance(&committee[0].member), before + UNIT);
        assert_eq!(Balances::free_balance(account(2)), WEALTH + 10 * UNIT);
        assert_eq!(Balances::free_balance(account(1)), WEALTH - 13 * UNIT);
    });
}

#[test]
fn who_renounces_its_office_is_not_drawn_any_more() {
    new_chain().execute_with(|| {
        advance_to(1);
        elect(&[10, 11], &[10, 11]);
        let renouncing = pallet_elections_phragmen::Renouncing::Member;
        assert_ok!(Elections::renounce_candidacy(signed(10), renouncing));
        assert_eq!(in_office(), [account(11)]);
        assert_ok!(Aggregators::deregister(signed(10)));
        assert_eq!(Balances::free_balance(account(10)), WEALTH);
    });
}

#[test]
fn candidates_that_nobody_votes_for_lose_their_bond_to_the_treasury() {
    new_chain().execute_with(|| {
        advance_to(1);
        let issuance = Balances::total_issuance();
        elect(&[10, 11], &[11]);
        assert_eq!(in_office(), [account(11)]);
        assert_eq!(Balances::free_balance(treasury()), EXISTENTIAL_DEPOSIT + 10 * UNIT);
        assert_eq!(Balances::total_issuance(), issuance);
    });
}

#[test]
fn forfeited_bonds_go_to_the_treasury() {
    new_chain().execute_with(|| {
        advance_to(1);
        let issuance = Balances::total_issuance();
        assert_ok!(Market::create_task(signed(1), terms()));
        assert_ok!(Market::accept_task(signed(2), 0));
        pallet_timestamp::Now::<Runtime>::put(5_000_000);
        assert_ok!(Market::settle(signed(3), 0, Some(0)));
        assert_eq!(Balances::free_balance(treasury()), EXISTENTIAL_DEPOSIT + 3 * UNIT);
        assert_eq!(Balances::total_issuance(), issuance);
    });
}

/// Asset 7 of account 1, which has 1,000 of it and needs 10.
fn issue() -> NativeOrWithId<u32> {
    let owner = || sp_runtime::MultiAddress::Id(account(1));
    assert_ok!(Assets::create(signed(1), 7.into(), owner(), 10));
    assert_ok!(Assets::mint(signed(1), 7.into(), owner(), 1_000));
    NativeOrWithId::WithId(7)
}

fn escrow() -> RuntimeHoldReason {
    pallet_market::HoldReason::Escrow.into()
}

fn pay_held(kind: NativeOrWithId<u32>, amount: Balance) -> sp_runtime::DispatchResult {
    let (from, to) = (account(1), account(2));
    frame_support::storage::with_storage_layer(|| {
        let (mode, force) = (Restriction::Free, Fortitude::Force);
        Tokens::transfer_on_hold(kind, &escrow(), &from, &to, amount, Precision::Exact, mode, force)
    })
    .map(|_| ())
}

#[test]
fn rewards_of_any_kind_can_be_held_and_paid() {
    new_chain().execute_with(|| {
        for kind in [issue(), NativeOrWithId::Native] {
            assert_ok!(Tokens::hold(kind.clone(), &escrow(), &account(1), 500));
            assert_ok!(pay_held(kind.clone(), 200));
            assert_eq!(Tokens::balance_on_hold(kind, &escrow(), &account(1)), 300);
        }
        assert_eq!(Assets::balance(7, account(2)), 200);
        assert_eq!(Balances::free_balance(account(2)), WEALTH + 200);
    });
}

#[test]
fn an_asset_in_escrow_cannot_be_destroyed_nor_burned() {
    new_chain().execute_with(|| {
        let kind = issue();
        assert_ok!(Tokens::hold(kind.clone(), &escrow(), &account(1), 900));
        let contains_holds = pallet_assets::Error::<Runtime>::ContainsHolds;
        assert_noop!(Assets::start_destroy(signed(1), 7.into()), contains_holds);
        let _ = Assets::burn(signed(1), 7.into(), account(1).into(), 1_000);
        assert_eq!(Tokens::balance_on_hold(kind.clone(), &escrow(), &account(1)), 900);
        assert_ok!(pay_held(kind, 900));
        assert_eq!(Assets::balance(7, account(2)), 900);
    });
}

#[test]
fn a_frozen_asset_stays_held_and_can_be_paid_later() {
    new_chain().execute_with(|| {
        let kind = issue();
        assert_ok!(Tokens::hold(kind.clone(), &escrow(), &account(1), 500));
        assert_ok!(Assets::freeze_asset(signed(1), 7.into()));
        assert!(pay_held(kind.clone(), 500).is_err());
        assert_eq!(Tokens::balance_on_hold(kind.clone(), &escrow(), &account(1)), 500);
        assert_ok!(Assets::thaw_asset(signed(1), 7.into()));
        assert_ok!(pay_held(kind, 500));
    });
}

#[test]
fn the_office_has_room_for_all_that_are_elected() {
    let desired: u32 = <Runtime as pallet_elections_phragmen::Config>::DesiredMembers::get();
    assert_eq!(desired, MEMBERS);
}

#[test]
fn the_development_preset_endows_the_keyring_and_names_sudo() {
    sp_io::TestExternalities::default().execute_with(|| {
        let names = presets::names();
        let patch = get_preset::<RuntimeGenesisConfig>(&Some(names[0].clone()), presets::preset);
        build(&patch.unwrap());
        let alice = sp_keyring::Sr25519Keyring::Alice.to_account_id();
        assert_eq!(Balances::free_balance(&alice), presets::ENDOWMENT);
        assert_eq!(Balances::free_balance(treasury()), EXISTENTIAL_DEPOSIT);
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(alice));
    });
}

#[test]
fn only_the_development_preset_has_sudo() {
    sp_io::TestExternalities::default().execute_with(|| {
        build(b"{}");
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
        assert_eq!(Balances::total_issuance(), 0);
        assert_eq!(presets::preset(&"local_testnet".into()), None);
    });
}

/// Builds the genesis from a patch over the defaults.
fn build(patch: &[u8]) {
    let defaults = get_preset::<RuntimeGenesisConfig>(&None, |_| None).unwrap();
    let mut genesis: serde_json::Value = serde_json::from_slice(&defaults).unwrap();
    merge(&mut genesis, serde_json::from_slice(patch).unwrap());
    build_state::<RuntimeGenesisConfig>(genesis.to_string().into_bytes()).unwrap();
}

fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
    match (into, patch) {
        (serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}
