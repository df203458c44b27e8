//! A small runtime around the pallet: real balances and a clock.

use crate::{self as pallet_swarm, *};
use frame_support::{
    derive_impl,
    traits::{ConstU128, ConstU32, ConstU64},
};
use sp_runtime::BuildStorage;

pub type Balance = u128;
pub type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;

pub const ED: Balance = 10;
pub const DEPOSIT_BASE: Balance = 20;
pub const LEAST_WAIT: Millis = 1_000;
pub const MOST_WAIT: Millis = 86_400_000;
pub const MAX_PEERS: u32 = 100;
pub const PRICE_WAIT: Millis = 600_000;
pub const WEALTH: Balance = 1_000_000;
pub const START: Millis = 1_000_000;
pub const HASHES: u64 = 20;
/// Accounts with [`WEALTH`].
pub const RICH: core::ops::RangeInclusive<AccountId> = 1..=60;

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
    pub type Hive = pallet_swarm;
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

impl Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Time = Timestamp;
    type DepositBase = ConstU128<DEPOSIT_BASE>;
    type DepositPerByte = ConstU128<1>;
    type MinimumWait = ConstU64<LEAST_WAIT>;
    type MaximumWait = ConstU64<MOST_WAIT>;
    type MaxPeers = ConstU32<MAX_PEERS>;
    type PriceWait = ConstU64<PRICE_WAIT>;
    type WeightInfo = ();
}

pub fn storage() -> sp_runtime::Storage {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let balances = RICH.map(|who| (who, WEALTH)).collect();
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .unwrap();
    storage
}

/// Block 1 and time [`START`]. Checks the invariants afterwards.
pub fn run(test: impl FnOnce()) {
    sp_io::TestExternalities::new(storage()).execute_with(|| {
        System::set_block_number(1);
        set_time(START);
        let issuance = Balances::total_issuance();
        test();
        assert_eq!(Balances::total_issuance(), issuance, "money was made or lost");
        Hive::do_try_state().unwrap();
    });
}

pub fn set_time(now: Millis) {
    pallet_timestamp::Now::<Test>::put(now);
}

pub fn now() -> Millis {
    pallet_timestamp::Now::<Test>::get()
}

/// Moves the clock.
pub fn pass(time: Millis) {
    set_time(now() + time);
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
