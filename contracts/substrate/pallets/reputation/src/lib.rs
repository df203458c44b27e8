//! # Reputation
//!
//! What accounts did, by role, as a record of constant size that fades.
//!
//! ## Overview
//!
//! Other pallets *note* deeds through the trait [`Reputation`]; nobody has a call. There is one
//! [`Record`] for each account and role, with four counts and the money earned, however long an
//! account's history is (the events have that). Counts fade to their half in [`Config::HalfLife`];
//! what was earned does not. The *standing* of an account is the part of its deeds that was good,
//! in parts per million, the bad ones weighed by how bad they are ([`Record::standing`]).

#![cfg_attr(not(feature = "std"), no_std)]

mod api;
#[cfg(test)]
mod mock;
mod record;
#[cfg(test)]
mod tests;

pub use api::*;
pub use pallet::*;
pub use record::{Deed, Millis, Record, Role, DEED, NEUTRAL};

/// Where pallets note what accounts did, and ask how they stand.
pub trait Reputation<AccountId, Balance> {
    /// `who` did this as `role`, now.
    fn note(who: &AccountId, role: Role, deed: Deed);

    /// `who` earned native money as `role`; a creator's are the rewards that it paid.
    fn earned(who: &AccountId, role: Role, amount: Balance);

    /// How much of what `who` did as `role` was good, in parts per million.
    fn standing(who: &AccountId, role: Role) -> u32;
}

/// Remembers nothing.
impl<AccountId, Balance> Reputation<AccountId, Balance> for () {
    fn note(_: &AccountId, _: Role, _: Deed) {}

    fn earned(_: &AccountId, _: Role, _: Balance) {}

    fn standing(_: &AccountId, _: Role) -> u32 {
        NEUTRAL
    }
}

#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{pallet_prelude::*, traits::Time};
    use frame_system::pallet_prelude::*;
    use sp_runtime::{
        traits::{AtLeast32BitUnsigned, Zero},
        Saturating,
    };

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Native money.
        type Balance: Parameter + Member + AtLeast32BitUnsigned + Default + Copy + MaxEncodedLen;

        /// Unix milliseconds.
        type Time: Time<Moment = Millis>;

        /// Milliseconds in which counts fade to their half.
        #[pallet::constant]
        type HalfLife: Get<Millis>;
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What each account did in each role. Its counts are those of the beginning of a half-life:
    /// see [`Record`].
    #[pallet::storage]
    pub type Records<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Twox64Concat,
        Role,
        Record<T::Balance>,
        ValueQuery,
    >;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account did something as `role`.
        Noted { who: T::AccountId, role: Role, deed: Deed },
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::HalfLife::get() > 0, "counts would be gone at once");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    impl<T: Config> Pallet<T> {
        /// The record of `who` as `role`, with its counts as they are now.
        pub fn record(who: &T::AccountId, role: Role) -> Record<T::Balance> {
            Records::<T>::get(who, role).at(T::Time::now(), T::HalfLife::get())
        }

        /// No record is of the future, or empty.
        #[cfg(any(test, feature = "try-runtime"))]
        pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
            let now = T::Time::now();
            for (_, _, record) in Records::<T>::iter() {
                ensure!(record.updated_at <= now, "a record is of the future");
                ensure!(record != Record::default(), "a record is empty");
            }
            Ok(())
        }
    }

    impl<T: Config> Reputation<T::AccountId, T::Balance> for Pallet<T> {
        fn note(who: &T::AccountId, role: Role, deed: Deed) {
            let (now, half_life) = (T::Time::now(), T::HalfLife::get());
            Records::<T>::mutate(who, role, |record| record.note(deed, now, half_life));
            Self::deposit_event(Event::Noted { who: who.clone(), role, deed });
        }

        fn earned(who: &T::AccountId, role: Role, amount: T::Balance) {
            if amount.is_zero() {
                return;
            }
            let (now, half_life) = (T::Time::now(), T::HalfLife::get());
            Records::<T>::mutate(who, role, |record| {
                record.move_to(now, half_life);
                record.earned.saturating_accrue(amount);
            });
        }

        fn standing(who: &T::AccountId, role: Role) -> u32 {
            Self::record(who, role).standing()
        }
    }
}
