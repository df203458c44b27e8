//! Weights of the calls: estimates from the storage items that each touches, until benchmarks
//! replace them. Calls that can end a submission are counted with a committee and a jury to pay.

use crate::{MAX_COMMITTEE, MAX_JURY};
use frame_support::{traits::Get, weights::Weight};

/// Weights of this pallet's calls. A parameter is the number of accounts that a call is about.
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
    fn claim() -> Weight;
    fn clear_access(n: u32) -> Weight;
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
const JURY: u64 = MAX_JURY as u64;

impl<P: Prices> WeightInfo for P {
    fn create_task() -> Weight {
        P::price(90, 10, 8)
    }
    fn accept_task() -> Weight {
        P::price(90, 14, 8)
    }
    fn submit_result() -> Weight {
        P::price(30, 4, 2)
    }
    fn draw_committee() -> Weight {
        // The pool's profiles are read, those of the drawn written.
        P::price(120, 5 + 2 * JURY, 2 + COMMITTEE)
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
        P::price(90, 8, 7)
    }
    fn withdraw_task() -> Weight {
        P::price(60, 6, 5)
    }
    fn settle() -> Weight {
        // Task, submission, appeal, assignment, clock; accounts, holds and records of creator,
        // contributor and treasury; account, holds, profile and record of each member.
        let members = COMMITTEE + JURY;
        P::price(200 + 60 * members, 20 + 4 * members, 16 + 4 * members)
    }
    fn commit() -> Weight {
        P::price(40, 4, 3).saturating_add(Self::settle())
    }
    fn reveal() -> Weight {
        P::price(60, 4, 3).saturating_add(Self::settle())
    }
    fn hand_key() -> Weight {
        P::price(80, 4, 3)
    }
    fn release_key() -> Weight {
        Self::settle()
    }
    fn appeal() -> Weight {
        P::price(150, 8 + 2 * JURY, 5 + JURY)
    }
    fn open_gold() -> Weight {
        P::price(160, 8 + 2 * JURY, 5 + JURY)
    }
    fn share_key(n: u32) -> Weight {
        P::price(20, 3, 1).saturating_add(P::price(60, 5, 5).saturating_mul(n.into()))
    }
    fn discard_share() -> Weight {
        P::price(60, 4, 4)
    }
    fn invite(n: u32) -> Weight {
        P::price(20, 2, 1).saturating_add(P::price(40, 3, 3).saturating_mul(n.into()))
    }
    fn uninvite(n: u32) -> Weight {
        P::price(20, 2, 1).saturating_add(P::price(40, 3, 3).saturating_mul(n.into()))
    }
    fn clear() -> Weight {
        P::price(60, 5, 4)
    }
    fn claim() -> Weight {
        P::price(100, 10, 8)
    }
    fn clear_access(n: u32) -> Weight {
        P::price(20, 2, 1).saturating_add(P::price(80, 6, 6).saturating_mul(n.into()))
    }
}
