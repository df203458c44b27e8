//! The pallets together: from votes to offices to committees to money, and the genesis.

mod assets;
mod swarm;
#[cfg(feature = "try-runtime")]
mod upgrade;

use crate::{
    configs::MEMBERS, presets, treasury, AccountId, Aggregators, Balance, Balances, BalancesConfig,
    Elections, Market, Moment, Reputation, Runtime, RuntimeGenesisConfig, RuntimeOrigin, System,
    EXISTENTIAL_DEPOSIT, UNIT,
};
use codec::Encode;
use frame_support::{
    assert_ok,
    genesis_builder_helper::{build_state, get_preset},
    traits::{Get, Hooks},
};
use pallet_market::{
    Access, Attestation, Cid, ModelType, Seal, StorageType, Submissions, TaskStatus, TaskType,
    Tasks, Terms, ValidationStrategy, Verdict, MILLION,
};
use pallet_reputation::{Reputation as _, Role};
use sp_core::H256;
use sp_io::hashing::blake2_256;
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
        asset: None,
        fee: UNIT,
        committee_size: 3,
        tolerance: 0,
        bond: 3 * UNIT,
        slots: 1,
        expires_at: 10_000_000,
        working_time: 3_600_000,
        review_time: 0,
        challenge_time: 0,
        parent: None,
        reader: [7; 32],
        access: Access::Open,
        minimum_reputation: 0,
        replay: None,
        golds: Default::default(),
    }
}

fn cid() -> Cid {
    b"bafyresult".to_vec().try_into().unwrap()
}

/// The key of every result, wrapped.
const WRAP: [u8; 80] = [9; 80];

/// Accounts 2 works for account 1 and sends its result; a committee is drawn, and has the key.
fn judged_by() -> Vec<AccountId> {
    assert_ok!(Market::create_task(signed(1), terms()));
    assert_ok!(Market::accept_task(signed(2), 0));
    let seal = Seal { key_digest: [0; 32], release: blake2_256(&WRAP) };
    assert_ok!(Market::submit_result(signed(2), 0, cid(), [0; 32], Some(seal), None));
    advance_to(System::block_number() + 2);
    assert_ok!(Market::draw_committee(signed(3), 0, 0));
    let committee = Submissions::<Runtime>::get(0, 0).unwrap().committee;
    let members: Vec<_> = committee.iter().map(|seat| seat.member.clone()).collect();
    let wraps: Vec<_> = members.iter().cloned().map(|member| (member, WRAP)).collect();
    assert_ok!(Market::hand_key(signed(2), 0, 0, wraps.try_into().unwrap()));
    members
}

/// All commit to a pass, and say so.
fn pass(members: &[AccountId]) {
    let (verdict, score, salt) = (Verdict::Pass, MILLION, [5; 32]);
    let found = Attestation { verdict, score, report: cid(), segment: None };
    for member in members {
        let commitment = (b"decentralml/finding", 0u64, 0u32, member, &found, salt);
        let commitment = commitment.using_encoded(blake2_256);
        let origin = RuntimeOrigin::signed(member.clone());
        assert_ok!(Market::commit(origin, 0, 0, commitment));
    }
    for member in members {
        let origin = RuntimeOrigin::signed(member.clone());
        assert_ok!(Market::reveal(origin, 0, 0, found.clone(), salt));
    }
}

#[test]
fn the_elected_are_drawn_and_paid() {
    new_chain().execute_with(|| {
        advance_to(1);
        elect(&[10, 11, 12], &[10, 11, 12]);
        assert_eq!(in_office(), [10, 11, 12].map(account));

        let members = judged_by();
        assert_eq!(members.len(), 3);
        let before = Balances::free_balance(&members[0]);
        pass(&members);
        assert_ok!(Market::release_key(signed(2), 0, 0, WRAP));
        let task = Tasks::<Runtime>::get(0).unwrap();
        assert_eq!(task.status, TaskStatus::Completed);
        let (kept, sent) = (task.deposit, Submissions::<Runtime>::get(0, 0).unwrap().deposit);
        assert_eq!(Balances::free_balance(&members[0]), before + UNIT);
        assert_eq!(Balances::free_balance(account(2)), WEALTH + 10 * UNIT - sent);
        assert_eq!(Balances::free_balance(account(1)), WEALTH - 13 * UNIT - kept);
        for (who, role) in [
            (account(1), Role::Creator),
            (account(2), Role::Contributor),
            (members[0].clone(), Role::Aggregator),
        ] {
            assert_eq!(Reputation::standing(&who, role), MILLION * 3 / 4);
        }
    });
}

#[test]
fn a_member_that_was_absent_once_keeps_its_bond() {
    new_chain().execute_with(|| {
        advance_to(1);
        elect(&[10, 11, 12], &[10, 11, 12]);
        let issuance = Balances::total_issuance();
        let members = judged_by();
        for round in [0, 1] {
            assert!(Aggregators::deregister(RuntimeOrigin::signed(members[0].clone())).is_err());
            pallet_timestamp::Now::<Runtime>::put(4_000_000 * 10 * (round + 1));
            assert_ok!(Market::settle(signed(3), 0, Some(0)));
        }
        let bonds: Vec<_> = pallet_aggregators::Profiles::<Runtime>::iter_values()
            .map(|profile| (profile.missed, profile.bond))
            .collect();
        assert_eq!(bonds, [(1, 10 * UNIT); 3], "the first time costs nothing");
        assert_eq!(Balances::total_issuance(), issuance);
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
