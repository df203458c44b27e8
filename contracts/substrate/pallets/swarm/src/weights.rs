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
        // Proof: 107 bytes measured. At least 159_488 ns.
        Weight::from_parts(228_397_000, 3676)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn set_terms() -> Weight {
        // Proof: 574 bytes measured. At least 48_981 ns.
        Weight::from_parts(63_479_000, 3913)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn grant_seat() -> Weight {
        // Proof: 482 bytes measured. At least 116_177 ns.
        Weight::from_parts(121_066_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    fn take_seat() -> Weight {
        // Proof: 590 bytes measured. At least 185_607 ns.
        Weight::from_parts(196_908_000, 3913)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn revoke_seat() -> Weight {
        // Proof: 3809 bytes measured. At least 355_894 ns.
        Weight::from_parts(531_102_000, 9453)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn give_up_seat() -> Weight {
        // Proof: 3835 bytes measured. At least 353_942 ns.
        Weight::from_parts(376_613_000, 9453)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn register() -> Weight {
        // Proof: 772 bytes measured. At least 145_311 ns.
        Weight::from_parts(228_888_000, 3913)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(6))
    }
    fn register_again() -> Weight {
        // Proof: 2055 bytes measured. At least 120_235 ns.
        Weight::from_parts(217_747_000, 6632)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(7))
    }
    fn ready() -> Weight {
        // Proof: 883 bytes measured. At least 57_989 ns.
        Weight::from_parts(96_601_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn arrive() -> Weight {
        // Proof: 1052 bytes measured. At least 78_346 ns.
        Weight::from_parts(86_652_000, 3913)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn advance() -> Weight {
        // Proof: 2082 bytes measured. At least 112_140 ns.
        Weight::from_parts(131_436_000, 6632)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    fn advance_collection() -> Weight {
        // Proof: 726 bytes measured. At least 68_829 ns.
        Weight::from_parts(96_159_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn step_down() -> Weight {
        // Proof: 2082 bytes measured. At least 113_683 ns.
        Weight::from_parts(173_555_000, 6632)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    /// `n` is 0 to 32.
    fn publish(n: u32) -> Weight {
        // Proof: 618 bytes measured. At least 52_138 ns.
        Weight::from_parts(63_507_500, 3913)
            .saturating_add(Weight::from_parts(63_500, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn object() -> Weight {
        // Proof: 1783 bytes measured. At least 92_643 ns.
        Weight::from_parts(103_733_000, 6632)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn mark_absent() -> Weight {
        // Proof: 883 bytes measured. At least 62_807 ns.
        Weight::from_parts(73_017_000, 3913)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn finish() -> Weight {
        // Proof: 2473 bytes measured. At least 133_379 ns.
        Weight::from_parts(166_020_000, 9453)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(7))
    }
    fn close() -> Weight {
        // Proof: 574 bytes measured. At least 48_421 ns.
        Weight::from_parts(53_370_000, 3913)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn clear_seat() -> Weight {
        // Proof: 1288 bytes measured. At least 199_864 ns.
        Weight::from_parts(317_723_000, 6362)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(10))
    }
    fn clear_sold_seat() -> Weight {
        // Proof: 1274 bytes measured. At least 260_928 ns.
        Weight::from_parts(309_939_000, 6196)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(9))
    }
    fn remove() -> Weight {
        // Proof: 490 bytes measured. At least 92_403 ns.
        Weight::from_parts(101_540_000, 3913)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn collect_price() -> Weight {
        // Proof: 1004 bytes measured. At least 124_973 ns.
        Weight::from_parts(131_456_000, 6196)
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
