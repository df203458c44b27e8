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
    fn remove() -> Weight;
}

/// What was measured, at the prices of a database.
pub struct Measured<D>(PhantomData<D>);

/// What was measured, at the prices of `T`'s database.
pub type SubstrateWeight<T> = Measured<<T as frame_system::Config>::DbWeight>;

impl<D: Get<RuntimeDbWeight>> WeightInfo for Measured<D> {
    fn create() -> Weight {
        // Proof: 107 bytes measured. At least 99_846 ns.
        Weight::from_parts(184_565_000, 3658)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(4))
    }
    fn set_terms() -> Weight {
        // Proof: 548 bytes measured. At least 48_361 ns.
        Weight::from_parts(85_099_000, 3884)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn grant_seat() -> Weight {
        // Proof: 461 bytes measured. At least 116_067 ns.
        Weight::from_parts(121_817_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    fn take_seat() -> Weight {
        // Proof: 635 bytes measured. At least 182_381 ns.
        Weight::from_parts(186_708_000, 6196)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn revoke_seat() -> Weight {
        // Proof: 3780 bytes measured. At least 352_880 ns.
        Weight::from_parts(374_890_000, 9450)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn give_up_seat() -> Weight {
        // Proof: 3640 bytes measured. At least 280_093 ns.
        Weight::from_parts(300_461_000, 9450)
            .saturating_add(D::get().reads(12))
            .saturating_add(D::get().writes(12))
    }
    fn register() -> Weight {
        // Proof: 732 bytes measured. At least 145_382 ns.
        Weight::from_parts(207_358_000, 3884)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(6))
    }
    fn register_again() -> Weight {
        // Proof: 2028 bytes measured. At least 115_636 ns.
        Weight::from_parts(182_381_000, 6630)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(7))
    }
    fn ready() -> Weight {
        // Proof: 857 bytes measured. At least 57_127 ns.
        Weight::from_parts(71_894_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn arrive() -> Weight {
        // Proof: 1025 bytes measured. At least 80_160 ns.
        Weight::from_parts(135_343_000, 3884)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(5))
    }
    fn advance() -> Weight {
        // Proof: 2055 bytes measured. At least 111_048 ns.
        Weight::from_parts(130_954_000, 6630)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    fn advance_collection() -> Weight {
        // Proof: 701 bytes measured. At least 68_919 ns.
        Weight::from_parts(77_154_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn step_down() -> Weight {
        // Proof: 2055 bytes measured. At least 112_961 ns.
        Weight::from_parts(123_310_000, 6630)
            .saturating_add(D::get().reads(8))
            .saturating_add(D::get().writes(6))
    }
    /// `n` is 0 to 32.
    fn publish(n: u32) -> Weight {
        // Proof: 593 bytes measured. At least 53_780 ns.
        Weight::from_parts(62_158_933, 3884)
            .saturating_add(Weight::from_parts(78_066, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn object() -> Weight {
        // Proof: 1755 bytes measured. At least 88_164 ns.
        Weight::from_parts(103_794_000, 6630)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn mark_absent() -> Weight {
        // Proof: 857 bytes measured. At least 62_727 ns.
        Weight::from_parts(97_772_000, 3884)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn finish() -> Weight {
        // Proof: 2445 bytes measured. At least 133_569 ns.
        Weight::from_parts(154_108_000, 9450)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(7))
    }
    fn close() -> Weight {
        // Proof: 548 bytes measured. At least 47_659 ns.
        Weight::from_parts(51_246_000, 3884)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn clear_seat() -> Weight {
        // Proof: 1257 bytes measured. At least 200_935 ns.
        Weight::from_parts(395_449_000, 6326)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(10))
    }
    fn remove() -> Weight {
        // Proof: 461 bytes measured. At least 92_513 ns.
        Weight::from_parts(156_974_000, 3884)
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
