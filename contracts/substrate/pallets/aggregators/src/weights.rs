//! Weights of the calls: estimates from the storage items that each touches, until benchmarks
//! replace them.

use frame_support::{traits::Get, weights::Weight};

/// Weights of this pallet's calls.
pub trait WeightInfo {
    fn register() -> Weight;
    fn update_profile() -> Weight;
    fn deregister() -> Weight;
    fn top_up() -> Weight;
}

/// `micros` of computation, and database reads and writes at the runtime's prices.
fn estimate<T: frame_system::Config>(micros: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(micros * 1_000_000, (reads + writes) * 1024)
        .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
}

/// Estimates at the prices of `T`'s database.
pub struct Estimates<T>(core::marker::PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for Estimates<T> {
    fn register() -> Weight {
        estimate::<T>(40, 3, 3)
    }
    fn update_profile() -> Weight {
        estimate::<T>(15, 1, 1)
    }
    fn deregister() -> Weight {
        estimate::<T>(40, 4, 3)
    }
    fn top_up() -> Weight {
        estimate::<T>(40, 3, 3)
    }
}

impl WeightInfo for () {
    fn register() -> Weight {
        Weight::from_parts(40_000_000, 0)
    }
    fn update_profile() -> Weight {
        Weight::from_parts(15_000_000, 0)
    }
    fn deregister() -> Weight {
        Weight::from_parts(40_000_000, 0)
    }
    fn top_up() -> Weight {
        Weight::from_parts(40_000_000, 0)
    }
}
