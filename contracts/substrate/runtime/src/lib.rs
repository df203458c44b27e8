//! # The DecentralML runtime
//!
//! The state transition function of the chain: library pallets for accounts, money, time, the
//! election and other tokens, and the project's own `aggregators`, `market`, `reputation` and `swarm`.
//! The same code runs in the embedded chain and in a Substrate node.
//!
//! - [`configs`]: the pallets' settings, with the constants of the protocol.
//! - [`presets`]: genesis of a development chain.
//! - `apis`: what a node or client can ask without a transaction.

#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]

extern crate alloc;

mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod presets;
#[cfg(test)]
mod tests;

use alloc::{borrow::Cow, vec::Vec};
use frame_support::PalletId;
use sp_runtime::{
    generic, impl_opaque_keys,
    traits::{AccountIdConversion, BlakeTwo256, IdentifyAccount, Verify},
    MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

/// A signature of any scheme that accounts use.
pub type Signature = MultiSignature;
/// The public key or multi-signature digest that names an account.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Planck.
pub type Balance = u128;
/// Transactions of an account.
pub type Nonce = u32;
/// Block and state hashes.
pub type Hash = sp_core::H256;
/// Height of a block.
pub type BlockNumber = u32;
/// Unix milliseconds.
pub type Moment = u64;
/// How transactions name accounts.
pub type Address = MultiAddress<AccountId, ()>;
/// Header of a block.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// What a signed transaction carries besides its call.
pub type TxExtension = (
    frame_system::AuthorizeCall<Runtime>,
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);
/// A transaction or inherent.
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// Executes blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;

/// One token.
pub const UNIT: Balance = 1_000_000_000_000;
/// What an account must have to exist.
pub const EXISTENTIAL_DEPOSIT: Balance = UNIT / 1_000;
/// Milliseconds of an Aura slot.
pub const SLOT_DURATION: Moment = 6_000;
/// The account that takes forfeited money.
pub const TREASURY: PalletId = PalletId(*b"dml/trsy");

/// The account that takes forfeited money.
pub fn treasury() -> AccountId {
    TREASURY.into_account_truncating()
}

impl_opaque_keys! {
    pub struct SessionKeys {
        pub aura: Aura,
        pub grandpa: Grandpa,
    }
}

#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("decentralml"),
    impl_name: Cow::Borrowed("decentralml"),
    authoring_version: 1,
    spec_version: 4,
    impl_version: 1,
    apis: apis::RUNTIME_API_VERSIONS,
    transaction_version: 2,
    system_version: 1,
};

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
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Aura = pallet_aura;
    #[runtime::pallet_index(3)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(5)]
    pub type TransactionPayment = pallet_transaction_payment;
    #[runtime::pallet_index(6)]
    pub type Sudo = pallet_sudo;
    #[runtime::pallet_index(7)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(8)]
    pub type Assets = pallet_assets;
    #[runtime::pallet_index(9)]
    pub type Elections = pallet_elections_phragmen;
    #[runtime::pallet_index(10)]
    pub type Aggregators = pallet_aggregators;
    #[runtime::pallet_index(11)]
    pub type Market = pallet_market;
    #[runtime::pallet_index(12)]
    pub type Reputation = pallet_reputation;
    #[runtime::pallet_index(13)]
    pub type AssetsHolder = pallet_assets_holder;
    #[runtime::pallet_index(14)]
    pub type Swarm = pallet_swarm;
}
