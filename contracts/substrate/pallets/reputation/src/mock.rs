//! A small runtime around the pallet, with a real clock.

use crate as pallet_reputation;
use frame_support::{derive_impl, traits::ConstU64};
use sp_runtime::BuildStorage;

pub type Balance = u128;
type Block = frame_system::mocking::MockBlock<Test>;

pub const HALF_LIFE: u64 = 10_000;

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
    pub type Book = pallet_reputation;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
}

#[derive_impl(pallet_timestamp::config_preludes::TestDefaultConfig)]
impl pallet_timestamp::Config for Test {}

impl pallet_reputation::Config for Test {
    type Balance = Balance;
    type Time = Timestamp;
    type HalfLife = ConstU64<HALF_LIFE>;
}

/// An empty chain. Checks the invariants afterwards.
pub fn run(test: impl FnOnce()) {
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    sp_io::TestExternalities::new(storage).execute_with(|| {
        System::set_block_number(1);
        test();
        Book::do_try_state().unwrap();
    });
}

pub fn set_time(now: u64) {
    pallet_timestamp::Now::<Test>::put(now);
}
