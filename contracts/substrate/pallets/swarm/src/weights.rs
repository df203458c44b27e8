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
        // Proof: 107 bytes measured. At least 98_905 ns.
        Weight::from_parts(106_599_000, 3676)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn set_terms() -> Weight {
        // Proof: 574 bytes measured. At least 49_593 ns.
        Weight::from_parts(57_517_000, 3913)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn grant_seat() -> Weight {
        // Proof: 482 bytes measured. At least 116_667 ns.
        Weight::from_parts(164_488_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    fn take_seat() -> Weight {
        // Proof: 590 bytes measured. At least 185_988 ns.
        Weight::from_parts(304_138_000, 3913)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn revoke_seat() -> Weight {
        // Proof: 3809 bytes measured. At least 359_122 ns.
        Weight::from_parts(597_937_000, 9453)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn give_up_seat() -> Weight {
        // Proof: 3835 bytes measured. At least 370_552 ns.
        Weight::from_parts(587_568_000, 9453)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn register() -> Weight {
        // Proof: 772 bytes measured. At least 145_452 ns.
        Weight::from_parts(165_379_000, 3913)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(6))
    }
    fn register_again() -> Weight {
        // Proof: 2055 bytes measured. At least 117_700 ns.
        Weight::from_parts(133_299_000, 6632)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(7))
    }
    fn ready() -> Weight {
        // Proof: 883 bytes measured. At least 58_289 ns.
        Weight::from_parts(61_615_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn arrive() -> Weight {
        // Proof: 1052 bytes measured. At least 79_359 ns.
        Weight::from_parts(83_566_000, 3913)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn advance() -> Weight {
        // Proof: 2082 bytes measured. At least 117_118 ns.
        Weight::from_parts(134_071_000, 6632)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    fn advance_collection() -> Weight {
        // Proof: 726 bytes measured. At least 67_175 ns.
        Weight::from_parts(83_766_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn step_down() -> Weight {
        // Proof: 2082 bytes measured. At least 113_893 ns.
        Weight::from_parts(123_601_000, 6632)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    /// `n` is 0 to 32.
    fn publish(n: u32) -> Weight {
        // Proof: 618 bytes measured. At least 51_646 ns.
        Weight::from_parts(58_224_230, 3913)
            .saturating_add(Weight::from_parts(211_923, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn object() -> Weight {
        // Proof: 1783 bytes measured. At least 95_328 ns.
        Weight::from_parts(111_799_000, 6632)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn mark_absent() -> Weight {
        // Proof: 883 bytes measured. At least 62_877 ns.
        Weight::from_parts(66_874_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn finish() -> Weight {
        // Proof: 2473 bytes measured. At least 132_899 ns.
        Weight::from_parts(147_145_000, 9453)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(7))
    }
    fn close() -> Weight {
        // Proof: 574 bytes measured. At least 48_661 ns.
        Weight::from_parts(51_657_000, 3913)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn clear_seat() -> Weight {
        // Proof: 1288 bytes measured. At least 199_242 ns.
        Weight::from_parts(208_229_000, 6362)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(10))
    }
    fn clear_sold_seat() -> Weight {
        // Proof: 1274 bytes measured. At least 259_525 ns.
        Weight::from_parts(266_358_000, 6196)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(9))
    }
    fn remove() -> Weight {
        // Proof: 490 bytes measured. At least 92_313 ns.
        Weight::from_parts(95_508_000, 3913)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn collect_price() -> Weight {
        // Proof: 1004 bytes measured. At least 125_093 ns.
        Weight::from_parts(130_054_000, 6196)
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
