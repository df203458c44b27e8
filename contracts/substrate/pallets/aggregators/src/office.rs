//! The office: what pallets that draw committees ask and tell.

use crate::{Config, Event, InOffice, Pallet, Profiles};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    sp_runtime::Saturating,
    traits::{ChangeMembers, InitializeMembers},
    BoundedVec,
};
use scale_info::TypeInfo;

/// How an aggregator can break its duty.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    TypeInfo,
    MaxEncodedLen,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
)]
pub enum Misconduct {
    /// It did not attest in time.
    #[codec(index = 0)]
    Absent,
}

/// Those who can be drawn for a committee, and the record of what they do there.
pub trait Office<AccountId> {
    /// The accounts that can be drawn now, in a fixed order. Bounded, so that a draw costs the
    /// same whatever the chain holds.
    fn eligible() -> Vec<AccountId>;

    /// `who` was given a duty.
    fn seat(who: &AccountId);

    /// `who` has done its duty.
    fn relieve(who: &AccountId);

    /// `who` has broken its duty, and has it no longer.
    fn report(who: &AccountId, misconduct: Misconduct);
}

impl<T: Config> Office<T::AccountId> for Pallet<T> {
    fn eligible() -> Vec<T::AccountId> {
        InOffice::<T>::get().into_iter().filter(|who| Profiles::<T>::contains_key(who)).collect()
    }

    fn seat(who: &T::AccountId) {
        Profiles::<T>::mutate_extant(who, |profile| profile.duties.saturating_inc());
    }

    fn relieve(who: &T::AccountId) {
        Profiles::<T>::mutate_extant(who, |profile| profile.duties.saturating_dec());
    }

    fn report(who: &T::AccountId, misconduct: Misconduct) {
        let missed = Profiles::<T>::mutate_extant(who, |profile| {
            profile.duties.saturating_dec();
            profile.missed.saturating_inc();
            profile.missed
        });
        Self::deposit_event(Event::Misconducted { who: who.clone(), misconduct, missed });
    }
}

/// Told by the election whenever a term begins or a member leaves.
impl<T: Config> ChangeMembers<T::AccountId> for Pallet<T> {
    fn change_members_sorted(_: &[T::AccountId], _: &[T::AccountId], new: &[T::AccountId]) {
        let members = BoundedVec::truncate_from(new.to_vec());
        InOffice::<T>::put(&members);
        Self::deposit_event(Event::OfficeChanged { members });
    }
}

/// Told by the election's genesis.
impl<T: Config> InitializeMembers<T::AccountId> for Pallet<T> {
    fn initialize_members(members: &[T::AccountId]) {
        let mut members = members.to_vec();
        members.sort();
        InOffice::<T>::put(BoundedVec::truncate_from(members));
    }
}
