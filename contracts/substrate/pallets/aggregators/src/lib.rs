//! # Aggregators
//!
//! Who may validate results: profiles, bonds and the accounts in office.
//!
//! ## Overview
//!
//! An account *registers* a profile (where its service can be reached, and the X25519 key to which
//! validation sets are sealed) and a bond is held from it. Token holders elect the accounts *in
//! office* with `pallet-elections-phragmen`, which tells this pallet of every change through
//! [`ChangeMembers`](frame_support::traits::ChangeMembers). Committees are drawn from the accounts
//! that are in office **and** have a profile and at least half of the bond; a member that leaves
//! office finishes the work it was drawn for.
//!
//! A member that breaks its duty is slashed a part of the full bond ([`Misconduct::penalty`]), as
//! far as what is left of its own covers it. With less than half of the bond it is not drawn until
//! it has topped the bond up.
//!
//! ### Terminology
//!
//! - **Duty**: a panel that a member sits on and can still be reported for.
//! - **Missed**: how often a member was absent. The first time costs nothing.
//!
//! ## Interface
//!
//! - `register`, `update_profile`, `top_up`, `deregister`: signed by the aggregator.
//! - [`Office`], for pallets that draw committees: who is eligible, who was given a duty, who did
//!   it, and who misbehaved.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
mod office;
#[cfg(test)]
mod tests;
pub mod weights;

pub use office::{Misconduct, Office};
pub use pallet::*;
pub use weights::WeightInfo;

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    traits::{
        fungible::{Credit, Inspect},
        ConstU32,
    },
    BoundedVec,
};
use scale_info::TypeInfo;

/// Where an aggregator can be reached: printable text, such as a URL. May be empty.
pub type Endpoint = BoundedVec<u8, ConstU32<128>>;

/// Money of the pallet's currency.
pub type BalanceOf<T> =
    <<T as Config>::Currency as Inspect<<T as frame_system::Config>::AccountId>>::Balance;

/// Money taken from a bond and not yet given to anybody.
pub type CreditOf<T> = Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

/// What a registered aggregator says of itself, and what the chain remembers of it.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, PartialEq, Eq, Debug,
)]
pub struct Profile<Balance> {
    /// Where its service can be reached.
    pub endpoint: Endpoint,
    /// X25519 public key to which validation sets are sealed.
    pub encryption_key: [u8; 32],
    /// What is held from it.
    pub bond: Balance,
    /// Panels it sits on now.
    pub duties: u32,
    /// How often it was absent.
    pub missed: u32,
}

#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{
        pallet_prelude::*,
        sp_runtime::{traits::Zero, Saturating},
        traits::{
            fungible::{BalancedHold, MutateHold},
            tokens::Precision,
        },
    };
    use frame_system::pallet_prelude::*;

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// Holds the bonds, and slashes them.
        type Currency: MutateHold<Self::AccountId, Reason = Self::RuntimeHoldReason>
            + BalancedHold<Self::AccountId>;

        /// The runtime's hold reasons, this pallet's among them.
        type RuntimeHoldReason: From<HoldReason>;

        /// What is held from a registered aggregator.
        #[pallet::constant]
        type Bond: Get<BalanceOf<Self>>;

        /// The most accounts in office; at least what the election seats.
        #[pallet::constant]
        type MaxMembers: Get<u32>;

        /// Weights of this pallet's calls.
        type WeightInfo: WeightInfo;
    }

    /// Why this pallet holds money.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The bond of a registered aggregator.
        #[codec(index = 0)]
        Bond,
    }

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The registered aggregators.
    #[pallet::storage]
    pub type Profiles<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, Profile<BalanceOf<T>>>;

    /// The accounts in office, in order; kept by the election.
    #[pallet::storage]
    pub type InOffice<T: Config> =
        StorageValue<_, BoundedVec<T::AccountId, T::MaxMembers>, ValueQuery>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account registered as aggregator and `bond` is held from it.
        Registered { who: T::AccountId, bond: BalanceOf<T> },
        /// An aggregator changed its endpoint or encryption key.
        ProfileUpdated { who: T::AccountId },
        /// An aggregator filled its bond up by `amount`.
        ToppedUp { who: T::AccountId, amount: BalanceOf<T> },
        /// An aggregator left and has its bond back.
        Deregistered { who: T::AccountId, bond: BalanceOf<T> },
        /// The election changed who is in office.
        OfficeChanged { members: BoundedVec<T::AccountId, T::MaxMembers> },
        /// An aggregator broke its duty, which cost it `slashed`; it was absent `missed` times.
        Misconducted {
            who: T::AccountId,
            misconduct: Misconduct,
            missed: u32,
            slashed: BalanceOf<T>,
        },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// The account has no profile.
        NotRegistered,
        /// The account has a profile already.
        AlreadyRegistered,
        /// An account in office cannot deregister.
        InOffice,
        /// The account sits on a panel.
        OnDuty,
        /// The endpoint is not printable text.
        InvalidEndpoint,
        /// Nothing is missing from the account's bond.
        BondComplete,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Register as aggregator. Holds [`Config::Bond`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register(
            origin: OriginFor<T>,
            endpoint: Endpoint,
            encryption_key: [u8; 32],
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(is_printable(&endpoint), Error::<T>::InvalidEndpoint);
            ensure!(!Profiles::<T>::contains_key(&who), Error::<T>::AlreadyRegistered);
            let bond = T::Bond::get();
            T::Currency::hold(&HoldReason::Bond.into(), &who, bond)?;
            let profile = Profile { endpoint, encryption_key, bond, duties: 0, missed: 0 };
            Profiles::<T>::insert(&who, profile);
            Self::deposit_event(Event::Registered { who, bond });
            Ok(())
        }

        /// Change the endpoint and the encryption key; the key not while on a panel, since what its
        /// members were handed is held against their keys.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::update_profile())]
        pub fn update_profile(
            origin: OriginFor<T>,
            endpoint: Endpoint,
            encryption_key: [u8; 32],
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            ensure!(is_printable(&endpoint), Error::<T>::InvalidEndpoint);
            Profiles::<T>::try_mutate(&who, |profile| {
                let profile = profile.as_mut().ok_or(Error::<T>::NotRegistered)?;
                let same_key = profile.encryption_key == encryption_key;
                ensure!(same_key || profile.duties == 0, Error::<T>::OnDuty);
                profile.endpoint = endpoint;
                profile.encryption_key = encryption_key;
                Ok::<_, DispatchError>(())
            })?;
            Self::deposit_event(Event::ProfileUpdated { who });
            Ok(())
        }

        /// Leave: the profile is removed and the bond returned. Not while in office, nor while on a
        /// panel.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::deregister())]
        pub fn deregister(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let profile = Profiles::<T>::get(&who).ok_or(Error::<T>::NotRegistered)?;
            ensure!(!Self::is_in_office(&who), Error::<T>::InOffice);
            ensure!(profile.duties == 0, Error::<T>::OnDuty);
            let reason = HoldReason::Bond.into();
            T::Currency::release(&reason, &who, profile.bond, Precision::Exact)?;
            Profiles::<T>::remove(&who);
            Self::deposit_event(Event::Deregistered { who, bond: profile.bond });
            Ok(())
        }

        /// Fill the bond up to [`Config::Bond`], after it was slashed.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::top_up())]
        pub fn top_up(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let amount = Profiles::<T>::try_mutate(&who, |profile| {
                let profile = profile.as_mut().ok_or(Error::<T>::NotRegistered)?;
                let amount = T::Bond::get().saturating_sub(profile.bond);
                ensure!(!amount.is_zero(), Error::<T>::BondComplete);
                T::Currency::hold(&HoldReason::Bond.into(), &who, amount)?;
                profile.bond.saturating_accrue(amount);
                Ok::<_, DispatchError>(amount)
            })?;
            Self::deposit_event(Event::ToppedUp { who, amount });
            Ok(())
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(
            _: BlockNumberFor<T>,
        ) -> Result<(), frame_support::sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    impl<T: Config> Pallet<T> {
        /// Every profile's bond is held, and those in office are in order.
        #[cfg(any(test, feature = "try-runtime"))]
        pub fn do_try_state() -> Result<(), frame_support::sp_runtime::TryRuntimeError> {
            use frame_support::traits::fungible::hold::Inspect as _;
            for (who, profile) in Profiles::<T>::iter() {
                let held = T::Currency::balance_on_hold(&HoldReason::Bond.into(), &who);
                ensure!(held == profile.bond, "an aggregator's hold is not its bond");
            }
            let members = InOffice::<T>::get();
            ensure!(members.is_sorted(), "the accounts in office are out of order");
            Ok(())
        }
    }
}

/// Whether `text` is UTF-8 without control characters.
fn is_printable(text: &[u8]) -> bool {
    core::str::from_utf8(text).is_ok_and(|text| !text.chars().any(char::is_control))
}
