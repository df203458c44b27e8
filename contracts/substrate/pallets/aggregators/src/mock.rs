//! A small runtime around the pallet.

use crate as pallet_aggregators;
use frame_support::{
    derive_impl,
    sp_runtime::BuildStorage,
    traits::{ConstU128, ConstU32},
};

pub type Balance = u128;
pub type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;

pub const BOND: Balance = 100;
pub const WEALTH: Balance = 1_000;

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
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(2)]
    pub type Aggregators = pallet_aggregators;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type AccountStore = System;
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<1>;
}

impl pallet_aggregators::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Bond = ConstU128<BOND>;
    type MaxMembers = ConstU32<3>;
    type WeightInfo = ();
}

/// Accounts 1 to 5 with [`WEALTH`].
pub fn new_chain() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let balances = (1..=5).map(|who| (who, WEALTH)).collect();
    pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
        .assimilate_storage(&mut storage)
        .unwrap();
    let mut chain = sp_io::TestExternalities::new(storage);
    chain.execute_with(|| System::set_block_number(1));
    chain
}

/// Runs a test on a new chain, and checks the invariants afterwards.
pub fn run(test: impl FnOnce()) {
    new_chain().execute_with(|| {
        test();
        Aggregators::do_try_state().unwrap();
    });
}
