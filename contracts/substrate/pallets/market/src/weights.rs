//! Weights of the calls of `pallet_market`, measured on 2026-11-21 by scripts/build-weights
//! (frame-omni-bencher 64.0.0, 20 steps, 20 repetitions, AMD EPYC).
//! Do not edit: run scripts/build-weights.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Weights of this pallet's calls.
pub trait WeightInfo {
    fn create_task() -> Weight;
    fn accept_task() -> Weight;
    fn submit_result() -> Weight;
    fn draw_committee() -> Weight;
    fn accept_result() -> Weight;
    fn reject_result() -> Weight;
    fn publish_model() -> Weight;
    fn appoint_merger() -> Weight;
    fn abandon() -> Weight;
    fn withdraw_task() -> Weight;
    fn settle() -> Weight;
    fn commit() -> Weight;
    fn reveal() -> Weight;
    fn hand_key() -> Weight;
    fn release_key() -> Weight;
    fn appeal() -> Weight;
    fn open_gold() -> Weight;
    fn share_key(n: u32) -> Weight;
    fn discard_share() -> Weight;
    fn invite(n: u32) -> Weight;
    fn uninvite(n: u32) -> Weight;
    fn clear() -> Weight;
    fn clear_task() -> Weight;
    fn claim() -> Weight;
    fn clear_access(n: u32) -> Weight;
}

/// What was measured, at the prices of a database.
pub struct Measured<D>(PhantomData<D>);

/// What was measured, at the prices of `T`'s database.
pub type SubstrateWeight<T> = Measured<<T as frame_system::Config>::DbWeight>;

impl<D: Get<RuntimeDbWeight>> WeightInfo for Measured<D> {
    fn create_task() -> Weight {
        // Proof: 1860 bytes measured. At least 284_532 ns.
        Weight::from_parts(292_637_000, 4003)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(8))
    }
    fn accept_task() -> Weight {
        // Proof: 1590 bytes measured. At least 229_428 ns.
        Weight::from_parts(235_821_000, 4003)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(5))
    }
    fn submit_result() -> Weight {
        // Proof: 941 bytes measured. At least 68_488 ns.
        Weight::from_parts(72_205_000, 6216)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(2))
    }
    fn draw_committee() -> Weight {
        // Proof: 2788 bytes measured. At least 194_042 ns.
        Weight::from_parts(199_843_000, 36207)
            .saturating_add(D::get().reads(18))
            .saturating_add(D::get().writes(11))
    }
    fn accept_result() -> Weight {
        // Proof: 6265 bytes measured. At least 1_140_191 ns.
        Weight::from_parts(1_194_091_000, 29623)
            .saturating_add(D::get().reads(40))
            .saturating_add(D::get().writes(40))
    }
    fn reject_result() -> Weight {
        // Proof: 6311 bytes measured. At least 1_248_553 ns.
        Weight::from_parts(1_313_625_000, 29623)
            .saturating_add(D::get().reads(39))
            .saturating_add(D::get().writes(39))
    }
    fn publish_model() -> Weight {
        // Proof: 1237 bytes measured. At least 123_220 ns.
        Weight::from_parts(126_737_000, 4003)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    fn appoint_merger() -> Weight {
        // Proof: 1142 bytes measured. At least 120_655 ns.
        Weight::from_parts(123_411_000, 4003)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn abandon() -> Weight {
        // Proof: 2483 bytes measured. At least 527_155 ns.
        Weight::from_parts(537_705_000, 8799)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(12))
    }
    fn withdraw_task() -> Weight {
        // Proof: 1794 bytes measured. At least 194_474 ns.
        Weight::from_parts(201_616_000, 4003)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(7))
    }
    fn settle() -> Weight {
        // Proof: 10453 bytes measured. At least 1_813_519 ns.
        Weight::from_parts(1_914_127_000, 42638)
            .saturating_add(D::get().reads(62))
            .saturating_add(D::get().writes(62))
    }
    fn commit() -> Weight {
        // Proof: 5180 bytes measured. At least 82_254 ns.
        Weight::from_parts(90_318_000, 7176)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn reveal() -> Weight {
        // Proof: 10453 bytes measured. At least 1_845_909 ns.
        Weight::from_parts(2_089_275_000, 42638)
            .saturating_add(D::get().reads(62))
            .saturating_add(D::get().writes(62))
    }
    fn hand_key() -> Weight {
        // Proof: 4476 bytes measured. At least 83_977 ns.
        Weight::from_parts(92_854_000, 7176)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn release_key() -> Weight {
        // Proof: 10866 bytes measured. At least 1_598_156 ns.
        Weight::from_parts(1_693_074_000, 40035)
            .saturating_add(D::get().reads(49))
            .saturating_add(D::get().writes(49))
    }
    fn appeal() -> Weight {
        // Proof: 5352 bytes measured. At least 295_443 ns.
        Weight::from_parts(347_780_000, 36207)
            .saturating_add(D::get().reads(19))
            .saturating_add(D::get().writes(18))
    }
    fn open_gold() -> Weight {
        // Proof: 5352 bytes measured. At least 300_281 ns.
        Weight::from_parts(377_586_000, 36207)
            .saturating_add(D::get().reads(19))
            .saturating_add(D::get().writes(18))
    }
    /// `n` is 1 to 16.
    fn share_key(n: u32) -> Weight {
        // Proof: 1598 + 86 × n bytes measured. At least 210_032 ns.
        Weight::from_parts(79_788_400, 6218)
            .saturating_add(Weight::from_parts(144_420_800, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(5))
            .saturating_add(D::get().writes(1_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2675).saturating_mul(n.into()))
    }
    fn discard_share() -> Weight {
        // Proof: 1367 bytes measured. At least 119_674 ns.
        Weight::from_parts(127_078_000, 4003)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    /// `n` is 1 to 16.
    fn invite(n: u32) -> Weight {
        // Proof: 1142 bytes measured. At least 129_141 ns.
        Weight::from_parts(64_215_800, 4003)
            .saturating_add(Weight::from_parts(73_683_800, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(3))
            .saturating_add(D::get().writes(1_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2563).saturating_mul(n.into()))
    }
    /// `n` is 1 to 16.
    fn uninvite(n: u32) -> Weight {
        // Proof: 1185 + 71 × n bytes measured. At least 122_309 ns.
        Weight::from_parts(58_135_000, 4003)
            .saturating_add(Weight::from_parts(72_236_000, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(3))
            .saturating_add(D::get().writes(1_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2563).saturating_mul(n.into()))
    }
    fn clear() -> Weight {
        // Proof: 3621 bytes measured. At least 136_105 ns.
        Weight::from_parts(144_089_000, 6216)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn clear_task() -> Weight {
        // Proof: 1263 bytes measured. At least 183_713 ns.
        Weight::from_parts(186_919_000, 4003)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn claim() -> Weight {
        // Proof: 3809 bytes measured. At least 139_060 ns.
        Weight::from_parts(145_692_000, 6216)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(6))
    }
    /// `n` is 1 to 16.
    fn clear_access(n: u32) -> Weight {
        // Proof: 1316 + 157 × n bytes measured. At least 187_711 ns.
        Weight::from_parts(78_498_666, 4003)
            .saturating_add(Weight::from_parts(140_193_666, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().reads(2_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(3))
            .saturating_add(D::get().writes(2_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2675).saturating_mul(n.into()))
    }
}

/// For tests.
impl WeightInfo for () {
    fn create_task() -> Weight {
        Measured::<RocksDbWeight>::create_task()
    }
    fn accept_task() -> Weight {
        Measured::<RocksDbWeight>::accept_task()
    }
    fn submit_result() -> Weight {
        Measured::<RocksDbWeight>::submit_result()
    }
    fn draw_committee() -> Weight {
        Measured::<RocksDbWeight>::draw_committee()
    }
    fn accept_result() -> Weight {
        Measured::<RocksDbWeight>::accept_result()
    }
    fn reject_result() -> Weight {
        Measured::<RocksDbWeight>::reject_result()
    }
    fn publish_model() -> Weight {
        Measured::<RocksDbWeight>::publish_model()
    }
    fn appoint_merger() -> Weight {
        Measured::<RocksDbWeight>::appoint_merger()
    }
    fn abandon() -> Weight {
        Measured::<RocksDbWeight>::abandon()
    }
    fn withdraw_task() -> Weight {
        Measured::<RocksDbWeight>::withdraw_task()
    }
    fn settle() -> Weight {
        Measured::<RocksDbWeight>::settle()
    }
    fn commit() -> Weight {
        Measured::<RocksDbWeight>::commit()
    }
    fn reveal() -> Weight {
        Measured::<RocksDbWeight>::reveal()
    }
    fn hand_key() -> Weight {
        Measured::<RocksDbWeight>::hand_key()
    }
    fn release_key() -> Weight {
        Measured::<RocksDbWeight>::release_key()
    }
    fn appeal() -> Weight {
        Measured::<RocksDbWeight>::appeal()
    }
    fn open_gold() -> Weight {
        Measured::<RocksDbWeight>::open_gold()
    }
    fn share_key(n: u32) -> Weight {
        Measured::<RocksDbWeight>::share_key(n)
    }
    fn discard_share() -> Weight {
        Measured::<RocksDbWeight>::discard_share()
    }
    fn invite(n: u32) -> Weight {
        Measured::<RocksDbWeight>::invite(n)
    }
    fn uninvite(n: u32) -> Weight {
        Measured::<RocksDbWeight>::uninvite(n)
    }
    fn clear() -> Weight {
        Measured::<RocksDbWeight>::clear()
    }
    fn clear_task() -> Weight {
        Measured::<RocksDbWeight>::clear_task()
    }
    fn claim() -> Weight {
        Measured::<RocksDbWeight>::claim()
    }
    fn clear_access(n: u32) -> Weight {
        Measured::<RocksDbWeight>::clear_access(n)
    }
}
