//! Weights of the calls of `pallet_swarm`, measured on 2026-11-21 by scripts/build-weights
//! (frame-omni-bencher 64.0.0, 4 steps, 3 repetitions, AMD EPYC).
//! Do not edit: run scripts/build-weights.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Weights of this pallet's calls.
pub trait WeightInfo {
    fn create() -> Weight;
    fn set_terms() -> Weight;
    fn grant_seat() -> Weight;
    fn take_seat() -> Weight;
    fn revoke_seat() -> Weight;
    fn give_up_seat() -> Weight;
    fn register() -> Weight;
    fn register_again() -> Weight;
    fn ready() -> Weight;
    fn arrive() -> Weight;
    fn advance() -> Weight;
    fn advance_collection() -> Weight;
    fn step_down() -> Weight;
    fn publish(n: u32) -> Weight;
    fn object() -> Weight;
    fn mark_absent() -> Weight;
    fn finish() -> Weight;
    fn close() -> Weight;
    fn clear_seat() -> Weight;
    fn remove() -> Weight;
}

/// What was measured, at the prices of a database.
pub struct Measured<D>(PhantomData<D>);

/// What was measured, at the prices of `T`'s database.
pub type SubstrateWeight<T> = Measured<<T as frame_system::Config>::DbWeight>;

impl<D: Get<RuntimeDbWeight>> WeightInfo for Measured<D> {
    fn create() -> Weight {
        // Proof: 107 bytes measured. At least 206_646 ns.
        Weight::from_parts(212_426_000, 3658)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn set_terms() -> Weight {
        // Proof: 548 bytes measured. At least 97_522 ns.
        Weight::from_parts(98_484_000, 3884)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn grant_seat() -> Weight {
        // Proof: 461 bytes measured. At least 247_363 ns.
        Weight::from_parts(252_361_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    fn take_seat() -> Weight {
        // Proof: 635 bytes measured. At least 344_654 ns.
        Weight::from_parts(384_749_000, 6196)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn revoke_seat() -> Weight {
        // Proof: 3402 bytes measured. At least 623_545 ns.
        Weight::from_parts(631_480_000, 6630)
            .saturating_add(D::get().reads(11))
            .saturating_add(D::get().writes(11))
    }
    fn give_up_seat() -> Weight {
        // Proof: 3262 bytes measured. At least 380_180 ns.
        Weight::from_parts(481_620_000, 6630)
            .saturating_add(D::get().reads(10))
            .saturating_add(D::get().writes(10))
    }
    fn register() -> Weight {
        // Proof: 732 bytes measured. At least 260_046 ns.
        Weight::from_parts(275_194_000, 3884)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(6))
    }
    fn register_again() -> Weight {
        // Proof: 2028 bytes measured. At least 154_759 ns.
        Weight::from_parts(161_381_000, 6630)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(7))
    }
    fn ready() -> Weight {
        // Proof: 857 bytes measured. At least 79_429 ns.
        Weight::from_parts(82_585_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn arrive() -> Weight {
        // Proof: 1025 bytes measured. At least 108_323 ns.
        Weight::from_parts(168_244_000, 3884)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn advance() -> Weight {
        // Proof: 1715 bytes measured. At least 137_367 ns.
        Weight::from_parts(138_419_000, 3884)
            .saturating_add(D::get().reads(6))
            .saturating_add(D::get().writes(4))
    }
    fn advance_collection() -> Weight {
        // Proof: 701 bytes measured. At least 91_852 ns.
        Weight::from_parts(95_769_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn step_down() -> Weight {
        // Proof: 1715 bytes measured. At least 125_725 ns.
        Weight::from_parts(136_054_000, 3884)
            .saturating_add(D::get().reads(6))
            .saturating_add(D::get().writes(4))
    }
    /// `n` is 0 to 32.
    fn publish(n: u32) -> Weight {
        // Proof: 593 bytes measured. At least 75_581 ns.
        Weight::from_parts(79_458_187, 3884)
            .saturating_add(Weight::from_parts(140_281, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn object() -> Weight {
        // Proof: 1684 bytes measured. At least 119_603 ns.
        Weight::from_parts(120_435_000, 6630)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn mark_absent() -> Weight {
        // Proof: 857 bytes measured. At least 83_476 ns.
        Weight::from_parts(85_189_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn finish() -> Weight {
        // Proof: 2105 bytes measured. At least 156_833 ns.
        Weight::from_parts(209_411_000, 6630)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(5))
    }
    fn close() -> Weight {
        // Proof: 548 bytes measured. At least 64_110 ns.
        Weight::from_parts(64_731_000, 3884)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn clear_seat() -> Weight {
        // Proof: 1257 bytes measured. At least 289_351 ns.
        Weight::from_parts(440_403_000, 6326)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(10))
    }
    fn remove() -> Weight {
        // Proof: 461 bytes measured. At least 131_857 ns.
        Weight::from_parts(133_610_000, 3884)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
}

/// For tests.
impl WeightInfo for () {
    fn create() -> Weight {
        Measured::<RocksDbWeight>::create()
    }
    fn set_terms() -> Weight {
        Measured::<RocksDbWeight>::set_terms()
    }
    fn grant_seat() -> Weight {
        Measured::<RocksDbWeight>::grant_seat()
    }
    fn take_seat() -> Weight {
        Measured::<RocksDbWeight>::take_seat()
    }
    fn revoke_seat() -> Weight {
        Measured::<RocksDbWeight>::revoke_seat()
    }
    fn give_up_seat() -> Weight {
        Measured::<RocksDbWeight>::give_up_seat()
    }
    fn register() -> Weight {
        Measured::<RocksDbWeight>::register()
    }
    fn register_again() -> Weight {
        Measured::<RocksDbWeight>::register_again()
    }
    fn ready() -> Weight {
        Measured::<RocksDbWeight>::ready()
    }
    fn arrive() -> Weight {
        Measured::<RocksDbWeight>::arrive()
    }
    fn advance() -> Weight {
        Measured::<RocksDbWeight>::advance()
    }
    fn advance_collection() -> Weight {
        Measured::<RocksDbWeight>::advance_collection()
    }
    fn step_down() -> Weight {
        Measured::<RocksDbWeight>::step_down()
    }
    fn publish(n: u32) -> Weight {
        Measured::<RocksDbWeight>::publish(n)
    }
    fn object() -> Weight {
        Measured::<RocksDbWeight>::object()
    }
    fn mark_absent() -> Weight {
        Measured::<RocksDbWeight>::mark_absent()
    }
    fn finish() -> Weight {
        Measured::<RocksDbWeight>::finish()
    }
    fn close() -> Weight {
        Measured::<RocksDbWeight>::close()
    }
    fn clear_seat() -> Weight {
        Measured::<RocksDbWeight>::clear_seat()
    }
    fn remove() -> Weight {
        Measured::<RocksDbWeight>::remove()
    }
}
