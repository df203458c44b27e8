//! The stored types with a runtime's accounts, money and blocks.

use crate::{Config, LeftOut, Merged, Node, Round, Seat, Stage, Swarm, Terms};
use frame_support::traits::fungible::Inspect;
use frame_system::pallet_prelude::BlockNumberFor;

/// The account type of the runtime.
pub type AccountOf<T> = <T as frame_system::Config>::AccountId;
/// Money of the pallet's currency.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<AccountOf<T>>>::Balance;
/// A swarm's terms, with the runtime's types.
pub type TermsOf<T> = Terms<BalanceOf<T>>;
/// A swarm, with the runtime's types.
pub type SwarmOf<T> = Swarm<AccountOf<T>, BalanceOf<T>>;
/// A published model, with the runtime's types.
pub type MergedOf<T> = Merged<AccountOf<T>>;
/// A seat, with the runtime's types.
pub type SeatOf<T> = Seat<AccountOf<T>, BalanceOf<T>>;
/// A node, with the runtime's types.
pub type NodeOf<T> = Node<BalanceOf<T>>;
/// A round, with the runtime's types.
pub type RoundOf<T> = Round<AccountOf<T>, BlockNumberFor<T>>;
/// Where a round stands, with the runtime's types.
pub type StageOf<T> = Stage<AccountOf<T>, BlockNumberFor<T>>;
/// Arrivals that were left out, with the runtime's accounts.
pub type LeftOutOf<T> = LeftOut<AccountOf<T>>;
