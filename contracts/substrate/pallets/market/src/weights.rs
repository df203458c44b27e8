//! Weights of the calls: estimates from the storage items that each touches, until benchmarks
//! replace them. Calls that end a submission are counted with a committee of nine to pay.

use crate::MAX_COMMITTEE;
use frame_support::{traits::Get, weights::Weight};

/// Weights of this pallet's calls.
pub trait WeightInfo {
    fn create_task() -> Weight;
    fn accept_task() -> Weight;
    fn submit_result() -> Weight;
    fn draw_committee() -> Weight;
    fn attest() -> Weight;
    fn accept_result() -> Weight;
    fn reject_result() -> Weight;
    fn publish_model() -> Weight;
    fn abandon() -> Weight;
    fn withdraw_task() -> Weight;
    fn settle() -> Weight;
}

/// Prices a call by microseconds of computation, database reads and writes.
pub trait Prices {
    fn price(micros: u64, reads: u64, writes: u64) -> Weight;
}

/// The prices of `T`'s database.
pub struct Estimates<T>(core::marker::PhantomData<T>);

impl<T: frame_system::Config> Prices for Estimates<T> {
    fn price(micros: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(micros * 1_000_000, (reads + writes) * 1024)
            .saturating_add(T::DbWeight::get().reads_writes(reads, writes))
    }
}

/// Computation only, for tests.
impl Prices for () {
    fn price(micros: u64, _: u64, _: u64) -> Weight {
        Weight::from_parts(micros * 1_000_000, 0)
    }
}

const COMMITTEE: u64 = MAX_COMMITTEE as u64;

impl<P: Prices> WeightInfo for P {
    fn create_task() -> Weight {
        P::price(60, 5, 4)
    }
    fn accept_task() -> Weight {
        P::price(60, 6, 5)
    }
    fn submit_result() -> Weight {
        P::price(30, 4, 2)
    }
    fn draw_committee() -> Weight {
        // The pool's profiles are read, those of the drawn written.
        P::price(80, 5 + 3 * COMMITTEE, 2 + COMMITTEE)
    }
    fn attest() -> Weight {
        // May end the submission.
        P::price(40, 2, 2).saturating_add(Self::settle())
    }
    fn accept_result() -> Weight {
        Self::settle()
    }
    fn reject_result() -> Weight {
        Self::settle()
    }
    fn publish_model() -> Weight {
        P::price(20, 1, 1)
    }
    fn abandon() -> Weight {
        P::price(60, 6, 5)
    }
    fn withdraw_task() -> Weight {
        P::price(40, 3, 3)
    }
    fn settle() -> Weight {
        // Task, submission, assignment, clock; accounts and holds of creator, contributor and
        // treasury; an account and a profile for each member.
        P::price(120 + 40 * COMMITTEE, 12 + 2 * COMMITTEE, 10 + 2 * COMMITTEE)
    }
}
