//! Settings of the pallets.

use crate::{
    treasury, AccountId, AssetsHolder, Aura, Balance, Balances, Block, Hash, Moment, Nonce,
    OriginCaller, PalletInfo, Runtime, RuntimeCall, RuntimeEvent, RuntimeFreezeReason,
    RuntimeHoldReason, RuntimeOrigin, RuntimeTask, System, Timestamp, EXISTENTIAL_DEPOSIT,
    SLOT_DURATION, UNIT, VERSION,
};
use frame_support::{
    derive_impl, parameter_types,
    traits::{
        tokens::imbalance::ResolveTo, AsEnsureOriginWithArg, ConstBool, ConstU128, ConstU16,
        ConstU32, ConstU64, ConstU8, Currency, LockIdentifier, OnUnbalanced, VariantCountOf,
    },
    weights::{
        constants::{RocksDbWeight, WEIGHT_REF_TIME_PER_SECOND},
        IdentityFee, Weight,
    },
};
use frame_system::{
    limits::{BlockLength, BlockWeights},
    EnsureRoot, EnsureSigned,
};
use pallet_transaction_payment::{ConstFeeMultiplier, FungibleAdapter, Multiplier};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::{traits::One, Perbill};
use sp_version::RuntimeVersion;

const SECOND: Moment = 1_000;
const HOUR: Moment = 3_600 * SECOND;
const DAY: Moment = 24 * HOUR;

/// Accounts in office.
pub const MEMBERS: u32 = 13;

parameter_types! {
    pub const Version: RuntimeVersion = VERSION;
    pub RuntimeBlockWeights: BlockWeights = BlockWeights::with_sensible_defaults(
        Weight::from_parts(2 * WEIGHT_REF_TIME_PER_SECOND, u64::MAX),
        Perbill::from_percent(75),
    );
    pub RuntimeBlockLength: BlockLength =
        BlockLength::builder().max_length(5 * 1024 * 1024).build();
    pub FeeMultiplier: Multiplier = Multiplier::one();
    pub const ElectionsId: LockIdentifier = *b"dml/elec";
    pub Treasury: AccountId = treasury();
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type Block = Block;
    type BlockWeights = RuntimeBlockWeights;
    type BlockLength = RuntimeBlockLength;
    type AccountId = AccountId;
    type Nonce = Nonce;
    type Hash = Hash;
    type BlockHashCount = ConstU32<2400>;
    type DbWeight = RocksDbWeight;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SS58Prefix = ConstU16<42>;
    type SingleBlockMigrations = pallet_market::migrations::FromV1<Runtime>;
    // With each asset an account takes one: few enough could be filled up by strangers.
    type MaxConsumers = ConstU32<128>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = Moment;
    type OnTimestampSet = Aura;
    // Chains that seal on demand put several blocks into one slot.
    type MinimumPeriod = ConstU64<0>;
    type WeightInfo = ();
}

impl pallet_aura::Config for Runtime {
    type AuthorityId = AuraId;
    type DisabledValidators = ();
    type MaxAuthorities = ConstU32<32>;
    type AllowMultipleBlocksPerSlot = ConstBool<true>;
    type SlotDuration = ConstU64<SLOT_DURATION>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<32>;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<0>;
    type KeyOwnerProof = sp_core::Void;
    type EquivocationReportSystem = ();
}

impl pallet_balances::Config for Runtime {
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ();
    type ReserveIdentifier = [u8; 8];
    type Balance = Balance;
    type RuntimeEvent = RuntimeEvent;
    type DustRemoval = ();
    type ExistentialDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
    type AccountStore = System;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type DoneSlashHandler = ();
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    // Fees are burned.
    type OnChargeTransaction = FungibleAdapter<Balances, ()>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightToFee = IdentityFee<Balance>;
    type LengthToFee = IdentityFee<Balance>;
    type FeeMultiplierUpdate = ConstFeeMultiplier<FeeMultiplier>;
    type WeightInfo = ();
}

/// Without a key, as everywhere but on a development chain, nobody can use it.
impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = ();
}

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = ();
}

impl pallet_assets::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type Balance = Balance;
    type RemoveItemsLimit = ConstU32<1_000>;
    type AssetId = u32;
    type AssetIdParameter = codec::Compact<u32>;
    type ReserveData = ();
    type Currency = Balances;
    type CreateOrigin = AsEnsureOriginWithArg<EnsureSigned<AccountId>>;
    type ForceOrigin = EnsureRoot<AccountId>;
    type AssetDeposit = ConstU128<UNIT>;
    type AssetAccountDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
    type MetadataDepositBase = ConstU128<EXISTENTIAL_DEPOSIT>;
    type MetadataDepositPerByte = ConstU128<{ EXISTENTIAL_DEPOSIT / 100 }>;
    type ApprovalDeposit = ConstU128<EXISTENTIAL_DEPOSIT>;
    type StringLimit = ConstU32<50>;
    type Holder = AssetsHolder;
    type Freezer = ();
    type Extra = ();
    type CallbackHandle = ();
    type AssetIdAllocator = ();
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ();
    type WeightInfo = pallet_assets::weights::SubstrateWeight<Runtime>;
}

/// Lets assets be held, as rewards are.
impl pallet_assets_holder::Config for Runtime {
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeEvent = RuntimeEvent;
}

/// Brings slashed deposits of the election to the treasury.
pub struct SlashedToTreasury;

impl OnUnbalanced<pallet_balances::NegativeImbalance<Runtime>> for SlashedToTreasury {
    fn on_nonzero_unbalanced(amount: pallet_balances::NegativeImbalance<Runtime>) {
        Balances::resolve_creating(&treasury(), amount);
    }
}

impl pallet_elections_phragmen::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type PalletId = ElectionsId;
    type Currency = Balances;
    type ChangeMembers = crate::Aggregators;
    type InitializeMembers = crate::Aggregators;
    type CurrencyToVote = sp_staking::currency_to_vote::U128CurrencyToVote;
    type CandidacyBond = ConstU128<{ 10 * UNIT }>;
    type VotingBondBase = ConstU128<{ UNIT / 10 }>;
    type VotingBondFactor = ConstU128<{ UNIT / 100 }>;
    type LoserCandidate = SlashedToTreasury;
    type KickedMember = SlashedToTreasury;
    type DesiredMembers = ConstU32<MEMBERS>;
    type DesiredRunnersUp = ConstU32<7>;
    type TermDuration = ConstU32<50>;
    type MaxCandidates = ConstU32<64>;
    type MaxVoters = ConstU32<512>;
    type MaxVotesPerVoter = ConstU32<16>;
    type WeightInfo = pallet_elections_phragmen::weights::SubstrateWeight<Runtime>;
}

impl pallet_aggregators::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Bond = ConstU128<{ 10 * UNIT }>;
    type MaxMembers = ConstU32<MEMBERS>;
    type WeightInfo = pallet_aggregators::weights::SubstrateWeight<Runtime>;
}

impl pallet_market::Config for Runtime {
    type Currency = Balances;
    type Assets = crate::AssetsHolder;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Time = Timestamp;
    type Office = crate::Aggregators;
    type Reputation = crate::Reputation;
    type OnForfeit = ResolveTo<Treasury, Balances>;
    type MinimumBond = ConstU128<{ UNIT / 10 }>;
    type MinimumFee = ConstU128<{ UNIT / 10 }>;
    type DepositBase = ConstU128<{ UNIT / 100 }>;
    type DepositPerByte = ConstU128<{ UNIT / 100_000 }>;
    type DrawPeriod = ConstU64<HOUR>;
    // A contributor need not be there at once, but a committee waits for it.
    type SealingPeriod = ConstU64<{ 6 * HOUR }>;
    type CommitPeriod = ConstU64<{ 2 * HOUR }>;
    type RevealPeriod = ConstU64<HOUR>;
    type ReleasePeriod = ConstU64<{ 6 * HOUR }>;
    type AppealPeriod = ConstU64<DAY>;
    type RetentionPeriod = ConstU64<{ 30 * DAY }>;
    type MinimumDuration = ConstU64<SECOND>;
    type MaximumDuration = ConstU64<{ 365 * DAY }>;
    type MaximumWindow = ConstU64<{ 30 * DAY }>;
    type MaxSlots = ConstU32<10_000>;
    type WeightInfo = pallet_market::weights::SubstrateWeight<Runtime>;
}

impl pallet_reputation::Config for Runtime {
    type Balance = Balance;
    type Time = Timestamp;
    type HalfLife = ConstU64<{ 90 * DAY }>;
}

impl pallet_swarm::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Time = Timestamp;
    type DepositBase = ConstU128<{ UNIT / 100 }>;
    type DepositPerByte = ConstU128<{ UNIT / 100_000 }>;
    type MinimumWait = ConstU64<SECOND>;
    type MaximumWait = ConstU64<DAY>;
    type MaxPeers = ConstU32<10_000>;
    type PriceWait = ConstU64<{ 7 * DAY }>;
    type WeightInfo = pallet_swarm::weights::SubstrateWeight<Runtime>;
}
