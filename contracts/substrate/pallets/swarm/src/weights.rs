//! Weights of the calls of `pallet_swarm`, estimated. Run scripts/build-weights.

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

/// What was estimated, at the prices of a database.
pub struct Measured<D>(PhantomData<D>);

/// What was estimated, at the prices of `T`'s database.
pub type SubstrateWeight<T> = Measured<<T as frame_system::Config>::DbWeight>;

impl<D: Get<RuntimeDbWeight>> WeightInfo for Measured<D> {
    fn create() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(2))
            .saturating_add(D::get().writes(3))
    }
    fn set_terms() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(3))
            .saturating_add(D::get().writes(2))
    }
    fn grant_seat() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn take_seat() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(6))
            .saturating_add(D::get().writes(5))
    }
    fn revoke_seat() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(14))
            .saturating_add(D::get().writes(14))
    }
    fn give_up_seat() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn register() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(6))
            .saturating_add(D::get().writes(6))
    }
    fn ready() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn arrive() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(7))
            .saturating_add(D::get().writes(7))
    }
    fn advance() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(9))
    }
    fn advance_collection() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(5))
            .saturating_add(D::get().writes(4))
    }
    fn step_down() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(9))
            .saturating_add(D::get().writes(9))
    }
    fn publish(n: u32) -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(Weight::from_parts(100_000, 0).saturating_mul(n.into()))
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(3))
    }
    fn object() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(6))
            .saturating_add(D::get().writes(5))
    }
    fn mark_absent() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(6))
            .saturating_add(D::get().writes(5))
    }
    fn finish() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(11))
            .saturating_add(D::get().writes(11))
    }
    fn close() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(4))
    }
    fn clear_seat() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(13))
            .saturating_add(D::get().writes(13))
    }
    fn remove() -> Weight {
        Weight::from_parts(400_000_000, 8_000)
            .saturating_add(D::get().reads(4))
            .saturating_add(D::get().writes(5))
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
