//! # Market
//!
//! A marketplace for machine learning that takes nobody's word: tasks with their reward in escrow,
//! contributors who take slots and send sealed results, committees that judge them by commitment,
//! appeals to all in office, and settlement by anyone.
//!
//! ## Overview
//!
//! A *creator* posts a *task* with [`Call::create_task`]; reward and fees of every *slot* are held
//! from it at once. A *contributor* takes a slot with [`Call::accept_task`] against a bond, works,
//! and sends its result, sealed, with [`Call::submit_result`]. The hash of the next block, which the
//! contributor cannot know, draws a *committee* from the aggregators in office; anyone may trigger
//! that with [`Call::draw_committee`]. The contributor hands the members the result's key with
//! [`Call::hand_key`]; they [`Call::commit`] to what they find, and [`Call::reveal`] it once all have.
//!
//! With AutoAccept and CustomAccept the committee's verdict decides; with ManualAccept the creator
//! does, by [`Call::accept_result`] or [`Call::reject_result`], and if it stays silent the verdict.
//! Where the task has a challenge time, or the creator overruled the committee, the other side can
//! [`Call::appeal`]: all in office become the *jury*, which judges as the committee did.
//!
//! An accepted result is paid in the transaction that shows the creator its key,
//! [`Call::release_key`]: nobody keeps a result unpaid, and nobody pays for a key that does not fit.
//!
//! Nobody waits for ever: each state ends at a moment in time, after which anyone may
//! [`Call::settle`] it. A deadline is the last moment at which the call it limits is possible;
//! settling is possible from the next millisecond on. `docs/protocol.md` has all calls in one table;
//! each costs the same however many tasks and submissions there are.
//!
//! ### Where the money goes
//!
//! Every held unit leaves by exactly one of: reward, fee, refund, return, forfeit. `outcome.rs` has
//! the table of who is paid by whom in the end, `appeal.rs` that of who pays for an appeal.
//!
//! A slot that would open again in a task that is over is refunded. A native payment that its
//! receiver's account cannot take (it would be below the existential deposit) is forfeited; a reward
//! in another asset that the asset refuses to pay stays held until [`Call::claim`] succeeds. So
//! nothing is ever stuck, and no payment hinders another.
//!
//! ### Terminology
//!
//! - **Slot**: one result wanted, with its reward and one fee per committee member in escrow.
//! - **Bond**: what a contributor has at stake; at least the fees of one committee.
//! - **Anchor**: the block whose hash draws a committee.
//! - **Round**: 0 for the first committee; 1 once absent members are replaced, which happens once.
//! - **Panel**: a committee, or the jury of an appeal.
//! - **Finding**: a verdict and a score. **Outcome**: what a finding comes to.
//! - **Wrap**: a key, sealed to one reader.
//! - **Gold**: a result that the creator planted, knowing what it is worth.
//! - **Counter**: what a creator puts at stake when it overrules a committee.
//! - **Forfeit**: held money that goes to [`Config::OnForfeit`], the treasury.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod access;
mod aliases;
mod appeal;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod calls;
mod case;
mod commitments;
mod committee;
mod config;
mod deposits;
mod draw;
mod errors;
mod escrow;
mod events;
mod fees;
mod jury;
mod merging;
pub mod migrations;
mod outcome;
mod panel;
mod results;
mod seal;
mod settle;
mod slots;
mod tally;
mod tasks;
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
pub use tally::{tally, Rule, Tally};
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
            fungible::{BalancedHold, MutateHold},
            fungibles, OnUnbalanced, Time,
        },
    };
    use frame_system::pallet_prelude::*;
    use pallet_aggregators::Office;
    use pallet_reputation::Reputation;

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// Rewards and fees of a creator's tasks.
        #[codec(index = 0)]
        Escrow,
        /// Bonds of a contributor's submissions.
        #[codec(index = 1)]
        Bond,
        /// What the parties of an appeal have at stake.
        #[codec(index = 2)]
        Appeal,
        /// Deposits for what is stored.
        #[codec(index = 3)]
        Deposit,
    }

    #[pallet::pallet]
    #[pallet::storage_version(migrations::STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// The number of the next task.
    #[pallet::storage]
    pub type NextTaskId<T> = StorageValue<_, TaskId, ValueQuery>;

    /// The tasks.
    #[pallet::storage]
    pub type Tasks<T: Config> = StorageMap<_, Blake2_128Concat, TaskId, TaskOf<T>>;

    /// The submissions of each task.
    #[pallet::storage]
    pub type Submissions<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Twox64Concat, Index, SubmissionOf<T>>;

    /// Of each task, the contributors' submissions that have not ended.
    #[pallet::storage]
    pub type Assignments<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Blake2_128Concat, AccountOf<T>, Index>;

    /// The appeals against outcomes of submissions that have not ended.
    #[pallet::storage]
    pub type Appeals<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Twox64Concat, Index, AppealOf<T>>;

    /// Who may take slots of the tasks that are by invitation, with the deposit of each.
    #[pallet::storage]
    pub type Invitations<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Blake2_128Concat, AccountOf<T>, BalanceOf<T>>;

    /// The key of each task's sealed validation set, for those who judge.
    #[pallet::storage]
    pub type Shares<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, TaskId, Blake2_128Concat, AccountOf<T>, ShareOf<T>>;

    /// Who may publish the models of tasks besides their creators.
    #[pallet::storage]
    pub type Mergers<T: Config> = StorageMap<_, Blake2_128Concat, TaskId, MergerOf<T>>;

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            let (least, most) = (T::MinimumDuration::get(), T::MaximumDuration::get());
            assert!(0 < least && least <= most, "no duration is possible");
            let windows = least..=most;
            assert!(windows.contains(&T::MaximumWindow::get()), "no window is possible");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}
