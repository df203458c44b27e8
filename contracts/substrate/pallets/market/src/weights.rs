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
    fn appoint_merger() -> Weight;
}

/// What was measured, at the prices of a database.
pub struct Measured<D>(PhantomData<D>);

/// What was measured, at the prices of `T`'s database.
pub type SubstrateWeight<T> = Measured<<T as frame_system::Config>::DbWeight>;

impl<D: Get<RuntimeDbWeight>> WeightInfo for Measured<D> {
    fn create_task() -> Weight {
        // Proof: 1860 bytes measured. At least 280_985 ns.
        Weight::from_parts(290_393_000, 4003)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(8))
    }
    fn accept_task() -> Weight {
        // Proof: 1590 bytes measured. At least 226_764 ns.
        Weight::from_parts(232_725_000, 4003)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(5))
    }
    fn submit_result() -> Weight {
        // Proof: 941 bytes measured. At least 67_045 ns.
        Weight::from_parts(70_893_000, 6216)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(2))
    }
    fn draw_committee() -> Weight {
        // Proof: 2788 bytes measured. At least 190_366 ns.
        Weight::from_parts(195_796_000, 36207)
            .saturating_add(D::get().reads(18))
            .saturating_add(D::get().writes(11))
    }
    fn accept_result() -> Weight {
        // Proof: 6265 bytes measured. At least 1_122_217 ns.
        Weight::from_parts(1_176_598_000, 29623)
            .saturating_add(D::get().reads(40))
            .saturating_add(D::get().writes(40))
    }
    fn reject_result() -> Weight {
        // Proof: 6311 bytes measured. At least 1_233_645 ns.
        Weight::from_parts(1_288_017_000, 29623)
            .saturating_add(D::get().reads(39))
            .saturating_add(D::get().writes(39))
    }
    fn publish_model() -> Weight {
        // Not measured again yet: with the deposit of a merger, what `discard_share` takes besides.
        Weight::from_parts(159_978_000, 8006)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn abandon() -> Weight {
        // Proof: 2483 bytes measured. At least 522_777 ns.
        Weight::from_parts(533_557_000, 8799)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(12))
    }
    fn withdraw_task() -> Weight {
        // Proof: 1794 bytes measured. At least 192_751 ns.
        Weight::from_parts(199_874_000, 4003)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(7))
    }
    fn settle() -> Weight {
        // Proof: 10453 bytes measured. At least 2_829_828 ns.
        Weight::from_parts(3_332_557_000, 42638)
            .saturating_add(D::get().reads(62))
            .saturating_add(D::get().writes(62))
    }
    fn commit() -> Weight {
        // Proof: 5180 bytes measured. At least 79_569 ns.
        Weight::from_parts(83_255_000, 7176)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn reveal() -> Weight {
        // Proof: 10453 bytes measured. At least 1_784_384 ns.
        Weight::from_parts(1_848_534_000, 42638)
            .saturating_add(D::get().reads(62))
            .saturating_add(D::get().writes(62))
    }
    fn hand_key() -> Weight {
        // Proof: 4476 bytes measured. At least 81_842 ns.
        Weight::from_parts(85_931_000, 7176)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn release_key() -> Weight {
        // Not measured again yet, with a jury to pay: what `settle` takes, which pays one too.
        Weight::from_parts(3_332_557_000, 42638)
            .saturating_add(D::get().reads(62))
            .saturating_add(D::get().writes(62))
    }
    fn appeal() -> Weight {
        // Proof: 5352 bytes measured. At least 289_942 ns.
        Weight::from_parts(300_161_000, 36207)
            .saturating_add(D::get().reads(19))
            .saturating_add(D::get().writes(18))
    }
    fn open_gold() -> Weight {
        // Proof: 5352 bytes measured. At least 292_717 ns.
        Weight::from_parts(305_000_000, 36207)
            .saturating_add(D::get().reads(19))
            .saturating_add(D::get().writes(18))
    }
    /// `n` is 1 to 16.
    fn share_key(n: u32) -> Weight {
        // Proof: 1598 + 86 × n bytes measured. At least 207_418 ns.
        Weight::from_parts(75_596_666, 6218)
            .saturating_add(Weight::from_parts(140_195_166, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(5))
            .saturating_add(D::get().writes(1_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2675).saturating_mul(n.into()))
    }
    fn discard_share() -> Weight {
        // Proof: 1367 bytes measured. At least 118_822 ns.
        Weight::from_parts(121_777_000, 4003)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    /// `n` is 1 to 16.
    fn invite(n: u32) -> Weight {
        // Proof: 1142 bytes measured. At least 128_561 ns.
        Weight::from_parts(96_161_500, 4003)
            .saturating_add(Weight::from_parts(71_483_500, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(3))
            .saturating_add(D::get().writes(1_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2563).saturating_mul(n.into()))
    }
    /// `n` is 1 to 16.
    fn uninvite(n: u32) -> Weight {
        // Proof: 1185 + 71 × n bytes measured. At least 120_905 ns.
        Weight::from_parts(55_496_000, 4003)
            .saturating_add(Weight::from_parts(69_618_000, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().reads(1_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(3))
            .saturating_add(D::get().writes(1_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2563).saturating_mul(n.into()))
    }
    fn clear() -> Weight {
        // Proof: 3621 bytes measured. At least 134_221 ns.
        Weight::from_parts(140_622_000, 6216)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn clear_task() -> Weight {
        // Not measured yet: what `discard_share` takes for two.
        Weight::from_parts(243_554_000, 8006)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(8))
    }
    fn claim() -> Weight {
        // Proof: 3809 bytes measured. At least 137_457 ns.
        Weight::from_parts(145_011_000, 6216)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(6))
    }
    /// `n` is 1 to 16.
    fn clear_access(n: u32) -> Weight {
        // Proof: 1316 + 157 × n bytes measured. At least 185_146 ns.
        Weight::from_parts(113_642_545, 4003)
            .saturating_add(Weight::from_parts(136_865_727, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().reads(2_u64.saturating_mul(n.into())))
            .saturating_add(D::get().writes(3))
            .saturating_add(D::get().writes(2_u64.saturating_mul(n.into())))
            .saturating_add(Weight::from_parts(0, 2675).saturating_mul(n.into()))
    }
    fn appoint_merger() -> Weight {
        // Not measured yet: what `invite` takes for three.
        Weight::from_parts(310_612_000, 11692)
            .saturating_add(D::get().reads(6))
            .saturating_add(D::get().writes(6))
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
    fn appoint_merger() -> Weight {
        Measured::<RocksDbWeight>::appoint_merger()
    }
}
