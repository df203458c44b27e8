//! # Swarm
//!
//! Groups that train one model without a centre.
//!
//! ## Overview
//!
//! An *owner* makes a *swarm* with [`Call::create`] and gives out its *seats*: by
//! [`Call::grant_seat`], or to whoever takes or buys one with [`Call::take_seat`]. Who has a seat
//! registers a *node*: a certificate, its file server's address, a weight. Once it is
//! [`Call::ready`], rounds wait for it.
//!
//! In a *round*, each node reaches the sync point with an update, whose content identifier it names
//! with [`Call::arrive`]. Once enough have arrived a deadline stands, which adapts to how late nodes
//! have been; when all whom the round waits for are there, or the deadline is over, the hash of that
//! block draws a *leader* among those who are willing. The leader fetches the updates, merges them,
//! and names the merged model with [`Call::publish`]; if it does not in time it is replaced, until
//! nobody is left and the round is *void*. [`Call::advance`], by anyone, does whatever is due.
//!
//! Members that find a published model unusable [`Call::object`]; more than half of them overturn it,
//! and where nobody goes on from it, as many as a round needs.
//!
//! Each call costs the same however many nodes a swarm has: nothing goes through them. What was, only
//! events tell. `docs/swarm.md` has all calls in one table.
//!
//! ### Nothing is stuck
//!
//! A round that has what it needs ends in bounded time: by all arriving or the deadline, by a draw,
//! by a leader publishing or each candidate failing. One that has not waits, and its nodes may leave.
//! Whoever has a seat can give it up at any time, and has its deposits back. Of a closed swarm no
//! round opens; the last one ends, and then anyone clears seats and swarm.
//!
//! ### Prices
//!
//! The price of a seat is on hold from its buyer for [`Config::PriceWait`]. From then on it is the
//! owner's: anyone may [`Call::collect_price`]. It is the owner's at once if the buyer gives the seat
//! up, who would read a model and take the money back else. It is the buyer's again if the owner
//! revokes the seat, or closed the swarm before that time.
//!
//! ### Terminology
//!
//! - **Present**: of a node for which rounds wait: ready or active.
//! - **Quorum**: as many arrivals and snapshots as the terms ask for.
//! - **Anchor**: the block whose hash draws a leader.
//! - **Candidate**: an arrival that is willing to lead and was not drawn yet.
//! - **Base**: the round whose merged model an update began from.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod aliases;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod calls;
mod candidates;
mod config;
mod deadline;
mod deposits;
mod draw;
mod errors;
mod events;
mod leading;
mod meeting;
mod nodes;
mod objections;
mod rounds;
mod seats;
mod swarms;
mod terms;
#[cfg(any(test, feature = "try-runtime"))]
mod try_state;
mod types;
pub mod weights;

#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use aliases::*;
pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

/// What the runtime sees. What it configures, the events, the errors and the calls are sections of
/// their own in files of these names.
#[import_section(config::config)]
#[import_section(events::events)]
#[import_section(errors::errors)]
#[import_section(calls::calls)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{Inspect as _, Mutate, MutateHold},
            Time,
        },
    };
    use frame_system::pallet_prelude::*;

    /// Why this pallet holds money: deposits for what is stored, and prices.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Swarms.
        #[codec(index = 0)]
        Swarm,
        /// Seats.
        #[codec(index = 1)]
        Seat,
        /// Nodes with their certificates.
        #[codec(index = 2)]
        Node,
        /// Prices of seats that are not the owner's yet.
        #[codec(index = 3)]
        Price,
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The number of the next swarm.
    #[pallet::storage]
    pub type NextSwarm<T> = StorageValue<_, SwarmId, ValueQuery>;

    /// The swarms.
    #[pallet::storage]
    pub type Swarms<T: Config> = StorageMap<_, Blake2_128Concat, SwarmId, SwarmOf<T>>;

    /// The seats of each swarm, by holder.
    #[pallet::storage]
    pub type Seats<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, SwarmId, Blake2_128Concat, AccountOf<T>, SeatOf<T>>;

    /// The nodes of each swarm.
    #[pallet::storage]
    pub type Nodes<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, SwarmId, Blake2_128Concat, AccountOf<T>, NodeOf<T>>;

    /// The certificates of nodes.
    #[pallet::storage]
    pub type Certificates<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, SwarmId, Blake2_128Concat, AccountOf<T>, Certificate>;

    /// The rounds that are under way.
    #[pallet::storage]
    pub type Rounds<T: Config> = StorageMap<_, Blake2_128Concat, SwarmId, RoundOf<T>>;

    /// Of each swarm's round, who can be drawn as leader: as many as the round says, from 0. What
    /// comes after is of rounds before, and of no meaning.
    #[pallet::storage]
    pub type Candidates<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, SwarmId, Twox64Concat, u32, AccountOf<T>>;

    /// How late each swarm's latest arrivals were.
    #[pallet::storage]
    pub type Lateness<T: Config> = StorageMap<_, Blake2_128Concat, SwarmId, Memory, ValueQuery>;

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            let (least, most) = (T::MinimumWait::get(), T::MaximumWait::get());
            assert!(0 < least && least <= most, "no wait is possible");
            assert!(T::MaxPeers::get() > 0, "no swarm is possible");
            let existential = T::Currency::minimum_balance();
            assert!(T::DepositBase::get() >= existential, "a deposit may not find its way back");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
