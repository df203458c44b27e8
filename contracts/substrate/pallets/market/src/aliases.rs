//! The stored types with a runtime's accounts, money and blocks.

use crate::{Appeal, Config, Gold, Merger, Parties, Share, Submission, Task, Terms, Wraps};
use frame_support::traits::fungible::{Credit, Inspect};
use frame_system::pallet_prelude::BlockNumberFor;

/// The account type of the runtime.
pub type AccountOf<T> = <T as frame_system::Config>::AccountId;
/// Money of the pallet's currency.
pub type BalanceOf<T> = <<T as Config>::Currency as Inspect<AccountOf<T>>>::Balance;
/// Money taken from an account and not yet given to another.
pub type CreditOf<T> = Credit<AccountOf<T>, <T as Config>::Currency>;
/// A task's terms, with the runtime's types.
pub type TermsOf<T> = Terms<BalanceOf<T>>;
/// A task, with the runtime's types.
pub type TaskOf<T> = Task<AccountOf<T>, BalanceOf<T>>;
/// A submission, with the runtime's types.
pub type SubmissionOf<T> = Submission<AccountOf<T>, BalanceOf<T>, BlockNumberFor<T>>;
/// An appeal, with the runtime's types.
pub type AppealOf<T> = Appeal<AccountOf<T>, BalanceOf<T>>;
/// A planted result, with the runtime's types.
pub type GoldOf<T> = Gold<AccountOf<T>>;
/// A share of a validation set's key, with the runtime's types.
pub type ShareOf<T> = Share<AccountOf<T>, BalanceOf<T>>;
/// Who merges a task's results, with the runtime's types.
pub type MergerOf<T> = Merger<AccountOf<T>, BalanceOf<T>>;
/// Wrapped keys, with the runtime's accounts.
pub type WrapsOf<T> = Wraps<AccountOf<T>>;
/// Accounts that a call is about.
pub type PartiesOf<T> = Parties<AccountOf<T>>;
