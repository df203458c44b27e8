//! A small runtime around the pallet: real balances, assets, clock, aggregators and reputation.

use crate::{self as pallet_market, *};
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        tokens::imbalance::ResolveTo, AsEnsureOriginWithArg, ChangeMembers, ConstU128, ConstU32,
        ConstU64,
    },
};
use frame_system::EnsureSigned;
use sp_runtime::BuildStorage;

pub type Balance = u128;
pub type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;

pub const ED: Balance = 10;
pub const MINIMUM_BOND: Balance = 50;
pub const OFFICE_BOND: Balance = 1_000;
pub const DEPOSIT_BASE: Balance = 5;
pub const DRAW_PERIOD: Millis = 3_600_000;
pub const SEALING_PERIOD: Millis = 3_700_000;
pub const COMMIT_PERIOD: Millis = 3_800_000;
pub const REVEAL_PERIOD: Millis = 3_900_000;
pub const RELEASE_PERIOD: Millis = 4_000_000;
pub const APPEAL_PERIOD: Millis = 9_000_000;
pub const RETENTION_PERIOD: Millis = 50_000_000;
pub const WEALTH: Balance = 1_000_000;
pub const START: Millis = 1_000_000;
pub const HASHES: u64 = 20;

pub const TREASURY: AccountId = 99;
pub const CREATOR: AccountId = 1;
pub const CONTRIBUTOR: AccountId = 2;
pub const OTHER: AccountId = 3;
/// In office.
pub const MEMBERS: [AccountId; 5] = [10, 11, 12, 13, 14];
/// An asset that everybody up to account 40 has [`WEALTH`] of; account 50 issued it.
pub const ASSET: AssetId = 7;
pub const ISSUER: AccountId = 50;
/// The least that an account can have of [`ASSET`].
pub const ASSET_MINIMUM: Balance = 5;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(3)]
    pub type Aggregators = pallet_aggregators;
    #[runtime::pallet_index(4)]
    pub type Market = pallet_market;
    #[runtime::pallet_index(5)]
    pub type Book = pallet_reputation;
    #[runtime::pallet_index(6)]
    pub type Assets = pallet_assets;
    #[runtime::pallet_index(7)]
    pub type AssetsHolder = pallet_assets_holder;
}

parameter_types! {
    pub const Treasury: AccountId = TREASURY;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
    type BlockHashCount = ConstU64<HASHES>;
}

#[derive_impl(pallet_timestamp::config_preludes::TestDefaultConfig)]
impl pallet_timestamp::Config for Test {}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
}

#[derive_impl(pallet_assets::config_preludes::TestDefaultConfig)]
impl pallet_assets::Config for Test {
    type Balance = Balance;
    type Currency = Balances;
    type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
    type ForceOrigin = frame_system::EnsureRoot<AccountId>;
    type Freezer = ();
    type Holder = AssetsHolder;
}

impl pallet_assets_holder::Config for Test {
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeEvent = RuntimeEvent;
}

impl pallet_aggregators::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Bond = ConstU128<OFFICE_BOND>;
    type MaxMembers = ConstU32<20>;
    type WeightInfo = ();
}

impl pallet_reputation::Config for Test {
    type Balance = Balance;
    type Time = Timestamp;
    type HalfLife = ConstU64<7_776_000_000>;
}

impl Config for Test {
    type Currency = Balances;
    type Assets = AssetsHolder;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Time = Timestamp;
    type Office = Aggregators;
    type Reputation = Book;
    type OnForfeit = ResolveTo<Treasury, Balances>;
    type MinimumBond = ConstU128<MINIMUM_BOND>;
    type MinimumFee = ConstU128<1>;
    type DepositBase = ConstU128<DEPOSIT_BASE>;
    type DepositPerByte = ConstU128<1>;
    type DrawPeriod = ConstU64<DRAW_PERIOD>;
    type SealingPeriod = ConstU64<SEALING_PERIOD>;
    type CommitPeriod = ConstU64<COMMIT_PERIOD>;
    type RevealPeriod = ConstU64<REVEAL_PERIOD>;
    type ReleasePeriod = ConstU64<RELEASE_PERIOD>;
    type AppealPeriod = ConstU64<APPEAL_PERIOD>;
    type RetentionPeriod = ConstU64<RETENTION_PERIOD>;
    type MinimumDuration = ConstU64<1_000>;
    type MaximumDuration = ConstU64<31_536_000_000>;
    type MaximumWindow = ConstU64<2_592_000_000>;
    type MaxSlots = ConstU32<10_000>;
    type WeightInfo = ();
}

/// Accounts with [`WEALTH`], also of [`ASSET`]; the members of [`MEMBERS`] in office; block 1 and
/// time [`START`]. Checks the invariants afterwards.
pub fn run(test: impl FnOnce()) {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let mut balances: Vec<_> = (1..=40).map(|who| (who, WEALTH)).collect();
    balances.extend([(TREASURY, ED), (ISSUER, WEALTH)]);
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .unwrap();
    pallet_assets::GenesisConfig::<Test> {
        assets: vec![(ASSET, ISSUER, false, ASSET_MINIMUM)],
        accounts: (1..=40).map(|who| (ASSET, who, WEALTH)).collect(),
        ..Default::default()
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        set_time(START);
        for member in MEMBERS {
            register(member);
        }
        put_in_office(&MEMBERS);
        let issuance = issued();
        test();
        assert_eq!(issued(), issuance, "money was made or lost");
        Market::do_try_state().unwrap();
    });
}

/// All that there is of the native token and of [`ASSET`].
pub fn issued() -> (Balance, Balance) {
    (Balances::total_issuance(), Assets::total_supply(ASSET))
}

pub fn register(who: AccountId) {
    let origin = RuntimeOrigin::signed(who);
    Aggregators::register(origin, Default::default(), [1; 32]).unwrap();
}

pub fn put_in_office(members: &[AccountId]) {
    <Aggregators as ChangeMembers<_>>::change_members_sorted(&[], &[], members);
}

pub fn set_time(now: Millis) {
    pallet_timestamp::Now::<Test>::put(now);
}

/// Moves the clock.
pub fn pass(time: Millis) {
    set_time(Market::now() + time);
}

/// Moves to a later block; every block that lies behind has a hash.
pub fn next_blocks(count: u64) {
    for _ in 0..count {
        let number = System::block_number();
        let hash = sp_runtime::testing::H256(sp_io::hashing::blake2_256(&number.to_le_bytes()));
        frame_system::BlockHash::<Test>::insert(number, hash);
        if number > HASHES {
            frame_system::BlockHash::<Test>::remove(number - HASHES);
        }
        System::set_block_number(number + 1);
    }
}
