//! Weights of the calls of `pallet_aggregators`, measured on 2026-11-21 by scripts/build-weights
//! (frame-omni-bencher 64.0.0, 20 steps, 20 repetitions, AMD EPYC).
//! Do not edit: run scripts/build-weights.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Weights of this pallet's calls.
pub trait WeightInfo {
    fn register() -> Weight;
    fn update_profile() -> Weight;
    fn deregister() -> Weight;
    fn top_up() -> Weight;
}

/// What was measured, at the prices of a database.
pub struct Measured<D>(PhantomData<D>);

/// What was measured, at the prices of `T`'s database.
pub type SubstrateWeight<T> = Measured<<T as frame_system::Config>::DbWeight>;

impl<D: Get<RuntimeDbWeight>> WeightInfo for Measured<D> {
    fn register() -> Weight {
        // Proof: 43 bytes measured. At least 98_404 ns.
        Weight::from_parts(100_878_000, 3699)
            .saturating_add(D::get().reads(2))
            .saturating_add(D::get().writes(2))
    }
    fn update_profile() -> Weight {
        // Proof: 302 bytes measured. At least 27_342 ns.
        Weight::from_parts(28_653_000, 3699)
            .saturating_add(D::get().reads(1))
            .saturating_add(D::get().writes(1))
    }
    fn deregister() -> Weight {
        // Proof: 763 bytes measured. At least 90_940 ns.
        Weight::from_parts(93_304_000, 3699)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn top_up() -> Weight {
        // Proof: 357 bytes measured. At least 100_257 ns.
        Weight::from_parts(104_505_000, 3699)
            .saturating_add(D::get().reads(2))
            .saturating_add(D::get().writes(2))
    }
}

/// For tests.
impl WeightInfo for () {
    fn register() -> Weight {
        Measured::<RocksDbWeight>::register()
    }
    fn update_profile() -> Weight {
        Measured::<RocksDbWeight>::update_profile()
    }
    fn deregister() -> Weight {
        Measured::<RocksDbWeight>::deregister()
    }
    fn top_up() -> Weight {
        Measured::<RocksDbWeight>::top_up()
    }
}
