//! Weights of the calls of `pallet_swarm`, measured on 2026-11-22 by scripts/build-weights
//! (frame-omni-bencher 64.0.0, 20 steps, 20 repetitions, AMD EPYC).
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
    fn clear_sold_seat() -> Weight;
    fn remove() -> Weight;
    fn collect_price() -> Weight;
}

/// What was measured, at the prices of a database.
pub struct Measured<D>(PhantomData<D>);

/// What was measured, at the prices of `T`'s database.
pub type SubstrateWeight<T> = Measured<<T as frame_system::Config>::DbWeight>;

impl<D: Get<RuntimeDbWeight>> WeightInfo for Measured<D> {
    fn create() -> Weight {
        // Proof: 107 bytes measured. At least 98_394 ns.
        Weight::from_parts(102_011_000, 3676)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn set_terms() -> Weight {
        // Proof: 548 bytes measured. At least 48_661 ns.
        Weight::from_parts(51_656_000, 3892)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn grant_seat() -> Weight {
        // Proof: 461 bytes measured. At least 115_947 ns.
        Weight::from_parts(119_553_000, 3892)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    fn take_seat() -> Weight {
        // Proof: 569 bytes measured. At least 185_677 ns.
        Weight::from_parts(190_887_000, 3892)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn revoke_seat() -> Weight {
        // Proof: 3781 bytes measured. At least 354_262 ns.
        Weight::from_parts(426_136_000, 9450)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn give_up_seat() -> Weight {
        // Proof: 3807 bytes measured. At least 349_824 ns.
        Weight::from_parts(445_372_000, 9450)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn register() -> Weight {
        // Proof: 751 bytes measured. At least 146_194 ns.
        Weight::from_parts(158_987_000, 3892)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(6))
    }
    fn register_again() -> Weight {
        // Proof: 2028 bytes measured. At least 121_747 ns.
        Weight::from_parts(162_033_000, 6630)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(7))
    }
    fn ready() -> Weight {
        // Proof: 857 bytes measured. At least 56_896 ns.
        Weight::from_parts(59_541_000, 3892)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn arrive() -> Weight {
        // Proof: 1025 bytes measured. At least 77_395 ns.
        Weight::from_parts(126_897_000, 3892)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn advance() -> Weight {
        // Proof: 2055 bytes measured. At least 114_745 ns.
        Weight::from_parts(128_590_000, 6630)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    fn advance_collection() -> Weight {
        // Proof: 701 bytes measured. At least 65_162 ns.
        Weight::from_parts(76_503_000, 3892)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn step_down() -> Weight {
        // Proof: 2055 bytes measured. At least 112_330 ns.
        Weight::from_parts(122_579_000, 6630)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    /// `n` is 0 to 32.
    fn publish(n: u32) -> Weight {
        // Proof: 593 bytes measured. At least 53_319 ns.
        Weight::from_parts(60_403_000, 3892)
            .saturating_add(Weight::from_parts(434_428, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn object() -> Weight {
        // Proof: 1755 bytes measured. At least 86_612 ns.
        Weight::from_parts(97_141_000, 6630)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn mark_absent() -> Weight {
        // Proof: 857 bytes measured. At least 62_837 ns.
        Weight::from_parts(65_613_000, 3892)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn finish() -> Weight {
        // Proof: 2445 bytes measured. At least 127_358 ns.
        Weight::from_parts(136_746_000, 9450)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(7))
    }
    fn close() -> Weight {
        // Proof: 548 bytes measured. At least 46_987 ns.
        Weight::from_parts(49_272_000, 3892)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn clear_seat() -> Weight {
        // Proof: 1266 bytes measured. At least 198_722 ns.
        Weight::from_parts(203_601_000, 6362)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(10))
    }
    fn clear_sold_seat() -> Weight {
        // Proof: 1252 bytes measured. At least 259_565 ns.
        Weight::from_parts(265_556_000, 6196)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(9))
    }
    fn remove() -> Weight {
        // Proof: 469 bytes measured. At least 91_872 ns.
        Weight::from_parts(95_959_000, 3892)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn collect_price() -> Weight {
        // Proof: 983 bytes measured. At least 125_173 ns.
        Weight::from_parts(128_910_000, 6196)
            .saturating_add(D::get().reads(6))
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
    fn clear_sold_seat() -> Weight {
        Measured::<RocksDbWeight>::clear_sold_seat()
    }
    fn remove() -> Weight {
        Measured::<RocksDbWeight>::remove()
    }
    fn collect_price() -> Weight {
        Measured::<RocksDbWeight>::collect_price()
    }
}
